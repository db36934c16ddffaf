"""Deployments in the audit trail: who put which query into which workspace, and who took it back."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fpctl.deployment.record import Deployment
from fpctl.deployment.workspace.workspace import SentinelWorkspace
from servers.loopback import Misbehaviour
from servers.security_insights import WORKSPACE, SecurityInsightsServer

from .conftest import LATE

A = "alertRules/0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11"
B = "alertRules/0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d12"
WHO = "A. Rossi <a.rossi@contoso.com>"
Fpctl = Callable[..., Any]


@pytest.fixture(autouse=True)
def as_rossi(workplace: Path) -> None:
    for arguments in (("init", "-q"), ("config", "user.name", "A. Rossi"), ("config", "user.email", WHO[10:-1])):
        subprocess.run(["git", *arguments], cwd=workplace, check=True)


def entries(fpctl: Fpctl, *arguments: str) -> list[dict[str, Any]]:
    """Return the entries of rules, the newest first."""
    outcome = fpctl("log", *arguments, "--format", "json")
    assert outcome.code == 0, outcome.err
    return [entry for entry in json.loads(outcome.out)["entries"] if entry["rule"] is not None]


def said(fpctl: Fpctl) -> list[tuple[str, str]]:
    """Return what was done to which rule, the oldest first."""
    return [(entry["action"], entry["rule"]["path"]) for entry in reversed(entries(fpctl))]


def query_hash(server: SecurityInsightsServer, place: str) -> str:
    return hashlib.sha256(server.resources[place]["properties"]["query"].encode()).hexdigest()


def deployment_record(workplace: Path) -> dict[str, Any]:
    file = max((workplace / ".fpctl" / "deployments").glob("*.jsonl"))
    return {"rules": [{"recorded": step.recorded} for step in Deployment.read(file).steps]}


def test_each_rule_that_goes_out_is_an_entry(fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path) -> None:
    fpctl("deploy", "a.yaml", "--yes")
    (entry,) = entries(fpctl)
    assert (entry["action"], entry["who"], entry["outside"], entry["exclusion"]) == ("deployed", WHO, False, "")
    assert entry["rule"] == {
        "path": "a.yaml",
        "name": "Rule a",
        "guid": A.partition("/")[2],
        "workspace": WORKSPACE,
        "deployment": max((workplace / ".fpctl" / "deployments").glob("*.jsonl")).stem,
    }
    assert (entry["before"], entry["after"]) == (None, query_hash(server, A))
    assert {change["field"]: (change["before"], change["after"]) for change in entry["changes"]} == {
        "etag": (None, server.resources[A]["etag"]),
        "exclusions": (None, ["fp-1"]),
    }


def test_an_update_says_from_what_to_what(fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path) -> None:
    fpctl("deploy", "a.yaml", "--yes")
    old, old_etag = query_hash(server, A), server.resources[A]["etag"]
    (workplace / "exclusions" / "fp-1.yaml").write_text(LATE.replace("build01", "build02"))
    fpctl("deploy", "a.yaml", "--yes")
    entry = entries(fpctl)[0]
    assert (entry["before"], entry["after"]) == (old, query_hash(server, A))
    assert {change["field"]: (change["before"], change["after"]) for change in entry["changes"]} == {
        "etag": (old_etag, server.resources[A]["etag"]),
    }


def test_what_is_put_back_and_what_cannot_be_is_an_entry(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "a.yaml", "b.yaml", "--yes")
    deployed = query_hash(server, A)
    server.edit(B, displayName="Edited in the portal")
    fpctl("deploy", "--rollback", "--yes")
    assert said(fpctl) == [
        ("deployed", "a.yaml"), ("deployed", "b.yaml"), ("rollback failed", "b.yaml"), ("rolled back", "a.yaml"),
    ]  # fmt: skip
    taken_back, failed, *_ = entries(fpctl)
    assert (taken_back["before"], taken_back["after"]) == (deployed, None)
    assert failed["reason"] == "it was changed after the deployment; it is left unchanged"


def test_a_rule_that_fails_is_an_entry_with_the_reason(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    server.scripted = lambda request: request.method == "PUT"  # type: ignore[method-assign]
    server.script.append(Misbehaviour("status", 403))
    assert fpctl("deploy", "a.yaml", "b.yaml", "--yes").code == 2
    assert said(fpctl) == [("deployment failed", "a.yaml"), ("deployed", "b.yaml")]
    assert "403" in entries(fpctl, "a.yaml")[0]["reason"]


def test_nothing_that_was_not_done_is_an_entry(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    fpctl("deploy", "--dry-run")
    fpctl("deploy")
    assert entries(fpctl) == []


@pytest.mark.parametrize("word", ["a.yaml", "Rule a", "0F4B6C3E-6A0B-4C55-9C7E-0C4A1F6F2D11"])
def test_one_rule_is_asked_for_by_path_name_or_guid(fpctl: Fpctl, server: SecurityInsightsServer, word: str) -> None:
    fpctl("deploy", "--yes")
    assert [entry["rule"]["path"] for entry in entries(fpctl, word)] == ["a.yaml"]
    assert entries(fpctl, "fp-1") == []


def test_an_unknown_word_names_what_is_near(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    fpctl("deploy", "--yes")
    outcome = fpctl("log", "aa.yaml")
    assert outcome.code == 2
    assert "no exclusion and no deployed rule `aa.yaml`" in outcome.err
    assert "a.yaml" in outcome.err.partition("hint")[2]


def test_the_table_and_the_csv_name_the_rule(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    fpctl("deploy", "a.yaml", "--yes")
    digest = query_hash(server, A)
    line = fpctl("log", "a.yaml").out.splitlines()[-1]
    assert all(part in line for part in ("a.yaml", "deployed", f"query: none -> {digest[:12]}"))
    (row,) = csv.DictReader(io.StringIO(fpctl("log", "a.yaml", "--format", "csv").out))
    assert (row["rule"], row["guid"], row["after"], row["exclusion"]) == ("a.yaml", A.partition("/")[2], digest, "")


def test_verify_holds_and_finds_an_edited_entry_of_a_rule(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "--yes")
    fpctl("renew", "fp-1", "--until", "2098-01-01")
    fpctl("deploy", "--rollback", "--yes")
    verdict = fpctl("log", "verify")
    assert verdict.code == 0, verdict.out
    with closing(sqlite3.connect(workplace / ".fpctl" / "history.db")) as connection:
        connection.execute("DROP TRIGGER trail_keeps_UPDATE")
        (number,) = connection.execute(
            "SELECT min(number) FROM trail WHERE exclusion_id = '' AND number > 1"
        ).fetchone()
        connection.execute("UPDATE trail SET body = replace(body, 'a.rossi', 'm.weber') WHERE number = ?", (number,))
        connection.commit()
    verdict = fpctl("log", "verify", "--format", "json")
    assert verdict.code == 1
    finding, missing = json.loads(verdict.out)["findings"]
    assert missing["kind"] == "trigger"
    assert (finding["kind"], finding["entry"], finding["exclusion"]) == ("edited", number, None)
    assert f"entry {number} (a.yaml) was edited" in finding["message"]


def test_what_fpctl_was_stopped_before_recording_the_next_deployment_records(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = SentinelWorkspace.put

    def stopped(self: SentinelWorkspace, *arguments: Any) -> Any:
        put(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SentinelWorkspace, "put", stopped)
        assert fpctl("deploy", "a.yaml", "--yes").code == 130
    assert said(fpctl) == []
    for _ in range(2):
        fpctl("deploy", "b.yaml", "--yes")
    assert said(fpctl) == [("deployment unanswered", "a.yaml"), ("deployed", "b.yaml")]
    late = entries(fpctl, "a.yaml")[0]
    assert late["reason"].startswith("recorded later, of the deployment that began at 20")
    assert late["who"] == WHO


def test_an_entry_whose_record_does_not_know_of_it_is_not_made_twice(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "a.yaml", "--yes")
    (file,) = (workplace / ".fpctl" / "deployments").glob("*.jsonl")
    assert deployment_record(workplace)["rules"][0]["recorded"] is True
    file.write_text(file.read_text().replace('"recorded": true', '"recorded": false'))
    fpctl("deploy", "b.yaml", "--yes")
    assert said(fpctl) == [("deployed", "a.yaml"), ("deployed", "b.yaml")]
    assert Deployment.read(file).steps[0].recorded


def test_a_history_that_cannot_be_written_stops_no_deployment_and_is_caught_up_with(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    history = workplace / ".fpctl" / "history.db"
    history.mkdir(parents=True)
    outcome = fpctl("deploy", "a.yaml", "--yes")
    assert outcome.code == 0
    assert outcome.err.count("note: not in the audit trail: ") == 1
    assert A in server.resources
    history.rmdir()
    fpctl("deploy", "b.yaml", "--yes")
    assert said(fpctl) == [("deployed", "a.yaml"), ("deployed", "b.yaml")]
    assert fpctl("log", "verify").code == 0


def test_a_clause_for_too_many_to_be_named_says_how_many(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    for number in range(1, 41):
        text = LATE.replace("fp-1", f"fp-{number}").replace("build01", f"build{number:02}")
        (workplace / "exclusions" / f"fp-{number}.yaml").write_text(text)
    fpctl("deploy", "a.yaml", "--yes")
    (exclusions,) = [c["after"] for c in entries(fpctl)[0]["changes"] if c["field"] == "exclusions"]
    assert len(exclusions) == 1
    assert exclusions[0].startswith("40 exclusions: ")
