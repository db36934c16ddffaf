"""Microsoft's parser and binder agree with what fpctl makes of the golden cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fpctl.errors import KqlSyntaxError
from fpctl.kql.parser import parse
from oracle.bridge import Diagnostic, Oracle, errors
from oracle.compare_corpus import Count, compare, functions_in
from rewrite.golden.cases import Case, cases

pytestmark = pytest.mark.node

DO_NOT_BIND = {
    "columns/unknown-column-is-said": "its subject: the rule refers to a column that is not there",
    "fewer-rows-fire-more/unknown-function-invoked": "its subject: a function that is not known",
    "operators/graph-where": "the binder sees no columns in graph-where-nodes and graph-where-edges",
    "operators/macro-expand": "the oracle has no databases of those names",
    "sources/asim-parser": "the packaged ASIM parsers have columns, and no parameters",
    "sources/unknown-table": "its subject: a table that is not known",
    "sources/unknown-table-with-a-usual-column": "its subject: a table that is not known",
    "sources/unknown-table-as-a-list": "its subject: a table that is not known",
    "sources/unknown-table-joined-with-a-known-one": "its subject: a table that is not known",
    "sources/workspace-path": "the plain binder does not know workspace()",
}
"""Cases whose base query Microsoft's binder refuses, and why they are there all the same."""

each = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)


@pytest.fixture(scope="module")
def schemas(oracle: Oracle) -> Oracle:
    """The oracle, with the packaged tables defined under the names of the products."""
    repository = cases()[0].repository
    for name, tables in (("golden xdr", repository.tables), ("golden loganalytics", repository.streamed)):
        oracle.define(name, {table: dict(tables.table(table) or {}) for table in tables.tables()})
    return oracle


def schema_of(case: Case, tables: Any) -> dict[str, Any]:
    """Return what the oracle needs to know for a case: a defined schema, or one with the case's own tables."""
    if (case.folder / "schema").exists():
        own = {name: dict(tables.table(name) or {}) for name in tables.tables()}
        return {"schema": own}
    streamed = tables is not case.repository.tables and tables.prefer == "loganalytics"
    return {"schema": "golden loganalytics" if streamed else "golden xdr"}


def functions_of(case: Case, text: str, tables: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the stored functions of a case, as the oracle wants them."""
    found: dict[str, Mapping[str, Any]] = dict(functions_in(text, tables))
    for path in (case.folder / "functions").glob("*.kql"):
        text = path.read_text(encoding="utf-8")
        body = text[text.index("{") :]
        found[path.stem] = {"parameters": text[: text.index("{")].strip() or "()", "body": body.strip()}
    return found


def diagnostics(oracle: Oracle, case: Case, text: str, tables: Any) -> list[Diagnostic]:
    return errors(oracle.bind(text, **schema_of(case, tables), functions=functions_of(case, text, tables)))


@each
def test_accepted_and_rejected_as_by_microsoft(schemas: Oracle, case: Case) -> None:
    text = case.repository.rules.rules[0].rule.query
    try:
        parse(text)
        accepted = True
    except KqlSyntaxError:
        accepted = False
    assert accepted == (not errors(schemas.parse(text)))


@each
def test_the_tuned_query_and_its_counting_queries_bind_where_the_base_does(schemas: Oracle, case: Case) -> None:
    try:
        tuned = case.tuned()
    except KqlSyntaxError:
        return
    found = diagnostics(schemas, case, tuned.base, tuned.tables)
    assert bool(found) == (case.name in DO_NOT_BIND), found
    if not found:
        texts = [tuned.tuned, *(query.text for query in tuned.counting_queries() if query.text is not None)]
        for text in texts:
            assert diagnostics(schemas, case, text, tuned.tables) == [], text


@each
def test_visible_columns_at_every_gap_are_the_binders(schemas: Oracle, case: Case) -> None:
    try:
        tuned = case.tuned()
    except KqlSyntaxError:
        return
    known = functions_of(case, tuned.base, tuned.tables)
    found, points = schemas.points(tuned.base, **schema_of(case, tuned.tables), functions=known)
    if errors(found):
        return
    count = Count()
    compare(case.name, tuned.base, tuned.analysis, points, count)
    assert count.differences == []
