"""What the compiler will not compile, because it could not be exact: a value that names it and its place."""

from __future__ import annotations


class Refusal(Exception):
    """A construct that cannot be compiled exactly.

    Attributes:
        what: the operator, function or construct, by the name the reference has for it.
        message: a plain sentence.
        offset: the 0-based character of the query, None where it lies in a stored function.
        hint: what to do instead, None where nothing is known.
        name: the table that is not there, where that is the reason.
        code: `unsupported`, `unknown-column`, `unknown-table`, `unknown-function`, `too-complex`.
    """

    def __init__(
        self,
        what: str,
        message: str,
        offset: int | None,
        hint: str | None = None,
        code: str = "unsupported",
        name: str | None = None,
    ) -> None:
        super().__init__(message)
        self.what = what
        self.message = message
        self.offset = offset
        self.hint = hint
        self.code = code
        self.name = name
