"""Renewing, retiring and approving: one key changes, everything else stays as it was written."""

from __future__ import annotations

import subprocess

import pytest

from fpctl.exclusions.loader import load_exclusions
from records_support import EXCLUSION, RULE, RULE_ID


@pytest.fixture
def second(recorded):
    path = recorded.with_name("fp-2026-0002.yaml")
    path.write_text(EXCLUSION.replace("fp-2026-0001", "fp-2026-0002").replace("build01", "other"), encoding="utf-8")
    return path


def test_renewing_changes_the_day_and_nothing_else(fpctl, recorded):
    outcome = fpctl("renew", "fp-2026-0001", "--until", "2027-11-01")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.startswith("fp-2026-0001 expires on 2027-11-01 (was 2027-05-01)\n")
    assert recorded.read_text(encoding="utf-8") == EXCLUSION.replace("2027-05-01", "2027-11-01")


def test_a_span_counts_from_today_and_several_are_renewed_at_once(fpctl, recorded, second):
    outcome = fpctl("renew", "fp-2026-0001", "fp-2026-0002", "fp-2026-0001", "--until", "1y")
    assert outcome.err.splitlines()[:2] == [
        "fp-2026-0001 expires on 2027-11-24 (was 2027-05-01)",
        "fp-2026-0002 expires on 2027-11-24 (was 2027-05-01)",
    ]
    assert "expires: 2027-11-24  # the contract ends\n" in second.read_text(encoding="utf-8")


def test_renewing_several_again_leaves_alone_those_that_are_done(fpctl, recorded, second):
    """As after a renewal that was stopped between two files."""
    fpctl("renew", "fp-2026-0001", "--until", "2027-11-01")
    done = recorded.read_text(encoding="utf-8")
    outcome = fpctl("renew", "fp-2026-0001", "fp-2026-0002", "--until", "2027-11-01")
    assert (outcome.code, outcome.err.splitlines()[:2]) == (
        0,
        ["fp-2026-0001 already expires on 2027-11-01", "fp-2026-0002 expires on 2027-11-01 (was 2027-05-01)"],
    )
    assert recorded.read_text(encoding="utf-8") == done
    assert "expires: 2027-11-01" in second.read_text(encoding="utf-8")


def test_an_expired_one_can_be_renewed(fpctl, recorded):
    recorded.write_text(EXCLUSION.replace("2027-05-01", "2026-11-20"), encoding="utf-8")
    assert fpctl("renew", "fp-2026-0001", "--until", "30d").code == 0


def test_windows_line_ends_and_a_missing_last_one_stay(fpctl, recorded):
    text = EXCLUSION.replace("\n", "\r\n").removesuffix("\r\n")
    recorded.write_bytes(text.encode())
    fpctl("renew", "fp-2026-0001", "--until", "2027-11-01")
    assert recorded.read_bytes() == text.replace("2027-05-01", "2027-11-01").encode()


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("2027-04-30", "fpctl: fp-2026-0001 is already valid until 2027-05-01\n"
         "  hint: give a later date, or shorten it with fpctl edit fp-2026-0001\n"),
        ("2026-11-24",
         "fpctl: fp-2026-0001 cannot be renewed until 2026-11-24, which is not after today, 2026-11-24\n"),
        ("soon", "fpctl: `soon` is not a valid date\n  hint: use 2027-05-24, or 90d, 12w, 6m, 1y from today\n"),
    ],
)  # fmt: skip
def test_what_is_no_renewal_is_refused(fpctl, recorded, until, message):
    outcome = fpctl("renew", "fp-2026-0001", "--until", until)
    assert (outcome.code, outcome.err) == (2, message)
    assert recorded.read_text(encoding="utf-8") == EXCLUSION


