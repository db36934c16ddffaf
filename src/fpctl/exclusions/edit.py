"""Changes to authored exclusion files: a key is set or removed, everything else stays as it was written.

Only the changed key's own text is replaced, at places that the YAML parser gives; comments, order,
quoting and line ends of the rest are not touched. The result is read again before it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

from fpctl.documents.yaml_node import Node, plain_data, read_documents
from fpctl.documents.yaml_text import Value, document, entry, flow_list, scalar
from fpctl.errors import FpctlError, Location
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import ValueListCache, read_exclusion_file
from fpctl.files import read_text, write_text
from fpctl.text.edits import Edit, apply_edits, deletion, insertion
from fpctl.text.source import newline_of


class Removed(Enum):
    """The value that takes a key away."""

    REMOVED = "removed"


REMOVED: Final = Removed.REMOVED

Changes = Mapping[str, Value | Removed]


def edit_file(path: Path, id: str, changes: Changes, root: Path | None = None) -> None:
    """Change an exclusion in its file, or leave the file byte for byte as it was.

    Args:
        path: the file.
        id: the exclusion in it.
        changes: new values by key, `REMOVED` to take a key away.
        root: the exclusions folder, for value lists; the file's folder if None.

    Raises:
        FpctlError: the exclusion is not there, the change makes it invalid, or the file cannot be written.
    """
    write_text(path, edit_text(read_text(path), id, changes, str(path), root or path.parent))


def edit_text(text: str, id: str, changes: Changes, path: str = "<text>", root: Path | None = None) -> str:
    """Return a file's text with an exclusion changed; see `edit_file`."""
    pairs = _document(text, id, path).pairs or []
    # New keys for one place come in the documented order.
    order = {name: number for number, name in enumerate(_ORDER)}
    changed = sorted(changes.items(), key=lambda change: order.get(change[0], len(order)))
    edited = apply_edits(text, _edits(text, pairs, changed))
    _checked(text, edited, id, changes, path, root or Path())
    return edited


def new_text(data: Mapping[str, Value], newline: str = "\n") -> str:
    """Return a new exclusion's document, its keys in the documented order."""
    return document({key: data[key] for key in (*_ORDER, *data) if key in data}, newline)


_ORDER = tuple(Exclusion.model_fields)


def _edits(text: str, pairs: list[tuple[Node, Node]], changes: Iterable[tuple[str, Value | Removed]]) -> list[Edit]:
    """Return the edits that set and remove keys of a document with these pairs."""
    newline = newline_of(text)
    found = {name.text: (name, old) for name, old in pairs}
    edits: list[Edit] = []
    added: dict[int, str] = {}
    for key, value in changes:
        if key in found:
            edits.append(_changed(text, *found[key], key, value, newline))
        elif not isinstance(value, Removed):
            at = _place_of(text, pairs, key)
            first = pairs[0][0].start
            new = entry(key, value, first - (text.rfind("\n", 0, first) + 1), newline)
            # A last line without a line break gets one before the first key that follows it.
            lead = "" if at in added or text[:at].endswith("\n") else newline
            added[at] = added.get(at, "") + lead + new
    return edits + [insertion(at, new) for at, new in added.items()]


def _changed(text: str, name: Node, old: Node, key: str, value: Value | Removed, newline: str) -> Edit:
    """Return the edit that gives a key of the document another value, or removes it."""
    line = text.rfind("\n", 0, name.start) + 1
    if isinstance(value, Removed):
        return deletion(line, _line_end(text, old.end))
    inline = _inline(value)
    # A value on the key's own line is replaced in place, so that a comment after it stays.
    if inline is not None and old.style not in ("|", ">") and "\n" not in text[name.start : old.end]:
        lead = " " if text[old.start - 1] == ":" else ""
        return Edit(old.start, old.end, lead + inline)
    return Edit(line, _line_end(text, old.end), entry(key, value, name.start - line, newline))


def _place_of(text: str, pairs: list[tuple[Node, Node]], key: str) -> int:
    """Return where a new key goes: after those that come before it in the documented order."""
    order = {name: number for number, name in enumerate(_ORDER)}
    before = [old for name, old in pairs if order.get(name.text or "", 99) < order.get(key, 100)]
    return _line_end(text, (before or [old for _, old in pairs])[-1].end)


def _inline(value: Value) -> str | None:
    """Return a value as YAML in one line, or None if it is a map or holds one."""
    if isinstance(value, Mapping):
        return None
    if isinstance(value, Sequence) and not isinstance(value, str):
        return None if any(isinstance(item, Mapping) for item in value) else flow_list(value)
    return scalar(value)


def _line_end(text: str, at: int) -> int:
    """Return the offset after the line that ends at or after `at`; a block scalar ends where its last line does."""
    if text[at - 1 : at] == "\n":
        return at
    end = text.find("\n", at)
    return end + 1 if end >= 0 else len(text)


def _documents(text: str, path: str) -> list[Node]:
    return [node for node in read_documents(text, path) if node.pairs]


def _document(text: str, id: str, path: str) -> Node:
    """Return the root node of the exclusion `id`."""
    for root in _documents(text, path):
        if plain_data(root).get("id") == id:
            if root.style == "{":
                at = Location(path, root.line, root.column)
                raise FpctlError(
                    f"exclusion {id} is written in braces and cannot be changed", at, "write one key per line"
                )
            return root
    raise FpctlError(f"the file has no exclusion `{id}`", Location(path))


def _checked(text: str, edited: str, id: str, changes: Changes, path: str, root: Path) -> None:
    """Refuse an edit that makes the exclusion invalid, or that changes anything else (which would be our fault)."""
    found, problems = read_exclusion_file(edited, path, ValueListCache(root))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise FpctlError(f"the change was not made: {errors[0].message}{more}", errors[0].at, errors[0].hint)
    new_id = changes.get("id", id)
    if new_id not in {loaded.id for loaded, _ in found}:
        raise FpctlError("the change was not made: the exclusion would be lost", Location(path))
    before = [plain_data(node) for node in _documents(text, path)]
    after = [plain_data(node) for node in _documents(edited, path)]
    for old, new in zip(before, after, strict=True):
        mine = old.get("id") == id
        same = old if not mine else {key: item for key, item in old.items() if key not in changes}
        kept = new if not mine else {key: item for key, item in new.items() if key not in changes}
        if same != kept:
            raise FpctlError("the change was not made: it would change more than it should", Location(path))
