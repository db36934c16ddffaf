"""Rules in YAML, as the Azure-Sentinel repository has them, and files that are nearly that.

Many public rule files are not valid YAML: all 171 of the collection that the first rule of `rules/`
comes from have `dataTypes` at the indent of the dash above it. Such a file is cut at its top-level
keys and each part is read for itself, so that one broken key costs that key and not the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from fpctl.catalog.kql_rule import looks_like_kql
from fpctl.catalog.kql_rule import read as read_bare
from fpctl.catalog.rule import read_rule
from fpctl.catalog.rule_file import LoadedRule, RuleReader
from fpctl.catalog.rule_text import IndentedText, RuleText
from fpctl.catalog.yaml_node import Node, YamlError, plain_data, read_documents
from fpctl.catalog.yaml_scalar import scalar_text
from fpctl.errors import Location, Problem

_NO_QUERY_KINDS = ("fusion", "microsoftsecurityincidentcreation", "mlbehavioranalytics", "threatintelligence")
_NO_QUERY_HINT = "write `query: |` and the KQL below it, indented"
_TOP_KEY = re.compile(r"^(?:\ufeff)?([A-Za-z_][\w-]*)[ \t]*:(?=[ \t\r\n]|$)", re.MULTILINE)
_DOCUMENT = re.compile(r"^---(?=[ \t\r\n]|$)", re.MULTILINE)


def read(reader: RuleReader) -> Iterator[LoadedRule]:
    """Yield the rules of a YAML file: one a document."""
    try:
        documents = read_documents(reader.text, reader.path)
    except YamlError as error:
        if error.code != "invalid-yaml":
            yield from _refuse(reader, error)
        else:
            yield from _read_broken(reader, error)
        return
    if len(documents) == 1 and documents[0].pairs is None and looks_like_kql(reader.text):
        yield from _read_as_kql(reader, documents[0].start)
        return
    if not documents:
        reader.error("no-query", "the file is empty", 0, "a rule is a mapping with the keys `id`, `name` and `query`")
    for index, root in enumerate(documents):
        if root.pairs is None:
            reader.error(
                "not-a-rule",
                "a rule is a mapping of keys and values",
                root.start,
                "begin with `id:`, `name:`, `query:`",
            )
            continue
        pairs = _pairs(reader, root)
        yield from _rule(reader, pairs, root.start, index, len(documents))


def _refuse(reader: RuleReader, error: YamlError) -> Iterator[LoadedRule]:
    reader.problems.append(Problem(error.code, error.message, error.at or Location(reader.path), error.hint))
    return iter(())


def _pairs(reader: RuleReader, root: Node) -> dict[str, tuple[Node, Node]]:
    pairs: dict[str, tuple[Node, Node]] = {}
    for key, value in root.pairs or ():
        name = key.text if key.text is not None else ""
        if name in pairs:
            reader.warn("duplicate-key", f"the key `{name}` is given twice; the first one counts", key.start)
        else:
            pairs[name] = (key, value)
    return pairs


def _find_query(pairs: dict[str, tuple[Node, Node]]) -> tuple[Node, Node] | None:
    """Return the query's key and value; a Defender detection has it at `queryCondition.queryText`."""
    if "query" in pairs:
        return pairs["query"]
    if "queryCondition" in pairs:
        for key, value in pairs["queryCondition"][1].pairs or ():
            if key.text == "queryText":
                return key, value
    return None


def _rule(
    reader: RuleReader, pairs: dict[str, tuple[Node, Node]], start: int, index: int, count: int
) -> Iterator[LoadedRule]:
    found = _find_query(pairs)
    if found is None:
        kind = pairs["kind"][1].text if "kind" in pairs else None
        if kind and kind.lower() in _NO_QUERY_KINDS:
            reader.warn(
                "no-query", f"a rule of kind {kind} has no query to tune; it is left out", pairs["kind"][0].start
            )
        else:
            reader.error("no-query", "the rule has no `query`", start, "add the key `query: |` with the KQL below it")
        return
    key, value = found
    if value.text is None or not value.text.strip():
        what = "empty" if value.text is not None or value.is_null() else "not a text"
        reader.error("no-query", f"the rule's `query` is {what}", key.start, _NO_QUERY_HINT)
        return
    text = scalar_text(value, key.column - 1, reader.path, reader.text, _again(reader, index))
    metadata = {name: plain_data(node) for name, (_, node) in pairs.items() if node is not value}
    yield _loaded(reader, metadata, {name: k.start for name, (k, _) in pairs.items()}, text, start, index, count)


