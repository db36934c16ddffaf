"""Settings and options made into what the engine of a service is opened with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fpctl.engine.remote.credentials import TokenSource, token_source
from fpctl.engine.remote.destination import Destination, trusted_endpoint
from fpctl.engine.remote.request_settings import RequestSettings, quietly

if TYPE_CHECKING:
    from fpctl.engine.options import EngineOptions
    from fpctl.settings import ServiceEngine, Settings


def request_settings(own: ServiceEngine, options: EngineOptions) -> RequestSettings:
    """Return how requests are made: what the options say, else the settings, else the engine's defaults."""
    return RequestSettings(
        timeout=options.timeout or own.timeout,
        concurrency=options.concurrency or own.concurrency,
        retrier=options.retrier,
        patience=options.patience,
        announce=options.announce or quietly,
    )


def service_credential(
    settings: Settings, own: ServiceEngine, options: EngineOptions, destination: Destination
) -> TokenSource:
    """Return what gives tokens for an engine's service.

    Raises:
        EngineError: `settings`; `untrusted-host`, the token would go to a host that is not the service's.
    """
    environ = os.environ if options.environ is None else options.environ
    place = trusted_endpoint(destination, environ)
    return token_source(
        options.credential or own.credential or settings.engine.credential,
        environ=environ,
        authority=place.authority,
        tenant=own.tenant,
        client_id=own.client_id,
    )
