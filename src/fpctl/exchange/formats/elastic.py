"""Elastic exception lists: NDJSON, the list first, then an item a line, then a line that counts them.

An item's entries must all hold, items are alternatives. Source of the format: the exceptions API of
Elastic Security (elastic.co/docs/api/doc/kibana, "Export an exception list"). In the values of
`wildcard` entries `\\`, `*` and `?` are escaped with a backslash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

from fpctl.errors import FpctlError, Location
from fpctl.exchange.conditions import MAX_GROUPS, Group, groups_of
from fpctl.exchange.format import ExportResult, FormatDescription, ImportContext, ImportResult, ReadDraft, inactive_loss
from fpctl.exchange.loss import Loss, in_order
from fpctl.exchange.reading import LeftOutError, is_broad, match_of, wider_notes
from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.filter_syntax import And, Comparison, Condition, Not
from fpctl.exclusions.filter_syntax.expression import Operator
from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.fields.field import NotExpressibleError

DESCRIPTION = FormatDescription(
    "an Elastic exception list (NDJSON)",
    """Import an Elastic exception list (NDJSON) as drafts, one for each item.

An item is left out if one of its entries cannot be expressed here: without it, the rest would match more.
With --rule of a rule that reads one table, entries that no field expresses become conditions on its columns.""",
)

LIST_ID = "fpctl-exclusions"
META = "fpctl"
"""The key under which an item's `meta` keeps what Elastic has no place for."""

_AFFIX: Mapping[Operator, str] = {"STARTSWITH": "{}*", "ENDSWITH": "*{}", "CONTAINS": "*{}*"}


def write(exclusions: Sequence[LoadedExclusion], today: date) -> ExportResult:
    """Write the exclusions that are active as items of one list."""
    items: list[dict[str, Any]] = []
    losses: list[Loss] = []
    written: list[str] = []
    for loaded in exclusions:
        loss = inactive_loss(loaded, today)
        if loss is None and loaded.exclusion.window is not None:
            loss = Loss("left-out", loaded.id, "it holds at certain times only, and an item always holds")
        if loss is not None:
            losses.append(loss)
            continue
        found = list(_items(loaded, losses))
        if found:
            written.append(loaded.id)
            items += found
            if loaded.exclusion.tags or loaded.exclusion.notes or loaded.exclusion.approved_by:
                losses.append(Loss("part", loaded.id, "approval, notes and tags have no place in an item"))
    if items:
        losses.insert(0, Loss("narrower", "", "Elastic compares exact values with their case, fpctl without"))
        losses.insert(0, Loss("part", "", "for which rules an item is: there a list is attached to rules by hand"))
    head = {
        "list_id": LIST_ID, "name": "fpctl exclusions", "description": "ExportResult from fpctl", "type": "detection",
        "namespace_type": "single", "tags": [], "os_types": [],
    }  # fmt: skip
    tail = {
        "exported_exception_list_count": 1, "exported_exception_list_item_count": len(items),
        "missing_exception_list_item_count": 0, "missing_exception_list_items": [],
        "missing_exception_lists": [], "missing_exception_lists_count": 0,
    }  # fmt: skip
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (head, *items, tail))
    return ExportResult(text, tuple(written), tuple(losses))


def _items(loaded: LoadedExclusion, losses: list[Loss]) -> Iterator[dict[str, Any]]:
    exclusion = loaded.exclusion
    number = 0
    for index, alternative in enumerate(exclusion.match, 1):
        where = f"alternative {index} of the match: " if len(exclusion.match) > 1 else ""
        try:
            entries = _alternative(alternative, loaded.id, where, losses)
        except NotExpressibleError as error:
            losses.append(Loss("left-out", loaded.id, f"{where}{error}"))
            continue
        for one in entries:
            number += 1
            yield _item(exclusion, one, number)


def _alternative(alternative: Alternative, id: str, where: str, losses: list[Loss]) -> list[list[dict[str, Any]]]:
    """Return the entries of the items that say an alternative."""
    groups = groups_of(alternative)
    entries = [entries for group in groups for entries in _entries(group)]
    if len(entries) <= MAX_GROUPS:
        return entries
    exact = [group for group in groups if all(comparison.operator == "==" for comparison in group)]
    if not exact:
        raise NotExpressibleError(f"it amounts to {len(entries)} items, more than {MAX_GROUPS}")
    message = "with this many values only exact matches are exported: no full names, subdomains or paths"
    losses.append(Loss("narrower", id, f"{where}{message}"))
    return [entries for group in exact for entries in _entries(group)]


