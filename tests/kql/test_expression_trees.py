"""Scalar expressions: what binds to what."""

from __future__ import annotations

import pytest

from fpctl.kql.parser import parse
from fpctl.kql.tree import Membership, walk
from kql.outline import of, scalar


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        # operands
        ("a", "a"),
        ("['a b']", "a b"),
        ("['a' \"b\"]", "ab"),
        ("{start}", "{start}"),
        ("kind", "kind"),
        ("'a' \"b\"", "'a' \"b\""),
        ("dynamic({'a': [1, -2]})", "dynamic({'a': [1, -2]})"),
        ("(a)", "Group(a)"),
        ("-a.b", "Unary(- Path(a b))"),
        ("f()", "Call(f)"),
        ("f(a, *, b=1)", "Call(f [a * Named([b] 1)])"),
        ("['f'](a)", "Call(f [a])"),
        ("typeof(int64)", "TypeLiteral(long)"),
        ("typeof(a: string, *)", "TypeLiteral([ColumnDecl(a string) ColumnDecl(*)])"),
        # paths
        ("a.b.c", "Path(Path(a b) c)"),
        ("a['b'][0]", "Index(Index(a 'b') 0)"),
        ("a.['b c']", "Path(a b c)"),
        ("a.[0]", "Index(a 0)"),
        ("a[-1].b", "Path(Index(a Unary(- 1)) b)"),
        ("f(a).b", "Path(Call(f [a]) b)"),
        ("database('d').f(1)", "Path(Call(database ['d']) Call(f [1]))"),
        ("(a).b", "Path(Group(a) b)"),
        # chains of one level are flat
        ("a or b or c", "Binary([or or] [a b c])"),
        ("a and b and c", "Binary([and and] [a b c])"),
        ("1 + 2 - 3", "Binary([+ -] [1 2 3])"),
        ("1 * 2 / 3 % 4", "Binary([* / %] [1 2 3 4])"),
        # levels, loosest first
        ("a or b and c or d", "Binary([or or] [a Binary([and] [b c]) d])"),
        ("a and b or c and d", "Binary([or] [Binary([and] [a b]) Binary([and] [c d])])"),
        ("a == 1 and b != 2", "Binary([and] [Binary([==] [a 1]) Binary([!=] [b 2])])"),
        ("a == b < c", "Binary([==] [a Binary([<] [b c])])"),
        ("a < b == c", "Binary([==] [Binary([<] [a b]) c])"),
        ("a < b + 1", "Binary([<] [a Binary([+] [b 1])])"),
        ("1 + 2 * 3", "Binary([+] [1 Binary([*] [2 3])])"),
        ("1 * 2 + 3", "Binary([+] [Binary([*] [1 2]) 3])"),
        ("1 + 2 * 3 + 4", "Binary([+ +] [1 Binary([*] [2 3]) 4])"),
        ("1 - 2 * 3 * 4 - 5", "Binary([- -] [1 Binary([* *] [2 3 4]) 5])"),
        ("a + b has 'c'", "Binary([+] [a Binary([has] [b 'c'])])"),
        ("a has 'b' + 'c'", "Binary([+] [Binary([has] [a 'b']) 'c'])"),
        ("a * b contains c * d", "Binary([* *] [a Binary([contains] [b c]) d])"),
        ("a == b + c * d has 'e'", "Binary([==] [a Binary([+] [b Binary([*] [c Binary([has] [d 'e'])])])])"),
        ("-a + -b", "Binary([+] [Unary(- a) Unary(- b)])"),
        ("(a or b) and c", "Binary([and] [Group(Binary([or] [a b])) c])"),
        # membership
        ("a in (1, 2)", "Membership(in a [1 2])"),
        ("a !in~ ('x')", "Membership(!in~ a ['x'])"),
        ("a + b in (c)", "Membership(in Binary([+] [a b]) [c])"),
        ("a has_any ('x' 'y', z)", "Membership(has_any a ['x' 'y' z])"),
        ("a in ((b))", "Membership(in a [Group(b)])"),
        ("a in (T | project b)", "Membership(in a [Subquery(Pipeline(T [Project(project [b])]))])"),
        ("a in ((T | project b))", "Membership(in a [Subquery(Pipeline(T [Project(project [b])]))])"),
        ("a in (union T, U)", "Membership(in a [Subquery(Pipeline(Union(union [T U])))])"),
        ("a between (1 .. 2)", "Membership(between a [1 2])"),
        ("a !between (b-1 .. b+1)", "Membership(!between a [Binary([-] [b 1]) Binary([+] [b 1])])"),
        ("a in (1) and b", "Binary([and] [Membership(in a [1]) b])"),
        # functions of pipelines
        ("toscalar(T | count)", "Call(toscalar [Subquery(Pipeline(T [Count(count)]))])"),
        ("toscalar(T)", "Call(toscalar [T])"),
        ("f((T | take 1))", "Call(f [Subquery(Pipeline(T [Take(take 1)]))])"),
    ],
)
def test_tree(text: str, tree: str) -> None:
    assert scalar(text) == tree


_OPERATORS = """
    =~ !~ has !has has_cs !has_cs hasprefix !hasprefix hasprefix_cs !hasprefix_cs hassuffix !hassuffix hassuffix_cs
    !hassuffix_cs like notlike likecs notlikecs contains !contains notcontains containscs contains_cs notcontainscs
    !contains_cs startswith !startswith startswith_cs !startswith_cs endswith !endswith endswith_cs !endswith_cs
    == != <> < <= > >= :
""".split()  # noqa: SIM905 - a word list reads better as words


@pytest.mark.parametrize("operator", [*_OPERATORS, "matches regex"])
def test_every_operator_keeps_its_spelling(operator: str) -> None:
    assert scalar(f"a {operator} 'x'") == f"Binary([{operator}] [a 'x'])"


def test_a_star_stands_left_of_string_operators_and_equality() -> None:
    assert of("T | where * has 'x' or * == 'y'") == (
        "Pipeline(T [Where(where Binary([or] [Binary([has] [* 'x']) Binary([==] [* 'y'])]))])"
    )


def test_spans_are_those_of_the_text() -> None:
    text = "T | where  a.b in~ ( 'x' , 'y' )  // end"
    (found,) = [node for node in walk(parse(text)) if isinstance(node, Membership)]
    assert text[found.start : found.end] == "a.b in~ ( 'x' , 'y' )"
