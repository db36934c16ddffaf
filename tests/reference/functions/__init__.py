"""Scalar functions by name: each takes values and returns a value of a type that does not depend on their content."""

from __future__ import annotations

from collections.abc import Callable

from reference.values import Value

Scalar = Callable[..., Value]
SCALARS: dict[str, Scalar] = {}


def scalar(*names: str) -> Callable[[Scalar], Scalar]:
    """Enter a function under its names."""

    def enter(function: Scalar) -> Scalar:
        for name in names:
            SCALARS[name] = function
        return function

    return enter


def load() -> dict[str, Scalar]:
    """Return every function."""
    from reference.functions import (  # noqa: F401 - they enter themselves
        addresses,
        containers,
        encodings,
        numbers,
        paths,
        series,
        text,
        time,
    )

    return SCALARS
