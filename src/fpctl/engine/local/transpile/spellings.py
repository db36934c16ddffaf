"""Names that differ only in case: two columns in KQL, one in DuckDB.

All spellings but one get a suffix in the lowered text and in the tables the query sees; results and
messages show the user's spelling again. A misspelled column so stays the unknown column that it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fpctl.engine.local.transpile.draft import Edit
from fpctl.kql import tree
from fpctl.kql.binder.environment import Environment

_SUFFIX = "__spelled"


def clashes(query: tree.Query, environment: Environment) -> dict[str, str]:
    """Return the names to write otherwise: lowered spelling -> the user's. Columns of tables keep theirs first."""
    spelled: dict[str, list[str]] = {}
    for name in (*_known_names(environment), *_written(query)):
        known = spelled.setdefault(name.casefold(), [])
        if name not in known:
            known.append(name)
    return {
        f"{name}{_SUFFIX}{position}": name
        for names in spelled.values()
        for position, name in enumerate(names)
        if position
    }


def edits(query: tree.Query, renamed: Mapping[str, str]) -> Iterator[Edit]:
    """Yield the edits that write each renamed name in its lowered spelling."""
    if not renamed:
        return
    lowered = {users: name for name, users in renamed.items()}
    for start, name in _places(query):
        if name in lowered:
            yield Edit(start, start + len(name), lowered[name])


def renamed_environment(environment: Environment, renamed: Mapping[str, str]) -> Environment:
    """Return the tables with the lowered spellings of their columns."""
    return _Renamed(environment, {users: name for name, users in renamed.items()}) if renamed else environment


@dataclass(frozen=True, slots=True)
class _Renamed:
    inner: Environment
    lowered: Mapping[str, str]

    def table(self, name: str) -> Mapping[str, str] | None:
        columns = self.inner.table(name)
        return None if columns is None else {self.lowered.get(key, key): kind for key, kind in columns.items()}

    def tables(self) -> Iterable[str]:
        return self.inner.tables()

    def function(self, name: str) -> Mapping[str, str] | str | None:
        return self.inner.function(name)


def _known_names(environment: Environment) -> Iterator[str]:
    yield from environment.tables()
    for table in environment.tables():
        yield from environment.table(table) or ()


def _written(query: tree.Query) -> Iterator[str]:
    for _, name in _places(query):
        yield name


def _places(query: tree.Query) -> Iterator[tuple[int, str]]:
    """Yield where names stand that may be columns: no functions, members of dynamic values, or parameters' values."""
    lets = {node.name.value for node in tree.walk(query) if isinstance(node, tree.Let)}
    not_columns: set[int] = set()
    for node in tree.walk(query):
        if isinstance(node, tree.Call) and node.name.value not in lets:
            not_columns.add(id(node.name))
        elif isinstance(node, tree.Path) and not _is_side(node.base):
            not_columns.add(id(node.member))
        elif isinstance(node, tree.Parameter) and isinstance(node.value, tree.Name) and node.name != "withsource":
            not_columns.add(id(node.value))
        elif isinstance(node, tree.Name | tree.Capture | tree.ColumnDecl) and id(node) not in not_columns:
            name = node.value if isinstance(node, tree.Name) else node.name
            if query.text.startswith(name, node.start):
                yield node.start, name


def _is_side(node: tree.Expr) -> bool:
    return isinstance(node, tree.Name) and node.value in {"$left", "$right"}
