"""What the parser says when a text is not KQL: one sentence, a place, and what to do.

Hints are guesses from what is around the place. They are made only once a text is refused, so
they may look at all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from fpctl.errors import KqlSyntaxError
from fpctl.kql.lexer import bad_token
from fpctl.kql.tokens import BAD, DIRECTIVE, END, KEYWORDS, LITERAL_TYPES, NAME, NAME_KINDS, RAW_GUID, Tokens

_BEGINNERS = frozenset(
    ("declare", "datatable", "external_data", "externaldata", "find", "let", "print", "search", "set", "union")
)
"""Keywords that a query or a statement begins with; others begin with a name."""
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_COMPARISONS = frozenset(("==", "!=", "=~", "!~", "<", "<=", ">", ">=", "has", "contains", "startswith", "endswith"))

_FOREIGN = (
    (
        re.compile(r"(?i:select|insert|update|delete|create|with)\s.*?\b(?i:from|into|set|table|as)\b", re.DOTALL),
        "this looks like SQL",
    ),
    (
        re.compile(r"[A-Z][a-z]+-[A-Z]\w+|\$\w+\s*=|powershell\b|Import-|function\s+\w+-"),
        "this looks like PowerShell",
    ),
    (re.compile(r"#{1,6} \S|```|\[[^\]]+\]\("), "this looks like Markdown: only what is between the fences is KQL"),
    (re.compile(r"\w+:(?:[ \t]|\r?\n)[^|]*\n\w+:", re.DOTALL), "this looks like YAML: only the rule's `query` is KQL"),
    (re.compile(r'[\[{]\s*"\w'), "this looks like JSON: only the rule's `query` is KQL"),
)
"""How texts begin that are kept next to queries and are none."""
_FOREIGN_REACH = 12
"""Foreign text is refused within its first tokens; later on it is a query with a mistake."""


def unexpected(tokens: Tokens, index: int, expected: str, operators: frozenset[str]) -> KqlSyntaxError:
    """Return the error that `expected` is missing and something else is in its place."""
    if tokens.kinds[index] == BAD:
        return _bad(tokens, index)
    return _error(
        tokens, index, f"expected {expected}, but {_found(tokens, index)}", _hint(tokens, index, expected, operators)
    )


def not_an_operator(tokens: Tokens, index: int, operators: frozenset[str]) -> KqlSyntaxError:
    """Return the error that no operator follows a `|`."""
    if tokens.kinds[index] == BAD:
        return _bad(tokens, index)
    text = tokens.texts[index]
    hint = _foreign(tokens, index)
    if hint:
        pass
    elif run_on := _run_on(tokens, index, operators):
        hint = f"a space is missing after `{run_on}`"
    elif text.lower() in operators:
        hint = f"KQL is case-sensitive: write `{text.lower()}`"
    elif tokens.kinds[index] == NAME and (near := get_close_matches(text.lower(), sorted(operators), 1, 0.7)):
        hint = f"did you mean `{near[0]}`?"
    return _error(tokens, index, f"expected an operator after `|`, but {_found(tokens, index)}", hint)


def no_query(tokens: Tokens) -> KqlSyntaxError:
    """Return the error that a text holds nothing but space and comments."""
    return _error(tokens, 0, "the text holds no query", None)


def left_over(tokens: Tokens, index: int, after_let: bool, closing: str, operators: frozenset[str]) -> KqlSyntaxError:
    """Return the error that a statement is complete at `index`, and something else follows."""
    kind = tokens.kinds[index]
    if kind == BAD:
        return _bad(tokens, index)
    end = "the end of the query" if closing == END else f"`{closing}`"
    message = f"expected `|`, `;` or {end}, but {_found(tokens, index)}"
    hint = _foreign(tokens, index)
    if hint is None and _begins_line(tokens, index):
        if after_let:
            message = f"expected `;` after the `let` statement, but {_found(tokens, index)}"
            return _error(tokens, index, message, "every `let` ends with `;`")
        if kind in _BEGINNERS or (kind in NAME_KINDS and kind not in operators):
            line = tokens.source.line(tokens.source.line_column(tokens.starts[index])[0]).strip()
            message = f"a second query seems to start here: `{_short(line)}`"
            return _error(tokens, index, message, "a rule is one query; end the first with `;` if both are meant")
    return _error(tokens, index, message, hint or _hint(tokens, index, "`,`", operators))


def too_deep(tokens: Tokens, index: int) -> KqlSyntaxError:
    """Return the error that the nesting has no reasonable end."""
    return _error(tokens, index, "the query nests too deeply here", "split it with `let` statements")


# --------------------------------------------------------------------------- messages


def _bad(tokens: Tokens, index: int) -> KqlSyntaxError:
    error = bad_token(tokens, index)
    return error if error.hint else _error(tokens, index, error.message, _foreign(tokens, index))


def _error(tokens: Tokens, index: int, message: str, hint: str | None) -> KqlSyntaxError:
    source = tokens.source
    # At the end of the text point just after the last token, not into trailing blank lines.
    offset = tokens.ends[index - 1] if tokens.kinds[index] == END and index else tokens.starts[index]
    return KqlSyntaxError(message, offset, source.location(offset), source.caret(offset), hint)


def _found(tokens: Tokens, index: int) -> str:
    return "the text ends" if tokens.kinds[index] == END else f"found `{_short(tokens.texts[index])}`"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."


# --------------------------------------------------------------------------- hints


def _hint(tokens: Tokens, index: int, expected: str, operators: frozenset[str]) -> str | None:
    for look in _BEFORE_OPERATORS:
        if hint := look(tokens, index, expected):
            return hint
    if hint := _missing_pipe(tokens, index, operators):
        return hint
    return next((hint for look in _AFTER_OPERATORS if (hint := look(tokens, index, expected))), None)


def _foreign(tokens: Tokens, index: int) -> str | None:
    if index > _FOREIGN_REACH:
        return None
    text = tokens.source.text[tokens.starts[0] :]
    return next((hint for begins, hint in _FOREIGN if begins.match(text)), None)


def _run_on(tokens: Tokens, index: int, operators: frozenset[str]) -> str | None:
    """Return the dashed operator that a word runs on from: `project-away` of `project-awayX`."""
    line = tokens.source.text[tokens.starts[index] : tokens.starts[index] + 40]
    return next((word for word in sorted(operators) if "-" in word and line.startswith(word)), None)


def _headless(tokens: Tokens, index: int, expected: str) -> str | None:
    if index:
        return None
    return {
        "|": "the query begins with `|`: the table that it reads is missing",
        ".": "this is a management command; only queries can be rules",
        ";": "there is no statement before this `;`",
    }.get(tokens.kinds[0])


def _placeholder(tokens: Tokens, index: int, expected: str) -> str | None:
    if expected == "an expression" and "{" in tokens.kinds[max(0, index - 1) : index + 1]:
        return "this looks like a template's placeholder: put its value in"
    return None


def _any_foreign(tokens: Tokens, index: int, expected: str) -> str | None:
    return _foreign(tokens, index)


def _words(tokens: Tokens, index: int, expected: str) -> str | None:
    """Explain what is at the place, or just before it, where that alone says what is wrong."""
    kind, before = tokens.kinds[index], tokens.texts[index - 1] if index else ""
    if kind == DIRECTIVE or (kind == "*" and before == "/"):
        return "a comment begins with `//`"
    if kind == RAW_GUID:
        return "write guid(...) for a guid, or quotes for a string"
    if kind == "materialize":
        return "`materialize(...)` is allowed only directly after `let name =`"
    if before == "not":
        return "write not(...), with parentheses"
    if kind == ";" and before == ";":
        return "there is no statement before this `;`"
    return None


def _assignment(tokens: Tokens, index: int, expected: str) -> str | None:
    if tokens.kinds[index] != "=":
        return None
    if index and tokens.kinds[index - 1] == "let":
        return "the name is missing after `let`"
    start = max(0, index - 1)
    while start and tokens.starts[start] == tokens.ends[start - 1] and tokens.kinds[start - 1] in (*NAME_KINDS, "-"):
        start -= 1
    name = tokens.source.text[tokens.starts[start] : tokens.ends[index - 1]]
    if "-" in name:
        return f"a name with `-` in it needs brackets: ['{name}']"
    return "to compare write `==`"


def _reserved(tokens: Tokens, index: int, expected: str) -> str | None:
    kind, after = tokens.kinds[index], tokens.kinds[index + 1]
    if "expression" not in expected and "name" not in expected:
        return None
    if kind in KEYWORDS and kind not in NAME_KINDS and (after in _COMPARISONS or after in (",", ")", ".", "=", END)):
        return f"`{kind}` is a keyword; a column of that name is written ['{kind}']"
    return None


def _chained(tokens: Tokens, index: int, expected: str) -> str | None:
    if tokens.kinds[index] not in _COMPARISONS or not _ends_operand(tokens, index - 1):
        return None
    return "comparisons do not chain: join them with `and`"


def _missing_pipe(tokens: Tokens, index: int, operators: frozenset[str]) -> str | None:
    kind = tokens.kinds[index]
    if kind not in operators or not _ends_operand(tokens, index - 1):
        return None
    return f"is a `|` missing before `{kind}`?"


def _trailing_comma(tokens: Tokens, index: int, expected: str) -> str | None:
    if index and tokens.kinds[index - 1] == "," and tokens.kinds[index] in (")", "]", "|", ";", END):
        return "the list ends with a comma"
    return None


def _open_bracket(tokens: Tokens, index: int, expected: str) -> str | None:
    """Name the innermost bracket that is still open at `index`, or say that there is none to close."""
    stack: list[int] = []
    for at, kind in enumerate(tokens.kinds[:index]):
        if kind in _PAIRS:
            stack.append(at)
        elif stack and kind == _PAIRS[tokens.kinds[stack[-1]]]:
            stack.pop()
    kind = tokens.kinds[index]
    if not stack:
        return f"nothing is open that this `{kind}` could close" if kind in _PAIRS.values() else None
    opener = tokens.kinds[stack[-1]]
    if kind == _PAIRS[opener] or (kind not in (END, "|", ";", *_PAIRS.values()) and "to close" not in expected):
        return None
    line, column = tokens.source.line_column(tokens.starts[stack[-1]])
    return f"the `{opener}` at line {line}, column {column} is still open"


def _missing_comma(tokens: Tokens, index: int, expected: str) -> str | None:
    kind = tokens.kinds[index]
    if "`,`" not in expected or not _ends_operand(tokens, index - 1):
        return None
    if kind in NAME_KINDS or kind in LITERAL_TYPES or kind == "(":
        return f"is a comma or an operator missing before `{_short(tokens.texts[index])}`?"
    return None


def _ends_operand(tokens: Tokens, index: int) -> bool:
    """Return whether the token at `index` can be the last one of an operand."""
    kind = tokens.kinds[index]
    return index >= 0 and (kind in NAME_KINDS or kind in LITERAL_TYPES or kind in (")", "]", "}"))


def _begins_line(tokens: Tokens, index: int) -> bool:
    return index == 0 or "\n" in tokens.trivia[index]


_BEFORE_OPERATORS: tuple[Callable[[Tokens, int, str], str | None], ...] = (
    _headless,
    _any_foreign,
    _placeholder,
    _words,
    _assignment,
    _reserved,
    _chained,
)
_AFTER_OPERATORS: tuple[Callable[[Tokens, int, str], str | None], ...] = (
    _trailing_comma,
    _open_bracket,
    _missing_comma,
)
