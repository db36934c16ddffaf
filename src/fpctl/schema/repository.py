"""What a rule repository says about its own tables and saved functions.

Read from these files:

schema/*.yaml        {TableName: {Column: type}}
functions/*.kql      a saved function named after its file: its body, or `(parameters) { body }`, or
                     `let name = (parameters) { body };`
functions/*.yaml     the same in Sentinel's form: FunctionName, FunctionQuery (the body) and
                     FunctionParameters or ParserParams ({Name, Type, Default}); or `columns:
                     {Column: type}` instead of a query, where only its result matters
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.errors import FpctlError, KqlSyntaxError, Location, Problem
from fpctl.files import read_text
from fpctl.kql.literals import string_literal
from fpctl.kql.parser import parse
from fpctl.kql.tree import Function, Let

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
            result = self._function(path, text, self._parameters(entries, path))
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
        self.functions[path.stem] = self._function(path, text, None)

    def _parameters(self, entries: Mapping[str, Node], path: Path) -> str | None:
        """Return the parameters of a function in Sentinel's YAML as KQL, None where it declares none."""
        node = entries.get("FunctionParameters") or entries.get("ParserParams")
        if node is None or (_kind(node) == "scalar" and not node.value):
            return None
        if _kind(node) == "scalar":
            return f"({node.value})"
        if _kind(node) != "sequence":
            self._problem(
                "not-a-list", "a list of parameters is needed here", _at(path, node), "- {Name: x, Type: string}"
            )
            raise _Broken
        declared = []
        for item in node.value:
            parts = {key.value: value.value for key, value in self._entries(item, path, "{Name: x, Type: string}")}
            default = str(parts.get("Default", ""))
            kind = str(parts.get("Type", "")).lower().removeprefix("table:")
            if default and kind == "string" and not default.startswith(("'", '"')):
                default = string_literal("" if default == "*" else default)
            declared.append(f"{parts.get('Name')}:{kind}" + (f"={default}" if default else ""))
        return f"({', '.join(declared)})"

    def _function(self, path: Path, text: str, parameters: str | None) -> str:
        """Return a function as KQL has it after `let name =`, so that parameters and body are one text."""
        if parameters is None:
            for shape in (f"let f = {text}", text):
                try:
                    statements = parse(shape).statements
                except KqlSyntaxError:
                    continue
                first = statements[0]
                if len(statements) == 1 and isinstance(first, Let) and isinstance(first.value, Function):
                    return shape[first.value.start : first.value.end]
        try:
            body = parse(text, str(path))
        except KqlSyntaxError as error:
            at = error.at if path.suffix.lower() not in (".yaml", ".yml") else Location(str(path))
            self._problem(
                "kql-syntax", f"the function is not KQL: {error.message}", at or Location(str(path)), error.hint
            )
            raise _Broken from error
        # A newline, since the text may end with a comment; a lone `let` gives no result.
        if not body.results():
            self._problem(
                "no-function-query", "the function gives no result", Location(str(path)), "end it with a query"
            )
            raise _Broken
        return f"{parameters or '()'} {{\n{text.rstrip().removesuffix(';')}\n}}"

    def _columns(self, node: Node, path: Path) -> Mapping[str, str]:
        columns: dict[str, str] = {}
        before = len(self.problems)
        for key, value in self._entries(node, path, "columns: {Column: type}"):
            kind = KUSTO_TYPES.get(str(value.value).lower()) if _kind(value) == "scalar" else None
            if kind is None:
                shown = value.value if _kind(value) == "scalar" else f"a {_kind(value)}"
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
        if _kind(node) != "mapping":
            self._problem("not-a-mapping", "a mapping is needed here", _at(path, node), shape)
            raise _Broken
        mapping: MappingNode = node  # type: ignore[assignment]
        for key, value in mapping.value:
            if _kind(key) != "scalar" or not key.value:
                self._problem("not-a-name", "a name is needed here", _at(path, key), shape)
            else:
                yield key, value

    def _scalar(self, entries: Mapping[str, Node], key: str, path: Path) -> str | None:
        node = entries.get(key)
        if node is None:
            return None
        if _kind(node) != "scalar":
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


def _kind(node: Node) -> str:
    """Return `scalar`, `sequence` or `mapping`."""
    return str(vars(type(node)).get("id", ""))


def _at(path: Path, node: Node) -> Location:
    return Location(str(path), node.start_mark.line + 1, node.start_mark.column + 1)
