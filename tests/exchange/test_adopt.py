"""`fpctl adopt`: what hand-written clauses become, what stays, and that the rule's other bytes are untouched."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from fpctl.engine.options import EngineOptions
from fpctl.engine.registry import open_engine
from fpctl.repository.apply import tune
from fpctl.repository.model import open_repository
from markers_support import with_clause
from records_support import NOW

HEAD = "id: r1\nname: Rule one\nquery: |\n"
NETWORK = "DeviceNetworkEvents"


@pytest.fixture
def rule(repository):
    """Return a function that writes the query of the one rule; the file is returned."""
    for path in (repository / "rules").iterdir():
        path.unlink()

    def write(query: str) -> Path:
        path = repository / "rules" / "r.yaml"
        path.write_text(HEAD + "".join(f"  {line}\n" for line in query.splitlines()), encoding="utf-8")
        return path

    return write


@pytest.fixture
def adopt(fpctl):
    """Return a function that adopts the rule's clauses and returns the JSON document."""

    def run(*more: str, code: int | None = None):
        outcome = fpctl("adopt", "r1", "--yes", "--expires", "2027-06-01", "--format", "json", *more)
        assert outcome.out, outcome.err
        assert code is None or outcome.code == code, outcome.err
        return outcome.json

    return run


def match_of(text: str) -> str:
    return text[text.index("match:\n") + 7 :].partition("created:")[0].partition("reason:")[0]


CLAUSES = {
    'DeviceName !in~ ("a.contoso.com", "b.contoso.com")': "  device: [a.contoso.com, b.contoso.com]\n",
    'DeviceName !~ "a.contoso.com"': "  device: [a.contoso.com]\n",
    'tolower(DeviceName) !in~ ("a.contoso.com")': "  device: [a.contoso.com]\n",
    'not(DeviceName startswith "build")': "  device: [build*]\n",
    'not(DeviceName endswith ".lab.contoso.com")': '  device: ["*.lab.contoso.com"]\n',
    'not(DeviceName =~ "a.contoso.com" and InitiatingProcessFileName in~ ("x.exe", "y.exe"))': (
        "  device: [a.contoso.com]\n  process: [x.exe, y.exe]\n"
    ),
    'DeviceName !~ "a.contoso.com" or InitiatingProcessFileName !~ "x.exe"': (
        "  device: [a.contoso.com]\n  process: [x.exe]\n"
    ),
    'not(DeviceName =~ "a.contoso.com" or DeviceName =~ "b.contoso.com")': "  device: [a.contoso.com, b.contoso.com]\n",
    'not(DeviceName =~ "a.contoso.com" or InitiatingProcessFileName =~ "x.exe")': (
        "  - device: [a.contoso.com]\n  - process: [x.exe]\n"
    ),
    'not(DeviceName =~ "a.contoso.com" and not(RemotePort == 443))': (
        "  device: [a.contoso.com]\n  where: not(RemotePort == 443)\n"
    ),
    'not(DeviceName =~ "a.contoso.com" and ActionType == "X" and LocalPort > 1024)': (
        '  device: [a.contoso.com]\n  where: (ActionType == "X") and (LocalPort > 1024)\n'
    ),
    'not(InitiatingProcessFileName endswith "svc.exe")': '  process: ["*svc.exe"]\n',
    'not(InitiatingProcessCommandLine contains "backup.ps1")': "  command_line: [backup.ps1]\n",
    'not(RemoteUrl has "contoso.com")': "  url: [contoso.com]\n",
    'not(RemoteUrl endswith ".contoso.com")': "  url: [contoso.com]\n",
    'not(ipv4_is_in_range(RemoteIP, "10.0.0.0/8"))': "  ip: [10.0.0.0/8]\n",
    "DeviceName !in~ (dynamic(['a.contoso.com', \"b.contoso.com\"]))": "  device: [a.contoso.com, b.contoso.com]\n",
    'not(InitiatingProcessFolderPath startswith "C:\\\\Agent\\\\" and DeviceName =~ "a.contoso.com")': (
        "  device: [a.contoso.com]\n  path: [C:\\Agent]\n"
    ),
}


