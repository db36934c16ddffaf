"""Exclusions to Sigma filters, a document each."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from fpctl.documents.yaml_text import Value, document
from fpctl.exchange.conditions import Group, groups_of
from fpctl.exchange.format import ExportResult, inactive_loss
from fpctl.exchange.formats.sigma.names import WRITTEN
from fpctl.exchange.loss import Loss
from fpctl.exclusions.filter_syntax import Comparison
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.fields.field import NotExpressibleError

_NAMESPACE = uuid.UUID("6f1b7a52-7a2b-5a0e-9a55-0a3f3b6c2f10")
"""Filters have UUIDs: one made of the exclusion's id is the same at every export."""

_MODIFIER = {"==": "", "CONTAINS": "|contains", "STARTSWITH": "|startswith", "ENDSWITH": "|endswith"}


def write(exclusions: Sequence[LoadedExclusion], today: date) -> ExportResult:
    """Write the exclusions that are active, a filter each."""
    documents: list[str] = []
    losses: list[Loss] = []
    written: list[str] = []
    for loaded in exclusions:
        loss = inactive_loss(loaded, today)
        if loss is None and loaded.exclusion.window is not None:
            loss = Loss("left-out", loaded.id, "it holds at certain times only, and a filter always holds")
        if loss is not None:
            losses.append(loss)
            continue
        selections = _selections(loaded, losses)
        if selections:
            documents.append(document(_document(loaded.exclusion, selections)))
            written.append(loaded.id)
            losses += _losses(loaded.exclusion)
    if documents:
        losses.insert(0, Loss("part", "", "`logsource` says windows: narrow it to that of the Sigma rules"))
        message = "`rules` are those of the exclusion: put the ids of the Sigma rules in their place"
        losses.insert(0, Loss("part", "", message))
    return ExportResult("---\n".join(documents), tuple(written), tuple(losses))


def _losses(exclusion: Exclusion) -> Iterator[Loss]:
    if exclusion.expires is not None:
        yield Loss("wider", exclusion.id, f"it ends on {exclusion.expires}, and a filter has no end: take it out then")
    if exclusion.approved_by or exclusion.notes:
        yield Loss("part", exclusion.id, "approval and notes have no place in a filter")


def _document(exclusion: Exclusion, selections: Sequence[Mapping[str, Any]]) -> dict[str, Value]:
    named = (
        {"selection": selections[0]}
        if len(selections) == 1
        else {f"selection_{number}": selection for number, selection in enumerate(selections, 1)}
    )
    own: dict[str, Value] = {"id": exclusion.id, "rules": list(exclusion.rules)}
    for key in ("scenario", "ticket", "owner", "expires"):
        value = getattr(exclusion, key)
        if value is not None:
            own[key] = value
    rules: Value = "any" if "*" in exclusion.rules else list(exclusion.rules)
    condition = "not selection" if len(selections) == 1 else "not 1 of selection_*"
    filled: dict[str, Value] = {
        "title": exclusion.title or exclusion.id,
        "id": str(uuid.uuid5(_NAMESPACE, exclusion.id)),
        "description": exclusion.reason,
        "author": exclusion.owner,
        "date": exclusion.created,
        "tags": list(exclusion.tags),
        "logsource": {"product": "windows"},
        "filter": {"rules": rules, **named, "condition": condition},
        "fpctl": own,
    }
    return {key: value for key, value in filled.items() if value not in (None, [])}


def _selections(loaded: LoadedExclusion, losses: list[Loss]) -> list[dict[str, Value]]:
    found: list[dict[str, Value]] = []
    exclusion = loaded.exclusion
    for index, alternative in enumerate(exclusion.match, 1):
        where = f"alternative {index} of the match: " if len(exclusion.match) > 1 else ""
        try:
            groups = groups_of(alternative)
        except NotExpressibleError as error:
            losses.append(Loss("left-out", loaded.id, f"{where}{error}"))
            continue
        said: list[dict[str, Value]] = []
        reasons: list[str] = []
        for group in groups:
            try:
                said.append(_selection(group))
            except NotExpressibleError as error:
                reasons.append(str(error))
        if not said:
            losses.append(Loss("left-out", loaded.id, f"{where}{reasons[0]}"))
            continue
        losses += [Loss("narrower", loaded.id, f"{where}{reason}") for reason in dict.fromkeys(reasons)]
        found += [one for one in said if one not in found]
    return found


def _selection(group: Group) -> dict[str, Value]:
    selection: dict[str, Value] = {}
    for comparison in group:
        key, values = _pair(comparison)
        if key in selection and selection[key] != values:
            raise NotExpressibleError(f"two conditions on {key} cannot be in one selection")
        selection[key] = values
    return selection


def _pair(comparison: Comparison) -> tuple[str, list[str]]:
    """Return the key with its modifier, and the values."""
    name, operator, values = comparison.name, comparison.operator, comparison.values
    field = WRITTEN.get(name)
    if field is None:
        raise NotExpressibleError(f"Sigma's taxonomy has no field for {name}")
    if field == "Hashes":
        kind = name.rpartition(".")[2].upper()
        return "Hashes|contains", [f"{kind}={value.upper()}" for value in values]
    if name in ("process.name", "process.parent.name"):
        if operator == "==":
            return f"{field}|endswith", [_escaped(f"\\{value}") for value in values]
        if operator != "ENDSWITH":
            raise NotExpressibleError("a part of a file name that is not its end would match in folder names too")
    if name == "user.name" and any("\\" not in value for value in values):
        if any("\\" in value for value in values):
            raise NotExpressibleError("accounts with and without a domain cannot be in one list")
        return "User|endswith", [_escaped(f"\\{value}") for value in values]
    if name.endswith(".ip") and any("/" in value for value in values):
        if not all("/" in value for value in values):
            return f"{field}|cidr", [value if "/" in value else _network(value) for value in values]
        return f"{field}|cidr", list(values)
    return f"{field}{_MODIFIER[operator]}", [_escaped(value) for value in values]


def _network(address: str) -> str:
    return f"{address}/128" if ":" in address else f"{address}/32"


def _escaped(value: str) -> str:
    """Return a value as Sigma reads it back: `*` and `?` escaped, and a backslash before one of them or another."""
    return re.sub(r"\\(?=[\\*?])|[*?]", lambda match: "\\" + match.group(), value)
