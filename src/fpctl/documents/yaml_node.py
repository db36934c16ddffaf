"""YAML text to a tree of nodes that know their places.

Scalars stay text: what a person wrote as `no`, `0443` or `2026-11-24` is never turned into a
boolean, a number or a date behind their back; the models decide what a key's text means. The tree
is built from parser events, without recursion and within limits, so that neither nesting nor
aliases can exhaust stack or memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from fpctl.errors import FpctlError, Location

MAX_DEPTH = 50
"""Nesting beyond this is refused; rule and exclusion files need about six levels."""

_BOM = "\ufeff"
# An anchor and a tag may precede a node, with lines and comments between.
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
        """Return whether this is YAML's null: a plain empty scalar, `~` or `null`."""
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
        parser = loader(text[base:])
        try:
            # What `yaml.parse` does asks before each event whether there is one; a large estate has a million.
            return _Composer(yaml, text, base, path).documents(iter(parser.get_event, None))
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        raise _marked(error, path) from error
    except yaml.reader.ReaderError as error:
        raise _unreadable(error, text, base, path) from error


class _Open(NamedTuple):
    """A collection that is being read: its first event, its children so far (keys and values in turn), their weights.

    A weight is the number of nodes that a tree without aliases would have there.
    """

    event: Any
    children: list[Node]
    weights: list[int]


class _Composer:
    """Makes trees of events; `MAX_DEPTH` and the text's length bound what it builds."""

    def __init__(self, yaml: Any, text: str, base: int, path: str | None) -> None:
        self.text, self.base, self.path = text, base, path
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.from_aliases = 0
        self.root: Node | None = None
        self.found: list[Node] = []
        self.handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self.scalar,
            yaml.AliasEvent: self.alias,
            yaml.SequenceStartEvent: self.opening,
            yaml.MappingStartEvent: self.opening,
            yaml.SequenceEndEvent: self.sequence,
            yaml.MappingEndEvent: self.mapping,
            yaml.DocumentStartEvent: self.document_start,
            yaml.DocumentEndEvent: self.document_end,
        }

    def documents(self, events: Iterable[Any]) -> list[Node]:
        handlers = self.handlers
        for event in events:
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)
        return self.found

    def document_start(self, event: Any) -> None:
        self.anchors, self.root = {}, None

    def document_end(self, event: Any) -> None:
        if self.root is not None and not _blank(self.root):
            self.found.append(self.root)

    def scalar(self, event: Any) -> None:
        mark = event.start_mark
        start = mark.index + self.base
        if (event.anchor or event.tag) and (properties := _PROPERTIES.match(self.text, start)):
            start = properties.end()
        end = event.end_mark.index + self.base
        self.add(Node(start, end, mark.line + 1, mark.column + 1, event.value, event.style or None), 1, event.anchor)

    def opening(self, event: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH} levels", self.location(event), code="too-deep")
        self.stack.append(_Open(event, [], [1]))

    def sequence(self, event: Any) -> None:
        self.closing(event, "[")

    def mapping(self, event: Any) -> None:
        self.closing(event, "{")

    def closing(self, event: Any, bracket: str) -> None:
        opening, children, weights = self.stack.pop()
        mark = opening.start_mark
        start = mark.index + self.base
        # A block's end has no width and lies wherever the next token begins.
        end = event.end_mark.index + self.base if opening.flow_style else children[-1].end if children else start
        place = start, end, mark.line + 1, mark.column + 1
        style = bracket if opening.flow_style else None
        if bracket == "[":
            node = Node(*place, style=style, items=children)
        else:
            node = Node(*place, style=style, pairs=list(zip(children[::2], children[1::2], strict=True)))
        self.add(node, sum(weights), opening.anchor)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise YamlError(f"alias `*{event.anchor}` has no anchor before it", self.location(event))
        node, weight = self.anchors[event.anchor]
        self.from_aliases += weight
        # A tree without aliases has fewer nodes than characters; a larger one was multiplied.
        if self.from_aliases > len(self.text):
            message = "aliases multiply the file beyond its size"
            raise YamlError(message, self.location(event), "write the values out", "alias-bomb")
        self.add(node, weight, None)

    def add(self, node: Node, weight: int, anchor: str | None) -> None:
        if anchor:
            self.anchors[anchor] = (node, weight)
        if self.stack:
            _, children, weights = self.stack[-1]
            children.append(node)
            weights.append(weight)
        else:
            self.root = node

    def location(self, event: Any) -> Location:
        return Location(self.path, event.start_mark.line + 1, event.start_mark.column + 1)


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
