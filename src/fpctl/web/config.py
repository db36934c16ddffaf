"""How one console runs: which repository, where it listens, and how people sign in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fpctl.engine.remote.endpoint import is_loopback
from fpctl.errors import FpctlError
from fpctl.settings import OpenIdConnect, Settings


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """What a console is made of.

    Attributes:
        settings: the effective settings.
        rules, exclusions, data: folders, over those of the settings.
        history: path or URL of the history.
        token: the one-time token of a console on this machine; None where people sign in.
        person: who the bearer of that token is in the trail.
        secure: cookies go over TLS only.
        base_url: the address that browsers use; None for any loopback address.
        clock: returns the time.
    """

    settings: Settings
    rules: Path
    exclusions: Path
    history: str
    data: Path | None = None
    token: str | None = None
    person: str = "console"
    users: Path | None = None
    oidc: OpenIdConnect | None = None
    secure: bool = False
    base_url: str | None = None
    trusted_proxies: frozenset[str] = frozenset()
    session_length: timedelta = timedelta(hours=10)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


def check_exposure(host: str, *, tls: bool, people: bool, settings: Settings) -> None:
    """Refuse to listen where others could listen in, or sign in as nobody.

    Args:
        host: the address to listen on.
        tls: a certificate is given.
        people: people sign in with a password or OpenID Connect.

    Raises:
        FpctlError: the address is not loopback, and there is neither TLS nor a trusted proxy, or nobody signs in.
    """
    if is_loopback(host):
        return
    if not people:
        hint = "set `users` or [console.oidc] in fpctl.toml, or listen on 127.0.0.1"
        raise FpctlError(f"the console will not listen on {host} with a one-time token only", None, hint)
    if not tls and not settings.console.trusted_proxies:
        hint = "give --certificate and --key, or name the proxy in `trusted_proxies` of [console] in fpctl.toml"
        raise FpctlError(f"the console will not listen on {host} without TLS", None, hint)
