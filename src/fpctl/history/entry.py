"""Entries of the audit trail: what changed in an exclusion or a deployed rule, who did it, when, and the entry before.

An entry is stored as its body, a canonical JSON text, and the SHA-256 of that text. The body holds the
hash of the entry before, so an entry cannot change without every later one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fpctl.exclusions.reader import LoadedExclusion
from fpctl.history.records import in_utc

GENESIS = "0" * 64
"""What the first entry has as the hash of the one before."""

WHOLE_LIST = 20
"""A list of more values is not listed in full when it changes: only the values added and removed."""

UNKNOWN = "unknown"
"""Who made a change that neither fpctl nor git knows of."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What an exclusion says, its lists filled in.

    Args:
        id: the exclusion.
        content_hash: as in `Exclusion.content_hash`: the hash of `content`.
        content: the authored keys that say something, as JSON values.
        paths: the files it is in, relative to the exclusions folder: its own and its lists.
    """

    id: str
    content_hash: str
    content: Mapping[str, Any] = field(repr=False)
    paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, loaded: LoadedExclusion, root: str) -> Definition:
        """Return what a loaded exclusion says; `root` is the exclusions folder."""
        place = Path(loaded.path)
        own = place.relative_to(root).as_posix() if place.is_relative_to(root) else place.as_posix()
        content = loaded.exclusion.model_dump(mode="json", exclude_defaults=True)
        return cls(loaded.id, loaded.content_hash, content, (own, *loaded.lists))


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; None where it was not, or is no longer, there.

    `field` is a key, and below `match` its place: `match.0.device`. `partial`: both are long lists, and
    only the values removed and added are listed.
    """

    field: str
    before: Any
    after: Any
    partial: bool = False

    def text(self, most: int = 60) -> str:
        """Return the change in a few words: `expires: 2027-05-01 -> 2027-08-01`."""
        if self.partial:
            gone, come = len(self.before), len(self.after)
            return (
                f"{self.field}: {' '.join(part for part in (f'+{come}' * bool(come), f'-{gone}' * bool(gone)) if part)}"
            )
        before, after = _short(self.before, most), _short(self.after, most)
        if self.before is None:
            return f"{self.field}: {after}"
        return f"{self.field}: {before} -> {after}" if self.after is not None else f"{self.field}: no longer {before}"


def _short(value: Any, most: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[: most - 3] + "..."


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened to one exclusion, before it has its place in the trail.

    Args:
        action: a word: `added`, `renewed`; `found`, `changed`, `removed` for what happened outside fpctl.
        who: a person as git or the system names them, or `unknown`.
        before: what the exclusion said before; None if it is new.
        after: what it says now; None if it is gone.
        reason: why, in the words of the person who did it, or where git has it from.
        outside: fpctl did not do it, it only noticed.
    """

    exclusion: str
    action: str
    who: str
    before: Definition | None
    after: Definition | None
    reason: str | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True)
class DeployedRule:
    """A rule in a workspace.

    Args:
        path: of its file, relative to the rules folder.
        name: for people.
        guid: its name in the workspace.
        workspace: the workspace's resource id.
        deployment: by which it came there, or was taken back.
    """

    path: str
    name: str
    guid: str
    workspace: str
    deployment: str


@dataclass(frozen=True, slots=True)
class RuleAuditEvent:
    """Something that was done to one rule in a workspace, before it has its place in the trail.

    Args:
        before: SHA-256 of the query that was there; None if the rule was not.
        after: SHA-256 of the query that was sent; None where the rule was taken away.
        changes: what else is other.
        reason: why it failed, or what else is to be known.
    """

    rule: DeployedRule
    action: str
    who: str
    before: str | None
    after: str | None
    changes: tuple[FieldChange, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """An event with its place in the trail; `before` and `after` are content hashes, `number` counts from 1.

    `rule` is None, or `exclusion` is empty.
    """

    number: int
    at: datetime
    who: str
    action: str
    exclusion: str
    before: str | None
    after: str | None
    changes: tuple[FieldChange, ...]
    reason: str | None
    outside: bool
    previous: str
    hash: str
    rule: DeployedRule | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the documented JSON of an entry."""
        return {
            "number": self.number,
            "at": self.at,
            "who": self.who,
            "action": self.action,
            "outside": self.outside,
            "exclusion": self.exclusion,
            "before": self.before,
            "after": self.after,
            "changes": [
                {"field": c.field, "before": c.before, "after": c.after, "partial": c.partial} for c in self.changes
            ],
            "reason": self.reason,
            "previous": self.previous,
            "hash": self.hash,
            "rule": asdict(self.rule) if self.rule is not None else None,
        }


def changes_between(before: Definition | None, after: Definition | None) -> tuple[FieldChange, ...]:
    """Return the fields in which two contents differ, in the order of the fields."""
    old = _flat(before.content) if before is not None else {}
    new = _flat(after.content) if after is not None else {}
    found: list[FieldChange] = []
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if isinstance(was, list) and isinstance(now, list) and max(len(was), len(now)) > WHOLE_LIST:
            kept_old, kept_new = set(map(_key, was)), set(map(_key, now))
            gone = [value for value in was if _key(value) not in kept_new]
            come = [value for value in now if _key(value) not in kept_old]
            found.append(FieldChange(name, gone, come, partial=True))
        else:
            found.append(FieldChange(name, was, now))
    return tuple(sorted(found, key=lambda change: change.field))


def _key(value: Any) -> str:
    return canonical(value)


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with the fields of each alternative of the match in a place of their own."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if key == "match":
            for number, alternative in enumerate(value):
                flat.update({f"match.{number}.{name}": given for name, given in alternative.items()})
        else:
            flat[key] = value
    return flat


def canonical(value: Any) -> str:
    """Return a value as the one JSON text that stands for it: ASCII, so that every database keeps each byte."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def body_of(act: AuditEvent | RuleAuditEvent, number: int, at: datetime, previous: str) -> str:
    """Return the text that is stored and hashed for an act in its place."""
    own: dict[str, Any]
    if isinstance(act, RuleAuditEvent):
        changes = act.changes
        own = {
            "exclusion": "",
            "rule": asdict(act.rule),
            "before": act.before,
            "after": act.after,
            "outside": False,
        }
    else:
        changes = changes_between(act.before, act.after)
        own = {
            "exclusion": act.exclusion,
            "before": act.before.content_hash if act.before is not None else None,
            "after": act.after.content_hash if act.after is not None else None,
            "outside": act.outside,
        }
    return canonical(
        {
            **own,
            "number": number,
            "at": in_utc(at).isoformat(timespec="microseconds"),
            "who": act.who,
            "action": act.action,
            "changes": [[c.field, c.before, c.after, c.partial] for c in changes],
            "reason": act.reason,
            "previous": previous,
        }
    )


def hash_of(body: str) -> str:
    """Return the hash by which the next entry knows this one."""
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def entry_of(body: str, own_hash: str) -> TrailEntry:
    """Return a stored entry.

    Raises:
        ValueError: the body is not one that fpctl wrote.
    """
    try:
        data = json.loads(body)
        return TrailEntry(
            int(data["number"]),
            in_utc(datetime.fromisoformat(data["at"])),
            str(data["who"]),
            str(data["action"]),
            str(data["exclusion"]),
            data["before"],
            data["after"],
            tuple(FieldChange(*change) for change in data["changes"]),
            data["reason"],
            bool(data["outside"]),
            str(data["previous"]),
            own_hash,
            DeployedRule(**data["rule"]) if data.get("rule") is not None else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"not an entry of the trail: {error}") from error
