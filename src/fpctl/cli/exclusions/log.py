"""`fpctl log`: the audit trail of the exclusions, and of the rules that went into a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from datetime import datetime

    from fpctl.history.anchor import Anchor
    from fpctl.history.entry import DeployedRule, TrailEntry
    from fpctl.history.history import History

VERIFY = "verify"
SHOWN_CHANGES = 2
"""How many fields of an entry are shown in the table; JSON has all of them."""

_LONG = ("approval", "notes")
"""Fields that say in many words what the others say."""

CSV_HEADERS = (
    "number", "at", "who", "action", "outside", "exclusion", "changes", "reason", "before", "after", "hash", "rule",
    "guid", "workspace", "deployment",
)  # fmt: skip
HEADERS = ("no", "when (UTC)", "who", "what", "about", "change")


def command(
    files: options.ExclusionHistoryFiles,
    id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID|verify",
            help="Only this exclusion or deployed rule (path, name, GUID), or verify to check the chain.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="Only entries since this time: 30d, 12h, 2026-11-01, or a timestamp."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, max=1_000_000_000, help="Only the newest N entries.")
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect", metavar="NUMBER:HASH", help="With verify: number and hash of an entry, as noted elsewhere."
        ),
    ] = None,
    format: options.ListFormat = "table",
) -> int:
    """Show the audit trail, newest first: who changed which exclusion or deployed which rule, when, and what.

    Changes made without fpctl (in an editor, by a git merge) are noticed by the next command that reads the
    exclusions and recorded as made outside, with the commit's author if git knows one.

    fpctl log verify checks that no entry was edited, removed or inserted, and lists those that were. It prints the
    number and hash of the last entry. Keep them in another place: --expect NUMBER:HASH detects a trail that was
    rewritten or replaced as a whole. Without --expect, the newest commit with a trailer `Fpctl-Trail:
    NUMBER:HASH@TRAIL` provides the expected entry. Exit code 1: an entry is not what it was. 2: the history or an
    exclusion file could not be read.
    """
    from fpctl.history.history import History
    from fpctl.history.store import is_there

    if expect is not None and id != VERIFY:
        raise typer.BadParameter("--expect goes with verify: fpctl log verify --expect NUMBER:HASH")
    context = AppContext(files, "optional")
    start = options.parse_moment(since, context.now, "--since") if since is not None else None
    place = context.history_place
    if id == VERIFY:
        noted = _noted(expect)
        with History.open(place, create=False) as opened:
            return _verify(opened, noted, context.root, format)
    if not is_there(place) and not context.exclusions_path.exists():
        hint = "the first fpctl add or fpctl run starts it; --history and --exclusions say where to look"
        message = f"there is no audit trail yet: neither {place} nor a folder {context.exclusions_path} exists"
        raise FpctlError(message, None, hint)
    with History.open(place) as opened:
        if context.exclusions_path.exists():
            context.audit_log.notice(opened)
        entries = _entries(opened, id, start, limit)
    errors = [problem for problem in context.exclusions.problems if problem.severity == "error"]
    output.show_problems(errors)
    if format == "json":
        output.show_json({"entries": [entry.to_dict() for entry in entries]}, errors)
    elif format == "csv":
        output.show_csv(CSV_HEADERS, [[*_csv(entry)] for entry in entries])
    elif entries:
        output.show_table(HEADERS, [_line(entry) for entry in entries], right=["no"])
    else:
        output.say("No entry.")
    return EXIT_ERROR if errors else EXIT_OK


def _entries(history: History, id: str | None, since: datetime | None, limit: int | None) -> list[TrailEntry]:
    """Return the entries asked for, the newest first.

    Raises:
        FpctlError: neither an exclusion nor a rule of that name has an entry.
    """
    if id is None or id in (known := history.trail.exclusions()):
        return history.trail.entries(exclusion=id, since=since, limit=limit)
    of_rules = [(entry, entry.rule) for entry in history.trail.entries(exclusion="") if entry.rule is not None]
    wanted = [entry for entry, rule in of_rules if id.casefold() in _names(rule)]
    if not wanted:
        from fpctl.spelling import did_you_mean

        known += sorted({name for _, rule in of_rules for name in (rule.path, rule.name)})
        what = "no exclusion and no deployed rule" if of_rules else "no exclusion"
        hint = did_you_mean(id, known, what="name" if of_rules else "exclusion")
        raise FpctlError(f"the audit trail has {what} `{id}`", None, hint)
    return [entry for entry in wanted if since is None or entry.at >= since][:limit]


def _names(rule: DeployedRule) -> tuple[str, str, str]:
    return rule.path.casefold(), rule.name.casefold(), rule.guid.casefold()


def _noted(text: str | None) -> Anchor | None:
    from fpctl.history.anchor import parse_anchor

    if text is None:
        return None
    try:
        return parse_anchor(text)
    except FpctlError as error:
        raise typer.BadParameter(f"{error.message}: {error.hint}") from error


def _verify(history: History, given: Anchor | None, root: Path, format: str) -> int:
    from fpctl.history.anchor import NotedAnchor, committed_anchor

    noted = NotedAnchor(given, "--expect") if given is not None else committed_anchor(root)
    verdict = history.trail.verify(noted.anchor if noted is not None else None)
    found = verdict.findings
    head = history.trail.head() if not found else None
    if format == "json":
        output.show_json(
            {
                "entries": verdict.entries,
                "head": verdict.head,
                "anchor": str(head) if head is not None else None,
                "expected": {"anchor": str(noted.anchor), "source": noted.source} if noted is not None else None,
                "findings": [
                    {"kind": f.kind, "entry": f.number, "exclusion": f.exclusion, "message": f.message} for f in found
                ],
            }
        )
    elif format == "csv":
        output.show_csv(
            ("kind", "entry", "exclusion", "message"), [[f.kind, f.number, f.exclusion, f.message] for f in found]
        )
    else:
        for finding in found:
            output.write(f"{finding.message}\n")
        if not found:
            last = f", the last is {head}" if head is not None else ""
            count = f"{verdict.entries:,} {'entry' if verdict.entries == 1 else 'entries'}"
            output.write(f"{count}, all unchanged{last}\n")
            if noted is not None:
                output.write(f"entry {noted.anchor.number} matches the one noted ({noted.source})\n")
    if found:
        output.say(f"{output.counted(len(found), 'finding')}: the audit trail is not what fpctl wrote")
    return EXIT_FINDINGS if found else EXIT_OK


def _line(entry: TrailEntry) -> tuple[object, ...]:
    what = f"{entry.action} outside" if entry.outside else entry.action
    return (
        entry.number,
        entry.at,
        output.visible(entry.who),
        what,
        output.visible(entry.rule.path) if entry.rule is not None else entry.exclusion,
        output.visible(_told(entry)),
    )


def _told(entry: TrailEntry) -> str:
    """Return the change in a line: of an exclusion that comes or goes its title, else the first fields; and why."""
    if entry.rule is not None:
        told = [change.text() for change in entry.changes]
        if entry.before != entry.after:
            told.append(f"query: {_short(entry.before)} -> {_short(entry.after)}")
        shown = "; ".join(told)
    elif entry.before is None or entry.after is None:
        shown = next((str(c.after or c.before) for c in entry.changes if c.field == "title"), "")
    else:
        told = [change.text() for change in entry.changes if not change.field.startswith(_LONG)]
        more = [f"and {len(told) - SHOWN_CHANGES} more"] if len(told) > SHOWN_CHANGES else []
        shown = "; ".join([*told[:SHOWN_CHANGES], *more])
    return f"{shown} ({entry.reason})".strip() if entry.reason else shown


def _short(hash: str | None) -> str:
    return hash[:12] if hash is not None else "none"


def _csv(entry: TrailEntry) -> tuple[object, ...]:
    rule = entry.rule
    of_rule = (rule.path, rule.guid, rule.workspace, rule.deployment) if rule is not None else ("",) * 4
    return (
        entry.number, entry.at, entry.who, entry.action, "yes" if entry.outside else "no", entry.exclusion,
        "; ".join(change.text(1000) for change in entry.changes), entry.reason, entry.before, entry.after, entry.hash,
        *of_rule,
    )  # fmt: skip
