"""What the engine `kusto` is and can do."""

from __future__ import annotations

from fpctl.engine.interface import Capabilities, EngineDescription

DESCRIPTION = EngineDescription(
    "kusto",
    "Azure Data Explorer",
    Capabilities(
        remote=True,
        time_in_request=False,
        local_time=True,
        stored_columns_only=True,
        saved_functions=False,
        concurrent=True,
        free_queries=False,
    ),
)
