"""The HTML report: self-contained, whole, escaped, the same on every run; and its tables as CSV."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from console_support import EVENTS, EXCLUSION, RULE, RULE_ID, words
from fpctl.cli.app import run
from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord
from fpctl.report.build import build_estate
from fpctl.report.charts import sparkline
from fpctl.report.csv_tables import tables
from fpctl.report.estate import Estate, RuleNoise
from fpctl.report.highlight import highlighted
from fpctl.report.page.render import render, tuned_lines
from fpctl.repository.model import open_repository
from fpctl.settings import load_settings
from markers_support import with_clause

TODAY = date(2026, 11, 24)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("rules", "exclusions", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "rules" / "remote.yaml").write_text(RULE)
    (tmp_path / "exclusions" / "fp-2026-0001.yaml").write_text(EXCLUSION)
    (tmp_path / "data" / "DeviceProcessEvents.csv").write_text(EVENTS)
    (tmp_path / "fpctl.toml").write_text('[paths]\ndata = "data"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _record(place: Path, days_ago: int, before: int | None, suppressed: int | None, status: str = "ok") -> None:
    began = datetime(2026, 11, 24, 3, tzinfo=UTC) - timedelta(days=days_ago)
    hit = HitRecord(ExclusionVersion("fp-2026-0001", "h"), suppressed, suppressed)
    error = None if status == "ok" else "the service did not answer"
    rule = RuleVersion(RULE_ID, "Remote tool started", "h", "T")
    run_ = RunRecord(
        rule,
        "local",
        status,
        began,
        began,
        rows_before=before,
        rows_suppressed=suppressed,
        error=error,
        hits=(hit,),  # type: ignore[arg-type]
    )
    with History.open(place / ".fpctl" / "history.db") as history:
        history.record_run(run_)


def _estate(root: Path) -> Estate:
    settings = load_settings(root / "fpctl.toml")
    found = open_repository(settings.paths.rules, settings.paths.exclusions, root=settings.paths.root)
    return build_estate(found, settings, TODAY)


def test_the_page_needs_nothing_from_outside(repository: Path) -> None:
    _record(repository, 1, 100, 40)
    text = render(_estate(repository))
    assert not re.search(r"""(?:src|href)=["'](?!#)""", text)
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_numbers_are_those_of_the_last_complete_run(repository: Path) -> None:
    _record(repository, 3, 500, 100)
    _record(repository, 2, 100, 40)
    _record(repository, 1, None, None, "failed")
    (noise,) = _estate(repository).rules
    assert (noise.events, noise.suppressed, noise.remaining) == (100, 40, 60)
    assert noise.failed == "the service did not answer"


def test_what_is_not_known_is_not_zero(repository: Path) -> None:
    _record(repository, 1, None, None, "failed")
    estate = _estate(repository)
    assert estate.rules[0].events is None
    text = words(render(estate))
    assert "Events at the clauses, last runs unknown" in text
    assert "Suppressed, last runs unknown" in text


def test_days_without_a_run_are_gaps(repository: Path) -> None:
    _record(repository, 4, 10, 4)
    _record(repository, 1, 10, 6)
    estate = _estate(repository)
    (series,) = estate.series
    assert dict(zip(estate.days, series.values, strict=True)) == {
        date(2026, 11, 20): 4, date(2026, 11, 21): None, date(2026, 11, 22): None, date(2026, 11, 23): 6,
        date(2026, 11, 24): None,
    }  # fmt: skip


def test_the_same_estate_gives_the_same_page(repository: Path) -> None:
    _record(repository, 1, 100, 40)
    assert render(_estate(repository)) == render(_estate(repository))


def test_an_expiring_exclusion_is_a_decision_with_its_command(repository: Path) -> None:
    (decision,) = [one for one in _estate(repository).decisions if one.kind == "expires"]
    assert decision.command == "fpctl renew fp-2026-0001 --until 180d"
    text = render(_estate(repository))
    assert "<code>fpctl renew fp-2026-0001 --until 180d</code>" in text


def test_a_clause_is_marked_and_the_other_lines_are_not() -> None:
    base = "T\n| where a == 1\n| count\n"
    tuned = with_clause("T\n| where a == 1", "| where not(b)", "x") + "\n| count\n"
    lines = list(tuned_lines(base, tuned))
    assert [line.clause for line in lines] == [False, False, True, False, False]
    assert "\n".join("".join(piece.text for piece in line.pieces) for line in lines) == tuned


@pytest.mark.parametrize(
    "text", ["", "T", "T\n| where x == 'a\\'b' // c\n", "let x = 1;\r\nT | take x", "not kql '", "\n\n", "a\t|b"]
)
def test_coloured_pieces_are_the_whole_text(text: str) -> None:
    assert "\n".join("".join(piece.text for piece in line) for line in highlighted(text)) == text


