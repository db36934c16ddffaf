"""What a service or the way to it answered instead of a result, as a `RequestFailure` that a person can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.error_place import query_error
from fpctl.engine.remote.retry import RequestFailure

_SKEW = 120.0
"""Seconds by which this machine's clock may differ from the service's before it is worth a word."""
_LONGEST = 600
"""Characters of a service's message that are shown."""


class HttpResponse(NamedTuple):
    """An HTTP answer that holds no result."""

    status: int
    headers: Mapping[str, str]
    body: str


class ServiceError(NamedTuple):
    """What an error object says: its most specific code and message, and that innermost object."""

    code: str
    message: str
    details: Mapping[str, Any]


def service_error_of(error: Any) -> ServiceError | None:
    """Return what the `error` member of an answer says; the innermost `innererror` knows most.

    Log Analytics and Graph nest `innererror`; Kusto has `@message`; both may have `details`.
    """
    if not isinstance(error, Mapping):
        return None
    inner: Mapping[str, Any] = error
    code, message = _word(error.get("code")), _word(error.get("@message") or error.get("message"))
    for _ in range(16):
        below = inner.get("innererror") or inner.get("innerError")
        if not isinstance(below, Mapping):
            break
        inner = below
        code = _word(inner.get("code")) or code
        message = _word(inner.get("@message") or inner.get("message")) or message
    details = error.get("details")
    if inner is error and isinstance(details, list) and details and isinstance(details[0], Mapping):
        below_details = service_error_of(details[0])
        if below_details is not None and below_details.message:
            message = below_details.message if not message else f"{message}: {below_details.message}"
            inner = below_details.details
    return ServiceError(code, message, inner) if code or message else None


def service_error_of_body(body: str) -> ServiceError | None:
    """Return what an answer's JSON body says is wrong, or None if it is not such JSON."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, Mapping):
        return None
    return service_error_of(value.get("error", value))


def shorten(message: str) -> str:
    """Return a service's message on one line, not endlessly long."""
    line = re.sub(r"\s+", " ", message).strip()
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def describe_response(answer: HttpResponse, scrub: Callable[[str], str]) -> str:
    """Return `: ` and what an answer that is not a success says, without secrets; nothing if it says nothing.

    Secrets are removed before the text is shortened: half a secret would not be recognised.
    """
    said = service_error_of_body(answer.body)
    message = shorten(scrub(said.message or said.code)) if said else ""
    return f": {message}" if message else ""


def failure_of_response(
    answer: HttpResponse,
    *,
    service: str,
    query: str,
    permission: str,
    scrub: Callable[[str], str],
    now: Callable[[], float],
) -> RequestFailure:
    """Return the fault of an answer whose status is not 200.

    Args:
        answer: the status, headers and body.
        service: its name, for messages.
        query: the text that was sent, for the place of an error in it.
        permission: what an account needs, for a 403.
        scrub: takes tokens out of a text.
        now: seconds since 1970, for the difference between the clocks.
    """
    said = service_error_of_body(answer.body)
    tail = describe_response(answer, scrub)
    message = tail.removeprefix(": ")
    status = answer.status

    def error(text: str, code: str, hint: str | None = None, *, retryable: bool = False) -> EngineError:
        return EngineError(text, code=code, hint=hint, retryable=retryable)

    if status == 401:
        hint = clock_hint(answer.headers, now()) or "sign in again; for `token`, get a new one"
        return RequestFailure(error(f"{service} rejected the token (401){tail}", "unauthorized", hint), "unauthorized")
    if status == 403:
        return RequestFailure(error(f"{service} denies access (403){tail}", "forbidden", permission), "fatal")
    if status == 429:
        wait = retry_after(answer.headers)
        throttled = error(
            f"{service} is throttling (429){tail}", "throttled", "run fewer rules at once, or later", retryable=True
        )
        return RequestFailure(throttled, "throttled", wait)
    if status in (408, 504):
        timeout = error(
            f"{service} timed out running the query ({status}){tail}",
            "timeout",
            "give more time with `timeout`, or a shorter time range",
            retryable=True,
        )
        return RequestFailure(timeout, "timeout", retry_after(answer.headers))
    if status >= 500:
        down = error(f"{service} answered with an error ({status}){tail}", "service", "try again later", retryable=True)
        return RequestFailure(down, "transient", retry_after(answer.headers))
    if status == 404:
        return RequestFailure(
            error(f"{service} does not know this address (404){tail}", "not-found", "check the settings"), "fatal"
        )
    if status == 413:
        return RequestFailure(
            error(f"the query is too long for {service} (413){tail}", "too-long", "keep long lists in a watchlist"),
            "fatal",
        )
    if status == 204:
        return RequestFailure(
            error(
                f"{service} answered without a result (204)",
                "no-content",
                "check the workspace: it may hold no data at all",
            ),
            "fatal",
        )
    if status == 400 and said is not None:
        refused = query_error(query, said.message or said.code, said.details)
        refused.message = message
        refused.args = (message,)
        return RequestFailure(refused, "timeout" if refused.code == "timeout" else "fatal")
    if 300 <= status < 400:
        return RequestFailure(
            error(f"{service} points to another address ({status})", "bad-response", "check the endpoint"), "fatal"
        )
    return RequestFailure(error(f"{service} refused the request ({status}){tail}", "refused"), "fatal")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a `Retry-After` asks for, None where there is none or it cannot be read.

    A date in it is taken against the service's own `Date`, so that this machine's clock does not matter.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("x-ms-retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = _header(headers, name)
        if not value:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            moment, sent = _date(value), _date(_header(headers, "date"))
            if moment is None:
                continue
            seconds = (moment - (sent or datetime.now(UTC))).total_seconds()
        if seconds != seconds or seconds in (float("inf"), float("-inf")):
            continue
        return max(0.0, seconds)
    return None


def service_time(headers: Mapping[str, str]) -> datetime | None:
    """Return what time it was at the service when it answered, where it says so."""
    return _date(_header(headers, "date"))


def clock_hint(headers: Mapping[str, str], now: float) -> str | None:
    """Return a word on this machine's clock, if it differs much from the service's."""
    sent = service_time(headers)
    if sent is None:
        return None
    behind = sent.timestamp() - now
    if abs(behind) <= _SKEW:
        return None
    side = "behind" if behind > 0 else "ahead of"
    return f"set this machine's clock: it is {abs(behind) / 60:,.0f} minutes {side} the service's"


def _date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value) if value else None
    except (ValueError, TypeError):
        return None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment


def _header(headers: Mapping[str, str], name: str) -> str | None:
    found = headers.get(name)
    if found is None:
        found = next((value for key, value in headers.items() if key.lower() == name), None)
    return found


def _word(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
