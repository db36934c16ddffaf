"""`fpctl apply` and `fpctl strip`: what goes in, what comes out again, and what bad input does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from markers_support import without_checks

QUERY = "DeviceNetworkEvents\n| where ActionType == 'ConnectionSuccess' // why\n| summarize count() by DeviceName\n"
EXCLUSION = """id: {id}
rules: ["{rules}"]
match:
  device: [build01.contoso.com]
reason: patching
owner: a@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""
CLAUSE = '| where not(DeviceName in~ ("build01.contoso.com") and coalesce(Timestamp < datetime(2027-05-01), false))'
DAY = ("--on", "2026-11-24")


@pytest.fixture
def repository(workplace: Path) -> Path:
    write(workplace / "rules" / "net.kql", QUERY)
    write(workplace / "exclusions" / "fp-1.yaml", EXCLUSION.format(id="fp-1", rules="net.kql"))
    return workplace


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def rules_of(outcome: Any) -> list[dict[str, Any]]:
    found = json.loads(outcome.out)["rules"]
    assert isinstance(found, list)
    return found


def test_the_tuned_rule_goes_to_stdout_and_the_talk_to_stderr(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("apply", *DAY)
    assert without_checks(outcome.out) == (
        "DeviceNetworkEvents\n| where ActionType == 'ConnectionSuccess' // why\n"
        f"{CLAUSE} // fpctl fp-1\n| summarize count() by DeviceName\n"
    )
    assert outcome.err == "1 rule: 1 rewritten\n"
    assert outcome.code == 0


def test_json_has_the_documented_shape(fpctl: Callable[..., Any], repository: Path) -> None:
    (rule,) = rules_of(fpctl("apply", *DAY, "--format", "json"))
    assert rule["rule"] == rule["path"] == "net.kql"
    assert rule["status"] == "rewritten"
    (insertion,) = rule["insertions"]
    assert insertion["exclusions"] == ["fp-1"]
    assert insertion["line"] == 2
    assert insertion["position"] == "after where, line 2"
    assert insertion["clause"] == CLAUSE
    assert rule["skips"] == []
    assert rule["warnings"] == []


def test_a_rule_is_found_by_id_name_path_and_glob(fpctl: Callable[..., Any], repository: Path) -> None:
    write(
        repository / "rules" / "deep" / "other.yaml", "id: 7f0e\nname: Other rule\nquery: |\n  DeviceInfo\n  | take 1\n"
    )
    for pattern in ("7f0e", "Other rule", "deep/other.yaml", "rules/deep/other.yaml", "deep/*"):
        (rule,) = rules_of(fpctl("apply", pattern, *DAY, "--format", "json"))
        assert rule["rule"] == "7f0e", pattern


def test_an_unknown_rule_is_an_error_with_the_nearest_one(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("apply", "nett.kql", *DAY)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err == "fpctl: no rule matches `nett.kql`\n  hint: did you mean `net.kql`?\n"


def test_out_writes_every_rule_under_its_path(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "rules" / "deep" / "other.kql", "DeviceInfo\r\n| take 1")
    outcome = fpctl("apply", *DAY, "--out", "out")
    assert outcome.code == 0
    assert outcome.out == ""
    assert (repository / "out" / "deep" / "other.kql").read_bytes() == b"DeviceInfo\r\n| take 1"
    assert f"{CLAUSE} // fpctl fp-1" in (repository / "out" / "net.kql").read_text()


def test_check_tells_whether_the_folder_is_up_to_date(fpctl: Callable[..., Any], repository: Path) -> None:
    missing = fpctl("apply", *DAY, "--out", "out", "--check")
    assert missing.code == 1
    assert "out/net.kql: not up to date\n  hint: fpctl apply --out out\n" in missing.err
    assert not (repository / "out").exists()
    fpctl("apply", *DAY, "--out", "out")
    assert fpctl("apply", *DAY, "--out", "out", "--check").code == 0
    write(repository / "out" / "net.kql", QUERY)
    assert fpctl("apply", *DAY, "--out", "out", "--check").code == 1


def test_check_compares_with_the_folder_of_the_settings(
    fpctl: Callable[..., Any], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPCTL_OUT", "tuned")
    assert fpctl("apply", *DAY, "--check").code == 1
    fpctl("apply", *DAY, "--out", "tuned")
    assert fpctl("apply", *DAY, "--check").code == 0


def test_check_without_out_is_a_usage_error(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("apply", "--check")
    assert outcome.code == 2
    assert "--check compares with what is in --out DIR; give it, or set `out` in [paths]" in outcome.err


def test_diff_shows_the_clause(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("apply", *DAY, "--diff")
    assert outcome.out.startswith("--- a/net.kql\n+++ b/net.kql\n")
    assert f"\n+{CLAUSE} // fpctl fp-1\n" in without_checks(outcome.out)


def test_applying_twice_equals_applying_once(fpctl: Callable[..., Any], repository: Path) -> None:
    fpctl("apply", *DAY, "--out", "once")
    fpctl("apply", *DAY, "--rules", "once", "--out", "twice")
    assert (repository / "twice" / "net.kql").read_bytes() == (repository / "once" / "net.kql").read_bytes()


def test_strip_gives_the_bytes_back(fpctl: Callable[..., Any], repository: Path) -> None:
    fpctl("apply", *DAY, "--out", "tuned")
    outcome = fpctl("strip", "--rules", "tuned", "--out", "base")
    assert outcome.code == 0
    assert (repository / "base" / "net.kql").read_bytes() == QUERY.encode()


def test_yaml_keeps_everything_but_the_lines_of_the_query(fpctl: Callable[..., Any], repository: Path) -> None:
    head = "# mine\nid:   7f0e   # odd spacing\nname: 'Quoted'\nquery: |-\n"
    body = "    DeviceNetworkEvents\n    | where RemotePort == 443\n    | summarize count() by DeviceId\n"
    tail = "\ntactics: [ Execution ]\n"
    write(repository / "rules" / "r.yaml", head + body + tail)
    write(repository / "exclusions" / "fp-2.yaml", EXCLUSION.format(id="fp-2", rules="7f0e"))
    fpctl("apply", "7f0e", *DAY, "--out", "tuned")
    tuned = (repository / "tuned" / "r.yaml").read_text()
    assert without_checks(tuned) == head + body.replace("443\n", f"443\n    {CLAUSE} // fpctl fp-2\n") + tail
    fpctl("strip", "--rules", "tuned", "--out", "base")
    assert (repository / "base" / "r.yaml").read_text() == head + body + tail


def test_a_refused_exclusion_that_names_the_rule_is_a_finding(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "rules" / "net.kql", "EmailEvents\n| project Subject\n")
    outcome = fpctl("apply", *DAY)
    assert outcome.code == 1
    assert (
        "net.kql:1: refused: fp-1 [field-not-in-table] no column of EmailEvents holds the field device" in outcome.err
    )
    assert outcome.out == "EmailEvents\n| project Subject\n"


def test_an_exclusion_that_only_sweeps_the_rule_is_listed_without_a_finding(
    fpctl: Callable[..., Any], repository: Path
) -> None:
    write(repository / "rules" / "mail.kql", "EmailEvents\n| project Subject\n")
    write(repository / "exclusions" / "fp-1.yaml", EXCLUSION.format(id="fp-1", rules="*"))
    outcome = fpctl("apply", *DAY, "--format", "json")
    mail, net = rules_of(outcome)
    assert outcome.code == 0
    assert mail["status"] == "unchanged"
    assert [skip["reason"] for skip in mail["skips"]] == ["field-not-in-table"]
    assert net["status"] == "rewritten"


def test_a_query_that_does_not_parse_is_refused_with_its_place_and_stops_no_other(
    fpctl: Callable[..., Any], repository: Path
) -> None:
    write(repository / "rules" / "bad.kql", "DeviceInfo\n| where A ==\n")
    outcome = fpctl("apply", *DAY, "--out", "out")
    assert outcome.code == 2
    assert "rules/bad.kql:2:13: " in outcome.err
    assert (repository / "out" / "net.kql").exists()
    assert not (repository / "out" / "bad.kql").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("device: [build01.contoso.com]|devise: [build01]", "did you mean `device`?"),
        ('rules: ["net.kql"]|rules: [nett.kql]', "names the rule `nett.kql`, which does not exist"),
        ('build01.contoso.com|""', "it would match everything"),
        ("build01.contoso.com|RMM_TOOL_NAME.exe", "placeholder"),
        ("id: fp-1|id: fp-1\nid: fp-1", "twice"),
    ],
    ids=["unknown key", "unknown rule", "empty value", "placeholder", "duplicate key"],
)
def test_a_broken_exclusion_is_said_with_its_place_and_left_out(
    fpctl: Callable[..., Any], repository: Path, change: str, message: str
) -> None:
    old, new = change.split("|", 1)
    write(repository / "exclusions" / "fp-1.yaml", EXCLUSION.format(id="fp-1", rules="net.kql").replace(old, new))
    outcome = fpctl("apply", *DAY)
    assert outcome.code == 2
    assert "exclusions/fp-1.yaml:" in outcome.err
    assert message in outcome.err


def test_two_exclusions_of_one_id_are_both_left_out(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "exclusions" / "again.yaml", EXCLUSION.format(id="fp-1", rules="net.kql"))
    outcome = fpctl("apply", *DAY)
    assert outcome.code == 2
    assert outcome.out == QUERY
    assert "the id `fp-1` is also used at exclusions/again.yaml:1" in outcome.err


def test_an_expired_exclusion_is_listed_and_not_in_the_plan(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("apply", "--on", "2027-05-01", "--format", "json")
    (rule,) = rules_of(outcome)
    assert rule["status"] == "unchanged"
    (skip,) = rule["skips"]
    assert (skip["exclusion"], skip["reason"], skip["message"]) == ("fp-1", "expired", "fp-1 expired on 2027-05-01")
    assert outcome.code == 0


def test_a_value_cannot_break_out_of_its_literal(fpctl: Callable[..., Any], repository: Path) -> None:
    nasty = "'a\" or 1==1) // \\ | take 1'"
    write(
        repository / "exclusions" / "fp-1.yaml",
        EXCLUSION.format(id="fp-1", rules="net.kql").replace(
            "[build01.contoso.com]", f"[build01]\n  command_line: [{nasty}]"
        ),
    )
    outcome = fpctl("apply", *DAY)
    assert outcome.code == 0
    assert r'"a\" or 1==1) // \\ | take 1"' in outcome.out


def test_an_out_folder_that_is_a_file_is_one_clear_error(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "out", "mine")
    outcome = fpctl("apply", *DAY, "--out", "out")
    assert outcome.code == 2
    assert outcome.err.startswith("fpctl: out/net.kql: cannot write the file: ")
    assert (repository / "out").read_text() == "mine"
    assert [path.name for path in repository.iterdir() if path.name.startswith(".")] == []


def test_missing_folders_are_named(fpctl: Callable[..., Any], workplace: Path) -> None:
    outcome = fpctl("apply")
    assert outcome.code == 2
    assert outcome.err.startswith("fpctl: there is no rules folder or file `rules`\n")
