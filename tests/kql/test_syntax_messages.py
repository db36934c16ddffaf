"""What a person reads whose text is not KQL."""

from __future__ import annotations

import pytest

from fpctl.errors import KqlSyntaxError
from fpctl.kql.parser import parse


def complaint(text: str) -> KqlSyntaxError:
    with pytest.raises(KqlSyntaxError) as refusal:
        parse(text)
    return refusal.value


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("", "1:1", "the text holds no query", None),
        ("  \n// only a comment\n", "3:1", "the text holds no query", None),
        (
            "T | take 1\n\n// second\nU\n| where a == 1",
            "4:1",
            "a second query seems to start here: `U`",
            "a rule is one query; end the first with `;` if both are meant",
        ),
        (
            "T | project a, b\nlet c = 1;\nU",
            "2:1",
            "a second query seems to start here: `let c = 1;`",
            "a rule is one query; end the first with `;` if both are meant",
        ),
        (
            "let a = 5\nT | take a",
            "2:1",
            "expected `;` after the `let` statement, but found `T`",
            "every `let` ends with `;`",
        ),
        (
            "| where a == 1",
            "1:1",
            "expected an expression, but found `|`",
            "the query begins with `|`: the table that it reads is missing",
        ),
        (
            ".show tables",
            "1:1",
            "expected an expression, but found `.`",
            "this is a management command; only queries can be rules",
        ),
        ("T |", "1:4", "expected an operator after `|`, but the text ends", None),
        (
            "T | WHERE a",
            "1:5",
            "expected an operator after `|`, but found `WHERE`",
            "KQL is case-sensitive: write `where`",
        ),
        (
            "T | sumarize count()",
            "1:5",
            "expected an operator after `|`, but found `sumarize`",
            "did you mean `summarize`?",
        ),
        (
            "T | project-reorderTime, a",
            "1:5",
            "expected an operator after `|`, but found `project`",
            "a space is missing after `project-reorder`",
        ),
        (
            "T where a == 1",
            "1:3",
            "expected `|`, `;` or the end of the query, but found `where`",
            "is a `|` missing before `where`?",
        ),
        (
            "T | project a b",
            "1:15",
            "expected `|`, `;` or the end of the query, but found `b`",
            "is a comma or an operator missing before `b`?",
        ),
        (
            "T | where a = 1 and b = 2",
            "1:23",
            "expected `|`, `;` or the end of the query, but found `=`",
            "to compare write `==`",
        ),
        (
            "T | extend a-b = 1",
            "1:16",
            "expected `|`, `;` or the end of the query, but found `=`",
            "a name with `-` in it needs brackets: ['a-b']",
        ),
        (
            "T | where a == b == c",
            "1:18",
            "expected `|`, `;` or the end of the query, but found `==`",
            "comparisons do not chain: join them with `and`",
        ),
        (
            "T | where not a == 1",
            "1:15",
            "expected `|`, `;` or the end of the query, but found `a`",
            "write not(...), with parentheses",
        ),
        (
            "T | where contains == 1",
            "1:11",
            "expected an expression, but found `contains`",
            "`contains` is a keyword; a column of that name is written ['contains']",
        ),
        ("T | where a in ('x',)", "1:21", "expected an expression, but found `)`", "the list ends with a comma"),
        (
            "T | where (a == 1\n| take 1",
            "2:9",
            "expected `)` to close `(`, but the text ends",
            "the `(` at line 1, column 11 is still open",
        ),
        (
            "T | where f(a == 1",
            "1:19",
            "expected `,` or `)` in the arguments of `f`, but the text ends",
            "the `(` at line 1, column 12 is still open",
        ),
        (
            "T | where a == 1)",
            "1:17",
            "expected `|`, `;` or the end of the query, but found `)`",
            "nothing is open that this `)` could close",
        ),
        (
            "T | where a == {{value}}",
            "1:16",
            "expected an expression, but found `{`",
            "this looks like a template's placeholder: put its value in",
        ),
        (
            "T | where g == 74be27de-1e4e-49d9-b579-fe0b331d3642",
            "1:16",
            "expected an expression, but found `74be27de-1e4e-49d9-b579-fe0b331d3642`",
            "write guid(...) for a guid, or quotes for a string",
        ),
        (
            "materialize(T) | take 1",
            "1:1",
            "expected an expression, but found `materialize`",
            "`materialize(...)` is allowed only directly after `let name =`",
        ),
        ("T /* x */", "1:4", "expected an expression, but found `*`", "a comment begins with `//`"),
        (
            "T\n# heading",
            "2:1",
            "expected `|`, `;` or the end of the query, but found `# heading`",
            "a comment begins with `//`",
        ),
        (
            "T\n| take 1\nset notruncation;\nU",
            "3:1",
            "a second query seems to start here: `set notruncation;`",
            "a rule is one query; end the first with `;` if both are meant",
        ),
        ("T;;", "1:3", "expected an expression, but found `;`", "there is no statement before this `;`"),
        (
            r'T | where a == "C:\windows"',
            "1:16",
            'a string that begins with " does not end',
            r'`\w` is not an escape: write `\\` for a backslash, or @"..."',
        ),
        (
            "T | where a == “x”",
            "1:16",
            "the character '“' is not part of KQL",
            "a typographic quote, as word processors write them: use ' or \"",
        ),
        ("T | where !(a)", "1:11", "`!` is not an operator", "to negate a condition write not(...)"),
    ],
)
def test_complaint(text: str, place: str, message: str, hint: str | None) -> None:
    error = complaint(text)
    assert f"{error.at}" == f"<text>:{place}"
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SELECT * FROM T WHERE a = 1", "this looks like SQL"),
        ("select a, b\nfrom T", "this looks like SQL"),
        ("Get-Process | Where-Object { $_.Name }", "this looks like PowerShell"),
        ("$x = Get-Item .", "this looks like PowerShell"),
        ("# Title\n\nSome words about it", "this looks like Markdown: only what is between the fences is KQL"),
        ("```kql\nT | take 1\n```\nSome words", "this looks like Markdown: only what is between the fences is KQL"),
        ("name: x\ndescription: y\nquery: T", "this looks like YAML: only the rule's `query` is KQL"),
        ('{\n  "query": "T"\n}', "this looks like JSON: only the rule's `query` is KQL"),
    ],
)
def test_text_of_another_language_is_named(text: str, hint: str) -> None:
    assert complaint(text).hint == hint


def test_the_whole_message_shows_place_caret_and_hint() -> None:
    with pytest.raises(KqlSyntaxError) as refusal:
        parse("T\n\t| where a = = 1", "rules/x.kql")
    assert str(refusal.value) == (
        "rules/x.kql:2:14: expected an expression, but found `=`\n    \t| where a = = 1\n    \t            ^\n"
        "  hint: to compare write `==`"
    )


def test_long_tokens_are_shortened() -> None:
    error = complaint(f"T | project a '{'x' * 100}'")
    assert error.message == f"expected `|`, `;` or the end of the query, but found `'{'x' * 36}...`"