def test_if_one_cannot_be_renewed_none_is(fpctl, recorded, second):
    second.write_text(second.read_text(encoding="utf-8").replace("active", "retired"), encoding="utf-8")
    outcome = fpctl("renew", "fp-2026-0001", "fp-2026-0002", "--until", "1y")
    assert (outcome.code, outcome.err) == (
        2,
        "fpctl: fp-2026-0002 is retired\n  hint: record a new exclusion: fpctl add\n",
    )
    assert recorded.read_text(encoding="utf-8") == EXCLUSION


def test_a_broken_file_is_said_and_left_byte_for_byte(fpctl, recorded):
    broken = EXCLUSION.replace("process:", "proces:").encode()
    recorded.write_bytes(broken)
    outcome = fpctl("renew", "fp-2026-0001", "--until", "1y")
    assert outcome.code == 2
    assert "error: unknown key `proces`" in outcome.err
    assert recorded.read_bytes() == broken


def test_retiring_keeps_the_record_with_the_day_and_the_reason(fpctl, recorded):
    outcome = fpctl("retire", "fp-2026-0001", "--reason", "the RMM tool\n was removed")
    assert (outcome.code, outcome.err) == (0, "fp-2026-0001 is retired\n")
    assert recorded.read_text(encoding="utf-8") == EXCLUSION.replace("status: active", "status: retired") + (
        'notes: "retired 2026-11-24: the RMM tool was removed"\n'
    )
    assert "fp-2026-0001" not in fpctl("apply").out


def test_notes_that_are_there_stay(fpctl, recorded):
    recorded.write_text(EXCLUSION + "notes: |\n  see CHG1\n", encoding="utf-8")
    fpctl("retire", "fp-2026-0001", "--reason", "over")
    (loaded,) = load_exclusions(recorded.parent).exclusions
    assert loaded.exclusion.notes == "see CHG1\nretired 2026-11-24: over"


def test_retiring_needs_a_reason_and_happens_once(fpctl, recorded):
    assert fpctl("retire", "fp-2026-0001", "--reason", " ").err == (
        'fpctl: retiring needs a reason\n  hint: say why: --reason "the RMM tool was removed"\n'
    )
    assert "Missing option '--reason'" in fpctl("retire", "fp-2026-0001").err
    assert recorded.read_text(encoding="utf-8") == EXCLUSION
    fpctl("retire", "fp-2026-0001", "--reason", "over")
    assert fpctl("retire", "fp-2026-0001", "--reason", "over").err == "fp-2026-0001 is already retired\n"


def test_retiring_several_again_leaves_alone_those_that_are_done(fpctl, recorded, second):
    fpctl("retire", "fp-2026-0001", "--reason", "over")
    done = recorded.read_text(encoding="utf-8")
    outcome = fpctl("retire", "fp-2026-0001", "fp-2026-0002", "--reason", "over")
    assert (outcome.code, outcome.err) == (0, "fp-2026-0001 is already retired\nfp-2026-0002 is retired\n")
    assert recorded.read_text(encoding="utf-8") == done


def test_approving_records_who_when_and_what_the_rule_was(fpctl, recorded):
    outcome = fpctl("approve", "fp-2026-0001", "--by", "m.weber@contoso.com")
    assert (outcome.code, outcome.err) == (0, "fp-2026-0001 is approved by m.weber@contoso.com for 1 rule\n")
    (loaded,) = load_exclusions(recorded.parent).exclusions
    approval = loaded.exclusion.approval
    assert loaded.exclusion.approved_by == "m.weber@contoso.com"
    assert str(approval.on) == "2026-11-24"
    assert list(approval.rules) == [RULE_ID]
    lines = recorded.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line in EXCLUSION.splitlines()] == EXCLUSION.splitlines()


