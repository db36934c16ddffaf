"""Rules in Markdown: public collections keep queries in fenced blocks below headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from fpctl.rules.formats.kql import header, looks_like_kql
from fpctl.rules.formats.registry import LoadedRule, RuleReader
from fpctl.rules.model import read_rule
from fpctl.rules.text.query_text import IndentedText, RuleText, VerbatimText
from fpctl.text.edits import Edit

_KQL_WORDS = ("kql", "kusto", "csl")
# Public collections mark KQL as C#, too: the highlighting of either is near enough.
_MAYBE_KQL_WORDS = ("", "c#", "csharp", "sql", "text", "txt")
_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\r\n]*?)[ \t]*$")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")


class _Block(NamedTuple):
    opening: int
    """File offset of the opening fence's line."""
    fence: str
    info: str
    indent: int
    start: int
    end: int
    """File offsets of the content: first line's start, and before the line break that precedes the closing fence."""
    title: str
    heading: str


def read(reader: RuleReader) -> Iterator[LoadedRule]:
    """Yield a rule for each fenced KQL block, in order. A file without any is documentation, not a fault."""
    blocks = [block for block in _blocks(reader.text) if _is_query(reader, block)]
    stem = PurePosixPath(reader.relative).stem
    names = [_name(block, stem) for block in blocks]
    for number, (block, name) in enumerate(zip(blocks, names, strict=True), 1):
        if names.count(name) > 1:
            name = f"{name} ({names[:number].count(name)})"
        text = _text(reader, block)
        fallback = reader.relative if len(blocks) == 1 else f"{reader.relative}#{number}"
        rule, _ = read_rule(header(text.query), text.query, reader.relative, fallback, name, "bare")
        yield LoadedRule(rule, text, reader.source.line_column(block.opening)[0])


def _blocks(text: str) -> Iterator[_Block]:
    at, title, heading = 0, "", ""
    opened: tuple[int, re.Match[str], int] | None = None
    for line in _LINE.findall(text):
        shown = line.rstrip("\r\n")
        if opened is None:
            fence = _FENCE.match(shown)
            if fence:
                opened = at, fence, at + len(line)
            elif match := _HEADING.match(shown):
                heading = match.group(2)
                if not title and len(match.group(1)) == 1:
                    title = heading
        elif _closes(shown, opened[1].group("fence")):
            opening, fence, start = opened
            end = at - (2 if text[at - 2 : at] == "\r\n" else 1)
            if end > start:
                yield _Block(
                    opening,
                    fence.group("fence"),
                    fence.group("info"),
                    len(fence.group("indent")),
                    start,
                    end,
                    title,
                    heading,
                )
            opened = None
        at += len(line)
    if opened is not None:
        opening, fence, start = opened
        end = start + len(text[start:].rstrip("\r\n"))
        if end > start:
            yield _Block(
                opening,
                fence.group("fence"),
                fence.group("info"),
                len(fence.group("indent")),
                start,
                end,
                title,
                heading,
            )


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and not stripped.strip(fence[0])


def _is_query(reader: RuleReader, block: _Block) -> bool:
    word = "".join(block.info.split(None, 1)[:1]).lower()
    content = reader.text[block.start : block.end]
    if word in _KQL_WORDS:
        return bool(content.strip())
    if word in _MAYBE_KQL_WORDS:
        return looks_like_kql(content)
    if word.startswith(_KQL_WORDS):
        message = f"the fence's language `{block.info}` is not KQL's; the block is left out"
        reader.warn("fence-language", message, block.opening, "write `kql` after the fence and the query below it")
    return False


def _name(block: _Block, stem: str) -> str:
    title = block.title or stem
    return title if block.heading in ("", block.title) else f"{title} - {block.heading}"


def _text(reader: RuleReader, block: _Block) -> RuleText:
    raw = reader.text[block.start : block.end]
    newline = "\r\n" if reader.text[block.end : block.end + 2] == "\r\n" else "\n"
    text: _FencedText | _IndentedFencedText
    if block.indent:
        # A fence's indentation is taken off its content, as far as each line has it.
        query = re.sub(rf"^[ ]{{1,{block.indent}}}", "", raw, flags=re.MULTILINE)
        text = _IndentedFencedText(query, reader.path, reader.text, block.start, block.indent, None, newline=newline)
    else:
        text = _FencedText(raw, reader.path, reader.text, block.start, newline)
    text.fence = block.fence
    return text


class _FencedText(VerbatimText):
    __slots__ = ("fence",)
    fence: str

    def _objection(self, edits: Sequence[Edit], new_query: str) -> tuple[int, str, str] | None:
        return _fence_in(new_query, self.fence, edits)


class _IndentedFencedText(IndentedText):
    __slots__ = ("fence",)
    fence: str

    def _objection(self, edits: Sequence[Edit], new_query: str) -> tuple[int, str, str] | None:
        return super()._objection(edits, new_query) or _fence_in(new_query, self.fence, edits)


def _fence_in(query: str, fence: str, edits: Sequence[Edit]) -> tuple[int, str, str] | None:
    if fence in query and any(_closes(line, fence) for line in query.split("\n")):
        return edits[0].start, "the edit would close the fenced block early", "fence the block with more characters"
    return None
