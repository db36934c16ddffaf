"""Requests to Azure Resource Manager, each safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from fpctl.deployment.target import CONFLICT
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.decode import bad_response
from fpctl.engine.remote.endpoint import endpoint_of
from fpctl.engine.remote.errors import HttpResponse, describe_response
from fpctl.engine.remote.rest_client import RestAnswer, RestClient, RestService
from fpctl.engine.remote.retry import Retrier
from fpctl.engine.remote.workspaces import RESOURCE_MANAGER, SERVICE, management_scope

ENDPOINT = RESOURCE_MANAGER
_PERMISSION = (
    "the account needs Microsoft Sentinel Contributor on the workspace's resource group (Reader, to compare only)"
)


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
        place = endpoint_of(endpoint, setting="endpoint of [deploy]")
        scope = management_scope(place)
        refusals = {409: self._conflict, 412: self._conflict}
        self._client = RestClient(
            RestService(SERVICE, scope, _PERMISSION, refusals), place, source, retrier=retrier, clock=clock
        )

    @property
    def client(self) -> RestClient:
        """Sends the requests."""
        return self._client

    def get(self, path: str) -> dict[str, Any] | None:
        """Return what is at a path, or None if there is nothing. Raises EngineError."""
        found: dict[str, Any] | None = self._client.ask("GET", path, accepted=(200, 404)).body
        return found

    def get_all(self, path: str) -> list[dict[str, Any]]:
        """Return the `value` of every page of a list.

        Raises:
            EngineError: as of a request; `not-found`, there is no such list; `bad-response`.
        """
        return list(self._client.pages(path))

    def put(self, path: str, body: Mapping[str, Any], etag: str | None, *, query: str = "") -> dict[str, Any]:
        """Make what is at a path what `body` says, and return it as it is then.

        Args:
            path: of the resource.
            body: the resource.
            etag: of what is there now; None where nothing is, and then nothing may be.
            query: the KQL in it, for the place of an error.

        Raises:
            EngineError: `conflict`, it is another by now; as of a request.
        """
        condition = {"If-None-Match": "*"} if etag is None else {"If-Match": etag}
        made: dict[str, Any] | None = self._client.ask("PUT", path, body=body, headers=condition, query=query).body
        if made is None:
            raise bad_response("its body is empty")
        return made

    def delete(self, path: str, etag: str) -> RestAnswer:
        """Delete what is at a path; if nothing is there, that is not an error. Raises EngineError, as `put`."""
        return self._client.ask("DELETE", path, headers={"If-Match": etag}, accepted=(200, 202, 204, 404))

    def ask(self, method: str, path: str, **settings: Any) -> RestAnswer:
        """Send one request that is none of the above, see `RestClient.ask`."""
        return self._client.ask(method, path, **settings)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _conflict(self, answer: HttpResponse) -> EngineError:
        return EngineError(
            f"it was changed by someone else in the meantime ({answer.status})"
            f"{describe_response(answer, self._client.source.scrub)}",
            code=CONFLICT,
            hint="check it with `fpctl diff --deployed`, then deploy again",
        )
