"""A plain table: a row for each alternative of each exclusion; rows with one id are alternatives of one.

Several values of a cell are on lines of their own; of fields whose values never hold a `;` that
separates them too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from fpctl.documents.yaml_text import Value
from fpctl.errors import FpctlError, Location
from fpctl.exchange.csv_text import read_table, write_table
from fpctl.exchange.format import ExportResult, FormatDescription, ImportContext, ImportResult, ReadDraft
from fpctl.exchange.loss import Loss, in_order
from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.window import DAYS, Window
from fpctl.fields.registry import FIELDS, NAMES, SYNONYMS, having
from fpctl.schema.families import is_narrow

DESCRIPTION = FormatDescription(
    "a table with a row for each alternative of each exclusion",
    """Import exclusions from a table, as drafts.

The table is one that fpctl export made, or any whose columns are named after fields; several values of
a cell are on lines of their own. Rows with one id are the alternatives of one exclusion.""",
    columns=True,
)

MATCH = (*NAMES, "where")
WINDOW = ("weekly", "intervals", "timezone")
HEADER = (
    "id", "title", "scenario", "rules", *MATCH, *WINDOW, "reason", "ticket", "owner", "created", "expires",
    "approved_by", "status", "broad", "placement", "notes", "tags",
)  # fmt: skip
"""The columns that are written; a file that is read may have any of them in any order."""

_SEMICOLON = frozenset((*having(lambda field: field.semicolon), "tags"))
_WORDS = {"name": "title", "rule": "rules", "comment": "notes", "expiry": "expires", "until": "expires", "tag": "tags"}


def write(exclusions: Sequence[LoadedExclusion], today: date) -> ExportResult:
    """Write exclusions, whatever their state. Lists are written out as their values."""
    rows: list[list[str]] = []
    losses: list[Loss] = []
    for loaded in exclusions:
        whole = _whole(loaded.exclusion)
        if loaded.lists:
            names = ", ".join(loaded.lists)
            losses.append(
                Loss("part", loaded.id, f"the values of {names} are written out: the link to the list is lost")
            )
        if loaded.exclusion.approval is not None:
            losses.append(Loss("part", loaded.id, "`approval` (the rules as the approver saw them) has no column"))
        for alternative in loaded.exclusion.match:
            cells = {**whole, **_match(alternative)}
            rows.append([cells.get(name, "") for name in HEADER])
    return ExportResult(write_table(HEADER, rows), tuple(loaded.id for loaded in exclusions), tuple(losses))


def _whole(exclusion: Exclusion) -> dict[str, str]:
    data = exclusion.model_dump(mode="json", exclude_defaults=True)
    names = [name for name in HEADER if name in data and name not in (*MATCH, *WINDOW)]
    cells = {name: _cell(data[name]) for name in names}
    if exclusion.window is not None:
        cells |= _window(exclusion.window)
    return {**cells, "status": exclusion.status}


def _window(window: Window) -> dict[str, str]:
    """Return a window as it is authored."""
    weekly = [
        f"{','.join(DAYS[day] for day in hours.days)} {_clock(hours.start)}-{_clock(hours.end)}"
        for hours in window.weekly
    ]
    intervals = [f"{one.start:%Y-%m-%d %H:%M}/{one.end:%Y-%m-%d %H:%M}" for one in window.intervals]
    return {"weekly": _cell(weekly), "intervals": _cell(intervals), "timezone": window.timezone}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _match(alternative: Alternative) -> dict[str, str]:
    cells = {field: _cell(values) for field, values in alternative.fields().items()}
    return {**cells, "where": alternative.where} if alternative.where is not None else cells


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "\n".join(str(item) for item in value)
    return "yes" if value is True else "no" if value is False else str(value)


def read(text: str, path: str, context: ImportContext) -> ImportResult:
    """Read a table: drafts, whatever status the file gives them."""
    table = read_table(text, path)
    losses: list[Loss] = []
    meaning = {index: _meaning(name, context) for index, name in enumerate(table.header)}
    if not any(name in MATCH for name in meaning.values()):
        hint = f'name columns after fields ({", ".join(MATCH)}), or say --column "Server name=device"'
        raise FpctlError("no column of the file is a field of a match", Location(path, 1), hint)
    groups: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, (line, cells) in enumerate(table.rows):
        known: dict[str, str] = {}
        for index, cell in enumerate(cells):
            name = meaning[index]
            if not cell.strip():
                continue
            if name is None:
                heading = table.header[index] or f"column {index + 1}"
                losses.append(Loss("part", "", f"the column `{heading}` is not one of ours: {_shown(cell)}", line))
            elif name in known:
                losses.append(Loss("left-out", "", f"two columns of the row are both `{name}`", line))
                break
            else:
                known[name] = cell
        else:
            # Rows without an id stand for themselves.
            groups.setdefault(known.get("id", "").strip() or f"\0{number}", []).append((line, known))
    drafts = [found for rows in groups.values() if (found := _draft(rows, context, losses)) is not None]
    return ImportResult(tuple(drafts), in_order(losses))


def _meaning(heading: str, context: ImportContext) -> str | None:
    if heading in context.columns:
        return context.columns[heading]
    word = re.sub(r"[\s-]+", "_", heading.strip().lower())
    if word in HEADER:
        return word
    return SYNONYMS.get(word.replace("_", "")) or SYNONYMS.get(word) or _WORDS.get(word)


def _shown(cell: str) -> str:
    text = " ".join(cell.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _draft(
    rows: Sequence[tuple[int, Mapping[str, str]]], context: ImportContext, losses: list[Loss]
) -> ReadDraft | None:
    line, first = rows[0]
    about = first.get("id", "").strip()
    match: list[dict[str, tuple[str, ...]]] = []
    for at, row in rows:
        alternative = {name: values for name in MATCH if name in row and (values := _values(name, row[name]))}
        if not alternative:
            losses.append(Loss("left-out", about, "the row names no field of a match; it would match everything", at))
            return None
        if alternative not in match:
            match.append(alternative)
        for name in HEADER:
            if name not in (*MATCH, "id") and row.get(name, first.get(name, "")) != first.get(name, ""):
                message = f"`{name}` is not that of the exclusion's first row (line {line}), which counts"
                losses.append(Loss("part", about, message, at))
    rules = context.rules or _values("rules", first.get("rules", ""))
    if not rules:
        losses.append(Loss("left-out", about, "the row names no rule; give --rule", line))
        return None
    window: dict[str, Value] = {
        name: list(_values(name, first[name])) for name in ("weekly", "intervals") if first.get(name)
    }
    if window and first.get("timezone"):
        window["timezone"] = first["timezone"].strip()
    try:
        draft = DraftExclusion(
            rules=rules,
            match=tuple(match),
            id=about,
            title=_line(first.get("title")) or "",
            scenario=_line(first.get("scenario")),
            window=window or None,
            reason=_line(first.get("reason")),
            ticket=_line(first.get("ticket")),
            owner=_line(first.get("owner")) or context.owner,
            created=_day(first.get("created")) or context.today,
            expires=_day(first.get("expires")),
            status="draft",
            broad=not all(is_narrow(one) for one in match),
            placement=_line(first.get("placement")),
            notes=first.get("notes"),
            tags=_values("tags", first.get("tags", "")),
        )
    except FpctlError as error:
        losses.append(Loss("left-out", about, error.message, line))
        return None
    if first.get("approved_by"):
        who = _line(first["approved_by"])
        losses.append(Loss("part", about, f"approved by {who}: an import is a draft, to be approved here", line))
    if first.get("status", "draft").strip() not in ("draft", "active"):
        losses.append(Loss("part", about, f"its status is {first['status'].strip()}: an import is a draft", line))
    return ReadDraft(draft, line)


def _line(cell: str | None) -> str | None:
    return " ".join(cell.split()) if cell is not None and cell.strip() else None


def _values(name: str, cell: str) -> tuple[str, ...]:
    parts = re.split(r"[\r\n]+", cell) if name != "where" else [cell.strip()]
    if name in _SEMICOLON:
        parts = [piece for part in parts for piece in part.split(";")]
    # Blanks around belong to a command line, which is compared as it is.
    kept = [part if name in FIELDS and FIELDS[name].is_free_text() else part.strip() for part in parts]
    return tuple(dict.fromkeys(part for part in kept if part.strip()))


def _day(cell: str | None) -> date | None:
    if cell is None or not cell.strip():
        return None
    try:
        return date.fromisoformat(cell.strip()[:10])
    except ValueError as error:
        raise FpctlError(f"`{_shown(cell)}` is not a date: write 2027-05-24") from error
