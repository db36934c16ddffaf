"""The SQL that somebody who knows DuckDB writes by hand for the same exclusions: anti-joins on key tables.

It keeps what the exclusions say: short names, subdomains, case, and the day on which each ends. The host
of a URL is read as fpctl reads it, so that neither side is cheaper for being careless.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow

from fpctl.exclusions.model import Exclusion

if TYPE_CHECKING:
    import duckdb

BASE = """
SELECT DeviceId, DeviceName, RemoteUrl, min(Timestamp) AS FirstSeen, max(Timestamp) AS LastSeen, count(*) AS Count
FROM {rows}
GROUP BY ALL
"""
KEPT = """(
  SELECT *{more} FROM read_parquet('{path}')
  WHERE Timestamp BETWEEN TIMESTAMP '2026-10-01' AND TIMESTAMP '2026-10-29'
    AND regexp_matches(InitiatingProcessVersionInfoCompanyName, '(?i)(?:^|[^\\pL\\pN])Fabrikam(?:$|[^\\pL\\pN])')
    AND ActionType = 'ConnectionSuccess'
) AS kept"""
HOST = (
    "regexp_extract(regexp_replace(lower(RemoteUrl), '^[a-z][a-z0-9+.-]*://', ''), "
    "'^([a-z0-9_-]+(?:[.][a-z0-9_-]*)*)(?::[0-9]*)?(?:[/?#]|$)', 1)"
)
KEYS = {
    "name": "lower(DeviceName)",
    "label": "split_part(lower(DeviceName), '.', 1)",
    "pair": "lower(DeviceName) || '|' || lower(InitiatingProcessFileName)",
    "site2": "regexp_extract(host, '((?:[^.]+[.]){1}[^.]+)[.]?$', 1)",
    "site3": "regexp_extract(host, '((?:[^.]+[.]){2}[^.]+)[.]?$', 1)",
    "digest": "lower(InitiatingProcessSHA256)",
}


def query(connection: duckdb.DuckDBPyConnection, path: Path, exclusions: Sequence[Exclusion], name: str) -> str:
    """Make the key tables `<name>_<key>` and return the query."""
    tables: dict[str, list[tuple[str, object]]] = {}
    for exclusion in exclusions:
        for match in exclusion.match:
            for kind, value in _keys(match.fields()):
                tables.setdefault(kind, []).append((value, exclusion.expires))
    joins = []
    for kind, found in tables.items():
        held = pyarrow.table({"key": [key for key, _ in found], "until": [until for _, until in found]})
        connection.register("expert_incoming", held)
        connection.execute(
            f"CREATE TEMP TABLE {name}_{kind} AS SELECT key, max(until) AS until FROM expert_incoming GROUP BY key"
        )
        connection.unregister("expert_incoming")
        joins.append(f"\nANTI JOIN {name}_{kind} AS {kind} ON {kind}.key = {KEYS[kind]} AND Timestamp < {kind}.until")
    more = f", {HOST} AS host" if "site2" in tables or "site3" in tables else ""
    return BASE.format(rows=KEPT.format(path=path, more=more) + "".join(joins))


def _keys(fields: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    if "process" in fields:
        return [("pair", f"{d.lower()}|{p.lower()}") for d in fields["device"] for p in fields["process"]]
    if "device" in fields:
        return [("name" if "." in d else "label", d.lower()) for d in fields["device"]]
    if "url" in fields:
        return [(f"site{u.count('.') + 1}", u) for u in fields["url"]]
    return [("digest", h.lower()) for h in fields["hash"]]
