"""Requests to Azure Resource Manager: signed in, tried again under the policy of the engines, and safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest

from fpctl import __version__
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.azure_errors import failure_of_exception
from fpctl.engine.remote.base import refuse_anonymous
from fpctl.engine.remote.bearer import authentication_policy
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.decode import read_json
from fpctl.engine.remote.endpoint import endpoint_of
from fpctl.engine.remote.errors import HttpResponse, failure_of_response, service_error_of_body, shorten
from fpctl.engine.remote.retry import RequestFailure, Retrier

ENDPOINT = "https://management.azure.com"
"""The public cloud; US Government has https://management.usgovcloudapi.net, China https://management.chinacloudapi.cn."""
SERVICE = "Azure Resource Manager"
_PERMISSION = "the account needs Microsoft Sentinel Contributor on the workspace (Reader, to compare only)"
_TIMEOUT = 60.0


CONFLICT = "conflict"
"""The code of the error that what was to be changed is no longer what it was when it was read."""


class Management:
    """A client of Resource Manager. Requests are sent one after the other.

    Args:
        source: gives tokens.
        endpoint: the cloud's address.
        retrier: tries again; GET, and PUT and DELETE with an etag, may all be repeated.
        clock: seconds since 1970.

    Raises:
        EngineError: `settings`.
    """

    def __init__(
        self,
        source: TokenSource,
        *,
        endpoint: str = ENDPOINT,
        retrier: Retrier | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._place = endpoint_of(endpoint, setting="endpoint of [deploy]")
        refuse_anonymous(source, self._place)
        self._source = source
        self._scope = (ENDPOINT if self._place.loopback else f"https://{self._place.host}") + "/.default"
        self._retrier = retrier or Retrier()
        self._clock = clock
        self._client = PipelineClient[HttpRequest, Any](
            self._place.url,
            policies=[
                policies.RequestIdPolicy(),
                policies.HeadersPolicy({"Accept": "application/json"}),
                policies.UserAgentPolicy(f"fpctl/{__version__}"),
                authentication_policy(source, self._scope, self._place),
                policies.HttpLoggingPolicy(),  # leaves the Authorization header out
            ],
            connection_timeout=30,
            use_env_settings=not self._place.loopback,  # a proxy must not see what stays on this machine
        )

    def get(self, path: str) -> dict[str, Any] | None:
        """Return what is at a path, or None if there is nothing. Raises EngineError."""
        return self._ask("GET", path, none_at=(404,))

    def get_all(self, path: str) -> list[dict[str, Any]]:
        """Return the `value` of every page of a list.

        Raises:
            EngineError: as of a request; `not-found`, there is no such list; `bad-response`.
        """
        found: list[dict[str, Any]] = []
        following: str | None = path
        while following is not None:
            page = self._ask("GET", following)
            value = page.get("value") if page is not None else None
            if page is None or not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                raise EngineError(f"the answer of {SERVICE} is no list", code="bad-response")
            found += value
            following = self._following(page.get("nextLink"))
        return found

    def put(self, path: str, body: Mapping[str, Any], etag: str | None, *, query: str = "") -> dict[str, Any]:
        """Make what is at a path what `body` says, and return it as it is then.

        Args:
            etag: of what is there now; None where nothing is, and then nothing may be.
            query: the KQL in it, for the place of an error.

        Raises:
            EngineError: `conflict`, it is another by now; as of a request.
        """
        condition = {"If-None-Match": "*"} if etag is None else {"If-Match": etag}
        made = self._ask("PUT", path, body=body, headers=condition, query=query)
        if made is None:
            raise EngineError(f"the answer of {SERVICE} is empty", code="bad-response")
        return made

    def delete(self, path: str, etag: str) -> None:
        """Take away what is at a path; what is gone already is no error. Raises EngineError, as `put`."""
        self._ask("DELETE", path, headers={"If-Match": etag}, none_at=(200, 204, 404))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
        self._source.close()

    def _following(self, link: Any) -> str | None:
        """Return the address of the next page; the token goes to no other host than that of the endpoint."""
        if not link:
            return None
        parts = urlsplit(str(link))
        own = urlsplit(self._place.url)
        if parts.netloc and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            raise EngineError(f"the next page of {SERVICE} is on another host", code="bad-response")
        return f"{parts.path}?{parts.query}"

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        none_at: tuple[int, ...] = (),
        query: str = "",
    ) -> dict[str, Any] | None:
        def attempt() -> dict[str, Any] | None:
            request = HttpRequest(method, f"{self._place.url}{path}", json=body, headers=dict(headers or {}))
            try:
                response = self._client.send_request(request, read_timeout=_TIMEOUT)
                content = response.read()
            except AzureError as error:
                raise failure_of_exception(error, service=SERVICE, scrub=self._source.scrub) from None
            if response.status_code in none_at:
                return None
            text = content.decode("utf-8", "replace")
            if response.status_code in (409, 412):
                raise RequestFailure(self._conflict(response.status_code, text), "fatal")
            if response.status_code not in (200, 201):
                answer = HttpResponse(response.status_code, dict(response.headers), text)
                raise failure_of_response(
                    answer, service=SERVICE, query=query, permission=_PERMISSION, scrub=self._source.scrub,
                    now=self._clock,
                )  # fmt: skip
            try:
                found = read_json(content)
            except EngineError as error:
                raise RequestFailure(error, "transient") from None
            if not isinstance(found, dict):
                raise RequestFailure(
                    EngineError(f"the answer of {SERVICE} is no object", code="bad-response"), "transient"
                )
            return found

        if not self._source.anonymous:
            self._source.get_token_info(self._scope)
        return self._retrier.run(attempt, on_unauthorized=self._source.renew)

    def _conflict(self, status: int, text: str) -> EngineError:
        said = service_error_of_body(text)
        tail = f": {self._source.scrub(shorten(said.message or said.code))}" if said else ""
        return EngineError(
            f"somebody changed it meanwhile ({status}){tail}",
            code=CONFLICT,
            hint="look at it with `fpctl diff --deployed`, and deploy again",
        )
