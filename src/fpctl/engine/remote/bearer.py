"""azure-core's bearer policy, which also allows this machine's own servers and replaces rejected tokens."""

from __future__ import annotations

from typing import Any

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, SansIOHTTPPolicy

from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.endpoint import Endpoint


class RenewingBearerPolicy(BearerTokenCredentialPolicy[Any, Any]):
    """Puts the token on each request; a new one after `TokenSource.renew`.

    Args:
        source: gives tokens.
        scope: for what.
        endpoint: plain http is permitted where it is on this machine, and nowhere else.
    """

    def __init__(self, source: TokenSource, scope: str, endpoint: Endpoint) -> None:
        super().__init__(source, scope)
        self._source = source
        self._scope = scope
        self._generation = source.generation
        self._loopback = endpoint.loopback

    def on_request(self, request: PipelineRequest[Any]) -> None:
        if self._loopback:
            # Honoured per request only: given to a client's constructor it is ignored.
            request.context.options.setdefault("enforce_https", False)
        super().on_request(request)
        if self._generation != self._source.generation:
            self._generation = self._source.generation
            self.authorize_request(request, self._scope)


def authentication_policy(
    source: TokenSource, scope: str, endpoint: Endpoint
) -> SansIOHTTPPolicy[Any, Any] | RenewingBearerPolicy:
    """Return the policy that authenticates requests, or one that does nothing for the credential `none`."""
    if source.anonymous:
        return SansIOHTTPPolicy()
    return RenewingBearerPolicy(source, scope, endpoint)