def _item(exclusion: Exclusion, entries: list[dict[str, Any]], number: int) -> dict[str, Any]:
    known = {"id": exclusion.id, "rules": list(exclusion.rules), "scenario": exclusion.scenario,
             "ticket": exclusion.ticket, "owner": exclusion.owner}  # fmt: skip
    item: dict[str, Any] = {
        "item_id": exclusion.id if number == 1 else f"{exclusion.id}-{number}",
        "list_id": LIST_ID,
        "name": exclusion.title or exclusion.id,
        "description": exclusion.reason or exclusion.title or exclusion.id,
        "type": "simple",
        "namespace_type": "single",
        "entries": entries,
        "comments": [],
        "tags": [],
        "os_types": [],
        "meta": {META: {key: value for key, value in known.items() if value}},
    }
    if exclusion.expires is not None:
        item["expire_time"] = f"{exclusion.expires.isoformat()}T00:00:00.000Z"
    return item


def _entries(group: Group) -> list[list[dict[str, Any]]]:
    """Return the items' entries that say a group; a wildcard has one value, so several make several items."""
    choices: list[list[dict[str, Any]]] = []
    for comparison in group:
        if comparison.name == "user.name" and any("\\" in value for value in comparison.values):
            raise NotExpressibleError("an account with its domain is two fields there")
        if comparison.operator == "==":
            choices.append([_exact(comparison.name, comparison.values)])
        else:
            form = _AFFIX[comparison.operator]
            choices.append(
                [
                    {"field": comparison.name, "operator": "included", "type": "wildcard", "value": form.format(text)}
                    for text in map(_escaped, comparison.values)
                ]
            )
    return [list(entries) for entries in product(*choices)]


def _exact(name: str, values: Sequence[str]) -> dict[str, Any]:
    if len(values) == 1:
        return {"field": name, "operator": "included", "type": "match", "value": values[0]}
    return {"field": name, "operator": "included", "type": "match_any", "value": list(values)}


def _escaped(value: str) -> str:
    return re.sub(r"([\\*?])", r"\\\1", value)


def read(text: str, path: str, context: ImportContext) -> ImportResult:
    """Read an exported list (or a rule export with lists in it): items of one fpctl exclusion come together."""
    losses: list[Loss] = []
    groups: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    records = 0
    for line, record in _records(text, path):
        records += 1
        if "entries" not in record:
            known = "list_id" in record or "exported_exception_list_count" in record or "exported_count" in record
            if not known:
                losses.append(
                    Loss("left-out", _name(record), "the line is neither an exception list nor an item", line)
                )
            continue
        own = _own(record)
        groups.setdefault(str(own.get("id") or f"\0{line}"), []).append((line, record))
    if records == 0:
        raise FpctlError("the file is empty", Location(path), "export an exception list as NDJSON")
    drafts = [found for items in groups.values() if (found := _draft(items, context, losses)) is not None]
    return ImportResult(tuple(drafts), in_order(losses))


