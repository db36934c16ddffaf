"""The `defender` engine: Defender XDR advanced hunting, through Microsoft Graph's `security/runHuntingQuery`.

azure-core's own pipeline does the talking; there is no Microsoft package for this one call that is
not a hundred times its size. Limits: https://learn.microsoft.com/graph/api/resources/security-api-overview
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from fpctl.engine.defender.description import CALLS_A_MINUTE, DESCRIPTION, ENDPOINT
from fpctl.engine.defender.unified import TABLES_AT_ONCE, look_back_of
from fpctl.engine.interface import EngineError, Table, Timespan
from fpctl.engine.remote.azure_errors import failure_of_exception
from fpctl.engine.remote.base import READ_MARGIN, RemoteEngine, check_settings, concurrency_of, utc, whole
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.decode import bad_response, kusto_type, only_row, read_json, table_of_columns, typed_column
from fpctl.engine.remote.endpoint import endpoint_of
from fpctl.engine.remote.errors import HttpResponse, failure_of_response, service_error_of, shorten
from fpctl.engine.remote.rate_limit import RateLimit
from fpctl.engine.remote.request_settings import RequestSettings
from fpctl.engine.remote.rest_client import pipeline_client
from fpctl.engine.remote.retry import RequestFailure
from fpctl.engine.remote.time_slicing import SHORTEST, TimeSlicing, time_slicing_of
from fpctl.kql.literals import bracket_name

PATH = "/v1.0/security/runHuntingQuery"
LONGEST = 180
"""Seconds that Graph lets a query run."""
MOST_ROWS = 100_000
"""Rows at which Graph cuts an answer, without a word."""
AT_ONCE = 4
"""Queries in flight at once, where the settings do not say."""
LOOK_BACK = timedelta(days=30)
MOST_PARTS = 64
"""Requests that one query may be taken apart into."""

TOO_LARGE = "too-large"
_RESULT_SIZE = re.compile(r"exceeded the (?:allowed|maximum) result size", re.IGNORECASE)
"""Of the older API's documentation, for an answer of more than 124 MB (HTTP 400); that of Graph says nothing of it.

