"""Every command on good and bad input, and what comes of it; whatever is given, no command falls over."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.trial import FILES, FOLDER, Said, Trial, commands, file_of, furnish, perform, repository, said, trials_of
from permissions import obeyed

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = dict(commands())
TRIALS = [
    pytest.param(trial, id=f"{name}-{number}") for name in COMMANDS for number, trial in enumerate(trials_of(name))
]

GOOD_ELSEWHERE = {
    "demo": "tests/cli/test_demo.py",
    "deploy": "tests/deployment/test_deploying.py",
    "serve": "tests/web/test_pages.py",
}
"""Commands whose good input takes a minute or a server, and who tries it."""


@pytest.mark.parametrize("trial", TRIALS)
def test_a_command_does_this(trial: Trial, tmp_path: Path) -> None:
    assert trial.outcome(perform(trial, tmp_path)) == trial.expected
    if trial.expected.code == 2:
        # What is refused changes nothing that people wrote.
        for name, text in {**FILES, **trial.given}.items():
            assert text is None or (tmp_path / name).read_bytes().decode() == text, name


def test_every_command_has_good_and_bad_input() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {file_of(name).name for name in COMMANDS}
    for name in COMMANDS:
        codes = {trial.expected.code for trial in trials_of(name)}
        assert 2 in codes, name
        if name in GOOD_ELSEWHERE:
            assert name in (ROOT / GOOD_ELSEWHERE[name]).read_text(encoding="utf-8")
        else:
            assert codes & {0, 1}, name


def good(name: str) -> list[str]:
    """Return the arguments of a command's first trial."""
    return shlex.split(trials_of(name)[0].run)[1:]


def options_of(name: str) -> dict[str, Any]:
    """Return the options of a command that take a value, by their names."""
    return {
        param.opts[0]: param
        for param in COMMANDS[name].params
        if param.param_type_name == "option" and not param.is_flag
    }


def given(name: str, option: str, value: str) -> list[str]:
    """Return good arguments with one option set to a value."""
    arguments = good(name)
    if option in arguments:
        at = arguments.index(option)
        del arguments[at : at + 2]
    return [*arguments, f"{option}={value}"]


def usage(name: str, message: str) -> str:
    """Return what a wrong call of a command says."""
    command = COMMANDS[name]
    context = command.make_context(f"fpctl {name}", [], resilient_parsing=True)
    return f"{context.get_usage()}\nTry 'fpctl {name} -h' for help.\n\nError: {message}\n"


GONE = "cannot read the file: No such file or directory\n  hint: check the path, and that you may read it\n"
FAULTS = {
    ("--config", "gone.toml"): f"fpctl: gone.toml: {GONE}",
    ("--config", "empty"): "fpctl: empty: cannot read the file: Is a directory\n  hint: name a file in it\n",
    ("--config", "broken.toml"): (
        "fpctl: broken.toml:1:8: not valid TOML: expected ']' at the end of a table declaration\n"
    ),
    ("--rules", "gone"): (
        "fpctl: there is no rules folder or file `gone`\n"
        "  hint: give the rules folder with --rules, or set it in fpctl.toml\n"
    ),
    ("--exclusions", "gone"): (
        "fpctl: there is no exclusions folder or file `gone`\n"
        "  hint: give the exclusions folder with --exclusions, or set it in fpctl.toml\n"
    ),
    ("--history", "empty"): "fpctl: empty: the history's file is a folder\n  hint: name a file in it\n",
}
"""(option, value) -> what each command with that option says."""

OWN_WORDS = {
    # A list is made in a folder, and a file of exclusions has no lists.
    ("lists add", "--exclusions"): "fpctl: there is no exclusions folder gone\n  hint: give it with --exclusions\n",
    ("lists check", "--exclusions"): "fpctl: there is no exclusions folder gone\n  hint: give it with --exclusions\n",
    ("lists remove", "--exclusions"): "fpctl: there is no exclusions folder gone\n  hint: give it with --exclusions\n",
    ("list", "--rules"): None,
    ("schema pull", "--rules"): None,
    ("deploy", "--rules"): None,
    ("deploy", "--exclusions"): None,
    ("log", "--exclusions"): None,
}
"""What commands say otherwise; None where good arguments do without the folder, or trials/ has it."""

WRONG_VALUES = {
    "--on": ("2026-02-30", "Invalid value for '--on': '2026-02-30' is not a valid date (expected YYYY-MM-DD)"),
    "--since": (
        "yesterday",
        "Invalid value for '--since': 'yesterday' is not a valid time (expected one such as 30d, 12h, "
        "2026-11-01 or 2026-11-01T08:00:00Z)",
    ),
    "--to": (
        "yesterday",
        "Invalid value for '--to': 'yesterday' is not a valid time (expected one such as 30d, 12h, "
        "2026-11-01 or 2026-11-01T08:00:00Z)",
    ),
    "--out": ("", "Invalid value for '--out': it is empty: give a path, or leave the option out"),
    "--rules": ("", "Invalid value for '--rules': it is empty: give a path, or leave the option out"),
    "--exclusions": ("", "Invalid value for '--exclusions': it is empty: give a path, or leave the option out"),
    "--config": ("", "Invalid value for '--config': it is empty: give a path, or leave the option out"),
    "--engine": (
        "splunk",
        "Invalid value for '--engine': 'splunk' is not one of 'defender', 'kusto', 'local', 'log-analytics'.",
    ),
    "--credential": (
        "password",
        "Invalid value for '--credential': 'password' is not one of 'default', 'cli', 'managed-identity', "
        "'device-code', 'environment', 'workload-identity', 'github-oidc', 'azure-pipelines', 'token', 'none'.",
    ),
}
"""Option -> (a value that is none, what each command with that option says)."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Return the repository of trials, which is the working folder."""
    furnish(tmp_path)
    with repository(tmp_path):
        yield tmp_path


