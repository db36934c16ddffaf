"""What the engine `defender` is and can do."""

from __future__ import annotations

from fpctl.engine.interface import Capabilities, EngineDescription

ENDPOINT = "https://graph.microsoft.com"
CALLS_A_MINUTE = 45
"""https://learn.microsoft.com/graph/api/resources/security-api-overview"""
DESCRIPTION = EngineDescription(
    "defender",
    "Microsoft Defender XDR advanced hunting",
    Capabilities(
        remote=True,
        local_time=True,
        free_queries=False,
        calls_a_minute=CALLS_A_MINUTE,
        deploys="defender",
    ),
)
