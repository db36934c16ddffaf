"""The `kusto` engine: Azure Data Explorer, a Fabric eventhouse or a free cluster, through azure-kusto-data.

The package is an optional extra, `kusto`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fpctl.engine.interface import EngineError, Table, Timespan
from fpctl.engine.kusto.description import DESCRIPTION
from fpctl.engine.kusto.frames import table_of_frames, table_of_v1
from fpctl.engine.remote.base import RemoteEngine, check_settings, concurrency_of, whole
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.decode import bad_response
from fpctl.engine.remote.endpoint import Endpoint, endpoint_of
from fpctl.engine.remote.errors import HttpResponse, failure_of_response, shorten
from fpctl.engine.remote.request_settings import RequestSettings
from fpctl.engine.remote.retry import RequestFailure
from fpctl.engine.remote.session import guard_session
from fpctl.engine.remote.time_filter import time_filtered
from fpctl.text.edits import EditedText
from fpctl.text.source import SourceText

TIMEOUT, AT_ONCE = 240.0, 4
"""Seconds that a query may run, and queries in flight at once, where the settings do not say."""
LONGEST = 3600
"""Seconds: the most that a cluster lets a query run."""
_PERMISSION = "the account needs the role Viewer (or User) on the database"


class KustoEngine(RemoteEngine):
    """An engine on a database of a cluster.

    Args:
        cluster: its address, `https://name.region.kusto.windows.net`.
        database: its name.
        source: gives tokens.
        time_column: the event time's column, where it is neither `Timestamp` nor `TimeGenerated`.
        now: what `now()` and `ago()` count from; None for the cluster's clock.
        requests: how they are made.

    Raises:
        EngineError: `settings`; `not-installed`, azure-kusto-data is missing.
    """

    name = DESCRIPTION.name
    description = DESCRIPTION
    service = "the Kusto cluster"

    def __init__(
        self,
        cluster: str,
        database: str,
        source: TokenSource,
        *,
        time_column: str | None = None,
        now: datetime | None = None,
        requests: RequestSettings | None = None,
    ) -> None:
        place = endpoint_of(cluster, setting="cluster of the engine kusto")
        if not database.strip():
            raise EngineError("no database is set for the engine kusto", code="settings", hint="set `database`")
        requests = requests or RequestSettings()
        timeout = TIMEOUT if requests.timeout is None else requests.timeout
        check_settings(source, place, timeout, LONGEST)
        super().__init__(source, timeout=timeout, concurrency=concurrency_of(requests, AT_ONCE), requests=requests)
        self.database = database.strip()
        self._time_column = time_column
        self._now = now
        self._client = _client(place, source)

    # ------------------------------------------------------------------ the Engine interface

    def tables(self) -> list[str]:
        """Return the names of the database's tables, sorted."""
        found = whole(self._bounded(lambda: self._send(".show tables", ".show tables")))
        if "TableName" not in found.names():
            raise bad_response("the list of tables has no names")
        return sorted(str(row["TableName"]) for row in found.dicts())

    def time_column(self, table: str) -> str | None:
        """Return the column of a table that holds the event's time, or None."""
        if self._time_column is not None and (self.columns(table) or {}).get(self._time_column) == "datetime":
            return self._time_column
        return super().time_column(table)

    # ------------------------------------------------------------------ requests

    def _run(self, text: str, timespan: Timespan | None, cancelled: Any) -> Table:
        if timespan is None:
            return super()._run(text, None, cancelled)
        query = time_filtered(text, timespan, self.time_column)
        try:
            return super()._run(query.text, None, cancelled)
        except EngineError as error:
            raise _mapped(error, query) from None

    def _attempt(self, text: str, timespan: Timespan | None) -> Table:
        return self._send(text, text)

    def _send(self, text: str, shown: str) -> Table:
        from azure.kusto.data.exceptions import KustoError

        try:
            if text.startswith("."):
                answer = self._client.execute_mgmt(self.database, text, self._properties())
                return _read(answer, table_of_v1)
            return _read(self._client.execute_query(self.database, text, self._properties()), table_of_frames)
        except KustoError as error:
            raise self._fault(error, shown) from None

    def _properties(self) -> Any:
        from azure.kusto.data import ClientRequestProperties

        make: Any = ClientRequestProperties  # has no types of its own
        properties = make()
        properties.application = "fpctl"
        properties.set_option(properties.request_timeout_option_name, timedelta(seconds=self.timeout))
        properties.set_option("request_readonly", True)
        if self._now is not None:
            properties.set_option("query_now", self._now.isoformat())
        return properties

    def _disconnect(self) -> None:
        self._client.close()

    def _fault(self, error: Exception, text: str) -> RequestFailure:
        from azure.kusto.data.exceptions import KustoAuthenticationError, KustoNetworkError

        if isinstance(error, KustoNetworkError):
            return self._network_fault(error)
        if isinstance(error, KustoAuthenticationError):
            cause = error.exception
            if isinstance(cause, EngineError):
                return RequestFailure(cause, "fatal")
            said = shorten(self._source.scrub(str(cause)))
            return RequestFailure(EngineError(f"no token for {self.service}: {said}", code="credentials"), "fatal")
        # KustoThrottlingError has its answer among its arguments only.
        response = getattr(error, "http_response", None)
        if response is None:  # not `or`: an answer with an error status is false
            response = next((part for part in error.args if hasattr(part, "status_code")), None)
        if response is None:
            said = shorten(self._source.scrub(str(error)))
            return RequestFailure(EngineError(f"{self.service} refused the request: {said}", code="refused"), "fatal")
        if response.status_code == 200:
            return RequestFailure(_unreadable(response.content), "transient")
        return failure_of_response(
            HttpResponse(response.status_code, response.headers, response.text),
            service=self.service,
            query=text,
            permission=_PERMISSION,
            scrub=self._source.scrub,
            now=self._clock,
        )

    def _network_fault(self, error: Exception) -> RequestFailure:
        import requests

        cause = error.__cause__
        if isinstance(cause, RequestFailure):
            return cause
        if isinstance(cause, requests.exceptions.ReadTimeout):
            silent = EngineError(
                f"{self.service} has not answered in time", code="timeout", hint="narrow the time range", retryable=True
            )
            return RequestFailure(silent, "fatal")
        said = shorten(self._source.scrub(str(cause or error)))
        refused = isinstance(cause, requests.exceptions.ConnectionError) and "NewConnectionError" in repr(cause)
        if refused:
            hint = "check the address of the cluster, the network and HTTPS_PROXY"
            unreachable = EngineError(
                f"{self.service} cannot be reached: {said}", code="unreachable", hint=hint, retryable=True
            )
            return RequestFailure(unreachable, "transient")
        lost = EngineError(
            f"no whole answer from {self.service}: the connection broke off",
            code="connection-lost",
            hint="run again; if it stays so, look for a proxy that cuts long answers",
            retryable=True,
        )
        return RequestFailure(lost, "transient")


