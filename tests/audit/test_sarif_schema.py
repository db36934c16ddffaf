"""What `fpctl audit --format sarif` writes is valid by the whole SARIF 2.1.0 schema, which comes from npm."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpctl.audit.finding import Finding
from fpctl.audit.formats import sarif
from fpctl.audit.formats.report import Report
from fpctl.audit.registry import checks
from fpctl.errors import Location

pytestmark = pytest.mark.node

MODULES = Path(os.environ.get("FPCTL_NODE_MODULES", Path(__file__).resolve().parents[2] / "node_modules"))
FILE = MODULES / "@microsoft" / "jest-sarif" / "lib" / "schemas" / "sarif-2.1.0-rtm.5.json"
DAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft4Validator:
    if not FILE.exists():
        pytest.skip(f"no @microsoft/jest-sarif in {MODULES} (make node)")
    document = json.loads(FILE.read_text("utf-8"))
    jsonschema.Draft4Validator.check_schema(document)
    return jsonschema.Draft4Validator(document)


def written(report: Report) -> Any:
    return json.loads(sarif.render(report))


def test_a_finding_of_every_check_is_valid(schema: jsonschema.Draft4Validator) -> None:
    findings = [
        Finding(
            check.code, check.slug, check.severity, Location(f"exclusions/{check.code} é.yaml", 3, 7), check.title,
            "fp-1", "rule", "fpctl edit fp-1", "x", Location("/rules/a b.yaml"),
        )
        for check in checks()
    ]  # fmt: skip
    document = written(Report(findings, DAY, baseline=1, exclusions=2, rules=3, usage=True))
    assert len(document["runs"][0]["results"]) == len(findings)
    schema.validate(document)


def test_no_finding_is_valid(schema: jsonschema.Draft4Validator) -> None:
    schema.validate(written(Report([], DAY, exclusions=5, rules=1)))


places = st.builds(Location, st.text(min_size=1, max_size=15), st.none() | st.integers(1, 99), st.none())
texts = st.none() | st.text(max_size=20)


@settings(max_examples=25)
@given(
    st.lists(
        st.builds(
            Finding, st.just("FP101"), st.just("expired"), st.sampled_from(["error", "warning", "note"]), places,
            st.text(), texts, texts, texts,
        ),
        max_size=3,
    )
)  # fmt: skip
def test_whatever_a_finding_says_is_valid(schema: jsonschema.Draft4Validator, findings: list[Finding]) -> None:
    schema.validate(written(Report(findings, DAY)))


def test_the_schema_refuses_what_is_no_sarif(schema: jsonschema.Draft4Validator) -> None:
    document = written(Report([Finding("FP101", "expired", "note", Location("a.yaml", 1), "x")], DAY))
    document["runs"][0]["results"][0]["level"] = "grave"
    with pytest.raises(jsonschema.ValidationError, match="'grave' is not one of"):
        schema.validate(document)
