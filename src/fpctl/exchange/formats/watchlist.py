"""Microsoft Sentinel watchlists: a row for each value, `SearchKey` the value that a query compares.

A query reads a watchlist by its one search key, so a row can stand only for an exclusion that names a
single field; one of several fields would suppress more there than here. Source of the file's limit:
learn.microsoft.com/azure/sentinel/watchlists (content up to 3.8 MB in one request).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from fpctl.errors import FpctlError, Location
from fpctl.exchange.csv_text import CsvTable, read_table, write_table
from fpctl.exchange.format import ExportResult, FormatDescription, ImportContext, ImportResult, ReadDraft, inactive_loss
from fpctl.exchange.loss import Loss, in_order
from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.fields.registry import FIELDS, SYNONYMS
from fpctl.schema.families import is_narrow

DESCRIPTION = FormatDescription(
    "a Microsoft Sentinel watchlist (CSV), a row for each value",
    """Import a Microsoft Sentinel watchlist as drafts.

The watchlist is one that fpctl export made, one of Sentinel's templates, or any other with --column.
All rows that name the same fields become one exclusion.""",
    columns=True,
)

HEADER = ("SearchKey", "Field", "ExclusionId", "Title", "Rules", "Reason", "Ticket", "Owner", "Expires")
LIMIT = 3_800_000
"""Bytes that can be uploaded as a file."""

_TEMPLATES = {heading: name for name, field in FIELDS.items() for heading in field.watchlist}
"""Columns of Sentinel's own watchlist templates that hold a field."""


def write(exclusions: Sequence[LoadedExclusion], today: date) -> ExportResult:
    """Write the exclusions that are active and name one field only."""
    rows: list[list[str]] = []
    losses: list[Loss] = []
    written: list[str] = []
    for loaded in exclusions:
        loss = inactive_loss(loaded, today) or _unsayable(loaded)
        if loss is not None:
            losses.append(loss)
            continue
        exclusion = loaded.exclusion
        about = [
            exclusion.title, ";".join(exclusion.rules), exclusion.reason or "", exclusion.ticket or "",
            exclusion.owner or "", exclusion.expires.isoformat() if exclusion.expires else "",
        ]  # fmt: skip
        before = len(rows)
        for number, alternative in enumerate(exclusion.match, 1):
            given = alternative.fields()
            where = f"alternative {number} of the match " if len(exclusion.match) > 1 else "the match "
            if len(given) != 1 or alternative.where is not None:
                names = ", ".join([*given, *(["where"] if alternative.where is not None else [])])
                losses.append(Loss("left-out", loaded.id, f"{where}needs {names} together, and a row is one value"))
                continue
            ((field, values),) = given.items()
            for value in values:
                if "*" in value:
                    losses.append(
                        Loss("left-out", loaded.id, f"{where}has the pattern `{value}`, and a row is a value")
                    )
                    continue
                rows.append([value, field, loaded.id, *about])
            if note := FIELDS[field].watchlist_note(values):
                losses.append(Loss("narrower", loaded.id, note))
        if len(rows) > before:
            written.append(loaded.id)
            if exclusion.tags or exclusion.notes or exclusion.scenario or exclusion.approved_by:
                losses.append(Loss("part", loaded.id, "scenario, approval, notes and tags have no column"))
    text = write_table(HEADER, rows)
    if len(text.encode("utf-8")) > LIMIT:
        losses.append(Loss("part", "", f"the file is larger than the {LIMIT:,} bytes that can be uploaded at once"))
    return ExportResult(text, tuple(written), in_order(losses))


def _unsayable(loaded: LoadedExclusion) -> Loss | None:
    if loaded.exclusion.window is not None:
        return Loss("left-out", loaded.id, "it holds at certain times only, and a row always holds")
    return None


def read(text: str, path: str, context: ImportContext) -> ImportResult:
    """Read a watchlist: one that `write` made, or any other whose columns can be recognised.

    Of the latter, all rows that name the same fields make one exclusion.
    """
    table = read_table(text, path)
    names = [name.casefold() for name in table.header]
    losses: list[Loss] = []
    if "searchkey" in names and "field" in names:
        drafts = _own(table, context, losses)
    else:
        drafts = _foreign(table, path, context, losses)
    return ImportResult(tuple(drafts), in_order(losses))


