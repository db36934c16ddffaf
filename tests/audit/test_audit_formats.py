"""How findings are written: each format on findings with everything that could break it."""

# Messages are kept whole.
# ruff: noqa: E501

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.audit.finding import Finding, order
from fpctl.audit.formats import csv as csv_format
from fpctl.audit.formats import json as json_format
from fpctl.audit.formats import markdown, sarif, table
from fpctl.audit.formats.report import Report
from fpctl.errors import Location
from fpctl.exclusions.risk.score import Risk, RiskFactor

DAY = date(2026, 11, 24)
ONE = Finding(
    "FP101", "expired", "warning", Location("exclusions/a b.yaml", 9, 10), "fp-1 expired today: it suppresses nothing any more",
    "fp-1", None, 'fpctl retire fp-1 --reason "..."',
)  # fmt: skip
TWO = Finding(
    "FP303", "not-placeable", "error", Location("/work/é.yaml", 3), "fp-2 names `a|b <i>` @team\nand more", "fp-2", "r", None,
    "columns-dropped", Location("rules/x.yaml"),
)  # fmt: skip
RISK = Risk(62, "high", (RiskFactor("endless", 20, "it never expires"),), measured=False)
REPORT = Report([TWO, ONE], DAY, baseline=2, exclusions=5, rules=1)
RISKY = Report([TWO, ONE], DAY, baseline=2, exclusions=5, rules=1, risks={"fp-2": RISK})
EMPTY = Report([], DAY, exclusions=5, rules=1, usage=True)

SCHEMA = json.loads((Path(__file__).parent / "sarif_subset.json").read_text("utf-8"))


def check_sarif(report: Report) -> None:
    jsonschema.validate(json.loads(sarif.render(report)), SCHEMA, jsonschema.Draft7Validator)


def test_a_table_has_a_line_for_each_finding() -> None:
    rows = [[cell.strip() for cell in re.split(r"  +", line)] for line in table.render(Report([ONE], DAY)).splitlines()]
    assert [rows[0], rows[2]] == [
        ["severity", "code", "place", "finding", "fix"],
        ["warning", "FP101", "exclusions/a b.yaml:9:10", ONE.message, ONE.fix],
    ]
    assert len(rows) == 3
    assert table.render(EMPTY) == ""


def test_a_table_is_no_wider_than_the_terminal() -> None:
    lines = table.render(Report([ONE], DAY), 110).splitlines()
    assert max(map(len, lines)) <= 110
    assert len(lines) > 3
    start = lines[0].index("finding"), lines[0].index("fix")
    assert " ".join(line[start[0] : start[1]].strip() for line in lines[2:]).strip() == ONE.message


def test_json_has_the_documented_keys() -> None:
    assert json_format.document(RISKY) == {
        "version": 1,
        "on": "2026-11-24",
        "exclusions": 5,
        "rules": 1,
        "usage": False,
        "counts": {"error": 1, "warning": 1, "note": 0},
        "baseline": 2,
        "removed": 0,
        "risks": [
            {
                "exclusion": "fp-2", "score": 62, "level": "high", "measured": False,
                "factors": [{"code": "endless", "points": 20, "message": "it never expires"}],
            }
        ],
        "findings": [
            {
                "code": "FP303", "name": "not-placeable", "severity": "error", "path": "/work/é.yaml", "line": 3,
                "column": None, "exclusion": "fp-2", "rule": "r", "message": "fp-2 names `a|b <i>` @team\nand more",
                "fix": None, "fingerprint": TWO.fingerprint,
            },
            {
                "code": "FP101", "name": "expired", "severity": "warning", "path": "exclusions/a b.yaml", "line": 9,
                "column": 10, "exclusion": "fp-1", "rule": None,
                "message": "fp-1 expired today: it suppresses nothing any more",
                "fix": 'fpctl retire fp-1 --reason "..."', "fingerprint": ONE.fingerprint,
            },
        ],
    }  # fmt: skip


def test_the_risk_is_a_line_the_riskiest_named() -> None:
    low, medium = (Risk(score, level, (), measured=False) for score, level in ((3, "low"), (40, "medium")))
    risks = {f"fp-{number}": Risk(60 + number, "high", (), measured=False) for number in range(7)}
    told = Report([], DAY, risks={**risks, "a": low, "b": medium}).risk_summary()
    assert told == "7 high (fp-6 66, fp-5 65, fp-4 64, fp-3 63, fp-2 62, ...), 1 medium, 1 low"
    assert "\nRisk: 1 high (fp-2 62).\n" in markdown.render(RISKY)


def test_csv_has_the_keys_of_json_as_columns() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_format.render(REPORT), newline="")))
    assert [row["code"] for row in rows] == ["FP303", "FP101"]
    assert rows[0]["message"] == "fp-2 names `a|b <i>` @team\nand more"
    assert (rows[0]["column"], rows[1]["fix"]) == ("", 'fpctl retire fp-1 --reason "..."')
    assert set(rows[0]) == set(ONE.to_dict())


