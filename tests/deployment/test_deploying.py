"""`fpctl deploy` and `fpctl diff --deployed` against a workspace on loopback: what is sent, kept, refused, put back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpctl.deployment.record import Deployment
from fpctl.deployment.workspace.workspace import SentinelWorkspace
from fpctl.history.history import History
from servers.loopback import Misbehaviour, Request
from servers.security_insights import WORKSPACE, SecurityInsightsServer

from .conftest import LATE

A = "alertRules/0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11"
B = "alertRules/0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d12"
C = "alertRules/0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d13"
H = "savedSearches/1f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d22"


Fpctl = Callable[..., Any]


def writes(server: SecurityInsightsServer) -> list[Request]:
    return [request for request in server.requests if request.method != "GET"]


def edit_exclusion(workplace: Path) -> None:
    (workplace / "exclusions" / "fp-1.yaml").write_text(LATE.replace("build01", "build02"))


def states(fpctl: Fpctl) -> dict[str, str]:
    return {
        one["path"] or one["rule"]: one["state"]
        for one in json.loads(fpctl("diff", "--deployed", "--format", "json").out)["rules"]
    }


def record(workplace: Path) -> dict[str, Any]:
    (file,) = (workplace / ".fpctl" / "deployments").glob("*.jsonl")
    return {"rules": [{"path": step.path, "status": step.status} for step in Deployment.read(file).steps]}


# ---------------------------------------------------------------------------- out


def test_rules_that_are_not_there_are_made(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 0, outcome.err
    assert sorted(server.resources) == [A, B, C, H]
    made = server.resources[A]
    assert made["kind"] == "Scheduled"
    assert "templateVersion" not in made["properties"]
    assert "// fpctl fp-1" in made["properties"]["query"]
    assert "4 rules deployed: deployment " in outcome.err
    assert all("take 1" not in resource["properties"]["query"] for resource in server.resources.values())


def test_a_second_deployment_has_nothing_to_do(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    fpctl("deploy", "--yes")
    before = len(writes(server))
    outcome = fpctl("deploy", "--yes")
    assert (outcome.code, len(writes(server))) == (0, before)
    assert outcome.err.endswith("the workspace is up to date\n")


def test_an_update_sends_the_etag_and_leaves_alone_what_the_file_does_not_state(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "--yes")
    server.edit(A, enabled=False, incidentConfiguration={"createIncident": False}, templateVersion="1.0.0")
    etag = server.resources[A]["etag"]
    edit_exclusion(workplace)
    server.requests.clear()
    outcome = fpctl("deploy", "a.yaml", "--yes")
    assert outcome.code == 0, outcome.err
    (put,) = writes(server)
    assert (put.headers["If-Match"], put.body["etag"]) == (etag, etag)
    properties = server.resources[A]["properties"]
    assert (properties["enabled"], properties["incidentConfiguration"]) == (False, {"createIncident": False})
    assert properties["templateVersion"] == "1.0.0"
    assert '"build02"' in properties["query"]


def test_the_difference_is_shown(fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path) -> None:
    fpctl("deploy", "--yes")
    edit_exclusion(workplace)
    outcome = fpctl("deploy", "a.yaml", "--dry-run")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[:3] == ["Rule a: changes query", "--- deployed/a.yaml", "+++ new/a.yaml"]
    clause_out, clause_in = [line for line in lines[3:] if line[0] in "+-"]
    assert (clause_out[0], "build01" in clause_out, clause_in[0], "build02" in clause_in) == ("-", True, "+", True)
    assert outcome.err.endswith("1 rule would change\n")


def test_without_a_yes_nothing_is_changed(fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path) -> None:
    outcome = fpctl("deploy")
    assert outcome.code == 1
    assert "fpctl would change 4 rules of main; nothing was done\n" in outcome.err
    assert writes(server) == []
    assert not (workplace / ".fpctl").exists()


def test_a_rule_that_sentinel_would_refuse_is_not_sent(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    broken = (workplace / "rules" / "b.yaml").read_text().replace("columnName: DeviceName", "columnName: Gone")
    (workplace / "rules" / "b.yaml").write_text(broken)
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 1
    assert sorted(server.resources) == [A, C, H]
    assert "b.yaml: error: the rule's mappings need the column Gone" in outcome.err


def test_a_rule_of_another_kind_is_not_turned_into_one_of_ours(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    server.resources[A] = {"name": A[11:], "etag": '"1"', "kind": "NRT", "properties": {"query": "x"}}
    outcome = fpctl("deploy", "a.yaml", "--yes")
    assert outcome.code == 1
    assert "a.yaml: refused: there is a rule of kind NRT under this id; a rule cannot become Scheduled" in outcome.err
    assert writes(server) == []


def test_a_service_that_does_not_give_back_what_only_newer_versions_know_is_in_step(
    fpctl: Fpctl, server: SecurityInsightsServer
) -> None:
    fpctl("deploy", "--yes")
    for resource in server.resources.values():
        for key in ("subTechniques", "templateVersion"):
            resource["properties"].pop(key, None)
    assert set(states(fpctl).values()) == {"in-step"}


def test_lists_that_a_rule_has_no_room_for_go_first_as_a_function(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    names = ", ".join(f"build{n}.contoso.com" for n in range(1500))
    (workplace / "exclusions" / "fp-1.yaml").write_text(LATE.replace("[build01]", f"[{names}]"))
    outcome = fpctl("deploy", "a.yaml", "--yes")
    assert outcome.code == 0, outcome.err
    function, rule = (request.path.partition("?")[0].rpartition("/")[2] for request in writes(server))
    assert rule == A[11:]
    made = server.resources[f"savedSearches/{function}"]["properties"]
    assert made["functionAlias"] == function
    assert f"{function}()" in server.resources[A]["properties"]["query"]
    assert fpctl("diff", "a.yaml", "--deployed").code == 0
    (workplace / "exclusions" / "fp-1.yaml").write_text(LATE.replace("[build01]", f"[{names}, build9999.contoso.com]"))
    server.requests.clear()
    assert fpctl("deploy", "a.yaml", "--yes").code == 0
    assert [request.path.partition("?")[0].rpartition("/")[2] for request in writes(server)] == [function]
    fpctl("deploy", "--rollback", "--yes")
    fpctl("deploy", "--rollback", "--yes")
    assert server.resources == {}


ATTACK = """must_fire:
  - name: an attack
    rows:
      DeviceNetworkEvents:
        - {TimeGenerated: "2026-11-20T00:00:00Z", DeviceName: build01, RemotePort: 443, RemoteIP: 192.0.2.1}
