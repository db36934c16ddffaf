"""An exclusion without a reason, an owner or an approval counts as a draft, whatever its file says."""

from __future__ import annotations

import pytest

from records_support import EXCLUSION, RULE_ID

COMPLETE = EXCLUSION.replace("status: active", "approved_by: m.weber@contoso.com\nstatus: active")


@pytest.fixture
def team(fpctl, repository, recorded):
    """Return a repository with a settings file and one complete exclusion."""
    (repository / "fpctl.toml").write_text("", encoding="utf-8")
    recorded.write_text(COMPLETE, encoding="utf-8")
    return recorded


def without(key: str) -> str:
    return "".join(line for line in COMPLETE.splitlines(keepends=True) if not line.startswith(f"{key}:"))


def test_a_complete_exclusion_is_applied(fpctl, team):
    assert "fpctl fp-2026-0001" in fpctl("apply").out


@pytest.mark.parametrize(
    ("key", "missing"), [("reason", "no reason"), ("owner", "no owner"), ("approved_by", "no approval")]
)
def test_one_that_lacks_something_is_a_draft_and_not_applied(fpctl, team, key, missing):
    team.write_text(without(key), encoding="utf-8")
    applied = fpctl("apply")
    assert applied.code == 0
    assert "fpctl fp-2026-0001" not in applied.out
    assert applied.err.count("fp-2026-0001") == 0
    assert "1 exclusion is a draft and was not applied: fpctl list --status draft\n" in applied.err
    assert fpctl("list", "--status", "draft", "--json", "id,status").json == [{"id": "fp-2026-0001", "status": "draft"}]
    assert f"state           draft ({missing})\n" in fpctl("show", "fp-2026-0001").out


def test_many_drafts_in_many_rules_are_said_once(fpctl, team, repository):
    for number in range(3):
        text = without("reason").replace("fp-2026-0001", f"fp-2026-001{number}").replace(f"[{RULE_ID}]", '["*"]')
        team.with_name(f"fp-2026-001{number}.yaml").write_text(text, encoding="utf-8")
    (repository / "rules" / "other.kql").write_text("DeviceNetworkEvents\n| where RemotePort == 1\n", encoding="utf-8")
    err = fpctl("apply", "--out", "tuned").err
    assert err.count("draft") == 2  # in the sentence, and in its command
    assert "3 exclusions are drafts and were not applied: fpctl list --status draft\n" in err


@pytest.mark.parametrize(
    "settings",
    [
        "[policy]\nenforce = 'never'\n",
        "[policy]\nrequire = ['ticket']\n[policy.approval]\nneeded = 'never'\n",
        "[policy]\nrequire = []\n[policy.approval]\nneeded = 'fields'\nfields = ['where']\n",
    ],
    ids=["off", "not-required", "not-these-fields"],
)
def test_what_the_policy_does_not_ask_for_may_be_missing(fpctl, team, repository, settings):
    (repository / "fpctl.toml").write_text(settings, encoding="utf-8")
    team.write_text(without("approved_by").replace("reason:", "notes:"), encoding="utf-8")
    assert "fpctl fp-2026-0001" in fpctl("apply").out


def test_without_a_settings_file_nothing_is_asked(fpctl, team, repository):
    (repository / "fpctl.toml").unlink()
    team.write_text(without("approved_by"), encoding="utf-8")
    assert "fpctl fp-2026-0001" in fpctl("apply").out


@pytest.mark.parametrize(
    ("settings", "approver"),
    [("[policy]\napprovers = ['lead@contoso.com']\n", "m.weber@contoso.com"), ("", "A.Rossi@contoso.com")],
    ids=["not-an-approver", "the-owner"],
)
def test_an_approval_that_the_policy_does_not_accept_is_none(fpctl, team, repository, settings, approver):
    (repository / "fpctl.toml").write_text(settings, encoding="utf-8")
    team.write_text(COMPLETE.replace("m.weber@contoso.com", approver), encoding="utf-8")
    assert "fpctl fp-2026-0001" not in fpctl("apply").out
    assert "draft (no approval)" in fpctl("show", "fp-2026-0001").out


def test_add_records_a_draft_and_an_approval_activates_it(fpctl, team, repository):
    added = fpctl("add", RULE_ID, "--device", "build09", "--id", "a1", "--reason", "x", "--owner", "a@b.c", "--yes")
    assert added.err.endswith("recorded a1 in exclusions/a1.yaml as a draft: no approval yet\n")
    text = team.with_name("a1.yaml").read_text(encoding="utf-8")
    assert "status: draft\n" in text
    approved = fpctl("approve", "a1", "--by", "m.weber@contoso.com")
    assert approved.err == "a1 is approved by m.weber@contoso.com for 1 rule and is now active\n"
    assert "fpctl a1" in fpctl("apply").out


def test_an_approval_alone_does_not_activate_one_without_a_reason(fpctl, team):
    team.write_text(without("reason"), encoding="utf-8")
    approved = fpctl("approve", "fp-2026-0001", "--by", "m.weber@contoso.com", "--json", "id,activated")
    assert approved.json == [{"id": "fp-2026-0001", "activated": False}]
    assert "it stays a draft: no reason\n  hint: fpctl edit fp-2026-0001\n" in approved.err


def test_a_broad_exclusion_is_recorded_as_a_draft_and_active_once_approved(fpctl, team):
    broad = (
        "add",
        RULE_ID,
        "--process",
        "x.exe",
        "--broad",
        "--id",
        "b1",
        "--reason",
        "x",
        "--owner",
        "a@b.c",
        "--yes",
    )
    assert fpctl(*broad).code == 0
    assert fpctl("approve", "b1", "--by", "m.weber@contoso.com").code == 0
    assert fpctl("list", "--status", "active", "--json", "id").json == [{"id": "b1"}, {"id": "fp-2026-0001"}]


def test_a_shadow_needs_no_approval_before_it_is_activated(fpctl, team):
    team.write_text(without("approved_by").replace("status: active", "status: shadow"), encoding="utf-8")
    assert fpctl("list", "--json", "status").json == [{"status": "shadow"}]


def test_status_tells_what_each_draft_waits_for(fpctl, team):
    team.write_text(without("approved_by"), encoding="utf-8")
    second = without("reason").replace("fp-2026-0001", "fp-2026-0002")
    team.with_name("fp-2026-0002.yaml").write_text(second, encoding="utf-8")
    lines = {one["code"]: one for one in fpctl("status", "--format", "json").json["lines"]}
    assert lines["drafts"]["command"] == "fpctl approve fp-2026-0001"
    assert lines["incomplete"]["text"] == "1 draft has no reason"
    assert lines["incomplete"]["command"] == "fpctl edit fp-2026-0002"


def test_exports_and_reasons_leave_it_out(fpctl, team):
    team.write_text(without("approved_by"), encoding="utf-8")
    exported = fpctl("export", "--format", "watchlist")
    assert "fp-2026-0001" not in exported.out
    assert fpctl("why", RULE_ID, "--device", "build01", "--process", "msiexec.exe", "--json", "verdict").json == {
        "verdict": "fires"
    }
