"""An HTTP server on this machine that answers like a service, and misbehaves as a script says.

It listens on 127.0.0.1 on a port of the system's choice, in a thread of its own, and stops at the end
of its `with` block, or by itself after ten minutes.
"""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

LIFETIME = 600.0
LONGEST_DRIP = 20.0


class Misbehaviour(NamedTuple):
    """What to do instead of answering well.

    status: answer with this status (and `Retry-After: value`, where one is given).
    drop: send half the body and close.  reset: close without a word.
    truncate: half the JSON, as if that were all.  html: a page, called JSON.  html-502: a proxy's page.
    empty: a 200 without a body.  no-content: 204.
    drip: the whole body in small pieces.  drip-forever: pieces that do not end.
    partial, wrong-columns, lost-end: the answer, spoiled in the service's own format.
    expired: 401 once.  skewed: 401 from a clock one hour ahead.
    echo-token: a 500 whose message repeats the Authorization header.
    partial-echo, column-echo: a 200 whose error or column name repeats it.
    quota: 429 with a message, and no word on when to come back.
    redirect: the status and the Location of the value.
    """

    kind: str
    value: Any = None


class Request(NamedTuple):
    """A request that came in."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]


class LoopbackServer(ABC):
    """A server that answers requests with JSON.

    Attributes:
        requests: what came in.
        script: what to do with the next requests, in order; then it behaves.
        hold: seconds to wait before each answer.
    """

    lifetime = LIFETIME
    """Seconds after which it stops by itself."""

    def __init__(self, script: Iterable[Misbehaviour] = ()) -> None:
        self.requests: list[Request] = []
        self.script = deque(script)
        self.hold = 0.0
        self.echoed = False
        self.on_request: Callable[[Request], None] | None = None
        self.token: str | None = None
        """Where set: the only token that is taken."""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._end = threading.Timer(self.lifetime, self.close)
        self._end.daemon = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._end.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if not self.stopping.is_set():
            self.stopping.set()
            self._end.cancel()
            self._server.shutdown()
            self._server.server_close()

    @abstractmethod
    def answer(self, request: Request) -> tuple[int, Any]:
        """Return the status and the JSON of a good answer."""

    def spoil(self, kind: str, answer: Any) -> Any:
        """Return a good answer spoiled in the service's own format: `partial`, `wrong-columns`, `lost-end`."""
        raise NotImplementedError(kind)

    def scripted(self, request: Request) -> bool:
        """Return whether the script is about a request of this kind."""
        return True

    def taken(self, request: Request) -> Misbehaviour | None:
        """Note a request, and return what to do with it."""
        with self._lock:
            self.requests.append(request)
            misbehaviour = self.script.popleft() if self.script and self.scripted(request) else None
        if self.on_request is not None:
            self.on_request(request)
        return misbehaviour


def _handler_of(owner: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's delayed acknowledgement
        timeout = 30
        shown_time: float | None = None

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(self.shown_time if timestamp is None else timestamp, usegmt=True)

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def do_PUT(self) -> None:
            self._serve("PUT")

        def do_DELETE(self) -> None:
            self._serve("DELETE")

        def do_PATCH(self) -> None:
            self._serve("PATCH")

        def _serve(self, method: str) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(method, self.path, json.loads(raw) if raw else None, dict(self.headers))
            misbehaviour = owner.taken(request)
            if owner.hold and owner.stopping.wait(owner.hold):
                self.close_connection = True
                return
            if misbehaviour is None and owner.token and request.headers.get("Authorization") != f"Bearer {owner.token}":
                misbehaviour = Misbehaviour("expired")
            try:
                if misbehaviour is None:
                    self._json(*owner.answer(request))
                else:
                    self._misbehave(misbehaviour, request)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _misbehave(self, what: Misbehaviour, request: Request) -> None:
            if what.kind == "status":
                status, wait = what.value if isinstance(what.value, tuple) else (what.value, None)
                error = {"error": {"code": f"E{status}", "message": f"status {status}"}}
                self._json(status, error, {} if wait is None else {"Retry-After": str(wait)})
            elif what.kind == "quota":
                self._json(429, {"error": {"code": "TooManyRequests", "message": what.value}})
            elif what.kind in ("expired", "skewed"):
                if what.kind == "skewed":
                    self.shown_time = time.time() + 3600
                self._json(
                    401, {"error": {"code": "InvalidAuthenticationToken", "message": "Lifetime validation failed"}}
                )
                self.shown_time = None
            elif what.kind == "echo-token":
                header = request.headers.get("Authorization", "")
                self._json(
                    500, {"error": {"code": "InternalError", "message": f"cannot handle {header} and {header[7:]}"}}
                )
            elif what.kind == "redirect":
                self._raw(what.value[0], b"", {"Location": what.value[1]})
            elif what.kind == "no-content":
                self._raw(204, b"")
            elif what.kind == "empty":
                self._raw(200, b"")
            elif what.kind == "html":
                self._raw(200, b"<!doctype html><title>Sign in</title>")
            elif what.kind == "html-502":
                self._raw(502, b"<html><h1>Bad Gateway</h1></html>", {"Content-Type": "text/html"})
            elif what.kind == "reset":
                self.close_connection = True
            else:
                self._spoiled(what, request)

        def _spoiled(self, what: Misbehaviour, request: Request) -> None:
            status, answer = owner.answer(request)
            if what.kind in ("partial", "wrong-columns", "lost-end"):
                self._json(status, owner.spoil(what.kind, answer))
                return
            if what.kind in ("partial-echo", "column-echo"):
                header = request.headers.get("Authorization", "")
                owner.echoed = bool(header)
                text = json.dumps(owner.spoil("partial", answer) if what.kind == "partial-echo" else answer)
                # Long enough that what shows it would cut the token in two.
                long = f'"message": "{"x" * 580} {header} '
                self._raw(status, text.replace('"message": "', long).replace('"x"', f'"{header[7:]}"').encode())
                return
            body = json.dumps(answer).encode()
            if what.kind == "truncate":
                self._raw(status, body[: len(body) // 2])
            elif what.kind == "drop":
                self._head(status, len(body))
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            elif what.kind == "drip":
                self._head(status, len(body))
                size = max(1, len(body) // 8)
                for at in range(0, len(body), size):
                    self.wfile.write(body[at : at + size])
                    self.wfile.flush()
                    owner.stopping.wait(0.001)
            elif what.kind == "drip-forever":
                self._head(status, 1 << 30)
                ends = time.monotonic() + LONGEST_DRIP
                while time.monotonic() < ends and not owner.stopping.wait(0.02):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                self.close_connection = True
            else:
                raise AssertionError(f"no such misbehaviour: {what.kind}")

        def _json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
            self._raw(status, json.dumps(value).encode(), headers)

        def _raw(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self._head(status, len(body), headers)
            self.wfile.write(body)

        def _head(self, status: int, length: int, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json; charset=utf-8",
                "Content-Length": str(length),
                **(headers or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler
