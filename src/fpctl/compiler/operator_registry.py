"""Which function compiles which operator. The modules of `operators/` enter themselves; what is not here is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

OPERATORS: dict[type, Callable[..., Any]] = {}
"""Class of an operator's node -> `(compiler, node, rows) -> Relation`."""
SOURCES: dict[type, Callable[..., Any]] = {}
"""Class of the node of what begins a pipeline -> `(compiler, node) -> Relation`."""

Compile = TypeVar("Compile", bound=Callable[..., Any])


def operator(*nodes: type) -> Callable[[Compile], Compile]:
    """Enter the function that compiles operators of these classes."""

    def entered(compile_one: Compile) -> Compile:
        OPERATORS.update(dict.fromkeys(nodes, compile_one))
        return compile_one

    return entered


def source(*nodes: type) -> Callable[[Compile], Compile]:
    """Enter the function that compiles what begins a pipeline, of these classes."""

    def entered(compile_one: Compile) -> Compile:
        SOURCES.update(dict.fromkeys(nodes, compile_one))
        return compile_one

    return entered
