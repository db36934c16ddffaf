"""`fpctl list` and `fpctl show`."""

from __future__ import annotations

import pytest

from records_support import EXCLUSION, RULE_ID


@pytest.fixture
def several(repository, recorded):
    folder = recorded.parent
    for id, expires, status in (("fp-soon", "2026-12-01", "active"), ("fp-over", "2026-11-10", "active"),
                                ("fp-draft", "2027-05-01", "draft")):  # fmt: skip
        text = (
            EXCLUSION.replace("fp-2026-0001", id)
            .replace("2027-05-01", expires)
            .replace("status: active", f"status: {status}")
        )
        (folder / f"{id}.yaml").write_text(text.replace("build01", id), encoding="utf-8")
    return folder


def ids(outcome):
    return [one["id"] for one in outcome.json["exclusions"]]


def test_the_table_has_a_line_for_each(fpctl, several):
    outcome = fpctl("list")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["id", "title", "rules", "owner", "status", "expires", "days", "left"]
    assert [line.split()[0] for line in lines[2:]] == ["fp-2026-0001", "fp-draft", "fp-over", "fp-soon"]
    assert lines[2].split() == [
        "fp-2026-0001", "Patching", RULE_ID, "a.rossi@contoso.com", "active", "2027-05-01", "158",
    ]  # fmt: skip
    assert lines[4].split()[-1] == "-"  # what has ended has no days left
    assert outcome.err == "4 of 4 exclusions\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--status", "active"), ["fp-2026-0001", "fp-soon"]),
        (("--status", "expired,draft"), ["fp-draft", "fp-over"]),
        (("--matches", "fp-soon.contoso.com"), ["fp-soon"]),
        (("--matches", "MSIEXEC.exe", "--status", "draft"), ["fp-draft"]),
        (("--matches", "build077"), []),
        (("--owner", "ROSSI"), ["fp-2026-0001", "fp-draft", "fp-over", "fp-soon"]),
        (("--owner", "none"), []),
        (("--scenario", "none", "--status", "draft"), ["fp-draft"]),
        (("--scenario", "remote-reboot"), []),
        (("--rule", RULE_ID, "--status", "draft"), ["fp-draft"]),
        (("--rule", "Remote*"), ["fp-2026-0001", "fp-draft", "fp-over", "fp-soon"]),
        (("--on", "2026-12-02", "--status", "expired"), ["fp-over", "fp-soon"]),
    ],
)
def test_filters_add_up(fpctl, several, options, expected):
    outcome = fpctl("list", *options, "--format", "json")
    assert (outcome.code, ids(outcome)) == (0, expected)


def test_expiring_tells_ci_by_its_exit_code(fpctl, several):
    outcome = fpctl("list", "--expiring", "30d", "--format", "json")
    assert (outcome.code, ids(outcome)) == (1, ["fp-soon"])
    outcome = fpctl("list", "--expiring", "3d", "--format", "json")
    assert (outcome.code, ids(outcome)) == (0, [])


def test_the_json_has_the_documented_shape(fpctl, recorded):
    assert fpctl("list", "--matches", "build01", "--format", "json").json == {
        "exclusions": [
            {
                "id": "fp-2026-0001", "title": "Patching", "scenario": None, "rules": [RULE_ID],
                "owner": "a.rossi@contoso.com", "ticket": None, "approved_by": None, "status": "active",
                "created": "2026-11-01", "expires": "2027-05-01", "days_left": 158, "matches": ["device"],
                "file": "exclusions/fp-2026-0001.yaml", "line": 2,
            }
        ],
        "problems": [],
    }  # fmt: skip