https://learn.microsoft.com/defender-endpoint/api/run-advanced-query-api
"""
CYCLE = 900.0
"""Seconds of a cycle of the CPU quota (https://learn.microsoft.com/graph/api/resources/security-api-overview)."""
_QUOTA = re.compile(r"\bCPU\b|quota|allocated (?:resource|limit)", re.IGNORECASE)
_CLOCKS = timedelta(hours=1)
"""A range that begins 30 days before a run began is still in bounds when the run reaches it."""
_PERMISSION = (
    "the account needs the Graph permission ThreatHunting.Read.All (delegated or application), with admin consent"
)
_NO_HUNTING = ".cn"


@dataclass(frozen=True, slots=True)
class HuntingLimits:
    """Bounds of the service and of what is done about them.

    Attributes:
        look_back: how far back the service keeps events; longer where tables are streamed to Sentinel.
        row_limit: rows at which the service cuts an answer.
        most_parts: requests that one query may be split into, to get past the row limit.
        streamed: how long single tables are kept, where that is not `look_back`.
        unified: a Sentinel workspace is connected. A filter by time in a query can then select a copy of the table that
            was filtered when it was ingested, so no query is split by time.
    """

    look_back: timedelta = LOOK_BACK
    row_limit: int = MOST_ROWS
    most_parts: int = MOST_PARTS
    streamed: Mapping[str, timedelta] = field(default_factory=dict)
    unified: bool = False


@dataclass(frozen=True, slots=True)
class _WholeAnswer:
    """What the service answered to a query as a whole: a table that is cut, or that it would be too large."""

    table: Table | None
    too_large: EngineError | None
    row_limit: int

    def cut(self, why: str) -> Table:
        """Return the table as a partial one, with the reason; raise where there is none."""
        if self.table is None:
            assert self.too_large is not None
            raise EngineError(f"{self.too_large.message}, {why}", code=TOO_LARGE, hint=self.too_large.hint)
        reason = f"the service cuts an answer at {self.row_limit:,} rows, {why}"
        return Table(self.table.columns, self.table.rows, reason, self.table.statistics)

    def partial(self, part: Table) -> Table:
        """Return the answer where a part of it was partial."""
        there = self.table or part
        return Table(there.columns, there.rows, part.partial, there.statistics)


class DefenderEngine(RemoteEngine):
    """An engine on the Defender XDR tables of a tenant.

    Args:
        source: gives tokens.
        endpoint: Microsoft Graph's, for a sovereign cloud (`https://graph.microsoft.us`).
        limits: of the service.
        rate: the service's calls per minute, for all queries of the engine.
        known_tables: names that `tables()` looks for; None for the documented ones.
        requests: how they are made; a timeout of at most 180 seconds.

    Raises:
        EngineError: `settings`.
    """

    name = DESCRIPTION.name
    description = DESCRIPTION
    service = "Microsoft Graph"

    def __init__(
        self,
        source: TokenSource,
        *,
        endpoint: str = ENDPOINT,
        limits: HuntingLimits | None = None,
        rate: RateLimit | None = None,
        known_tables: tuple[str, ...] | None = None,
        requests: RequestSettings | None = None,
    ) -> None:
        place = endpoint_of(endpoint, setting="endpoint of the engine defender")
        if place.host.endswith(_NO_HUNTING):
            raise EngineError("Microsoft Graph in China has no advanced hunting", code="settings")
        requests = requests or RequestSettings()
        timeout = LONGEST if requests.timeout is None else requests.timeout
        check_settings(source, place, timeout, LONGEST)
        super().__init__(source, timeout=timeout, concurrency=concurrency_of(requests, AT_ONCE), requests=requests)
        limits = limits or HuntingLimits()
        self.row_limit = limits.row_limit
        self.look_back = limits.look_back
        self._most_parts = limits.most_parts
        self._streamed = limits.streamed
        self._unified = limits.unified
        self._rate = rate or RateLimit(CALLS_A_MINUTE, 60)
        self._known = known_tables
        self._scope = (ENDPOINT if place.loopback else f"https://{place.host}") + "/.default"
        self._url = place.url + PATH
        self._client = pipeline_client(place, self.service, self._scope, source)

    # ------------------------------------------------------------------ the Engine interface

    def tables(self) -> list[str]:
        """Return the names of the hunting tables that the tenant has, sorted.

        The service lists none: it is asked for each name, a hundred in one request.
        """
        names = self._known if self._known is not None else _documented_tables()
        there: set[str] = set()
        for at in range(0, len(names), TABLES_AT_ONCE):
            some = names[at : at + TABLES_AT_ONCE]
            legs = ", ".join(f"({bracket_name(name)} | getschema | extend TableOf = '{name}')" for name in some)
            found = whole(self._run(f"union isfuzzy=true {legs} | distinct TableOf", None, None))
            there.update(str(row[0]) for row in found.rows)
        return sorted(there)

    def claims(self) -> Mapping[str, Any]:
        """Return what the token in use says of itself. Raises EngineError `credentials`."""
        return self._source.claims(self._scope)

    # ------------------------------------------------------------------ requests

    def _run(self, text: str, timespan: Timespan | None, cancelled: threading.Event | None) -> Table:
        """Return a query's answer, in parts of time where one answer would be cut."""
        self._check_range(text, timespan)
        table, too_large = self._part(text, timespan, cancelled)
        if table is not None and (len(table.rows) < self.row_limit or table.partial is not None):
            return table
        whole_answer = _WholeAnswer(table, too_large, self.row_limit)
        if self._unified:
            return whole_answer.cut("and is not split by time: a filter by time may read a filtered copy of a table")
        slicing = time_slicing_of(text)
        if isinstance(slicing, str):
            return whole_answer.cut(f"and in parts of time they would not add up: {slicing}")
        time_column = self.time_column(slicing.table)
        if time_column is None:
            return whole_answer.cut(f"and {slicing.table} has no time column to take the query apart by")
        return self._in_parts(whole_answer, slicing, time_column, timespan, cancelled)

    def _part(
        self, text: str, timespan: Timespan | None, cancelled: threading.Event | None
    ) -> tuple[Table | None, EngineError | None]:
        """Return a query's answer, or the error that says that it is too large for one."""
        try:
            return super()._run(text, timespan, cancelled), None
        except EngineError as error:
            if error.code != TOO_LARGE:
                raise
            return None, error

    def _check_range(self, text: str, timespan: Timespan | None) -> None:
        if timespan is None:
            return
        look_back = look_back_of(text, _documented_tables(), self._streamed, self.look_back)
        earliest = datetime.fromtimestamp(self._clock(), UTC) - look_back
        if utc(timespan.start) < earliest - _CLOCKS:
            days = look_back.days
            raise EngineError(
                f"the range begins at {utc(timespan.start):%Y-%m-%d %H:%M}; Defender keeps {days} days of events",
                code="out-of-range",
                hint=f"begin at most {days} days ago (--since {days}d), "
                "or say in [engine.defender.look_back] for how many days a table is kept",
            )

    def _in_parts(
        self,
        answer: _WholeAnswer,
        slicing: TimeSlicing,
        time_column: str,
        timespan: Timespan | None,
        cancelled: threading.Event | None,
    ) -> Table:
        now = datetime.fromtimestamp(self._clock(), UTC)
        # The range is mostly wider than the events are spread: halving begins with what there is.
        column = bracket_name(time_column)
        extent = f"{bracket_name(slicing.table)} | summarize Low = min({column}), High = max({column})"
        spread = whole(super()._run(extent, timespan, cancelled))
        begin, stop = only_row(spread, f"the first and last time of {slicing.table}", datetime, datetime)
        if begin is None or stop is None:
            return answer.cut(f"and no row of {slicing.table} has a time to take the query apart by")
        middle = begin + (stop - begin) / 2
        # A stack with the earliest part on top, so that the rows come in order of time.
        parts: list[tuple[datetime | None, datetime | None]] = [(middle, None), (None, middle)]
        columns = answer.table.columns if answer.table is not None else None
        rows: list[tuple[Any, ...]] = []
        requests = 2
        while parts:
            start, end = parts.pop()
            if requests >= self._most_parts:
                return answer.cut(f"and {requests} parts were not enough; narrow the time range")
            requests += 1
            part, _ = self._part(slicing.part(time_column, start, end, now), timespan, cancelled)
            if part is not None and part.partial is not None:
                return answer.partial(part)
            if part is not None and part.columns != (columns or part.columns):
                raise bad_response("two parts of one query have different columns")
            if part is not None and len(part.rows) < self.row_limit:
                columns = part.columns
                rows.extend(part.rows)
                continue
            low, high = start if start is not None else begin, end if end is not None else stop
            half = low + (high - low) / 2
            if high - low < SHORTEST:
                return answer.cut(f"and that many share one timestamp, {low.isoformat()}")
            parts += [(half, end), (start, half)]
        assert columns is not None, "the last part was answered"
        if not slicing.sort(columns, rows):
            return answer.cut("and the rows of its parts cannot be sorted as the query asks")
        return Table(columns, rows, None, {"requests": requests})

    def _read_throttling(self, failure: RequestFailure) -> None:
        """Without `Retry-After`, an exhausted CPU quota lasts until the next cycle begins; cycles are of 15 minutes."""
        if failure.retry_after is None and _QUOTA.search(failure.error.message):
            failure.retry_after = CYCLE - self._clock() % CYCLE

    def _admit(self) -> None:
        self._rate.acquire()

    def _sign_in(self) -> None:
        if not self._source.anonymous:
            self._source.get_token_info(self._scope)

    def _disconnect(self) -> None:
        self._client.close()

    def _attempt(self, text: str, timespan: Timespan | None) -> Table:
        # ensure_ascii: Graph reads a body that is not ASCII only under another content type.
        body: dict[str, str] = {"Query": text}
        if timespan is not None:
            body["Timespan"] = f"{_iso(timespan.start)}/{_iso(timespan.end)}"
        request = HttpRequest("POST", self._url, json=body)
        try:
            response = self._client.send_request(request, read_timeout=self.timeout + READ_MARGIN)
            content = response.read()
        except AzureError as error:
            raise failure_of_exception(error, service=self.service, scrub=self._source.scrub) from None
        if response.status_code != 200:
            failure = failure_of_response(
                HttpResponse(response.status_code, dict(response.headers), content.decode("utf-8", "replace")),
                service=self.service,
                query=text,
                permission=_PERMISSION,
                scrub=self._source.scrub,
                now=self._clock,
            )
            if response.status_code == 400 and _RESULT_SIZE.search(failure.error.message):
                failure.error.code = TOO_LARGE
                failure.error.hint = "narrow the time range, or return fewer rows or columns"
            raise failure
        try:
            return hunting_table(read_json(content))
        except EngineError as error:
            raise RequestFailure(error, "transient" if error.code == "bad-response" else "fatal") from None


def hunting_table(answer: Any) -> Table:
    """Return the table of a `huntingQueryResults`.

    Names in the schema are `name` and `type` in the reference and `Name` and `Type` in its example; a
    row leaves a null out or has it; members with `@odata.` are annotations.

    Raises:
        EngineError: `bad-response`; `partial`, an error and no rows.
    """
    if not isinstance(answer, Mapping):
        raise bad_response("it is not a JSON object")
    said = service_error_of(answer.get("error"))
    partial = None
    if answer.get("error"):
        partial = shorten(f"{said.code}: {said.message}" if said else "the service gives no reason")
    schema, results = answer.get("schema"), answer.get("results")
    if not isinstance(schema, list) or not isinstance(results, list):
        if partial is not None:
            raise EngineError(f"the query failed: {partial}", code="partial", retryable=True)
        raise bad_response("it has no schema or no results")
    try:
        declared = [
            (str(column.get("name") or column["Name"]), kusto_type(column.get("type") or column["Type"]))
            for column in schema
        ]
    except (KeyError, TypeError, AttributeError):
        raise bad_response("a column has no name or no type") from None
    if not all(isinstance(row, dict) for row in results):
        raise bad_response("its results are not objects")
    names = {name for name, _ in declared}
    if len(names) < len(declared):
        raise bad_response("two columns have one name, and a row can hold one of them only")
    strange = {key for key in set().union(*results) - names if "@odata." not in key}
    if strange:
        raise bad_response(f"its rows have a column {min(strange)[:60]!r} that its schema lacks")
    values = [typed_column(name, kind, [row.get(name) for row in results]) for name, kind in declared]
    return table_of_columns(declared, values, len(results), partial=partial)


@cache
def _documented_tables() -> tuple[str, ...]:
    from fpctl.schema.tables import Tables

    return tuple(Tables.packaged("xdr").tables())


def _iso(moment: datetime) -> str:
    text = utc(moment).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}Z"