def test_names_cannot_become_markup(repository: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    (repository / "rules" / "remote.yaml").write_text(RULE.replace("Remote tool started", hostile))
    (repository / "exclusions" / "fp-2026-0001.yaml").write_text(
        EXCLUSION.replace("title: Patching of the build servers", f"title: '{hostile}'")
    )
    _record(repository, 1, 100, 40)
    text = render(_estate(repository))
    assert "<img" not in text
    assert "&lt;img" in text


def test_the_csv_files_hold_every_row_and_no_formula(repository: Path) -> None:
    (repository / "rules" / "remote.yaml").write_text(RULE.replace("name: Remote tool started", "name: '=cmd()'"))
    _record(repository, 1, 100, 40)
    found = tables(_estate(repository))
    assert set(found) == {"rules.csv", "exclusions.csv", "hits.csv", "daily.csv", "decisions.csv", "findings.csv"}
    (row,) = csv.DictReader(io.StringIO(found["rules.csv"]))
    assert row["name"] == "'=cmd()"
    assert (row["events"], row["suppressed"], row["left_over"]) == ("100", "40", "60")


def test_the_command_writes_both(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--html", "out.html", "--csv", "tables", "--on", "2026-11-24"]) == 0
    assert (repository / "out.html").read_text().startswith("<!DOCTYPE html>")
    assert (repository / "tables" / "exclusions.csv").exists()
    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_read_is_told_on_the_page(repository: Path) -> None:
    (repository / "exclusions" / "bad.yaml").write_text("id: [\n")
    assert run(["report", "--html", "out.html", "--on", "2026-11-24"]) == 2
    assert "1 authored file could not be read" in words((repository / "out.html").read_text())


def test_a_sparkline_leaves_gaps_where_nothing_is_known() -> None:
    text = sparkline([1, None, 3, 4], "hits")
    assert text.count("<circle") == 1
    assert text.count("<polyline") == 1
    assert "<title>hits</title>" in text


def test_a_long_line_is_cut_behind_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    from fpctl.report.page import render as module

    monkeypatch.setattr(module, "LONGEST_LINE", 40)
    base = 'T\n| where a > 1\n| where b in ("x")'
    clause = '| where not(b in~ ("aaaaaa", "bbbbbb", "cccccc", "dddddd"))'
    lines = list(tuned_lines(base, f'T\n| where a > 1\n{clause}\n| where b in ("x")'))
    assert "".join(piece.text for piece in lines[2].pieces) == (
        '| where not(b in~ ("aaaaaa", "bbbbbb",  … 20 more characters'
    )
    assert [line.clause for line in lines] == [False, False, True, False]


def test_plans_of_other_processes_are_those_of_this_one(repository: Path) -> None:
    from fpctl.repository.parallel import Planning, tune_in_parallel

    settings = load_settings(repository / "fpctl.toml")
    found = open_repository(settings.paths.rules, settings.paths.exclusions, root=settings.paths.root)
    outcomes = tune_in_parallel(found.rules.rules, Planning(found.active(), found.planner(TODAY)))
    assert render(build_estate(found, settings, TODAY, outcomes)) == render(build_estate(found, settings, TODAY))


HOSTILE = "@team #12 [x](http://e.vil) | `a` <b>*c*</b> https://e.vil a_b_c ``d``"


def test_the_comment_has_no_escape_and_no_markup_of_others(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _record(repository, 1, 100, 40)
    file = repository / "exclusions" / "fp-2026-0001.yaml"
    title = HOSTILE.replace("'", "")
    file.write_text(EXCLUSION.replace("title: Patching of the build servers", f"title: '{title}'"))
    assert run(["report", "--markdown", "-", "--on", "2026-11-24"]) == 0
    text = capsys.readouterr().out
    shown = title.replace("|", "\\|")
    assert f"| ``` fp-2026-0001 {shown} ``` | expires on 2026-12-10, in 16 days |" in text
    assert "&#" not in text
    assert "| Remote tool started | 1 | 100 | 40 | 60 |" in text
    assert "```diff\n--- a/remote.yaml" in text
    assert "+| where not(" in text


def test_a_comment_is_no_longer_than_it_may_be(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fpctl.report import pull_request

    for number in range(30):
        rule = RULE.replace(RULE_ID, f"11111111-1111-4111-8111-1111111111{number:02}")
        (repository / "rules" / f"r{number:02}.yaml").write_text(rule)
    exclusion = repository / "exclusions" / "fp-2026-0001.yaml"
    exclusion.write_text(EXCLUSION.replace(f"rules: [{RULE_ID}]", 'rules: ["*"]'))
    monkeypatch.setattr(pull_request, "MOST_CHARACTERS", 6_000)
    text = pull_request.to_comment(_estate(repository))
    assert len(text) < 6_100
    left_out = int(re.search(r"(\d+) more are left out", text)[1])  # type: ignore[index]
    assert text.count("```diff") == 31 - left_out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patching of build01", "Patching of build01"), ("a.rossi@contoso.com", "`a.rossi@contoso.com`"),
        ("- item", "`- item`"), ("1. x", "`1. x`"), ("a`b", "``a`b``"), ("the rule `a_b` is", "the rule `a_b` is"),
        ("`", "`` ` ``"),
        ("see www.x.example", "`see www.x.example`"),
        ("two\nlines", "two lines"), ("a_b", "`a_b`"), ("risk 10 of 100, low", "risk 10 of 100, low"),
    ],
)  # fmt: skip
def test_what_could_be_markup_is_a_code_span(text: str, expected: str) -> None:
    from fpctl.report.markdown import said

    assert said(text) == expected


@pytest.mark.parametrize(
    ("exclusions", "suppressed", "failed", "expected"),
    [(0, None, None, False), (2, None, None, True), (2, 7, None, False), (0, None, "timed out", True)],
)
def test_a_rule_needs_attention_when_its_run_failed_or_does_not_know_what_exclusions_suppressed(
    exclusions: int, suppressed: int | None, failed: str | None, expected: bool
) -> None:
    last = datetime(2026, 11, 24, tzinfo=UTC)
    noise = RuleNoise("r", "R", "r.kql", exclusions, suppressed, suppressed, 1, last, failed)
    assert noise.needs_attention is expected