def _client(place: Endpoint, source: TokenSource) -> Any:
    try:
        from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
    except ImportError:
        raise EngineError(
            "the engine kusto needs the package azure-kusto-data",
            code="not-installed",
            hint="python -m pip install azure-kusto-data",
        ) from None

    # The client leaves out what `frames` must see, so this one hands out the answer as it came.
    # `_read` notices if a later version no longer asks this method.
    as_it_came = staticmethod(lambda endpoint, answer: answer)
    frame_client: Any = type("FrameClient", (KustoClient,), {"_kusto_parse_by_endpoint": as_it_came})
    if source.anonymous:
        connection = KustoConnectionStringBuilder.with_no_authentication(place.url)
    else:
        connection = KustoConnectionStringBuilder.with_azure_token_credential(place.url, source)
    client = frame_client(connection)
    guard_session(client._session, place, KustoEngine.service)
    return client


def _read(answer: Any, read: Callable[[Any], Table]) -> Table:
    if not isinstance(answer, list | dict):
        raise RequestFailure(
            EngineError(
                "this version of azure-kusto-data hides parts of the answers",
                code="not-installed",
                hint="install the version in constraints.txt: python -m pip install -U azure-kusto-data",
            ),
            "fatal",
        )
    try:
        return read(answer)
    except EngineError as error:
        raise RequestFailure(error, "transient" if error.code == "bad-response" else "fatal") from None


def _unreadable(content: bytes) -> EngineError:
    from fpctl.engine.remote.decode import read_json

    try:
        read_json(content)
    except EngineError as error:
        return error
    return bad_response("it is not in the service's format")


def _mapped(error: EngineError, query: EditedText) -> EngineError:
    """Return an error of the cut query at its place in the query that the user wrote."""
    if error.offset is None:
        return error
    # In what was written for a table the table is what is meant.
    edit = query.edit_at(error.offset)
    offset = edit.start if edit is not None else query.source_offset(error.offset)
    assert offset is not None, "what is in no edit is in the source"
    source = SourceText(query.source)
    return EngineError(
        error.message,
        code=error.code,
        hint=error.hint,
        offset=offset,
        retryable=error.retryable,
        at=source.location(offset),
        caret=source.caret(offset),
    )
