"""Drift as the verbs tell it: after the run, in its JSON, in `hits`, and as findings of `audit`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from fpctl.errors import FpctlError
from fpctl.history.history import History

BASE = "InitiatingProcessVersionInfoProductName has 'rport'"


def put_events(workplace: Path, events: Sequence[tuple[str, str]], table: str = "DeviceNetworkEvents") -> Path:
    """Write events of the rule as (device, url); all of msiexec.exe."""
    folder = workplace / "data"
    folder.mkdir(exist_ok=True)
    rows = [
        {
            "Timestamp": "2026-11-23T10:00:00Z", "DeviceName": device, "RemoteUrl": url,
            "InitiatingProcessFileName": "msiexec.exe", "InitiatingProcessVersionInfoProductName": "rport",
        }
        for device, url in events
    ]  # fmt: skip
    (folder / f"{table}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return folder


def run(fpctl: Callable[..., Any], *more: str) -> tuple[list[tuple[str, str]], str]:
    """Run the rule; return the drift as (exclusion, code) and what was said."""
    outcome = fpctl("run", "--data", "data", "--to", "2026-11-24", "--format", "json", *more)
    assert outcome.code == 0, outcome.err
    (one,) = json.loads(outcome.out)["runs"]
    return [(drift["exclusion"], drift["code"]) for drift in one["drift"]], outcome.err


def audited(fpctl: Callable[..., Any], *codes: str) -> list[tuple[str, str]]:
    outcome = fpctl("audit", "--only", ",".join(codes), "--format", "json", "--on", "2026-11-24")
    return sorted((one["exclusion"], one["code"]) for one in json.loads(outcome.out)["findings"])


def edit_rule(workplace: Path, old: str, new: str) -> None:
    file = workplace / "rules" / "net.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture
def approved(fpctl: Callable[..., Any], workplace: Path) -> Path:
    put_events(workplace, [("build01", "a.net"), ("ws-1", "a.net")])
    outcome = fpctl("approve", "fp-1", "--by", "m.weber@contoso.com")
    assert outcome.code == 0, outcome.err
    return workplace


def test_what_is_as_it_was_approved_has_not_drifted(fpctl: Callable[..., Any], approved: Path) -> None:
    assert run(fpctl) == ([], "")
    assert audited(fpctl, "FP208", "FP209", "FP317", "FP318", "FP319", "FP506", "FP507") == []


def test_a_query_that_changed_since_the_approval(fpctl: Callable[..., Any], approved: Path) -> None:
    edit_rule(approved, "has 'rport'", "has_cs 'rport'")
    found, said = run(fpctl)
    assert found == [("fp-1", "FP208")]
    message = "the query of `RMM tool talks to the network` has changed since fp-1 was approved for it"
    assert f"net.yaml: warning: {message} [FP208]\n" in said
    assert audited(fpctl, "FP208") == [("fp-1", "FP208")]


SCHEMA = """Proxy_CL:
  TimeGenerated: datetime
  DeviceName: string
  RemoteUrl: string