def test_the_csv_is_for_spreadsheets(fpctl, recorded):
    assert fpctl("list", "--format", "csv").out == (
        "id,title,scenario,rules,owner,status,expires,days_left,file\r\n"
        f"fp-2026-0001,Patching,,{RULE_ID},a.rossi@contoso.com,active,2027-05-01,158,exclusions/fp-2026-0001.yaml\r\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--status", "actve"), "fpctl: `actve` is not a valid status\n"
         "  hint: one of active, shadow, not-yet-valid, draft, expired, retired\n"),
        (("--expiring", "soon"), "fpctl: `soon` is not a valid number of days\n  hint: write 30d or 4w\n"),
        (("--rule", "nosuch"), "fpctl: no rule matches `nosuch`\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(fpctl, recorded, options, message):
    outcome = fpctl("list", *options)
    assert outcome.code == 2
    assert outcome.err.startswith(message)


def test_a_broken_file_is_told_and_the_others_are_listed(fpctl, recorded):
    (recorded.parent / "broken.yaml").write_text("id: x\nmatch: {device: d}\n", encoding="utf-8")
    outcome = fpctl("list")
    assert outcome.code == 2
    assert "fp-2026-0001" in outcome.out
    assert "exclusions/broken.yaml:1:1: error: the key `rules` is missing" in outcome.err


def test_a_value_never_reaches_the_terminal_raw(fpctl, recorded):
    recorded.write_text(EXCLUSION.replace("title: Patching ", 'title: "a\\e[2Jb" '), encoding="utf-8")
    assert "a\\x1b[2Jb" in fpctl("list").out


def test_show_has_every_field_the_clause_and_the_hits(fpctl, recorded):
    recorded.write_text(
        EXCLUSION + "window: {weekly: [sun 02:00-04:00], timezone: Europe/Rome}\nticket: CHG1\ntags: [a, b]\n"
        "notes: |\n  one\n  two\napproved_by: m.weber@contoso.com\napproval: {on: 2026-11-02}\n",
        encoding="utf-8",
    )
    outcome = fpctl("show", "fp-2026-0001")
    assert outcome.code == 0, outcome.err
    head, _, clauses = outcome.out.partition("\n\n")
    fields, _, risk = head.partition("\nrisk            ")
    assert risk.startswith("18 of 100, low (without its breadth, which fpctl preview measures)\n")
    assert fields.splitlines() == [
        "id              fp-2026-0001",
        "title           Patching",
        "state           active",
        "file            exclusions/fp-2026-0001.yaml:2",
        f"rules           {RULE_ID}",
        "device          build01, build02.contoso.com",
        "process         msiexec.exe",
        "window          Sundays 02:00-04:00 Europe/Rome",
        "reason          Monthly patching",
        "ticket          CHG1",
        "owner           a.rossi@contoso.com",
        "created         2026-11-01",
        "expires         2027-05-01",
        "approved by     m.weber@contoso.com on 2026-11-02",
        "notes           one",
        "                two",
        "tags            a, b",
        "hits            no run has been recorded yet",
    ]
    assert clauses.startswith(
        "Remote tool talks to the internet (remote_tool.yaml)\n  after where, line 3: | where not("
    )


def test_show_tells_the_clause_of_what_is_not_in_force(fpctl, recorded):
    recorded.write_text(EXCLUSION.replace("status: active", "status: draft"), encoding="utf-8")
    outcome = fpctl("show", "fp-2026-0001", "--format", "json")
    assert outcome.json["state"] == "draft"
    assert len(outcome.json["rules"][0]["insertions"]) == 1
    outcome = fpctl("show", "fp-2026-0001", "--on", "2028-01-01", "--format", "json")
    assert len(outcome.json["rules"][0]["insertions"]) == 1


def test_show_has_the_hits_of_recorded_runs(fpctl, recorded, write_events):
    from datetime import timedelta

    from records_support import NOW

    rows = [
        {
            "Timestamp": (NOW - timedelta(hours=hours)).isoformat(),
            "DeviceName": "build01",
            "InitiatingProcessFileName": "msiexec.exe",
            "InitiatingProcessVersionInfoProductName": "rport",
            "RemoteUrl": "a.contoso.com",
        }
        for hours in (1, 2)
    ]
    data = write_events(rows)
    assert fpctl("run", "--data", data, "--to", NOW.isoformat()).code == 0
    outcome = fpctl("show", "fp-2026-0001")
    assert "hits            2 (2 unique) in 1 run, the last event at 2026-11-24 11:00:00\n" in outcome.out
    hits = fpctl("show", "fp-2026-0001", "--format", "json").json["hits"]
    assert (hits["rows"], hits["unique"], hits["runs"], hits["unknown_runs"]) == (2, 2, 1, 0)


def test_show_of_nothing_names_the_nearest(fpctl, recorded):
    outcome = fpctl("show", "fp-2026-0002")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "fpctl: no exclusion has the id `fp-2026-0002`\n  hint: did you mean `fp-2026-0001`?\n"


def test_show_of_a_broken_one_says_what_is_wrong_with_it(fpctl, recorded):
    recorded.write_text(EXCLUSION.replace("process:", "proces:"), encoding="utf-8")
    outcome = fpctl("show", "fp-2026-0001")
    assert outcome.code == 2
    assert "error: unknown key `proces`\n  hint: did you mean `process`?\n" in outcome.err


def test_show_exits_1_for_what_cannot_be_placed(fpctl, recorded):
    recorded.write_text(EXCLUSION.replace("process:", "signer:"), encoding="utf-8")
    outcome = fpctl("show", "fp-2026-0001")
    assert outcome.code == 1
    assert "refused [field-not-in-table]" in outcome.out


def test_several_are_shown_one_after_the_other(fpctl, recorded):
    other = EXCLUSION.replace("fp-2026-0001", "fp-2026-0002").replace("build01", "other")
    recorded.with_name("fp-2026-0002.yaml").write_text(other, encoding="utf-8")
    text = fpctl("show", "fp-2026-0002", "fp-2026-0001").out
    assert 0 < text.index("id              fp-2026-0002") + 1 < text.index("id              fp-2026-0001")
    several = fpctl("show", "fp-2026-0002", "fp-2026-0001", "--format", "json").json["exclusions"]
    alone = fpctl("show", "fp-2026-0001", "--format", "json").json
    assert several[1] == {key: value for key, value in alone.items() if key != "problems"}
    states = fpctl("show", "fp-2026-0002", "fp-2026-0001", "--json", "state").json
    assert states == [{"state": "active"}, {"state": "active"}]
