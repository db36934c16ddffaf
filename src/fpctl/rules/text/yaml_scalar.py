"""How YAML writes a query: literal and folded blocks, quoted and plain scalars.

The rules are those of YAML 1.1 as libyaml reads it (https://yaml.org/spec/1.1/#id926836).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fpctl.documents.yaml_node import Node
from fpctl.rules.text.query_text import EncodedText, IndentedText, RuleText, TextPiece, first_indent

Reread = Callable[[str], RuleText | None]

_HEADER = re.compile(r"[|>](?:([-+])?([1-9])?|([1-9])([-+])?)[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|$)")
_BREAK = re.compile(r"\r\n|\n|\r")
_FOLD = re.compile(r"[ \t]*(?:\r\n|\n|\r)[ \t\r\n]*")


def scalar_text(node: Node, parent_indent: int, path: str, file_text: str, reread: Reread) -> RuleText:
    """Return the rule text of a scalar node.

    Args:
        node: the scalar, with its decoded text.
        parent_indent: the column (0-based) of the mapping that the scalar is a value of.
        path: the file as shown in messages.
        file_text: the whole file.
        reread: reads the same query from a changed file; used to try edits in the fragile styles.
    """
    query = node.text or ""
    if node.style in ("|", ">"):
        header = _HEADER.match(file_text, node.start)
        assert header is not None, "libyaml accepted a block header that is none"
        chomping = header.group(1) or header.group(4) or ""
        digit = header.group(2) or header.group(3)
        indent = parent_indent + int(digit) if digit else None
        if node.style == "|":
            return IndentedText(query, path, file_text, header.end(), indent, chomping, explicit=digit is not None)
        return _FoldedText(query, path, file_text, header.end(), indent, reread)
    if node.style == '"':
        return _DoubleQuotedText(query, path, file_text, node, reread)
    text = _SingleQuotedText if node.style == "'" else _PlainText
    return text(query, path, file_text, node.start, parent_indent, reread)


class _ReadBackText(EncodedText):
    """A style whose edits are tried: `reread` reads the same query from the changed file."""

    __slots__ = ("_reader", "_start")

    def __init__(self, query: str, path: str, file_text: str, start: int, reread: Reread) -> None:
        super().__init__(query, path, file_text)
        self._start = start
        self._reader = reread
        self._fragile = True

    def _reread(self, file_text: str) -> RuleText | None:
        return self._reader(file_text)


class _DoubleQuotedText(_ReadBackText):
    __slots__ = ()

    _TOKEN = re.compile(
        r"\\(?:(?P<skip>(?:\r\n|\n|\r)[ \t]*)|x..|u....|U........|.)"
        r"|(?P<fold>" + _FOLD.pattern + r')|(?P<end>")|[^\\" \t\r\n]+|[ \t]+',
        re.DOTALL,
    )

    _GAP = re.compile(r"(?:\r\n|\n|\r)[ \t]*")

    def __init__(self, query: str, path: str, file_text: str, node: Node, reread: Reread) -> None:
        super().__init__(query, path, file_text, node.start, reread)
        # In one line every character is itself or an escape; only folded lines depend on each other.
        self._fragile = _BREAK.search(file_text, node.start, node.end) is not None

    def _pieces(self) -> tuple[list[TextPiece], int]:
        pieces: list[TextPiece] = []
        query, at, text = 0, self._start + 1, self.file_text
        while True:
            match = self._TOKEN.match(text, at)
            assert match is not None, "libyaml accepted a double-quoted scalar that is none"
            if match.lastgroup == "end":
                return pieces, at
            if match.lastgroup == "fold":
                query = _fold(pieces, query, at, match.group())
            elif match.lastgroup == "skip":
                # Empty lines after an escaped line break are line breaks each.
                at = match.end()
                while gap := self._GAP.match(text, at):
                    pieces.append(TextPiece(query, at, 1))
                    query, at = query + 1, gap.end()
                continue
            else:
                length = 1 if match.group()[0] == "\\" else len(match.group())
                pieces.append(TextPiece(query, at, length))
                query += length
            at = match.end()

    def _encode(self, offset: int, text: str) -> str:
        encoded = "".join(map(_escaped, text))
        # White space beside a folded line would be folded away.
        if encoded[:1] == " ":
            encoded = "\\" + encoded
        if encoded[-1:] == " " and len(encoded) > 2:
            encoded = encoded[:-1] + "\\ "
        return encoded


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"\\x{code:02x}"
    if character in "\u2028\u2029\ufeff\ufffe\uffff" or 0xD800 <= code < 0xE000:
        return f"\\u{code:04x}"
    return character


def _fold(pieces: list[TextPiece], query: int, at: int, run: str) -> int:
    """Add the pieces of a run of line breaks in a flow scalar: one break is a space, n are n - 1 line feeds."""
    ends = [match.end() for match in _BREAK.finditer(run)]
    starts = [0, *ends[1:-1]] if len(ends) > 1 else [0]
    for start in starts:
        pieces.append(TextPiece(query, at + start, 1))
        query += 1
    return query


class _FoldingText(_ReadBackText):
    """The flow styles in which a line feed is an empty line."""

    __slots__ = ("_indent",)

    def __init__(self, query: str, path: str, file_text: str, start: int, indent: int, reread: Reread) -> None:
        super().__init__(query, path, file_text, start, reread)
        self._indent = indent

    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.file_text else "\n"

    def _break_lines(self, text: str) -> str:
        newline, indent = self._newline(), " " * (self._indent + 2)
        return re.sub(r"\n+", lambda run: newline * (len(run.group()) + 1) + indent, text)


class _SingleQuotedText(_FoldingText):
    __slots__ = ()

    _TOKEN = re.compile(r"''|(?P<fold>" + _FOLD.pattern + r")|(?P<end>')|[^' \t\r\n]+|[ \t]+")

    def _pieces(self) -> tuple[list[TextPiece], int]:
        pieces: list[TextPiece] = []
        query, at = 0, self._start + 1
        while True:
            match = self._TOKEN.match(self.file_text, at)
            assert match is not None, "libyaml accepted a single-quoted scalar that is none"
            if match.lastgroup == "end":
                return pieces, at
            if match.lastgroup == "fold":
                query = _fold(pieces, query, at, match.group())
            else:
                length = 1 if match.group() == "''" else len(match.group())
                pieces.append(TextPiece(query, at, length))
                query += length
            at = match.end()

    def _encode(self, offset: int, text: str) -> str:
        return self._break_lines(text.replace("'", "''"))


class _PlainText(_FoldingText):
    __slots__ = ()

    _TOKEN = re.compile(r"(?P<fold>" + _FOLD.pattern + r")|[^ \t\r\n]+|[ \t]+")

    def _pieces(self) -> tuple[list[TextPiece], int]:
        pieces: list[TextPiece] = []
        query, at = 0, self._start
        while query < len(self.query):
            match = self._TOKEN.match(self.file_text, at)
            assert match is not None, "libyaml accepted a plain scalar that is none"
            if match.lastgroup == "fold":
                query = _fold(pieces, query, at, match.group())
            else:
                pieces.append(TextPiece(query, at, len(match.group())))
                query += len(match.group())
            at = match.end()
        return pieces, at

    def _encode(self, offset: int, text: str) -> str:
        return self._break_lines(text)


class _FoldedText(_ReadBackText):
    """A `>` block: a line break between two lines of text is a space, unless one of them begins with white space."""

    __slots__ = ("_indent",)

    def __init__(self, query: str, path: str, file_text: str, start: int, indent: int | None, reread: Reread) -> None:
        super().__init__(query, path, file_text, start, reread)
        self._indent = first_indent(file_text, start) if indent is None else indent

    def _pieces(self) -> tuple[list[TextPiece], int]:
        pieces: list[TextPiece] = []
        text, query, at = self.file_text, 0, self._start
        breaks: list[int] = []  # file offsets of the breaks since the last line of text
        before: str | None = None  # that line's first character
        while query < len(self.query.rstrip("\n")):
            end = _BREAK.search(text, at)
            line_end, following = (end.start(), end.end()) if end else (len(text), len(text))
            content = at
            while content < min(at + self._indent, line_end) and text[content] == " ":
                content += 1
            if content < line_end:
                if before is not None and before not in " \t" and text[content] not in " \t":
                    # The first break folds: into a space, or into the empty line after it.
                    breaks = [breaks[0], *breaks[2:]]
                for place in breaks:
                    pieces.append(TextPiece(query, place, 1))
                    query += 1
                pieces.append(TextPiece(query, content, line_end - content))
                query += line_end - content
                before, breaks = text[content], [line_end]
            else:
                breaks.append(at if before is None else line_end)
            at = following
        # What is left of the query are its last line breaks.
        place = pieces[-1].file + pieces[-1].length
        while query < len(self.query):
            pieces.append(TextPiece(query, place, 1))
            end = _BREAK.search(text, place)
            query, place = query + 1, end.end() if end else len(text)
        return pieces, place

    def _encode(self, offset: int, text: str) -> str:
        newline = "\r\n" if "\r\n" in self.file_text else "\n"
        at = self.file_offset(offset)
        line = max(self.file_text.rfind("\n", 0, at), self.file_text.rfind("\r", 0, at)) + 1
        current = self.file_text[min(line + self._indent, at) : at]
        after = self.query[offset : offset + 1]
        out = []
        parts = re.split(r"(\n+)", text)
        for number in range(0, len(parts) - 1, 2):
            current += parts[number]
            following = parts[number + 2] or (after if number + 2 == len(parts) - 1 else "")
            spaced = current[:1] in (" ", "\t") or following[:1] in (" ", "\t")
            count = len(parts[number + 1]) + (0 if spaced else 1)
            out += [parts[number], newline * count, " " * self._indent]
            current = ""
        return "".join([*out, parts[-1]])
