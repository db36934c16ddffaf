"""Validation errors of authored models, in our own words and with a hint."""

from __future__ import annotations

from pydantic_core import PydanticCustomError


def validation_error(
    code: str, message: str, hint: str | None = None, at: tuple[int | str, ...] = ()
) -> PydanticCustomError:
    """Return a validation error with our words; `at` is the place below the model that is at fault."""
    # The text is a value of the template, not the template, so that braces in it stay braces.
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint, "at": list(at)})
