"""What every answer and every request has to have: headers that browsers obey, a known host, an own origin."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fpctl.engine.remote.endpoint import is_loopback
from fpctl.web.config import ConsoleConfig

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MOST_BYTES = 2_000_000
"""A request's body may be so long."""

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "x-frame-options": "DENY",
}
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI middleware: refuses unknown hosts, foreign origins and long bodies; sets the headers.

    The host is checked because a page of another site can make its own name point to this machine (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, config: ConsoleConfig) -> None:
        self._app, self._config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out[name] = value
                if "cache-control" not in out:
                    out["cache-control"] = "no-store"
                if self._config.secure:
                    out["strict-transport-security"] = "max-age=31536000"
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], headers)
        if refusal is not None:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, guarded)
            return
        await self._app(scope, _bounded(receive), guarded)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 400, "unknown host: open the console under the address that it printed, or set console.base_url"
        length = headers.get("content-length", "0")
        # Python reads digits of other scripts too, and refuses to read thousands of them.
        if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > MOST_BYTES:
            return 413, f"the request is longer than {MOST_BYTES:,} bytes"
        if method in _SAFE or (path.startswith("/api/") and "authorization" in headers):
            return None
        origin = headers.get("origin")
        if origin is not None and not self._is_same(origin, host):
            return 403, "the form was sent from another site"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "the form was sent from another site"
        return None

    def _is_same(self, origin: str, host: str) -> bool:
        """Return whether a form comes from this console: another port of this machine is another site."""
        if self._config.base_url is not None:
            own = urlsplit(self._config.base_url)
            return origin.rstrip("/") == f"{own.scheme}://{own.netloc}"
        try:
            return urlsplit(origin).netloc == host
        except ValueError:
            return False

    def _is_ours(self, host: str) -> bool:
        if self._config.base_url is not None:
            return host == urlsplit(self._config.base_url).netloc
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return is_loopback(name.strip("[]"))


def _bounded(receive: Receive) -> Receive:
    """Return a receiver that ends a body that is longer than it said."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > MOST_BYTES:
                return {"type": "http.disconnect"}
        return message

    return bounded


def client_address(peer: str | None, forwarded: str | None, trusted: Iterable[str]) -> str:
    """Return who is calling: the peer, or whom a trusted proxy names last."""
    if peer is not None and forwarded and peer in set(trusted):
        return forwarded.rpartition(",")[2].strip()
    return peer or "unknown"
