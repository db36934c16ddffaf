"""Which exclusion covers which: sound against the independent matcher, and found without trying every pair."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.matcher import matches
from fpctl.audit.coverage.extent import Extent, extent, within
from fpctl.audit.coverage.search import covered, overlaps
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.window import Window
from fpctl.rewrite.predicate import BoundColumn

TODAY = date(2026, 11, 24)
HASH = "a9993e364706816aba3e25717850c26c9cd0d89d"

POOL = {
    "device": ["build01", "build01.contoso.com", "build*", "b*1", "web"],
    "process": ["setup.exe", "setup*.exe", "*agent*", "agent1"],
    "url": ["contoso.com", "deploy.contoso.com", "deploy.contoso.com/a", "deploy.contoso.com/a/b"],
    "ip": ["10.0.0.0/8", "10.1.2.3"],
}
HELD = {
    "device": ["build01", "build01.contoso.com", "build02", "bx1", "web.contoso.com"],
    "process": ["setup.exe", "setup1.exe", "my_agent1", "agent1"],
    "url": ["https://contoso.com/", "https://deploy.contoso.com/a", "http://deploy.contoso.com/a/b/c"],
    "ip": ["10.1.2.3", "10.9.9.9", "192.0.2.1"],
}
ROLE = {"device": "host-name", "process": "file-name", "url": "url-or-host", "ip": "ip"}
BINDINGS = {field: [BoundColumn(field, "string", role)] for field, role in ROLE.items()}
ROWS = [dict(zip(HELD, values, strict=True)) for values in product(*HELD.values())]


def make(id: str, match: Any, rules: Sequence[int] = (0,), **keys: Any) -> Extent:
    exclusion = Exclusion.model_validate(
        {"id": id, "rules": ["*"], "match": match, "broad": True, "approved_by": "m", **keys}
    )
    found = extent(LoadedExclusion(exclusion, f"{id}.yaml", 1, "hash"), rules, TODAY)
    assert found is not None
    return found


alternatives = st.dictionaries(st.sampled_from(sorted(POOL)), st.none(), min_size=1, max_size=3).flatmap(
    lambda fields: st.fixed_dictionaries(
        {field: st.lists(st.sampled_from(POOL[field]), min_size=1, max_size=3, unique=True) for field in fields}
    )
)
matching = st.lists(alternatives, min_size=1, max_size=3)


@settings(max_examples=300)
@given(matching, matching)
def test_what_is_covered_matches_no_event_that_the_other_does_not(wide: Any, narrow: Any) -> None:
    if make("a", wide).matches_all_of(make("b", narrow)):
        for row in ROWS:
            assert not matches(narrow, BINDINGS, row) or matches(wide, BINDINGS, row), row


@settings(max_examples=100)
@given(st.lists(st.tuples(matching, st.sampled_from([(0,), (0, 1), (1,)])), min_size=2, max_size=12))
def test_the_search_finds_what_comparing_every_pair_finds(drawn: Any) -> None:
    extents = [make(f"fp-{n:02}", match, rules) for n, (match, rules) in enumerate(drawn)]
    expected = {}
    for narrow in extents:
        for wide in extents:
            if wide is not narrow and wide.covers(narrow) and not (narrow.covers(wide) and wide.id > narrow.id):
                expected.setdefault(narrow.id, (wide.id, narrow.covers(wide)))
    assert {c.narrow.id: (c.wide.id, c.both) for c in covered(extents, lambda *_: True)} == expected


COVERS: list[tuple[str, Any, Any, bool]] = [
    ("fewer conditions", {"device": "a1"}, {"device": "a1", "process": "x.exe"}, True),
    ("more conditions", {"device": "a1", "process": "x.exe"}, {"device": "a1"}, False),
    ("a longer list", {"device": ["a1", "a2"]}, {"device": "a2"}, True),
    ("a shorter list", {"device": "a2"}, {"device": ["a1", "a2"]}, False),
    ("by several alternatives", [{"device": "a1"}, {"device": "a2"}], {"device": ["a1", "a2"], "process": "x"}, True),
    ("only some values", [{"device": "a1"}, {"device": "a2"}], {"device": ["a1", "a3"]}, False),
    ("every alternative", {"device": "a*"}, [{"device": "a1"}, {"device": "a2", "port": "443"}], True),
    ("one alternative only", {"device": "a1"}, [{"device": "a1"}, {"device": "b1"}], False),
    ("the same raw condition", {"where": "X == 1"}, {"device": "a1", "where": "X  ==  1 // one"}, True),
    ("another raw condition", {"where": "X == 1"}, {"device": "a1", "where": "X == 2"}, False),
    ("a raw condition more", {"device": "a1"}, {"device": "a1", "where": "X == 2"}, True),
    ("another field", {"process": "x.exe"}, {"parent_process": "x.exe"}, False),
    ("a hash among others", {"hash": [HASH, "0f343b0931126a20f133d67c2b018a3b"]}, {"hash": HASH.upper()}, True),
]  # fmt: skip


@pytest.mark.parametrize(("wide", "narrow", "expected"), [c[1:] for c in COVERS], ids=[c[0] for c in COVERS])
def test_a_match_covers_another(wide: Any, narrow: Any, expected: bool) -> None:
    one, other = make("a", wide), make("b", narrow)
    assert one.covers(other) is expected
    assert ("b" in [c.narrow.id for c in covered([one, other], lambda *_: True)]) is expected


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ({}, {}, True),
        ({"expires": "2027-01-02"}, {"expires": "2027-01-01"}, True),
        ({"expires": "2027-01-01"}, {"expires": "2027-01-02"}, False),
        ({"expires": "2027-01-01"}, {}, False),
        ({}, {"expires": "2027-01-01"}, True),
        ({"created": "2026-12-01"}, {}, False),
        ({"created": "2026-11-23"}, {"created": "2026-01-01"}, True),
        ({}, {"created": "2026-12-01"}, True),
        ({"rules": (0, 1)}, {"rules": (1,)}, True),
        ({"rules": (1,)}, {"rules": (0, 1)}, False),
        ({"placement": "result"}, {}, False),
        ({"window": {"weekly": "sun 02:00-04:00"}}, {}, False),
        ({}, {"window": {"weekly": "sun 02:00-04:00"}}, True),
    ],
)
def test_it_covers_only_while_it_holds(wide: dict[str, Any], narrow: dict[str, Any], expected: bool) -> None:
    one, other = ({"rules": (0,), **keys} for keys in (wide, narrow))
    assert make("a", {"device": "a1"}, **one).covers(make("b", {"device": "a1"}, **other)) is expected


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ({"weekly": "sun 02:00-04:00"}, {"weekly": "sat-sun 00:00-24:00"}, True),
        ({"weekly": "sun 23:00-02:00"}, {"weekly": ["sun 22:00-24:00", "mon 00:00-02:00"]}, True),
        ({"weekly": "sun 23:00-03:00"}, {"weekly": ["sun 22:00-24:00", "mon 00:00-02:00"]}, False),
        (
            {"intervals": "2026-12-24/2026-12-26"},
            {"intervals": ["2026-12-24/2026-12-25", "2026-12-25/2026-12-27"]},
            True,
        ),
        ({"intervals": "2026-12-24/2026-12-28"}, {"intervals": "2026-12-24/2026-12-27"}, False),
        ({"intervals": "2026-12-24/2026-12-25"}, {"weekly": "daily 00:00-24:00"}, False),
        ({"weekly": "sun 02:00-04:00", "timezone": "Europe/Rome"}, {"weekly": "sun 00:00-24:00"}, False),
    ],
)
def test_hours_lie_in_other_hours(narrow: Any, wide: Any, expected: bool) -> None:
    assert within(Window.model_validate(narrow), Window.model_validate(wide)) is expected


def test_exclusions_overlap_where_all_fields_that_both_name_can_agree() -> None:
    extents = [
        make("fp-1", {"device": "a1", "process": "x.exe"}),
        make("fp-2", {"device": "a1.contoso.com", "command_line": "run"}),
        make("fp-3", {"device": "a1", "process": "y.exe"}),
        make("fp-4", {"device": "a1", "process": "x.exe", "port": "443"}, (1,)),
        make("fp-5", {"device": "a1", "account": "svc"}, expires="2026-11-25"),
        make("fp-6", {"device": "a1", "path": "C:\\x"}, created="2026-11-25"),
    ]
    found = [(o.extent.id, [other.id for other in o.others], o.holder.id, o.key[1]) for o in overlaps(extents)]
    assert found == [
        ("fp-2", ["fp-1"], "fp-2", "a1.contoso.com"),
        ("fp-3", ["fp-2"], "fp-2", "a1.contoso.com"),
        ("fp-5", ["fp-1", "fp-2", "fp-3"], "fp-1", "a1"),
        ("fp-6", ["fp-1", "fp-2", "fp-3"], "fp-1", "a1"),
    ]


def test_an_exclusion_that_no_rule_has_takes_out_nothing() -> None:
    loaded = LoadedExclusion(
        Exclusion.model_validate({"id": "a", "rules": ["x"], "match": {"device": "a"}}), "a", 1, "h"
    )
    assert extent(loaded, (), TODAY) is None
