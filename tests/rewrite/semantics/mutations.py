"""Take back, one at a time, what keeps a clause from doing harm, and show that the generated queries find it.

    python tests/rewrite/semantics/mutations.py [most seeds]

Prints for each mutation after how many queries the first fault showed, and which. A mutation that no query shows
is one that the generator cannot find: exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from fpctl.kql import tree  # noqa: E402
from fpctl.kql.operators.model import Polarity  # noqa: E402
from fpctl.rewrite.placement import (  # noqa: E402
    column_resolver,
    computed_columns,
    effects,
    placer,
    polarity,
    row_keys,
    wildcard_tables,
)
from fpctl.rewrite.plan import exclusion_clauses, plan_warnings  # noqa: E402
from rewrite.semantics import computed, references  # noqa: E402
from rewrite.semantics.estate import close_estates  # noqa: E402
from rewrite.semantics.references import Shape, case_of  # noqa: E402
from rewrite.semantics.verdict import NotRunError, judge  # noqa: E402


class Mutation(NamedTuple):
    """One rule taken back: what is replaced, the shapes of queries that may show it, and a word that these have."""

    patches: Callable[[], list[Any]]
    shapes: tuple[Shape, ...]
    word: str = ""


def _nothing(*_: Any, **__: Any) -> Iterator[Any]:
    return iter(())


def _none(*_: Any, **__: Any) -> None:
    return None


def _attribute(owner: Any, name: str, value: Any) -> Callable[[], list[Any]]:
    return lambda: [patch.object(owner, name, value)]


def _scalars_are_values() -> list[Any]:
    return [patch.object(polarity._Walker, "scalar", _nothing), patch.object(polarity._Walker, "unfollowed", _nothing)]


def _functions_are_values() -> list[Any]:
    known = polarity._Walker.called

    def called(self: Any, use: Any, call: tree.Call) -> Iterator[Any]:
        return iter(()) if self.out.functions.get(call.name.value) else known(self, use, call)

    return [patch.object(polarity._Walker, "called", called), patch.object(polarity._Walker, "unfollowed", _nothing)]


def _arguments_are_values() -> list[Any]:
    known = polarity._Walker.called

    def called(self: Any, use: Any, call: tree.Call) -> Iterator[Any]:
        return known(self, use, call) if call.name.value == "toscalar" else iter(())

    return [patch.object(polarity._Walker, "called", called), patch.object(polarity._Walker, "unfollowed", _nothing)]


def _membership(operator: str, sign: Polarity) -> Callable[[], list[Any]]:
    return lambda: [patch.dict(polarity._MEMBERSHIP, {operator: sign})]  # type: ignore[dict-item]


def _legs_are_wrapped() -> list[Any]:
    return [patch.object(placer, "table_name", _none), patch.object(wildcard_tables, "table_name", _none)]


def _columns_are_there() -> list[Any]:
    return [
        patch.object(column_resolver.ColumnResolver, "may_be_absent", lambda *_: False),
        patch.object(wildcard_tables.WildcardTableResolver, "_if_exists", lambda _, name, __: name),
    ]


def _first_only() -> list[Any]:
    known = placer._Attempt.beside

    def beside(self: Any, edges: Any) -> Any:
        refusal = None
        for edge in edges:
            placed, refused = known(self, [edge])
            if placed is not None:
                return placed, refused
            refusal = refusal or refused
        return None, refusal

    return [patch.object(placer._Attempt, "beside", beside)]


def _without_warning(code: str) -> Callable[[], list[Any]]:
    def patches() -> list[Any]:
        known = {name: getattr(plan_warnings, name) for name in ("match_warnings", "placement_warnings")}

        def quiet(name: str) -> Callable[..., Iterator[Any]]:
            return lambda *given: (warning for warning in known[name](*given) if warning.code != code)

        return [patch.object(exclusion_clauses, name, quiet(name)) for name in known]

    return patches


def _joins_inside(operator: type) -> Callable[[], list[Any]]:
    return lambda: [patch.dict(effects._FOLLOW, {operator: _nothing})]  # type: ignore[dict-item]


def _unnamed_are_harmless() -> list[Any]:
    known = computed_columns.ComputedColumns.assign

    def assign(self: Any, items: Any, *, keep: bool) -> list[Any]:
        known(self, items, keep=keep)
        return []

    return [patch.object(computed_columns.ComputedColumns, "assign", assign)]


def _comparisons_are_harmless() -> list[Any]:
    known = computed_columns.ComputedColumns.comparison_changes

    def changes(self: Any, node: tree.Binary, positive: bool) -> bool:
        return node.ops[0] in ("<", "<=", ">", ">=", "==", "!=") and known(self, node, positive)

    return [patch.object(computed_columns.ComputedColumns, "comparison_changes", changes)]


def _source_first() -> list[Any]:
    def search(self: Any, pipeline: tree.Pipeline) -> Any:
        return self.others(pipeline) or self.here(pipeline) if self.mode == "source" else self.here(pipeline)

    return [patch.object(placer._Attempt, "search", search)]


def _grow(owner: Any, name: str, *more: str) -> Callable[[], list[Any]]:
    return lambda: [patch.object(owner, name, getattr(owner, name) | set(more))]


_SCALARS = (references.baseline, references.known_values)
_COMPUTED = (computed.computed,)
MUTATIONS: dict[str, Mutation] = {
    "a scalar `let` hides what it is computed from": Mutation(_scalars_are_values, _SCALARS),
    "a scalar function hides what it is computed from": Mutation(_functions_are_values, _SCALARS),
    "the arguments of a function in a value are not followed": Mutation(_arguments_are_values, _SCALARS),
    "`has_all (sub-query)` counts as positive": Mutation(
        _membership("has_all", Polarity.POSITIVE), (references.lists,), "has_all"
    ),
    "`!in (sub-query)` counts as positive": Mutation(_membership("!in", Polarity.POSITIVE), (references.lists,), "!in"),
    "the first call speaks for all": Mutation(
        _attribute(placer._Attempt, "agreed", lambda *_: True), (references.several_calls,)
    ),
    "a leg is wrapped although `withsource` names it": Mutation(_legs_are_wrapped, (references.sources,), "withsource"),
    "the columns of a table that may be absent are relied on": Mutation(
        _columns_are_there, (references.sources,), "isfuzzy"
    ),
    "one list or join gets the clause, not all": Mutation(_first_only, (references.lists, references.joins)),
    "right rows without a match are not looked at": Mutation(
        lambda: [patch.object(placer._Attempt, "unmatched", _nothing), *_without_warning("joined-event")()],
        (references.joins,),
    ),
    "no warning names the other event of a joined row": Mutation(_without_warning("joined-event"), (references.joins,)),
    "no warning names what could not be filtered": Mutation(
        _without_warning("partial-union"), (references.joins, references.sources, references.lists)
    ),
    "`placement: source` looks into lists first": Mutation(_source_first, (references.lists, references.sources)),
    "what is read again under a name (`as`) is not followed": Mutation(
        _attribute(polarity._Walker, "read_aliases", lambda _: frozenset()), (references.taken_up,), "| as again"
    ),
    "`invoke` is harmless": Mutation(_joins_inside(tree.Invoke), (references.taken_up,), "invoke"),
    "a column without a name is harmless": Mutation(_unnamed_are_harmless, _COMPUTED, "Column1"),
    "`column_ifexists` of an aggregate is harmless": Mutation(
        _attribute(computed_columns.ComputedColumns, "string", _none), _COMPUTED, "column_ifexists"
    ),
    "a sum only falls": Mutation(
        _attribute(computed_columns.ComputedColumns, "non_negative", lambda *_: True), _COMPUTED, "= sum("
    ),
    "an unlisted comparison is harmless": Mutation(_comparisons_are_harmless, _COMPUTED, "tostring(n_a)"),
    "an element is never missing in `mv-apply`": Mutation(_joins_inside(tree.MvApply), _COMPUTED, "mv-apply"),
    "an unlisted operator is harmless": Mutation(
        _attribute(effects._Follower, "other_columns", lambda *_: None), _COMPUTED, "parse"
    ),
    "the beginning of a joined text stays": Mutation(
        _grow(computed_columns, "_CONTAINING", "startswith", "endswith", "=="), _COMPUTED, "strcat_array"
    ),
    "a multiple keeps its direction": Mutation(
        _attribute(computed_columns.ComputedColumns, "number", lambda *_: 1.0), _COMPUTED, "n_a * "
    ),
    "a picked row is not replaced": Mutation(_attribute(effects, "PICKING", frozenset()), _COMPUTED),
    "no warning names the picked event": Mutation(_without_warning("picked-event"), _COMPUTED, "("),
    "neighbouring rows stay": Mutation(_attribute(effects, "WINDOW", frozenset()), _COMPUTED, "prev("),
    "a join keeps whichever left row": Mutation(
        _attribute(row_keys.RowKeys, "one_left_row", lambda *_: True), _COMPUTED, "join"
    ),
    "a column that is dropped and comes back is the same": Mutation(
        _attribute(row_keys, "_after", lambda names, moved, columns: names), _COMPUTED, "join kind=inner"
    ),
    "groups by a count stay": Mutation(_attribute(row_keys.RowKeys, "determine", lambda *_: True), _COMPUTED, ", n_a"),
    "a list of computed values only shrinks": Mutation(
        _attribute(effects._Follower, "only_shrinks", lambda *_: True), _COMPUTED, "EmailEvents\n| where"
    ),
    "conditions on groups are harmless": Mutation(_joins_inside(tree.Where), _COMPUTED),
    "groups vanish whatever they are grouped by": Mutation(
        _attribute(row_keys.RowKeys, "groups_vanish", lambda *_: True), _COMPUTED
    ),
}
"""Each mending, by what is so without it."""


@contextmanager
def taken_back(mutation: Mutation) -> Iterator[None]:
    """Take a rule back while this is open."""
    patches = mutation.patches()
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


def seeds_needed(mutation: Mutation, most: int, first: int = 0) -> tuple[int, str] | None:
    """Return after how many queries a mutation shows, and how; None where none of so many shows it."""
    with taken_back(mutation):
        for number in range(most):
            text, data, placement = case_of(first + number, mutation.shapes)
            if mutation.word not in text:
                continue
            try:
                verdict = judge(text, data, placement)
            except NotRunError:
                continue
            if verdict.faults:
                return number + 1, next(iter(verdict.faults))
    return None


def main() -> int:
    """Try every mutation."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    missed = 0
    for name, mutation in MUTATIONS.items():
        found = seeds_needed(mutation, most)
        missed += found is None
        print(f"{found[0] if found else '-':>6}  {name}: {found[1][:80] if found else 'not found'}", flush=True)
    close_estates()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
