"""What docs/engines.md says of the local engine is what the compiler does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fpctl.compiler import Refusal

PAGE = Path(__file__).resolve().parents[2] / "docs" / "engines.md"
STATES = dict(re.findall(r"^\| \[`([\w-]+)`\]\([^)]*-operator\) \| ([^|]+) \|", PAGE.read_text("utf-8"), re.MULTILINE))
USED = {
    "count": "count", "distinct": "distinct x", "extend": "extend y = x", "filter": "filter x > 0",
    "getschema": "getschema", "limit": "limit 1", "take": "take 1", "order": "order by x", "project": "project x",
    "project-away": "project-away z", "project-rename": "project-rename w = x", "sort": "sort by x",
    "top": "top 1 by x", "summarize": "summarize count()", "where": "where x > 0", "consume": "consume",
    "fork": "fork (count)",
    "serialize": "serialize", "as": "as T", "sample": "sample 1", "render": "render table",
    "mv-expand": "mv-expand range(1, 2)", "parse": "parse s with y", "search": "search 'a'", "reduce": "reduce by s",
    "assert-schema": "assert-schema (x: long)", "scan": "serialize | scan with (step a: x > 0;)", "facet": "facet by x",
    "project-keep": "project-keep x", "project-reorder": "project-reorder s", "union": "union (print x = 5)",
}  # fmt: skip
"""A use of an operator behind `print x = 1, s = 'a', z = 2`."""


@pytest.mark.parametrize("name", sorted(USED))
def test_an_operator_runs_or_is_refused_as_the_page_says(run, name):
    query = f"print x = 1, s = 'a', z = 2 | {USED[name]}"
    if STATES[name].strip() == "refused":
        with pytest.raises(Refusal):
            run(query)
    else:
        run(query)
