"""The interpreter is held to what the reference says, by cases of our own."""

from __future__ import annotations

import pytest

from reference.golden import CASES, Case
from reference.interpreter import run
from reference.scope import Table
from reference.values import text_of


def shown(table: Table) -> list[list[str | None]]:
    """Return rows as text: null as None, a bool in small letters."""
    return [[cell(row[name]) for name in table.columns] for row in table.rows]


def cell(value: object) -> str | None:
    from reference.values import Value

    assert isinstance(value, Value)
    if value.raw is None:
        return None
    return text_of(value).lower() if value.type == "bool" else text_of(value)


def sortable(rows: list[list[str | None]]) -> list[list[str]]:
    return sorted([["\0" if value is None else value for value in row] for row in rows])


@pytest.mark.parametrize("case", CASES, ids=[f"{case.page}-{at}" for at, case in enumerate(CASES)])
def test_gives_what_the_page_says(case: Case) -> None:
    rows = shown(run(case.query))
    if "sort by" in case.query or "top " in case.query:
        assert rows == case.rows
    else:
        assert sortable(rows) == sortable(case.rows)