@pytest.mark.parametrize(("clause", "match"), CLAUSES.items(), ids=CLAUSES)
def test_a_clause_becomes_a_match(rule, adopt, clause, match):
    path = rule(f"{NETWORK}\n| where {clause}\n| take 5")
    found = adopt("--remove")
    assert found["left"] == []
    (one,) = found["adopted"]
    assert match_of(one["text"]) == match
    assert path.read_text(encoding="utf-8") == f"{HEAD}  {NETWORK}\n  | take 5\n"


LISTS = (
    'dynamic(["a.b", "c.d"])',
    "dynamic([ 'a.b', \"c.d\" ])",
    'pack_array("a.b", "c.d")',
    'datatable(x: string) ["a.b", "c.d"]',
)


@pytest.mark.parametrize("value", LISTS)
def test_a_list_of_a_let_is_taken_over_and_the_let_stays(rule, adopt, value):
    path = rule(f"let Hosts = {value};\n{NETWORK}\n| where DeviceName !in~ (Hosts)")
    (one,) = adopt("--remove")["adopted"]
    assert match_of(one["text"]) == "  device: [a.b, c.d]\n"
    assert path.read_text(encoding="utf-8") == f"{HEAD}  let Hosts = {value};\n  {NETWORK}\n"


REMOVALS = {
    'T0\n| where DeviceName !~ "a.b"\n': "T0\n",
    'T0\n| where DeviceName !~ "a.b"': "T0",
    'T0\r\n| where DeviceName !~ "a.b"\r\n| take 1\r\n': "T0\r\n| take 1\r\n",
    'T0 | where DeviceName !~ "a.b" | take 1': "T0 | take 1",
    'T0 | where DeviceName !~ "a.b" // why\n| take 1': "T0 // why\n| take 1",
    'T0\n| where DeviceName !~ "a.b" // why\n| take 1': "T0\n| take 1",
    'T0\n| where RemotePort == 1 and DeviceName !~ "a.b"\n': "T0\n| where RemotePort == 1\n",
    'T0\n| where DeviceName !~ "a.b" and RemotePort == 1\n': "T0\n| where RemotePort == 1\n",
    'T0\n| where RemotePort == 1\n    and DeviceName !~ "a.b" // x\n    and LocalPort == 2\n': (
        "T0\n| where RemotePort == 1 // x\n    and LocalPort == 2\n"
    ),
    'T0\n| where DeviceName !~ "a.b" and DeviceName !~ "c.d" and LocalPort == 2\n': "T0\n| where LocalPort == 2\n",
    'T0\n| where (DeviceName !~ "a.b") and (LocalPort == 2)\n': "T0\n| where (LocalPort == 2)\n",
    'T0\n|\twhere\n\tDeviceName !~ "a.b"\n| take 1': "T0\n| take 1",
    '// "| where"\nT0 // | x\n| where DeviceName !~ "a.b";': '// "| where"\nT0 // | x\n;',
}


@pytest.mark.parametrize(("query", "left"), REMOVALS.items(), ids=range(len(REMOVALS)))
def test_only_the_clause_is_taken_out(repository, adopt, query, left):
    for path in (repository / "rules").iterdir():
        path.unlink()
    path = repository / "rules" / "r1.kql"
    path.write_bytes(query.replace("T0", NETWORK).encode())
    assert len(adopt("--remove")["adopted"]) == 1
    assert path.read_bytes() == left.replace("T0", NETWORK).encode()


def test_without_remove_the_rule_stays_as_it_is(rule, adopt):
    path = rule(f'{NETWORK}\n| where DeviceName !~ "a.b"')
    before = path.read_bytes()
    found = adopt()
    assert (found["written"], found["removed"]) == (True, False)
    assert path.read_bytes() == before


def test_the_comment_beside_a_clause_is_its_reason(rule, adopt):
    rule(f'{NETWORK}\n| where DeviceName !~ "a.b" // jump host, CHG0012345\n| take 1')
    (one,) = adopt()["adopted"]
    assert "reason: jump host, CHG0012345\n" in one["text"]
    assert 'notes: "Adopted from line 2 of the query: DeviceName !~ \\"a.b\\""\n' in one["text"]


