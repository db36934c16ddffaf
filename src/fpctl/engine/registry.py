"""The engines by name. Each is a package of this folder that declares what it is, what it can do and how to open it.

To add one: a package here with `DESCRIPTION`, `endpoint` and `open_engine`, and its table in `fpctl.settings`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

import fpctl.engine
from fpctl.engine.interface import Engine, EngineDescription
from fpctl.engine.options import EngineOptions
from fpctl.errors import FpctlError
from fpctl.spelling import did_you_mean

if TYPE_CHECKING:
    from fpctl.settings import Settings

_SHARED = "remote"
"""The one package that is not an engine: what those of the services have in common."""


class EnginePackage(Protocol):
    """What a package of an engine has. Importing it imports no client."""

    DESCRIPTION: EngineDescription

    def endpoint(self, settings: Settings) -> str | None:
        """Return the address of the engine's service; None if it has none, or none is set."""
        ...

    def open_engine(self, settings: Settings, options: EngineOptions) -> Engine:
        """Return an engine that is ready to run queries. Raises FpctlError."""
        ...


@cache
def engine_names() -> tuple[str, ...]:
    """Return the names of the engines, sorted."""
    found = pkgutil.iter_modules(fpctl.engine.__path__)
    return tuple(sorted(one.name.replace("_", "-") for one in found if one.ispkg and one.name != _SHARED))


def engine_package(name: str) -> EnginePackage:
    """Return the package of an engine. Raises FpctlError if there is no engine of this name."""
    if name not in engine_names():
        raise FpctlError(f"there is no engine {name!r}", None, did_you_mean(name, engine_names(), what="engine"))
    return cast(EnginePackage, import_module(f"fpctl.engine.{name.replace('-', '_')}"))


def describe(name: str) -> EngineDescription:
    """Return what an engine is and can do. Raises FpctlError if there is no engine of this name."""
    return engine_package(name).DESCRIPTION


def open_engine(
    name: str, settings: Settings | Mapping[str, Any] | None = None, options: EngineOptions | None = None
) -> Engine:
    """Return an engine that is ready to run queries. Only the packages of the chosen one are imported.

    Args:
        name: one of `engine_names()`.
        settings: the effective settings, or the same as a mapping with the keys of fpctl.toml.
        options: what overrides them.

    Raises:
        FpctlError: there is no such engine, or a setting that it needs is missing or wrong.
    """
    return engine_package(name).open_engine(_settings(settings), options or EngineOptions())


def _settings(given: Settings | Mapping[str, Any] | None) -> Settings:
    from pydantic import ValidationError

    from fpctl.settings import Settings

    if isinstance(given, Settings):
        return given
    try:
        return Settings.model_validate(dict(given or {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise FpctlError(f"the setting {place}: {first['msg'].lower()}") from None
