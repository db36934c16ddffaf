"""Result rows that exclusions in shadow would suppress bear their ids, and nothing else of the result differs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fpctl.engine.interface import Engine, EngineError, Table
from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.model import Exclusion
from fpctl.execution.drift import kind_expression
from fpctl.execution.run import run_rule
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tagging import TAG, tagging
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from oracle.bridge import Oracle, errors

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NET, PROCESS = "DeviceNetworkEvents", "DeviceProcessEvents"

EVENTS = [
    {
        "DeviceName": device,
        "RemoteUrl": url,
        "RemotePort": port,
        "ReportId": number,
        "Timestamp": "2026-11-23T10:00:00Z",
    }
    for number, (device, url, port) in enumerate(
        [("b1", "a.net", 1), ("b1", "b.net", 2), ("b2", "a.net", 3), ("ws", "b.net", 4), ("ws", "a.net", 5)]
    )
]
PROCESSES = [
    {"DeviceName": "b1", "FileName": "x.exe", "ReportId": 9, "Timestamp": "2026-11-23T11:00:00Z"},
    {"DeviceName": "ws", "FileName": "x.exe", "ReportId": 8, "Timestamp": "2026-11-23T11:00:00Z"},
]
B1, A_NET = ("b1-shadow", {"device": "b1"}), ("url-shadow", {"url": "a.net"})
EXPECTED = ["b1-shadow,url-shadow", "b1-shadow", "url-shadow", "", "url-shadow"]
"""The tags of EVENTS, by hand: b1 is the device of the first two, a.net the URL of the first, third and fifth."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder = tmp_path_factory.mktemp("data")
    for name, rows in ((NET, EVENTS), (PROCESS, PROCESSES)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    opened = LocalEngine(folder, now=NOW, tables=Tables.packaged())
    yield opened
    opened.close()


def tuned(
    query: str, *shadows: tuple[str, dict[str, str]], active: dict[str, str] | None = None, **keys: Any
) -> TunedRule:
    tables = Tables.packaged()
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))
    ones = [
        Exclusion.model_validate({"id": id, "rules": ["r"], "match": match, "status": "shadow", **keys})
        for id, match in shadows
    ]
    if active is not None:
        ones.append(Exclusion.model_validate({"id": "active", "rules": ["r"], "match": active}))
    return planner.plan(Rule("r", "r", query, "r.kql", "bare"), [(one, True) for one in ones])


def answer(engine: Engine, text: str) -> Table:
    found = engine.query(text)
    assert isinstance(found, Table)
    return found


ROWWISE = {
    "nothing behind": NET,
    "project keeps the columns": f"{NET} | project DeviceName, RemoteUrl, ReportId",
    "project drops the columns": f"{NET} | where RemotePort > 0 | project Id = ReportId",
    "project on a line of its own": f"{NET}\n| where RemotePort > 0 // all\n| project Id = ReportId // a\n| take 9",
    "two projects": f"{NET} | project Id = ReportId, RemotePort | project Id",
    "project-keep": f"{NET} | project-keep ReportId | project-rename Id = ReportId",
    "project-away": f"{NET} | project-away DeviceName, RemoteUrl",
    "sort, extend, take": f"{NET} | project ReportId | extend x = ReportId * 2 | sort by x asc | take 5",
    "top": f"{NET} | project ReportId | top 5 by ReportId",
    "union behind": f"{NET} | project ReportId | union (print ReportId = 9) | top 5 by ReportId asc",
    "lookup": f"{NET} | project ReportId | lookup (print ReportId = 1, Note = 'n') on ReportId",
    "let used once": f"let T = {NET} | where RemotePort > 0;\nT | project ReportId",
    "no last newline and a comment": f"{NET} | project ReportId // last",
}


@pytest.mark.parametrize("shape", ROWWISE)
def test_a_row_bears_the_ids_of_what_would_take_it_out(shape: str, engine: LocalEngine) -> None:
    query = tuned(ROWWISE[shape], B1, A_NET)
    tags = tagging(query)
    assert tags.tagged == {"b1-shadow", "url-shadow"}, tags
    assert tags.text is not None
    rows = list(answer(engine, tags.text).dicts())
    id = "Id" if "Id" in rows[0] else "ReportId"
    assert {row[id]: row[TAG] for row in rows} == dict(enumerate(EXPECTED))
    plain = [{name: value for name, value in row.items() if name != TAG} for row in rows]
    key = lambda row: json.dumps(row, sort_keys=True, default=str)  # noqa: E731
    assert sorted(plain, key=key) == sorted(answer(engine, query.tuned).dicts(), key=key)


