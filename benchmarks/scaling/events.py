"""Ten million network events with every documented column, the same ones on every run, made inside DuckDB."""

from __future__ import annotations

from pathlib import Path

DEVICES = 20_000
PROCESSES = 400
KINDS = 12
"""So many different processes talk on one device."""
SITES = 6_000
HASHES = 4_000
START = "2026-10-01"
DAYS = 28
KEPT = 10
"""One row in so many passes the rule's own conditions."""

RULE = """id: 5c1f0c52-0b56-4d4f-9d2a-7d0a4c1be001
name: Connections by remote management software
description: What the scale benchmark tunes.
requiredDataConnectors:
  - connectorId: MicrosoftThreatProtection
    dataTypes: [DeviceNetworkEvents]
tactics: [CommandAndControl]
relevantTechniques: [T1219]
query: |
  DeviceNetworkEvents
  | where Timestamp between (datetime(2026-10-01) .. datetime(2026-10-29))
  | where InitiatingProcessVersionInfoCompanyName has 'Fabrikam'
      and ActionType == 'ConnectionSuccess'
  | summarize FirstSeen = min(Timestamp), LastSeen = max(Timestamp), Count = count()
      by DeviceId, DeviceName, RemoteUrl
"""


def device(number: int) -> str:
    """Return the full name of a device, as the sensor writes it (one in three in capitals)."""
    name = f"host{number:05d}.corp.contoso.com"
    return name.upper() if number % 3 == 0 else name


def process(number: int) -> str:
    """Return the file name of a process."""
    return f"agent{number:03d}.exe"


def site(number: int) -> str:
    """Return the host name of a site; three labels."""
    return f"s{number:04d}.site{number % 1500:04d}.example"


_PICK = "CAST(hash(i * {factor} + {shift}) % {of} AS INTEGER)"


def _pick(factor: int, of: int) -> str:
    return _PICK.format(factor=factor, shift=factor * 7919, of=of)