def test_the_hash_of_a_rule_is_that_of_its_base_query(fpctl, recorded, repository):
    """Clauses that fpctl put in earlier are not a change of the rule."""
    from fpctl.repository.approval_snapshot import base_hash
    from fpctl.rules.loader import load_rules

    (base,) = load_rules(repository / "rules").rules
    tuned = repository / "tuned"
    fpctl("apply", "--out", tuned)
    (rewritten,) = load_rules(tuned).rules
    assert rewritten.rule.query != base.rule.query
    assert base_hash(rewritten.rule.query) == base_hash(base.rule.query)
    assert base_hash(base.rule.query.replace("1d", "2d")) != base_hash(base.rule.query)


def test_a_rule_whose_id_is_no_plain_yaml_is_approved_too(fpctl, recorded, repository):
    (repository / "rules" / "remote_tool.yaml").write_text(RULE.replace(RULE_ID, '"a: b #1 {x}"'), encoding="utf-8")
    recorded.write_text(EXCLUSION.replace(f"[{RULE_ID}]", '["*"]'), encoding="utf-8")
    assert fpctl("approve", "fp-2026-0001", "--by", "m.weber@contoso.com").code == 0
    (loaded,) = load_exclusions(recorded.parent).exclusions
    assert list(loaded.exclusion.approval.rules) == ["a: b #1 {x}"]


def test_a_draft_becomes_active_by_its_approval(fpctl, recorded):
    recorded.write_text(EXCLUSION.replace("status: active", "status: draft"), encoding="utf-8")
    outcome = fpctl("approve", "fp-2026-0001", "--by", "m.weber@contoso.com")
    assert outcome.err == "fp-2026-0001 is approved by m.weber@contoso.com for 1 rule and is now active\n"
    assert "status: active\n" in recorded.read_text(encoding="utf-8")


def test_nobody_approves_what_is_theirs(fpctl, recorded):
    outcome = fpctl("approve", "fp-2026-0001", "--by", " A.Rossi@contoso.com ")
    assert (outcome.code, outcome.err) == (
        2,
        "fpctl: A.Rossi@contoso.com owns fp-2026-0001 and cannot approve it\n  hint: have somebody else approve it\n",
    )
    assert recorded.read_text(encoding="utf-8") == EXCLUSION


def test_git_says_who_approves_and_without_it_one_has_to(fpctl, recorded, repository):
    outcome = fpctl("approve", "fp-2026-0001")
    assert outcome.err == ("fpctl: there is no approver\n  hint: give --by, or set git's user.email\n")
    subprocess.run(["git", "init", "-q", repository], check=True)
    subprocess.run(["git", "-C", repository, "config", "user.email", "m.weber@contoso.com"], check=True)
    assert fpctl("approve", "fp-2026-0001").code == 0
    assert "approved_by: m.weber@contoso.com\n" in recorded.read_text(encoding="utf-8")


def test_a_retired_one_is_not_approved(fpctl, recorded):
    recorded.write_text(EXCLUSION.replace("active", "retired"), encoding="utf-8")
    assert fpctl("approve", "fp-2026-0001", "--by", "m").err.startswith("fpctl: fp-2026-0001 is retired\n")


def test_two_exclusions_of_one_file_are_changed_together(fpctl, recorded):
    other = EXCLUSION.replace("fp-2026-0001", "fp-2026-0002").replace("build01", "other")
    recorded.write_text(f"{EXCLUSION}---\n{other}", encoding="utf-8")
    fpctl("renew", "fp-2026-0001", "fp-2026-0002", "--until", "2027-11-01")
    assert recorded.read_text(encoding="utf-8") == f"{EXCLUSION}---\n{other}".replace("2027-05-01", "2027-11-01")


def test_renewing_says_what_the_policy_asks_of_the_new_date(fpctl, recorded):
    far = fpctl("renew", "fp-2026-0001", "--until", "2027-11-01")
    assert far.code == 0
    assert "note: fp-2026-0001 is valid for 365 days from `created` on 2026-11-01 to 2027-11-01" in far.err
    assert "hint: fpctl edit fp-2026-0001" in far.err


