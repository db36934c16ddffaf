"""An exclusion in the making: what an analyst gave, as the text of a file that the loader accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from fpctl.documents.yaml_text import Value
from fpctl.errors import FpctlError, Problem
from fpctl.exclusions.edit import new_text
from fpctl.exclusions.reader import LoadedExclusion, ValueListCache, read_exclusion_file
from fpctl.exclusions.scenarios.model import scenario
from fpctl.fields.registry import NAMES
from fpctl.rules.model import Rule
from fpctl.rules.selector import selection
from fpctl.text.source import SourceText

Alternative = Mapping[str, Sequence[str]]
"""Values by field; `where` holds conditions."""

MAX_TITLE = 100
"""Characters of a title that is made up."""

SCHEMA_FILE = Path(".fpctl") / "schemas" / "exclusion.schema.json"
"""Where `fpctl init` puts the JSON Schema of exclusion files, below the repository's root."""


class DraftError(FpctlError):
    """A draft that the loader would refuse; `problems` says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("the exclusion was not written: it has errors")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class DraftExclusion:
    """What is known of a new exclusion; see `Exclusion` for the keys. `approval` maps rule ids to base hashes,
    `approval_places` to where the clause is."""

    rules: tuple[str, ...]
    match: tuple[Alternative, ...]
    id: str = ""
    title: str = ""
    scenario: str | None = None
    window: Mapping[str, Value] | None = None
    reason: str | None = None
    ticket: str | None = None
    owner: str | None = None
    created: date | None = None
    expires: date | None = None
    approved_by: str | None = None
    approval: Mapping[str, str] | None = None
    approval_places: Mapping[str, str] = field(default_factory=dict)
    approved_on: date | None = None
    status: str = "active"
    broad: bool = False
    placement: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = field(default=())

    def with_fields(self, fields: Alternative) -> DraftExclusion:
        """Return the draft with fields that every alternative needs as well; conditions are joined.

        Raises:
            FpctlError: an alternative has the field already; which values are meant is not ours to guess.
        """
        for field_name in fields:
            if field_name != "where" and any(field_name in alternative for alternative in self.match):
                hint = f"leave out --{field_name.replace('_', '-')}, or the {field_name} of the other"
                raise FpctlError(f"the match names a {field_name} already, and another one is given", None, hint)
        conditions = tuple(fields.get("where", ()))
        merged = tuple(
            {**one, **fields, **({"where": (*one.get("where", ()), *conditions)} if conditions else {})}
            for one in self.match or ({},)
        )
        return replace(self, match=merged) if fields else self

    def selects(self, rule: Rule) -> bool:
        """Return whether the draft reaches a rule."""
        return selection(self.rules, rule) is not None

    def with_defaults(self, fields: Alternative) -> Alternative:
        """Return fields with the narrowing defaults of the draft's scenario for those not given.

        Raises:
            FpctlError: there is no such scenario.
        """
        if self.scenario is None:
            return fields
        return {**scenario(self.scenario).defaults, **fields}

    def data(self) -> dict[str, Value]:
        """Return the keys that say something, as they are in the file."""
        approval: dict[str, Value] | None = None
        if self.approval is not None:
            approval = {"on": self.approved_on, "rules": dict(sorted(self.approval.items()))}
            if self.approval_places:
                approval["places"] = dict(sorted(self.approval_places.items()))
        given: dict[str, Value] = {
            "id": self.id,
            "title": self.title,
            "scenario": self.scenario,
            "rules": list(self.rules),
            "match": self._match(),
            "window": self.window,
            "reason": self.reason,
            "ticket": self.ticket,
            "owner": self.owner,
            "created": self.created,
            "expires": self.expires,
            "approved_by": self.approved_by,
            "approval": approval,
            "broad": self.broad or None,
            "placement": self.placement,
            "notes": self.notes,
            "tags": list(self.tags),
        }
        kept = {key: value for key, value in given.items() if value not in (None, "", [], ())}
        return {**kept, "status": self.status}

    def _match(self) -> Value:
        written = [_written(alternative) for alternative in self.match]
        return written[0] if len(written) == 1 else written

    def text(self, folder: Path | None = None, newline: str = "\n") -> str:
        """Return the file's text. With its `folder` it begins with the comment by which editors find the schema."""
        return _schema_comment(folder, newline) + new_text(self.data(), newline)


def _written(alternative: Alternative) -> dict[str, Value]:
    found: dict[str, Value] = {key: list(alternative[key]) for key in NAMES if key in alternative}
    conditions = alternative.get("where", ())
    if conditions:
        found["where"] = conditions[0] if len(conditions) == 1 else " and ".join(f"({one})" for one in conditions)
    return found


def _schema_comment(folder: Path | None, newline: str) -> str:
    """Return the line that names the schema, if the repository has one at or above the folder."""
    if folder is None:
        return ""
    up, place = "", folder.resolve()
    for _ in range(8):
        if (place / SCHEMA_FILE).is_file():
            return f"# yaml-language-server: $schema={up}{SCHEMA_FILE.as_posix()}{newline}"
        if place.parent == place:
            break
        up, place = f"../{up}", place.parent
    return ""


def checked(text: str, root: Path, name: str = "new exclusion") -> tuple[LoadedExclusion, tuple[Problem, ...]]:
    """Return the exclusion that a text would be, with its places in the text, and warnings about it.

    Args:
        text: of a file that is not written yet.
        root: the exclusions folder, for value lists.
        name: what the text is called in messages.

    Raises:
        DraftError: the loader would refuse it, or it holds several; every problem shows the line at fault.
    """
    found, problems = read_exclusion_file(text, name, ValueListCache(root))
    shown = [with_caret(problem, text, name) for problem in problems]
    if not found or any(problem.severity == "error" for problem in problems):
        raise DraftError(shown)
    if len(found) > 1:
        second = Problem("several-documents", "one exclusion is expected here", found[1][0].at, "split the text")
        raise DraftError([with_caret(second, text, name)])
    return found[0][0], tuple(shown)


def with_caret(problem: Problem, text: str, name: str) -> Problem:
    """Return the problem with the line it is about: a text that is in no file cannot be looked up.

    Args:
        text: that it was found in, which is called `name`.
    """
    if problem.at.path != name or problem.at.line is None or problem.caret is not None:
        return problem
    source = SourceText(text, name)
    starts = source.line_starts()
    if problem.at.line > len(starts):
        return problem
    offset = starts[problem.at.line - 1] + (problem.at.column or 1) - 1
    return replace(problem, caret=source.caret(offset))


def title_of(alternatives: Sequence[Alternative], scenario_id: str = "") -> str:
    """Return a title made of what is matched, for those who give none."""
    words = [scenario_id] if scenario_id else []
    for field_name in NAMES:
        values = list(dict.fromkeys(value for one in alternatives for value in one.get(field_name, ())))
        if values and (not words or field_name in ("device", "url", "process", "account", "app", "ip")):
            more = f" and {len(values) - 2} more" if len(values) > 2 else ""
            words.append(", ".join(values[:2]) + more)
    title = ": ".join(words[:1]) + (f" ({'; '.join(words[1:3])})" if len(words) > 1 else "")
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 3] + "..."
