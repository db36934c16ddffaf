"""Writing the demo data set: 14 days of DeviceNetworkEvents as Parquet."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from fpctl.demo.estate import make_estate
from fpctl.demo.sessions import ATTACKS, SCENARIOS, AttackSession, Event, rport_events
from fpctl.demo.traffic import COLUMNS, Row, Rows, background
from fpctl.errors import FpctlError, Location
from fpctl.schema.tables import Tables

if TYPE_CHECKING:
    import pyarrow

TABLE = "DeviceNetworkEvents"
ANCHOR = datetime(2026, 11, 20, tzinfo=UTC)
"""The end of the data, and the `now` that rules are run with on it."""
DAYS = 14
LEAST_ROWS = 10_000
"""The RPort traffic alone needs most of these."""

_CHUNK = 20_000
_TYPES = {"datetime": "timestamp[us]", "string": "string", "long": "int64", "int": "int32", "bool": "bool"}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What was written.

    Attributes:
        path: the Parquet file.
        rows: rows in it, all counted.
        devices: devices in the estate.
        attacks: the sessions that must be left when the five exclusions are applied.
        benign: rows of each scenario.
        start: first day, midnight.
        end: the end of the data, exclusive.
    """

    path: Path
    rows: int
    devices: int
    attacks: tuple[AttackSession, ...]
    benign: Mapping[str, int]
    start: datetime
    end: datetime


def write_dataset(
    folder: Path, *, rows: int = 200_000, seed: int = 7, progress: Progress | None = None
) -> DatasetSummary:
    """Write `DeviceNetworkEvents.parquet` into a folder; the same seed gives the same rows on every machine.

    The file appears whole or not at all.

    Args:
        folder: made if need be; a file of that name in it is replaced.
        rows: rows in all, at least `LEAST_ROWS`. The RPort traffic stays as it is; the rest is background.
        seed: of the pseudo-random choices.
        progress: called with (rows written, rows in all) now and then.

    Raises:
        FpctlError: too few rows asked for, or the folder cannot be written.
    """
    if rows < LEAST_ROWS:
        raise FpctlError(f"the demo data set has at least {LEAST_ROWS:,} rows; {rows:,} are too few")
    devices = make_estate(Random(f"{seed} estate"))
    start = ANCHOR.replace(tzinfo=None) - timedelta(days=DAYS)
    special = rport_events({device.name: device for device in devices}, start, DAYS, Random(f"{seed} rport"))
    ordinary = background(devices, start, DAYS, rows - len(special), Random(f"{seed} background"))
    events = heapq.merge(ordinary, special, key=lambda event: event.time)
    path = folder / f"{TABLE}.parquet"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        labels = _write(path, events, rows, Rows(Random(f"{seed} rows"), start), progress)
    except OSError as error:
        raise FpctlError(
            f"cannot write the demo data: {error.strerror or error}",
            Location(str(path)),
            "give a folder that you may write to",
        ) from error
    return DatasetSummary(
        path=path,
        rows=rows,
        devices=len(devices),
        attacks=ATTACKS,
        benign={scenario: labels[scenario] for scenario in SCENARIOS},
        start=start.replace(tzinfo=UTC),
        end=ANCHOR,
    )


def _write(path: Path, events: Iterator[Event], total: int, rows: Rows, progress: Progress | None) -> Counter[str]:
    import pyarrow.parquet

    labels: Counter[str] = Counter()
    schema = _arrow_schema()
    partial = path.with_name(f".{path.name}.partial")
    written = 0
    try:
        with pyarrow.parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
            while chunk := list(islice(events, _CHUNK)):
                labels.update(event.label for event in chunk)
                writer.write_table(_table([rows.row(event) for event in chunk], schema))
                written += len(chunk)
                if progress is not None:
                    progress(written, total)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return labels


def _table(rows: list[Row], schema: pyarrow.Schema) -> pyarrow.Table:
    import pyarrow

    values = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    return pyarrow.Table.from_arrays([pyarrow.array(values[field.name], field.type) for field in schema], schema=schema)


def _arrow_schema() -> pyarrow.Schema:
    """Return every documented column of the table in Defender XDR, in its documented order."""
    import pyarrow

    documented = Tables.packaged("xdr").table(TABLE)
    assert documented is not None
    return pyarrow.schema([(name, pyarrow.type_for_alias(_TYPES[kind])) for name, kind in documented.items()])
