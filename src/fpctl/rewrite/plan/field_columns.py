"""Where a rule's events can be looked at: the insertion point of a clause, and which column there holds which field."""

from __future__ import annotations

from collections.abc import Mapping

from fpctl.exclusions.values import FIELDS
from fpctl.rewrite.placement.column_resolver import ColumnResolver, RequiredColumns, Unresolved
from fpctl.rewrite.placement.reading import Reading
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.predicate import BoundColumn

ROLES: Mapping[str, tuple[str, ...]] = {
    "device": ("host-name", "device-id"),
    "url": ("url-or-host", "url", "domain"),
    "hash": ("sha256", "sha1", "md5", "hash"),
    "process": ("file-name", "windows-path", "file-path"),
    "parent_process": ("file-name", "windows-path", "file-path"),
    "command_line": ("command-line",),
    "path": ("folder-path", "windows-path", "file-path"),
    "account": ("account-upn", "account-name", "account"),
    "ip": ("ip",),
    "signer": ("signer",),
    "port": ("port",),
}
"""Of several columns that hold a field, the one that tells it best, in this order."""


def field_columns(planner: Planner, placement: Placement) -> dict[str, BoundColumn]:
    """Return, for each field that is visible at an insertion point, the column that tells it best."""
    resolver = ColumnResolver(planner.fields, lambda table: planner.tables.table(table) is not None, frozenset, None)
    found: dict[str, BoundColumn] = {}
    for field in FIELDS:
        bound = resolver.resolve(placement.point.scope, RequiredColumns(((field, None),)), Reading.PARTIAL_FIELDS)
        if isinstance(bound, Unresolved):
            continue
        fitting = [column for column in bound.bindings.get(field, ()) if column.role in ROLES[field]]
        if fitting:
            found[field] = min(fitting, key=lambda column: ROLES[field].index(column.role))
    return found


def value_of(field: str, column: BoundColumn) -> str:
    """Return the KQL of a field's value in the form in which an exclusion names it, in lower case; `""` if none.

    A URL becomes its host (none where it carries user information, which misleads), a path of a program
    its file name.
    """
    text = column.string()
    if field == "url":
        host = r'@"^(?:[a-z][a-z0-9+.-]*://)?([a-z0-9_.-]*[a-z0-9_-])[.]?(?::[0-9]*)?(?:[/?#]|$)"'
        return f"extract({host}, 1, tolower({text}))"
    if field in ("process", "parent_process") and column.role != "file-name":
        return f'extract(@"([^\\\\/]+)$", 1, tolower({text}))'
    return f"tolower({text})"