NO_FIELD = "no column of it holds a field: it may be a part of what the rule looks for"
LEFT = {
    'ActionType != "X"': NO_FIELD,
    'InitiatingProcessCommandLine !has "x"': NO_FIELD,
    'DeviceName != "a*b"': NO_FIELD,
    "DeviceName !in (Names)": "it refers to `Names`, which the rule defines with `let`",
    'not(DeviceName =~ "a.b" and RemotePort > Limit)': "it refers to `Limit`, which the rule defines with `let`",
    'not(DeviceName =~ "a.b" and RemoteUrl in (Names))': "it refers to `Names`, which the rule defines with `let`",
}


@pytest.mark.parametrize(("clause", "reason"), LEFT.items(), ids=LEFT)
def test_what_cannot_be_said_stays_with_the_reason(rule, adopt, clause, reason):
    lets = "let Limit = 5; let Names = DeviceInfo | project DeviceName;\n"
    path = rule(f"{lets}{NETWORK}\n| where {clause}\n| take 5")
    before = path.read_bytes()
    found = adopt("--remove", code=1)
    assert found["adopted"] == []
    assert found["left"] == [{"line": 6, "clause": clause, "reason": reason}]
    assert path.read_bytes() == before


def test_a_clause_inside_a_let_stays(rule, adopt):
    rule(f'let Inner = {NETWORK}\n| where DeviceName !~ "a.b";\nInner | take 5')
    (left,) = adopt(code=1)["left"]
    assert left["reason"].startswith("it is in let Inner; an exclusion goes into the outermost pipeline")
    assert left["line"] == 5


def test_a_clause_behind_an_aggregation_goes_to_the_result(rule, adopt):
    path = rule(f'{NETWORK}\n| summarize n = count() by DeviceName\n| where n > 3 and DeviceName !~ "a.b"\n| sort by n')
    (one,) = adopt("--remove")["adopted"]
    assert "placement: result\n" in one["text"]
    assert path.read_text(encoding="utf-8").endswith("  | where n > 3\n  | sort by n\n")


def test_a_clause_between_an_aggregation_and_a_top_stays(rule, adopt):
    rule(f'{NETWORK}\n| summarize n = count() by DeviceName\n| where DeviceName !~ "a.b"\n| top 5 by n')
    (left,) = adopt(code=1)["left"]
    assert left["reason"] == "the rows here are no longer events, and what follows makes other rows of them"


def test_a_clause_on_a_computed_column_stays(rule, adopt):
    rule(f'{NETWORK}\n| extend DeviceName = strcat(DeviceName, "x")\n| where DeviceName !~ "a.b"')
    (left,) = adopt(code=1)["left"]
    assert left["reason"].startswith("no column of it holds a field")


def test_differences_are_said(fpctl, rule):
    rule(f'{NETWORK}\n| where DeviceName != "build01"')
    outcome = fpctl("adopt", "r1", "--yes", "--remove")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert lines[0] == 'rules/r.yaml:5: DeviceName != "build01"'
    assert lines[2:4] == [
        "wider: a short name also matches its full names (build01 and build01.contoso.com)",
        "wider: case no longer counts",
    ]
    assert lines[5] == "removed 1 clause from rules/r.yaml"
    assert lines[6].startswith("note: the rule fires on these events until fpctl approve fp-2026-")


def test_nothing_is_written_without_a_yes(fpctl, rule, repository):
    path = rule(f'{NETWORK}\n| where DeviceName !~ "a.b"')
    before = path.read_bytes()
    outcome = fpctl("adopt", "r1", "--remove")
    assert outcome.code == 2
    assert "and change rules/r.yaml; nothing was done\n" in outcome.err
    assert path.read_bytes() == before
    assert list((repository / "exclusions").iterdir()) == []


def test_a_rule_without_clauses_is_no_finding(fpctl, rule):
    rule(f"{NETWORK}\n| take 5")
    outcome = fpctl("adopt", "r1", "--yes")
    assert (outcome.code, outcome.err) == (0, "rules/r.yaml: no clause was adopted\n")