def _records(text: str, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, source in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if not source.strip():
            continue
        try:
            record = json.loads(source)
        except (ValueError, RecursionError) as error:
            said = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
            hint = "an exception list is NDJSON: a JSON object a line"
            raise FpctlError(f"not JSON: {said[:1].lower()}{said[1:]}", Location(path, line), hint) from error
        if not isinstance(record, dict):
            raise FpctlError(
                "the line is not a JSON object", Location(path, line), "an exception list is an object a line"
            )
        yield line, record


def _own(record: Mapping[str, Any]) -> dict[str, Any]:
    meta = record.get("meta")
    own = meta.get(META) if isinstance(meta, dict) else None
    return own if isinstance(own, dict) else {}


def _name(record: Mapping[str, Any]) -> str:
    return next((one for key in ("name", "item_id") if isinstance(one := record.get(key), str) and one.strip()), "")


def _draft(items: Sequence[tuple[int, dict[str, Any]]], context: ImportContext, losses: list[Loss]) -> ReadDraft | None:
    line, first = items[0]
    about, own = _name(first), _own(first)
    conditions: list[Condition] = []
    for at, item in items:
        try:
            conditions.append(_condition(item))
        except LeftOutError as error:
            losses.append(Loss("left-out", _name(item), str(error), at))
    if not conditions:
        return None
    said = own.get("rules")
    rules = context.rules or tuple(one for one in (said if isinstance(said, list) else ()) if isinstance(one, str))
    try:
        match, notes = match_of(conditions, context)
        if not rules:
            raise LeftOutError("an item does not say for which rules it is; give --rule")
        expires = _expires(first.get("expire_time"), about, line, losses)
    except LeftOutError as error:
        losses.append(Loss("left-out", about, str(error), line))
        return None
    losses += wider_notes([note for note in notes if not own], about, line)
    for key, what in (("tags", "tags"), ("os_types", "operating systems")):
        if first.get(key):
            losses.append(Loss("part", about, f"its {what}: {_listed(first[key])}", line))
    comments = [str(c.get("comment", "")) for c in first.get("comments") or () if isinstance(c, dict)]
    return ReadDraft(
        DraftExclusion(
            rules=rules,
            match=match,
            id=_text(own.get("id")) or "",
            title=about,
            scenario=_text(own.get("scenario")),
            reason=_text(first.get("description")),
            ticket=_text(own.get("ticket")),
            owner=_text(own.get("owner")) or context.owner,
            created=context.today,
            expires=expires,
            status="draft",
            broad=is_broad(match),
            notes="\n".join(comment for comment in comments if comment.strip()) or None,
        ),
        line,
    )


def _text(value: object) -> str | None:
    return " ".join(value.split()) if isinstance(value, str) and value.strip() else None


def _listed(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _expires(value: object, about: str, line: int, losses: list[Loss]) -> date | None:
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise LeftOutError(f"its end `{value}` is not a valid time") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment.time() != datetime.min.time():
        losses.append(Loss("narrower", about, f"it ends at {moment:%H:%M} on {moment.date()}, here at 00:00 UTC", line))
    return moment.date()


def _condition(item: Mapping[str, Any]) -> Condition:
    """Return what an item says; every entry must be understood, since without it the item would match more."""
    entries = item.get("entries")
    if not isinstance(entries, list) or not entries:
        raise LeftOutError("the item has no entries")
    return And(tuple(_entry(entry) for entry in entries))


def _entry(entry: object) -> Condition:
    if not isinstance(entry, dict):
        raise LeftOutError("an entry is not an object")
    kind, name, operator = entry.get("type"), entry.get("field"), entry.get("operator", "included")
    if not isinstance(name, str) or not name:
        raise LeftOutError("an entry names no field")
    if operator not in ("included", "excluded"):
        raise LeftOutError(f"the operator `{operator}` of {name} is not known")
    value = entry.get("value")
    if kind == "match" and isinstance(value, (str, int)) and not isinstance(value, bool):
        found: Condition = _comparison(name, "==", [str(value)])
    elif kind == "match_any" and isinstance(value, list) and value and all(isinstance(v, (str, int)) for v in value):
        found = _comparison(name, "==", [str(one) for one in value])
    elif kind == "wildcard" and isinstance(value, str):
        found = _wildcard(name, value)
    else:
        reasons = {
            "exists": f"that {name} exists says nothing about which events are benign",
            "list": f"the values of {name} are in a value list, which is not in the file: import them as a list",
            "nested": f"{name} is a nested field, which no table of ours has",
        }
        raise LeftOutError(reasons.get(str(kind), f"the entry of {name} (type `{kind}`) is not one that is understood"))
    return Not(found, 0) if operator == "excluded" else found


def _comparison(name: str, operator: Operator, values: Iterable[str]) -> Comparison:
    plain, given = name.removesuffix(".text").removesuffix(".caseless"), tuple(values)
    if starred := next((value for value in given if "*" in value), None):
        raise LeftOutError(f"the `*` in `{starred}` of {name} stands for itself, which no match can say")
    return Comparison(plain, operator, given, 0, 0)


def _wildcard(name: str, value: str) -> Comparison:
    """Return a wildcard as a comparison; `*` is allowed at its ends."""
    parts = re.findall(r"\\[\\*?]|.", value, re.DOTALL)
    if "?" in parts:
        raise LeftOutError(f"`?` in the pattern `{value}` of {name} stands for one character, which no match can say")
    begins, ends = parts[:1] == ["*"], parts[-1:] == ["*"]
    inner = parts[begins : len(parts) - ends if len(parts) > 1 else len(parts)]
    if "*" in inner or not inner:
        raise LeftOutError(f"`*` is inside the pattern `{value}` of {name}")
    text = "".join(part[1:] if len(part) == 2 else part for part in inner)
    operator: Operator = "CONTAINS" if begins and ends else "ENDSWITH" if begins else "STARTSWITH" if ends else "=="
    return _comparison(name, operator, [text])
