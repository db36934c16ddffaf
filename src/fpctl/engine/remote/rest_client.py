"""A client of one REST service: signed in, tried again under one policy, bounded, and kept to its origin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline import policies
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest

from fpctl import __version__
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.azure_errors import failure_of_exception
from fpctl.engine.remote.base import refuse_anonymous
from fpctl.engine.remote.bearer import authentication_policy
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.decode import bad_response, read_json
from fpctl.engine.remote.endpoint import Endpoint
from fpctl.engine.remote.errors import HttpResponse, failure_of_response
from fpctl.engine.remote.retry import RequestFailure, Retrier
from fpctl.engine.remote.session import BodyBounds, origin_of, service_session

T = TypeVar("T")

MOST_PAGES = 2_000
"""Of one list. A workspace has at most some thousands of rules, and pages hold 50 and more."""
TIMEOUT = 60.0
"""Seconds without a byte after which a request times out."""


@dataclass(frozen=True, slots=True)
class RestService:
    """A service.

    Attributes:
        name: for messages.
        scope: what a token is asked for.
        permission: what an account needs, as the hint of a 403.
        refusals: makes an error of an answer that is not a success, where the service has its own meanings.
    """

    name: str
    scope: str
    permission: str
    refusals: Mapping[int, Callable[[HttpResponse], EngineError]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """A success: its status, headers, and JSON object; None where there is no body."""

    status: int
    headers: Mapping[str, str]
    body: Any


class RestClient:
    """A client of a service. Requests are sent one after the other.

    Args:
        service: what is asked.
        place: where it is.
        source: gives tokens.
        retrier: tries again; every request that is sent through here must be safe to repeat.
        clock: seconds since 1970.
        bounds: of answers.

    Raises:
        EngineError: `settings`.
    """

    def __init__(
        self,
        service: RestService,
        place: Endpoint,
        source: TokenSource,
        *,
        retrier: Retrier | None = None,
        clock: Callable[[], float] = time.time,
        bounds: BodyBounds | None = None,
    ) -> None:
        refuse_anonymous(source, place)
        self.service = service
        self.place = place
        self.source = source
        self._retrier = retrier or Retrier()
        self._clock = clock
        self._client = pipeline_client(place, service.name, service.scope, source, bounds=bounds)

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        accepted: tuple[int, ...] = (200, 201),
    ) -> RestAnswer:
        """Send one request.

        Args:
            method, path: what is asked; the path begins with `/` and may have a query string.
            body: JSON.
            headers: more of them.
            query: the KQL in it, for the place of an error.
            accepted: statuses of an answer that is returned; one of 204, 404 and the like has no body.

        Raises:
            EngineError: the request failed, or the answer cannot be read.
        """

        def attempt() -> RestAnswer:
            return self._attempt(method, path, body, headers, query, accepted)

        if not self.source.anonymous:
            self.source.get_token_info(self.service.scope)
        return self._retrier.run(attempt, on_unauthorized=self.source.renew)

    def pages(self, path: str, link: str = "nextLink") -> Iterator[dict[str, Any]]:
        """Yield the items of every page of a list.

        Args:
            path: of the first page.
            link: the member that has the address of the next page.

        Raises:
            EngineError: as of a request; `not-found`, there is no such list; `bad-response`.
        """
        following: str | None = path
        seen: set[str] = set()
        while following is not None:
            if following in seen or len(seen) >= MOST_PAGES:
                raise bad_response(f"a list of {self.service.name} does not end")
            seen.add(following)
            page = self.ask("GET", following).body
            value = page.get("value") if isinstance(page, Mapping) else None
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                raise bad_response(f"a list of {self.service.name} is not a list")
            yield from value
            following = next_path(self.place, following, page.get(link))

    def claims(self) -> Mapping[str, Any]:
        """Return what the token in use says of itself, for hints to people; nothing where it cannot be had."""
        try:
            return self.source.claims(self.service.scope)
        except EngineError:
            return {}

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
        self.source.close()

    def _attempt(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str] | None,
        query: str,
        accepted: tuple[int, ...],
    ) -> RestAnswer:
        request = HttpRequest(method, f"{self.place.url}{path}", json=body, headers=dict(headers or {}))
        try:
            response = self._client.send_request(request, read_timeout=TIMEOUT)
            content = response.read()
        except AzureError as error:
            raise failure_of_exception(error, service=self.service.name, scrub=self.source.scrub) from None
        answer = HttpResponse(response.status_code, dict(response.headers), content.decode("utf-8", "replace"))
        if response.status_code not in accepted:
            if (refuse := self.service.refusals.get(response.status_code)) is not None:
                raise RequestFailure(refuse(answer), "fatal")
            raise failure_of_response(
                answer,
                service=self.service.name,
                query=query,
                permission=self.service.permission,
                scrub=self.source.scrub,
                now=self._clock,
            )
        if response.status_code >= 202 or (not content.strip() and method == "DELETE"):
            return RestAnswer(response.status_code, answer.headers, None)
        try:
            found = read_json(content)
        except EngineError as error:
            raise RequestFailure(error, "transient") from None
        if not isinstance(found, dict):
            raise RequestFailure(bad_response("it is not a JSON object"), "transient")
        return RestAnswer(response.status_code, answer.headers, found)


def pipeline_client(
    place: Endpoint, service: str, scope: str, source: TokenSource, *, bounds: BodyBounds | None = None
) -> PipelineClient[HttpRequest, Any]:
    """Return azure-core's client of a service on a guarded session; it neither retries nor follows redirects."""
    return PipelineClient[HttpRequest, Any](
        place.url,
        policies=[
            policies.RequestIdPolicy(),
            policies.HeadersPolicy({"Accept": "application/json"}),
            policies.UserAgentPolicy(f"fpctl/{__version__}"),
            authentication_policy(source, scope, place),
            policies.HttpLoggingPolicy(),  # leaves the Authorization header out
        ],
        transport=RequestsTransport(
            session=service_session(place, service, bounds),
            connection_timeout=30,
            use_env_settings=not place.loopback,
        ),
    )


def next_path(place: Endpoint, current: str, link: Any) -> str | None:
    """Return the path of the next page, None after the last; the token goes to no other origin than the service's.

    Args:
        place: where the service is.
        current: the path of this page: a relative link counts from it.
        link: what the service gave.

    Raises:
        EngineError: `bad-response`, the next page is elsewhere.
    """
    if not link:
        return None
    if not isinstance(link, str):
        raise bad_response("the address of the next page is not text")
    try:
        address = urljoin(f"{place.url}{current}", link)
        elsewhere = origin_of(address) != origin_of(place.url)
        parts = urlsplit(address)
    except ValueError:
        raise bad_response("the address of the next page is not one") from None
    base = urlsplit(place.url).path
    if elsewhere or parts.username is not None or not parts.path.startswith(f"{base}/"):
        raise bad_response("the next page is on another host")
    path = parts.path.removeprefix(base)
    return f"{path}?{parts.query}" if parts.query else path
