"""The one error root, located problems, and the exit codes.

Two kinds of bad news exist and are never mixed. A `Problem` is a value: something is wrong with
what a person authored; problems are collected and shown together. An `FpctlError` is raised: the
command cannot go on. Both say what, where, and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

EXIT_OK = 0
"""Everything asked for was done, and nothing was found."""
EXIT_FINDINGS = 1
"""The command worked and found something: audit findings, refused exclusions, `--check` differences."""
EXIT_ERROR = 2
"""The command could not do its work, or a file it had to read is broken."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in an authored text: `path:line:column`, lines and columns counted from 1."""

    path: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [self.path or "<text>"]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an authored file.

    `code` is a stable kebab-case word that scripts may rely on; `message` is for people and may
    change. `caret` is the offending source line with a caret under the place, where there is one.
    """

    code: str
    message: str
    at: Location
    hint: str | None = None
    severity: Severity = "error"
    caret: str | None = None

    def __str__(self) -> str:
        text = f"{self.at}: {self.severity}: {self.message}"
        if self.caret:
            text += f"\n{self.caret}"
        if self.hint:
            text += f"\n  hint: {self.hint}"
        return text

    def to_dict(self) -> dict[str, object]:
        """Return the documented JSON shape of a problem."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "path": self.at.path,
            "line": self.at.line,
            "column": self.at.column,
            "hint": self.hint,
        }


class FpctlError(Exception):
    """The root of every error that fpctl raises on purpose.

    Args:
        message: what went wrong, in one sentence.
        at: where, if a text or file is at fault.
        hint: what the user can do about it.
        caret: the source line with a caret under the place.
    """

    def __init__(
        self,
        message: str,
        at: Location | None = None,
        hint: str | None = None,
        caret: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint
        self.caret = caret

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from their `args`; these have more to say, and some take other arguments.
        return _restored, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        text = f"{self.at}: {self.message}" if self.at else self.message
        if self.caret:
            text += f"\n{self.caret}"
        if self.hint:
            text += f"\n  hint: {self.hint}"
        return text


class UnexpectedError(FpctlError):
    """A fault of fpctl itself, found while it worked on one authored text: the others are still processed."""

    @classmethod
    def of(cls, error: Exception, doing: str, at: Location | None) -> UnexpectedError:
        """Return the report of an exception that nobody foresaw.

        Args:
            error: the exception.
            doing: what was being done: `planning this rule`.
            at: the text that it was done with.
        """
        frames = []
        trace = error.__traceback__
        while trace is not None:
            frames.append(f"{PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
            trace = trace.tb_next
        place = f" at {frames[-1]}" if frames else ""
        text = " ".join(str(error).split())
        text = f": {text[:197]}..." if len(text) > 200 else f": {text}" if text else ""
        return cls(
            f"fpctl failed while {doing}: {type(error).__name__}{place}{text}",
            at,
            "this is a bug in fpctl, not in the file: please report it with the rule",
        )


def _restored(kind: type[FpctlError], args: tuple[object, ...], state: dict[str, object]) -> FpctlError:
    """Return an error as it was pickled."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class KqlSyntaxError(FpctlError):
    """A text that is not KQL. `offset` is the 0-based character offset in the query text."""

    def __init__(self, message: str, offset: int, at: Location, caret: str, hint: str | None = None) -> None:
        super().__init__(message, at, hint, caret)
        self.offset = offset