def _loaded(
    reader: RuleReader,
    metadata: dict[str, Any],
    places: dict[str, int],
    text: RuleText,
    start: int,
    index: int,
    count: int,
) -> LoadedRule:
    fallback = reader.relative if count == 1 else f"{reader.relative}#{index + 1}"
    custom = "queryCondition" in metadata or (metadata.get("kind") or "") == "CustomDetection"
    kind = "defender-custom-detection" if custom else None
    name = PurePosixPath(reader.relative).stem
    rule, faults = read_rule(metadata, text.query, reader.relative, fallback, name, kind)  # type: ignore[arg-type]
    reader.faults(faults, places, start)
    return LoadedRule(rule, text, reader.source.line_column(start)[0])


def _again(reader: RuleReader, index: int) -> Any:
    """Return what reads the same query from a changed file."""

    def reread(file_text: str) -> RuleText | None:
        rules = list(read(RuleReader(file_text, reader.path, reader.relative)))
        return rules[index].text if index < len(rules) else None

    return reread


def _read_as_kql(reader: RuleReader, start: int) -> Iterator[LoadedRule]:
    reader.warn(
        "not-a-rule", "the file holds a bare query, not a YAML rule; it is read as KQL", start, "name it `.kql`"
    )
    yield from read_bare(reader)


def _read_broken(reader: RuleReader, error: YamlError) -> Iterator[LoadedRule]:
    """Yield the rule of a file that is not valid YAML, with a warning; or say that there is none."""
    at = error.at or Location(reader.path)
    keys = list(_TOP_KEY.finditer(reader.text))
    names = {match.group(1) for match in keys}
    if not names & {"query", "queryCondition"} or len(_DOCUMENT.findall(reader.text)) > 1:
        if not keys and looks_like_kql(reader.text):
            yield from _read_as_kql(reader, 0)
            return
        reader.problems.append(Problem(error.code, error.message, at, error.hint))
        return
    pairs: dict[str, tuple[Node, Node]] = {}
    metadata: dict[str, Any] = {}
    text: RuleText | None = None
    unread: list[tuple[str, int]] = []
    for number, match in enumerate(keys):
        name, start = match.group(1), match.start(1)
        end = keys[number + 1].start() if number + 1 < len(keys) else len(reader.text)
        if name in pairs or name in metadata:
            reader.warn("duplicate-key", f"the key `{name}` is given twice; the first one counts", start)
            continue
        part = _part(reader, start, end)
        if part is not None:
            pairs[name] = part
        elif name == "query":
            text = _broken_query(reader, match.end(), end)
        elif name == "requiredDataConnectors":
            metadata[name] = _connectors(reader.text[match.end() : end])
        else:
            value = reader.text[match.end() : end].strip()
            metadata[name] = value if "\n" not in value else None
            if "\n" in value:
                unread.append((name, start))
    hint = "the rule is read all the same; its query is not affected"
    warning = Problem("invalid-yaml", error.message, at, hint, "warning")
    found = _find_query(pairs)
    if text is None and found is not None and found[1].text and found[1].text.strip():
        text = scalar_text(found[1], found[0].column - 1, reader.path, reader.text, _again(reader, 0))
    if text is None or not text.query.strip():
        reader.problems.append(Problem("invalid-yaml", error.message, at, error.hint))
        place = next((match.start(1) for match in keys if match.group(1).startswith("query")), 0)
        reader.error("no-query", "no query text can be found in the file", place, _NO_QUERY_HINT)
        return
    reader.problems.append(warning)
    for name, start in unread:
        reader.warn(
            "rule-metadata", f"the value of `{name}` cannot be read", start, "the rule is read without this value"
        )
    metadata |= {
        name: plain_data(node) for name, (_, node) in pairs.items() if node.text is None or node.text != text.query
    }
    places = {match.group(1): match.start(1) for match in reversed(keys)}
    yield _loaded(reader, metadata, places, text, keys[0].start(1), 0, 1)


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


_BLOCK = re.compile(r"[ \t]*\|([-+]?)[ \t]*(?:#[^\r\n]*)?\r?\n")
_BLANK = re.compile(r"[ \t]*\r?\n?")


def _broken_query(reader: RuleReader, at: int, end: int) -> RuleText | None:
    """Return the literal block at `at` that YAML refuses (a tab in front, a control character ...), by its lines."""
    header = _BLOCK.match(reader.text, at)
    if header is None:
        return None
    block = reader.text[header.end() : end]
    lines = block.splitlines(keepends=True)
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
    ends = [match.start() for match in found[1:]] + [len(part)]
    return [
        {"connectorId": match.group(1), "dataTypes": _ITEM.findall(part, match.end(), end)}
        for match, end in zip(found, ends, strict=True)
    ]
