"""`fpctl import` and `fpctl export` of exclusions: files, messages, exit codes, and the trail."""

from __future__ import annotations

import json

import pytest

from records_support import EXCLUSION, RULE_ID, SHA256


@pytest.fixture
def recorded(repository):
    """Write three exclusions: one of two fields, one of a list, one that has expired."""
    folder = repository / "exclusions"
    (folder / "fp-2026-0001.yaml").write_text(EXCLUSION, encoding="utf-8")
    (folder / "fp-2.yaml").write_text(f"id: fp-2\nrules: [{RULE_ID}]\nmatch: {{hash: {SHA256}}}\n", encoding="utf-8")
    (folder / "fp-3.yaml").write_text(
        f"id: fp-3\nrules: [{RULE_ID}]\nmatch: {{device: b1}}\nexpires: 2026-01-01\n", encoding="utf-8"
    )


def written(repository) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (repository / "exclusions").glob("*.yaml")}


def test_a_csv_becomes_drafts(fpctl, repository):
    (repository / "in.csv").write_text(
        "Server Name;command line;expires;Comment;Room\r\n"
        "build01;Get-MonitoringData.ps1;2027-05-01;Patching;12\r\n", encoding="utf-8-sig",
    )  # fmt: skip
    outcome = fpctl(
        "import", "csv", "in.csv", "--rule", "Remote tool talks to the internet", "--owner", "me",
        "--column", "Server Name=device",
    )  # fmt: skip
    (name, text), = written(repository).items()  # fmt: skip
    assert outcome.err == (
        f"drafted {name.removesuffix('.yaml')} in exclusions/{name}\n"
        "in.csv:2: part: the column `Room` is not one of ours: 12\n"
        "1 draft written; 1 in part\n"
    )
    assert outcome.code == 0
    assert text == (
        f"id: {name.removesuffix('.yaml')}\ntitle: build01\nrules: [{RULE_ID}]\n"
        "match:\n  device: [build01]\n  command_line: [Get-MonitoringData.ps1]\n"
        "owner: me\ncreated: 2026-11-24\nexpires: 2027-05-01\nstatus: draft\nnotes: Patching\n"
    )


def test_what_was_imported_is_in_the_trail(fpctl, repository):
    (repository / "in.csv").write_text(f"id,device,rules\nfp-9,build01,{RULE_ID}\n", encoding="utf-8")
    fpctl("import", "csv", "in.csv")
    entry, _ = fpctl("log", "--format", "json").json["entries"]
    assert (entry["exclusion"], entry["action"], entry["reason"]) == ("fp-9", "imported", "from the csv file in.csv")


def test_a_dry_run_writes_nothing(fpctl, repository):
    (repository / "in.csv").write_text(f"id,device,rules\nfp-9,build01,{RULE_ID}\n", encoding="utf-8")
    outcome = fpctl("import", "csv", "in.csv", "--dry-run")
    assert written(repository) == {}
    assert outcome.out.startswith("id: fp-9\n")
    assert outcome.err == "--- exclusions/fp-9.yaml\n1 draft would be written\n"


