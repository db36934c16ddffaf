"""Whether the engine's service can be reached, its clock, and whether it accepts the credential."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from fpctl.engine.interface import Engine, EngineError
from fpctl.inspection.check_result import Area, CheckResult
from fpctl.inspection.grants import graph_grant, workspace_grant
from fpctl.settings import Settings

SKEW_NOTICED, SKEW_REFUSED = 60.0, 300.0
"""Seconds between the clocks: worth a word; and what Entra ID lets a token's times be off
(https://learn.microsoft.com/entra/identity-platform/access-tokens)."""

_TIMEOUT = 20.0
_AREAS: dict[str, Area] = {
    "credentials": "credential",
    "unauthorized": "credential",
    "forbidden": "permission",
    "not-found": "settings",
    "settings": "settings",
}


def reach(address: str, clock: Callable[[], float] = time.time) -> Iterator[CheckResult]:
    """Yield whether a service answers at all, and how far this machine's clock is from its own.

    The request carries no token: any answer will do.
    """
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError
    from azure.core.pipeline.transport import RequestsTransport
    from azure.core.rest import HttpRequest

    from fpctl.engine.remote.endpoint import endpoint_of
    from fpctl.engine.remote.errors import service_time
    from fpctl.engine.remote.retry import RequestFailure
    from fpctl.engine.remote.session import BodyBounds, service_session

    place = endpoint_of(address, setting="the endpoint")
    transport = RequestsTransport(
        session=service_session(place, place.host, BodyBounds(1024 * 1024, 3 * _TIMEOUT)),
        connection_timeout=_TIMEOUT,
        use_env_settings=not place.loopback,
    )
    client: PipelineClient[HttpRequest, object] = PipelineClient(place.url, policies=[], transport=transport)
    try:
        response = client.send_request(HttpRequest("GET", place.url), read_timeout=_TIMEOUT)
        headers = dict(response.headers)  # type: ignore[attr-defined]
        heard = clock()
    except (AzureError, RequestFailure) as error:
        said = str(error).partition("\n")[0][:300]
        hint = "check the endpoint, the network, the firewall and HTTPS_PROXY"
        yield CheckResult("service", "error", place.host, f"cannot be reached: {said}", hint)
        return
    finally:
        client.close()
    yield CheckResult("service", "ok", place.host, "answers")
    sent = service_time(headers)
    if sent is None:
        yield CheckResult("clock", "skipped", place.host, "the service does not report its time")
        return
    off = sent.timestamp() - heard
    if abs(off) <= SKEW_NOTICED:
        yield CheckResult("clock", "ok", place.host, "this machine's clock is right")
        return
    side = "behind" if off > 0 else "ahead of"
    message = f"this machine's clock is {abs(off):,.0f} s {side} the service's"
    hint = (
        "synchronize the clock, for example with NTP: otherwise tokens are refused and rules read the wrong time range"
    )
    yield CheckResult("clock", "error" if abs(off) > SKEW_REFUSED else "warning", place.host, message, hint)


def access(engine: Engine, settings: Settings) -> Iterator[CheckResult]:
    """Yield whether a query is let through: it needs a token, and permission."""
    if not engine.description.capabilities.remote:
        return
    try:
        engine.query("print fpctl = 1")
    except EngineError as error:
        hint = _grant(engine, settings) if error.code == "forbidden" else error.hint
        hint = hint or error.hint or "see docs/engines.md"
        yield CheckResult(_AREAS.get(error.code, "service"), "error", engine.name, error.message, hint)
        return
    yield CheckResult("credential", "ok", engine.name, "token accepted")
    yield CheckResult("permission", "ok", engine.name, "queries are permitted")


def _grant(engine: Engine, settings: Settings) -> str | None:
    """Return the permission that is missing and the command that grants it; None where neither is known."""
    from fpctl.engine.remote.base import RemoteEngine

    service = engine.description.capabilities.deploys
    if service is None or not isinstance(engine, RemoteEngine):
        return None
    try:
        claims = engine.claims()
    except EngineError:
        claims = {}
    return graph_grant("query", claims) if service == "defender" else workspace_grant("query", claims, settings)
