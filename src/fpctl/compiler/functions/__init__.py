"""The functions, one module for each family; importing this package fills the table (`fpctl.compiler.registry`)."""

from fpctl.compiler.functions import (
    addresses,
    aggregates,
    clock,
    containers,
    conversion,
    dynamic,
    encodings,
    ingestion,
    logic,
    mathematics,
    numbers,
    regular_expressions,
    structured_text,
    text,
    time,
    windows,
)

__all__ = [
    "addresses",
    "aggregates",
    "clock",
    "containers",
    "conversion",
    "dynamic",
    "encodings",
    "ingestion",
    "logic",
    "mathematics",
    "numbers",
    "regular_expressions",
    "structured_text",
    "text",
    "time",
    "windows",
]
