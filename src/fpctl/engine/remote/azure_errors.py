"""What azure-core raised instead of an answer, as a `RequestFailure`."""

from __future__ import annotations

from collections.abc import Callable

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.errors import shorten
from fpctl.engine.remote.retry import RequestFailure


def failure_of_exception(error: AzureError | OSError, *, service: str, scrub: Callable[[str], str]) -> RequestFailure:
    """Return the fault of an exception that carries no HTTP answer worth reading."""
    said = shorten(scrub(str(error)))
    if isinstance(error, ServiceResponseTimeoutError):
        # The service had its whole time limit and some more: a second try would wait as long.
        silent = EngineError(
            f"{service} has not answered in time", code="timeout", hint="narrow the time range", retryable=True
        )
        return RequestFailure(silent, "fatal")
    if isinstance(error, ClientAuthenticationError):
        return RequestFailure(EngineError(f"{service} turned the credential down: {said}", code="credentials"), "fatal")
    if isinstance(error, DecodeError):
        return RequestFailure(_lost(service, "it cannot be read"), "transient")
    if isinstance(error, ServiceResponseError | OSError) or (
        # A connection that breaks off inside a body that is being streamed.
        isinstance(error, HttpResponseError) and error.status_code in (None, 200)
    ):
        return RequestFailure(_lost(service, "the connection broke off"), "transient")
    if isinstance(error, ServiceRequestError):
        unreachable = EngineError(
            f"{service} cannot be reached: {said}",
            code="unreachable",
            hint="check the endpoint, the network and HTTPS_PROXY",
            retryable=True,
        )
        return RequestFailure(unreachable, "transient")
    if isinstance(error, HttpResponseError):
        return RequestFailure(EngineError(f"{service} refused the request: {said}", code="refused"), "fatal")
    return RequestFailure(
        EngineError(f"the request to {service} failed: {said}", code="service", retryable=True), "transient"
    )


def _lost(service: str, what: str) -> EngineError:
    return EngineError(
        f"no whole answer from {service}: {what}",
        code="connection-lost",
        hint="run again; if it stays so, look for a proxy that cuts long answers",
        retryable=True,
    )
