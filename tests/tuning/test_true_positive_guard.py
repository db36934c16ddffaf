"""`fpctl test`, and the guard in `apply` and `run`: an exclusion never suppresses a known attack unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DAY = ("--on", "2026-11-24")
EVENT = (
    "{{DeviceName: {device}, RemoteUrl: {url}, InitiatingProcessFileName: {process}, "
    "InitiatingProcessVersionInfoProductName: rport{more}}}"
)


def event(device: str = "fin-ws-017", url: str = "c2.evil.net", process: str = "rport.exe", more: str = "") -> str:
    return EVENT.format(device=device, url=url, process=process, more=f", {more}" if more else "")


def case(*events: str, name: str = "an attack", extra: str = "") -> str:
    rows = "".join(f"\n      - {one}" for one in events)
    return f"  - name: {name}\n{extra}    rows:\n      DeviceNetworkEvents:{rows}\n"


def write_tests(workplace: Path, text: str, name: str = "net.tests.yaml") -> None:
    (workplace / "rules" / name).write_text(text)


def results(outcome: Any) -> list[tuple[str, str]]:
    return [(one["name"], one["status"]) for one in json.loads(outcome.out)["tests"]]


def test_an_attack_that_no_exclusion_names_passes(fpctl: Callable[..., Any], workplace: Path) -> None:
    write_tests(workplace, "must_fire:\n" + case(event()))
    outcome = fpctl("test", *DAY, "--format", "json")
    assert (outcome.code, results(outcome)) == (0, [("an attack", "passed")])


def test_a_suppressed_attack_names_the_exclusion_and_its_clause(fpctl: Callable[..., Any], workplace: Path) -> None:
    write_tests(workplace, "must_fire:\n" + case(event("build01.contoso.com", process="msiexec.exe")))
    outcome = fpctl("test", *DAY)
    assert outcome.code == 1
    assert "net.tests.yaml:2:5: an attack\n  fp-1 suppresses 1 event after where, line 2:\n" in outcome.out
    assert 'InitiatingProcessFileName in~ ("msiexec.exe") and coalesce(Timestamp < ' in outcome.out


def test_one_suppressed_event_of_several_is_told_though_the_rule_still_fires(
    fpctl: Callable[..., Any], workplace: Path
) -> None:
    write_tests(workplace, "must_fire:\n" + case(event("build01", process="msiexec.exe"), event()))
    (one,) = json.loads(fpctl("test", *DAY, "--format", "json").out)["tests"]
    assert (one["status"], one["base_rows"], one["tuned_rows"]) == ("suppressed", 2, 1)
    assert [(found["exclusion"], found["rows"]) for found in one["suppressed_by"]] == [("fp-1", 1)]


def test_a_background_event_may_be_taken_out(fpctl: Callable[..., Any], workplace: Path) -> None:
    background = f"    background: {{DeviceNetworkEvents: [{event('build01', process='msiexec.exe')}]}}\n"
    write_tests(workplace, "must_fire:\n" + case(event(), extra=background))
    assert results(fpctl("test", *DAY, "--format", "json")) == [("an attack", "passed")]


def test_an_exclusion_that_silences_a_threshold_through_the_background_is_named(
    fpctl: Callable[..., Any], workplace: Path
) -> None:
    rule = (
        (workplace / "rules" / "net.yaml")
        .read_text()
        .replace("by DeviceName, RemoteUrl", "by RemoteUrl | where Count > 1")
    )
    (workplace / "rules" / "net.yaml").write_text(rule)
    background = f"    background: {{DeviceNetworkEvents: [{event('build01', process='msiexec.exe')}]}}\n"
    write_tests(workplace, "must_fire:\n" + case(event(), extra=background))
    (one,) = json.loads(fpctl("test", *DAY, "--format", "json").out)["tests"]
    assert one["status"] == "suppressed"
    assert [(found["exclusion"], found["rows"]) for found in one["suppressed_by"]] == [("fp-1", 0)]


def test_an_event_on_which_the_base_rule_is_quiet_is_a_wrong_test(fpctl: Callable[..., Any], workplace: Path) -> None:
    write_tests(workplace, "must_fire:\n  - rows: {DeviceNetworkEvents: {DeviceName: fin-ws-017}}\n")
    outcome = fpctl("test", *DAY, "--format", "json")
    assert (outcome.code, results(outcome)) == (1, [("must-fire 1", "wrong-test")])


@pytest.mark.parametrize(("process", "status"), [("msiexec.exe", "passed"), ("rport.exe", "still-fires")])
def test_an_event_must_stay_quiet(fpctl: Callable[..., Any], workplace: Path, process: str, status: str) -> None:
    write_tests(workplace, "must_stay_quiet:\n" + case(event("build01", process=process)))
    assert results(fpctl("test", *DAY, "--format", "json")) == [("an attack", status)]


def test_a_rule_that_fires_on_many_rows_fires_only_beyond_its_threshold(
    fpctl: Callable[..., Any], workplace: Path
) -> None:
    rule = (workplace / "rules" / "net.yaml").read_text()
    (workplace / "rules" / "net.yaml").write_text(
        rule + "kind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 1h\ntriggerOperator: gt\ntriggerThreshold: 1\n"
    )
    write_tests(workplace, "must_fire:\n" + case(event(), name="one") + case(event(), event("ws-2"), name="two"))
    assert results(fpctl("test", *DAY, "--format", "json")) == [("one", "wrong-test"), ("two", "passed")]


WINDOW = 'window: {weekly: ["sun 02:00-04:00"]}\n'


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("", "suppressed"),
        ('    now: "2026-11-22T04:00:00Z"\n', "suppressed"),
        ('    now: "2026-11-22T06:30:00Z"\n', "passed"),
    ],
)
def test_a_window_counts_only_where_the_test_has_a_time(
    fpctl: Callable[..., Any], workplace: Path, now: str, status: str
) -> None:
    file = workplace / "exclusions" / "fp-1.yaml"
    file.write_text(file.read_text() + WINDOW)
    write_tests(
        workplace, "must_fire:\n" + case(event("build01", process="msiexec.exe", more="Timestamp: -1h"), extra=now)
    )
    assert results(fpctl("test", *DAY, "--format", "json")) == [("an attack", status)]


def test_tests_may_stand_in_the_rule_and_their_faults_have_a_place(fpctl: Callable[..., Any], workplace: Path) -> None:
    rule = (workplace / "rules" / "net.yaml").read_text()
    cases = case(event()).replace("\n", "\n  ").rstrip(" ")
    (workplace / "rules" / "net.yaml").write_text(f"{rule}tests:\n  must_fire:\n  {cases}    - rowz: 1\n")
    outcome = fpctl("test", *DAY, "--format", "json")
    assert (outcome.code, results(outcome)) == (2, [("an attack", "passed")])
    line = (workplace / "rules" / "net.yaml").read_text().count("\n")
    assert f"net.yaml:{line}:7: error: unknown key `rowz` in a case\n  hint: did you mean `rows`?" in outcome.err


def test_events_come_from_a_file_too(fpctl: Callable[..., Any], workplace: Path) -> None:
    row = {"DeviceName": "ws-1", "InitiatingProcessVersionInfoProductName": "rport", "RemotePort": 443}
    (workplace / "rules" / "attack.jsonl").write_text(json.dumps(row) + "\n")
    write_tests(workplace, "must_fire:\n  - name: filed\n    files: {DeviceNetworkEvents: attack.jsonl}\n")
    assert results(fpctl("test", *DAY, "--format", "json")) == [("filed", "passed")]


def test_a_file_of_tests_is_no_rule_and_belongs_to_the_rule_of_the_longest_name(
    fpctl: Callable[..., Any], workplace: Path
) -> None:
    (workplace / "rules" / "net.other.kql").write_text("DeviceNetworkEvents | where RemoteUrl has 'evil'\n")
    write_tests(workplace, "must_fire:\n" + case(event(), name="of net"), "net.captured.tests.yaml")
    write_tests(workplace, "must_fire:\n" + case(event(), name="of net.other"), "net.other.tests.yaml")
    found = json.loads(fpctl("test", *DAY, "--format", "json").out)["tests"]
    assert sorted((one["rule"], one["name"]) for one in found) == [
        ("net.other.kql", "of net.other"),
        ("rmm-net", "of net"),
    ]


def test_apply_refuses_what_suppresses_an_attack(fpctl: Callable[..., Any], workplace: Path) -> None:
    write_tests(workplace, "must_fire:\n" + case(event("build01", process="msiexec.exe")))
    outcome = fpctl("apply", *DAY)
    assert outcome.code == 1
    assert "fpctl fp-1" not in outcome.out
    assert "net.yaml:2: refused: fp-1 [suppresses-test] it suppresses an event that must fire: an attack" in outcome.err


def test_apply_keeps_the_exclusions_that_suppress_nothing(fpctl: Callable[..., Any], workplace: Path) -> None:
    other = (workplace / "exclusions" / "fp-1.yaml").read_text().replace("fp-1", "fp-2").replace("build01", "build02")
    (workplace / "exclusions" / "fp-2.yaml").write_text(other)
    write_tests(workplace, "must_fire:\n" + case(event("build01", process="msiexec.exe")))
    outcome = fpctl("apply", *DAY)
    assert ("fp-1" in outcome.out, "fpctl fp-2" in outcome.out) == (False, True)


def test_apply_puts_it_in_if_forced_and_says_so(fpctl: Callable[..., Any], workplace: Path) -> None:
    write_tests(workplace, "must_fire:\n" + case(event("build01", process="msiexec.exe")))
    outcome = fpctl("apply", *DAY, "--force", "accepted in CHG1")
    assert (outcome.code, "fpctl fp-1" in outcome.out) == (0, True)
    assert "forced: fp-1 suppresses an event that must fire: an attack" in outcome.err


def test_force_needs_a_reason(fpctl: Callable[..., Any], workplace: Path) -> None:
    assert fpctl("apply", *DAY, "--force", " ").code == 2


def test_apply_tells_a_test_that_proves_nothing_and_goes_on(fpctl: Callable[..., Any], workplace: Path) -> None:
    write_tests(workplace, "must_fire:\n  - name: quiet\n    rows: {DeviceNetworkEvents: {DeviceName: ws}}\n")
    outcome = fpctl("apply", *DAY)
    assert (outcome.code, "fpctl fp-1" in outcome.out) == (0, True)
    assert "warning: `quiet` must fire, but the base rule does not fire on it" in outcome.err


def data_of(workplace: Path, *rows: dict[str, Any]) -> Path:
    folder = workplace / "data"
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"InitiatingProcessVersionInfoProductName": "rport", **row}) for row in rows]
    (folder / "DeviceNetworkEvents.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_run_refuses_it_too(fpctl: Callable[..., Any], workplace: Path) -> None:
    row = {"Timestamp": "2026-11-23T10:00:00Z", "DeviceName": "build01", "InitiatingProcessFileName": "msiexec.exe"}
    data = data_of(workplace, row)
    write_tests(workplace, "must_fire:\n" + case(event("build01", process="msiexec.exe")))
    outcome = fpctl("run", "--data", data, "--to", "2026-11-24", "--no-record", "--format", "json")
    (run,) = json.loads(outcome.out)["runs"]
    assert (outcome.code, run["result_rows"], run["hits"]) == (1, 1, [])


CAPTURED = {
    "Timestamp": "2026-11-23T10:00:00Z", "DeviceName": "ws-7", "RemoteUrl": "https://evil.net/a?token=abc123",
    "InitiatingProcessCommandLine": "rport --password hunter2 -c x", "RemotePort": 443,
}  # fmt: skip


def test_a_captured_attack_becomes_a_test_without_its_secrets(fpctl: Callable[..., Any], workplace: Path) -> None:
    data = data_of(workplace, CAPTURED, {"Timestamp": "2026-11-23T10:00:00Z", "DeviceName": "ws-8"})
    outcome = fpctl(
        "capture", "rmm-net", "--where", 'DeviceName == "ws-7"', "--name", "RPort on ws-7",
        "--data", data, "--to", "2026-11-24", "--yes",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    text = (workplace / "rules" / "net.rport-on-ws-7.tests.yaml").read_text()
    assert ("hunter2" in text, "abc123" in text, "ws-8" in text) == (False, False, False)
    assert "secrets removed: option (1), url-parameter (1)" in outcome.err
    assert results(fpctl("test", *DAY, "--format", "json")) == [("RPort on ws-7", "passed")]


def test_nothing_is_captured_that_the_rule_does_not_fire_on(fpctl: Callable[..., Any], workplace: Path) -> None:
    rule = (workplace / "rules" / "net.yaml").read_text().replace("RemoteUrl\n", "RemoteUrl\n  | where Count > 1\n")
    (workplace / "rules" / "net.yaml").write_text(rule)
    data = data_of(workplace, CAPTURED)
    outcome = fpctl(
        "capture", "rmm-net", "--where", 'DeviceName == "ws-7"', "--data", data, "--to", "2026-11-24", "--yes"
    )
    assert (outcome.code, list((workplace / "rules").glob("*.tests.yaml"))) == (2, [])
    assert "the rule does not fire on the captured events alone" in outcome.err
