"""One shape everywhere: every command names, orders and explains the same thing the same way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from cli.trial import commands, said
from fpctl.cli.shared.json_fields import all_fields

ALL = dict(commands())

ARGUMENTS = {"RULE", "ID", "RULE|ID", "ID|verify", "NAME", "VALUE", "FILE", "FILE|-", "DIR"}
ONE_RULE = {"tune", "why", "capture", "adopt"}
"""Commands about one rule: they read its events, or rewrite its file."""
ONE_EXCLUSION = {"edit", "preview", "redteam"}
"""Commands about one exclusion, on a page of its own."""
ONE_FILTER = {("hits", "--rule"), ("preview", "--rule")}
"""Totals are those of one rule or of all; a preview reads the rules of one exclusion."""
WITHOUT_JSON = {"demo", "edit", "notify", "serve", "export"}
"""They have nothing to list, or write in the shape of another program."""
PEOPLE = {"text", "table", "markdown"}
"""What is printed for people is the default."""


def parameters(kind: str) -> Iterator[tuple[str, Any]]:
    for name, command in ALL.items():
        for parameter in command.params:
            if parameter.param_type_name == kind and not getattr(parameter, "hidden", False):
                yield name, parameter


def options(wanted: str) -> Iterator[tuple[str, Any]]:
    return ((name, one) for name, one in parameters("option") if wanted in one.opts)


def choices(option: Any) -> tuple[str, ...]:
    return get_args(option.type_descriptor.annotation)


def test_arguments_have_the_names_of_what_they_are() -> None:
    assert {one.metavar for _, one in parameters("argument")} == ARGUMENTS


@pytest.mark.parametrize(("metavar", "alone"), [("RULE", ONE_RULE), ("ID", ONE_EXCLUSION)])
def test_several_rules_and_exclusions_can_be_named(metavar: str, alone: set[str]) -> None:
    single = {name for name, one in parameters("argument") if one.metavar == metavar and one.nargs == 1}
    assert single == alone


@pytest.mark.parametrize("option", ["--rule", "--exclusion"])
def test_a_filter_may_be_given_several_times(option: str) -> None:
    found = {(name, option) for name, one in options(option) if not one.multiple}
    assert found - ONE_FILTER == set()


def test_no_command_names_its_rules_both_ways() -> None:
    named = {name for name, one in parameters("argument") if one.metavar in ("RULE", "RULE|ID")}
    assert named & {name for name, _ in options("--rule")} == set()


def test_confirmation_is_left_out_in_the_same_way() -> None:
    assert {tuple(one.opts) for _, one in options("-y")} == {("--yes", "-y")}
    assert {one.help for _, one in options("--yes")} == {"Do not ask for confirmation."}


def test_out_is_a_folder_or_a_file() -> None:
    assert {one.metavar for _, one in options("--out")} == {"DIR", "FILE", "DIR|FILE"}


def test_every_command_speaks_json() -> None:
    with_json = {name for name, one in options("--format") if "json" in choices(one)}
    assert set(ALL) - with_json == WITHOUT_JSON
    assert {name for name, _ in options("--json")} == with_json
    assert set(all_fields()) == with_json


def test_what_people_read_is_the_default_format() -> None:
    defaults = {name: one.default for name, one in options("--format") if name != "export"}
    assert set(defaults.values()) <= PEOPLE


def test_an_option_has_the_same_words_wherever_it_is() -> None:
    for option in ("--rules", "--exclusions", "--config", "--history", "--engine", "--data", "--credential", "--on"):
        assert len({(one.metavar, one.help) for _, one in options(option)}) == 1, option


def test_values_are_named_in_words_that_people_know() -> None:
    for name, one in [*parameters("option"), *parameters("argument")]:
        plain = one.type_descriptor.annotation
        if plain is bool or (one.param_type_name == "option" and choices(one) and one.metavar is None):
            continue
        assert one.metavar, (name, one.opts)
        assert not set("[<") & set(one.metavar), (name, one.opts)


@pytest.mark.parametrize("name", list(ALL))
def test_the_help_fits_eighty_columns_and_shows_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = said([*name.split(), "--help"]).out
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "\nExamples:\n" in shown
    assert f"\nMore: docs/commands/{name.replace(' ', '-')}.md\n" in shown
    assert "list[" not in shown
