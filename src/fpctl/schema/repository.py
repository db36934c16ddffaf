"""What a rule repository says about its own tables and saved functions.

Read from these files:

    schema/*.yaml        {TableName: {Column: type}}
    functions/*.kql      a saved function: the name is the file's, the text its body, with or without
                         `let name = (parameters) { ... };` around it
    functions/*.yaml     the same in Sentinel's form, FunctionName and FunctionQuery, or with
                         `columns: {Column: type}` instead of a query where only its result matters
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.errors import FpctlError, Location, Problem
from fpctl.files import read_text

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node, ScalarNode

KUSTO_TYPES: Mapping[str, str] = {
    "bool": "bool", "boolean": "bool", "date": "datetime", "datetime": "datetime", "decimal": "decimal",
    "double": "real", "dynamic": "dynamic", "guid": "guid", "int": "int", "int64": "long", "integer": "int",
    "long": "long", "real": "real", "string": "string", "time": "timespan", "timespan": "timespan", "uniqueid": "guid",
    "uuid": "guid",
}  # fmt: skip
"""Every spelling of a scalar type that KQL or Log Analytics uses -> the type's name."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_ALIASES = 100


@dataclass(frozen=True, slots=True)
class RepositorySchema:
    """What a repository declares. A file with a problem declares nothing; the others count.

    `functions` are result columns, or KQL text. All mappings are in the order of the names.
    """

    tables: Mapping[str, Mapping[str, str]]
    functions: Mapping[str, Mapping[str, str] | str]
    problems: tuple[Problem, ...]


def load_repository(root: Path) -> RepositorySchema:
    """Read `schema/` and `functions/` below a folder; neither needs to exist. Every problem is collected."""
    reader = _Reader()
    for path in _files(root / "schema", (".yaml", ".yml")):
        reader.file(path, reader.schema)
    for path in _files(root / "functions", (".yaml", ".yml")):
        reader.file(path, reader.function)
    for path in _files(root / "functions", (".kql", ".csl", ".kusto")):
        reader.file(path, reader.text)
    return RepositorySchema(
        dict(sorted(reader.tables.items())),
        dict(sorted(reader.functions.items())),
        tuple(sorted(reader.problems, key=lambda p: (p.at.path or "", p.at.line or 0, p.at.column or 0, p.code))),
    )


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in suffixes)


class _Broken(Exception):
    """A file that cannot be used; its problem is already noted."""


