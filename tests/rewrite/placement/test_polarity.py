"""A clause goes only where removing rows cannot add any: what is not known to be safe is refused."""

from __future__ import annotations

import pytest

from rewrite.placement.planning import positions, refused

BASELINES = {
    "a scalar let around toscalar": """
        let runs = <D> | summarize c = count() by AccountName;
        let mean = toscalar(runs | summarize avg(c));
        let threshold = mean * 2;
        runs | where c > threshold | project AccountName""",
    "a chain of scalar lets": """
        let runs = <D> | project AccountName;
        let total = toscalar(runs | count);
        let half = total / 2;
        let least = half + 1;
        runs | summarize c = count() by AccountName | where c > least""",
    "a scalar function around toscalar": """
        let runs = <D> | project AccountName;
        let least = () { toscalar(runs | count) / 2 };
        runs | summarize c = count() by AccountName | where c > least()""",
    "a scalar function that is given the rows": """
        let runs = <D> | project AccountName;
        let half = (T: (*)) { toscalar(T | count) / 2 };
        runs | summarize c = count() by AccountName | where c > half(runs)""",
    "a set of known values in another set": """
        let runs = <D> | project AccountName;
        let known = toscalar(runs | summarize make_set(AccountName));
        runs | where not(set_has_element(array_concat(known, dynamic(['x'])), AccountName)) | project AccountName""",
    "a let in a let of known values": """
        let runs = <D> | project AccountName;
        let known = toscalar(runs | summarize make_set(AccountName));
        let all = array_concat(known, dynamic(['x']));
        runs | where not(set_has_element(all, AccountName)) | project AccountName""",
    "a name given to table()": """
        let runs = <D> | project AccountName;
        runs | summarize c = count() by AccountName | where c > toscalar(table('runs') | count)""",
    "the condition of a join": """
        let runs = <D> | project AccountName;
        let known = toscalar(runs | summarize take_any(AccountName));
        runs | join kind=inner (<E> | project Subject) on $left.AccountName == $right.Subject
        | project AccountName | where AccountName != known""",
    "an argument of a plugin": """
        let runs = <D> | project AccountName;
        runs | project AccountName | evaluate ipv4_lookup(runs, AccountName, AccountName)""",
    "an alias of a let": """
        let runs = <D> | project AccountName;
        let same = runs;
        runs | project AccountName | where AccountName !in (same | project AccountName)""",
    "a view that a pattern of tables matches": """
        let Quiet_1 = view () { <D> | project AccountName };
        let seen = union Quiet_*;
        Quiet_1 | project AccountName | where AccountName !in ((seen | project AccountName))""",
    "a function that is called in an invoked one": """
        let runs = <D> | project AccountName;
        let busy = (T: (AccountName: string)) {
            T | summarize c = count() by AccountName | where c > toscalar(runs | count) };
        runs | project AccountName | invoke busy()""",
}


@pytest.mark.parametrize("name", BASELINES)
def test_rows_that_a_baseline_is_made_of_are_not_removed(name: str) -> None:
    reason, _ = refused(BASELINES[name])
    assert reason in ("both-polarities", "inverting-position")


OPERATORS = {
    "in": True, "in~": True, "has_any": True, "!in": False, "!in~": False, "has_all": False,
}  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("negated", [False, True])
def test_a_sub_query_is_filtered_only_where_fewer_values_match_less(operator: str, negated: bool) -> None:
    condition = f"Subject {operator} ((<D> | project AccountName))"
    query = f"<E> | where {'not(' + condition + ')' if negated else condition}"
    if OPERATORS[operator] is negated:
        assert refused(query)[0] == "inverting-position"
    else:
        assert positions(query) == ["main/in 1"]


def test_a_name_that_nothing_follows_is_named_with_its_place() -> None:
    reason, message = refused(BASELINES["a scalar let around toscalar"])
    assert reason == "both-polarities"
    assert "a `let` used as a value" in message


def test_doubling_lets_do_not_take_twice_as_long_with_every_line() -> None:
    lines = ["let runs = <D> | project AccountName", "let a0 = toscalar(runs | count)"]
    lines += [f"let a{n} = a{n - 1} + a{n - 1}" for n in range(1, 40)]
    query = ";\n".join([*lines, "runs | summarize c = count() by AccountName | where c > a39"])
    assert refused(query)[0] == "both-polarities"
