"""`fpctl audit` as its users call it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.repository import QUERY, exclusion, rule
from cli.conftest import Outcome
from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord
from fpctl.repository.approval_snapshot import base_hash

Run = Callable[..., Outcome]
DAY = "2026-11-24"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def repository(workplace: Path) -> Path:
    """Return a repository with a rule and no exclusion."""
    (workplace / "rules").mkdir()
    (workplace / "exclusions").mkdir()
    (workplace / "rules" / "rmm.yaml").write_text(rule())
    return workplace


def put(repository: Path, name: str, **keys: Any) -> None:
    (repository / "exclusions" / f"{name}.yaml").write_text(exclusion(id=name, **keys))


NO_HISTORY = "No run has been recorded at .fpctl/history.db: the use of exclusions was not checked.\n"


def test_without_findings_it_prints_nothing_and_exits_with_0(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", approved_by=None, status="draft")
    found = fpctl("audit", "--on", DAY)
    assert (found.code, found.out) == (0, "")
    assert found.err == f"{NO_HISTORY}1 exclusion and 1 rule: no findings\n"


def test_findings_are_a_table_and_exit_with_1(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", owner=None)
    found = fpctl("audit", "--on", DAY)
    assert found.code == 1
    assert [line.split()[:3] for line in found.out.splitlines() if not line.startswith("---")] == [
        ["severity", "code", "place"],
        ["error", "FP201", "exclusions/fp-1.yaml:1"],
        ["note", "FP210", "exclusions/fp-1.yaml:9:14"],
    ]
    assert found.err == f"{NO_HISTORY}1 exclusion and 1 rule: 1 error, 1 note\n"


@pytest.mark.parametrize(("level", "code"), [(None, 1), ("note", 1), ("warning", 1), ("error", 0)])
def test_fail_on_says_from_where_on_it_fails(repository: Path, fpctl: Run, level: str | None, code: int) -> None:
    put(repository, "fp-1", expires="2026-11-20")
    assert fpctl("audit", "--on", DAY, *(("--fail-on", level) if level else ())).code == code


def test_a_note_does_not_fail_unless_asked(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1")
    assert fpctl("audit", "--on", DAY).code == 0
    assert fpctl("audit", "--on", DAY, "--fail-on", "note").code == 1


def test_the_day_decides(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", expires="2026-12-01")
    only = ("audit", "--only", "expired,expiring", "--format", "json", "--on")
    codes = {day: [f["name"] for f in json.loads(fpctl(*only, day).out)["findings"]] for day in (
        "2026-10-01", "2026-11-30", "2026-12-01")}  # fmt: skip
    assert codes == {"2026-10-01": [], "2026-11-30": ["expiring"], "2026-12-01": ["expired"]}


def test_only_asks_for_checks_by_code_or_name(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", owner=None, reason=None, ticket=None)
    found = fpctl("audit", "--on", DAY, "--only", "no-owner,fp203", "--only", "FP101", "--format", "csv")
    assert [line.split(",")[1] for line in found.out.splitlines()] == ["code", "FP201", "FP203"]


def test_an_unknown_check_is_an_error_with_a_hint(repository: Path, fpctl: Run) -> None:
    found = fpctl("audit", "--only", "expird")
    assert (found.code, found.out) == (2, "")
    assert found.err == "fpctl: there is no check `expird`\n  hint: did you mean `expired`?\n"


def test_rule_and_exclusion_narrow_the_findings(repository: Path, fpctl: Run) -> None:
    (repository / "rules" / "other.yaml").write_text(rule("other", "Other"))
    put(repository, "fp-1", owner=None)
    put(repository, "fp-2", owner=None, rules=["other"])
    ask = ("audit", "--on", DAY, "--only", "no-owner", "--format", "json")

    def ids(*more: str) -> list[str]:
        return [finding["exclusion"] for finding in json.loads(fpctl(*ask, *more).out)["findings"]]

    assert ids("--rule", "Other") == ["fp-2"]
    assert ids("--exclusion", "fp-1") == ["fp-1"]
    assert ids("--rule", "Other", "--exclusion", "fp-1") == []
    found = fpctl(*ask, "--exclusion", "fp-3")
    assert (found.code, found.err) == (2, "fpctl: no exclusion has the id `fp-3`\n  hint: did you mean `fp-2`?\n")


def test_a_baseline_leaves_out_what_is_known_and_tells_what_is_gone(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", owner=None)
    put(repository, "fp-2", ticket=None)
    ask = ("audit", "--on", DAY, "--only", "FP201,FP203")
    written = fpctl(*ask, "--write-baseline", "known.json")
    assert (written.code, written.out, written.err) == (0, "", "2 findings written to known.json\n")
    put(repository, "fp-2")
    put(repository, "fp-3", owner=None)
    found = fpctl(*ask, "--baseline", "known.json")
    assert found.code == 1
    assert [line.split()[2] for line in found.out.splitlines()[2:]] == ["exclusions/fp-3.yaml:1"]
    assert found.err == (
        f"{NO_HISTORY}3 exclusions and 1 rule: 1 error (1 in the baseline left out)\n"
        "1 finding in the baseline no longer found: write the baseline again\n"
    )


def test_a_missing_baseline_is_an_error(repository: Path, fpctl: Run) -> None:
    found = fpctl("audit", "--baseline", "gone.json")
    assert (found.code, found.err) == (
        2,
        "fpctl: gone.json: cannot read the file: No such file or directory\n"
        "  hint: check the path, and that you may read it\n",
    )


def test_the_policy_sets_how_grave_a_finding_is(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", owner=None)
    (repository / "fpctl.toml").write_text('[policy.severity]\nFP201 = "note"\nunrecorded-approval = "off"\n')
    found = fpctl("audit", "--on", DAY)
    assert (found.code, found.err) == (0, f"{NO_HISTORY}1 exclusion and 1 rule: 1 note\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[policy.severity]\nFP999 = "off"\n',
         "fpctl: fpctl.toml:2:1: there is no check `FP999`\n  hint: docs/findings.md lists them\n"),
        ('[policy.severity]\nexpird = "off"\n',
         "fpctl: fpctl.toml:2:1: there is no check `expird`\n  hint: did you mean `expired`?\n"),
        ('[policy.severity]\nFP101 = "off"\nexpired = "note"\n',
         "fpctl: fpctl.toml:3:1: `FP101` and `expired` are the same check\n  hint: keep one of them\n"),
        ('[policy.lifetime]\nscenarios = {remote-rebot = 3}\n',
         "fpctl: fpctl.toml:2:1: unknown scenario `remote-rebot`\n  hint: did you mean `remote-reboot`?\n"),
    ],
)  # fmt: skip
def test_a_policy_that_names_what_is_not_there_is_an_error(
    repository: Path, fpctl: Run, text: str, expected: str
) -> None:
    (repository / "fpctl.toml").write_text(text)
    found = fpctl("audit")
    assert found.code == 2
    assert found.err.startswith(expected)


def test_a_rule_that_is_not_there_is_a_finding_and_a_broken_file_an_error(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", rules=["gone"])
    assert fpctl("audit", "--on", DAY, "--only", "unknown-rule").code == 1
    (repository / "exclusions" / "fp-2.yaml").write_text("id: fp-2\nrules: [rmm]\nmatch: {device: ''}\n")
    found = fpctl("audit", "--on", DAY, "--only", "unknown-rule")
    assert found.code == 2
    assert "FP301" in found.out
    assert found.err.endswith(
        "exclusions/fp-2.yaml:3:17: error: the value is empty; it would match everything\n"
        "  hint: give a value, or remove the field\n1 error\n"
    )


def test_the_history_tells_of_usage(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", created="2026-06-01", expires="2026-11-30")
    with History.open(repository / "own.db") as history:
        for back in (60, 30, 1):
            moment = datetime(2026, 11, 24, 5, tzinfo=UTC) - timedelta(days=back)
            hit = HitRecord(ExclusionVersion("fp-1", "hash"), 0, 0)
            version = RuleVersion("rmm", "RMM connection", "h", "T")
            history.record_run(
                RunRecord(version, "local", "ok", moment, moment, None, None, "t", 10, 0, 10, None, (hit,))
            )
    found = fpctl("audit", "--on", DAY, "--history", "own.db", "--only", "never-hit")
    assert found.code == 1
    assert "fp-1 has never had a hit, in 3 runs and 60 days" in found.out
    assert found.err == "1 exclusion and 1 rule: 1 warning\n"


@pytest.mark.parametrize("format", ["json", "csv", "sarif", "markdown"])
def test_each_format_goes_to_stdout_alone(repository: Path, fpctl: Run, format: str) -> None:
    put(repository, "fp-1", owner=None)
    found = fpctl("audit", "--on", DAY, "--format", format)
    assert found.code == 1
    assert "FP201" in found.out
    assert "FP201" not in found.err
    if format in ("json", "sarif"):
        json.loads(found.out)


def test_control_characters_do_not_reach_the_terminal(repository: Path, fpctl: Run) -> None:
    put(repository, "fp-1", ticket='"\\u001b[31mred"')
    found = fpctl("audit", "--on", DAY, "--only", "bad-ticket")
    assert "\x1b" not in found.out
    assert "\\x1b[31mred" in found.out


def test_the_page_shows_what_is_printed(repository: Path, fpctl: Run) -> None:
    page = (ROOT / "docs" / "audit.md").read_text("utf-8")
    seen = {"on": "2026-11-01", "rules": {"rmm": base_hash(QUERY)}}
    put(repository, "fp-2026-0007", owner=None, approval=seen)
    with History.open(repository / ".fpctl" / "history.db"):
        pass
    found = fpctl("audit", "--on", DAY)
    assert f"$ fpctl audit\n{found.out}{found.err}```" in page
    document = json.loads(fpctl("audit", "--on", DAY, "--format", "json").out)
    shown = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    assert json.loads(shown[1]) == document
