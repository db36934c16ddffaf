"""`fpctl list`: which exclusions there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, Problem

if TYPE_CHECKING:
    from fpctl.exclusions.exclusion_query import ExclusionQuery, FoundExclusion

COLUMNS = ("id", "title", "scenario", "rules", "owner", "status", "expires", "days_left", "file")


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which exclusions are listed; filters are combined with AND."""

    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            autocompletion=completion.rule_names,
            help="Only exclusions that apply to one of these rules: id, name, path or glob.",
        ),
    ] = None
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="ID",
            autocompletion=completion.scenario_ids,
            help="Only exclusions of this scenario, or none.",
        ),
    ] = None
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="TEXT", help="Only exclusions whose owner contains this text, or none."),
    ] = None
    status: Annotated[
        str | None,
        typer.Option(
            "--status",
            metavar="WORD",
            autocompletion=completion.states,
            help="active, shadow, not-yet-valid, draft, expired or retired; separate several with commas.",
        ),
    ] = None
    expiring: Annotated[
        str | None,
        typer.Option(
            "--expiring",
            metavar="30d",
            help="Only active exclusions that expire within this time; exit code 1 if there are any.",
        ),
    ] = None
    matches: Annotated[
        str | None,
        typer.Option(
            "--matches", metavar="VALUE", help="Only exclusions that match this device, URL, hash, program ..."
        ),
    ] = None

    def criteria(self, context: AppContext) -> ExclusionQuery:
        """Return the filters. Raises FpctlError where one names something that does not exist."""
        from fpctl.exclusions.exclusion_query import ExclusionQuery, parse_states
        from fpctl.exclusions.expiry import parse_days
        from fpctl.exclusions.scenarios.model import scenario as scenario_of

        if self.scenario is not None and self.scenario.lower() != "none":
            scenario_of(self.scenario.lower())
        chosen = context.rules.select(self.rule) if self.rule else None
        return ExclusionQuery(
            rules=tuple(loaded.rule for loaded in chosen) if chosen is not None else None,
            scenario=self.scenario,
            owner=self.owner,
            states=parse_states(self.status) if self.status is not None else (),
            expiring=parse_days(self.expiring) if self.expiring is not None else None,
            matches=self.matches,
        )


def command(
    files: options.RepositoryFiles,
    filters: FilterOptions,
    on: options.On = None,
    format: options.ListFormat = "table",
) -> int:
    """List exclusions.

    Filters are combined with AND. Exit code 1: --expiring was given and exclusions are expiring. 2: an exclusion
    file is invalid; the others are listed anyway.
    """
    from fpctl.exclusions.exclusion_query import find_exclusions

    context = AppContext(files)
    criteria = filters.criteria(context)
    known = context.exclusions
    found = find_exclusions(known.exclusions, criteria, options.parse_day(on), context.settings.enforced)
    errors = [problem for problem in known.problems if problem.severity == "error"]
    _show(found, format, errors, with_fields=filters.matches is not None)
    output.show_problems(errors)
    context.audit_log.glance()
    if format == "table":
        output.say(f"{len(found):,} of {output.counted(len(known.exclusions), 'exclusion')}")
    if errors:
        return EXIT_ERROR
    return EXIT_FINDINGS if filters.expiring is not None and found else EXIT_OK


def _show(found: Sequence[FoundExclusion], format: str, errors: Sequence[Problem], *, with_fields: bool) -> None:
    if format == "json":
        output.show_json({"exclusions": [_document(one) for one in found]}, errors)
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
