"""An error of a tuned query is shown in the base query and in the rule's file, whichever engine it comes from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from engine.remote_setup import NOW
from fpctl.engine.interface import EngineError
from fpctl.errors import Location
from fpctl.execution.rule_error import located_error
from fpctl.execution.run import RunResult
from fpctl.execution.session import Session
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.repository.model import open_repository
from fpctl.rewrite.output.markers import find_clauses

QUERY = "Events\n| where n > 1\n| summarize Count = count() by DeviceName\n| where nothing == 1\n"
HEAD = "id: r\nname: r\nquery: |\n"
EXCLUSION = """id: fp-{number}
rules: [r]
match:
  device: [host{number}]
reason: patching
owner: a@contoso.com
created: 2024-05-01
expires: 2024-09-01
"""


def planned(folder: Path, query: str, *, in_yaml: bool = True, exclusions: int = 2) -> RuleOutcome:
    for name in ("rules", "exclusions"):
        (folder / name).mkdir()
    if in_yaml:
        lines = "".join(f"  {line}\n" for line in query.splitlines())
        (folder / "rules" / "r.yaml").write_text(HEAD + lines)
    else:
        (folder / "rules" / "r.kql").write_text(query)
    for number in range(exclusions):
        (folder / "exclusions" / f"fp-{number}.yaml").write_text(EXCLUSION.format(number=number))
    repository = open_repository(folder / "rules", folder / "exclusions")
    (outcome,) = tune(repository.rules.rules, repository.active(), repository.planner(date(2024, 5, 20)))
    assert outcome.tuned is not None
    return outcome


def run(outcome: RuleOutcome, engine: Any) -> RunResult:
    session = Session(engine, None, NOW, lambda: datetime(2024, 5, 20, tzinfo=UTC), {})
    (result,) = session.run([outcome])
    return result


def test_the_place_is_that_of_the_base_query_and_of_the_file(engine: Any, tmp_path: Path) -> None:
    outcome = planned(tmp_path, QUERY)
    assert outcome.tuned is not None
    assert outcome.tuned.tuned.index("nothing") > QUERY.index("nothing") + 20  # the clause stands before it
    result = run(outcome, engine)
    assert result.status == "failed"
    assert result.offset == QUERY.index("nothing")
    assert result.error is not None
    assert result.error.endswith(" (line 4, column 9 of the query)")
    assert result.at == Location(str(tmp_path / "rules" / "r.yaml"), 7, 11)
    assert result.caret is not None
    line, caret = result.caret.splitlines()
    assert line.endswith(QUERY.splitlines()[3])
    assert line[caret.index("^") :] == "nothing == 1"


def test_clauses_that_stand_in_the_file_do_not_move_the_place(engine: Any, tmp_path: Path) -> None:
    first = planned(tmp_path, QUERY, in_yaml=False)
    assert first.tuned is not None
    (tmp_path / "rules" / "r.kql").write_text(first.tuned.tuned)
    repository = open_repository(tmp_path / "rules", tmp_path / "exclusions")
    (outcome,) = tune(repository.rules.rules, repository.active(), repository.planner(date(2024, 5, 20)))
    result = run(outcome, engine)
    assert result.offset == QUERY.index("nothing")
    at = first.tuned.tuned.index("nothing")
    line = first.tuned.tuned.count("\n", 0, at) + 1
    assert (result.at and (result.at.line, result.at.column)) == (line, 9)


def test_an_error_before_the_clause_stays_where_it_is(engine: Any, tmp_path: Path) -> None:
    query = "Events\n| where nothing == 'x'\n| summarize count() by DeviceName\n"
    result = run(planned(tmp_path, query), engine)
    assert result.offset == query.index("nothing")
    assert (result.at and (result.at.line, result.at.column)) == (5, 11)


def test_an_error_in_a_clause_names_its_exclusions(tmp_path: Path) -> None:
    outcome = planned(tmp_path, QUERY)
    assert outcome.tuned is not None
    at = outcome.tuned.tuned.index("host1")
    (ids,) = [", ".join(c.exclusions) for c in find_clauses(outcome.tuned.tuned) if c.start <= at < c.end]
    assert "fp-1" in ids
    fault = located_error(EngineError("no", code="engine", offset=at), outcome.tuned.tuned, outcome.tuned)
    assert (fault.message, fault.offset) == (f"no (in the clause of {ids} that fpctl put in)", None)


def test_an_error_of_a_counting_query_has_a_place_as_far_as_it_says_what_the_rule_says(tmp_path: Path) -> None:
    outcome = planned(tmp_path, QUERY)
    assert outcome.tuned is not None
    (query,) = outcome.tuned.counting_queries()
    assert query.text is not None
    shared = located_error(
        EngineError("no", code="engine", offset=query.text.index("n > 1")), query.text, outcome.tuned
    )
    assert (shared.message, shared.offset) == ("no (line 2, column 9 of the query)", QUERY.index("n > 1"))
    own = located_error(EngineError("no", code="engine", offset=len(query.text) - 1), query.text, outcome.tuned)
    assert (own.message, own.offset) == ("no", None)


def test_an_error_without_a_place_has_none(tmp_path: Path) -> None:
    outcome = planned(tmp_path, QUERY)
    assert outcome.tuned is not None
    fault = located_error(EngineError("throttled", code="throttled"), outcome.tuned.tuned, outcome.tuned)
    assert (fault.message, fault.offset) == ("throttled", None)
