"""A MaxMind database as geo_info_from_ip_address() reads it."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fpctl.engine.interface import EngineError


def address_locator(path: Path) -> Callable[[str], str | None]:
    """Return where an address is, as JSON text; None if it is not an address or not known.

    A text that the database lacks is empty, a coordinate is left out.

    Raises:
        EngineError: `bad-data`, the file is not such a database; `engine`, the package that reads it is missing.
    """
    try:
        import maxminddb
    except ImportError as error:
        raise EngineError(
            "reading a MaxMind database needs the package maxminddb",
            code="engine",
            hint="python -m pip install maxminddb",
        ) from error
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise EngineError(
            f"{path} is not a MaxMind database: {error}", code="bad-data", hint="see `geo` in [engine.local]"
        ) from error

    def located(text: str) -> str | None:
        try:
            record = reader.get(ipaddress.ip_address(text.strip()))
        except ValueError:
            return None
        return _told(record) if isinstance(record, dict) else None

    return located


def _told(record: dict[str, Any]) -> str:
    subdivisions = record.get("subdivisions") or [{}]
    told: dict[str, Any] = {
        "country": _name(record.get("country")), "state": _name(subdivisions[0]), "city": _name(record.get("city")),
    }  # fmt: skip
    location = record.get("location") or {}
    told |= {name: location[name] for name in ("latitude", "longitude") if name in location}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _name(part: dict[str, Any] | None) -> str:
    return str(((part or {}).get("names") or {}).get("en", ""))
