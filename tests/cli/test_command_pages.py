"""The pages of docs/commands/ are what their generator makes of the commands, and say when a command ends with 1."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "command_docs.py"))


def test_the_pages_are_up_to_date(generator: dict[str, Any]) -> None:
    folder = ROOT / "docs" / "commands"
    assert {path.name: path.read_text("utf-8") for path in folder.glob("*.md")} == generator["pages"]()


def test_every_option_and_argument_is_on_its_page(generator: dict[str, Any]) -> None:
    texts = generator["pages"]()
    for page in generator["all_pages"]():
        for parameter in () if page.below else page.command.params:
            if getattr(parameter, "hidden", False):
                continue
            name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar or parameter.name
            shown = name.replace("|", "\\|")
            assert re.search(rf"^\| `[^`]*{re.escape(shown)}(?![\w-])", texts[page.name], re.MULTILINE), (
                f"{page.called}: {name}"
            )


def test_a_command_that_can_end_with_1_says_when(generator: dict[str, Any]) -> None:
    silent = []
    for page in generator["all_pages"]():
        body = None if page.below else inspect.unwrap(page.command.callback)
        if body is not None and "EXIT_FINDINGS" in inspect.getsource(body):
            one, _ = generator["exit_codes"](page.command.help)
            silent += [] if one else [page.called]
    assert silent == []


def test_an_example_that_its_command_refuses_is_refused(generator: dict[str, Any]) -> None:
    page = next(page for page in generator["all_pages"]() if page.called == "fpctl renew")
    generator["_try"](page, "fpctl renew fp-1 --until 90d")
    with pytest.raises(ValueError, match="No such option: --untill"):
        generator["_try"](page, "fpctl renew fp-1 --untill 90d")
    with pytest.raises(ValueError, match="does not call fpctl renew"):
        generator["_try"](page, "fpctl retire fp-1 --reason over")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Do it.\n\nExit code 1: some are\nleft. 2: none could be read.", ("some are left", "none could be read")),
        ("Exit code 1 means findings, 2 that a file is broken.", ("findings", "a file is broken")),
        ("What is too long is left out: exit code 1. 2: a file is broken.",
         ("what is too long is left out", "a file is broken")),
        ("It ends well.", (None, None)),
    ],
)  # fmt: skip
def test_exit_codes_are_read_from_the_help_text(
    generator: dict[str, Any], text: str, codes: tuple[str | None, str | None]
) -> None:
    assert generator["exit_codes"](text) == codes
