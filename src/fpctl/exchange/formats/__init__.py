"""The formats of other tools, a module or package each: what `import` reads and `export` writes."""

from __future__ import annotations

import pkgutil
from functools import cache


@cache
def format_names() -> tuple[str, ...]:
    """Return the names of the formats, sorted. None of them is imported."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__)))
