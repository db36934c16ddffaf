"""`externaldata` and watchlists from files of this machine."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from engine.data_files import NOW
from fpctl.engine.interface import EngineError
from fpctl.engine.local.attached import INDEX, AttachedFiles
from fpctl.engine.local.engine import LocalEngine

ADDRESS = "https://lists.contoso.com/bad.csv"


def rows(folder: Path, query: str, **attached: Any) -> list[tuple[Any, ...]]:
    with LocalEngine(folder, now=NOW, attached=AttachedFiles(**attached)) as engine:
        return [tuple(row) for row in engine.query(query).rows]


def listed(folder: Path, content: str | bytes, query: str, name: str = "own.csv") -> list[tuple[Any, ...]]:
    path = folder / "elsewhere" / name
    path.parent.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return rows(folder, query.replace("ADDRESS", f"'{ADDRESS}'"), external={ADDRESS: path})


def test_columns_have_their_declared_types_and_what_does_not_fit_is_null(tmp_path: Path) -> None:
    query = "externaldata(a:string, b:long, c:dynamic) [ADDRESS] with (format='csv', ignoreFirstRecord=true)"
    found = listed(tmp_path, 'a,b,c\nx,07,"{""k"": 1}"\n\n,no,\n', f"{query} | project a, b, k = tolong(c.k)")
    assert found == [("x", 7, 1), ("", None, None)]


def test_names_of_properties_have_no_case(tmp_path: Path) -> None:
    query = "externaldata(a:string) [ADDRESS] with (Format='CSV', IGNOREFIRSTRECORD=True)"
    assert listed(tmp_path, "a\nx\n", query) == [("x",)]


def test_a_text_has_a_record_for_each_line_that_is_not_empty(tmp_path: Path) -> None:
    query = "externaldata(line:string) [ADDRESS] with (format='txt')"
    assert listed(tmp_path, "\ufeffone, two\r\n\r\nthree\n", query) == [("one, two",), ("three",)]


def test_the_ending_of_the_address_tells_the_format(tmp_path: Path) -> None:
    query = "externaldata(a:string, b:string) ['https://lists.contoso.com/bad.csv?token=1']"
    assert listed(tmp_path, "x,y\n", query) == [("x", "y")]


@pytest.mark.parametrize("kind", ["json", "multijson"])
def test_json_is_read_by_the_names_of_the_columns(tmp_path: Path, kind: str) -> None:
    columns = "n:long, s:string, d:dynamic"
    query = f"externaldata({columns}) [ADDRESS] with (format='{kind}') | extend d = tostring(d)"
    content = '{"s": "x", "n": 1, "d": [1, 2], "more": 0}\n{"n": "7"}\n'
    assert listed(tmp_path, content, query) == [(1, "x", "[1,2]"), (7, "", "")]


def test_a_compressed_file_is_unpacked(tmp_path: Path) -> None:
    query = "externaldata(a:string) [ADDRESS]"
    assert listed(tmp_path, gzip.compress(b"x\ny\n"), query, "own.csv.gz") == [("x",), ("y",)]


@pytest.mark.parametrize(
    ("options", "what"),
    [("format='avro'", "the format avro"), ("format='csv', ingestionMapping='[]'", "ingestionMapping")],
)
def test_what_cannot_be_read_exactly_is_refused(tmp_path: Path, options: str, what: str) -> None:
    with pytest.raises(EngineError) as error:
        listed(tmp_path, "x", f"externaldata(a:string) [ADDRESS] with ({options})")
    assert what in error.value.message
    assert error.value.code == "unsupported"


def test_without_a_file_the_address_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as error:
        rows(tmp_path, f"externaldata(a:string) ['{ADDRESS}?sig=secret']")
    assert error.value.message == f"the local engine cannot run this: the data has no copy of {ADDRESS}"
    assert "schema pull --external" in str(error.value.hint)


def fetched(folder: Path, content: bytes, digest: str) -> None:
    (folder / INDEX).parent.mkdir()
    (folder / ".external" / "a.csv").write_bytes(content)
    copy = {"address": ADDRESS, "file": ".external/a.csv", "sha256": digest, "bytes": 1, "fetched": "2026-11-24"}
    (folder / INDEX).write_text(json.dumps({"copies": [copy]}))


def test_a_fetched_copy_is_read(tmp_path: Path) -> None:
    fetched(tmp_path, b"x\n", hashlib.sha256(b"x\n").hexdigest())
    assert rows(tmp_path, f"externaldata(a:string) ['{ADDRESS}']") == [("x",)]


def test_a_copy_that_was_changed_is_refused(tmp_path: Path) -> None:
    fetched(tmp_path, b"y\n", hashlib.sha256(b"x\n").hexdigest())
    with pytest.raises(EngineError, match="is not what was fetched"):
        rows(tmp_path, f"externaldata(a:string) ['{ADDRESS}']")


def test_the_columns_of_a_watchlist_are_strings(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "vip.csv"
    path.parent.mkdir()
    path.write_text("SearchKey,Code\nann,007\n")
    query = "_GetWatchlist('VIP') | where Code == '007' | project SearchKey, Code"
    assert rows(tmp_path, query, watchlists={"VIP": path}) == [("ann", "007")]


def test_a_watchlist_beside_the_tables_has_strings_too(tmp_path: Path) -> None:
    (tmp_path / "Codes.csv").write_text("SearchKey,Code\nann,007\n")
    assert rows(tmp_path, "_GetWatchlist('Codes') | project Code") == [("007",)]
