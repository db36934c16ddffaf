"""`fpctl preview`: what is counted before and after is what a query by hand counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpctl.cli.shared.impact_output import bar

SPAN = ("--to", "2026-11-24", "--since", "3d")


def row(day: int, device: str, process: str = "msiexec.exe", url: str = "a.net", **more: Any) -> dict[str, Any]:
    return {
        "Timestamp": f"2026-11-{day}T10:00:00Z", "DeviceName": device, "RemoteUrl": url,
        "InitiatingProcessFileName": process, "InitiatingProcessVersionInfoProductName": "rport", **more,
    }  # fmt: skip


@pytest.fixture
def data(workplace: Path) -> Path:
    rows = [
        row(21, "build01"),
        row(21, "build01.contoso.com"),
        row(21, "ws-1"),
        row(23, "build01", url="b.net"),
        row(23, "ws-1", "rport.exe"),
        row(23, "build01", "rport.exe"),
        row(23, "ws-9", InitiatingProcessVersionInfoProductName="other"),
        row(10, "build01"),
    ]
    folder = workplace / "data"
    folder.mkdir()
    (folder / "DeviceNetworkEvents.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def previewed(fpctl: Callable[..., Any], data: Path, *arguments: str) -> dict[str, Any]:
    outcome = fpctl("preview", *arguments, "--data", data, *SPAN, "--format", "json")
    assert outcome.code in (0, 1), outcome.err
    found: dict[str, Any] = json.loads(outcome.out)
    return found


def test_events_rows_and_days_are_counted_before_and_after(fpctl: Callable[..., Any], data: Path) -> None:
    (one,) = previewed(fpctl, data, "fp-1")["rules"]
    assert (one["events"], one["removed"]) == (6, 3)
    assert one["result_rows"] == {
        "before": 4,
        "after": 2,
        "compared": True,
        "removed": 2,
        "changed": 1,
        "only_after": [],
    }
    names = ("events", "removed", "alerts_before", "alerts_after")
    days = [(day["day"][-2:], *(day[name] for name in names)) for day in one["days"]]
    assert days == [("21", 3, 2, 3, 1), ("22", 0, 0, 0, 0), ("23", 3, 1, 3, 2)]


def test_entities_that_lose_all_their_events_are_named(fpctl: Callable[..., Any], data: Path) -> None:
    entities = previewed(fpctl, data, "fp-1")["rules"][0]["entities"]
    assert entities["device"] == {
        "total": 3, "touched": 2, "removed": 1, "shown": [{"value": "build01.contoso.com", "events": 1}]
    }  # fmt: skip
    assert entities["url"]["shown"] == [{"value": "b.net", "events": 1}]


def test_the_sample_shows_what_is_taken_out_the_latest_first(fpctl: Callable[..., Any], data: Path) -> None:
    sample = previewed(fpctl, data, "fp-1")["rules"][0]["sample"]
    assert [(one["time"], one["device"], one["process"]) for one in sample] == [
        ("2026-11-23T10:00:00Z", "build01", "msiexec.exe"),
        *[("2026-11-21T10:00:00Z", device, "msiexec.exe") for device in (sample[1]["device"], sample[2]["device"])],
    ]


def test_an_exclusion_that_is_not_recorded_is_previewed_from_its_fields(
    fpctl: Callable[..., Any], data: Path, workplace: Path
) -> None:
    found = previewed(fpctl, data, "--device", "ws-1", "--rule", "rmm-net")
    assert (found["rules"][0]["events"], found["rules"][0]["removed"]) == (6, 2)
    assert [path.name for path in (workplace / "exclusions").iterdir()] == ["fp-1.yaml"]


def test_the_other_exclusions_stand_before_and_after_unless_alone(fpctl: Callable[..., Any], data: Path) -> None:
    fields = ("--device", "ws-1", "--rule", "rmm-net")
    with_others = previewed(fpctl, data, *fields)["rules"][0]["result_rows"]
    alone = previewed(fpctl, data, *fields, "--alone")["rules"][0]["result_rows"]
    assert (with_others["before"], with_others["after"]) == (2, 1)
    assert (alone["before"], alone["after"]) == (4, 3)


def test_rows_that_stand_only_after_are_listed_and_are_a_finding(
    fpctl: Callable[..., Any], data: Path, workplace: Path
) -> None:
    rule = workplace / "rules" / "net.yaml"
    rule.write_text(rule.read_text().replace("by DeviceName, RemoteUrl", "by RemoteUrl\n  | where Count < 4"))
    outcome = fpctl("preview", "fp-1", "--data", data, *SPAN, "--format", "json")
    (one,) = json.loads(outcome.out)["rules"]
    assert (outcome.code, one["result_rows"]["only_after"]) == (1, [{"Count": 3, "RemoteUrl": "a.net"}])
    assert [warning["code"] for warning in one["warnings"]] == ["effect"]


@pytest.fixture
def many(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return data of 40 events, of which only 25 result rows are compared one by one."""
    monkeypatch.setattr("fpctl.tuning.row_changes.COMPARED", 25)
    rule = workplace / "rules" / "net.yaml"
    rule.write_text(rule.read_text().replace("summarize Count = count() by DeviceName, RemoteUrl", "sort by RemoteUrl"))
    rows = [row(23, f"build{number % 20:02}.contoso.com", url=f"h{number}.net") for number in range(40)]
    folder = workplace / "data"
    folder.mkdir()
    (folder / "DeviceNetworkEvents.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_large_results_are_counted_by_the_engine_and_not_compared(
    fpctl: Callable[..., Any], many: Path, workplace: Path
) -> None:
    fields = ("--device", "build*", "--rule", "rmm-net", "--alone")
    (one,) = previewed(fpctl, many, *fields)["rules"]
    assert (one["events"], one["removed"], len(one["sample"])) == (40, 40, 5)
    assert one["result_rows"] == {
        "before": 40, "after": 0, "compared": False, "removed": None, "changed": None, "only_after": None
    }  # fmt: skip
    assert [(day["alerts_before"], day["alerts_after"]) for day in one["days"]][-1] == (40, 0)
    outcome = fpctl("preview", *fields, "--data", many, *SPAN)
    assert (outcome.code, "Result rows: 40 before, 0 after; too many to compare one by one" in outcome.out) == (0, True)
    assert "What is suppressed, the latest first (a sample, 5 of 40):" in outcome.out
    assert "devices: 20 seen, 20 lose events, 20 disappear: " in outcome.out
    assert " and 12 more\n" in outcome.out


