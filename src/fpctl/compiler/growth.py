"""Values that double from column to column: thirty short lines could ask for gigabytes in each row."""

from __future__ import annotations

from collections.abc import Mapping

from fpctl.compiler.refusal import Refusal
from fpctl.kql import tree

MOST_PARTS = 1_000_000
"""From so many parts a value may be put together by the `extend`s of one pipeline."""
_JOINING = frozenset(
    {
        "strcat", "strcat_delim", "pack_array", "pack", "bag_pack", "pack_dictionary", "array_concat", "bag_merge",
        "set_union",
    }
)  # fmt: skip
"""Functions whose result is as large as all of their arguments together."""


def check_growth(query: tree.Query) -> None:
    """Check that no column of a query grows beyond what a row can hold.

    Raises:
        Refusal: one is put together from more than `MOST_PARTS` parts.
    """
    for pipeline in tree.walk(query):
        if not isinstance(pipeline, tree.Pipeline):
            continue
        sizes: dict[str, int] = {}
        for operator in pipeline.operators:
            if not isinstance(operator, (tree.Extend, tree.Project, tree.Serialize)):
                continue
            made = {
                name.value: (_parts(item.value, sizes), item)
                for item in operator.items
                if isinstance(item, tree.Named)
                for name in item.names
            }
            for name, (parts, item) in made.items():
                if parts > MOST_PARTS:
                    message = f"the value of {name} is put together from more than {MOST_PARTS:,} parts"
                    raise Refusal(operator.keyword, message, item.start, "use fewer parts", code="too-complex")
                sizes[name] = parts


def _parts(node: tree.Node, sizes: Mapping[str, int]) -> int:
    """Return from how many values of a row an expression is put together, at most."""
    if isinstance(node, tree.Name):
        return sizes.get(node.value, 1)
    if not sizes:
        return 1
    below = [_parts(child, sizes) for child in tree.children(node)]
    if isinstance(node, tree.Call) and node.name.value in _JOINING:
        return sum(below)
    return max(below, default=1)
