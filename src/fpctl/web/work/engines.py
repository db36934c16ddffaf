"""The engine that the settings name, opened for one piece of work."""

from __future__ import annotations

from datetime import datetime

from fpctl.engine.interface import Capabilities, Engine
from fpctl.engine.options import EngineOptions
from fpctl.engine.registry import describe, open_engine
from fpctl.repository.model import Repository
from fpctl.web.config import ConsoleConfig


def opened(config: ConsoleConfig, repository: Repository, now: datetime) -> Engine:
    """Return the engine, ready to run queries; close it.

    Raises:
        FpctlError: a setting that it needs is missing or wrong.
    """
    settings = config.settings
    options = EngineOptions(data=config.data, now=now, tables=repository.tables)
    return open_engine(settings.engine.default, settings, options)


def capabilities(config: ConsoleConfig) -> Capabilities:
    """Return what the engine of the settings can do."""
    return describe(config.settings.engine.default).capabilities
