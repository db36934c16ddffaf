"""Folded, exclusions match the rows that they match one by one, and those that a matcher in Python says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fields.engine import Engine
from fields.matcher import matches
from fpctl.fields.matching.term import Term
from fpctl.rewrite.folding import fold
from fpctl.rewrite.folding.hit_groups import HitAccumulator
from fpctl.rewrite.predicate import BoundColumn, Dialect, TimeLimits, build
from fpctl.rewrite.predicate.render import rendered

COLUMNS: dict[str, list[BoundColumn]] = {
    "device": [BoundColumn("Host", "string", "host-name"), BoundColumn("Id", "string", "device-id")],
    "url": [BoundColumn("Url", "string", "url-or-host"), BoundColumn("Domain", "string", "domain")],
    "hash": [BoundColumn("Sha1", "string", "sha1"), BoundColumn("Other", "string", "hash")],
    "process": [BoundColumn("Process", "string", "file-name")],
    "command_line": [BoundColumn("Command", "string", "command-line")],
    "port": [BoundColumn("Port", "int", "port")],
    "ip": [BoundColumn("Ip", "string", "ip")],
}
TYPES = {"Time": "datetime", **{c.text: c.type for columns in COLUMNS.values() for c in columns}}

SHA1 = [f"{n:040x}" for n in (0xABCDEF, 2, 3)]
VALUES: dict[str, list[str]] = {
    "device": ["web01", "web02", "WEB01.contoso.com", "web01.corp.contoso.com", "sql*", "db1", SHA1[0], "ünit"],
    "url": [
        "contoso.com", "cdn.contoso.com", "contoso.net", "a.b.c.contoso.com", "https://contoso.com", "contoso.com/app",
        "https://contoso.com/app/v1/", "contoso.com:8443", "intranet", "10.0.0.1", "contoso.com/a*b", "bücher.example",
        "contoso.com/Größe", "work.contoso.com", "contoso.com/book",
    ],
    "hash": [SHA1[0], SHA1[1].upper(), SHA1[2]],
    "process": ["a.exe", "B.exe", "c*.exe", "d.exe", "müll.exe"],
    "command_line": ["--quiet", "update"],
    "port": ["443", "8443", "22"],
    "ip": ["2001:db8::1", "2001:db8:0:0:1::", "10.0.0.5", "2001:db8::/48", "fe80::2"],
}  # fmt: skip
HELD: dict[str, list[Any]] = {
    "Host": [
        "web01", "WEB01.contoso.com", "web01.corp.contoso.com", "web010", "web02.evil.com", "sqlx", "db1", "", "ÜNIT",
        ".web01", "web02.",
    ],
    "Id": ["", SHA1[0].upper(), SHA1[1]],
    "Url": [
        "", "contoso.com", "HTTPS://Contoso.com/", "http://cdn.contoso.com:80/app", "contoso.com.evil.net",
        "evilcontoso.com", "https://contoso.com@evil.net/", "https://user:x@contoso.com/", "https://contoso.com./app?x",
        "contoso.com:8443", "x..contoso.com", ".contoso.com", "-.contoso.com", "contoso.com..", "contoso.com|x",
        "https://contoso.com/app/v1", "https://contoso.com/appx", "https://contoso.com/app/../x",
        "https://contoso.com/App/V1/z#f", "https://contoso.com//app", "contoso.com\\@evil.net",
        "ftp://a.b.c.contoso.com", "b.c.contoso.com", "z.a.b.c.contoso.com:443/", "http://intranet/", "10.0.0.1",
        "http://10.0.0.1:8/x", "1.10.0.0.1", "contoso.net?q", "bücher.example", "https://contoso.com/größe/x",
        "http://wor\u212a.contoso.com/", "https://contoso.com/boo\u212a",
        "contoso.com/app/\nv1", "contoso.com\n", "contoso.com/%2e/app", "contoso.com/app%2e", "mail.contoso.net:x",
    ],
    "Domain": ["", "contoso.com", "CDN.contoso.com.", "x.contoso.net", "contoso.com/app", "intranet", "a..contoso.com"],
    "Sha1": ["", SHA1[0], SHA1[1].upper()],
    "Other": ["", SHA1[2], SHA1[0].upper()],
    "Process": ["a.exe", "A.EXE", "b.exe", "cat.exe", "d.exe", "xd.exe", "a.exe|b.exe", "", "MÜLL.exe"],
    "Command": ["", "run --QUIET now", "Update"],
    "Port": [443, 22, 80, None],
    "Ip": ["", "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:db8:0:0:1::", "::ffff:10.0.0.5", "10.0.0.5", "fe80::2"],
    "Time": [None, *(datetime(2027, 1, day, 12, tzinfo=UTC).replace(tzinfo=None) for day in (1, 4, 5, 9, 20))],
}  # fmt: skip
ENDS = [None, date(2027, 1, 5), date(2027, 1, 6), date(2027, 1, 12)]
STARTS = [None, None, date(2027, 1, 2), date(2027, 1, 5)]

alternative = st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(None), min_size=1, max_size=3).flatmap(
    lambda fields: st.fixed_dictionaries(
        {name: st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=3, unique=True) for name in fields}
    )
)
exclusion = st.tuples(
    st.lists(alternative, min_size=1, max_size=2), st.tuples(st.sampled_from(STARTS), st.sampled_from(ENDS))
)
row = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in HELD.items()})
Match = Sequence[Mapping[str, Sequence[str]]]
Days = tuple[date | None, date | None]


def terms_of(exclusions: Sequence[tuple[Match, Days]]) -> list[tuple[str, Term]]:
    return [
        (f"fp-{number:02}", build(match, COLUMNS, times=TimeLimits(column="Time", starts=starts, expires=ends)).term)
        for number, (match, (starts, ends)) in enumerate(exclusions)
    ]


def taken(match: Match, days: Days, held: Mapping[str, Any]) -> bool:
    starts, ends = days
    in_time = days == (None, None) or (
        held["Time"] is not None
        and (starts is None or starts <= held["Time"].date())
        and (ends is None or held["Time"].date() < ends)
    )
    return in_time and matches(match, COLUMNS, held)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(exclusion, min_size=1, max_size=14), st.lists(row, min_size=1, max_size=60))
def test_folded_clauses_take_the_rows_that_the_matcher_names(
    engine: Engine, exclusions: list[tuple[Match, Days]], rows: list[dict[str, Any]]
) -> None:
    engine.load(TYPES, rows)
    terms = terms_of(exclusions)
    clauses = fold(terms, "Time")
    folded = engine.values([rendered(clause.term, Dialect.STANDARD) for clause in clauses] or ["false"])
    single = engine.values([rendered(term, Dialect.STANDARD) for _, term in terms])
    for number, held in enumerate(rows):
        expected = any(taken(match, days, held) for match, days in exclusions)
        assert any(single[number][1:]) is expected, held
        assert any(folded[number][1:]) is expected, held
        assert None not in folded[number]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(exclusion, min_size=1, max_size=14), st.lists(row, min_size=1, max_size=60))
def test_groups_tell_hits_and_unique_hits_exactly(
    engine: Engine, exclusions: list[tuple[Match, Days]], rows: list[dict[str, Any]]
) -> None:
    engine.load(TYPES, rows)
    terms = terms_of(exclusions)
    ids = tuple(name for name, _ in terms)
    accumulator = HitAccumulator(ids, fold(terms, "Time"), "Time")
    answer = engine.query(f"T\n{accumulator.operators()}")
    totals = accumulator.read([column.name for column in answer.columns], answer.rows)
    takers = [[ids[n] for n, (match, days) in enumerate(exclusions) if taken(match, days, held)] for held in rows]
    assert totals.rows == len(rows)
    assert totals.suppressed == sum(bool(names) for names in takers)
    for name in ids:
        mine = [held["Time"] for held, names in zip(rows, takers, strict=True) if name in names]
        times = [time.replace(tzinfo=UTC) for time in mine if time is not None]
        count = totals.counts[name]
        assert count.rows == len(mine)
        assert count.unique == sum(names == [name] for names in takers)
        assert count.times() == (min(times, default=None), max(times, default=None))
