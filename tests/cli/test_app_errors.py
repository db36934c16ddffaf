"""Whatever a verb does, the process ends with one clear message and the right code."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from types import ModuleType

import pytest
import typer

from fpctl.cli import app
from fpctl.errors import FpctlError, Location


@pytest.fixture
def verb_that(monkeypatch):
    """Return a function that makes `fpctl probe` do something."""

    def install(command, **more):
        module = ModuleType("fpctl_probe")
        module.command = command
        for name, value in more.items():
            setattr(module, name, value)
        monkeypatch.setitem(sys.modules, "fpctl_probe", module)
        monkeypatch.setattr(app, "VERBS", (app.Verb("probe", "fpctl_probe", "Probe."),))
        for made_once in ("root", "load"):
            monkeypatch.setattr(app, made_once, getattr(app, made_once).__wrapped__)

    return install


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_verb_returns_its_exit_code(fpctl, verb_that, code):
    verb_that(lambda: code)
    assert fpctl("probe").code == code


def test_a_verb_that_returns_nothing_is_clean(fpctl, verb_that):
    verb_that(lambda: None)
    assert fpctl("probe").code == 0


def test_a_verb_may_raise_its_exit_code(fpctl, verb_that):
    verb_that(raising(typer.Exit(1)))
    assert fpctl("probe").code == 1


def test_an_error_is_one_message_with_place_and_hint(fpctl, verb_that):
    verb_that(raising(FpctlError("unknown key `reson`", Location("a.yaml", 3, 1), "did you mean `reason`?")))
    outcome = fpctl("probe")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "fpctl: a.yaml:3:1: unknown key `reson`\n  hint: did you mean `reason`?\n"


def test_ctrl_c_says_so_and_has_its_own_code(fpctl, verb_that):
    verb_that(raising(KeyboardInterrupt()))
    outcome = fpctl("probe")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "fpctl: interrupted\n")


def test_a_no_to_a_question_stops(fpctl, verb_that):
    verb_that(raising(typer.Abort()))
    outcome = fpctl("probe")
    assert (outcome.code, outcome.err) == (2, "fpctl: interrupted, nothing was done\n")


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("by zero\nand more"), RecursionError("by zero"), OSError("by zero")]
)
def test_an_unexpected_error_is_one_line_and_a_way_to_see_more(fpctl, verb_that, error):
    verb_that(raising(error))
    outcome = fpctl("probe")
    assert outcome.code == 2
    assert outcome.err == (
        f"fpctl: unexpected {type(error).__name__}: by zero\n"
        "  hint: this is a fault of fpctl; FPCTL_TRACEBACK=1 shows where it happened\n"
    )


def test_the_traceback_is_shown_where_it_is_asked_for(fpctl, verb_that, monkeypatch):
    monkeypatch.setenv("FPCTL_TRACEBACK", "1")
    verb_that(raising(ZeroDivisionError("by zero")))
    outcome = fpctl("probe")
    assert outcome.code == 2
    assert outcome.err.startswith("Traceback (most recent call last):")
    assert outcome.err.endswith("ZeroDivisionError: by zero\n")


def test_an_unknown_option_is_a_usage_error(fpctl, verb_that):
    verb_that(lambda: None)
    outcome = fpctl("probe", "--nope")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Usage: fpctl probe")
    assert outcome.err.endswith("Error: No such option: --nope\n")


def test_a_verb_may_have_verbs_of_its_own(fpctl, verb_that):
    verb_that(None, commands={"lint": lambda: 1})
    assert fpctl("probe", "lint").code == 1
    outcome = fpctl("probe", "--help")
    assert outcome.out.startswith("Usage: fpctl probe [OPTIONS] COMMAND")
    assert "lint" in outcome.out


def test_a_reader_that_goes_away_is_no_error():
    script = textwrap.dedent(
        """
        import sys
        from types import ModuleType
        from fpctl.cli import app
        from fpctl.cli.shared import output
        def command():
            for number in range(100_000):
                output.write(f"{number}\\n")
        module = ModuleType("fpctl_probe")
        module.command = command
        sys.modules["fpctl_probe"] = module
        app.VERBS = (app.Verb("probe", "fpctl_probe", "Probe."),)
        sys.exit(app.run(["probe"]))
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=60) == 141
    assert errors == b""