def test_drafts_go_to_another_folder(fpctl, repository):
    (repository / "in.csv").write_text(f"id,device,rules\nfp-9,build01,{RULE_ID}\n", encoding="utf-8")
    assert fpctl("import", "csv", "in.csv", "--out", "incoming").code == 0
    assert written(repository) == {}
    assert (repository / "incoming" / "fp-9.yaml").is_file()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("fp-9,build01,none,", "fp-9: the exclusion names the rule `none`, which does not exist"),
        ("fp-9,,RULE,", "fp-9: the row names no field of a match; it would match everything"),
        ("fp-9,*,RULE,", "fp-9: `*` has nothing but wildcards; it would match everything (name what is to match)"),
        ("fp-9,build01,,", "fp-9: the row names no rule; give --rule"),
        ("fp-9,build01,RULE,2027-13-01", "fp-9: `2027-13-01` is not a date: write 2027-05-24"),
        ("fp-9,build01,RULE,2026-01-01", "fp-9: it would expire on 2026-01-01, which is not after today, 2026-11-24"),
        ("../x,build01,RULE,", "../x: `../x` cannot be an id (use letters, digits, `.`, `_` and `-`, at most 80, such"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_carried_is_left_out_and_said(fpctl, repository, row, said):
    (repository / "in.csv").write_text(f"id,device,rules,expires\n{row.replace('RULE', RULE_ID)}\n", encoding="utf-8")
    outcome = fpctl("import", "csv", "in.csv")
    assert outcome.err.splitlines()[0].startswith(f"in.csv:2: left out: {said}")
    assert written(repository) == {}
    assert outcome.code in (1, 2)


def test_an_id_that_is_in_use_for_something_else_is_left_out(fpctl, repository, recorded):
    (repository / "in.csv").write_text(f"id,device,rules\nfp-2,build01,{RULE_ID}\n", encoding="utf-8")
    before = written(repository)
    outcome = fpctl("import", "csv", "in.csv")
    assert outcome.code == 1
    assert "in.csv:2: left out: fp-2: the id `fp-2` is in use (exclusions/fp-2.yaml:1)\n" in outcome.err
    assert written(repository) == before


def test_what_is_recorded_already_is_not_imported_again(fpctl, repository, recorded):
    fpctl("export", "--format", "csv", "--out", "all.csv")
    before = written(repository)
    outcome = fpctl("import", "csv", "all.csv")
    assert outcome.code == 0
    assert outcome.err.splitlines()[-1].startswith("0 drafts written; 3 are recorded already (")
    assert all(id in outcome.err for id in ("fp-2026-0001", "fp-2", "fp-3"))
    assert written(repository) == before


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("csv", "in.csv", f"device,process,rules\nbuild01,a.exe,{RULE_ID}\nbuild02,b.exe,{RULE_ID}\n"),
        ("csv", "twice.csv", f"device,rules\nbuild01,{RULE_ID}\nbuild02,{RULE_ID}\nbuild01,{RULE_ID}\n"),
    ],
)
def test_a_file_without_ids_makes_nothing_new_the_second_time(fpctl, repository, kind, name, text):
    (repository / name).write_text(text, encoding="utf-8")
    assert fpctl("import", kind, name).code == 0
    before = written(repository)
    assert len(before) == 2
    again = fpctl("import", kind, name, "--format", "json")
    assert again.code == 0
    assert set(again.json["present"]) == {file.removesuffix(".yaml") for file in before}
    assert written(repository) == before


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("csv", "", "in.txt: the file is empty"),
        ("csv", "a,b\n1,2\n", "in.txt:1: no column of the file is a field of a match"),
        ("csv", "device,device\n1,2\n", "in.txt:1: the column `device` is there twice"),
        ("csv", 'device\n"x\n', "in.txt:2: not valid CSV: unexpected end of data"),
        ("csv", "device\na,b\n", "in.txt:2: the row has 2 cells and the header 1"),
        ("watchlist", "Room\n12\n", "in.txt:1: no column of the watchlist can be recognised as a field"),
        ("watchlist", "Hostname\nb1\n", "in.txt: a watchlist does not say for which rules it is"),
        ("elastic", "", "in.txt: the file is empty"),
        ("elastic", "{\n", "in.txt:1: not JSON: expecting property name enclosed in double quotes"),
        ("elastic", "[]\n", "in.txt:1: the line is not a JSON object"),
        ("sigma", "title: x\n", "in.txt: the file holds no Sigma filter"),
        ("sigma", "a: [\n", "in.txt:2:1: "),
    ],
)
def test_a_file_that_is_not_of_the_format_is_an_error(fpctl, repository, kind, text, said):
    (repository / "in.txt").write_text(text, encoding="utf-8")
    outcome = fpctl("import", kind, "in.txt")
    assert outcome.code == 2
    assert outcome.err.startswith(f"fpctl: {said}")


def test_a_foreign_watchlist_becomes_one_draft_for_each_kind_of_row(fpctl, repository):
    (repository / "assets.csv").write_text(
        "Asset Name,IP Address,Tags\nbuild01,,x\nbuild02,,\n,10.1.2.3,\nweb01,10.9.9.9,\n", encoding="utf-8"
    )
    outcome = fpctl("import", "watchlist", "assets.csv", "--rule", RULE_ID)
    matches = sorted(text[text.index("match:") : text.index("created:")] for text in written(repository).values())
    assert matches == [
        "match:\n  device: [build01, build02]\n",
        "match:\n  device: [web01]\n  ip: [10.9.9.9]\n",
        "match:\n  ip: [10.1.2.3]\n",
    ]
    assert "assets.csv:1: part: the column `Tags` is not one of ours\n" in outcome.err
    assert outcome.err.endswith("3 drafts written; 1 in part\n")


def item(*entries: dict, **more) -> str:
    return json.dumps({"name": "n", "item_id": "i", "list_id": "l", "entries": list(entries), **more}) + "\n"


def entry(field: str, value: object = None, kind: str = "match", operator: str = "included") -> dict:
    return {"field": field, "type": kind, "operator": operator, **({} if value is None else {"value": value})}


