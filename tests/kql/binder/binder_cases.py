"""The cases of cases.yaml, and the tables that they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from fpctl.kql.analysis import analyse
from fpctl.kql.binder import InsertionPoint, Scope
from fpctl.kql.parser import parse
from fpctl.schema.tables import Tables

PATH = Path(__file__).with_name("cases.yaml")

TABLES = {
    "Door": {"At": "datetime", "Badge": "string", "Level": "int", "Tags": "dynamic"},
    "Log": {"At": "datetime", "Badge": "string", "Owner": "string", "Code": "long"},
    "Wide": {"x10": "int", "x9": "int", "b": "real", "A": "decimal", "Badge": "string"},
}

ENVIRONMENT = Tables.only(TABLES)

BINDER_DIFFERS = {
    "union withsource taken": "the binder lists two columns of one name, and gives the second its suffix at the extend",
    "let view": "the binder overlooks a view that a wildcard matches",
    "parse into a column that is there": "the binder lists two columns of one name",
}
"""Cases where our columns are not the binder's, and why."""


def cases() -> list[dict[str, Any]]:
    """Return the cases: name, query, columns, whether they are open, and whether they are ours, not the binder's."""
    loaded: list[dict[str, Any]] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded


def last_scope(query: str) -> Scope:
    """Return the columns at the end of a query."""
    return analyse(parse(query), ENVIRONMENT).pipelines[0].points[-1].scope


def points(query: str) -> Iterator[InsertionPoint]:
    """Yield every gap of every pipeline of a query."""
    for pipeline in analyse(parse(query), ENVIRONMENT).pipelines:
        yield from pipeline.points


def typed(scope: Scope) -> Mapping[str, str]:
    """Return the columns of a scope, name -> type, in order."""
    return {name: str(column.type) for name, column in scope.columns.items()}
