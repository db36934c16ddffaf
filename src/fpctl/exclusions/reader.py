"""Exclusion files: YAML documents to exclusions, every fault located."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fpctl.documents.merge_conflict import merge_conflict
from fpctl.documents.yaml_node import Node, YamlError, read_documents
from fpctl.errors import Location, Problem
from fpctl.exclusions.model import Alternative, Approval, Exclusion
from fpctl.exclusions.scenarios.model import SCENARIO_IDS
from fpctl.exclusions.value_lists.value_list import ValueList, read_list
from fpctl.exclusions.window import Window
from fpctl.fields.registry import NAMES, SYNONYMS
from fpctl.spelling import did_you_mean, nearest


@dataclass(frozen=True, slots=True)
class LoadedExclusion:
    """An exclusion with its lists read in, and where it is.

    `lists` names the list files that its values come from. `content_hash` covers the values of the
    lists: a changed list is a changed exclusion. `places` has the line and column of each key's value,
    of each selector as `rules.0`, and of each field and value of the match as `match.0.device` and
    `match.0.device=build01`. `listed` has the lists of each field that takes values from some, by
    `match.0.device`.
    """

    exclusion: Exclusion
    path: str
    line: int
    content_hash: str
    lists: tuple[str, ...] = ()
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)
    listed: Mapping[str, Sequence[ValueList]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def id(self) -> str:
        """The exclusion's id."""
        return self.exclusion.id

    @property
    def at(self) -> Location:
        """Where the exclusion begins."""
        return Location(self.path, self.line)

    def at_key(self, key: str) -> Location:
        """Return where the value of a key is, or where the exclusion begins if the key is not given."""
        return Location(self.path, *self.places[key]) if key in self.places else self.at

    def at_listed(self, key: str, value: str) -> tuple[Location, str] | None:
        """Return where in a list file a value of `match.0.device` is, and the list's name; None if in none."""
        for each in self.listed.get(key, ()):
            if (line := each.lines.get(value)) is not None:
                return Location(each.path, line), each.name
        return None


