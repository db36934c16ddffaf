"""YAML text to a tree of nodes that know their places.

Scalars stay text: what a person wrote as `no`, `0443` or `2026-11-24` is never turned into a
boolean, a number or a date behind their back; the models decide what a key's text means. The tree
is built from parser events, without recursion and within limits, so that neither nesting nor
aliases can exhaust stack or memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fpctl.errors import FpctlError, Location

MAX_DEPTH = 50
"""Nesting beyond this is refused; rule and exclusion files need about six levels."""

_BOM = "\ufeff"
# An anchor and a tag may stand before a node, with lines and comments between.
_PROPERTIES = re.compile(r"(?:[&!][^\s]*(?:\s+(?:#[^\r\n]*)?)*)*")


class Node(NamedTuple):
    """A scalar (`text`), a sequence (`items`) or a mapping (`pairs`); exactly one of the three is set.

    `start` and `end` are 0-based offsets into the whole text, without anchor and tag (a block scalar ends
    after its last line break), `line` and `column` are 1-based. `style` is the first character of a scalar that is not
    plain (`|`, `>`, `'`, `"`) and of a collection in brackets (`[`, `{`), else None.
    """

    start: int
    end: int
    line: int
    column: int
    text: str | None = None
    style: str | None = None
    items: list[Node] | None = None
    pairs: list[tuple[Node, Node]] | None = None

    def is_null(self) -> bool:
        """Tell whether this is YAML's null: a plain empty scalar, `~` or `null`."""
        return self.style is None and self.text in ("", "~", "null", "Null", "NULL")


class YamlError(FpctlError):
    """A text that is not YAML, or not YAML we accept. `code` is the problem's stable word."""

    def __init__(self, message: str, at: Location, hint: str | None = None, code: str = "invalid-yaml") -> None:
        super().__init__(message, at, hint)
        self.code = code


def read_documents(text: str, path: str | None = None) -> list[Node]:
    """Return the root node of each document in a text; a document of comments alone is left out.

    Raises:
        YamlError: the text is not YAML, is nested too deeply, or its aliases multiply its size.
    """
    import yaml

    base = len(text) - len(text.lstrip(_BOM))
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return list(_documents(yaml, yaml.parse(text[base:], loader), base, text, path))
    except yaml.MarkedYAMLError as error:
        raise _marked(error, path) from error
    except yaml.reader.ReaderError as error:
        raise _unreadable(error, text, base, path) from error


def _documents(yaml: Any, events: Iterator[Any], base: int, text: str, path: str | None) -> Iterator[Node]:
    scalar, alias = yaml.ScalarEvent, yaml.AliasEvent
    open_sequence, open_mapping, close = yaml.SequenceStartEvent, yaml.MappingStartEvent, yaml.CollectionEndEvent
    # One entry per open collection: its start event, its children so far (keys and values in turn), and its weight.
    stack: list[tuple[Any, list[Node], list[int]]] = []
    anchors: dict[str, tuple[Node, int]] = {}
    total = 0
    root: Node | None = None
    for event in events:
        kind = type(event)
        if kind is scalar:
            mark = event.start_mark
            start, end = mark.index + base, event.end_mark.index + base
            if (event.anchor or event.tag) and (properties := _PROPERTIES.match(text, start)):
                start = properties.end()
            node = Node(start, end, mark.line + 1, mark.column + 1, event.value, event.style or None)
            weight, anchor = 1, event.anchor
        elif kind is open_sequence or kind is open_mapping:
            if len(stack) >= MAX_DEPTH:
                at = Location(path, event.start_mark.line + 1, event.start_mark.column + 1)
                raise YamlError(f"nested deeper than {MAX_DEPTH} levels", at, code="too-deep")
            stack.append((event, [], [1]))
            continue
        elif isinstance(event, close):
            opening, children, (weight,) = stack.pop()
            anchor, mark = opening.anchor, opening.start_mark
            start = mark.index + base
            # A block's end has no width and lies wherever the next token begins.
            end = event.end_mark.index + base if opening.flow_style else children[-1].end if children else start
            if type(opening) is open_sequence:
                style = "[" if opening.flow_style else None
                node = Node(start, end, mark.line + 1, mark.column + 1, style=style, items=children)
            else:
                style = "{" if opening.flow_style else None
                pairs = list(zip(children[::2], children[1::2], strict=True))
                node = Node(start, end, mark.line + 1, mark.column + 1, style=style, pairs=pairs)
        elif kind is alias:
            mark = event.start_mark
            at = Location(path, mark.line + 1, mark.column + 1)
            if event.anchor not in anchors:
                raise YamlError(f"alias `*{event.anchor}` has no anchor before it", at)
            node, weight = anchors[event.anchor]
            anchor = None
            total += weight
            # A tree without aliases has fewer nodes than characters; a larger one was multiplied.
            if total > len(text):
                raise YamlError("aliases multiply the file beyond its size", at, "write the values out", "alias-bomb")
        else:
            if kind is yaml.DocumentStartEvent:
                anchors, root = {}, None
            elif kind is yaml.DocumentEndEvent and root is not None and not _blank(root):
                yield root
            continue
        if anchor:
            anchors[anchor] = (node, weight)
        if stack:
            _, children, weights = stack[-1]
            children.append(node)
            weights[0] += weight
        else:
            root = node


def _blank(root: Node) -> bool:
    return root.text == "" and root.style is None


def _marked(error: Any, path: str | None) -> YamlError:
    mark = error.problem_mark or error.context_mark
    at = Location(path, mark.line + 1, mark.column + 1) if mark is not None else Location(path)
    what = error.problem or error.context or str(error)
    context = f" ({error.context})" if error.context and error.problem else ""
    hint = None
    if "'\\t'" in what or "tab" in what:
        hint = "indent with spaces: YAML does not take tabs there"
    return YamlError(f"not valid YAML: {what}{context}", at, hint)


def _unreadable(error: Any, text: str, base: int, path: str | None) -> YamlError:
    character = error.character if isinstance(error.character, int) else ord(error.character)
    offset = text.find(chr(character), base)
    if offset < 0:
        return YamlError(f"not valid YAML: {error.reason}", Location(path))
    at = Location(path, text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1)
    code = "invalid-yaml" if character else "not-text"
    return YamlError(
        f"not valid YAML: the character U+{character:04X} is not allowed", at, "remove the character", code
    )


def plain_data(node: Node) -> Any:
    """Return a node as dicts, lists, texts and None."""
    if node.pairs is not None:
        return {key.text or "": plain_data(value) for key, value in node.pairs}
    if node.items is not None:
        return [plain_data(item) for item in node.items]
    return None if node.is_null() else node.text