@pytest.mark.node
@pytest.mark.parametrize("shape", ROWWISE)
def test_microsofts_binder_takes_what_a_run_asks(shape: str, oracle: Oracle) -> None:
    many = [(f"fp-{number:03}", {"url": "a.net"}) for number in range(60)]
    query = tuned(ROWWISE[shape], B1, A_NET, *many)
    text = tagging(query).text
    assert text is not None
    tables = Tables.packaged()
    known = {name: dict(tables.table(name) or {}) for name in (NET, PROCESS)}
    assert errors(oracle.bind(text, known)) == []
    kinds = "DeviceNetworkEvents | summarize count() by k = " + kind_expression("DeviceName")
    assert errors(oracle.bind(kinds, known)) == []


def test_a_join_behind_the_clause_hands_the_tag_on(engine: LocalEngine) -> None:
    query = tuned(
        f"{NET} | where RemotePort > 0 | join kind=inner ({PROCESS} | project DeviceName, FileName) on DeviceName\n"
        "| project ReportId, FileName", B1,
    )  # fmt: skip
    tags = tagging(query)
    assert tags.text is not None
    found = {row["ReportId"]: row[TAG] for row in answer(engine, tags.text).dicts()}
    # b2 has no process; of b1 and ws each event is joined to one.
    assert found == {0: "b1-shadow", 1: "b1-shadow", 3: "", 4: ""}


def test_what_is_taken_out_already_is_not_in_the_result(engine: LocalEngine) -> None:
    query = tuned(f"{NET} | project DeviceName, RemoteUrl, ReportId", A_NET, active={"device": "b1"})
    text = tagging(query).text
    assert text is not None
    assert {row["ReportId"]: row[TAG] for row in answer(engine, text).dicts()} == {
        2: "url-shadow",
        3: "",
        4: "url-shadow",
    }


def test_clauses_at_two_places_make_one_tag(engine: LocalEngine) -> None:
    query = tuned(f"{NET}\n| project DeviceName, ReportId, Url = RemoteUrl\n| project DeviceName, ReportId", B1, A_NET)
    assert len({clause.placement.point.index for clause in query.shadows}) == 2
    text = tagging(query).text
    assert text is not None
    tags = {row["ReportId"]: set(row[TAG].split(",")) for row in answer(engine, text).dicts()}
    assert tags == {number: set(tag.split(",")) for number, tag in enumerate(EXPECTED)}


def test_many_shadows_are_told_in_one_column(engine: LocalEngine) -> None:
    many = [(f"fp-{number:03}", {"device": "b1"}) for number in range(130)]
    text = tagging(tuned(f"{NET} | project ReportId", *many)).text
    assert text is not None
    tags = {row["ReportId"]: row[TAG] for row in answer(engine, text).dicts()}
    assert tags[0] == ",".join(id for id, _ in many)
    assert (tags[1], tags[2]) == (tags[0], "")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (f"{NET}\n| where RemotePort > 0\n| summarize count()", "made by a later operator (summarize, line 3)"),
        (f"{NET} | distinct DeviceName", "made by a later operator (distinct, line 1)"),
        (f"{NET} | where RemotePort > 0 | count", "made by a later operator (count, line 1)"),
        (f"{NET} | project RemotePort | where * has 'b'", "reads every column, and would read the tag (where, line 1)"),
        (f"{NET} | project RemotePort | extend all = pack_all()", "reads every column, and would read the tag (extend"),
        (f"{NET} | extend SuppressedBy = 1", "the query has a column SuppressedBy of its own"),
        (f"let T = {NET} | summarize count() by RemotePort;\nT | where count_ > 1", "its clause is in let T"),
    ],
)  # fmt: skip
def test_where_a_tag_cannot_reach_the_result_the_reason_is_given(query: str, reason: str) -> None:
    tags = tagging(tuned(query, B1))
    assert (tags.text, list(tags.untagged)) == (None, ["b1-shadow"])
    assert reason in tags.untagged["b1-shadow"]


def test_a_placement_at_the_result_tags_the_rows_of_an_aggregation(engine: LocalEngine) -> None:
    query = tuned(f"{NET} | summarize n = count() by DeviceName", B1, placement="result")
    text = tagging(query).text
    assert text is not None
    assert {row["DeviceName"]: row[TAG] for row in answer(engine, text).dicts()} == {
        "b1": "b1-shadow",
        "b2": "",
        "ws": "",
    }


def test_without_a_shadow_the_query_is_that_of_the_plan() -> None:
    assert tagging(tuned(NET, active={"device": "b1"})).text is None