def test_an_elastic_item_becomes_a_draft(fpctl, repository):
    text = item(
        entry("host.name", ["b1", "b2"], "match_any"), entry("process.command_line", "*-enc*", "wildcard"),
        name="Patching", description="Monthly", expire_time="2027-05-01T09:00:00Z", comments=[{"comment": "ok by web"}],
    )  # fmt: skip
    (repository / "e.ndjson").write_text(text, encoding="utf-8")
    outcome = fpctl("import", "elastic", "e.ndjson", "--rule", RULE_ID)
    (draft,) = written(repository).values()
    assert draft[draft.index("title:") :] == (
        f"title: Patching\nrules: [{RULE_ID}]\nmatch:\n  device: [b1, b2]\n  command_line: [-enc]\nreason: Monthly\n"
        "created: 2026-11-24\nexpires: 2027-05-01\nstatus: draft\nnotes: ok by web\n"
    )
    assert "e.ndjson:1: narrower: Patching: it ends at 09:00 on 2027-05-01, here at 00:00 UTC\n" in outcome.err
    assert (
        "e.ndjson:1: wider: Patching: host.name: a name without a domain also matches its full name "
        "(build01 and build01.contoso.com)\n" in outcome.err
    )
    assert outcome.code == 1


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (entry("host.name", kind="exists"), "that host.name exists says nothing about which events are benign"),
        (entry("host.name", {"id": "x"}, "list"), "the values of host.name are in a value list, which"),
        (entry("file.Ext", kind="nested"), "file.Ext is a nested field, which no table of ours has"),
        (entry("process.name", "a*b", "wildcard"), "`*` is inside the pattern `a*b` of process.name"),
        (entry("process.name", "a?b", "wildcard"), "`?` in the pattern `a?b` of process.name stands for one character"),
        (entry("process.name", "a*b"), "the `*` in `a*b` of process.name stands for itself, which no match can say"),
        (entry("dns.id", "1"), "a match has no field for dns.id"),
        (entry("host.name", "b1", operator="excluded"), "a match cannot say NOT on host.name"),
        (entry("host.name", "b1", operator="near"), "the operator `near` of host.name is not known"),
    ],
)  # fmt: skip
def test_an_elastic_item_with_an_entry_that_cannot_be_said_is_left_out_whole(fpctl, repository, one, said):
    (repository / "e.ndjson").write_text(item(entry("file.hash.sha256", SHA256), one), encoding="utf-8")
    outcome = fpctl("import", "elastic", "e.ndjson", "--rule", "*")
    assert outcome.err.startswith(f"e.ndjson:1: left out: n: {said}")
    assert outcome.code == 2
    assert written(repository) == {}


def test_an_elastic_exception_on_a_column_of_the_rule_becomes_a_condition(fpctl, repository):
    text = item(entry("host.name", "b1.contoso.com"), entry("process.command_line", "x", operator="excluded"))
    (repository / "e.ndjson").write_text(text, encoding="utf-8")
    outcome = fpctl("import", "elastic", "e.ndjson", "--rule", RULE_ID)
    assert outcome.code == 0, outcome.err
    (draft,) = written(repository).values()
    assert '  where: not(InitiatingProcessCommandLine =~ "x")\n' in draft


SIGMA = """\
title: Filter patching
description: Monthly
author: me
logsource: {category: process_creation, product: windows}
filter:
  rules: [any]
%s
"""


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (
            "  s: {ComputerName: b1, 'Image|endswith': ['\\msiexec.exe', '\\setup.exe']}\n  condition: not s",
            "  device: [b1]\n  process: [msiexec.exe, setup.exe]\n",
        ),
        (
            "  s1: {Computer: [a1, a2]}\n  s2: {'CommandLine|contains': backup.ps1}\n  condition: not (s1 and s2)",
            "  device: [a1, a2]\n  command_line: [backup.ps1]\n",
        ),
        (
            "  s1: {Computer: a1}\n  s2: {Computer: a2}\n  condition: not 1 of s*",
            "  device: [a1, a2]\n",
        ),
        (
            "  s1: {Computer: a1}\n  s2: {DestinationPort: 443}\n  condition: not s1 or not s2",
            "  device: [a1]\n  port: [\"443\"]\n",
        ),
        (
            "  s: {'Hashes|contains': 'SHA256=" + SHA256 + "'}\n  condition: not s",
            f"  hash: [{SHA256}]\n",
        ),
        (
            "  s: {Computer: a1, 'Image|startswith': 'C:\\Program Files\\'}\n  condition: not s",
            "  device: [a1]\n  path: [C:\\Program Files]\n",
        ),
    ],
)  # fmt: skip
def test_a_sigma_filter_becomes_a_draft(fpctl, repository, body, match):
    (repository / "s.yml").write_text(SIGMA % body, encoding="utf-8")
    outcome = fpctl("import", "sigma", "s.yml", "--rule", RULE_ID)
    (draft,) = written(repository).values()
    assert draft[draft.index("match:\n") + 7 : draft.index("reason:")] == match
    assert outcome.code in (0, 1)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("  s: {Computer: a1}\n  condition: s", "a match cannot say NOT on host.name"),
        ("  s: {Computer: a1}\n  condition: not x", "the condition names `x`, which is not a selection of the filter"),
        ("  s: {Computer: a1}\n  condition: not (s", "a bracket of the condition is not closed"),
        ("  s: {Computer: a1}\n  condition: not s s", "`s` is not expected in the condition `not s s`"),
        ("  s: {Computer: a1}\n  condition: not 1 of z*", "no selection is called `z*`"),
        ("  s: {Computer: a1}", "the filter has no `condition`"),
        ("  s: [a1, a2]\n  condition: not s", "a selection of words without a field looks at the whole event"),
        ("  s: {Computer: null}\n  condition: not s", "`Computer` has no value; that a field is empty says nothing"),
        (
            "  s: {'Computer|re': 'a.*'}\n  condition: not s",
            "the modifier `re` of `Computer|re` is one that no match has",
        ),
        ("  s: {LogonId: x}\n  condition: not s", "a match has no field for LogonId"),
        ("  s: {Image: 'C:\\a?.exe'}\n  condition: not s", "`?` in `C:\\a?.exe` of Image stands for one character"),
    ],
)
def test_a_sigma_filter_that_cannot_be_said_is_left_out(fpctl, repository, body, said):
    (repository / "s.yml").write_text(SIGMA % body, encoding="utf-8")
    outcome = fpctl("import", "sigma", "s.yml", "--rule", "*")
    assert outcome.err.startswith(f"s.yml:1: left out: Filter patching: {said}")
    assert outcome.code == 2
    assert written(repository) == {}


