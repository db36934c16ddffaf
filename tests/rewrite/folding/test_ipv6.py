"""Single IPv6 addresses fold into one list: each spelling of them is found, and nothing that is no address."""

from __future__ import annotations

import pytest

from fields.engine import Engine
from fpctl.rewrite.folding import fold
from fpctl.rewrite.predicate import BoundColumn, Dialect, build
from fpctl.rewrite.predicate.render import rendered

ADDRESSES = [f"2001:db8::{number:x}" for number in range(1, 12)] + ["2001:db8:0:1::", "fe80::1", "::1"]
SEEN = {
    "2001:db8::1": True,
    "2001:0DB8:0000:0000:0000:0000:0000:0001": True,
    "2001:db8:0:0::1": True,
    "2001:db8:0:1::": True,
    "2001:db8:0:1:0:0:0:0": True,
    "::1": True,
    "0:0:0:0:0:0:0:1": True,
    "2001:db8::ff": False,
    "2001:db8::1/64": False,
    "fe80::1%eth0": False,
    "[::1]": False,
    ":fe80::1": False,
    "10.0.0.5": False,
    "::ffff:10.0.0.5": False,
    "": False,
    "build01": False,
}


@pytest.mark.parametrize("role", ["ip", "ip-endpoint"])
def test_a_list_of_ipv6_addresses_matches_what_they_match_one_by_one(engine: Engine, role: str) -> None:
    columns = {"ip": [BoundColumn("Ip", "string", role)]}
    engine.load({"Ip": "string"}, [{"Ip": text} for text in SEEN])
    terms = [(f"fp-{number:02}", build([{"ip": [value]}], columns).term) for number, value in enumerate(ADDRESSES)]
    (clause,) = fold(terms, None)
    assert len(clause.members) == len(ADDRESSES)
    alone = [rendered(term, Dialect.STANDARD) for _, term in terms]
    answers = [row[1:] for row in engine.values([rendered(clause.term, Dialect.STANDARD), *alone])]
    assert [row[0] for row in answers] == [any(row[1:]) for row in answers]
    if role == "ip":
        assert [row[0] for row in answers] == list(SEEN.values())


def test_in_a_continuous_detection_each_stays_a_pattern() -> None:
    columns = {"ip": [BoundColumn("Ip", "string", "ip")]}
    terms = [(f"fp-{number:02}", build([{"ip": [value]}], columns).term) for number, value in enumerate(ADDRESSES)]
    assert len(fold(terms, None, sites=False)) == len(ADDRESSES)