"""


def test_a_clause_that_suppresses_a_known_attack_is_not_deployed_unless_forced_with_a_reason(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    (workplace / "rules" / "a.tests.yaml").write_text(ATTACK)
    refused = fpctl("deploy", "a.yaml", "--yes")
    assert refused.code == 1
    assert "// fpctl fp-1" not in server.resources[A]["properties"]["query"]
    forced = fpctl("deploy", "a.yaml", "--yes", "--force", "accepted in CHG7")
    assert "// fpctl fp-1" in server.resources[A]["properties"]["query"]
    assert "forced: fp-1 suppresses an event that must fire: an attack" in forced.err
    with History.open(workplace / ".fpctl" / "history.db") as history:
        assert [(e.exclusion, e.reason) for e in history.trail.entries() if e.action == "forced"] == [
            ("fp-1", "accepted in CHG7")
        ]


def test_a_rule_made_from_a_template_in_the_portal_is_the_one_that_is_changed(
    fpctl: Fpctl, server: SecurityInsightsServer
) -> None:
    fpctl("deploy", "a.yaml", "--yes")
    made = server.resources.pop(A)
    own = "alertRules/99999999-6a0b-4c55-9c7e-0c4a1f6f2d99"
    properties = {**made["properties"], "query": "old", "alertRuleTemplateName": A[11:].upper()}
    server.resources[own] = {**made, "name": own[11:], "properties": properties}
    outcome = fpctl("deploy", "a.yaml", "--yes")
    assert outcome.code == 0, outcome.err
    assert list(server.resources) == [own]
    changed = server.resources[own]["properties"]
    assert "// fpctl fp-1" in changed["query"]
    assert changed["alertRuleTemplateName"] == A[11:].upper()
    assert states(fpctl)["a.yaml"] == "in-step"


def test_a_rule_of_the_same_name_under_another_id_is_not_doubled(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    server.resources["alertRules/x"] = {
        "name": "x", "etag": '"1"', "kind": "Scheduled", "properties": {"displayName": "rule A", "query": "q"}
    }  # fmt: skip
    outcome = fpctl("deploy", "a.yaml", "--yes")
    assert outcome.code == 1
    assert (
        "a.yaml: refused: a rule with this name already exists under another id, x: use that id in the file"
        in outcome.err
    )
    assert writes(server) == []


def test_two_files_of_one_id_are_both_kept_back(fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path) -> None:
    (workplace / "rules" / "b.yaml").write_text((workplace / "rules" / "a.yaml").read_text())
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 1
    assert sorted(server.resources) == [C, H]
    assert "a.yaml: error: the rule has the same id as that of b.yaml: 0f4b6c3e" in outcome.err


# ---------------------------------------------------------------------------- what goes wrong


def test_somebody_elses_change_between_reading_and_writing_is_not_overwritten(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "--yes")
    edit_exclusion(workplace)

    def portal(request: Request) -> None:
        if request.method == "PUT" and request.path.partition("?")[0].endswith(A[11:]):
            server.edit(A, displayName="Edited in the portal")

    server.on_request = portal
    outcome = fpctl("deploy", "--yes", "--format", "json")
    assert outcome.code == 2
    by_path = {change["path"]: change for change in json.loads(outcome.out)["changes"]}
    assert (by_path["a.yaml"]["status"], by_path["b.yaml"]["status"]) == ("failed", "done")
    assert by_path["a.yaml"]["error"].startswith("it was changed by someone else in the meantime (412)")
    assert server.resources[A]["properties"]["displayName"] == "Edited in the portal"
    assert '"build01"' in server.resources[A]["properties"]["query"]


def test_a_failure_in_the_middle_does_not_stop_the_others_and_is_recorded(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    text = (workplace / "rules" / "b.yaml").read_text().replace("RemotePort == 443", "RemotePort == 4433")
    (workplace / "rules" / "b.yaml").write_text(text)
    server.refused = ("4433",)
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 2
    assert sorted(server.resources) == [A, C, H]
    assert "b.yaml: not deployed: The query could not be parsed." in outcome.err
    assert "3 rules deployed, 1 failed: deployment " in outcome.err
    assert {step["path"]: step["status"] for step in record(workplace)["rules"]} == {
        "a.yaml": "done", "b.yaml": "failed", "c.yaml": "done", "h.yaml": "done",
    }  # fmt: skip


@pytest.mark.parametrize(
    "trouble",
    [
        Misbehaviour("status", (429, 1)), Misbehaviour("status", 429), Misbehaviour("status", 503),
        Misbehaviour("html-502"), Misbehaviour("reset"), Misbehaviour("drop"), Misbehaviour("truncate"),
        Misbehaviour("empty"),
    ],
    ids=lambda trouble: f"{trouble.kind}-{trouble.value}",
)  # fmt: skip
def test_trouble_on_the_way_is_got_over_and_no_rule_is_made_twice(
    fpctl: Fpctl, server: SecurityInsightsServer, trouble: Misbehaviour
) -> None:
    server.scripted = lambda request: request.method == "PUT"  # type: ignore[method-assign]
    server.script.extend([trouble, Misbehaviour("status", 500), trouble])
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 0, outcome.err
    assert sorted(server.resources) == [A, B, C, H]
    assert states(fpctl) == {"a.yaml": "in-step", "b.yaml": "in-step", "c.yaml": "in-step", "h.yaml": "in-step"}


def test_throttling_without_end_is_told_with_the_rule(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    server.scripted = lambda request: request.method == "PUT"  # type: ignore[method-assign]
    server.script.extend([Misbehaviour("status", 429)] * 6)
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 2
    message = "Azure Resource Manager is throttling (429): status 429 (after 6 requests)"
    assert f"a.yaml: not deployed: {message}" in outcome.err
    assert sorted(server.resources) == [B, C, H]


def test_no_permission_says_which_role(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    server.script.append(Misbehaviour("status", 403))
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 2
    assert "Azure Resource Manager denies access (403)" in outcome.err
    assert "Microsoft Sentinel Contributor" in outcome.err


def test_the_token_reaches_neither_the_output_nor_the_record(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7-secret"
    monkeypatch.setenv("FPCTL_ACCESS_TOKEN", token)
    server.scripted = lambda request: request.method == "PUT"  # type: ignore[method-assign]
    server.script.extend([Misbehaviour("echo-token")] * 4)
    outcome = fpctl("deploy", "--yes", "--credential", "token")
    assert outcome.code == 2
    assert {request.headers["Authorization"] for request in server.requests} == {f"Bearer {token}"}
    kept = "".join(file.read_bytes().decode("latin-1") for file in workplace.rglob("*") if file.is_file())
    assert token not in outcome.out + outcome.err + kept


def test_the_token_is_not_sent_to_another_host(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    answer = server.answer
    server.answer = lambda request: (  # type: ignore[method-assign]
        (200, {"value": [], "nextLink": "https://evil.example/next"}) if request.method == "GET" else answer(request)
    )
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 2
    assert "the next page is on another host" in outcome.err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("", "no workspace to deploy to is set"),
        ("[deploy]\nworkspace = '/subscriptions/x'\n", "is not the resource id of a workspace"),
        (f"[deploy]\nworkspace = '{WORKSPACE}'\nendpoint = 'http://example.com'\n", "is plain http"),
        (f"[deploy]\nworkspace = '{WORKSPACE}'\ncredential = 'none'\n", "the credential `none` is for servers on this"),
    ],
)
def test_settings_that_cannot_be(fpctl: Fpctl, server: SecurityInsightsServer, settings: str, message: str) -> None:
    Path("fpctl.toml").write_text(settings)
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 2
    assert message in outcome.err


# ---------------------------------------------------------------------------- back


def test_a_rollback_takes_new_rules_away_and_puts_old_ones_back(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "a.yaml", "--yes")
    before = server.resources[A]["properties"]
    edit_exclusion(workplace)
    fpctl("deploy", "--yes")
    assert sorted(server.resources) == [A, B, C, H]
    outcome = fpctl("deploy", "--rollback", "--yes")
    assert outcome.code == 0, outcome.err
    assert sorted(server.resources) == [A]
    assert server.resources[A]["properties"] | {"lastModifiedUtc": ""} == before | {"lastModifiedUtc": ""}


def test_rollbacks_go_back_one_deployment_after_the_other(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "a.yaml", "--yes")
    edit_exclusion(workplace)
    fpctl("deploy", "a.yaml", "--yes")
    fpctl("deploy", "--rollback", "--yes")
    fpctl("deploy", "--rollback", "--yes")
    assert server.resources == {}
    again = fpctl("deploy", "--rollback", "--yes")
    assert again.code == 2
    assert "no deployment is recorded that could be rolled back" in again.err


def test_a_rollback_leaves_alone_what_somebody_has_changed_since(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    fpctl("deploy", "--yes")
    server.edit(B, displayName="Edited in the portal")
    outcome = fpctl("deploy", "--rollback", "--yes")
    assert outcome.code == 2
    assert list(server.resources) == [B]
    assert "b.yaml: not rolled back: it was changed after the deployment; it is left unchanged" in outcome.err
    assert fpctl("deploy", "--rollback", "--yes", "--overwrite").code == 0
    assert server.resources == {}


def test_a_rollback_of_a_deployment_that_broke_off_undoes_what_arrived(
    fpctl: Fpctl, server: SecurityInsightsServer
) -> None:
    # The first rule's PUT arrives and its answer is lost; and so is whether it arrived.
    server.scripted = lambda request: request.method == "PUT"  # type: ignore[method-assign]
    server.script.extend([Misbehaviour("drop")])
    answer, lost = server.answer, [True]

    def unreachable(request: Request) -> tuple[int, Any]:
        if request.method == "GET" and request.path.partition("?")[0].endswith(A[11:]) and lost.pop():
            lost.append(False)
            return 400, {"error": {"code": "x", "message": "not now"}}
        return answer(request)

    server.answer = unreachable  # type: ignore[method-assign]
    assert fpctl("deploy", "--yes").code == 2
    assert A in server.resources
    server.answer = answer  # type: ignore[method-assign]
    assert fpctl("deploy", "--rollback", "--yes").code == 0
    assert server.resources == {}


def test_a_deployment_that_was_stopped_can_be_rolled_back_and_gone_on_with(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, count = SentinelWorkspace.put, [0]

    def stopped(self: SentinelWorkspace, *arguments: Any) -> Any:
        made = put(self, *arguments)
        count[0] += 1
        if count[0] == 2:
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr(SentinelWorkspace, "put", stopped)
    outcome = fpctl("deploy", "--yes")
    assert outcome.code == 130
    assert "interrupted partway: `fpctl deploy` continues, `fpctl deploy --rollback` undoes\n" in outcome.err
    assert [step["status"] for step in record(workplace)["rules"]] == ["done", "sent"]
    monkeypatch.undo()
    monkeypatch.chdir(workplace)
    assert sorted(server.resources) == [A, B]
    assert fpctl("deploy", "--rollback", "--yes").code == 0
    assert server.resources == {}


def test_a_rollback_where_the_workspace_cannot_be_read_changes_nothing(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "--yes")
    kept = record(workplace)
    server.answer = lambda request: (404, {"error": {"code": "x", "message": "no such workspace"}})  # type: ignore[method-assign]
    outcome = fpctl("deploy", "--rollback", "--yes")
    assert outcome.code == 2
    assert "Azure Resource Manager does not know this address (404): no such workspace" in outcome.err
    assert record(workplace) == kept


def test_a_rollback_goes_to_the_workspace_of_its_deployment_only(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "--yes")
    text = (workplace / "fpctl.toml").read_text().replace("workspaces/main", "workspaces/other")
    (workplace / "fpctl.toml").write_text(text)
    outcome = fpctl("deploy", "--rollback", "--yes")
    assert outcome.code == 2
    assert "went to another workspace: " + WORKSPACE in outcome.err


def test_an_unknown_deployment(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    outcome = fpctl("deploy", "--rollback", "--deployment", "x", "--yes")
    assert outcome.code == 2
    assert "no deployment x is recorded" in outcome.err


# ---------------------------------------------------------------------------- drift


def test_drift_says_who_moved(fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path) -> None:
    fpctl("deploy", "--yes")
    assert set(states(fpctl).values()) == {"in-step"}
    server.edit(A, query="DeviceNetworkEvents", severity="Low")
    text = (workplace / "rules" / "b.yaml").read_text().replace("severity: High", "severity: Medium")
    (workplace / "rules" / "b.yaml").write_text(text)
    del server.resources[C]
    (workplace / "rules" / "h.yaml").unlink()
    assert states(fpctl) == {
        "a.yaml": "changed-there", "b.yaml": "changed-here", "c.yaml": "removed-there", "Hunt": "unknown-there",
    }  # fmt: skip
    edit_exclusion(workplace)
    assert states(fpctl)["a.yaml"] == "changed-both"
    assert fpctl("diff", "--deployed").code == 1


def test_drift_without_a_record_blames_nobody(fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path) -> None:
    assert set(states(fpctl).values()) == {"not-deployed"}
    fpctl("deploy", "--yes")
    for file in (workplace / ".fpctl" / "deployments").iterdir():
        file.unlink()
    server.edit(A, severity="Low")
    assert states(fpctl)["a.yaml"] == "differs"


def test_after_a_rollback_the_old_state_is_what_was_left(
    fpctl: Fpctl, server: SecurityInsightsServer, workplace: Path
) -> None:
    fpctl("deploy", "a.yaml", "--yes")
    edit_exclusion(workplace)
    fpctl("deploy", "a.yaml", "--yes")
    fpctl("deploy", "--rollback", "--yes")
    assert states(fpctl)["a.yaml"] == "changed-here"


def test_diff_without_deployed_shows_the_clauses(fpctl: Fpctl, server: SecurityInsightsServer) -> None:
    outcome = fpctl("diff", "a.yaml")
    assert "// fpctl fp-1" in outcome.out
    assert server.requests == []
