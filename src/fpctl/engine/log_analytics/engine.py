"""The `log-analytics` engine: a Log Analytics (Microsoft Sentinel) workspace, through azure-monitor-query.

Single queries only: the `$batch` operation of the service ends on 31 March 2028
(https://learn.microsoft.com/azure/azure-monitor/logs/api/migrate-batch-and-beta).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.policies import RedirectPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.monitor.query import LogsQueryClient

from fpctl.engine.interface import EngineError, EngineSchema, Table, TableStatus, Timespan, no_progress
from fpctl.engine.log_analytics.description import DESCRIPTION, ENDPOINT
from fpctl.engine.log_analytics.workspace_facts import WorkspaceFacts, consent_needed
from fpctl.engine.remote.azure_errors import failure_of_exception
from fpctl.engine.remote.base import READ_MARGIN, RemoteEngine, check_settings, concurrency_of, utc
from fpctl.engine.remote.bearer import authentication_policy
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.decode import bad_response, kusto_type, read_json, table_of
from fpctl.engine.remote.endpoint import endpoint_of, log_analytics_audience
from fpctl.engine.remote.errors import HttpResponse, failure_of_response, service_error_of, shorten
from fpctl.engine.remote.rate_limit import RateLimit
from fpctl.engine.remote.request_settings import RequestSettings
from fpctl.engine.remote.retry import RequestFailure
from fpctl.engine.remote.session import service_session
from fpctl.kql.literals import string_literal

LONGEST = 600
"""Seconds: the most that the service lets a query run (https://learn.microsoft.com/azure/azure-monitor/logs/api/timeouts)."""
TIMEOUT = 180.0
"""Seconds that a query may run, where the settings do not say."""
AT_ONCE = 5
"""Queries of one user that the service runs at a time; more wait in its queue, and then get a 429."""
QUERIES, QUERIES_WINDOW = 200, 30.0
"""Queries of one user, and the seconds in which they may begin; more get a 429
(https://learn.microsoft.com/azure/azure-monitor/service-limits#la-query-api)."""
MOST_WORKSPACES = 100

_BLOCK = 1 << 20
_FAILURES = (AzureError, ValueError, OSError)
"""What the client raises: ValueError for a body that is not JSON, OSError for a stream that breaks off."""
_PERMISSION = (
    "the account needs Log Analytics Reader (or Microsoft Sentinel Reader) on the workspace; an app, Data.Read too"
)


class LogAnalyticsEngine(RemoteEngine):
    """An engine on a workspace, or on one Azure resource's logs.

    Args:
        target: the workspace's id (a GUID), or a resource id that begins with `/subscriptions/`.
        source: gives tokens.
        endpoint: the service; its cloud's audience follows from it.
        additional_workspaces: ids, names or resource ids of more workspaces to query with it.
        statistics: ask for the query's cost.
        rate: how many queries the service takes in a window of time, for all queries of the engine.
        facts: what Resource Manager knows of the workspace; None where it is not asked.
        requests: how they are made; a timeout of at most 600 seconds.

    Raises:
        EngineError: `settings`.
    """

    name = DESCRIPTION.name
    description = DESCRIPTION
    service = "Log Analytics"

    def __init__(
        self,
        target: str,
        source: TokenSource,
        *,
        endpoint: str = ENDPOINT,
        additional_workspaces: Sequence[str] = (),
        statistics: bool = True,
        rate: RateLimit | None = None,
        facts: WorkspaceFacts | None = None,
        requests: RequestSettings | None = None,
    ) -> None:
        place = endpoint_of(endpoint, setting="endpoint of the engine log-analytics")
        if not target.strip():
            raise EngineError(
                "no workspace is set", code="settings", hint="set `workspace` to the workspace's id, a GUID"
            )
        requests = requests or RequestSettings()
        timeout = TIMEOUT if requests.timeout is None else requests.timeout
        check_settings(source, place, timeout, LONGEST)
        if len(additional_workspaces) >= MOST_WORKSPACES:
            raise EngineError(f"a query reads at most {MOST_WORKSPACES} workspaces", code="settings")
        super().__init__(source, timeout=timeout, concurrency=concurrency_of(requests, AT_ONCE), requests=requests)
        self.target = target.strip()
        self.additional_workspaces = tuple(additional_workspaces)
        self._statistics = statistics
        self._facts = facts
        self._rate = rate or RateLimit(QUERIES, QUERIES_WINDOW)
        self._scope = log_analytics_audience(place).rstrip("/") + "/.default"
        self._schema: EngineSchema | None = None
        self._client = LogsQueryClient(
            source,
            endpoint=place.url,
            audience=log_analytics_audience(place),
            authentication_policy=authentication_policy(source, self._scope, place),
            retry_total=0,  # ours, in one place for all engines
            redirect_policy=RedirectPolicy.no_redirects(),
            transport=RequestsTransport(
                session=service_session(place, self.service),
                connection_timeout=30,
                connection_data_block_size=_BLOCK,
                use_env_settings=not place.loopback,
            ),
        )

    # ------------------------------------------------------------------ the Engine interface

    def tables(self) -> list[str]:
        """Return the names of the workspace's tables, sorted."""
        return sorted(self.schema().tables)

    def columns(self, table: str) -> Mapping[str, str] | None:
        """Return a table's columns with Kusto types, or None if there is no such table."""
        if self._schema is None and self._facts is not None and self._facts.billed_in(table):
            self.schema()  # a query for the columns of such a table would be billed
        if self._schema is not None:
            known = self._schema.tables.get(table)
            if known:
                return known
        return super().columns(table)

    def schema(self, progress: Callable[[int, int], None] = no_progress) -> EngineSchema:
        """Return the workspace's tables and saved functions, asked for once.

        https://learn.microsoft.com/rest/api/logsquery/metadata
        """
        if self._schema is None:
            self._schema = self._bounded(self._metadata)
        return self._schema

    def connectors(self) -> Mapping[str, bool] | None:
        """Return the workspace's data connectors, see `Engine`. Raises EngineError."""
        return None if self._facts is None else self._facts.connectors()

    def claims(self) -> Mapping[str, Any]:
        """Return what the token in use says of itself. Raises EngineError `credentials`."""
        return self._source.claims(self._scope)

    # ------------------------------------------------------------------ requests

    def _sign_in(self) -> None:
        if not self._source.anonymous:
            self._source.get_token_info(self._scope)

    def _admit(self) -> None:
        self._rate.acquire()

    def _disconnect(self) -> None:
        self._client.close()

    def _run(self, text: str, timespan: Timespan | None, cancelled: threading.Event | None) -> Table:
        """Return a query's answer; one on a table whose scan is billed goes to `/search`, if that was agreed to."""
        billed = self._facts.billed_in(text) if self._facts is not None else {}
        if not billed or self._facts is None:
            return super()._run(text, timespan, cancelled)
        if not self._facts.allowed:
            raise consent_needed(billed, self._ingested(billed, timespan))
        if timespan is None:
            raise EngineError(
                f"a query on {', '.join(billed)} needs its time range in the request",
                code="out-of-range",
                hint="give the range with --since: a filter in the query does not bound what is scanned and billed",
            )
        with self._facts.slots:
            return self._bounded(lambda: self._search(text, timespan), cancelled)

    def _ingested(self, tables: Iterable[str], timespan: Timespan | None) -> str | None:
        """Return how much came into tables in a range, as the table Usage says (in MB); None where it cannot tell."""
        names = ", ".join(string_literal(name) for name in tables)
        text = f"Usage | where DataType in ({names}) | summarize sum(Quantity)"
        try:
            answer = super()._run(text, timespan, None)
        except EngineError:
            return None
        amount = answer.rows[0][0] if answer.partial is None and answer.rows and answer.rows[0] else None
        return f"{amount / 1000:,.1f} GB" if isinstance(amount, int | float) and timespan is not None else None

    def _status(self, table: str, timespan: Timespan | None, cancelled: threading.Event) -> TableStatus:
        """Return the state of a table; that of one whose scan is billed is not worth its price."""
        if self._facts is not None and self._facts.billed_in(table):
            exists = self.columns(table) is not None
            return TableStatus(table, exists, None if exists else 0, billed=exists)
        return super()._status(table, timespan, cancelled)

    def _search(self, text: str, timespan: Timespan) -> Table:
        """Send a query to `/search`, whose time range is in the address; its answer is that of a query."""
        seen = _Seen()
        # In the address a `+` would be a blank: the zone is written as Z.
        bounds = "/".join(
            _milliseconds(end).isoformat(timespec="milliseconds").replace("+00:00", "Z") for end in timespan
        )
        prefer = f"wait={int(self.timeout)}{',include-statistics=true' if self._statistics else ''}"
        request = HttpRequest(
            "POST",
            f"/workspaces/{self.target}/search",
            params={"timespan": bounds},
            headers={"Prefer": prefer},
            json={"query": text},
        )
        try:
            response = self._client.send_request(
                request, read_timeout=self.timeout + READ_MARGIN, raw_response_hook=seen.hook
            )
            if response.status_code != 200:
                raise HttpResponseError(response=response)
            return _table(response.read())
        except EngineError as error:
            raise RequestFailure(error, "transient" if error.code == "bad-response" else "fatal") from None
        except _FAILURES as error:
            raise self._fault(error, seen, text) from None

    def _attempt(self, text: str, timespan: Timespan | None) -> Table:
        seen = _Seen()
        query = self._client.query_resource if self.target.startswith("/") else self._client.query_workspace
        try:
            query(
                self.target,
                text,
                timespan=None if timespan is None else (_milliseconds(timespan.start), _milliseconds(timespan.end)),
                server_timeout=int(self.timeout),
                include_statistics=self._statistics,
                additional_workspaces=list(self.additional_workspaces) or None,
                read_timeout=self.timeout + READ_MARGIN,
                # The body is read and converted here: the client parses it twice, makes three objects
                # per row, and turns a null guid or timespan into the text "None".
                stream=True,
                cls=seen.receive,
                raw_response_hook=seen.hook,
            )
        except _FAILURES as error:
            raise self._fault(error, seen, text) from None
        try:
            return _table(seen.body)
        except EngineError as error:
            raise RequestFailure(error, "transient" if error.code == "bad-response" else "fatal") from None

    def _metadata(self) -> EngineSchema:
        if self.target.startswith("/"):
            unsupported = EngineError(
                "the tables of a resource cannot be listed",
                code="unsupported",
                hint="set `workspace` to a workspace's id",
            )
            raise RequestFailure(unsupported, "fatal")
        seen = _Seen()
        request = HttpRequest("GET", f"/workspaces/{self.target}/metadata")
        try:
            response = self._client.send_request(
                request, read_timeout=self.timeout + READ_MARGIN, raw_response_hook=seen.hook
            )
            if response.status_code != 200:
                raise HttpResponseError(response=response)
            return _schema(read_json(response.read()))
        except EngineError as error:
            raise RequestFailure(error, "transient") from None
        except _FAILURES as error:
            raise self._fault(error, seen, "") from None

    def _fault(self, error: Exception, seen: _Seen, text: str) -> RequestFailure:
        response = getattr(error, "response", None) or seen.response
        if response is not None and response.status_code != 200:
            return failure_of_response(
                HttpResponse(response.status_code, dict(response.headers), _body_of(response)),
                service=self.service,
                query=text,
                permission=_PERMISSION,
                scrub=self._source.scrub,
                now=self._clock,
            )
        if isinstance(error, AzureError | OSError):
            return failure_of_exception(error, service=self.service, scrub=self._source.scrub)
        return RequestFailure(bad_response("it is not JSON"), "transient")


class _Seen:
    """What came back for one request: the answer's head, and its body where it is a result."""

    __slots__ = ("body", "response")

    def __init__(self) -> None:
        self.response: Any = None
        self.body: Any = None

    def hook(self, response: Any) -> None:
        self.response = response.http_response

    def receive(self, response: Any, body: Iterable[bytes] | Mapping[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
        # An empty dict, so that the client has nothing left to convert.
        self.body = body if isinstance(body, Mapping) else b"".join(body)
        return {}


def _table(body: Any) -> Table:
    answer = body if isinstance(body, Mapping) else read_json(_bytes(body))
    if not isinstance(answer, Mapping):
        raise bad_response("it is not a JSON object")
    said = service_error_of(answer.get("error"))
    partial = None
    if answer.get("error"):
        # Any 200 with an error is an incomplete answer, whatever its code: never evidence.
        partial = shorten(f"{said.code}: {said.message}" if said else "the service gives no reason")
    tables = answer.get("tables")
    if not isinstance(tables, list) or not tables:
        if partial is not None:
            raise EngineError(f"the query failed: {partial}", code="partial", retryable=True)
        raise bad_response("it has no table")
    primary = [
        table for table in tables if isinstance(table, Mapping) and table.get("name") == "PrimaryResult"
    ] or tables
    if len(primary) > 1:
        raise EngineError(
            f"the query gives {len(primary)} results; a rule must give one", code="unsupported", hint="remove `fork`"
        )
    table = primary[0]
    try:
        columns = [(column["name"], column["type"]) for column in table["columns"]]
    except (KeyError, TypeError):
        raise bad_response("a column has no name or no type") from None
    statistics = answer.get("statistics")
    return table_of(
        columns, table.get("rows"), partial=partial, statistics=statistics if isinstance(statistics, Mapping) else None
    )


def _schema(answer: Any) -> EngineSchema:
    try:
        tables = {
            table["name"]: {column["name"]: kusto_type(column["type"]) for column in table.get("columns", ())}
            for table in answer["tables"]
        }
        functions = {function["name"]: _function_text(function) for function in answer.get("functions") or ()}
    except (KeyError, TypeError, AttributeError):
        raise bad_response("it does not describe a workspace") from None
    return EngineSchema(dict(sorted(tables.items())), dict(sorted(functions.items())))


def _function_text(function: Mapping[str, Any]) -> str:
    """Return a saved function's KQL: its body, with its parameters around it where it has some."""
    body, parameters = str(function.get("body") or ""), str(function.get("parameters") or "").strip()
    if not parameters.strip("() "):
        return body
    parameters = parameters if parameters.startswith("(") else f"({parameters})"
    return f"{parameters} {{\n{body.rstrip().removesuffix(';')}\n}}"


def _body_of(response: Any) -> str:
    try:
        return str(response.text())
    except Exception:  # whatever reading a broken answer raises, its status is what counts
        return ""


def _bytes(body: Any) -> bytes:
    if body is None:
        raise bad_response("its body is empty")
    return bytes(body) if not isinstance(body, bytes) else body


def _milliseconds(moment: datetime) -> datetime:
    """Return a time as the service can take it.

    The client sends milliseconds. Both ends are cut the same way, so that ranges side by side still
    neither overlap nor leave a gap.
    """
    moment = utc(moment)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
