"""Rules in YAML, as the Azure-Sentinel repository has them, and files that are nearly that.

Many public rule files are not valid YAML: all 171 of the collection that the first rule of `rules/`
comes from have `dataTypes` at the indent of the dash above it. What can be read of such a file is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from fpctl.documents.yaml_node import Node, YamlError, plain_data, read_documents
from fpctl.errors import Location, Problem
from fpctl.rules.formats.broken_yaml import has_query_key, salvage
from fpctl.rules.formats.kql import looks_like_kql
from fpctl.rules.formats.kql import read as read_bare
from fpctl.rules.formats.registry import LoadedRule, RuleReader
from fpctl.rules.model import RuleKind, read_rule
from fpctl.rules.text.query_text import RuleText
from fpctl.rules.text.yaml_scalar import scalar_text

_NO_QUERY_KINDS = ("fusion", "microsoftsecurityincidentcreation", "mlbehavioranalytics", "threatintelligence")
_NO_QUERY_HINT = "write `query: |` and the KQL below it, indented"
_ODD_BREAK = re.compile("[\x85\u2028\u2029]|\r(?!\n)")
_ONE_QUERY_HINT = "remove one of the `query` keys"


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
    if len(documents) == 1 and documents[0].pairs is None and _is_kql(reader):
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
        own_id = reader.relative if len(documents) == 1 else f"{reader.relative}#{index + 1}"
        pairs = _pairs(reader, root)
        if pairs is not None:
            yield from _rule(reader, pairs, root.start, own_id)


def _refuse(reader: RuleReader, error: YamlError) -> Iterator[LoadedRule]:
    reader.problems.append(Problem(error.code, error.message, error.at or Location(reader.path), error.hint))
    return iter(())


def _pairs(reader: RuleReader, root: Node) -> dict[str, tuple[Node, Node]] | None:
    """Return a rule's keys and values, or None if nobody can say which query is meant."""
    pairs: dict[str, tuple[Node, Node]] = {}
    for key, value in root.pairs or ():
        name = key.text if key.text is not None else ""
        if name not in pairs:
            pairs[name] = (key, value)
        elif name == "query":
            reader.error("duplicate-key", "the rule has two queries", key.start, _ONE_QUERY_HINT)
            return None
        else:
            reader.warn("duplicate-key", f"the key `{name}` is given twice; the first one is used", key.start)
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


def _rule(reader: RuleReader, pairs: dict[str, tuple[Node, Node]], start: int, own_id: str) -> Iterator[LoadedRule]:
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
    if value.start < key.start:
        reader.error("no-query", "the rule's `query` is an alias", key.start, "write the query out")
        return
    if _has_odd_break(reader, value.start, value.end):
        return
    text = scalar_text(value, key.column - 1, reader.path, reader.text, _again(reader, start))
    metadata = {name: plain_data(node) for name, (_, node) in pairs.items() if node is not value}
    yield _loaded(reader, metadata, {name: k.start for name, (k, _) in pairs.items()}, text, start, own_id)


def _has_odd_break(reader: RuleReader, start: int, end: int) -> bool:
    """Note a line break that YAML knows and KQL, editors and we do not: what the query is depends on who reads it."""
    found = _ODD_BREAK.search(reader.text, start, end)
    if found is None:
        return False
    message = f"the query holds the line separator U+{ord(found.group()):04X}"
    reader.error("line-separator", message, found.start(), "put an ordinary line break or a space in its place")
    return True


def _loaded(
    reader: RuleReader, metadata: dict[str, Any], places: dict[str, int], text: RuleText, start: int, own_id: str
) -> LoadedRule:
    custom = "queryCondition" in metadata or metadata.get("kind") == "CustomDetection"
    kind: RuleKind | None = "defender-custom-detection" if custom else None
    name = PurePosixPath(reader.relative).stem
    rule, faults = read_rule(metadata, text.query, reader.relative, own_id, name, kind)
    reader.faults(faults, places, start)
    return LoadedRule(rule, text, reader.source.line_column(start)[0])


def _again(reader: RuleReader, start: int) -> Callable[[str], RuleText | None]:
    """Return what reads the query of the rule at `start` from a changed file; what is before `start` stays."""
    line = reader.source.line_column(start)[0]

    def reread(file_text: str) -> RuleText | None:
        rules = read(RuleReader(file_text, reader.path, reader.relative))
        return next((loaded.text for loaded in rules if loaded.line == line), None)

    return reread


def _is_kql(reader: RuleReader) -> bool:
    """Return whether a file named as YAML holds a bare query."""
    return looks_like_kql(reader.text) and not has_query_key(reader.text)


def _read_as_kql(reader: RuleReader, start: int) -> Iterator[LoadedRule]:
    reader.warn(
        "not-a-rule", "the file holds a bare query, not a YAML rule; it is read as KQL", start, "name it `.kql`"
    )
    yield from read_bare(reader)


def _read_broken(reader: RuleReader, error: YamlError) -> Iterator[LoadedRule]:
    """Yield the rule of a file that is not valid YAML, with a warning; or say that there is none."""
    invalid = Problem(error.code, error.message, error.at or Location(reader.path), error.hint)
    saved = salvage(reader)
    if saved is None:
        if _is_kql(reader):
            yield from _read_as_kql(reader, 0)
        else:
            reader.problems.append(invalid)
        return
    if "query" in saved.twice:
        reader.problems.append(invalid)
        reader.error("duplicate-key", "the rule has two queries", saved.twice["query"], _ONE_QUERY_HINT)
        return
    start = min(saved.places.values())
    text, found = saved.block, _find_query(saved.pairs)
    if text is not None and _has_odd_break(reader, text.file_offset(0), text.file_offset(len(text.query))):
        return
    if text is None and found is not None and found[1].text and found[1].text.strip():
        if _has_odd_break(reader, found[1].start, found[1].end):
            return
        text = scalar_text(found[1], found[0].column - 1, reader.path, reader.text, _again(reader, start))
    if text is None or not text.query.strip():
        reader.problems.append(invalid)
        place = saved.places.get("query", saved.places.get("queryCondition", start))
        reader.error("no-query", "no query text can be found in the file", place, _NO_QUERY_HINT)
        return
    hint = "the rule is read all the same; its query is not affected"
    reader.problems.append(Problem(error.code, error.message, invalid.at, hint, "warning"))
    for name, place in saved.twice.items():
        reader.warn("duplicate-key", f"the key `{name}` is given twice; the first one is used", place)
    for name in saved.unread:
        message = f"the value of `{name}` cannot be read"
        reader.warn("rule-metadata", message, saved.places[name], "the rule is read without this value")
    metadata = {
        name: plain_data(value) for name, (_, value) in saved.pairs.items() if found is None or value is not found[1]
    }
    yield _loaded(reader, metadata | saved.texts, saved.places, text, start, reader.relative)