def _own(table: CsvTable, context: ImportContext, losses: list[Loss]) -> list[ReadDraft]:
    columns = {name.casefold(): index for index, name in enumerate(table.header)}

    def cell(cells: Sequence[str], name: str) -> str:
        index = columns.get(name.casefold())
        return cells[index].strip() if index is not None else ""

    values: dict[str, dict[str, list[str]]] = {}
    first: dict[str, tuple[int, tuple[str, ...]]] = {}
    for line, cells in table.rows:
        key, field, id = cell(cells, "SearchKey"), cell(cells, "Field").lower(), cell(cells, "ExclusionId")
        if field not in FIELDS:
            losses.append(Loss("left-out", id, f"`{field}` is not a field of a match: {key}", line))
        elif not key:
            losses.append(Loss("left-out", id, "the row has no value", line))
        else:
            found = values.setdefault(id, {}).setdefault(field, [])
            if key not in found:
                found.append(key)
            first.setdefault(id, (line, cells))
    drafts: list[ReadDraft] = []
    for id, fields in values.items():
        line, cells = first[id]
        rules = context.rules or tuple(part.strip() for part in cell(cells, "Rules").split(";") if part.strip())
        if not rules:
            losses.append(Loss("left-out", id, "the row names no rule; give --rule", line))
            continue
        expires = cell(cells, "Expires")
        try:
            until = date.fromisoformat(expires[:10]) if expires else None
        except ValueError:
            losses.append(Loss("left-out", id, f"`{expires}` is not a date: write 2027-05-24", line))
            continue
        match = tuple({field: tuple(found)} for field, found in fields.items())
        drafts.append(
            ReadDraft(
                DraftExclusion(
                    rules=rules,
                    match=match,
                    id=id,
                    title=cell(cells, "Title"),
                    reason=cell(cells, "Reason") or None,
                    ticket=cell(cells, "Ticket") or None,
                    owner=cell(cells, "Owner") or context.owner,
                    created=context.today,
                    expires=until,
                    status="draft",
                    broad=not all(is_narrow(one) for one in match),
                ),
                line,
            )
        )
    return drafts


def _foreign(table: CsvTable, path: str, context: ImportContext, losses: list[Loss]) -> list[ReadDraft]:
    meaning = [_meaning(name, context) for name in table.header]
    if not any(meaning):
        hint = 'say which column holds what: --column "Server name=device"'
        raise FpctlError("no column of the watchlist can be recognised as a field", Location(path, 1), hint)
    if not context.rules:
        raise FpctlError("a watchlist does not say for which rules it is", Location(path), "name them with --rule")
    for name, field in zip(table.header, meaning, strict=True):
        if field is None and name:
            losses.append(Loss("part", "", f"the column `{name}` is not one of ours", 1))
    combinations: dict[tuple[str, ...], tuple[int, list[dict[str, tuple[str, ...]]]]] = {}
    for line, cells in table.rows:
        found: dict[str, tuple[str, ...]] = {}
        for field, cell in zip(meaning, cells, strict=True):
            if field is not None and cell.strip():
                found[field] = (*found.get(field, ()), cell.strip())
        if not found:
            losses.append(Loss("left-out", "", "the row has no value in a column that is a field", line))
            continue
        combinations.setdefault(tuple(sorted(found)), (line, []))[1].append(found)
    from fpctl.exchange.reading import is_broad, merged

    drafts: list[ReadDraft] = []
    name = re.split(r"[\\/]", path)[-1]
    for fields, (line, rows) in combinations.items():
        match = tuple(merged(rows))
        title = f"{', '.join(fields)} of the watchlist {name}"
        drafts.append(
            ReadDraft(
                DraftExclusion(
                    rules=context.rules,
                    match=match,
                    title=title,
                    owner=context.owner,
                    created=context.today,
                    status="draft",
                    broad=is_broad(match),
                ),
                line,
            )
        )
    return drafts


def _meaning(heading: str, context: ImportContext) -> str | None:
    if heading in context.columns:
        return context.columns[heading]
    word = heading.strip().lower()
    if word in _TEMPLATES:
        return _TEMPLATES[word]
    squeezed = re.sub(r"[\s_-]+", "", word)
    field = re.sub(r"[\s-]+", "_", word)
    found = field if field in FIELDS else SYNONYMS.get(squeezed) or SYNONYMS.get(field)
    return found if found in FIELDS else None
