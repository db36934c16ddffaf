"""Clauses of hostile values read as KQL by a parser that is not ours."""

from __future__ import annotations

from datetime import date

import pytest

from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.verify import verify
from fpctl.rules.model import read_rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from oracle.compare_readers import HOSTILE
from oracle.second_reader import complaint

TABLES = Tables.packaged("auto", "xdr")
PLANNER = Planner(TABLES, FieldMap.packaged(None, TABLES), date(2026, 11, 24))
BASE = "DeviceProcessEvents\n| where FileName =~ 'cmd.exe' // why\n| summarize count() by DeviceName"


@pytest.mark.parametrize("field", ["command_line", "parent_command_line"])
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_value_is_read_by_an_independent_parser(value: str, field: str) -> None:
    exclusion = Exclusion.model_validate(
        {
            "id": "fp-1",
            "rules": ["*"],
            "match": {"device": "build01", field: [f"tool {value}"]},
            "expires": "2027-05-24",
        }
    )
    rule, _ = read_rule({}, BASE, "query.kql", "query", "query")
    tuned = PLANNER.plan(rule, [(exclusion, False)])
    assert tuned.plan.insertions
    verify(tuned)
    assert complaint(tuned) is None
