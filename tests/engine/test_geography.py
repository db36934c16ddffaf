"""geo_info_from_ip_address() on a MaxMind database."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.data_files import NOW
from engine.maxmind import write_database
from fpctl.engine.interface import EngineError
from fpctl.engine.local.attached import AttachedFiles
from fpctl.engine.local.engine import LocalEngine

RECORDS = {
    "203.0.113.0/24": {
        "country": {"names": {"en": "Italy", "de": "Italien"}},
        "subdivisions": [{"names": {"en": "Lombardy"}}],
        "city": {"names": {"en": "Milan"}},
        "location": {"latitude": 45.5, "longitude": 9.25},
    },
    "2001:db8::/32": {"country": {"names": {"en": "Norway"}}},
}


def located(folder: Path, address: str) -> object:
    path = write_database(folder / "places.mmdb", RECORDS)
    query = f"datatable(ip:string)['{address}'] | project geo_info_from_ip_address(ip)"
    with LocalEngine(folder, now=NOW, attached=AttachedFiles(geo=path)) as engine:
        return engine.query(query).rows[0][0]


def test_an_address_has_a_country_a_state_a_city_and_coordinates(tmp_path: Path) -> None:
    expected = {"country": "Italy", "state": "Lombardy", "city": "Milan", "latitude": 45.5, "longitude": 9.25}
    assert located(tmp_path, "203.0.113.77") == expected


def test_an_ipv6_address_is_located_and_what_is_not_known_is_empty(tmp_path: Path) -> None:
    assert located(tmp_path, "2001:db8::1") == {"country": "Norway", "state": "", "city": ""}


@pytest.mark.parametrize("address", ["198.51.100.1", "no address", "", "203.0.113.0/24"])
def test_what_is_not_known_is_null(tmp_path: Path, address: str) -> None:
    assert located(tmp_path, address) is None


def test_a_field_of_it_is_compared_as_text(tmp_path: Path) -> None:
    path = write_database(tmp_path / "places.mmdb", RECORDS)
    query = "datatable(ip:string)['203.0.113.1', 'x'] | where geo_info_from_ip_address(ip).country == 'Italy' | count"
    with LocalEngine(tmp_path, now=NOW, attached=AttachedFiles(geo=path)) as engine:
        assert engine.query(query).rows[0][0] == 1


def test_without_a_database_the_cure_is_named(tmp_path: Path) -> None:
    with LocalEngine(tmp_path, now=NOW) as engine, pytest.raises(EngineError) as error:
        engine.query("print geo_info_from_ip_address('203.0.113.1')")
    assert error.value.code == "unsupported"
    assert error.value.hint == 'name one that you have, as `geo = "GeoLite2-City.mmdb"` in [engine.local]'


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "places.mmdb"
    path.write_bytes(b"no database")
    with (
        LocalEngine(tmp_path, now=NOW, attached=AttachedFiles(geo=path)) as engine,
        pytest.raises(EngineError) as error,
    ):
        engine.query("print geo_info_from_ip_address('203.0.113.1')")
    assert error.value.code == "bad-data"
    assert "places.mmdb is not a MaxMind database" in error.value.message
