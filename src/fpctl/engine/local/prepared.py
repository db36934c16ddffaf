"""A query made ready: parsed, compiled over the folder's tables, with refusals as the engine's errors."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from fpctl.engine.interface import EngineError
from fpctl.engine.local.errors import at_offset
from fpctl.errors import KqlSyntaxError

if TYPE_CHECKING:
    from fpctl.compiler import CompiledQuery, Refusal
    from fpctl.compiler.context import Reading
    from fpctl.compiler.sql import Table
    from fpctl.compiler.values.value import Held
    from fpctl.engine.local.views import TableView

_NOT_SUPPORTED = " is not supported by the local engine"
_RUN_ELSEWHERE = "run the rule on log-analytics, defender or kusto"


@dataclass(frozen=True, slots=True)
class FolderTable:
    """A table of the folder as the compiler reads it."""

    source: Table
    columns: Mapping[str, Held]
    time_column: str | None


class Attached(Protocol):
    """Gives the rows of files that are not tables."""

    def watchlist(self, alias: str) -> FolderTable | None:
        """Return a watchlist that is a text file, None where there is none."""

    def external(self, address: str, reading: Reading) -> FolderTable | None:
        """Return what stands for an address of `externaldata`, None where nothing does."""

    def locates_addresses(self) -> bool:
        """Return whether there is a database of addresses; its function is made."""


class Folder:
    """The folder's tables, for the binder and for the compiler; a table's files are looked at when it is named.

    Args:
        names: all tables.
        view: gives the view of a table, made visible to queries.
        rows: runs SQL over them, for what only the data shows.
        newest: returns the latest time of a table's time column in ticks, None where a row has none.
        attached: gives what rules read from elsewhere.
    """

    def __init__(
        self,
        names: Iterable[str],
        view: Callable[[str], TableView],
        rows: Callable[[str, Mapping[str, tuple[str, ...]]], list[tuple[Any, ...]]],
        newest: Callable[[TableView], int | None],
        attached: Attached,
    ) -> None:
        self._names = list(names)
        self._known = frozenset(self._names)
        self._view = view
        self._rows = rows
        self._newest = newest
        self._attached = attached
        self._made: dict[str, FolderTable] = {}
        self.views: dict[str, TableView] = {}

    # ------------------------------------------------------------------ what the binder asks

    def table(self, name: str) -> Mapping[str, str] | None:
        """Return a table's columns with their Kusto types, or None."""
        return self._shown(name).columns if name in self._known else None

    def tables(self) -> Iterable[str]:
        """Return the names of all tables."""
        return self._names

    def function(self, name: str) -> None:
        """Return None: a folder has no stored functions."""
        return None

    # ------------------------------------------------------------------ what the compiler asks

    def stored(self, name: str) -> FolderTable | None:
        """Return a table, None where the folder has none of that name."""
        from fpctl.compiler.sql import Table
        from fpctl.compiler.values.value import Held

        if name not in self._known:
            return None
        found = self._made.get(name)
        if found is None:
            view = self._shown(name)
            columns = {
                column: Held(
                    column,
                    kind,
                    view.held_as.get(column, column),
                    kind == "datetime" and column not in view.in_ticks,
                    partial(self._newest, view) if column == view.time_column else None,
                )
                for column, kind in view.columns.items()
            }
            found = self._made[name] = FolderTable(Table(name, "main"), columns, view.time_column)
        return found

    def watchlist(self, alias: str) -> FolderTable | None:
        """Return a watchlist: the file that the settings name, else the file of its name."""
        return self._attached.watchlist(alias) or self.stored(alias)

    def external(self, address: str, reading: Reading) -> FolderTable | None:
        """Return the file that stands for an address, None where there is none; nothing is read from the web."""
        return self._attached.external(address, reading)

    def locates_addresses(self) -> bool:
        """Return whether the settings name a database of addresses."""
        return self._attached.locates_addresses()

    def rows(self, sql: str, lists: Mapping[str, tuple[str, ...]]) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the folder's tables."""
        return self._rows(sql, lists)

    def _shown(self, name: str) -> TableView:
        view = self.views.get(name)
        if view is None:
            view = self.views[name] = self._view(name)
        return view


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A query ready to run, and the views of the tables that it reads."""

    text: str
    compiled: CompiledQuery
    views: Mapping[str, TableView]

    def words_of(self, names: Iterable[str]) -> list[str]:
        """Return which names are words of the text, sorted."""
        # A tuned query can be a megabyte of values: most names are ruled out without taking it apart.
        return sorted(name for name in names if name in self.text and re.search(rf"\b{re.escape(name)}\b", self.text))


_LONG = 100_000
"""Characters of a query from which on Python's collector costs as much as reading and compiling it."""


@contextmanager
def no_collection_during(text: str) -> Iterator[None]:
    """Let the garbage collector rest while a long query is read and compiled: it makes many objects, and no cycles."""
    if len(text) < _LONG or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


UnknownTable = Callable[[str, int | None, str | None], EngineError]


def prepared(text: str, folder: Folder, now: datetime, unknown_table: UnknownTable) -> Prepared:
    """Return a query compiled over a folder's tables.

    Args:
        text: the user's query.
        folder: the tables.
        now: what `now()` is, aware.
        unknown_table: makes the error of a table that the folder lacks, from its name, place and text.

    Raises:
        EngineError: `syntax`, the text is not KQL; else what cannot be run exactly, at its place.
    """
    from fpctl.compiler import Refusal, compile_query
    from fpctl.kql.parser import parse

    try:
        with no_collection_during(text):
            compiled = compile_query(parse(text), folder, folder, now.replace(tzinfo=None))
    except KqlSyntaxError as error:
        raise EngineError(
            error.message, code="syntax", hint=error.hint, offset=error.offset, at=error.at, caret=error.caret
        ) from error
    except Refusal as refusal:
        if refusal.code == "unknown-table" and refusal.name is not None:
            raise unknown_table(refusal.name, refusal.offset, text) from refusal
        raise refused(refusal, text) from refusal
    views = {name: folder.views[name] for name in sorted(compiled.tables)}
    return Prepared(text, compiled, views)


def refused(refusal: Refusal, text: str) -> EngineError:
    """Return a refusal of the compiler as the engine's error."""
    offset: int | None = refusal.offset
    message = refusal.message
    hint = refusal.hint
    if refusal.code == "unsupported":
        lacking = message.removesuffix(_NOT_SUPPORTED)
        message = f"the local engine cannot run {lacking if lacking != message else f'this: {message}'}"
        hint = hint or _RUN_ELSEWHERE
    return EngineError(message, code=refusal.code, hint=hint, offset=offset, **at_offset(text, offset))
