"""Text to tree: `parse`."""

from __future__ import annotations

from fpctl.kql.grammar.syntax_errors import too_deep
from fpctl.kql.lexer import scan
from fpctl.kql.parser.statements import Parser
from fpctl.kql.tree import Query


def parse(text: str, path: str | None = None) -> Query:
    """Return the tree of a KQL text.

    Args:
        text: one query, or several statements separated by `;`.
        path: the name of the text in error messages.

    Raises:
        KqlSyntaxError: the text is not KQL; with the place, what was expected there, and a hint.
    """
    parser = Parser(scan(text, path))
    try:
        return parser.text()
    except RecursionError:
        # Our own limit comes first, unless the caller has used up most of Python's stack.
        raise too_deep(parser.tokens, parser.at) from None
