"""The demo data set: the same on every run, realistic, and what the demo says of it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from fpctl.demo.dataset import ANCHOR, LEAST_ROWS, DatasetSummary, write_dataset
from fpctl.engine.interface import Timespan
from fpctl.engine.local.engine import LocalEngine
from fpctl.errors import FpctlError
from fpctl.schema.tables import Tables

ROWS = 12_000
FIVE_DAYS = Timespan(ANCHOR - timedelta(days=5), ANCHOR)
RULE = """
let Time_start = now(-5d);
let Time_end = now();
DeviceNetworkEvents
| where Timestamp between (Time_start..Time_end)
| where InitiatingProcessVersionInfoCompanyName has 'RealVNC'
    and InitiatingProcessVersionInfoProductName has 'rport'
| summarize FirstSeen=min(Timestamp), LastSeen=max(Timestamp), Report=make_set(ReportId), Count=count()
    by DeviceId, DeviceName, RemoteUrl
"""

Row = dict[str, Any]


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> DatasetSummary:
    return write_dataset(tmp_path_factory.mktemp("demo"), rows=ROWS)


@pytest.fixture(scope="module")
def rows(summary: DatasetSummary) -> list[Row]:
    return pyarrow.parquet.read_table(summary.path).to_pylist()


@pytest.fixture(scope="module")
def engine(summary: DatasetSummary) -> Iterator[LocalEngine]:
    with LocalEngine(summary.path.parent, now=ANCHOR, tables=Tables.packaged("xdr")) as engine:
        yield engine


def matches_rule(row: Row) -> bool:
    return (
        row["InitiatingProcessVersionInfoCompanyName"] == "RealVNC Ltd"
        and row["InitiatingProcessVersionInfoProductName"] == "rport"
    )


def in_last_five_days(row: Row) -> bool:
    return bool(row["Timestamp"] >= (ANCHOR - timedelta(days=5)).replace(tzinfo=None))


def scenario_of(row: Row) -> str | None:
    """Return which of the five shipped exclusions names a row, worked out anew in Python."""
    device, process = row["DeviceName"].lower().split(".")[0], row["InitiatingProcessFileName"].lower()
    parent, command = row["InitiatingProcessParentFileName"].lower(), row["InitiatingProcessCommandLine"].lower()
    host = re.sub(r"^[a-z]+://", "", row["RemoteUrl"].lower()).split("/")[0].split(":")[0]
    hashes = {row["InitiatingProcessSHA1"], row["InitiatingProcessSHA256"], row["InitiatingProcessMD5"]}
    deploy = {
        hashlib.sha256(b"fpctl demo: software-deployment 1").hexdigest(),
        hashlib.sha1(b"fpctl demo: software-deployment 2").hexdigest(),
    }
    if (
        device in {"build01", "build02", "build03", "build04"}
        and process in {"msiexec.exe", "setup.exe", "patch.exe"}
        and parent == "connectwise.clientservice.exe"
    ):
        return "scheduled-patching"
    if device in {"srv-web-01", "srv-web-02", "srv-app-01"} and process == "taskhostw.exe" and "shutdown /r" in command:
        return "remote-reboot"
    if (host == "deploy.contoso.com" or host.endswith(".deploy.contoso.com")) and process == "rport.exe":
        return "software-deployment" if hashes & deploy else None
    if device in {"mon-01", "mon-02"} and process == "powershell.exe" and parent == "rport.exe":
        return "monitoring-script" if re.search(r"get-monitoringdata\.ps1|collect-auditlog\.ps1", command) else None
    if host == "backup.contoso.com" and process == "sqlservr.exe":
        known = hashlib.sha256(b"fpctl demo: database-backup 1").hexdigest()
        return "database-backup" if known in hashes else None
    return None


def test_the_same_seed_gives_the_same_rows(summary: DatasetSummary, rows: list[Row], tmp_path: Path) -> None:
    again = write_dataset(tmp_path, rows=ROWS)
    assert pyarrow.parquet.read_table(again.path).to_pylist() == rows
    assert again.benign == summary.benign


def test_another_seed_gives_other_rows_and_the_same_attacks(rows: list[Row], tmp_path: Path) -> None:
    other = write_dataset(tmp_path, rows=ROWS, seed=8)
    found = pyarrow.parquet.read_table(other.path).to_pylist()
    assert found != rows
    attacks = [[row for row in table if matches_rule(row) and scenario_of(row) is None] for table in (rows, found)]
    assert [(row["DeviceName"], row["Timestamp"]) for row in attacks[0]] == [
        (row["DeviceName"], row["Timestamp"]) for row in attacks[1]
    ]


def test_every_documented_column_is_there_in_order_and_no_other(summary: DatasetSummary) -> None:
    documented = Tables.packaged("xdr").table("DeviceNetworkEvents")
    assert pyarrow.parquet.read_schema(summary.path).names == list(documented or ())


def test_the_engine_finds_no_column_missing(engine: LocalEngine) -> None:
    assert engine.missing_columns("DeviceNetworkEvents") == frozenset()


def test_rows_devices_and_days_are_as_the_summary_says(summary: DatasetSummary, rows: list[Row]) -> None:
    assert summary.rows == len(rows) == ROWS
    assert summary.devices >= 400
    assert len({row["DeviceId"] for row in rows}) <= summary.devices
    assert (summary.start, summary.end) == (datetime(2026, 11, 6, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
    times = [row["Timestamp"].replace(tzinfo=UTC) for row in rows]
    assert times == sorted(times)
    assert summary.start <= times[0]
    assert times[-1] < summary.end
    assert {time.date() for time in times} == {summary.start.date() + timedelta(days=day) for day in range(14)}


def test_benign_rows_are_counted_per_scenario(summary: DatasetSummary, rows: list[Row]) -> None:
    counted = Counter(scenario_of(row) for row in rows if matches_rule(row))
    del counted[None]
    assert counted == summary.benign
    assert set(summary.benign) == {
        "scheduled-patching", "remote-reboot", "software-deployment", "monitoring-script", "database-backup",
    }  # fmt: skip


def test_every_scenario_is_seen_by_the_rule(rows: list[Row]) -> None:
    seen = {scenario_of(row) for row in rows if matches_rule(row) and in_last_five_days(row)}
    assert len(seen - {None}) == 5


def test_patching_is_on_sunday_nights_in_rome(rows: list[Row]) -> None:
    patching = [row["Timestamp"] for row in rows if matches_rule(row) and scenario_of(row) == "scheduled-patching"]
    assert {(time.strftime("%a"), 1 <= time.hour < 3) for time in patching} == {("Sun", True)}


def test_exactly_the_three_attack_sessions_are_no_scenario(summary: DatasetSummary, rows: list[Row]) -> None:
    left = [row for row in rows if matches_rule(row) and scenario_of(row) is None]
    assert Counter((row["DeviceName"], row["RemoteUrl"]) for row in left) == {
        (attack.device, attack.url): attack.events for attack in summary.attacks
    }
    assert all(in_last_five_days(row) for row in left)
    assert [attack.device for attack in summary.attacks] == [
        "build010.contoso.com", "fin-ws-017.contoso.com", "hr-ws-042.contoso.com",
    ]  # fmt: skip


def test_each_attack_differs_from_its_scenario_in_one_thing(rows: list[Row], summary: DatasetSummary) -> None:
    by_device = {attack.device: attack for attack in summary.attacks}
    for row in rows:
        if not matches_rule(row) or scenario_of(row) is not None:
            continue
        attack = by_device[row["DeviceName"]]
        benign = dict(row)
        benign |= {
            "device": {"DeviceName": "build01.contoso.com"},
            "url": {"RemoteUrl": "deploy.contoso.com"},
            "hash": {"InitiatingProcessSHA256": hashlib.sha256(b"fpctl demo: software-deployment 1").hexdigest()},
        }[attack.differs]
        assert scenario_of(benign) == attack.resembles


def test_background_traffic_resembles_but_never_matches(rows: list[Row]) -> None:
    near = [
        row
        for row in rows
        if not matches_rule(row)
        and (
            "RealVNC" in row["InitiatingProcessVersionInfoCompanyName"]
            or row["InitiatingProcessVersionInfoProductName"] == "rport"
        )
    ]
    assert {row["InitiatingProcessFileName"] for row in near} == {"vncserver.exe", "rport.exe"}


def test_a_program_has_the_same_hashes_everywhere(rows: list[Row]) -> None:
    hashes: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        hashes.setdefault(row["InitiatingProcessSHA256"], set()).add(
            (row["InitiatingProcessSHA1"], row["InitiatingProcessMD5"])
        )
    assert all(len(others) == 1 for others in hashes.values())
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in hashes)


def test_processes_start_before_they_talk_and_after_their_parents(rows: list[Row]) -> None:
    assert all(
        row["InitiatingProcessParentCreationTime"] < row["InitiatingProcessCreationTime"] <= row["Timestamp"]
        for row in rows
    )


def test_report_ids_are_unique_on_a_device(rows: list[Row]) -> None:
    assert len({(row["DeviceId"], row["ReportId"]) for row in rows}) == len(rows)


def test_the_rule_shows_the_attacks_among_the_benign(engine: LocalEngine, summary: DatasetSummary) -> None:
    found = {(row["DeviceName"], row["RemoteUrl"]): row["Count"] for row in engine.query(RULE).dicts()}
    assert len(found) > 100
    assert {(attack.device, attack.url) for attack in summary.attacks} <= set(found)
    # The device of the unknown hash fetches software as the others do, too.
    assert found["hr-ws-042.contoso.com", "deploy.contoso.com"] > summary.attacks[2].events


def test_preflight_of_the_rules_table_finds_rows_in_its_range(engine: LocalEngine) -> None:
    status = engine.preflight(["DeviceNetworkEvents"], FIVE_DAYS)[0]
    assert status.exists
    assert status.rows_in_range > 1000
    assert status.newest is not None
    assert status.newest >= ANCHOR - timedelta(hours=1)


def test_progress_goes_up_to_all_rows(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_dataset(tmp_path, rows=45_000, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(20_000, 45_000), (40_000, 45_000), (45_000, 45_000)]


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FpctlError, match=f"at least {LEAST_ROWS:,} rows; 9,999 are too few"):
        write_dataset(tmp_path, rows=9_999)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FpctlError, match="cannot write the demo data"):
        write_dataset(tmp_path / "file", rows=ROWS)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_write_keeps_the_old_file_and_leaves_no_part(tmp_path: Path) -> None:
    old = tmp_path / "DeviceNetworkEvents.parquet"
    old.write_bytes(b"old")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path, rows=ROWS, progress=stop)
    assert old.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [old]
