"""Examples of the commands, for their help and their pages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Example(NamedTuple):
    """What is done, and the line that does it."""

    text: str
    run: str


@cache
def all_examples() -> dict[str, tuple[Example, ...]]:
    """Return the examples by command, such as `lists add`."""
    import yaml

    text = files("fpctl.cli").joinpath("data/examples.yaml").read_text(encoding="utf-8")
    return {name: tuple(Example(**one) for one in given) for name, given in yaml.safe_load(text).items()}


def examples_of(command: str) -> tuple[Example, ...]:
    """Return the examples of a command."""
    return all_examples().get(command, ())