def test_a_rule_among_the_filters_is_said(fpctl, repository):
    text = (
        SIGMA.replace("any", RULE_ID) % "  s: {Computer: a1.contoso.com}\n  condition: not s"
        + "---\ntitle: R\ndetection: {}\n"
    )
    (repository / "s.yml").write_text(text, encoding="utf-8")
    outcome = fpctl("import", "sigma", "s.yml")
    assert "s.yml:10: left out: R: the document is a rule, not a filter\n" in outcome.err
    assert len(written(repository)) == 1


def test_export_says_what_it_leaves_out(fpctl, repository, recorded):
    outcome = fpctl("export", "--format", "watchlist", "--report", "losses.json")
    assert outcome.code == 1
    assert outcome.out == (
        f"SearchKey,Field,ExclusionId,Title,Rules,Reason,Ticket,Owner,Expires\r\n{SHA256},hash,fp-2,,{RULE_ID},,,,\r\n"
    )
    assert outcome.err == (
        "left out: fp-2026-0001: the match needs device, process together, and a row is one value\n"
        "left out: fp-3: it is not active: it expired on 2026-01-01\n"
        "1 exclusion written; 2 left out\n"
    )
    losses = json.loads((repository / "losses.json").read_text(encoding="utf-8"))["losses"]
    assert [(loss["kind"], loss["about"]) for loss in losses] == [("left-out", "fp-2026-0001"), ("left-out", "fp-3")]


def test_export_of_chosen_exclusions_to_a_file(fpctl, repository, recorded):
    outcome = fpctl("export", "fp-2", "--format", "sigma", "--out", "filters.yml")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.endswith("1 exclusion written to filters.yml; 2 in part\n")
    assert "title: fp-2\n" in (repository / "filters.yml").read_text(encoding="utf-8")


def test_export_of_an_exclusion_that_is_not_there_is_an_error(fpctl, repository, recorded):
    outcome = fpctl("export", "fp-4", "--format", "csv")
    assert outcome.code == 2
    assert outcome.err == "fpctl: no exclusion has the id `fp-4`\n  hint: did you mean `fp-3`?\n"


def test_exclusions_have_no_target(fpctl, repository, recorded):
    outcome = fpctl("export", "--target", "sentinel", "--format", "csv")
    assert outcome.code == 2
    assert "--format csv exports exclusions and cannot be combined with --target" in " ".join(outcome.err.split())


def test_a_broken_exclusion_file_is_said_and_the_others_are_written(fpctl, repository, recorded):
    (repository / "exclusions" / "fp-8.yaml").write_text("id: fp-8\n", encoding="utf-8")
    outcome = fpctl("export", "--format", "csv")
    assert outcome.code == 2
    assert outcome.out.count("\nfp-") == 3
    assert "fp-8.yaml:1:1: error: the key `rules` is missing" in outcome.err


def test_ten_thousand_devices_make_one_draft_in_reasonable_time(fpctl, repository):
    lines = "\n".join(f"build{number}" for number in range(10_000))
    (repository / "hosts.csv").write_text(f"Hostname\n{lines}\n", encoding="utf-8")
    outcome = fpctl("import", "watchlist", "hosts.csv", "--rule", RULE_ID)
    assert outcome.code == 0, outcome.err
    (draft,) = written(repository).values()
    assert draft.count("build") >= 10_000
