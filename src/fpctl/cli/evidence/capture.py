"""`fpctl capture`: keep the events of an attack as a test that must fire."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import options, output, terminal
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.rules.formats.registry import LoadedRule
    from fpctl.tuning.capture import Captured


@dataclass(frozen=True, slots=True)
class CaptureRange:
    """The range of events that are looked through."""

    since: Annotated[str | None, typer.Option("--since", metavar="5d|TIME", help="Only events since this time.")] = None
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="End of the time range; also the value of now() in the rule."),
    ] = None


@dataclass(frozen=True, slots=True)
class TestOptions:
    """The test that is made."""

    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="Name of the attack.")] = "captured attack"
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="File to write.", show_default="RULE.NAME.tests.yaml beside the rule"
        ),
    ] = None
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="Maximum number of events per table.")
    ] = 50
    yes: options.Yes = False

    def path(self, loaded: LoadedRule) -> Path:
        """Return the file to write. Raises FpctlError where it exists."""
        from fpctl.tuning.capture import fixture_path

        path = self.out or fixture_path(loaded, self.name)
        if path.exists() or path.is_symlink():
            another = "--name" if self.out is None else "--out"
            raise FpctlError(f"{path} already exists", None, f"give another {another}, or remove the file")
        return path


def command(
    rule: options.OneRule,
    where: Annotated[
        str,
        typer.Option(
            "--where", metavar="KQL", help="Condition that selects the events, on columns of the rule's tables."
        ),
    ],
    test: TestOptions,
    span: CaptureRange,
    engine: options.EngineOptions,
    files: options.RuleFiles,
    format: options.TextFormat = "text",
) -> int:
    """Save the events of an attack as a test that must fire.

    Reads events from the rule's tables that pass the rule's own first conditions. Secrets in command lines, URLs
    and similar columns are replaced by <removed> (docs/tuning.md lists which). If the rule does not fire on the
    result, nothing is written. Review the file before you commit it: names of people and hosts are kept.
    """
    from fpctl.exclusions.raw_condition import check_condition
    from fpctl.files import write_text
    from fpctl.tuning.capture import capture, fixture_text

    fault = check_condition(where)
    if fault is not None:
        raise FpctlError(f"--where: {fault.message}", None, fault.hint)
    context = AppContext(files, "none")
    given = options.RangeOptions(since=span.since, to=span.to)
    now = given.now(context.now.replace(microsecond=0))
    timespan = given.timespan(now)
    loaded = context.one_rule(rule)
    path = test.path(loaded)
    with context.engine(engine, now) as opened:
        planner = context.planner(now.date())
        found = capture(loaded, where, planner, opened, now, name=test.name, timespan=timespan, limit=test.limit)
    text = fixture_text(found, loaded, now)
    if format == "text":
        output.write(output.visible_lines(text))
    _report(found, test.limit)
    agreed = terminal.agreed(test.yes, f"write {path}", "Write it?")
    if agreed:
        write_text(path, text)
        output.say(f"written to {path}")
    if format == "json":
        output.show_json({"rule": loaded.rule.id, "file": str(path), "written": agreed, **_document(found)})
    return EXIT_OK if agreed else EXIT_ERROR


def _document(found: Captured) -> dict[str, Any]:
    return {
        "events": {table: len(rows) for table, rows in found.case.rows.items()},
        "removed": dict(found.removed),
        "truncated": list(found.truncated),
    }


def _report(found: Captured, limit: int) -> None:
    counts = ", ".join(f"{output.counted(len(rows), 'event')} of {table}" for table, rows in found.case.rows.items())
    output.say(f"{counts}; the rule fires on them")
    for table in found.truncated:
        output.say(f"more events of {table} meet the condition; the first {limit:,} are kept")
    if found.removed:
        kinds = ", ".join(f"{kind} ({count:,})" for kind, count in found.removed.items())
        output.say(f"secrets removed: {kinds}")
