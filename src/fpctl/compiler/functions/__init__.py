"""The functions, one module for each family; importing this package fills the table (`fpctl.compiler.registry`)."""

from fpctl.compiler.functions import (
    addresses,
    aggregates,
    clock,
    containers,
    conversion,
    dynamic,
    encodings,
    gathered,
    logic,
    mathematics,
    numbers,
    regular_expressions,
    series,
    structured_text,
    text,
    time,
)

__all__ = [
    "addresses",
    "aggregates",
    "clock",
    "containers",
    "conversion",
    "dynamic",
    "encodings",
    "gathered",
    "logic",
    "mathematics",
    "numbers",
    "regular_expressions",
    "series",
    "structured_text",
    "text",
    "time",
]