"""


def test_a_column_that_vanished(fpctl: Callable[..., Any], workplace: Path) -> None:
    (workplace / "rules" / "net.yaml").write_text(
        "id: rmm-net\nname: Proxy\nquery: |\n  Proxy_CL | where RemoteUrl has 'a'\n  | summarize count() by RemoteUrl\n"
    )
    (workplace / "fpctl.toml").write_text('[fields.Proxy_CL]\ndevice = "DeviceName"\n')
    schema = workplace / "schema" / "proxy.yaml"
    schema.parent.mkdir()
    schema.write_text(SCHEMA)
    text = (workplace / "exclusions" / "fp-1.yaml").read_text()
    (workplace / "exclusions" / "fp-1.yaml").write_text(
        text.replace("[rmm-net]", '["*"]').replace("  process: [msiexec.exe]\n", "")
    )
    put_events(workplace, [("build01", "a.net")], "Proxy_CL")
    assert fpctl("approve", "fp-1", "--by", "m.weber@contoso.com").code == 0
    assert (run(fpctl)[0], audited(fpctl, "FP317")) == ([], [])
    schema.write_text(SCHEMA.replace("  DeviceName: string\n", ""))
    found, said = run(fpctl)
    assert found == [("fp-1", "FP317")]
    assert "suppresses nothing in `Proxy` any more, where its clause was on Proxy_CL: after where: " in said
    assert audited(fpctl, "FP317", "FP318", "FP319") == [("fp-1", "FP317")]


def test_a_table_that_was_renamed(fpctl: Callable[..., Any], approved: Path) -> None:
    put_events(approved, [("build01", "a.net")], "DeviceFileEvents")
    edit_rule(approved, "  DeviceNetworkEvents\n", "  DeviceFileEvents\n")
    edit_rule(approved, "by DeviceName, RemoteUrl", "by DeviceName")
    found, said = run(fpctl)
    assert found == [("fp-1", "FP208"), ("fp-1", "FP318")]
    assert (
        "was on DeviceNetworkEvents: after where when it was approved and is now on DeviceFileEvents: after where"
        in said
    )
    assert audited(fpctl, "FP318", "FP319") == [("fp-1", "FP318")]


def test_a_clause_that_moved(fpctl: Callable[..., Any], approved: Path) -> None:
    edit_rule(approved, "  | summarize", "  | extend Port = 443\n  | summarize")
    found, said = run(fpctl)
    assert found == [("fp-1", "FP208"), ("fp-1", "FP319")]
    assert "now on DeviceNetworkEvents: after extend" in said
    assert audited(fpctl, "FP318", "FP319") == [("fp-1", "FP319")]
    assert fpctl("approve", "fp-1", "--by", "m.weber@contoso.com").code == 0
    assert (run(fpctl)[0], audited(fpctl, "FP208", "FP319")) == ([], [])


def test_hits_ten_times_the_median_of_earlier_runs(fpctl: Callable[..., Any], approved: Path) -> None:
    put_events(approved, [("build01", "a.net")] * 11)
    for _ in range(3):
        assert run(fpctl)[0] == []
    put_events(approved, [("build01", "a.net")] * 109)
    assert run(fpctl)[0] == []
    put_events(approved, [("build01", "a.net")] * 110)
    found, said = run(fpctl, "--no-record")
    assert found == []
    found, said = run(fpctl)
    assert found == [("fp-1", "FP506")]
    assert "fp-1 suppressed 110 events of `RMM tool talks to the network`, more than 10 times as many as usual" in said
    outcome = fpctl("hits", "--format", "json")
    (drift,) = json.loads(outcome.out)["hits"][0]["drift"]
    assert (drift["code"], drift["rule"]) == ("FP506", "rmm-net")
    assert "fp-1 suppressed 110 events" in fpctl("hits").err


def test_hits_on_a_new_kind_of_device(fpctl: Callable[..., Any], approved: Path) -> None:
    text = (approved / "exclusions" / "fp-1.yaml").read_text()
    open_ended = text.replace("fp-1", "fp-2", 1).replace("device: [build01]", "url: [a.net]")
    (approved / "exclusions" / "fp-2.yaml").write_text(open_ended)
    build = [("build01", "a.net"), ("BUILD02.contoso.com", "a.net"), ("ws-1", "b.net")]
    put_events(approved, build)
    assert run(fpctl)[0] == []
    put_events(approved, [*build, ("build17", "a.net")])
    assert run(fpctl)[0] == []
    put_events(approved, [*build, ("fin-ws-017.contoso.com", "a.net")])
    found, said = run(fpctl)
    assert found == [("fp-2", "FP507")]
    assert "on a kind of device that it never did before: fin-ws [FP507]" in said
    # It is told once, when it first appears; the audit goes on.
    assert run(fpctl)[0] == []


def test_of_many_exclusions_those_with_the_most_hits_are_asked_about(
    fpctl: Callable[..., Any], approved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fpctl.execution.drift_check._MOST", 1)
    (approved / "exclusions" / "fp-1.yaml").unlink()
    for id, url in (("fp-2", "a.net"), ("fp-3", "b.net")):
        (approved / "exclusions" / f"{id}.yaml").write_text(f"id: {id}\nrules: [rmm-net]\nmatch: {{url: [{url}]}}\n")
    put_events(approved, [("build01", "a.net"), ("build01", "b.net"), ("build02", "b.net")])
    run(fpctl)
    with History.open(".fpctl/history.db") as history:
        assert history.device_kinds("rmm-net") == {"fp-3": {"build"}}


def test_a_run_does_not_fail_because_drift_cannot_be_told(
    fpctl: Callable[..., Any], approved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> None:
        raise FpctlError("another process has kept the history locked")

    monkeypatch.setattr("fpctl.history.history.History.past_hits", locked)
    outcome = fpctl("run", "--data", "data", "--to", "2026-11-24", "--format", "json")
    (one,) = json.loads(outcome.out)["runs"]
    assert (outcome.code, one["status"], one["hits"][0]["rows"]) == (1, "ok", 1)
    assert one["notes"] == ["drift is unknown: another process has kept the history locked"]


def test_an_exclusion_in_shadow_drifts_as_well(fpctl: Callable[..., Any], approved: Path) -> None:
    file = approved / "exclusions" / "fp-1.yaml"
    file.write_text(file.read_text().replace("status: active\n", "") + "status: shadow\n")
    assert run(fpctl)[0] == []
    edit_rule(approved, "has 'rport'", "has_cs 'rport'")
    assert run(fpctl)[0] == [("fp-1", "FP208")]
