"""Rules of a few hundred characters that name each table twice, and that again, end with a message."""

from __future__ import annotations

from datetime import date

import pytest

from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

STEPS = {
    "union": ("let t0=DeviceProcessEvents;", "let t@=union t#,t#;", "t@|count", "combines tables"),
    "function": ("let t0=(){DeviceProcessEvents};", "let t@=(){union t#(),t#()};", "t@()|count", "combines tables"),
    "join": ("let t0=DeviceProcessEvents;", "let t@=t#|join kind=inner t# on DeviceName;", "t@|count", "columns"),
}


@pytest.mark.parametrize("kind", STEPS)
def test_tables_that_double_are_refused(kind: str) -> None:
    first, step, last, words = STEPS[kind]
    steps = (step.replace("@", str(at)).replace("#", str(at - 1)) for at in range(1, 18))
    query = f"{first}{''.join(steps)}{last.replace('@', '17')}"
    tables = Tables.packaged("auto")
    exclusion = Exclusion.model_validate({"id": "fp-1", "rules": ["r"], "match": {"device": "build01"}})
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))
    with pytest.raises(FpctlError, match=words):
        planner.plan(Rule("r", "r", query, "r.kql", "bare"), [(exclusion, True)])
