"""`fpctl add` from options, filters and results: what is written, and what is refused with nothing written."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from datetime import timedelta

import pytest

from markers_support import without_checks
from records_support import NOW, RULE_ID, SHA256

RULE_NAME = "Remote tool talks to the internet"

MINIMAL = ("--rule", RULE_ID, "--device", "build01", "--reason", "Patching", "--owner", "a.rossi@contoso.com")


def files(repository):
    return sorted(path.name for path in (repository / "exclusions").rglob("*") if path.is_file())


def written(repository, id):
    return (repository / "exclusions" / f"{id}.yaml").read_text(encoding="utf-8")


def test_the_file_says_what_was_given_in_the_documented_order(fpctl, repository):
    outcome = fpctl(
        "add", "--rule", RULE_ID, "--scenario", "scheduled-patching", "--device", "build01", "--device", "build02",
        "--process", "msiexec.exe", "--parent-process", "ConnectWise.ClientService.exe",
        "--command-line", "/quiet /norestart",
        "--path", "C:\\Windows\\System32", "--account", "CONTOSO\\svc-patch", "--ip", "10.1.0.0/16", "--port", "443",
        "--hash", SHA256, "--url", "update.contoso.com", "--where", "ActionType == 'ConnectionSuccess'",
        "--weekly", "sun 02:00-04:00", "--timezone", "Europe/Rome", "--title", "Patching: build servers",
        "--reason", "Monthly patching", "--owner", "a.rossi@contoso.com", "--ticket", "CHG1", "--expires", "2027-05-24",
        "--created", "2026-11-20", "--approved-by", "m.weber@contoso.com", "--placement", "source",
        "--status", "active",
        "--notes", "see CHG1", "--tag", "patching", "--id", "fp-2026-0100", "--yes",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    text = written(repository, "fp-2026-0100")
    assert text == (
        "id: fp-2026-0100\n"
        'title: "Patching: build servers"\n'
        "scenario: scheduled-patching\n"
        f"rules: [{RULE_ID}]\n"
        "match:\n"
        "  device: [build01, build02]\n"
        "  url: [update.contoso.com]\n"
        f"  hash: [{SHA256}]\n"
        "  process: [msiexec.exe]\n"
        "  parent_process: [ConnectWise.ClientService.exe]\n"
        "  command_line: [/quiet /norestart]\n"
        "  path: ['C:\\Windows\\System32']\n".replace("'", "")
        + "  account: [CONTOSO\\svc-patch]\n"
        "  ip: [10.1.0.0/16]\n"
        '  port: ["443"]\n'
        "  where: ActionType == 'ConnectionSuccess'\n"
        "window:\n"
        "  weekly: [sun 02:00-04:00]\n"
        "  timezone: Europe/Rome\n"
        "reason: Monthly patching\n"
        "ticket: CHG1\n"
        "owner: a.rossi@contoso.com\n"
        "created: 2026-11-20\n"
        "expires: 2027-05-24\n"
        "approved_by: m.weber@contoso.com\n"
        "approval:\n"
        "  on: 2026-11-24\n"
        "  rules:\n"
        f"    {RULE_ID}: {_base_hash(repository)}\n"
        "  places:\n"
        f'    {RULE_ID}: "DeviceNetworkEvents: after where"\n'
        "status: active\n"
        "placement: source\n"
        "notes: see CHG1\n"
        "tags: [patching]\n"
    )


def _base_hash(repository):
    import hashlib

    lines = (
        (repository / "rules" / "remote_tool.yaml").read_text(encoding="utf-8").partition("query: |\n")[2].splitlines()
    )
    return hashlib.sha256("".join(f"{line.removeprefix('  ')}\n" for line in lines).encode()).hexdigest()


def test_the_clause_is_shown_in_the_rules_text(fpctl):
    outcome = fpctl("add", *MINIMAL, "--id", "fp-2026-0100", "--yes")
    clause = next(line for line in outcome.out.splitlines() if line.startswith("+|"))
    assert clause.startswith('+| where not((DeviceName in~ ("build01") or DeviceName startswith "build01.")')
    assert without_checks(clause).endswith("// fpctl fp-2026-0100")
    assert "recorded fp-2026-0100 in exclusions/fp-2026-0100.yaml\n" in outcome.err


def test_what_was_recorded_is_applied(fpctl):
    fpctl("add", *MINIMAL, "--id", "fp-2026-0100", "--yes")
    assert "// fpctl fp-2026-0100" in fpctl("apply").out


def test_without_a_terminal_and_yes_nothing_is_written_and_it_is_said_what_would_be(fpctl, repository):
    outcome = fpctl("add", *MINIMAL, "--id", "fp-2026-0100")
    assert outcome.code == 2
    assert outcome.err.endswith(
        "fpctl would write exclusions/fp-2026-0100.yaml; nothing was done\n"
        "  hint: add --yes to do it without confirmation\n"
    )
    assert "id: fp-2026-0100" in outcome.out
    assert files(repository) == []


def test_on_a_terminal_it_is_asked_and_no_means_no(fpctl, repository, monkeypatch):
    from fpctl.cli.shared import terminal

    monkeypatch.setattr(terminal, "may_ask", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert fpctl("add", *MINIMAL).code == 2
    assert files(repository) == []
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert fpctl("add", *MINIMAL, "--id", "fp-2026-0100").code == 0
    assert files(repository) == ["fp-2026-0100.yaml"]


def test_ids_differ_and_begin_with_the_year(fpctl, repository):
    fpctl("add", *MINIMAL, "--yes")
    fpctl("add", *MINIMAL, "--yes")
    names = files(repository)
    assert len(names) == 2
    assert all(re.fullmatch(r"fp-2026-[0-9a-hjkmnp-tv-z]{8}\.yaml", name) for name in names)


def test_it_ends_after_ninety_days_unless_told(fpctl, repository):
    fpctl("add", *MINIMAL, "--id", "a1", "--yes")
    fpctl("add", *MINIMAL, "--id", "a2", "--expires", "never", "--yes")
    assert "expires: 2027-02-22\n" in written(repository, "a1")
    assert "expires" not in written(repository, "a2")


def test_the_owner_is_gits_user_if_nobody_is_named(fpctl, repository):
    subprocess.run(["git", "init", "-q", repository], check=True)
    subprocess.run(["git", "-C", repository, "config", "user.email", "g.verdi@contoso.com"], check=True)
    fpctl("add", "--rule", RULE_ID, "--device", "build01", "--id", "a1", "--yes")
    assert "owner: g.verdi@contoso.com\n" in written(repository, "a1")


@pytest.mark.parametrize("rule", [RULE_NAME, RULE_NAME.upper(), "remote_tool.yaml", RULE_ID])
def test_a_rule_is_recorded_by_its_id(fpctl, repository, rule):
    fpctl("add", "--rule", rule, "--device", "build01", "--id", "a1", "--yes")
    assert f"rules: [{RULE_ID}]\n" in written(repository, "a1")


def test_a_glob_stays_a_glob(fpctl, repository):
    fpctl("add", "--rule", "Remote*", "--rule", "technique:T1219", "--device", "build01", "--id", "a1", "--yes")
    assert "rules: [Remote*, technique:T1219]\n" in written(repository, "a1")


def test_a_scenarios_defaults_narrow_what_was_not_given(fpctl, repository):
    fpctl("add", "--rule", RULE_ID, "--scenario", "remote-reboot", "--device", "srv1", "--id", "a1", "--yes")
    assert "  process: [taskhostw.exe]\n  command_line: [shutdown /r]\n" in written(repository, "a1")
    fpctl(
        "add", "--rule", RULE_ID, "--scenario", "remote-reboot", "--device", "s", "--no-defaults", "--id", "a2", "--yes"
    )
    assert "match:\n  device: [s]\nowner" not in written(repository, "a2")
    assert "process" not in written(repository, "a2")


def test_what_a_scenario_needs_and_the_exclusion_lacks_is_noted(fpctl):
    outcome = fpctl("add", "--rule", RULE_ID, "--scenario", "database-backup", "--device", "sql01", "--yes")
    assert "note: database-backup usually names url: Which host takes the backups?" in outcome.err


def test_a_list_is_referred_to(fpctl, repository):
    lists = repository / "exclusions" / "lists"
    lists.mkdir()
    (lists / "agents.txt").write_text(f"{SHA256}\n", encoding="utf-8")
    outcome = fpctl("add", "--rule", RULE_ID, "--hash", "@lists/agents.txt", "--id", "a1", "--yes")
    assert outcome.code == 0, outcome.err
    assert 'hash: ["@lists/agents.txt"]' in written(repository, "a1")
    assert SHA256 in outcome.out


def test_json_has_the_file_the_clause_and_whether_it_was_written(fpctl):
    outcome = fpctl("add", *MINIMAL, "--id", "a1", "--yes", "--format", "json")
    document = outcome.json
    (one,) = document["exclusions"]
    assert document["written"] is True
    assert (one["id"], one["path"], one["coverage"]) == ("a1", "exclusions/a1.yaml", None)
    assert one["text"].startswith("id: a1\n")
    assert one["rules"][0]["insertions"][0]["exclusions"] == ["a1"]
    assert fpctl("add", *MINIMAL, "--id", "a2", "--format", "json").json["written"] is False


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--device", "build 01"), 2,
         "new exclusion:5:12: error: a device name has no spaces\n      device: [build 01]\n               ^\n"
         "  hint: write several devices as a list: [a, b]\n1 error\nfpctl: the exclusion was not recorded\n"),
        (("--device", ""), 2, "error: the value is empty; it would match everything"),
        (("--hash", "abc"), 2, "a hash has 32 (MD5), 40 (SHA-1), 64 (SHA-256) hex digits; this has 3 characters"),
        (("--device", "d", "--parent-process", "RMM_TOOL_NAME.exe"), 2, "error: `RMM_TOOL_NAME` is a placeholder"),
        (("--process", "x.exe"), 2, "error: the match names no device, url or hash"),
        (("--account", "svc", "--ip", "10.1.2.3"), 2, "account and ip together do not identify an event of Remote"),
        (("--process", "x.exe", "--broad"), 2, "error: a broad exclusion needs `approved_by`"),
        (("--device", "d", "--scenario", "remote-rebot"), 2,
         "fpctl: unknown scenario `remote-rebot`\n  hint: did you mean `remote-reboot`?\n"),
        (("--device", "d", "--expires", "2026-11-24"), 2,
         "fpctl: it would expire on 2026-11-24, which is not after today, 2026-11-24\n"),
        (("--device", "d", "--expires", "soon"), 2,
         "fpctl: `soon` is not a valid date\n  hint: use 2027-05-24, or 90d, 12w, 6m, 1y from today\n"),
        (("--device", "d", "--created", "2027-01-01", "--expires", "2026-12-01"), 2,
         "error: the exclusion expires on 2026-12-01, not after 2027-01-01, the day it is created"),
        (("--device", "d", "--weekly", "sunday night"), 2, "error: `sunday night` is not weekly hours"),
        (("--device", "d", "--id", "a b"), 2, "error: `a b` cannot be an id"),
        (("--device", "d", "--owner", "x@y.z", "--approved-by", "X@y.z"), 2, "fpctl: X@y.z owns "),
        (("--device", "d", "--hash", "@lists/none.txt"), 2, "the list `@lists/none.txt` cannot be read"),
        (("--device", "d", "--accept", "1"), 2,
         "fpctl: --accept needs the proposals of --from-result\n  hint: give --from-result too\n"),
        ((), 2, "fpctl: there is nothing to match\n"
         "  hint: give --device, --url or --hash, or two such as --account and --ip; on a terminal fpctl asks\n"),
    ],
)  # fmt: skip
def test_what_the_loader_would_refuse_is_not_written(fpctl, repository, options, code, message):
    outcome = fpctl("add", "--rule", RULE_ID, *options, "--yes")
    assert outcome.code == code
    assert message in outcome.err
    assert files(repository) == []


def test_an_unknown_rule_is_refused_with_the_nearest(fpctl, repository):
    outcome = fpctl("add", "--rule", "Remote tool talks to the internets", "--device", "d", "--yes")
    assert outcome.code == 2
    assert (
        "error: the exclusion names the rule `Remote tool talks to the internets`, which does not exist\n"
        in outcome.err
    )
    assert f"  hint: did you mean `{RULE_NAME}`?\n" in outcome.err
    assert files(repository) == []


def test_an_exclusion_is_for_a_rule(fpctl):
    outcome = fpctl("add", "--device", "d", "--yes")
    assert outcome.err == "fpctl: an exclusion needs a rule\n  hint: name it: fpctl add RULE ...; '*' is all rules\n"


def test_an_id_in_use_is_refused(fpctl, recorded):
    before = recorded.read_bytes()
    outcome = fpctl("add", *MINIMAL, "--id", "FP-2026-0001", "--yes")
    assert outcome.code == 2
    assert outcome.err.endswith(
        "exclusions/fp-2026-0001.yaml:2: the id `FP-2026-0001` is in use\n  hint: leave --id out, or give another\n"
    )
    assert recorded.read_bytes() == before


def test_a_file_in_the_way_is_never_overwritten(fpctl, repository):
    path = repository / "exclusions" / "a1.yaml"
    path.write_text("not: [an exclusion", encoding="utf-8")
    outcome = fpctl("add", *MINIMAL, "--id", "a1", "--yes")
    assert outcome.code == 2
    assert "exclusions/a1.yaml: the file already exists\n  hint: give another --id\n" in outcome.err
    assert path.read_text(encoding="utf-8") == "not: [an exclusion"


def test_what_cannot_be_placed_in_the_rule_it_names_is_not_recorded(fpctl, repository):
    outcome = fpctl("add", "--rule", RULE_ID, "--device", "d", "--signer", "Contoso", "--yes")
    assert outcome.code == 1
    assert "remote_tool.yaml:1: refused: [field-not-in-table]" in outcome.err
    assert outcome.err.endswith("fpctl: the exclusion cannot be placed in a rule that it names; it was not recorded\n")
    assert files(repository) == []


def test_a_condition_that_is_no_kql_is_not_recorded(fpctl, repository):
    outcome = fpctl("add", "--rule", RULE_ID, "--device", "d", "--where", "ActionType ==", "--yes")
    assert outcome.code == 2
    assert "not a KQL condition" in outcome.err
    assert files(repository) == []


def test_an_exclusion_that_matches_the_same_is_noted(fpctl, recorded):
    outcome = fpctl(
        "add",
        "--rule",
        RULE_ID,
        "--device",
        "build01",
        "--device",
        "build02.contoso.com",
        "--process",
        "msiexec.exe",
        "--yes",
    )
    assert "note: fp-2026-0001 already matches the same\n" in outcome.err


def test_a_broad_draft_waits_for_its_approval(fpctl, repository):
    outcome = fpctl("add", "--rule", "*", "--process", "x.exe", "--broad", "--status", "draft", "--id", "a1", "--yes")
    assert outcome.code == 0
    assert fpctl("apply").out.count("fpctl a1") == 0
    assert fpctl("approve", "a1", "--by", "m.weber@contoso.com").code == 0
    assert fpctl("apply").out.count("// fpctl a1") == 1


def test_a_missing_exclusions_folder_is_made(fpctl, repository):
    (repository / "exclusions").rmdir()
    assert fpctl("add", *MINIMAL, "--id", "a1", "--yes").code == 0
    assert files(repository) == ["a1.yaml"]


# --- the documented notation


def test_a_documented_filter_is_narrowed_by_options(fpctl, repository):
    outcome = fpctl(
        "add", "--rule", RULE_ID, "--id", "a1", "--yes", "--device", "build01", "--filter",
        'process.name IN ("msiexec.exe", "setup.exe") OR process.parent_process.name IN ("ConnectWise.exe")',
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert (
        "match:\n"
        "  - device: [build01]\n"
        "    process: [msiexec.exe, setup.exe]\n"
        "  - device: [build01]\n"
        "    parent_process: [ConnectWise.exe]\n"
    ) in written(repository, "a1")


def test_a_field_that_the_filter_names_cannot_be_given_again(fpctl, repository):
    outcome = fpctl(
        "add", "--rule", RULE_ID, "--yes", "--device", "build01", "--parent-process", "b.exe",
        "--filter", 'process.name == "a.exe" OR process.parent.name == "c.exe"',
    )  # fmt: skip
    assert (outcome.code, outcome.err) == (
        2,
        "fpctl: the match names a parent_process already, and another one is given\n"
        "  hint: leave out --parent-process, or the parent_process of the other\n",
    )
    assert files(repository) == []


def test_conditions_of_filter_and_option_are_joined(fpctl, repository):
    fpctl(
        "add", "--rule", RULE_ID, "--id", "a1", "--yes", "--where", "LocalPort == 1",
        "--filter", 'host.name == "build01" AND process.name != "x.exe"',
    )  # fmt: skip
    condition = '  where: (not(InitiatingProcessFileName =~ "x.exe")) and (LocalPort == 1)\n'
    assert condition in written(repository, "a1")


def test_a_rule_that_is_there_and_broken_is_told(fpctl, repository):
    (repository / "rules" / "broken.yaml").write_text("id: abc\nname: x\n", encoding="utf-8")
    outcome = fpctl("add", "--rule", "abc", "--device", "d", "--yes")
    assert outcome.code == 2
    assert "rules/broken.yaml:1" in outcome.err
    assert "error: the exclusion names the rule `abc`, which does not exist" in outcome.err


def test_a_documented_filter_as_it_stands_is_refused_as_too_wide(fpctl, repository):
    outcome = fpctl("add", "--rule", RULE_ID, "--yes", "--filter", 'process.name IN ("msiexec.exe", "setup.exe")')
    assert outcome.code == 2
    assert "error: the match names no device, url or hash" in outcome.err
    assert files(repository) == []


def test_not_becomes_a_condition_on_the_rules_own_column(fpctl, repository):
    outcome = fpctl(
        "add", "--rule", RULE_ID, "--id", "a1", "--yes",
        "--filter", 'host.name == "build01" AND NOT process.command_line CONTAINS "-enc"',
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert '  where: not(InitiatingProcessCommandLine contains "-enc")\n' in written(repository, "a1")
    assert "note: host.name: a name without a domain also matches its full name" in outcome.err


def test_an_ill_formed_filter_is_shown_with_a_caret(fpctl, repository):
    outcome = fpctl("add", "--rule", RULE_ID, "--yes", "--filter", 'process.command_line CONTAINS "a1" OR "b1"')
    assert outcome.code == 2
    assert outcome.err == (
        'fpctl: --filter:1:39: "b1" alone is not a condition\n'
        '    process.command_line CONTAINS "a1" OR "b1"\n'
        "                                          ^\n"
        '  hint: write the values as a list: process.command_line CONTAINS ("a1", "b1")\n'
    )
    assert files(repository) == []


# --- rows of a result


@pytest.fixture
def result(repository):
    rows = [
        {"DeviceName": "build01.contoso.com", "RemoteUrl": "https://deploy.contoso.com/a?b", "Count": 3},
        {"DeviceName": "build02.contoso.com", "RemoteUrl": "deploy.contoso.com", "Count": 1},
    ]
    path = repository / "result.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def test_proposals_are_numbered_with_their_rows(fpctl, repository, result):
    outcome = fpctl("add", "--rule", RULE_ID, "--from-result", result)
    assert outcome.code == 2
    assert [line.split(None, 2) for line in outcome.out.splitlines()[2:]] == [
        ["1", "2", "device build01.contoso.com, build02.contoso.com; url deploy.contoso.com"],
        ["2", "2", "url deploy.contoso.com"],
        ["3", "1", "device build01.contoso.com"],
        ["4", "1", "device build02.contoso.com"],
    ]
    assert outcome.err.endswith(
        "fpctl: no proposal was chosen; nothing was recorded\n  hint: choose with --accept 1,3\n"
    )
    assert files(repository) == []


def test_yes_alone_accepts_no_proposal(fpctl, repository, result):
    assert fpctl("add", "--rule", RULE_ID, "--from-result", result, "--yes").code == 2
    assert files(repository) == []


def test_accepted_proposals_are_recorded_each_by_itself(fpctl, repository, result):
    outcome = fpctl(
        "add",
        "--rule",
        RULE_ID,
        "--from-result",
        result,
        "--accept",
        "1,3",
        "--process",
        "rport.exe",
        "--reason",
        "r",
        "--yes",
    )
    assert outcome.code == 0, outcome.err
    texts = [path.read_text(encoding="utf-8") for path in (repository / "exclusions").iterdir()]
    matches = sorted(text.partition("match:\n")[2].partition("reason:")[0] for text in texts)
    assert matches == [
        "  device: [build01.contoso.com, build02.contoso.com]\n  url: [deploy.contoso.com]\n  process: [rport.exe]\n",
        "  device: [build01.contoso.com]\n  process: [rport.exe]\n",
    ]


def test_a_result_is_read_from_stdin(fpctl, repository, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("DeviceName,RemoteUrl\nbuild01,a.contoso.com\n"))
    outcome = fpctl("add", "--rule", RULE_ID, "--from-result", "-", "--accept", "1", "--id", "a1", "--yes")
    assert outcome.code == 0, outcome.err
    assert "match:\n  device: [build01]\n  url: [a.contoso.com]\n" in written(repository, "a1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--accept", "9"), "fpctl: --accept: there is no proposal 9: they are numbered 1 to 4\n"),
        (("--accept", "1,2", "--id", "a1"),
         "fpctl: --id sets one id, but several proposals are chosen\n  hint: leave --id out\n"),
        (("--filter", 'host.name == "x"'),
         "fpctl: --filter and --from-result cannot be combined\n  hint: give one of them\n"),
    ],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused(fpctl, repository, result, options, message):
    outcome = fpctl("add", "--rule", RULE_ID, "--from-result", result, *options, "--yes")
    assert (outcome.code, outcome.err) == (2, message)
    assert files(repository) == []


def test_a_result_without_entities_is_refused(fpctl, repository):
    path = repository / "r.csv"
    path.write_text("Count,Report\n1,2\n", encoding="utf-8")
    outcome = fpctl("add", "--rule", RULE_ID, "--from-result", path)
    assert outcome.err == (
        "fpctl: the columns of the result do not identify an event\n"
        "  hint: its columns are Count, Report; what identifies here is a device, url or hash\n"
    )


# --- what it would have suppressed


def event(days, device="build01", url="a.contoso.com", product="rport"):
    return {
        "Timestamp": (NOW - timedelta(days=days)).isoformat(),
        "DeviceName": device,
        "RemoteUrl": url,
        "InitiatingProcessVersionInfoProductName": product,
        "InitiatingProcessSHA256": SHA256,
    }


def test_with_data_it_says_what_would_have_been_taken_out(fpctl, write_events):
    # The rule itself looks back one day; the preview fourteen.
    rows = [event(days / 2, device=f"build0{days % 2 + 1}") for days in range(1, 29)]
    rows += [event(20), event(1, product="other"), event(1, device="other")]
    data = write_events(rows)
    outcome = fpctl("add", "--rule", RULE_ID, "--device", "build01", "--device", "build02", "--data", data, "--yes")
    assert outcome.code == 0, outcome.err
    expected = sum(days / 2 < 14 for days in range(1, 29))
    assert (
        f"in the last 14 days it would have suppressed {expected} events of 2 devices, 1 URL, 1 hash\n" in outcome.err
    )


def test_the_count_is_in_the_json(fpctl, write_events):
    data = write_events([event(1), event(2), event(3, device="other")])
    outcome = fpctl("add", *MINIMAL, "--data", data, "--format", "json", "--yes")
    assert outcome.json["exclusions"][0]["coverage"] == {
        "rows": 2, "days": 14, "devices": 1, "urls": 1, "hashes": 1, "error": None,
    }  # fmt: skip


def test_nothing_taken_out_is_said_as_such(fpctl, write_events):
    outcome = fpctl("add", *MINIMAL, "--data", write_events([event(1, device="other")]), "--yes")
    said = "it would have suppressed no event; of 1 event at the clause each field matches: device 0\n"
    assert f"in the last 14 days {said}" in outcome.err


def test_what_cannot_be_counted_is_not_known_and_never_zero(fpctl, repository):
    (repository / "data").mkdir()
    (repository / "data" / "Other.csv").write_text("a\n1\n", encoding="utf-8")
    outcome = fpctl("add", *MINIMAL, "--data", repository / "data", "--format", "json", "--yes")
    coverage = outcome.json["exclusions"][0]["coverage"]
    assert coverage["rows"] is None
    assert "there is no table DeviceNetworkEvents" in coverage["error"]
    assert outcome.json["written"] is True


def test_rows_of_sign_ins_are_recorded_by_account_and_address(fpctl, repository):
    query = "SigninLogs\n| where ResultType != '0'\n| summarize count() by UserPrincipalName, IPAddress\n"
    (repository / "rules" / "signins.kql").write_text(query, encoding="utf-8")
    (repository / "rows.csv").write_text("UserPrincipalName,IPAddress,count_\nsvc@contoso.com,10.1.2.3,412\n")
    outcome = fpctl("add", "--rule", "signins", "--from-result", "rows.csv", "--accept", "1", "--id", "a1", "--yes")
    assert outcome.code == 0, outcome.err
    assert "match:\n  account: [svc@contoso.com]\n  ip: [10.1.2.3]\n" in written(repository, "a1")


LOGONS = "SecurityEvent\n| where EventID == 4625\n| summarize count() by TargetAccount, IpAddress\n"


def test_where_nothing_is_suppressed_each_field_is_counted_and_the_column_that_was_meant_is_named(fpctl, repository):
    (repository / "rules" / "logons.kql").write_text(LOGONS, encoding="utf-8")
    (repository / "data").mkdir()
    row = {"EventID": 4625, "Account": "-", "TargetAccount": "CONTOSO\\svc", "IpAddress": "10.1.2.3"}
    rows = [{**row, "TimeGenerated": (NOW - timedelta(hours=hour)).isoformat()} for hour in range(1, 6)]
    (repository / "data" / "SecurityEvent.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    add = ("add", "logons", "--account", "svc", "--ip", "10.1.2.3", "--data", "data", "--yes")
    outcome = fpctl(*add)
    assert "no event; of 5 events at the clause each field matches: account 0, ip 5\n" in outcome.err
    assert "did you mean TargetAccount? it has these values in 5 events: map it to account in fpctl.toml" in outcome.err
    assert fpctl(*add, "--format", "json").json["exclusions"][0]["coverage"]["fields"] == {"account": 0, "ip": 5}


PAYROLL = "Payroll_CL\n| where Action_s == 'export'\n| project TimeGenerated, UserName_s, ClientIp_s\n"


def test_a_clause_that_could_never_match_is_refused_with_the_columns_that_look_right(fpctl, repository):
    (repository / "rules" / "payroll.kql").write_text(PAYROLL, encoding="utf-8")
    add = ("add", "payroll", "--account", "svc", "--ip", "10.1.2.3", "--id", "a1", "--yes")
    outcome = fpctl(*add)
    assert outcome.code == 1
    assert (
        "payroll.kql: nothing shows which column of Payroll_CL holds account: the clause could never match\n"
        '  hint: UserName_s looks right. Say so in fpctl.toml: [fields.Payroll_CL] account = ["UserName_s"]; '
        "or read the columns from data: fpctl schema pull --data DIR\n"
    ) in outcome.err
    assert not (repository / "exclusions" / "a1.yaml").exists()
    settings = '[fields.Payroll_CL]\naccount = ["UserName_s"]\nip = ["ClientIp_s"]\n'
    (repository / "fpctl.toml").write_text(settings, encoding="utf-8")
    assert fpctl(*add).code == 0


def test_where_the_columns_of_a_table_are_known_the_refusal_names_the_one_that_looks_right(fpctl, repository):
    (repository / "rules" / "payroll.kql").write_text(PAYROLL, encoding="utf-8")
    (repository / "data").mkdir()
    row = {"TimeGenerated": NOW.isoformat(), "UserName_s": "svc", "ClientIp_s": "10.1.2.3", "Action_s": "export"}
    (repository / "data" / "Payroll_CL.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert fpctl("schema", "pull", "--data", "data").code == 0
    outcome = fpctl("add", "payroll", "--account", "svc", "--ip", "10.1.2.3", "--yes")
    assert outcome.code == 1
    assert (
        "payroll.kql: no column of Payroll_CL holds the field account\n  hint: UserName_s looks right." in outcome.err
    )


def test_what_suppresses_an_event_that_must_fire_is_not_recorded(fpctl, repository):
    case = (
        "must_fire:\n  - name: RPort from the build server\n    rows:\n      DeviceNetworkEvents:\n"
        "        - {DeviceName: build01, Timestamp: -1h, InitiatingProcessVersionInfoProductName: rport}\n"
    )
    (repository / "rules" / "remote_tool.tests.yaml").write_text(case, encoding="utf-8")
    outcome = fpctl("add", RULE_ID, "--device", "build01", "--id", "a1", "--yes")
    assert outcome.code == 1
    assert "it suppresses an event that must fire: RPort from the build server" in outcome.err
    assert not (repository / "exclusions" / "a1.yaml").exists()
    assert fpctl("add", RULE_ID, "--device", "build02", "--id", "a1", "--yes").code == 0