class ValueListCache:
    """The list files of one exclusions folder, each read once per field it is used for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lists: dict[tuple[str, str], ValueList] = {}

    def get(self, reference: str, field: str, at: Location) -> ValueList:
        """Return a list; faults of its lines come with the first use only."""
        key = (reference, field)
        if key not in self._lists:
            found = read_list(self._root, reference, field, at)
            self._lists[key] = found
            return found
        found = self._lists[key]
        broken = any(problem.severity == "error" for problem in found.problems)
        again = (
            Problem("invalid-list", f"the list `{reference}` has errors", at, "see its first use") if broken else None
        )
        return ValueList(found.name, found.path, field, found.entries, (again,) if again else ())


def read_exclusion_file(
    text: str, path: str, shelf: ValueListCache
) -> tuple[list[tuple[LoadedExclusion, Node]], list[Problem]]:
    """Return the exclusions of one file, each with its root node, and every problem.

    A document with an error gives no exclusion; the other documents of the file do.
    """
    if (conflict := merge_conflict(text, path)) is not None:
        return [], [conflict]
    try:
        documents = read_documents(text, path)
    except YamlError as error:
        at = error.at or Location(path)
        return [], [Problem(error.code, error.message, at, error.hint)]
    if not documents:
        return [], [
            Problem(
                "empty-file", "the file contains no exclusion", Location(path, 1, 1), "remove it, or begin with `id:`"
            )
        ]
    loaded: list[tuple[LoadedExclusion, Node]] = []
    problems: list[Problem] = []
    for root in documents:
        reader = _DocumentReader(root, path, shelf)
        exclusion = reader.read()
        problems += reader.problems
        if exclusion is not None:
            lists = tuple(sorted({each.name for given in reader.listed.values() for each in given}))
            version = exclusion.content_hash()
            one = LoadedExclusion(exclusion, path, root.line, version, lists, _places(root), reader.listed)
            loaded.append((one, root))
    return loaded, problems


def _places(root: Node) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for key, value in root.pairs or ():
        places[key.text or ""] = value.line, value.column
        if key.text == "rules":
            for index, item in enumerate(value.items or [value]):
                places[f"rules.{index}"] = item.line, item.column
        if key.text == "match":
            for index, alternative in enumerate(value.items or [value]):
                for field_, given in alternative.pairs or ():
                    name = f"match.{index}.{field_.text}"
                    places[name] = given.line, given.column
                    for item in given.items or [given]:
                        places.setdefault(f"{name}={item.text}", (item.line, item.column))
    return places


class _DocumentReader:
    """Reads one document; `problems` and `listed` fill on the way."""

    def __init__(self, root: Node, path: str, shelf: ValueListCache) -> None:
        self.root = root
        self.path = path
        self.shelf = shelf
        self.problems: list[Problem] = []
        self.listed: dict[str, list[ValueList]] = {}
        self._broken = False
        # Fields whose list cannot be read: its problem says so, that no values are there need not be said too.
        self._unfilled: set[tuple[str | int, ...]] = set()
        # The place in the file of a value that is elsewhere once the lists before it are filled in.
        self._written: dict[tuple[str | int, ...], tuple[str | int, ...]] = {}

    def read(self) -> Exclusion | None:
        """Return the exclusion, or None with at least one error in `problems`."""
        if self.root.pairs is None:
            self._error(
                "not-an-exclusion", "an exclusion is a mapping of keys and values", self.root, "begin with `id:`"
            )
            return None
        data = self._data(self.root)
        self._fill_lists(data)
        exclusion: Exclusion | None = None
        try:
            exclusion = Exclusion.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._translate(detail)
        scenario = data.get("scenario")
        if isinstance(scenario, str) and scenario not in SCENARIO_IDS:
            hint = did_you_mean(scenario, SCENARIO_IDS)
            self._error("unknown-scenario", f"unknown scenario `{scenario}`", self._place(("scenario",)), hint)
        return None if self._broken else exclusion

    def _error(self, code: str, message: str, node: Node, hint: str | None) -> None:
        self._broken = True
        self.problems.append(Problem(code, message, self._at(node), hint))

    def _at(self, node: Node) -> Location:
        return Location(self.path, node.line, node.column)

    def _data(self, node: Node) -> Any:
        """Return a node as plain data; a key given twice is an error."""
        if node.pairs is not None:
            data: dict[str, Any] = {}
            for key, value in node.pairs:
                name = key.text
                if name is None:
                    self._error("invalid-key", "a key is a word", key, None)
                elif name in data:
                    self._error("duplicate-key", f"the key `{name}` is given twice", key, "remove one of them")
                else:
                    data[name] = self._data(value)
            return data
        if node.items is not None:
            return [self._data(item) for item in node.items]
        return None if node.is_null() else node.text

    def _fill_lists(self, data: dict[str, Any]) -> None:
        match = data.get("match")
        alternatives = [match] if isinstance(match, dict) else match if isinstance(match, list) else []
        for index, alternative in enumerate(alternatives):
            if not isinstance(alternative, dict):
                continue
            for name in NAMES:
                values = alternative.get(name)
                given = [values] if isinstance(values, str) else values
                if isinstance(given, list) and any(isinstance(v, str) and v.startswith("@") for v in given):
                    alternative[name] = list(self._filled(name, given, ("match", index, name)))

    def _filled(self, field: str, given: list[Any], place: tuple[str | int, ...]) -> Iterator[Any]:
        count = 0
        for index, value in enumerate(given):
            if not (isinstance(value, str) and value.startswith("@")):
                self._written[(*place, count)] = (*place, index)
                count += 1
                yield value
                continue
            found = self.shelf.get(value, field, self._at(self._place((*place, index))))
            self.problems += found.problems
            if any(problem.severity == "error" for problem in found.problems):
                self._broken = True
                self._unfilled.add(place)
            self.listed.setdefault(".".join(map(str, place)), []).append(found)
            count += len(found.entries)
            yield from found.values()

    def _place(self, steps: tuple[str | int, ...], *, key: bool = False) -> Node:
        """Return the node at the end of a path, or the nearest one on the way to it; `key` for the key itself."""
        node = self.root
        for number, step in enumerate(steps):
            found: Node | None = None
            if node.pairs is not None:
                if isinstance(step, int):
                    continue  # a single map stands for a list of one
                for name, value in node.pairs:
                    if name.text == step:
                        found = name if key and number == len(steps) - 1 else value
            elif node.items is not None and isinstance(step, int) and step < len(node.items):
                found = node.items[step]
            if found is None:
                break
            node = found
        return node

    def _translate(self, detail: Any) -> None:
        """Add the problem that a pydantic error stands for."""
        steps: tuple[str | int, ...] = tuple(detail["loc"])
        if steps in self._unfilled:
            return
        steps = self._written.get(steps, steps)
        kind, context = detail["type"], detail.get("ctx") or {}
        name = next((str(step) for step in reversed(steps) if isinstance(step, str)), "")
        if "at" in context:
            at = self._place((*steps, *context["at"]))
            self._error(kind, context["message"], at, context["hint"])
        elif kind == "missing":
            self._error(
                "missing-key", f"the key `{name}` is missing", self._place(steps[:-1]), _MISSING_HINTS.get(name)
            )
        elif kind == "extra_forbidden":
            known = _known_keys(steps)
            self._error("unknown-key", f"unknown key `{name}`", self._place(steps, key=True), _key_hint(name, known))
        elif kind == "literal_error":
            shown = context["expected"].replace("'", "`").replace(" or ", ", ")
            message = f"`{name}` is `{detail['input']}`; it must be one of {shown}"
            close = nearest(str(detail["input"]), [word.strip("` ") for word in shown.split(",")])
            self._error("invalid-value", message, self._place(steps), f"did you mean `{close}`?" if close else None)
        elif kind == "string_type":
            empty = detail["input"] is None
            message = f"`{name}` is empty" if empty else f"`{name}` takes text here"
            hint = "give a value, or remove the key" if empty else "write a value, not a list or map"
            self._error("empty-value" if empty else "invalid-value", message, self._place(steps), hint)
        elif kind == "tuple_type":
            self._error("invalid-value", f"`{name}` is a list of values", self._place(steps), None)
        elif kind in ("model_type", "model_attributes_type", "dict_type"):
            self._error("invalid-value", f"`{name}` is a map of keys and values", self._place(steps), None)
        else:
            self._error("invalid-value", f"`{name}`: {detail['msg'].lower()}", self._place(steps), None)


_MISSING_HINTS = {
    "id": "give a unique id such as fp-2026-0007",
    "rules": "name the rules by id, or write `*` for all",
    "match": "say what to match: `match: {device: [build01]}`",
}
_KEY_SYNONYMS = {
    "name": "title", "description": "reason", "rule": "rules", "expiry": "expires", "expiration": "expires",
    "valid_until": "expires", "until": "expires", "valid_from": "created", "from": "created", "author": "owner",
    "approver": "approved_by", "approved": "approved_by", "comment": "notes", "matches": "match", "state": "status",
}  # fmt: skip


def _known_keys(steps: tuple[str | int, ...]) -> tuple[type[Any], Mapping[str, str]]:
    if steps[0] == "match":
        return Alternative, SYNONYMS
    if steps[0] == "window" and len(steps) > 1:
        return Window, {"hours": "weekly", "tz": "timezone", "zone": "timezone", "between": "intervals"}
    if steps[0] == "approval" and len(steps) > 1:
        return Approval, {"date": "on"}
    return Exclusion, _KEY_SYNONYMS


def _key_hint(name: str, known: tuple[type[Any], Mapping[str, str]]) -> str:
    model, synonyms = known
    meant = synonyms.get(name.lower())
    if meant is not None:
        return f"did you mean `{meant}`?"
    return did_you_mean(name, model.model_fields)
