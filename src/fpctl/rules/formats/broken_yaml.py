"""What can be saved of a rule file that is not valid YAML.

The file is cut at its top-level keys and each part is read for itself, so that one broken key costs
that key and not the rule.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from fpctl.documents.yaml_node import Node, YamlError, read_documents
from fpctl.rules.formats.registry import RuleReader
from fpctl.rules.text.query_text import IndentedText, RuleText

_TOP_KEY = re.compile(r"^(?:\ufeff)?([A-Za-z_][\w-]*)[ \t]*:(?=[ \t\r\n]|$)", re.MULTILINE)
_DOCUMENT = re.compile(r"^---(?=[ \t\r\n]|$)", re.MULTILINE)


class Salvaged(NamedTuple):
    """The parts of a broken file.

    Attributes:
        pairs: keys whose part is YAML by itself, with their values, placed in the whole file.
        texts: values read by their look alone.
        block: the query, where its part is a literal block that YAML refuses.
        places: the file offset of each key.
        unread: keys of which nothing could be read.
        twice: the second place of each key that is given twice.
    """

    pairs: dict[str, tuple[Node, Node]]
    texts: dict[str, Any]
    block: RuleText | None
    places: dict[str, int]
    unread: list[str]
    twice: dict[str, int]


def has_query_key(text: str) -> bool:
    """Return whether a line of the text begins with the key that holds a rule's query."""
    return any(match.group(1) in ("query", "queryCondition") for match in _TOP_KEY.finditer(text))


def salvage(reader: RuleReader) -> Salvaged | None:
    """Return the parts of a file, or None if it has no query key or several documents."""
    text = reader.text
    keys = list(_TOP_KEY.finditer(text))
    if not has_query_key(text) or len(_DOCUMENT.findall(text)) > 1:
        return None
    saved = Salvaged({}, {}, None, {}, [], {})
    for number, match in enumerate(keys):
        name, start = match.group(1), match.start(1)
        end = keys[number + 1].start() if number + 1 < len(keys) else len(text)
        if name in saved.places:
            saved.twice.setdefault(name, start)
            continue
        saved.places[name] = start
        part = _part(reader, start, end)
        value = text[match.end() : end].strip()
        if part is not None:
            saved.pairs[name] = part
        elif name == "query":
            saved = saved._replace(block=_block(reader, match.end(), end))
        elif name == "requiredDataConnectors":
            saved.texts[name] = _connectors(value)
        elif "\n" in value:
            saved.unread.append(name)
        else:
            saved.texts[name] = value
    return saved


def _part(reader: RuleReader, start: int, end: int) -> tuple[Node, Node] | None:
    """Return key and value of one top-level part, placed in the whole file; None if it is not YAML by itself."""
    try:
        documents = read_documents(reader.text[start:end], reader.path)
    except YamlError:
        return None
    if len(documents) != 1 or documents[0].pairs is None or len(documents[0].pairs) != 1:
        return None
    lines = reader.source.line_column(start)[0] - 1
    key, value = documents[0].pairs[0]
    return _moved(key, start, lines), _moved(value, start, lines)


def _moved(node: Node, offset: int, lines: int) -> Node:
    def moved(inner: Node) -> Node:
        return _moved(inner, offset, lines)

    items = None if node.items is None else [moved(item) for item in node.items]
    pairs = None if node.pairs is None else [(moved(key), moved(value)) for key, value in node.pairs]
    return node._replace(
        start=node.start + offset, end=node.end + offset, line=node.line + lines, items=items, pairs=pairs
    )


_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEADER = re.compile(r"[ \t]*\|([-+]?)[ \t]*(?:#[^\r\n]*)?\r?\n")


def _block(reader: RuleReader, at: int, end: int) -> RuleText | None:
    """Return the literal block at `at` that YAML refuses (a tab in front, a control character ...), by its lines."""
    header = _HEADER.match(reader.text, at)
    if header is None:
        return None
    lines = _LINE.findall(reader.text, header.end(), end)
    first = next((line for line in lines if line.strip()), "")
    indent = len(first) - len(first.lstrip(" "))
    if indent == 0:
        return None
    taken: list[str] = []
    for line in lines:
        if line.strip() and not line.startswith(" " * indent):
            break
        taken.append(line[indent:] if line.strip() else line[min(indent, len(line) - len(line.lstrip(" "))) :])
    query = "".join(taken).replace("\r\n", "\n")
    if header.group(1) != "+":
        query = query.rstrip("\n") + ("\n" if query.endswith("\n") and not header.group(1) else "")
    return IndentedText(query, reader.path, reader.text, header.end(), indent, header.group(1))


_CONNECTOR = re.compile(r"^[ \t]*-?[ \t]*connectorId:[ \t]*(\S+)", re.MULTILINE)
_ITEM = re.compile(r"^[ \t]*-[ \t]+([\w.]+)[ \t]*\r?$", re.MULTILINE)


def _connectors(part: str) -> list[dict[str, Any]]:
    """Return connectors and their tables from text whose indentation is wrong."""
    found = list(_CONNECTOR.finditer(part))
    ends = [*(match.start() for match in found[1:]), len(part)]
    return [
        {"connectorId": match.group(1), "dataTypes": _ITEM.findall(part, match.end(), end)}
        for match, end in zip(found, ends, strict=False)  # no connector, one end
    ]
