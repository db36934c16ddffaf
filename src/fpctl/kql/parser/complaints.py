"""What the parser says when a text is not KQL: one sentence, a place, and what to do."""

from __future__ import annotations

from fpctl.errors import KqlSyntaxError
from fpctl.kql.lexer import bad_token
from fpctl.kql.tokens import BAD, END, Tokens


def unexpected(tokens: Tokens, index: int, expected: str) -> KqlSyntaxError:
    """Return the error that something else stands where `expected` should."""
    kind = tokens.kinds[index]
    if kind == BAD:
        return bad_token(tokens, index)
    found = "the text ends" if kind == END else f"found `{_short(tokens.texts[index])}`"
    return _error(tokens, index, f"expected {expected}, but {found}", None)


def too_deep(tokens: Tokens, index: int) -> KqlSyntaxError:
    """Return the error that the nesting has no reasonable end."""
    return _error(tokens, index, "the query nests too deeply here", "split it with `let` statements")


def _error(tokens: Tokens, index: int, message: str, hint: str | None) -> KqlSyntaxError:
    source = tokens.source
    # At the end of the text point just after the last token, not into trailing blank lines.
    offset = tokens.ends[index - 1] if tokens.kinds[index] == END and index else tokens.starts[index]
    return KqlSyntaxError(message, offset, source.location(offset), source.caret(offset), hint)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."