def test_a_rule_with_clauses_of_fpctl_is_refused(fpctl, rule):
    tuned = with_clause(NETWORK, '| where not(DeviceName in~ ("a.b"))', "fp-1")
    rule(f'{tuned}\n| where DeviceName !~ "c.d"')
    outcome = fpctl("adopt", "r1", "--yes")
    assert outcome.code == 2
    assert outcome.err == (
        "fpctl: rules/r.yaml:4:3: the rule holds clauses that fpctl put in\n  hint: take them out first: fpctl strip\n"
    )


def test_adopting_is_in_the_trail_and_active_where_asked(fpctl, rule, adopt):
    rule(f'{NETWORK}\n| where DeviceName !~ "a.b"')
    (one,) = adopt("--status", "active", "--owner", "me", "--ticket", "T1", "--remove", code=0)["adopted"]
    assert "owner: me\n" in one["text"]
    assert "status: active\n" in one["text"]
    entry, _ = fpctl("log", "--format", "json").json["entries"]
    assert (entry["exclusion"], entry["action"], entry["reason"]) == (one["id"], "adopted", "from the rule r1")


VALUES = {
    "DeviceName": ["a.contoso.com", "A.contoso.com", "build01", "build01.contoso.com", "x.lab.contoso.com", ""],
    "RemoteUrl": ["contoso.com", "www.contoso.com", "https://contoso.com/a", "evilcontoso.com", "contoso.com.evil.net"],
    "InitiatingProcessFileName": ["x.exe", "X.exe", "mysvc.exe", "other"],
    "RemoteIP": ["10.1.2.3", "192.0.2.1"],
    "RemotePort": [443, 8080],
}
LOOSE = ('DeviceName != "build01"', 'RemoteUrl !in ("contoso.com")', "RemotePort != 443")


@pytest.fixture
def events(repository):
    """Write one event for each combination of VALUES, numbered in ReportId, and return how many there are."""
    rows = [
        {
            **dict(zip(VALUES, values, strict=True)),
            "Timestamp": "2026-11-24T10:00:00Z",
            "ReportId": number,
            "ActionType": "X",
            "LocalIP": "192.0.2.9",
            "LocalPort": 5000,
            "InitiatingProcessCommandLine": "run backup.ps1" if number % 2 else "idle",
            "InitiatingProcessFolderPath": "C:\\Agent\\x.exe" if number % 3 else "C:\\Agent",
        }
        for number, values in enumerate(itertools.product(*VALUES.values()))
    ]
    (repository / "data").mkdir()
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (repository / "data" / f"{NETWORK}.jsonl").write_text(text, encoding="utf-8")
    return len(rows)


def kept() -> set[int]:
    """Return the ReportIds that the rule returns with the exclusions of the repository."""
    repository = open_repository(Path("rules"), Path("exclusions"))
    (outcome,) = tune(repository.rules.rules, repository.active(), repository.planner(NOW.date()))
    assert outcome.tuned is not None, outcome.error
    engine = open_engine("local", None, EngineOptions(data=Path("data"), now=NOW, tables=repository.tables))
    try:
        result = engine.query(outcome.tuned.tuned)
    finally:
        engine.close()
    at = result.names().index("ReportId")
    return {row[at] for row in result.rows}


@pytest.mark.parametrize("clause", [*CLAUSES, *LOOSE])
def test_the_exclusion_takes_out_what_its_clause_did_save_for_what_is_said(rule, adopt, events, clause):
    rule(f"{NETWORK}\n| where {clause}")
    by_hand = kept()
    assert 0 < len(by_hand) < events
    (one,) = adopt("--remove")["adopted"]
    assert len(kept()) == events, "a draft suppresses nothing"
    approved = "status: active\napproved_by: boss" if "broad: true" in one["text"] else "status: active"
    Path(one["path"]).write_text(one["text"].replace("status: draft", approved), encoding="utf-8")
    kinds = {difference["kind"] for difference in one["differences"]}
    by_exclusion = kept()
    assert len(by_exclusion) < events
    assert "wider" in kinds or by_hand <= by_exclusion
    assert "narrower" in kinds or by_exclusion <= by_hand