class Without:
    """An engine that does not know `substring`, so that it cannot tag."""

    name = "local"

    def __init__(self, engine: LocalEngine) -> None:
        self.engine = engine

    def query_many(self, texts: list[str], timespan: Any = None) -> list[Table | EngineError]:
        return [
            EngineError("unknown function substring", code="query")
            if "substring(" in text
            else self.engine.query(text, timespan)
            for text in texts
        ]


def test_a_run_does_not_fail_by_its_tags(engine: LocalEngine) -> None:
    query = tuned(f"{NET} | project ReportId", B1)
    result = run_rule(Rule("r", "r", query.base, "r.kql", "bare"), query, Without(engine))  # type: ignore[arg-type]
    assert result.status == "ok"
    assert result.result is not None
    assert (result.result.names(), len(result.result.rows)) == (["ReportId"], 5)
    assert result.notes == ("the result rows are not tagged with SuppressedBy: unknown function substring",)
    assert [(hit.exclusion, hit.rows, hit.tagged) for hit in result.shadow] == [("b1-shadow", 2, None)]


@pytest.fixture
def shadowed(workplace: Path) -> Path:
    (workplace / "rules" / "net.yaml").write_text(
        "id: rmm-net\nname: RMM\nquery: |\n  DeviceNetworkEvents\n  | project Timestamp, DeviceName, RemoteUrl\n"
    )
    (workplace / "exclusions" / "fp-2.yaml").write_text(
        "id: fp-2\nrules: [rmm-net]\nmatch: {url: [a.net]}\ncreated: 2026-11-01\nexpires: 2027-05-01\nstatus: shadow\n"
    )
    folder = workplace / "data"
    folder.mkdir()
    (folder / f"{NET}.jsonl").write_text("\n".join(map(json.dumps, EVENTS)))
    return folder


def test_a_run_shows_the_tags_and_counts_them(fpctl: Callable[..., Any], shadowed: Path) -> None:
    outcome = fpctl("run", "--data", shadowed, "--to", "2026-11-24", "--format", "json")
    (one,) = json.loads(outcome.out)["runs"]
    assert one["result_rows"] == one["base_result_rows"] == len(EVENTS)
    (hit,) = one["shadow"]
    assert (hit["exclusion"], hit["rows"], hit["result_rows"], hit["untagged"]) == ("fp-2", 3, 3, None)
    shown = fpctl("run", "--data", shadowed, "--to", "2026-11-24").out
    header = next(line for line in shown.splitlines() if "DeviceName" in line)
    assert header.split() == ["Timestamp", "DeviceName", "RemoteUrl", "SuppressedBy"]
    assert Counter(line.split()[-1] for line in shown.splitlines() if "a.net" in line) == {"fp-2": 3}
    assert "fp-2: these result rows have its id in SuppressedBy" in shown


def test_a_run_says_why_there_are_no_tags(fpctl: Callable[..., Any], shadowed: Path, workplace: Path) -> None:
    rule = workplace / "rules" / "net.yaml"
    rule.write_text(rule.read_text() + "  | summarize Count = count() by DeviceName\n")
    shown = fpctl("run", "--data", shadowed, "--to", "2026-11-24").out
    word = "the rows of the result are made by a later operator (summarize, line 3)"
    assert f"fp-2: no SuppressedBy in the result: {word}\n" in shown
    found = json.loads(fpctl("run", "--data", shadowed, "--to", "2026-11-24", "--format", "json").out)
    assert (found["runs"][0]["shadow"][0]["rows"], found["runs"][0]["shadow"][0]["result_rows"]) == (3, None)


def test_tags_are_for_runs_and_never_deployed(fpctl: Callable[..., Any], shadowed: Path) -> None:
    for verb in (("apply", "--on", "2026-11-24"), ("export", "--out", "out")):
        outcome = fpctl(*verb)
        assert TAG not in outcome.out
    assert not any(TAG in file.read_text() for file in Path("out").rglob("*") if file.is_file())


def test_shadow_is_said_wherever_the_exclusion_is_listed(fpctl: Callable[..., Any], shadowed: Path) -> None:
    fpctl("run", "--data", shadowed, "--to", "2026-11-24")
    assert "fp-2 (shadow)" in fpctl("hits").out
    statuses = {one["exclusion"]: one["status"] for one in json.loads(fpctl("hits", "--format", "json").out)["hits"]}
    assert statuses["fp-2"] == "shadow"
    line = next(line for line in fpctl("list").out.splitlines() if line.startswith("fp-2"))
    assert " shadow " in line
    assert "state           shadow\n" in fpctl("show", "fp-2").out
