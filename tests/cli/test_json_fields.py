"""`--json FIELDS`, and the problems in every JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.trial import furnish, repository, said
from fpctl.cli.shared.json_fields import all_fields
from records_support import RULE_ID

SINCE = ("--to", "2026-11-24T12:00:00Z", "--data", "data")
CALLS: dict[str, tuple[str, ...]] = {
    "init": ("init", "new"),
    "status": ("status",),
    "doctor": ("doctor", "--data", "data"),
    "add": ("add", RULE_ID, "--device", "build77", "--reason", "x", "--owner", "a@contoso.com", "--yes"),
    "list": ("list",),
    "show": ("show", "fp-2026-0001"),
    "approve": ("approve", "fp-2026-0001", "--by", "m.weber@contoso.com"),
    "renew": ("renew", "fp-2026-0001", "--until", "2027-06-01"),
    "retire": ("retire", "fp-2026-0001", "--reason", "over"),
    "lists check": ("lists", "check"),
    "lists add": ("lists", "add", "agents", "build09"),
    "lists remove": ("lists", "remove", "agents", "build01"),
    "log": ("log",),
    "apply": ("apply",),
    "run": ("run", *SINCE),
    "explain": ("explain",),
    "strip": ("strip",),
    "rules list": ("rules", "list"),
    "tune": ("tune", RULE_ID, *SINCE),
    "preview": ("preview", "fp-2026-0001", *SINCE),
    "why": ("why", RULE_ID, "--device", "build01"),
    "hits": ("hits",),
    "audit": ("audit",),
    "test": ("test",),
    "capture": ("capture", RULE_ID, "--where", 'DeviceName == "ws-1"', *SINCE, "--yes"),
    "redteam": ("redteam", "fp-2026-0001"),
    "review": ("review",),
    "report": ("report",),
    "diff": ("diff",),
    "import csv": ("import", "csv", "allow.csv", "--rule", RULE_ID),
    "adopt": ("adopt", RULE_ID),
}
"""A call of each command that works without a service, in the repository of trials."""

SERVICES = {"schema pull", "deploy", "import sentinel", "import defender"}
ALIKE = {"import elastic", "import sigma", "import watchlist"}
"""They print what `import csv` prints."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    furnish(tmp_path, {"allow.csv": "device\nbuild05\n"})
    with repository(tmp_path):
        yield tmp_path


def document(*arguments: str) -> Any:
    outcome = said([*arguments, "--format", "json"])
    assert outcome.out, outcome.err
    return json.loads(outcome.out)


def test_every_command_with_json_is_tried() -> None:
    assert set(all_fields()) == set(CALLS) | SERVICES | ALIKE | {"rules lint"}


@pytest.mark.parametrize("name", CALLS)
def test_the_fields_are_the_keys_of_the_json_and_problems_is_in_each(name: str, place: Path) -> None:
    whole = document(*CALLS[name])
    assert whole["problems"] == []
    known = all_fields()[name]
    if not known.records:
        assert set(known.fields) == set(whole) - {"problems"}
        return
    records = whole[known.records[0]]
    assert records, f"{name}: no record to compare with"
    # The other keys are those of --dry-run, of --deployed, and of entries about a rule.
    optional = {
        "run": {"tables", "exclusions", "queries"},
        "diff": {"guid", "state", "fields", "reason"},
        "log": {"rule"},
    }
    for record in records:
        assert set(record) <= set(known.fields)
        assert set(known.fields) - set(record) <= optional.get(name, set())


@pytest.mark.parametrize(
    "name", ["list", "show", "apply", "explain", "run", "hits", "audit", "test", "why", "report", "status"]
)
def test_a_broken_file_is_a_problem_of_the_document(name: str, place: Path) -> None:
    (place / "exclusions" / "broken.yaml").write_text("id: [\n")
    own = [one for one in document(*CALLS[name])["problems"] if one["path"].endswith("broken.yaml")]
    # `show` is about one exclusion, and says what is wrong with that.
    assert [one["severity"] for one in own] == ([] if name == "show" else ["error"])


def test_chosen_fields_of_each_record(place: Path) -> None:
    outcome = said(["list", "--json", "status, id"])
    assert json.loads(outcome.out) == [
        {"status": "active", "id": "fp-2026-0001"},
        {"status": "shadow", "id": "fp-2026-0002"},
    ]


def test_chosen_fields_of_a_document(place: Path) -> None:
    assert json.loads(said(["show", "fp-2026-0001", "--json=state"]).out) == {"state": "active"}


def test_a_field_that_a_record_does_not_have_is_null(place: Path) -> None:
    assert json.loads(said(["run", *SINCE, "--json", "status,queries"]).out) == [{"status": "ok", "queries": None}]


@pytest.mark.parametrize("arguments", [("list", "--json"), ("list", "--json", "--rule", "x"), ("list", "--json=")])
def test_without_fields_it_lists_them(place: Path, arguments: tuple[str, ...]) -> None:
    outcome = said(arguments)
    assert (outcome.code, outcome.out.split()) == (0, list(all_fields()["list"].fields))


def test_fields_are_listed_without_the_arguments_that_the_command_needs(place: Path) -> None:
    assert said(["renew", "--json"]).out.split() == list(all_fields()["renew"].fields)


def test_an_unknown_field_is_named_with_the_nearest(place: Path) -> None:
    outcome = said(["list", "--json", "id,expiry"])
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "fpctl: --json: fpctl list has no field `expiry`\n  hint: did you mean `expires`?\n"


def test_one_format_at_a_time(place: Path) -> None:
    outcome = said(["list", "--format", "csv", "--json", "id"])
    assert (outcome.code, outcome.err.splitlines()[0]) == (2, "fpctl: give either --json or --format")


def test_an_exclusion_that_is_refused_says_so_in_json(place: Path) -> None:
    outcome = said(["add", RULE_ID, "--url", "co.uk", "--reason", "x", "--yes", "--format", "json"])
    refused = json.loads(outcome.out)
    assert (outcome.code, refused["written"], refused["exclusions"]) == (2, False, [])
    assert refused["problems"]