def _columns() -> dict[str, str]:
    """Return the SQL of each column, in documented order; `i` is the row's number."""
    digest = "md5(CAST(h AS VARCHAR))"
    return {
        "Timestamp": f"TIMESTAMP '{START}' + to_microseconds(CAST(hash(i) % {DAYS * 86_400} AS BIGINT) * 1000000)",
        "ActionType": "CASE WHEN kept OR hash(i + 5) % 3 = 0 THEN 'ConnectionSuccess' ELSE 'ConnectionFailed' END",
        "AdditionalFields": '\'{"direction":"Out","count":\' || CAST(i % 7 AS VARCHAR) || \'}\'',
        "AppGuardContainerId": "''",
        "DeviceId": "sha1(CAST(d AS VARCHAR))",
        "DeviceName": "CASE WHEN d % 3 = 0 THEN upper(dn) ELSE dn END",
        "InitiatingProcessAccountDomain": "'contoso'",
        "InitiatingProcessAccountName": "'user' || CAST(d % 3000 AS VARCHAR)",
        "InitiatingProcessAccountObjectId": "''",
        "InitiatingProcessAccountSid": "'S-1-5-21-1-2-3-' || CAST(1000 + d % 3000 AS VARCHAR)",
        "InitiatingProcessAccountUpn": "'user' || CAST(d % 3000 AS VARCHAR) || '@contoso.com'",
        "InitiatingProcessCommandLine": (
            "'\"' || pn || '\" --server ' || host || ' --session ' || CAST(i % 5000 AS VARCHAR)"
        ),
        "InitiatingProcessCreationTime": f"TIMESTAMP '{START}' - to_minutes(CAST(d % 9000 AS INTEGER))",
        "InitiatingProcessFileName": "pn",
        "InitiatingProcessFileSize": "CAST(100000 + p * 977 AS BIGINT)",
        "InitiatingProcessFolderPath": "'c:\\program files\\agents\\' || pn",
        "InitiatingProcessId": "CAST(1000 + i % 30000 AS BIGINT)",
        "InitiatingProcessIntegrityLevel": "'High'",
        "InitiatingProcessMD5": digest,
        "InitiatingProcessParentCreationTime": f"TIMESTAMP '{START}' - to_minutes(CAST(d % 9000 + 3 AS INTEGER))",
        "InitiatingProcessParentFileName": "'services' || CAST(p % 20 AS VARCHAR) || '.exe'",
        "InitiatingProcessParentId": "CAST(600 + i % 400 AS BIGINT)",
        "InitiatingProcessRemoteSessionDeviceName": "''",
        "InitiatingProcessRemoteSessionIP": "''",
        "InitiatingProcessSHA1": "sha1(CAST(h AS VARCHAR))",
        "InitiatingProcessSHA256": "sha256(CAST(h AS VARCHAR))",
        "InitiatingProcessSessionId": "CAST(i % 4 AS BIGINT)",
        "InitiatingProcessTokenElevation": "'TokenElevationTypeDefault'",
        "InitiatingProcessUniqueId": "CAST(i % 100000 AS VARCHAR)",
        "InitiatingProcessVersionInfoCompanyName": (
            "CASE WHEN kept THEN 'Fabrikam Remote Ltd' ELSE 'Vendor ' || CAST(p % 90 AS VARCHAR) || ' Inc' END"
        ),
        "InitiatingProcessVersionInfoFileDescription": "'Agent ' || CAST(p AS VARCHAR)",
        "InitiatingProcessVersionInfoInternalFileName": "pn",
        "InitiatingProcessVersionInfoOriginalFileName": "pn",
        "InitiatingProcessVersionInfoProductName": "'Agent'",
        "InitiatingProcessVersionInfoProductVersion": "'4.' || CAST(p % 30 AS VARCHAR)",
        "IsInitiatingProcessRemoteSession": "false",
        "LocalIP": "'10.' || CAST(d % 200 AS VARCHAR) || '.' || CAST(d % 250 AS VARCHAR) || '.9'",
        "LocalIPType": "'Private'",
        "LocalPort": "CAST(49152 + i % 16000 AS INTEGER)",
        "LogonID": "CAST(999 AS BIGINT)",
        "Protocol": "'Tcp'",
        "RemoteIP": "'203.0.' || CAST(u % 200 AS VARCHAR) || '.' || CAST(u % 254 AS VARCHAR)",
        "RemoteIPType": "'Public'",
        "RemotePort": "CAST(CASE WHEN i % 5 = 0 THEN 8443 ELSE 443 END AS INTEGER)",
        "RemoteUrl": (
            "CASE i % 4 WHEN 0 THEN host WHEN 1 THEN 'https://' || host || '/session/' || CAST(i % 500 AS VARCHAR) "
            "WHEN 2 THEN 'https://gw.' || host || ':8443/' ELSE host || ':443' END"
        ),
        "ReportId": "CAST(i AS BIGINT)",
        "TimeGenerated": f"TIMESTAMP '{START}' + to_microseconds(CAST(hash(i) % {DAYS * 86_400} AS BIGINT) * 1000000)",
        "MachineGroup": "'servers'",
        "SourceSystem": "'MDE'",
        "TenantId": "'00000000-0000-0000-0000-000000000001'",
        "Type": "'DeviceNetworkEvents'",
        "_BilledSize": "CAST(900 AS DOUBLE)",
        "_IsBillable": "'True'",
    }


def write_events(folder: Path, rows: int, *, threads: int = 2) -> Path:
    """Write the table's Parquet file, if it is not there yet with so many rows, and return it."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "DeviceNetworkEvents.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"SET threads={threads}; SET preserve_insertion_order=false; SET memory_limit='4GB'")
        if path.exists():
            ((held,),) = connection.sql(f"SELECT count(*) FROM read_parquet('{path}')").fetchall()
            if held == rows:
                return path
        columns = ",\n".join(f'{sql} AS "{name}"' for name, sql in _columns().items())
        connection.execute(
            f"""
            COPY (
              WITH picked AS (
                SELECT i, {_pick(3, DEVICES)} AS d, {_pick(11, KINDS)} AS kind, {_pick(17, SITES)} AS u,
                       {_pick(23, HASHES)} AS h, hash(i * 31) % {KEPT} = 0 AS kept
                FROM range({rows}) AS r(i)
              ),
              numbers AS (SELECT *, (d * 7 + kind) % {PROCESSES} AS p FROM picked),
              named AS (
                SELECT *, 'host' || lpad(CAST(d AS VARCHAR), 5, '0') || '.corp.contoso.com' AS dn,
                       'agent' || lpad(CAST(p AS VARCHAR), 3, '0') || '.exe' AS pn,
                       's' || lpad(CAST(u AS VARCHAR), 4, '0') || '.site' || lpad(CAST(u % 1500 AS VARCHAR), 4, '0')
                           || '.example' AS host
                FROM numbers
              )
              SELECT {columns} FROM named
            ) TO '{path}.part' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)
            """
        )
    Path(f"{path}.part").replace(path)
    return path
