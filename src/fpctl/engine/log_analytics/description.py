"""What the engine `log-analytics` is and can do."""

from __future__ import annotations

from fpctl.engine.interface import Capabilities, EngineDescription

ENDPOINT = "https://api.loganalytics.io"
DESCRIPTION = EngineDescription(
    "log-analytics",
    "Log Analytics",
    Capabilities(
        remote=True,
        local_time=True,
        free_queries=False,
        deploys="sentinel",
    ),
)
