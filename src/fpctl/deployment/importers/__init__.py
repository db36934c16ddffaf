"""What keeps rules that can be imported, a module each. To add one: a module here that is an `Importer`."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from fpctl.deployment.artifacts.rule_artifact import Target
    from fpctl.deployment.imported_rules import ImportedRules
    from fpctl.deployment.target import DeployedResource


class ImporterDescription(NamedTuple):
    """What an importer is, for the help.

    Attributes:
        help: what is imported and what is left out, as the help text of its command.
        files: which files it reads.
        service: what it reads from where no file is given; None where it reads files only.
    """

    help: str
    files: str
    service: Target | None = None


class Importer(Protocol):
    """A module of this package. Its name is that of the command, `fpctl import NAME`."""

    DESCRIPTION: ImporterDescription

    def read_files(self, exports: Iterable[tuple[str, str]]) -> ImportedRules:
        """Return the rules of files.

        Args:
            exports: (path as shown in messages, text).
        """
        ...

    def read_service(self, place: str, deployed: Sequence[DeployedResource]) -> ImportedRules:
        """Return the rules of a service; only called where the description names one.

        Args:
            place: the service's name, for messages.
            deployed: what it has.
        """
        ...


@cache
def importer_names() -> tuple[str, ...]:
    """Return the names of the importers, sorted. None of them is imported."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__)))


def importer_of(name: str) -> Importer:
    """Return an importer by its name, one of `importer_names()`."""
    return cast(Importer, import_module(f"{__name__}.{name}"))
