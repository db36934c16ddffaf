"""`fpctl list`: which exclusions there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.exclusions.exclusion_query import FoundExclusion
    from fpctl.rules.model import Rule

COLUMNS = ("id", "title", "scenario", "rules", "owner", "status", "expires", "days_left", "file")


def command(
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            autocompletion=completion.rule_names,
            help="Those that reach this rule: id, name, path or glob.",
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="ID",
            autocompletion=completion.scenario_ids,
            help="Those of this scenario; none for those of none.",
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="TEXT", help="Those whose owner contains this; none for those without."),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status",
            metavar="WORD",
            help="Those that today are active, shadow, not-yet-valid, draft, expired, retired.",
        ),
    ] = None,
    expiring: Annotated[
        str | None,
        typer.Option("--expiring", metavar="30d", help="Those in force that end within so long; exit code 1 if any."),
    ] = None,
    matches: Annotated[
        str | None,
        typer.Option("--matches", metavar="VALUE", help="Those that a device, URL, hash, program ... would match."),
    ] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="As of a day.", show_default="today")] = None,
    exclusions: options.ExclusionsFolder = None,
    rules: options.RulesFolder = None,
    config: options.ConfigFile = None,
    format: options.ListFormat = "table",
) -> int:
    """List exclusions.

    Filters add up. Exit code 1: --expiring was given and some are expiring, so that CI can tell. 2: an
    exclusion file is broken; the others are listed all the same.
    """
    from fpctl.cli.shared.audit_log import glanced
    from fpctl.cli.shared.exclusion_commands import open_exclusions, show_errors
    from fpctl.exclusions.exclusion_query import ExclusionQuery, find_exclusions, parse_states
    from fpctl.exclusions.expiry import parse_days
    from fpctl.exclusions.scenarios.model import scenario as scenario_of
    from fpctl.settings import load_settings

    if scenario is not None and scenario.lower() != "none":
        scenario_of(scenario.lower())
    known, folder = open_exclusions(config, exclusions)
    criteria = ExclusionQuery(
        rules=_chosen(rule, rules, config),
        scenario=scenario,
        owner=owner,
        states=parse_states(status) if status is not None else (),
        expiring=parse_days(expiring) if expiring is not None else None,
        matches=matches,
    )
    found = find_exclusions(known.exclusions, criteria, options.parse_day(on))
    _show(found, format, with_fields=matches is not None)
    broken = show_errors(known)
    glanced(known, folder, load_settings(config), options.now())
    if format == "table":
        output.say(f"{len(found):,} of {output.counted(len(known.exclusions), 'exclusion')}")
    if broken:
        return EXIT_ERROR
    return EXIT_FINDINGS if expiring is not None and found else EXIT_OK


def _chosen(pattern: str | None, rules: Path | None, config: Path | None) -> tuple[Rule, ...] | None:
    if pattern is None:
        return None
    from fpctl.cli.shared.context import rules_folder
    from fpctl.rules.loader import load_rules

    return tuple(loaded.rule for loaded in load_rules(rules_folder(config, rules)).select([pattern]))


def _show(found: Sequence[FoundExclusion], format: str, *, with_fields: bool) -> None:
    if format == "json":
        output.show_json({"exclusions": [_document(one) for one in found]})
        return
    if format == "csv":
        documents = [_document(one) for one in found]
        output.show_csv(COLUMNS, [[_joined(document[column]) for column in COLUMNS] for document in documents])
        return
    headers = [
        "id",
        "title",
        "rules",
        "owner",
        "status",
        "expires",
        "days left",
        *(["matches in"] if with_fields else []),
    ]
    rows = []
    for one in found:
        exclusion = one.loaded.exclusion
        # What has ended has no days left; a negative number would only puzzle.
        left = one.days_left if one.state in ("active", "shadow", "not-yet-valid") else None
        row = [
            exclusion.id, exclusion.title, _short(exclusion.rules), exclusion.owner, one.state, exclusion.expires, left,
        ]  # fmt: skip
        rows.append([*row, ", ".join(one.fields)] if with_fields else row)
    output.show_table(headers, rows, right=["days left"])


def _short(rules: Sequence[str]) -> str:
    shown = ", ".join(rules[:2])
    return f"{shown} and {len(rules) - 2} more" if len(rules) > 2 else shown


def _joined(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value


def _document(one: FoundExclusion) -> dict[str, Any]:
    exclusion = one.loaded.exclusion
    return {
        "id": exclusion.id,
        "title": exclusion.title,
        "scenario": exclusion.scenario,
        "rules": list(exclusion.rules),
        "owner": exclusion.owner,
        "ticket": exclusion.ticket,
        "approved_by": exclusion.approved_by,
        "status": one.state,
        "created": exclusion.created,
        "expires": exclusion.expires,
        "days_left": one.days_left,
        "matches": list(one.fields),
        "file": one.loaded.path,
        "line": one.loaded.line,
    }
