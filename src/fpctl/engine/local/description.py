"""What the engine `local` is and can do."""

from __future__ import annotations

from fpctl.engine.interface import Capabilities, EngineDescription

DESCRIPTION = EngineDescription(
    "local",
    "files of this machine",
    Capabilities(
        remote=False,
        local_time=False,  # DuckDB has no KQL function for local times
        free_queries=True,
    ),
)
