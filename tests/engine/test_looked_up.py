"""What a service looks up for each row, on the local engine: file profiles, networks; the parts of a partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.data_files import NOW
from fpctl.engine.interface import EngineError
from fpctl.engine.local.engine import LocalEngine

EVENTS = "datatable(n:long, SHA1:string, InitiatingProcessSHA256:string)[1, 'AA', 'x1', 2, 'bb', '', 3, '', 'X2']"
PROFILES = "SHA1,SHA256,GlobalPrevalence,Signer\naa,x2,7,Contoso\naa,x2,7,Contoso\n,,9,nobody\n"


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with LocalEngine(folder, now=NOW) as engine:
        return sorted(tuple(row) for row in engine.query(query).rows)


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    (tmp_path / "FileProfile.csv").write_text(PROFILES)
    return tmp_path


def test_a_profile_is_looked_up_by_the_hash_whatever_its_case(profiles: Path) -> None:
    query = f"{EVENTS} | invoke FileProfile() | project n, GlobalPrevalence, Signer, ProfileAvailability"
    assert rows(profiles, query) == [
        (1, 7, "Contoso", "Available"),
        (2, None, "", "Missing"),
        (3, None, "", "Missing"),
    ]


def test_the_column_tells_which_hash_is_looked_up(profiles: Path) -> None:
    query = f"{EVENTS} | invoke FileProfile(InitiatingProcessSHA256, 1000) | project n, GlobalPrevalence"
    assert rows(profiles, query) == [(1, None), (2, None), (3, 7)]


def test_the_column_may_stand_in_quotes(profiles: Path) -> None:
    query = f"{EVENTS} | invoke FileProfile('SHA1', 1000) | project n, GlobalPrevalence"
    assert rows(profiles, query) == [(1, 7), (2, None), (3, None)]


def test_a_row_keeps_its_own_hash_where_there_is_no_profile(profiles: Path) -> None:
    assert rows(profiles, f"{EVENTS} | invoke FileProfile() | project n, SHA1") == [(1, "aa"), (2, "bb"), (3, "")]


def test_without_a_table_of_profiles_the_cure_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as error:
        rows(tmp_path, f"{EVENTS} | invoke FileProfile()")
    assert error.value.code == "unsupported"
    assert str(error.value.hint).startswith("put what it knows next to the tables: FileProfile.csv")


NETWORKS = (
    "let nets = datatable(net:string, k:long, c:string)['10.0.0.0/8', 1, 'a', '10.1.0.0/16', 2, 'b', 'no', 2, 'c'];"
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [("10.1.2.3", 2, "a"), ("10.1.2.3", 2, "b")]),
        (", k", [("10.1.2.3", 2, "b")]),
        (", k, return_unmatched = true", [("10.1.2.3", 2, "b"), ("192.168.0.1", 2, ""), ("none", 2, "")]),
    ],
)
def test_addresses_are_looked_up_in_networks(tmp_path: Path, options: str, expected: list[Any]) -> None:
    events = "datatable(ip:string, k:long)['10.1.2.3', 2, '192.168.0.1', 2, 'none', 2]"
    query = f"{NETWORKS} {events} | evaluate ipv4_lookup(nets, ip, net{options}) | project ip, k, c"
    assert rows(tmp_path, query) == expected


PARTS = "datatable(k:long, v:long)[1, 1, long(null), 5, 1, 3]"


def test_a_partition_runs_its_body_for_each_key_null_included(tmp_path: Path) -> None:
    query = f"{PARTS} | partition by k (summarize s = sum(v) | extend key = k)"
    assert sorted(rows(tmp_path, query), key=repr) == [(4, 1), (5, None)]


def test_a_partition_of_no_rows_has_the_columns_of_its_body(tmp_path: Path) -> None:
    assert rows(tmp_path, f"{PARTS} | where v > 9 | partition by k (top 1 by v | project v)") == []


def test_a_partition_makes_no_more_parts_than_the_service(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="at most 64 parts"):
        rows(tmp_path, "range k from 1 to 65 step 1 | partition by k (top 1 by k)")


def test_a_pattern_may_be_of_the_row(tmp_path: Path) -> None:
    query = r"datatable(s:string, p:string)['abc', '^a', 'xbc', '^a', 'x1', @'\d'] | where s matches regex p"
    assert rows(tmp_path, query) == [("abc", "^a"), ("x1", r"\d")]


def test_a_pattern_of_a_row_that_is_none_ends_the_query(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        rows(tmp_path, "datatable(s:string, p:string)['abc', '('] | where s matches regex p")


def test_the_default_of_next_is_brought_to_the_columns_type(tmp_path: Path) -> None:
    query = "datatable(v:real)[1.5, 2.5] | serialize | extend n = next(v, 1, 0) | project n"
    assert rows(tmp_path, query) == [(0.0,), (2.5,)]
