"""What the engine `kusto` is and can do."""

from __future__ import annotations

from fpctl.engine.interface import Capabilities, EngineDescription

DESCRIPTION = EngineDescription(
    "kusto",
    "Azure Data Explorer",
    Capabilities(
        remote=True,
        local_time=True,
        free_queries=False,
    ),
)