@pytest.mark.parametrize(("option", "value"), FAULTS)
def test_a_file_or_folder_that_is_not_there_is_named(option: str, value: str, place: Path) -> None:
    tried = [name for name in COMMANDS if option in options_of(name)]
    assert tried
    for name in tried:
        expected = OWN_WORDS.get((name, option), FAULTS[option, value])
        if expected is not None:
            assert said(given(name, option, value)) == Said(2, "", expected), name


@pytest.mark.parametrize("option", WRONG_VALUES)
def test_an_option_whose_value_is_none_is_named(option: str, place: Path) -> None:
    value, message = WRONG_VALUES[option]
    tried = [name for name in COMMANDS if option in options_of(name)]
    assert tried
    for name in tried:
        assert said(given(name, option, value)) == Said(2, "", usage(name, message)), name


def test_a_format_that_is_none_is_met_with_those_there_are(place: Path) -> None:
    for name in COMMANDS:
        option = options_of(name).get("--format")
        if option is not None:
            known = ", ".join(repr(choice) for choice in option.type_descriptor.choices)
            message = f"Invalid value for '--format': 'xml' is not one of {known}."
            assert said(given(name, "--format", "xml")) == Said(2, "", usage(name, message)), name


def test_an_option_that_is_not_there_is_named(place: Path) -> None:
    for name in COMMANDS:
        assert said([*good(name), "--xyzzy"]) == Said(2, "", usage(name, "No such option: --xyzzy")), name


def test_an_argument_that_is_not_utf_8_is_named_before_anything_is_done(place: Path) -> None:
    for argument, shown in (("\udcff", r"'\udcff'"), ("a\0b", r"'a\x00b'")):
        assert said(["list", "--owner", argument]) == Said(
            2,
            "",
            f"fpctl: argument 3 is not text in UTF-8: {shown}\n  hint: give arguments and names of files in UTF-8\n",
        )


def test_a_path_that_no_file_can_have_is_named(place: Path) -> None:
    outcome = said(["list", "--exclusions", "x" * 5_000])
    assert outcome == Said(
        2,
        "",
        f"fpctl: {'x' * 197}...: File name too long\n"
        "  hint: check that the path is right, that you may read and write there, and that the disk is not full\n",
    )


def test_a_working_folder_that_is_gone_is_said(place: Path) -> None:
    gone = place / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert said(["list"]) == Said(
        2, "", "fpctl: the working directory no longer exists\n  hint: change to one that does\n"
    )


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has other permissions")
def test_a_folder_that_may_not_be_written_is_named(place: Path) -> None:
    (place / "exclusions").chmod(0o500)
    with obeyed():
        outcome = said(good("renew"))
    (place / "exclusions").chmod(0o700)
    assert outcome.code == 2
    assert "Permission denied" in outcome.err
    assert (place / "exclusions" / "fp-2026-0001.yaml").read_text() == FILES["exclusions/fp-2026-0001.yaml"]


ODD = ("", " ", "-", "*", "[", "=", "-1", "9" * 30, "1e999", "a\nb", "\x1b[2J", "schöner Ä☃", "x" * 5_000, "empty",
       "broken.toml", "gone", "..", "broken.toml/x", "@lists/gone.txt", "2026-02-30", "9999d")  # fmt: skip
EVERY = int(os.environ.get("FPCTL_ODD_INPUT_EVERY", "21"))
"""Of all pairs of a parameter and an odd value one in so many is tried; 1 tries them all, in ten minutes."""
SLOW = {"add": 3, "preview": 8, "run": 4, "tune": 16}
"""Commands that begin with a second of work, or have many parameters: fewer of theirs are tried."""


def odd_calls(name: str) -> Iterator[list[str]]:
    """Yield calls of a command in which one parameter has an odd value."""
    arguments = good(name)
    words = name.split()
    first = len(words)
    for param in COMMANDS[name].params:
        for value in ODD:
            if param.param_type_name == "argument":
                rest = arguments[first:]
                keep = rest[1:] if rest and not rest[0].startswith("-") else rest
                yield [*words, *keep, "--", value]
            elif not param.is_flag:
                yield given(name, param.opts[0], value)


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"demo", "serve"}))
def test_no_command_falls_over_an_odd_value(name: str, tmp_path: Path) -> None:
    step = EVERY * SLOW.get(name, 1) if EVERY > 1 else 1
    # Another beginning for each command, so that each value is tried somewhere.
    begin = sum(map(ord, name)) % min(step, len(ODD))
    for number, arguments in enumerate(itertools.islice(odd_calls(name), begin, None, step)):
        place = tmp_path / str(number) / "within"
        furnish(place)
        with repository(place):
            outcome = said(arguments)
        assert outcome.code in (0, 1, 2), arguments
        assert "unexpected" not in outcome.err, (arguments, outcome.err)
        assert "\x1b" not in outcome.out + outcome.err, arguments
        assert outcome.code != 2 or outcome.err or outcome.out, arguments