def test_large_results_that_may_grow_are_a_finding(fpctl: Callable[..., Any], many: Path, workplace: Path) -> None:
    rule = workplace / "rules" / "net.yaml"
    rule.write_text(rule.read_text().replace("sort by RemoteUrl", "top 30 by RemoteUrl asc"))
    outcome = fpctl("preview", "--device", "build01", "--rule", "rmm-net", "--alone", "--data", many, *SPAN)
    assert outcome.code == 1
    assert "rows may appear only after (see the warning)" in outcome.out


def test_a_chart_is_counted_without_its_render(fpctl: Callable[..., Any], data: Path, workplace: Path) -> None:
    rule = workplace / "rules" / "net.yaml"
    rule.write_text(rule.read_text().rstrip() + "\n  | render barchart // shown\n")
    (one,) = previewed(fpctl, data, "fp-1")["rules"]
    assert (one["result_rows"]["before"], one["result_rows"]["after"]) == (4, 2)
    assert [(day["alerts_before"], day["alerts_after"]) for day in one["days"]] == [(3, 1), (0, 0), (3, 2)]


def test_an_event_that_must_fire_and_is_taken_out_is_a_finding(
    fpctl: Callable[..., Any], data: Path, workplace: Path
) -> None:
    event = (
        "{DeviceName: build01, InitiatingProcessFileName: msiexec.exe, InitiatingProcessVersionInfoProductName: rport}"
    )
    (workplace / "rules" / "net.tests.yaml").write_text(
        f"must_fire:\n  - name: bad\n    rows: {{DeviceNetworkEvents: {event}}}\n"
    )
    outcome = fpctl("preview", "fp-1", "--data", data, *SPAN, "--format", "json")
    assert (outcome.code, [one["name"] for one in json.loads(outcome.out)["suppressed"]]) == (1, ["bad"])


def test_the_risk_counts_what_was_measured(fpctl: Callable[..., Any], data: Path) -> None:
    risk = previewed(fpctl, data, "fp-1")["risk"]
    points = {one["code"]: one["points"] for one in risk["factors"]}
    assert (points["estate"], points["traffic"], risk["measured"]) == (13, 8, True)


def test_a_person_sees_bars(fpctl: Callable[..., Any], data: Path) -> None:
    outcome = fpctl("preview", "fp-1", "--data", data, *SPAN)
    assert "2026-11-21 Sat  ##########....................           3             2         3        1" in outcome.out


@pytest.mark.parametrize(
    ("events", "removed", "shown"),
    [(0, 0, ""), (10, 0, "#####"), (10, 10, "....."), (1000, 1, "####."), (1000, 999, "#...."), (1, 0, "#")],
)
def test_a_bar_shows_something_of_everything(events: int, removed: int, shown: str) -> None:
    assert bar(events, removed, max(events, 10), 5) == shown
