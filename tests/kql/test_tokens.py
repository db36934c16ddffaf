"""The lexer: what is one token, and that nothing of a text is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.errors import KqlSyntaxError
from fpctl.kql.lexer import scan, tokenize
from fpctl.kql.tokens import COMMENT, END, WHITESPACE
from kql.outline import golden

_WORDS = """
    T | where a == 'x' "y" @"z\\" h'w' ``` ~~~ // # ; ( ) [ ] { } .. . -- --> <-[ ]-> => =~ !~ !has !in~ in~ 1d 1.5h
    1. 1e5 0x1F 5abc datetime(2026-01-01) long(null) dynamic( project-away project-awayX mv-expand matches regex
    hint.strategy 74be27de-1e4e-49d9-b579-fe0b331d3642 \\ ' " é ‘ \ufeff \x00 $left _x @ ? ! ~ `
""".split(" ")  # noqa: SIM905 - a word list reads better as words
_FRAGMENTS = st.sampled_from([*_WORDS, " ", "\n", "\r\n", "\t", "\r", "\u2028"])


def kinds(text: str) -> list[str]:
    return [kind for kind in tokenize(text).kinds if kind != END]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name", "NAME"),
        ("_name9", "NAME"),
        ("$left", "NAME"),
        ("3rd_party", "NAME"),
        ("5abc", "NAME"),
        ("0x", "NAME"),
        ("1D", "NAME"),
        ("h", "NAME"),
        ("5", "LONG"),
        ("0x1F", "LONG"),
        ("long(5)", "LONG"),
        ("int64(null)", "LONG"),
        ("int(5)", "INT"),
        ("1.5", "REAL"),
        ("1.", "REAL"),
        ("1e5", "REAL"),
        ("1.5E-3", "REAL"),
        ("real(nan)", "REAL"),
        ("double(1)", "REAL"),
        ("decimal(1.5)", "DECIMAL"),
        ("true", "BOOL"),
        ("FALSE", "BOOL"),
        ("bool(null)", "BOOL"),
        ("datetime(2026-01-01 10:00)", "DATETIME"),
        ("date(null)", "DATETIME"),
        ("1d", "TIMESPAN"),
        ("1.5h", "TIMESPAN"),
        ("10ms", "TIMESPAN"),
        ("1tick", "TIMESPAN"),
        ("2microseconds", "TIMESPAN"),
        ("time(1.00:00:00)", "TIMESPAN"),
        ("guid(74be27de-1e4e-49d9-b579-fe0b331d3642)", "GUID"),
        ("74be27de-1e4e-49d9-b579-fe0b331d3642", "RAW_GUID"),
        ("abcdefde-1e4e-49d9-b579-fe0b331d3642", "RAW_GUID"),
        ("''", "STRING"),
        ('"a\\"b"', "STRING"),
        ("@'it''s'", "STRING"),
        ('@"C:\\"', "STRING"),
        ("h'x'", "STRING"),
        ('H@"x"', "STRING"),
        ("```a\n'b'```", "STRING"),
        ("~~~a`~~~", "STRING"),
        ("h```x```", "STRING"),
        ("where", "where"),
        ("project-away", "project-away"),
        ("mv-expand", "mv-expand"),
        ("matches regex", "matches regex"),
        ("hint.strategy", "hint.strategy"),
        ("in~", "in~"),
        ("!in~", "!in~"),
        ("!has_cs", "!has_cs"),
        ("!between", "!between"),
        ("=~", "=~"),
        ("!~", "!~"),
        ("<>", "<>"),
        ("<|", "<|"),
        ("..", ".."),
        ("=>", "=>"),
        ("@", "@"),
        ("?", "?"),
    ],
)
def test_one_token(text: str, kind: str) -> None:
    assert kinds(text) == [kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a-b", ["NAME", "-", "NAME"]),
        ("project-b", ["project", "-", "NAME"]),
        ("project-awayX", ["NAME", "-", "NAME"]),
        ("-->", ["-", "-", ">"]),
        ("<-[", ["<", "-", "["]),
        ("1..2", ["LONG", "..", "LONG"]),
        ("1...2", ["REAL", "..", "LONG"]),
        ("1.x", ["LONG", ".", "NAME"]),
        ("datetime (x)", ["datetime", "(", "NAME", ")"]),
        ("todatetime(x)", ["NAME", "(", "NAME", ")"]),
        ("dynamic(x)", ["dynamic", "(", "NAME", ")"]),
        ("Where", ["NAME"]),
        ("has_anything", ["NAME"]),
        ("'a'\"b\"", ["STRING", "STRING"]),
        ("a//b\nc", ["NAME", "NAME"]),
        ("a//b\rc", ["NAME", "NAME"]),
        ("'//'", ["STRING"]),
        ("a\u00a0\u200b\ufeffb", ["NAME", "NAME"]),
    ],
)
def test_several_tokens(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("T | where a == 'x", 15, "a string that begins with ' does not end"),
        ('T | where a == "x\ny"', 15, 'a string that begins with " does not end'),
        (r'print "\q"', 6, 'a string that begins with " does not end'),
        ("print ```x", 6, "a multi-line string that begins with ``` does not end"),
        ("print datetime(2026", 6, "the literal `datetime(2026` has no `)` on its line"),
        ("print é", 6, "the character 'é' is not part of KQL"),
        ("print \x00", 6, "the character U+0000 is not part of KQL"),
        ("print a !likes b", 8, "`!likes` is not an operator"),
    ],
)
def test_what_is_not_kql_is_refused_at_its_place(text: str, offset: int, message: str) -> None:
    with pytest.raises(KqlSyntaxError) as refusal:
        tokenize(text)
    assert (refusal.value.offset, refusal.value.message) == (offset, message)


def test_pieces_name_comments_and_whitespace() -> None:
    text = "  a // one\r\n\t// two\n b"
    pieces = [(piece.kind, text[piece.start : piece.end]) for piece in tokenize(text).pieces()]
    assert pieces == [
        (WHITESPACE, "  "),
        ("NAME", "a"),
        (WHITESPACE, " "),
        (COMMENT, "// one"),
        (WHITESPACE, "\r\n\t"),
        (COMMENT, "// two"),
        (WHITESPACE, "\n "),
        ("NAME", "b"),
    ]


def assert_tiles(text: str) -> None:
    tokens = scan(text)
    at = 0
    for piece in tokens.pieces():
        assert piece.start == at
        assert piece.end > at
        at = piece.end
    assert at == len(text)
    for spelled, start, end in zip(tokens.texts, tokens.starts, tokens.ends, strict=True):
        assert text[start:end] == spelled


@given(st.text(max_size=200))
def test_pieces_tile_any_text(text: str) -> None:
    assert_tiles(text)


@given(st.lists(_FRAGMENTS, max_size=40).map("".join))
def test_pieces_tile_whatever_looks_like_kql(text: str) -> None:
    assert_tiles(text)


@pytest.mark.parametrize("query", golden("accepted"))
def test_pieces_tile_the_golden_queries(query: str) -> None:
    assert_tiles(query)
