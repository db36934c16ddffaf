"""Lists that rules read from elsewhere, as files of this machine: `externaldata`, watchlists.

Where a list is comes from the settings, from `schema pull --external` (which keeps copies in `.external/` of the
data folder), or, for a watchlist, from the file of its name among the tables. Files are read here, as text, and
handed to DuckDB as rows: nothing in a rule opens a file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpctl.engine.interface import EngineError
from fpctl.engine.local.data_folder import delimiter_of

if TYPE_CHECKING:
    import pyarrow

    from fpctl.compiler.context import Reading

INDEX = Path(".external") / "index.json"
"""In the data folder: what was fetched, from where and when."""
MAX_BYTES = 192 * 1024 * 1024
_DELIMITERS = {"csv": ",", "tsv": "\t", "psv": "|", "scsv": ";"}


@dataclass(frozen=True, slots=True)
class AttachedFiles:
    """Files that stand for what rules read from elsewhere.

    Attributes:
        external: address of `externaldata`, without what follows a `?` or `;` -> file.
        watchlists: name of a watchlist -> file with a line of column names.
        geo: a MaxMind database of addresses (`.mmdb`) for geo_info_from_ip_address().
    """

    external: Mapping[str, Path] = field(default_factory=dict)
    watchlists: Mapping[str, Path] = field(default_factory=dict)
    geo: Path | None = None


@dataclass(frozen=True, slots=True)
class FetchedCopy:
    """A copy of what an address held. `fetched` is a time in ISO 8601, `file` is relative to the data folder."""

    address: str
    file: str
    sha256: str
    bytes: int
    fetched: str


def plain_address(address: str) -> str:
    """Return an address without a query string and without the credentials of a connection string."""
    return address.partition("?")[0].partition(";")[0].strip()


def fetched_copies(folder: Path) -> dict[str, FetchedCopy]:
    """Return the copies that `schema pull --external` keeps in a data folder, by address.

    Raises:
        EngineError: `bad-data`, the index cannot be read.
    """
    path = folder / INDEX
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = [FetchedCopy(**one) for one in content["copies"]]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"cannot read {path}: {error}", code="bad-data", hint="fetch again: fpctl schema pull --external"
        ) from error
    return {one.address: one for one in found}


def external_file(folder: Path, attached: AttachedFiles, address: str) -> Path | None:
    """Return the file that stands for an address of `externaldata`, None where there is none.

    Raises:
        EngineError: `bad-data`, a fetched copy is not what was fetched.
    """
    plain = plain_address(address)
    own = {plain_address(one): path for one, path in attached.external.items()}.get(plain)
    if own is not None:
        return own
    copy = fetched_copies(folder).get(plain)
    if copy is None:
        return None
    path = folder / copy.file
    if hashlib.sha256(_bytes(path)).hexdigest() != copy.sha256:
        raise EngineError(
            f"{path} is not what was fetched from {plain}",
            code="bad-data",
            hint="fetch it again: fpctl schema pull --external; or name a file of your own in [engine.local.external]",
        )
    return path


def rows_of_external(path: Path, reading: Reading) -> pyarrow.Table:
    """Return the rows of a file as `externaldata` reads them: columns of text, for JSON columns of JSON text.

    Raises:
        EngineError: `bad-data`, the file cannot be read in that format.
    """
    import pyarrow

    data = _bytes(path)
    if path.name.lower().endswith(".gz"):
        data = _unzipped(path, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EngineError(f"{path} is not UTF-8", code="bad-data", hint="save the file as UTF-8") from error
    try:
        records = list(_records(text, reading))
    except (ValueError, csv.Error) as error:
        raise EngineError(f"cannot read {path} as {reading.format}: {error}", code="bad-data") from error
    width = len(reading.columns)
    columns = {
        f"c{at}": pyarrow.array([row[at] if at < len(row) else None for row in records], pyarrow.string())
        for at in range(width)
    }
    return pyarrow.table(columns)


def _records(text: str, reading: Reading) -> Iterator[list[str | None]]:
    if reading.format == "raw":
        yield [text]
        return
    if reading.format in ("json", "multijson"):
        for item in _json_records(text):
            yield [None if (value := item.get(name)) is None else _json(value) for name in reading.columns]
        return
    if reading.format == "txt":
        lines: Iterator[list[str | None]] = ([line.removesuffix("\r")] for line in text.split("\n"))
    else:
        lines = iter(csv.reader(io.StringIO(text, newline=""), delimiter=_DELIMITERS[reading.format]))  # type: ignore[arg-type]
    # Empty lines are skipped (ingestion-supported-formats).
    records = (record for record in lines if record and record != [""])
    if reading.skip_first:
        next(records, None)
    yield from records


def _json_records(text: str) -> Iterator[dict[str, Any]]:
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at >= len(text):
            return
        item, at = decoder.raw_decode(text, at)
        yield from (one for one in (item if isinstance(item, list) else [item]) if isinstance(one, dict))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def rows_of_watchlist(path: Path) -> pyarrow.Table:
    """Return a watchlist: its columns are strings, whatever they look like.

    Raises:
        EngineError: `bad-data`, the file cannot be read.
    """
    import pyarrow

    data = _bytes(path)
    try:
        text = data.decode("utf-8-sig")
        lines = iter(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(path)))
        names = next(lines, [])
        records = [record for record in lines if record]
    except (UnicodeDecodeError, csv.Error) as error:
        raise EngineError(f"cannot read the watchlist {path}: {error}", code="bad-data") from error
    if not names or len(set(names)) < len(names):
        raise EngineError(
            f"the watchlist {path} has no line of column names, or a name twice", code="bad-data",
            hint="begin the file with a line of names: SearchKey,Owner",
        )  # fmt: skip
    arrays = [
        pyarrow.array([record[at] if at < len(record) else "" for record in records], pyarrow.string())
        for at in range(len(names))
    ]
    return pyarrow.Table.from_arrays(arrays, names=names)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror or error}", code="bad-data") from error
    if len(data) > MAX_BYTES:
        raise EngineError(f"{path} is larger than {MAX_BYTES // 2**20} MB", code="bad-data")
    return data


def _unzipped(path: Path, data: bytes) -> bytes:
    import zlib

    machine = zlib.decompressobj(31)
    try:
        found = machine.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise EngineError(f"{path} is not a gzip file", code="bad-data") from error
    if len(found) > MAX_BYTES:
        raise EngineError(f"{path} unpacks to more than {MAX_BYTES // 2**20} MB", code="bad-data")
    return found
