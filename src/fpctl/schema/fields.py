"""Which columns of a table hold a field of an exclusion, and in what form.

The mapping is data: `data/fields.yaml`, on top of it what the settings say
(`[fields.MyTable_CL] device = ["Host"]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from fpctl.errors import FpctlError
from fpctl.fields.registry import FIELDS, NAMES
from fpctl.schema.asim import asim_schema
from fpctl.schema.tables import Tables
from fpctl.spelling import did_you_mean

_PATH = re.compile(r"(?:parse_json\((?P<text>\w+)\)|(?P<column>\w+))(?P<members>(?:\.\w+|\[\d+\])*)")
_MEMBER = re.compile(r"\.(\w+)|\[(\d+)\]")


class FieldColumn(NamedTuple):
    """A column that holds a field.

    Attributes:
        column: the table's column.
        members: where inside a dynamic column the value is; a number is an array index.
        role: what the value is, see the field's `roles`.
        parse: the column is JSON text and needs `parse_json` before its members can be read.
    """

    column: str
    members: tuple[str, ...]
    role: str
    parse: bool

    def __str__(self) -> str:
        root = f"parse_json({self.column})" if self.parse else self.column
        return root + "".join(f"[{m}]" if m.isdigit() else f".{m}" for m in self.members)


Mapped = Mapping[str, tuple[FieldColumn, ...]]


class FieldMap:
    """The columns of each field, by table.

    Args:
        tables: by table, the columns of its fields.
        usual: what a column of that name holds in a table of `known` that is not in `tables`.
        known: the tables whose columns are known. A mapped column that its table lacks there (it
            belongs to the other product) is left out.
        overrides: by table, the fields that the settings map; these are taken as they are.
    """

    def __init__(
        self,
        tables: Mapping[str, Mapped],
        usual: Mapped,
        known: Tables,
        overrides: Mapping[str, Mapped] = MappingProxyType({}),
    ) -> None:
        self._listed = tables
        self._usual = usual
        self._known = known
        self._overrides = overrides
        self._made: dict[str, Mapped] = {}

    @classmethod
    def packaged(
        cls,
        overrides: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None,
        known: Tables | None = None,
    ) -> FieldMap:
        """Return the mapping of `data/fields.yaml` with the overrides of the settings on top.

        Args:
            overrides: by table and field, the columns, each `Column`, a path such as `Detail.host` or
                `parse_json(Detail).host`, or that and a role (`"Host host-name"`). An override replaces
                all of the table's packaged columns of that field; an empty list takes the field away.
            known: the tables in use; the packaged ones by default.

        Raises:
            FpctlError: an override names an unknown field or role, or a column that is not a path.
        """
        tables, usual = _file()
        own = {
            table: {field: _override(table, field, columns) for field, columns in fields.items()}
            for table, fields in (overrides or {}).items()
        }
        return cls(tables, usual, Tables.packaged() if known is None else known, own)

    def columns(self, table: str, field: str) -> tuple[FieldColumn, ...]:
        """Return the columns of a table, ASIM schema or ASIM parser that hold a field; empty where it has none.

        A table of unknown columns that no mapping lists gives an empty answer, too: the caller who asks
        knows which columns the query itself refers to.
        """
        mapped = self._made.get(table)
        if mapped is None:
            mapped = self._made[table] = {**self._packaged(table), **self._overrides.get(table, {})}
        return mapped.get(field, ())

    def tables(self) -> list[str]:
        """Return the names of the tables that a mapping lists, sorted."""
        return sorted({*self._listed, *self._overrides})

    def _packaged(self, table: str) -> Mapped:
        listed = self._listed.get(table)
        if listed is None:
            listed = self._listed.get(f"_Im_{asim_schema(table)}")
        columns = self._known.table(table)
        if columns is None:
            return listed or {}
        if listed is None:
            return {f: tuple(c for c in found if columns.get(c.column) == "string") for f, found in self._usual.items()}
        return {field: tuple(c for c in found if c.column in columns) for field, found in listed.items()}


def _override(table: str, field: str, columns: str | Sequence[str]) -> tuple[FieldColumn, ...]:
    place = f"fields.{table}.{field}"
    if field not in FIELDS:
        raise FpctlError(f"{place}: there is no field {field!r}", hint=did_you_mean(field, NAMES))
    found = []
    for text in [columns] if isinstance(columns, str) else columns:
        path, _, role = text.replace(":", " ").strip().partition(" ")
        role = role.strip() or FIELDS[field].roles[0]
        if role not in FIELDS[field].roles:
            roles = ", ".join(FIELDS[field].roles)
            raise FpctlError(f"{place}: a column of {field} cannot have the role {role!r}", hint=f"one of {roles}")
        try:
            found.append(_column(path, role))
        except ValueError as error:
            raise FpctlError(
                f"{place}: {path!r} is not a column", hint="Column, Column.member[0] or parse_json(Column).member"
            ) from error
    return tuple(found)


def _column(text: str, role: str) -> FieldColumn:
    match = _PATH.fullmatch(text)
    if match is None:
        raise ValueError(text)
    members = tuple(name or index for name, index in _MEMBER.findall(match["members"]))
    if match["text"] and not members:
        raise ValueError(text)
    return FieldColumn(match["text"] or match["column"], members, role, match["text"] is not None)


@cache
def _data() -> Any:
    import yaml

    text = (Path(__file__).parent / "data" / "fields.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def _file() -> tuple[Mapping[str, Mapped], Mapped]:
    data = _data()

    def mapped(fields: Mapping[str, Mapping[str, str]]) -> Mapped:
        return {field: tuple(_column(path, role) for path, role in found.items()) for field, found in fields.items()}

    return {table: mapped(fields) for table, fields in data["tables"].items()}, mapped(data["usual"])


def look_alikes(field: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns whose names look as if they held a field, the likeliest first; for hints."""
    words = _alike().get(field, ())
    ranked = []
    for name in names:
        # `ip` is a word of ClientIp and src_ip, not of Description.
        parts = [part.lower() for part in _PARTS.findall(name)]
        rank = next((at for at, word in enumerate(words) if _is_in(word, parts)), None)
        if rank is not None:
            ranked.append((rank, name))
    return tuple(name for _, name in sorted(ranked))


def _is_in(word: str, parts: Sequence[str]) -> bool:
    if word in parts or (len(word) > 4 and word in "".join(parts)):
        return True
    return len(word) > 3 and any(part.startswith(word) or part.endswith(word) for part in parts)


_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")


@cache
def _alike() -> Mapping[str, Sequence[str]]:
    return {field: tuple(words) for field, words in _data()["alike"].items()}
