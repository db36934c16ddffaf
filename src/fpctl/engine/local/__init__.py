"""The `local` engine: KQL on files of this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fpctl.engine.local.description import DESCRIPTION
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.engine.interface import Engine
    from fpctl.engine.options import EngineOptions
    from fpctl.settings import Settings

__all__ = ["DESCRIPTION", "endpoint", "open_engine"]

LONGEST = 600.0
"""Seconds that a query may run unless the settings say otherwise: as long as the services let one run."""


def endpoint(settings: Settings) -> str | None:
    """Return None: nothing is asked over the network."""
    return None


def open_engine(settings: Settings, options: EngineOptions) -> Engine:
    """Return the engine on the data folder of the options or settings. Raises FpctlError."""
    from fpctl.engine.local.attached import AttachedFiles
    from fpctl.engine.local.engine import LocalEngine

    root = settings.paths.root
    folder = options.data or settings.paths.data
    if folder is None:
        raise FpctlError(
            "the local engine needs a folder of data",
            None,
            "give --data FOLDER, or set `data` in [paths] of fpctl.toml",
        )
    own = settings.engine.local
    return LocalEngine(
        folder,
        now=options.now or datetime.now(UTC),
        tables=options.tables,
        threads=options.threads or own.threads,
        memory=options.memory or own.memory,
        timeout=options.timeout or own.timeout or LONGEST,
        attached=AttachedFiles(
            {address: root / path for address, path in own.external.items()},
            {alias: root / path for alias, path in own.watchlists.items()},
            root / own.geo if own.geo else None,
        ),
    )
