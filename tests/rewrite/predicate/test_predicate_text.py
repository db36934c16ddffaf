"""The text of a predicate: readable, on one line, and nothing but what was asked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.engine import Engine
from fpctl.kql.lexer import tokenize
from fpctl.kql.parser import parse
from fpctl.rewrite.predicate import BoundColumn, Dialect, DialectError, PredicateError, TimeLimits, Untested, build

NETWORK = {
    "device": [BoundColumn("DeviceName", "string", "host-name"), BoundColumn("DeviceId", "string", "device-id")],
    "url": [BoundColumn("RemoteUrl", "string", "url-or-host")],
    "hash": [
        BoundColumn("InitiatingProcessSHA1", "string", "sha1"),
        BoundColumn("InitiatingProcessSHA256", "string", "sha256"),
    ],
    "process": [BoundColumn("InitiatingProcessFileName", "string", "file-name")],
    "command_line": [BoundColumn("InitiatingProcessCommandLine", "string", "command-line")],
    "ip": [BoundColumn("RemoteIP", "string", "ip")],
    "port": [BoundColumn("RemotePort", "int", "port")],
}
SHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
ID = "0123456789abcdef0123456789abcdef01234567"


def test_the_clause_of_the_design() -> None:
    predicate = build(
        [{"device": ["build01.contoso.com"], "process": ["msiexec.exe"]}],
        NETWORK,
        times=TimeLimits(column="Timestamp", expires=date(2027, 5, 24)),
    )
    assert predicate.clause() == (
        '| where not(DeviceName in~ ("build01.contoso.com") and InitiatingProcessFileName in~ ("msiexec.exe") '
        "and coalesce(Timestamp < datetime(2027-05-24), false))"
    )
    assert predicate.clause() == f"| where not({predicate.render()})"


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ({"device": ["build02.contoso.com", "build01.contoso.com"]},
         'DeviceName in~ ("build01.contoso.com", "build02.contoso.com")'),
        ({"device": ["build01"]}, 'DeviceName in~ ("build01") or DeviceName startswith "build01."'),
        ({"device": ["build*"]}, 'DeviceName startswith "build"'),
        ({"device": ["*.contoso.com"]}, 'DeviceName endswith ".contoso.com"'),
        ({"device": ["*-web"]}, 'DeviceName matches regex "(?i)^[^.]*-web(?:[.]|$)"'),
        ({"device": [ID.upper()]}, f'DeviceId in~ ("{ID}")'),
        ({"hash": [SHA256.upper(), SHA1]},
         f'InitiatingProcessSHA1 in~ ("{SHA1}") or InitiatingProcessSHA256 in~ ("{SHA256}")'),
        (
            {"url": ["contoso.com"]},
            'RemoteUrl matches regex "(?i)^(?-i:[a-zA-Z][a-zA-Z0-9+.-]*://)?(?-i:[a-zA-Z0-9_-]+[.])*conto(?-i:[sS])o[.]com[.]?(?::[0-9]*)?'
            '(?:[/?#]|$)"',
        ),
        (
            {"url": ["https://contoso.com/agent/"]},
            'RemoteUrl matches regex "(?i)^(?-i:[a-zA-Z][a-zA-Z0-9+.-]*://)?conto(?-i:[sS])o[.]com[.]?(?::[0-9]*)?/agent'
            '(?:[/?#]|$)" '
            'and RemoteUrl !contains ".." and RemoteUrl !contains "%2e" and RemoteUrl !contains "252e"',
        ),
        ({"command_line": ["shutdown /r"]}, 'InitiatingProcessCommandLine contains "shutdown /r"'),
        ({"command_line": ["*a1*b2*"]}, 'InitiatingProcessCommandLine matches regex "(?is)a1.*b2"'),
        ({"ip": ["10.0.0.5"]}, 'RemoteIP in~ ("10.0.0.5", "::ffff:10.0.0.5")'),
        ({"ip": ["10.0.0.0/8"]},
         'RemoteIP matches regex "(?i)^(?:::ffff:)?10[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}$"'),
        ({"port": ["8443", "443"]}, "RemotePort in (443, 8443)"),
        ({"process": ["größe.exe", "a.exe"]},
         'InitiatingProcessFileName in~ ("a.exe") or tolower(InitiatingProcessFileName) in (tolower("größe.exe"))'),
    ],
)  # fmt: skip
def test_a_field_is_said_in_the_simplest_words(match: dict[str, list[str]], text: str) -> None:
    assert build([match], NETWORK).render() == text


def test_a_list_of_short_names_costs_one_look_up() -> None:
    names = [f"srv{number:02}" for number in range(9)]
    listed = ", ".join(f'"{name}"' for name in names)
    predicate = build([{"device": [*names, "x.contoso.com"]}], NETWORK)
    assert predicate.render() == (
        f'DeviceName in~ ("x.contoso.com") or extract("^[^.]+", 0, DeviceName) in~ ({listed})'
    )


def test_columns_that_hold_the_same_field_are_alternatives_and_fields_are_not() -> None:
    predicate = build([{"hash": [SHA1, SHA256], "port": ["443"]}], NETWORK)
    assert predicate.render() == (
        f'(InitiatingProcessSHA1 in~ ("{SHA1}") or InitiatingProcessSHA256 in~ ("{SHA256}")) and RemotePort in (443)'
    )


def test_alternatives_of_one_field_share_a_list_and_others_stand_in_parentheses() -> None:
    predicate = build([{"device": ["b.x.y"]}, {"device": ["a.x.y"]}, {"process": ["p.exe"], "port": ["1"]}], NETWORK)
    assert predicate.render() == (
        'DeviceName in~ ("a.x.y", "b.x.y") or (InitiatingProcessFileName in~ ("p.exe") and RemotePort in (1))'
    )


def test_values_that_differ_only_in_case_stand_once_and_in_order() -> None:
    one = build([{"process": ["B.exe", "a.exe", "b.EXE", "A.EXE"]}], NETWORK).render()
    assert one == 'InitiatingProcessFileName in~ ("A.EXE", "B.exe")'
    assert one == build([{"process": ["A.EXE", "b.EXE", "a.exe", "B.exe"]}], NETWORK).render()


def test_hundreds_of_command_lines_are_not_one_chain(engine: Engine) -> None:
    values = [f"job-{number:04}" for number in range(400)]
    text = build([{"command_line": values}], NETWORK).render()
    depth = deepest = widest = 0
    for part in re.split(r"([()])", text):
        depth += (part == "(") - (part == ")")
        deepest = max(deepest, depth)
        widest = max(widest, part.count(" or "))
    assert deepest <= 2
    assert widest <= 32
    assert text.count("job-") == 400
    engine.load({"InitiatingProcessCommandLine": "string"}, [{"InitiatingProcessCommandLine": "run job-0399"}, {}])
    assert engine.values([text]) == [(0, True), (1, False)]


def test_the_guard_bounds_the_time_on_both_sides_and_a_null_time_is_outside(engine: Engine) -> None:
    predicate = build(
        [{"port": ["1"]}],
        NETWORK,
        times=TimeLimits(column="T0", starts=date(2026, 1, 1), expires=datetime(2026, 2, 1, 12, tzinfo=UTC)),
    )
    assert predicate.render() == (
        "RemotePort in (1) and coalesce(T0 >= datetime(2026-01-01) and T0 < datetime(2026-02-01T12:00:00Z), false)"
    )
    times = [datetime(2025, 12, 31), datetime(2026, 1, 1), datetime(2026, 2, 1, 11, 59), datetime(2026, 2, 1, 12), None]
    engine.load({"RemotePort": "int", "T0": "datetime"}, [{"RemotePort": 1, "T0": at} for at in times])
    assert [row[1] for row in engine.values([predicate.render()])] == [False, True, True, False, False]
    assert engine.kept(predicate.clause()) == [0, 3, 4]
    assert engine.kept(predicate.clause(Dialect.NRT)) == [0, 3, 4]


def test_without_a_time_column_the_guard_is_left_out_and_said() -> None:
    predicate = build([{"port": ["1"]}], NETWORK, times=TimeLimits(expires=date(2026, 1, 1)))
    assert predicate.render() == "RemotePort in (1)"
    assert predicate.unguarded
    assert not build([{"port": ["1"]}], NETWORK).unguarded


def test_a_raw_condition_counts_as_false_where_it_is_null(engine: Engine) -> None:
    predicate = build([{"port": ["1", "2"]}], NETWORK, where="Size > 10")
    assert predicate.render() == "RemotePort in (1, 2) and coalesce(Size > 10, false)"
    engine.load({"RemotePort": "int", "Size": "int"}, [{"RemotePort": 1, "Size": size} for size in (5, 11, None)])
    assert engine.kept(predicate.clause()) == [0, 2]
    assert engine.kept(predicate.clause(Dialect.NRT)) == [0, 2]


def test_each_alternative_has_its_own_raw_condition() -> None:
    predicate = build([{"port": ["1"], "where": "A == 1"}, {"port": ["2"], "where": "B == 1"}], NETWORK)
    assert predicate.render() == (
        "(RemotePort in (1) and coalesce(A == 1, false)) or (RemotePort in (2) and coalesce(B == 1, false))"
    )


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("A == 1 // why", "A == 1"),
        ("A == 1 // )\n  or B == 'x//y'\r\n", "A == 1 or B == 'x//y'"),
        ("(A == 1)", "(A == 1)"),
        ("A in ('a', 'b')", "A in ('a', 'b')"),
        ("A has ```two\nlines```", 'A has "two\\nlines"'),
        ("A == '(' and B == ')'", "A == '(' and B == ')'"),
    ],
)
def test_a_raw_condition_becomes_one_line_without_comments(where: str, text: str) -> None:
    assert build([], {}, where=where).render() == f"coalesce({text}, false)"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("A == 1) or (true", "`where` has a `)` too many"),
        ("true, true", "`where` holds a `,`, which ends a condition"),
        ("A == 1 | take 1", "`where` holds a `|`, which ends a condition"),
        ("A == 1; T", "`where` holds a `;`, which ends a condition"),
        ("A in ('a'", "`where` lacks a `)`"),
        ("A in ['a')", "`where` has a `)` too many"),
        ("// nothing", "`where` is empty and would match every event"),
    ],
)
def test_a_raw_condition_cannot_reach_beyond_itself(where: str, message: str) -> None:
    with pytest.raises(PredicateError) as caught:
        build([], {}, where=where)
    assert caught.value.message == message
    assert caught.value.reason == "invalid-where"


def test_a_value_that_no_column_can_hold_is_named() -> None:
    predicate = build([{"hash": [SHA1, "0f343b0931126a20f133d67c2b018a3b"], "device": ["a"]}], NETWORK)
    assert predicate.untested == (Untested("hash", "0f343b0931126a20f133d67c2b018a3b"),)


def test_an_alternative_that_cannot_match_here_is_dropped_while_another_can() -> None:
    columns = {"device": [BoundColumn("Computer", "string", "host-name")]}
    predicate = build([{"device": ["a"], "url": ["contoso.com"]}, {"device": ["b.c"]}], columns)
    assert predicate.render() == 'Computer in~ ("b.c")'
    assert predicate.untested == (Untested("url", "contoso.com"),)


@pytest.mark.parametrize(
    ("match", "reason", "message"),
    [
        ({"signer": ["Contoso"]}, "field-not-in-table", "no column here holds the field signer"),
        ({"hash": ["0f343b0931126a20f133d67c2b018a3b"]}, "field-not-in-table",
         "no column here can hold the hash 0f343b0931126a20f133d67c2b018a3b"),
        ({"device": [""]}, "invalid-value", "device: the value is empty; it would match everything"),
        ({"device": []}, "invalid-value", "device has no values"),
        ({}, "invalid-value", "an alternative names nothing and would match every event"),
        ({"devise": ["a"]}, "invalid-value", "there is no field devise"),
    ],
)  # fmt: skip
def test_what_cannot_be_tested_is_refused(match: dict[str, list[str]], reason: str, message: str) -> None:
    with pytest.raises(PredicateError) as caught:
        build([match], NETWORK)
    assert (caught.value.reason, caught.value.message) == (reason, message)


def test_a_column_of_another_type_is_read_as_text() -> None:
    columns = {"device": [BoundColumn("Id", "guid", "device-id")], "port": [BoundColumn("Port", "unknown", "port")]}
    guid = "6f0c2f4e-9d1a-4b7e-8c3d-2a1b0c9d8e7f"
    assert build([{"device": [guid], "port": ["443"]}], columns).render() == (
        f'tostring(Id) in~ ("{guid}") and tostring(Port) in~ ("443")'
    )


# --------------------------------------------------------------------------- the narrow dialect


def test_a_continuous_detection_gets_the_negation_spelled_out() -> None:
    predicate = build(
        [{"device": ["build01", "x*.y"], "process": ["a.exe"], "ip": ["10.0.0.0/8"]}],
        NETWORK,
        where="Size > 10",
        times=TimeLimits(column="Timestamp", expires=date(2027, 5, 24)),
        dialect=Dialect.NRT,
    )
    assert predicate.clause() == (
        '| where (DeviceName !~ "build01" and DeviceName !startswith "build01." '
        'and (DeviceName matches regex "(?is)^x.*[.]y$") == false) '
        'or InitiatingProcessFileName !~ "a.exe" '
        'or (RemoteIP matches regex "(?i)^(?:::ffff:)?10[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}$") == false '
        "or iif(Size > 10, false, true) or iif(Timestamp < datetime(2027-05-24), false, true)"
    )
    assert predicate.render() == (
        '(DeviceName =~ "build01" or DeviceName startswith "build01." '
        'or (DeviceName matches regex "(?is)^x.*[.]y$") == true) '
        'and InitiatingProcessFileName =~ "a.exe" '
        'and (RemoteIP matches regex "(?i)^(?:::ffff:)?10[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}$") == true '
        "and iif(Size > 10, true, false) and iif(Timestamp < datetime(2027-05-24), true, false)"
    )


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("A in~ ('x')", "a continuous custom detection cannot use the operator in~"),
        ("not(A == 1)", "a continuous custom detection cannot use not()"),
        ("ipv4_is_private(A)", "a continuous custom detection cannot use ipv4_is_private()"),
        ("A has_any ('x', 'y')", "a continuous custom detection cannot use the operator has_any"),
        ("A between (1 .. 2)", "a continuous custom detection cannot use the operator between"),
    ],
)
def test_what_a_continuous_detection_cannot_say_is_refused(where: str, message: str) -> None:
    predicate = build([{"port": ["1"]}], NETWORK, where=where)
    with pytest.raises(DialectError) as caught:
        predicate.clause(Dialect.NRT)
    assert caught.value.message == message
    assert predicate.clause().startswith("| where not(")


# --------------------------------------------------------------------------- nothing gets out of a value

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=2, max_size=20)


@given(ANY_TEXT)
def test_no_value_can_change_the_shape_of_a_predicate(value: str) -> None:
    """Whatever a person writes stays inside string literals: the tokens around them are always the same."""
    hostile = f'{value}")) or true // {value}'
    columns = {"command_line": NETWORK["command_line"], "signer": [BoundColumn("Signer", "string", "signer")]}
    for dialect in Dialect:
        for text in (hostile, hostile.replace("*", "")):
            try:
                rendered = build([{"command_line": [text]}], columns).render(dialect)
            except PredicateError:
                continue
            assert "\n" not in rendered
            tokens = tokenize(rendered)
            shape = [kind for kind in tokens.kinds if kind != "END"]
            assert shape in (
                ["NAME", "contains", "STRING"],
                ["NAME", "matches regex", "STRING"],
                ["(", "NAME", "matches regex", "STRING", ")", "==", "BOOL"],
                ["NAME", "(", "NAME", ")", "contains_cs", "NAME", "(", "STRING", ")"],
            )
            parse(f"T | where {rendered}")
