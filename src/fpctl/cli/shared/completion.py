"""What the shell offers when Tab is pressed: ids of exclusions, rules, scenarios, lists.

Nothing here says what is wrong: in the middle of a command line there is no place for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import typer

from fpctl.errors import FpctlError

MOST = 200
"""How many are offered; more would fill the screen."""


def exclusion_ids(incomplete: str) -> list[str]:
    """Return ids that begin so, by the names of the files, which are quicker to list than to read."""
    try:
        from fpctl.settings import load_settings

        folder = load_settings().paths.exclusions
        names = sorted(path.stem for path in folder.rglob("*.y*ml") if not path.name.startswith("."))
    except (FpctlError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)][:MOST]


def rule_names(incomplete: str) -> list[tuple[str, str]]:
    """Return ids that begin so, each with the rule's name, and names that do, each with the rule's file."""
    try:
        from fpctl.rules.loader import load_rules
        from fpctl.settings import load_settings

        rules = [loaded.rule for loaded in load_rules(load_settings().paths.rules).rules]
    except (FpctlError, OSError):
        return []
    offered = [*((rule.id, rule.name) for rule in rules), *((rule.name, rule.path) for rule in rules)]
    return [(word, help) for word, help in offered if word.startswith(incomplete)][:MOST]


def scenario_ids(incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield scenarios that begin so, each with its title."""
    from fpctl.exclusions.scenarios.model import scenarios

    for one in scenarios():
        if one.id.startswith(incomplete):
            yield one.id, one.title


def list_names(incomplete: str) -> list[str]:
    """Return names of lists that begin so."""
    try:
        from fpctl.settings import load_settings

        folder = load_settings().paths.exclusions / "lists"
        names = sorted(path.stem for path in folder.rglob("*.txt"))
    except (FpctlError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)][:MOST]


def json_fields(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the keys of a command's JSON that go on what was typed: after a comma, those that are not yet named."""
    from fpctl.cli.shared.json_fields import fields_of

    known = fields_of(ctx.command_path)
    named, comma, begun = incomplete.rpartition(",")
    left = [field for field in (known.fields if known is not None else ()) if field not in named.split(",")]
    return [f"{named}{comma}{field}" for field in left if field.startswith(begun)]


def states(incomplete: str) -> list[str]:
    """Return the states of an exclusion that begin so."""
    from fpctl.exclusions.exclusion_query import STATES

    return [state for state in STATES if state.startswith(incomplete)]