def test_markdown_has_no_markup_of_a_finding_and_mentions_nobody() -> None:
    assert markdown.render(REPORT).splitlines() == [
        "### fpctl audit",
        "",
        "1 error, 1 warning on 2026-11-24 (2 known ones left out).",
        "",
        "| | finding | place | fix |",
        "|---|---|---|---|",
        "| 🔴 FP303 | fp-2 names <code>a&#124;b &lt;i&gt;</code> &#64;team&#10;and more | <code>/work/é.yaml&#58;3</code> |  |",
        "| 🟠 FP101 | fp-1 expired today&#58; it suppresses nothing any more | <code>exclusions/a b.yaml&#58;9&#58;10</code> | "
        '<code>fpctl retire fp-1 --reason "..."</code> |',
    ]
    assert markdown.render(EMPTY) == "### fpctl audit\n\nno findings on 2026-11-24.\n"


def test_markdown_stays_below_what_a_comment_holds() -> None:
    text = markdown.render(Report([ONE] * 5000, DAY))
    assert len(text) < 65_536
    assert text.endswith("4,800 more: run `fpctl audit`.\n")


def test_sarif_says_what_and_where() -> None:
    document = json.loads(sarif.render(REPORT))
    (run,) = document["runs"]
    assert document["version"] == "2.1.0"
    assert [(r["id"], r["name"], r["defaultConfiguration"]["level"]) for r in run["tool"]["driver"]["rules"]] == [
        ("FP101", "Expired", "warning"),
        ("FP303", "NotPlaceable", "error"),
    ]
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("FP303", 1, "error")
    assert first["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "file:///work/%C3%A9.yaml"}, "region": {"startLine": 3}}}
    ]
    assert first["relatedLocations"] == [{"id": 1, "physicalLocation": {"artifactLocation": {"uri": "rules/x.yaml"}}}]
    assert second["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "exclusions/a%20b.yaml"},
        "region": {"startLine": 9, "startColumn": 10},
    }
    assert second["partialFingerprints"] == {"fpctl/v1": ONE.fingerprint}


@pytest.mark.parametrize("report", [REPORT, EMPTY, Report([ONE, TWO, ONE], DAY)], ids=["two", "none", "repeated"])
def test_sarif_is_valid(report: Report) -> None:
    check_sarif(report)


def test_the_schema_refuses_what_is_no_sarif() -> None:
    document = json.loads(sarif.render(REPORT))
    document["runs"][0]["results"][0]["severity"] = "error"
    with pytest.raises(jsonschema.ValidationError, match="'severity' was unexpected"):
        jsonschema.validate(document, SCHEMA, jsonschema.Draft7Validator)


texts = st.text(max_size=20)
locations = st.builds(
    Location, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=15),
    st.none() | st.integers(1, 99),
)  # fmt: skip
findings = st.builds(
    Finding, st.just("FP101"), st.just("expired"), st.sampled_from(["error", "warning", "note"]), locations,
    st.text(st.characters(exclude_categories=["Cs"])), st.none() | texts, st.none() | texts, st.none() | texts,
)  # fmt: skip


@given(st.lists(findings, max_size=4))
def test_whatever_a_finding_says_every_format_holds_it(drawn: list[Finding]) -> None:
    report = Report(drawn, DAY)
    check_sarif(report)
    assert [f["message"] for f in json_format.document(report)["findings"]] == [f.message for f in drawn]
    assert len(list(csv.reader(io.StringIO(csv_format.render(report), newline="")))) == len(drawn) + 1
    rows = [line for line in markdown.render(report).split("\n") if line.startswith(("| 🔴", "| 🟠", "| 🔵"))]
    assert len(rows) == len(drawn)
    assert all(row.count("|") == 5 for row in rows)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("exclusions/fp-1.yaml", "exclusions/fp-1.yaml"),
        ("./exclusions\\fp 1.yaml", "exclusions/fp%201.yaml"),
        ("../x/ü.yaml", "../x/%C3%BC.yaml"),
        ("C:\\repo\\x y.yaml", "file:///C:/repo/x%20y.yaml"),
        ("/repo/x.yaml", "file:///repo/x.yaml"),
    ],
)
def test_a_path_is_a_uri(path: str, expected: str) -> None:
    assert sarif.uri(path) == expected


def test_the_gravest_findings_come_first() -> None:
    assert sorted([ONE, TWO], key=order) == [TWO, ONE]


def test_a_fingerprint_stays_when_lines_and_words_change() -> None:
    moved = Finding("FP101", "expired", "note", Location("b.yaml", 1), "other words", "fp-1")
    assert moved.fingerprint == ONE.fingerprint
    assert Finding("FP101", "expired", "note", Location("b.yaml", 1), "words", "fp-2").fingerprint != ONE.fingerprint


def test_on_a_narrow_terminal_a_finding_is_a_record() -> None:
    text = table.render(RISKY, 60)
    assert max(map(len, text.splitlines())) <= 60
    first = text.splitlines()[0].split("  ")
    assert first[0] in ("error", "warning", "note")
    assert "\n  fix: " in text
