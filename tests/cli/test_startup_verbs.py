"""Every verb is there, is explained in a line, and has help of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fpctl import __version__
from fpctl.cli.app import VERBS

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_version_is_printed(fpctl):
    outcome = fpctl("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"fpctl {__version__}\n", "")


def test_help_lists_every_verb_with_its_whole_summary(fpctl):
    outcome = fpctl("--help")
    assert outcome.code == 0
    for verb in VERBS:
        assert re.search(rf"^  {verb.name} +{re.escape(verb.summary)}$", outcome.out, re.MULTILINE), verb.name


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_has_help_of_its_own(fpctl, verb):
    outcome = fpctl(verb.name, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: fpctl {verb.name} [OPTIONS]")
    assert outcome.err == ""


def test_the_readme_names_every_verb():
    named = re.findall(r"^\| `fpctl (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(verb.name for verb in VERBS)


def test_a_slip_in_a_verb_is_met_with_the_nearest(fpctl):
    outcome = fpctl("hitz")
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.endswith("Error: No such command 'hitz'. Did you mean 'hits'?\n")


def test_no_verb_at_all_shows_the_help_and_is_an_error(fpctl):
    outcome = fpctl()
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("Usage: fpctl [OPTIONS] COMMAND")
