"""Sigma filters to drafts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from fpctl.documents.yaml_node import Node, plain_data, read_documents
from fpctl.errors import FpctlError, Location
from fpctl.exchange.format import ImportContext, ImportResult, ReadDraft
from fpctl.exchange.formats.sigma.condition import Selections, parse_condition
from fpctl.exchange.formats.sigma.names import FILE_NAMES, NAMES
from fpctl.exchange.loss import Loss, in_order
from fpctl.exchange.reading import LeftOutError, is_broad, match_of, wider_notes
from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.filter_syntax import And, Comparison, Condition, Not, Or
from fpctl.exclusions.filter_syntax.expression import Operator

_OPERATORS: Mapping[str, Operator] = {"contains": "CONTAINS", "startswith": "STARTSWITH", "endswith": "ENDSWITH"}
_NOT_CARRIED = ("references", "related", "falsepositives", "level", "fields", "license")
_HASHES = re.compile(r"(?:MD5|SHA1|SHA256)=([0-9a-fA-F]+)", re.IGNORECASE)


def read(text: str, path: str, context: ImportContext) -> ImportResult:
    """Read filters, one a document.

    Raises:
        FpctlError: the text is not YAML, or holds no filter.
    """
    losses: list[Loss] = []
    drafts: list[ReadDraft] = []
    filters = 0
    for root in read_documents(text, path):
        data = plain_data(root) if root.pairs is not None else None
        about = str(data.get("title") or data.get("id") or "") if isinstance(data, dict) else ""
        if not isinstance(data, dict) or not isinstance(data.get("filter"), dict):
            why = "a rule, not a filter" if isinstance(data, dict) and "detection" in data else "no Sigma filter"
            losses.append(Loss("left-out", about, f"the document is {why}", root.line))
            continue
        filters += 1
        try:
            drafts.append(ReadDraft(_draft(data, about, root, context, losses), root.line))
        except LeftOutError as error:
            losses.append(Loss("left-out", about, str(error), root.line))
    if not filters:
        raise FpctlError("the file holds no Sigma filter", Location(path), "a filter has the key `filter`")
    return ImportResult(tuple(drafts), in_order(losses))


def _draft(data: dict[str, Any], about: str, root: Node, context: ImportContext, losses: list[Loss]) -> DraftExclusion:
    body: dict[str, Any] = data["filter"]
    own = data.get("fpctl") if isinstance(data.get("fpctl"), dict) else {}
    assert isinstance(own, dict)
    stated = body.get("condition")
    if not isinstance(stated, str) or not stated.strip():
        raise LeftOutError("the filter has no `condition`")
    selections: Selections = {
        name: partial(_selection, value) for name, value in body.items() if name not in ("rules", "condition")
    }
    condition = parse_condition(stated, selections)
    # A rule fires where its condition and the filter's hold, so what is suppressed is the opposite.
    match, notes = match_of([Not(condition, 0)], context)
    rules = context.rules or _rules(own.get("rules", body.get("rules")))
    if not rules:
        raise LeftOutError("the filter names no rule; give --rule")
    if not own:
        losses += wider_notes(notes, about, root.line)
        if data.get("logsource"):
            losses.append(Loss("part", about, "its `logsource`: the rules decide which tables are read", root.line))
    for key in _NOT_CARRIED:
        if data.get(key):
            losses.append(Loss("part", about, f"its `{key}`", root.line))
    return DraftExclusion(
        rules=rules,
        match=match,
        id=_text(own.get("id")) or "",
        title=_text(data.get("title")) or "",
        scenario=_text(own.get("scenario")),
        reason=_text(data.get("description")),
        ticket=_text(own.get("ticket")),
        owner=_text(own.get("owner")) or _text(data.get("author")) or context.owner,
        created=context.today,
        expires=_day(own.get("expires")),
        status="draft",
        broad=is_broad(match),
        tags=tuple(str(tag) for tag in data["tags"]) if isinstance(data.get("tags"), list) else (),
    )


def _text(value: object) -> str | None:
    return " ".join(value.split()) if isinstance(value, str) and value.strip() else None


def _rules(value: object) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        return ("*",) if value.strip().lower() == "any" else (value.strip(),)
    return tuple(one for one in value if isinstance(one, str) and one.strip()) if isinstance(value, list) else ()


def _day(value: object) -> date | None:
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        return date.fromisoformat(value.strip().replace("/", "-"))
    except ValueError as error:
        raise LeftOutError(f"`{value}` is not a date") from error


def _selection(value: object) -> Condition:
    """Return what a selection says: a map means all of it, a list of maps any of them."""
    if isinstance(value, dict) and value:
        return And(tuple(_item(str(key), given) for key, given in value.items()))
    if isinstance(value, list) and value and all(isinstance(one, dict) and one for one in value):
        return Or(tuple(_selection(one) for one in value))
    if isinstance(value, list) and value:
        raise LeftOutError("a selection of words without a field looks at the whole event, which no match does")
    raise LeftOutError("a selection is empty")


def _item(key: str, given: object) -> Condition:
    name, *modifiers = key.split("|")
    values = given if isinstance(given, list) else [given]
    if not values or any(not isinstance(one, str) for one in values):
        raise LeftOutError(f"`{key}` has no value; that a field is empty says nothing about which events are benign")
    operator: Operator | None = None
    every = False
    for modifier in modifiers:
        if modifier in _OPERATORS:
            operator = _OPERATORS[modifier]
        elif modifier == "all":
            every = True
        elif modifier == "cased":
            raise LeftOutError(f"`{key}` compares with case, and a match without")
        elif modifier != "cidr":
            raise LeftOutError(f"the modifier `{modifier}` of `{key}` is one that no match has")
    conditions = tuple(_compared(name, operator, str(value), "cidr" in modifiers) for value in values)
    if len(conditions) == 1:
        return conditions[0]
    return And(conditions) if every else _any(conditions)


def _any(conditions: tuple[Condition, ...]) -> Condition:
    """Return an OR; comparisons that differ in their value only are one comparison with several values."""
    values: dict[tuple[str, Operator], list[str]] = {}
    others: list[Condition] = []
    for one in conditions:
        if isinstance(one, Comparison):
            values.setdefault((one.name, one.operator), []).extend(one.values)
        else:
            others.append(one)
    found = [Comparison(name, operator, tuple(same), 0, 0) for (name, operator), same in values.items()]
    return Or((*found, *others)) if len(found) + len(others) > 1 else found[0]


def _compared(name: str, operator: Operator | None, value: str, network: bool) -> Condition:
    if name.lower() == "hashes":
        digest = _HASHES.fullmatch(value.strip("*"))
        if digest is None or operator not in ("CONTAINS", None):
            raise LeftOutError(f"`{value}` of Hashes is not a whole MD5, SHA1 or SHA256")
        kind = {32: "md5", 40: "sha1", 64: "sha256"}.get(len(digest[1]), "sha256")
        return Comparison(f"file.hash.{kind}", "==", (digest[1],), 0, 0)
    known = NAMES.get(name.lower())
    if known is None:
        raise LeftOutError(f"a match has no field for {name}")
    text, found = (value, operator or "==") if network else _plain(name, value, operator)
    return _named(known, found, text)


def _plain(name: str, value: str, operator: Operator | None) -> tuple[str, Operator]:
    """Return a value without its wildcards, and the operator that they and the modifier amount to."""
    parts = re.findall(r"\\[\\*?]|.", value, re.DOTALL)
    if "?" in parts:
        raise LeftOutError(f"`?` in `{value}` of {name} stands for one character, which no match can say")
    begins, ends = operator in ("CONTAINS", "ENDSWITH"), operator in ("CONTAINS", "STARTSWITH")
    if parts[:1] == ["*"]:
        begins, parts = True, parts[1:]
    if parts[-1:] == ["*"]:
        ends, parts = True, parts[:-1]
    if "*" in parts:
        raise LeftOutError(f"`*` is inside `{value}` of {name}")
    if "\\*" in parts:
        raise LeftOutError(f"the `*` in `{value}` of {name} stands for itself, which no match can say")
    text = "".join(part[1:] if len(part) == 2 else part for part in parts)
    if not text.strip():
        raise LeftOutError(f"`{value}` of {name} has nothing but wildcards")
    return text, "CONTAINS" if begins and ends else "ENDSWITH" if begins else "STARTSWITH" if ends else "=="


def _named(name: str, operator: Operator, text: str) -> Condition:
    r"""Return the comparison; the end of a full path, such as `\msiexec.exe`, is the file's name."""
    if operator == "ENDSWITH" and name in FILE_NAMES:
        last = text.removeprefix("\\")
        if last and not re.search(r"[\\/]", last):
            return Comparison(FILE_NAMES[name], "==" if last != text else "ENDSWITH", (last,), 0, 0)
    if name == "user.name" and operator == "ENDSWITH" and re.fullmatch(r"\\[^\\]+", text):
        return Comparison(name, "==", (text[1:],), 0, 0)
    if name == "user.name" and operator == "==" and "@" in text and "\\" not in text:
        return Comparison("user.email", "==", (text,), 0, 0)
    return Comparison(name, operator, (text,), 0, 0)
