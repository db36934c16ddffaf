"""`make-series` over time, said with `summarize`: a value for each step, the default where there are no rows.

Values travel as texts `step:value`, since duckdb-kql has neither a bag that is made by an aggregate nor an order
within `make_list`. Only what has both ends and a step is lowered; else the data would decide on the steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree
from fpctl.kql.literals import bracket_name

_WHOLE = frozenset({"count", "countif", "dcount", "dcountif"})
_REAL = frozenset({"sum", "sumif", "avg", "avgif", "min", "minif", "max", "maxif", "percentile", "stdev", "variance"})
_STEP, _ONE, _AT = "fpctl_step", "fpctl_one", "fpctl_at"
_DIGITS = 8
"""Steps are numbered with so many digits, so that their texts sort as the numbers do."""


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield the lowering of every `make-series` that can be said otherwise."""
    for node in draft.nodes:
        if isinstance(node, tree.MakeSeries):
            text = _lowered(draft, node)
            if text is not None:
                draft.notes.add(node.keyword)
                yield Edit(node.start, node.end, text)


def _lowered(draft: Draft, node: tree.MakeSeries) -> str | None:
    columns = draft.columns_after(node)
    points = draft.points.get(id(node))
    if columns is None or points is None or node.parameters or not isinstance(node.on, tree.Name):
        return None
    if node.low is None or node.high is None or node.step is None:
        return None
    axis = points[0].scope.columns.get(node.on.value)
    kinds = [_kind(item.value) for item in node.aggregates]
    names = [bracket_name(name) for name in columns]
    if axis is None or axis.type != "datetime" or None in kinds or len(names) != len(node.by) + len(kinds) + 1:
        return None
    low, high, step = (f"({draft.source(expr)})" for expr in (node.low, node.high, node.step))
    time = bracket_name(node.on.value)
    keys, made = names[: len(node.by)], names[len(node.by) : -1]
    by = "".join(f", {name} = {_value(draft, expr)}" for name, expr in zip(keys, node.by, strict=True))
    kept = f" by {', '.join(keys)}" if keys else ""
    numbers = range(len(made))
    values = ", ".join(f"fpctl_v{i} = {_value(draft, node.aggregates[i].value)}" for i in numbers)
    lists = ", ".join(f'fpctl_v{i} = make_list(strcat({_STEP}, ":", fpctl_v{i}))' for i in numbers)
    texts = ", ".join(f'fpctl_v{i} = strcat(",", strcat_array(fpctl_v{i}, ","), ",")' for i in numbers)
    filled = []
    for i in numbers:
        default = node.aggregates[i].default
        found = f'extract(strcat(",", {_STEP}, ":([^,]*),"), 1, fpctl_v{i})'
        filled.append(
            f"fpctl_v{i} = coalesce({kinds[i]}({found}), {kinds[i]}({draft.source(default) if default else 0}))"
        )
    joined = [f'{name} = make_list(strcat({_AT}, ":", fpctl_v{i}))' for i, name in enumerate(made)]
    joined.append(f'{names[-1]} = make_list(strcat({_AT}, ":\\"", {low} + {_STEP} * {step}, "\\""))')
    zeros = "0" * _DIGITS
    return " | ".join(
        [
            f"where {time} >= {low} and {time} < {high}",
            f"summarize {values} by {_STEP} = tolong(({time} - {low}) / {step}){by}",
            f"summarize {lists}{kept}",
            f"extend {texts}, {_ONE} = 1",
            f"join kind=inner (range {_STEP} from 0 to tolong(ceiling(({high} - {low}) / {step})) - 1 step 1 "
            f"| extend {_ONE} = 1) on {_ONE}",
            f"extend {', '.join(filled)}",
            f'extend {_AT} = strcat("{zeros}", {_STEP})',
            f"extend {_AT} = substring({_AT}, strlen({_AT}) - {_DIGITS})",
            f"summarize {', '.join(joined)}{kept}",
            f"extend {', '.join(f'{name} = {_array(name)}' for name in [*made, names[-1]])}",
        ]
    )


def _array(name: str) -> str:
    """Return the array of a list of texts `step:value`, in the order of the steps."""
    texts = f'strcat_array(array_sort_asc({name}), ",")'
    return f'parse_json(strcat("[", replace_regex({texts}, @"(^|,)[0-9]{{{_DIGITS}}}:", @"\\1"), "]"))'


def _kind(expr: tree.Expr) -> str | None:
    """Return the function that reads an aggregate's value from text; None for what is no number."""
    call = expr.value if isinstance(expr, tree.Named) else expr
    if not isinstance(call, tree.Call):
        return None
    name = call.name.value
    return "tolong" if name in _WHOLE else "toreal" if name in _REAL else None


def _value(draft: Draft, node: tree.Expr) -> str:
    return draft.source(node.value if isinstance(node, tree.Named) else node)
