"""Options of fpctl itself, help, and looking rules and exclusions up by a part of their name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import prestarted
from cli.trial import COMMANDS_WITH_HELP, furnish, repository, said
from fpctl import __version__
from prestarted import Process
from records_support import RULE, RULE_ID


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    furnish(tmp_path)
    with repository(tmp_path):
        yield tmp_path


def test_the_version_has_a_short_option(place: Path) -> None:
    assert said(["-V"]).out == f"fpctl {__version__}\n"


def test_help_is_a_command_too(place: Path) -> None:
    assert said(["help", "apply"]).out == said(["apply", "--help"]).out
    assert said(["help", "lists", "add"]).out == said(["lists", "add", "-h"]).out
    assert said(["help"]).out == said(["--help"]).out


@pytest.mark.parametrize("words", COMMANDS_WITH_HELP)
def test_help_has_examples_and_says_nothing_in_python(words: str, place: Path) -> None:
    shown = said([*words.split(), "--help"]).out
    assert "\nExamples:\n" in shown
    assert f"fpctl {words}" in shown.partition("\nExamples:\n")[2]
    assert f"More: docs/commands/{words.replace(' ', '-')}.md" in shown
    assert "list[" not in shown
    assert "<str>" not in shown


@pytest.mark.parametrize("arguments", [["-q", "apply", "--out", "tuned"], ["apply", "--out", "tuned", "--quiet"]])
def test_quiet_leaves_out_what_is_neither_error_nor_warning(arguments: list[str], place: Path) -> None:
    assert said(arguments).err == ""
    assert "no rule matches" in said(["-q", "explain", "nothing"]).err


def test_another_folder_is_worked_in_and_left_again(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    os.chdir(other)
    assert "fp-2026-0001" in said(["-C", str(place), "list"]).out
    assert Path.cwd() == other
    assert said(["-C", "gone", "list"]).code == 2


@pytest.mark.parametrize("part", ["remote_tool", "REMOTE_TOOL.yaml", RULE_ID[:8], "talks to", "Remote tool talks"])
def test_a_rule_is_found_by_stem_prefix_and_part_of_its_name(part: str, place: Path) -> None:
    assert RULE_ID in said(["rules", "list", part, "--format", "json"]).out


def test_a_part_that_several_rules_have_names_them(place: Path) -> None:
    (place / "rules" / "other.yaml").write_text(
        RULE.replace(RULE_ID, RULE_ID.replace("0001", "0002", 1)).replace("Remote tool", "Another remote tool"),
        encoding="utf-8",
    )
    outcome = said(["rules", "list", "talks to"])
    assert outcome.code == 2
    assert "`talks to` matches 2 rules\n  hint: name one: other.yaml, remote_tool.yaml" in outcome.err


def test_an_exclusion_is_found_by_a_part_of_its_id(place: Path) -> None:
    assert "fp-2026-0001" in said(["show", "0001"]).out
    assert "`fp-2026` is part of 2 ids" in said(["show", "fp-2026"]).err


def test_hints_name_five_of_many() -> None:
    from fpctl.spelling import did_you_mean

    hint = did_you_mean("zzz", [f"rule-{number:03}" for number in range(100)], what="rule")
    assert hint.endswith(" and 95 more")
    assert hint.count("rule-") == 5


def on_terminal(arguments: list[str], place: Path, columns: int, **environment: str) -> str:
    """Run fpctl on a pseudo-terminal and return what it shows."""
    bare = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    environment = {**bare, "TERM": "xterm-256color", **environment}
    with Process(prestarted.session, place, arguments, (columns, 24), environment, "") as running:
        return running.end()[1]


def test_colours_on_a_terminal_are_colours_and_never_text(place: Path) -> None:
    (place / "exclusions" / "fp-2026-0003.yaml").write_text("id: fp-2026-0003\nreson: typo\n", encoding="utf-8")
    shown = on_terminal(["apply", "--diff"], place, 200)
    assert "\x1b[32m+" in shown
    assert "\x1b[31merror\x1b[0m" in shown
    assert "\\x1b" not in shown


@pytest.mark.parametrize("way", [["--no-color"], []])
def test_colours_can_be_turned_off(way: list[str], place: Path) -> None:
    environment = {} if way else {"NO_COLOR": "1"}
    shown = on_terminal([*way, "apply", "--diff"], place, 200, **environment)
    assert not re.search("\x1b\\[[0-9;]*m", shown)


@pytest.mark.parametrize("columns", [80, 40])
def test_a_table_fits_the_terminal(columns: int, place: Path) -> None:
    shown = on_terminal(["list"], place, columns)
    lines = shown.replace("\r", "").splitlines()
    assert max(map(len, lines)) <= columns
    assert "fp-2026-0001" in shown


def test_nothing_is_cut_in_a_pipe(place: Path) -> None:
    os.environ["COLUMNS"] = "40"
    assert RULE_ID in said(["list"]).out