class _Reader:
    def __init__(self) -> None:
        self.tables: dict[str, Mapping[str, str]] = {}
        self.functions: dict[str, Mapping[str, str] | str] = {}
        self.problems: list[Problem] = []
        self._places: dict[tuple[str, str], Location] = {}

    def file(self, path: Path, take: Callable[[Path], None]) -> None:
        """Read a file with one of the methods below; a file with a problem adds nothing."""
        before = (dict(self.tables), dict(self.functions), len(self.problems))
        try:
            take(path)
        except FpctlError as error:
            self._problem("unreadable", error.message, error.at or Location(str(path)), error.hint)
        except _Broken:
            pass
        if len(self.problems) > before[2]:
            self.tables, self.functions = before[0], before[1]

    def schema(self, path: Path) -> None:
        """Read tables."""
        for key, value in self._entries(self._compose(path), path, "tables: {TableName: {Column: type}}"):
            self._claim("table", key.value, _at(path, key))
            self.tables[key.value] = self._columns(value, path)

    def function(self, path: Path) -> None:
        """Read a function in Sentinel's YAML."""
        shape = "a function: FunctionName and FunctionQuery"
        entries = {key.value: value for key, value in self._entries(self._compose(path), path, shape)}
        name = self._scalar(entries, "FunctionName", path) or self._scalar(entries, "FunctionAlias", path) or path.stem
        columns = entries.get("columns")
        if columns is not None:
            result: Mapping[str, str] | str = self._columns(columns, path)
        else:
            text = self._scalar(entries, "FunctionQuery", path)
            if not text or not text.strip():
                self._problem(
                    "no-function-query", "the function has neither FunctionQuery nor columns", Location(str(path)),
                    "add `FunctionQuery: |` with its KQL, or `columns: {Column: type}` with what it returns",
                )  # fmt: skip
                raise _Broken
            result = text
        self._claim("function", name, Location(str(path)))
        self.functions[name] = result

    def text(self, path: Path) -> None:
        """Read a function from a KQL file."""
        text = read_text(path).removeprefix("\ufeff")
        if not text.strip():
            self._problem(
                "no-function-query",
                "the file is empty",
                Location(str(path)),
                "write the function's KQL, or remove the file",
            )
            raise _Broken
        if not _NAME.fullmatch(path.stem):
            self._problem(
                "function-name", f"{path.stem!r} cannot be the name of a function", Location(str(path)),
                "name the file after the function: letters, digits and _",
            )  # fmt: skip
            raise _Broken
        self._claim("function", path.stem, Location(str(path)))
        self.functions[path.stem] = text

    def _columns(self, node: Node, path: Path) -> Mapping[str, str]:
        columns: dict[str, str] = {}
        before = len(self.problems)
        for key, value in self._entries(node, path, "columns: {Column: type}"):
            kind = KUSTO_TYPES.get(str(value.value).lower()) if value.id == "scalar" else None
            if kind is None:
                shown = value.value if value.id == "scalar" else f"a {value.id}"
                self._problem(
                    "unknown-type", f"{key.value}: {shown} is not a Kusto type", _at(path, value),
                    "one of " + ", ".join(sorted(set(KUSTO_TYPES.values()))),
                )  # fmt: skip
            elif key.value in columns:
                self._problem("duplicate-column", f"the column {key.value} is declared twice", _at(path, key))
            else:
                columns[key.value] = kind
        if not columns and len(self.problems) == before:
            self._problem("no-columns", "no columns are declared", _at(path, node), "write {Column: type, ...}")
        return columns

    def _compose(self, path: Path) -> Node:
        import yaml

        text = read_text(path)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            aliases = sum(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, loader))
            node: Node | None = yaml.compose(text, loader) if aliases <= MAX_ALIASES else None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Location(str(path), mark.line + 1, mark.column + 1) if mark else Location(str(path))
            self._problem("invalid-yaml", f"the file is not YAML: {error.problem or error.context}", place)
            raise _Broken from error
        except (yaml.YAMLError, RecursionError) as error:
            self._problem("invalid-yaml", "the file is not YAML", Location(str(path)), "save it as UTF-8 text")
            raise _Broken from error
        if aliases > MAX_ALIASES:
            self._problem(
                "invalid-yaml",
                f"the file uses {aliases:,} YAML aliases; at most {MAX_ALIASES} are read",
                Location(str(path)),
            )
            raise _Broken
        if node is None:
            self._problem("empty-file", "the file is empty", Location(str(path)), "remove it, or declare something")
            raise _Broken
        return node

    def _entries(self, node: Node, path: Path, shape: str) -> Iterator[tuple[ScalarNode, Node]]:
        if node.id != "mapping":
            self._problem("not-a-mapping", "a mapping is needed here", _at(path, node), shape)
            raise _Broken
        mapping: MappingNode = node  # type: ignore[assignment]
        for key, value in mapping.value:
            if key.id != "scalar" or not key.value:
                self._problem("not-a-name", "a name is needed here", _at(path, key), shape)
            else:
                yield key, value

    def _scalar(self, entries: Mapping[str, Node], key: str, path: Path) -> str | None:
        node = entries.get(key)
        if node is None:
            return None
        if node.id != "scalar":
            self._problem("not-a-text", f"{key} must be a text", _at(path, node))
            raise _Broken
        return str(node.value)

    def _claim(self, kind: str, name: str, at: Location) -> None:
        first = self._places.setdefault((kind, name), at)
        if first is not at:
            self._problem(
                f"duplicate-{kind}", f"the {kind} {name} is declared twice", at, f"the other place is {first}"
            )

    def _problem(self, code: str, message: str, at: Location, hint: str | None = None) -> None:
        self.problems.append(Problem(code, message, at, hint))


def _at(path: Path, node: Node) -> Location:
    return Location(str(path), node.start_mark.line + 1, node.start_mark.column + 1)
