"""Keys in SQL by hand: the rows that a list finds are those that duckdb-kql's own SQL finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fpctl.engine.local.engine import LocalEngine
from fpctl.engine.local.transpile import lower, sql_keys
from fpctl.fields.matching.term import Site
from fpctl.rewrite.folding import key
from fpctl.schema.tables import Tables

TABLES = Tables.packaged("auto", "xdr")

DEVICES = [
    None, "", ".", "..", "build01", "BUILD01", "build01.contoso.com", "Build01.Contoso.COM", ".build01", "build01.",
    "build010", "büild01.contoso.com", "\u212aelvin.contoso.com", "build01\n.x",
    "build01..x", "a|b", "BUILD01|setup.exe",
]  # fmt: skip
URLS = [
    None, "", "contoso.com", "https://contoso.com", "HTTPS://Contoso.com:8443/a", "ftp://x.contoso.com?y", "https://",
    "https://https://contoso.com", "a.b.contoso.com.", "https://a.b.contoso.com./p", "contoso.com.evil.net",
    "a..contoso.com",
    "https://a..contoso.com/", "..contoso.com", "x@contoso.com", "https://x@contoso.com/", "evilcontoso.com",
    "h2+x-y.z://www.contoso.com", "1://contoso.com", "https://ço.contoso.com", "contoso.com\n", "www.contoso.com:80:90",
    "http://contoso.com", "://contoso.com", "e\u0301.contoso.com", "contoso.\u0301com", "com", "www.contoso.com#x",
]  # fmt: skip
PROCESSES = [None, "setup.exe", "SETUP.EXE", "x|setup.exe", ""]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder = tmp_path_factory.mktemp("events")
    count = max(len(DEVICES), len(URLS)) * len(PROCESSES)
    rows = [
        {
            "ReportId": n,
            "DeviceName": DEVICES[n % len(DEVICES)],
            "RemoteUrl": URLS[n % len(URLS)],
            "InitiatingProcessFileName": PROCESSES[n // 2 % len(PROCESSES)],
        }
        for n in range(count * 3)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "DeviceNetworkEvents.parquet")
    with LocalEngine(folder, now=datetime(2027, 1, 1, tzinfo=UTC), tables=TABLES) as opened:
        yield opened


def listed(*values: str) -> str:
    """Return a list long enough for a table, with these values in it."""
    return str((*values, *(f"other{n}" for n in range(40)))).replace("'", '"')


def site(host: str, path: str = "", *, subdomains: bool = False) -> str:
    found = key.site("RemoteUrl", Site(host, "", path, subdomains))
    assert found is not None
    checked = f' and {found[0].check.operand} !contains ".."' if found[0].check else ""  # type: ignore[union-attr]
    return f"{found[0].text} in~ {listed(found[1])}{checked}"


PAIR = 'strcat(tolower(DeviceName), "|", tolower(InitiatingProcessFileName))'
CONDITIONS = {
    "column": f'DeviceName in~ {listed("build01", "KELVIN.contoso.com", "Build01.contoso.com")}',
    "column not": f'DeviceName !in~ {listed("build01")}',
    "first label": f'{key.first_label("DeviceName").text} in~ {listed("build01", "kelvin")}',
    "pair": f'{PAIR} in~ {listed("build01|setup.exe", "build01.contoso.com|setup.exe")}',
    "site": site("contoso.com", subdomains=True),
    "site of three labels": site("www.contoso.com", subdomains=True),
    "host alone": site("contoso.com", subdomains=False),
    "page": site("contoso.com", path="/a"),
    "shared host": f"{site('contoso.com', subdomains=True)} or {site('b.contoso.com', subdomains=True)}",
    "in a branch": f'iff({PAIR} in~ {listed("build01|setup.exe")}, {PAIR}, "") == "build01|setup.exe"',
}  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS.keys())
@pytest.mark.parametrize("form", ["where {}", "where not({})", "extend found = {} | where found"])
def test_a_key_in_sql_finds_the_rows_that_the_translated_key_finds(
    engine: LocalEngine, condition: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"DeviceNetworkEvents | {form.format(condition)} | project ReportId"
    by_hand = sorted(engine.query(query).rows)
    monkeypatch.setattr(sql_keys, "with_sql_keys", lambda lowered, _: sql_keys.Keyed(lowered))
    assert by_hand == sorted(engine.query(query).rows)
    assert by_hand


def test_every_such_look_up_is_said_in_sql() -> None:
    for condition in CONDITIONS.values():
        lowered = lower(f"DeviceNetworkEvents | where {condition}", TABLES)
        keyed = sql_keys.with_sql_keys(lowered, TABLES)
        assert keyed.keys
        assert "fpctl_values_" not in keyed.lowered.text


@pytest.mark.parametrize(
    "query",
    [
        f"let DeviceName = 'x'; DeviceNetworkEvents | where DeviceName in~ {listed('x')}",
        f"DeviceNetworkEvents | extend DeviceName = tostring(ReportId) | where DeviceName in~ {listed('x')}",
        f"DeviceNetworkEvents | parse RemoteUrl with * DeviceName:long * | where DeviceName in~ {listed('x')}",
        f"DeviceNetworkEvents | mv-expand DeviceName | where DeviceName in~ {listed('x')}",
        f"datatable(DeviceName:dynamic)[dynamic('x')] | where DeviceName in~ {listed('x')}",
        f"let f = (DeviceName:string) {{ DeviceName in~ {listed('x')} }}; DeviceNetworkEvents | where f(RemoteUrl)",
    ],
)
def test_a_name_that_may_not_be_the_column_is_left_to_the_translator(query: str) -> None:
    keys = sql_keys.with_sql_keys(lower(query, TABLES), TABLES).keys
    assert not any('"DeviceName"' in sql for sql in keys.values())


def test_a_literal_that_the_translation_does_not_have_is_noticed() -> None:
    keyed = sql_keys.Keyed(lower("T", TABLES), {"lower('fpctl:key:0:')": "x"})
    assert sql_keys.with_keys_put_in("SELECT 'fpctl:key:0:'", keyed) is None
    assert sql_keys.with_keys_put_in("SELECT lower('fpctl:key:0:')", keyed) == "SELECT x"


def test_a_long_list_beside_a_column_named_value(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([{"Value": "other1"}, {"Value": "x"}]), tmp_path / "T.parquet")
    with LocalEngine(tmp_path, now=datetime(2027, 1, 1, tzinfo=UTC)) as engine:
        assert list(engine.query(f"T | where Value in~ {listed()}").rows) == [("other1",)]


SHORT = f"{key.first_label('DeviceName').text} in~ {listed('build01', 'kelvin', 'a|b')}"
FULL = f"DeviceName in~ {listed('build01.contoso.com', 'build01.fabrikam.com', 'a|b', 'build010')}"
SITE = site("contoso.com", subdomains=True)
BELOW = site("b.contoso.com", subdomains=True).replace('"other', '"a.b.other')
PAIRS = {
    "in two operators": f"where not({FULL}) // one | two\n| where not({SHORT}) // three",
    "the other way round": f"where not({SHORT})\n| where not({FULL})",
    "in one operator": f"where not({FULL}) and not({SHORT})",
    "kept": f"where {FULL} or {SHORT}",
    "another between": f"where not({FULL})\n| where ReportId % 3 != 0 or {CONDITIONS['pair']}\n| where not({SHORT})",
    "loose words": f"where ReportId > 3 or not({FULL}) | where ReportId > 5 or not({SHORT})",
    "sites": f"where not({SITE}) | where not({BELOW})",
    "both": f"where not({FULL}) | where not({SHORT}) | where not({SITE}) | where not({BELOW})",
}  # fmt: skip


@pytest.mark.parametrize("operators", PAIRS.values(), ids=PAIRS.keys())
def test_two_lists_in_one_look_up_find_the_rows_that_each_finds(
    engine: LocalEngine, operators: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"DeviceNetworkEvents | {operators}\n| project ReportId, DeviceName"
    assert sql_keys.with_sql_keys(lower(query, TABLES), TABLES).joins
    together = engine.query(query)
    monkeypatch.setattr(sql_keys, "with_sql_keys", lambda lowered, _: sql_keys.Keyed(lowered))
    apart = engine.query(query)
    assert together.columns == apart.columns
    assert sorted(together.rows, key=str) == sorted(apart.rows, key=str)
    assert len(together.rows)


def test_the_columns_behind_a_pair_are_those_before_it(engine: LocalEngine) -> None:
    names = engine.query("DeviceNetworkEvents | take 1").names()
    assert engine.query(f"DeviceNetworkEvents | where not({FULL}) | where not({SHORT}) | take 1").names() == names


@pytest.mark.parametrize(
    ("short", "full"),
    [
        (SHORT, FULL.replace("in~", "!in~")),
        (SHORT, f"InitiatingProcessFileName in~ {listed('setup.exe')}"),
        (SHORT, f"DeviceName in~ {listed(*(f'build01.site{n}' for n in range(30)))}"),
        (SHORT, f"DeviceName in~ {listed('.build01')}"),
        (SITE, f"{key.site('RemoteUrl', Site('x.org', '', '', True))[0].text} in~ {listed('x.org')}"),  # type: ignore[index]
    ],
    ids=["not", "another column", "many of one label", "no label", "parts of one length"],
)
def test_lists_that_are_no_pair_are_looked_up_each(short: str, full: str) -> None:
    query = f"DeviceNetworkEvents | where not({short}) | where not({full})"
    assert sql_keys.with_sql_keys(lower(query, TABLES), TABLES).joins == ()