def test_a_date_beyond_the_policy_is_refused_where_the_policy_is_enforced(fpctl, recorded, repository):
    (repository / "fpctl.toml").write_text("", encoding="utf-8")
    far = fpctl("renew", "fp-2026-0001", "--until", "2027-11-01")
    assert far.code == 1
    assert "refused: fp-2026-0001 is valid for 365 days from `created` on 2026-11-01 to 2027-11-01" in far.err
    assert "hint: give an earlier date, or renew it anyway: --force REASON" in far.err
    assert recorded.read_text(encoding="utf-8") == EXCLUSION
    near = fpctl("renew", "fp-2026-0001", "--until", "2027-05-20", "--json", "id,changed,expires")
    assert (near.code, near.json) == (1, [{"id": "fp-2026-0001", "changed": False, "expires": "2027-05-01"}])
    assert "hint: have it approved again first (fpctl approve fp-2026-0001), give an earlier date" in near.err
    assert fpctl("approve", "fp-2026-0001", "--by", "m.weber@contoso.com").code == 0
    assert fpctl("renew", "fp-2026-0001", "--until", "2027-05-20").code == 0


def test_a_reason_renews_beyond_the_policy_and_is_recorded(fpctl, recorded, repository):
    (repository / "fpctl.toml").write_text("", encoding="utf-8")
    far = fpctl("renew", "fp-2026-0001", "--until", "2027-11-01", "--force", "the contract runs on, CHG0012345")
    assert far.code == 0
    assert "note: fp-2026-0001 is valid for 365 days" in far.err
    assert "the contract runs on, CHG0012345" in fpctl("log").out
    assert fpctl("renew", "fp-2026-0001", "--until", "2027-12-01", "--force", " ").code == 2


@pytest.mark.parametrize("table", ["policy", "policy.approval"])
def test_only_those_whom_the_policy_names_approve(fpctl, recorded, repository, table):
    settings = f'[{table}]\napprovers = ["m.weber@contoso.com", "*@soc.contoso.com"]\n'
    (repository / "fpctl.toml").write_text(settings, encoding="utf-8")
    refused = fpctl("approve", "fp-2026-0001", "--by", "c.neri@contoso.com")
    assert refused.code == 2
    assert "c.neri@contoso.com is not one of the approvers of the policy" in refused.err
    assert recorded.read_text(encoding="utf-8") == EXCLUSION
    assert fpctl("approve", "fp-2026-0001", "--by", "Lead <LEAD@soc.contoso.com>").code == 0


def committed(repository, message):
    """Commit all files in a fresh git repository."""
    for arguments in (
        ("init", "-q"), ("config", "user.email", "a.rossi@contoso.com"), ("config", "user.name", "A"),
        ("add", "-A"), ("commit", "-q", "-m", message),
    ):  # fmt: skip
        subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True)


def test_git_tells_the_reviewer_of_the_last_commit_as_approver(fpctl, recorded, repository):
    committed(repository, "Exclude\n\nReviewed-by: M. Weber <m.weber@contoso.com>")
    assert fpctl("approve", "fp-2026-0001", "--from-git").code == 0
    assert "approved_by: M. Weber <m.weber@contoso.com>" in recorded.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder, file: committed(folder, "Exclude"), "nobody signed or reviewed the last commit of the file"),
        (lambda folder, file: None, "is not in a git repository"),
        (
            lambda folder, file: (committed(folder, "x\n\nReviewed-by: m@x.com"), file.write_text(EXCLUSION + "\n")),
            "the file is not as it was committed",
        ),
    ],
)
def test_without_a_review_in_git_nobody_has_approved(fpctl, recorded, repository, prepare, message):
    prepare(repository, recorded)
    outcome = fpctl("approve", "fp-2026-0001", "--from-git")
    assert outcome.code == 2
    assert message in outcome.err
    assert "approved_by" not in recorded.read_text(encoding="utf-8")
