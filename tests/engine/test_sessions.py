"""What holds for every client of a service: one origin, no redirects, bounded answers, no token in an answer."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from engine.conftest import Open
from engine.remote_setup import REMOTE, TOKEN, given_token
from fpctl.engine.interface import EngineError
from fpctl.engine.remote import session as sessions
from fpctl.engine.remote.endpoint import Endpoint, endpoint_of
from fpctl.engine.remote.rest_client import RestClient, RestService, next_path
from fpctl.engine.remote.retry import RequestFailure, Retrier
from fpctl.engine.remote.session import BodyBounds, service_session, without_token
from servers.loopback import Misbehaviour

PLACE = endpoint_of("https://management.azure.com", setting="endpoint")


class Answering(BaseHTTPRequestHandler):
    """Answers as the server's `body`, `headers` and `status` say; notes what was asked."""

    server: Any

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        for name, value in self.server.extra.items():
            self.send_header(name, value)
        if self.server.endless:
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 65536)
            except OSError:
                return
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    server.asked, server.status, server.extra, server.body, server.endless = [], 200, {}, b"{}", False
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def place_of(server: Any) -> Endpoint:
    return endpoint_of(f"http://127.0.0.1:{server.server_port}", setting="endpoint")


def fetched(server: Any, bounds: BodyBounds | None = None, **settings: Any) -> requests.Response:
    place = place_of(server)
    with service_session(place, "the service", bounds) as session:
        return session.get(f"{place.url}/x", timeout=20, allow_redirects=False, **settings)


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress])
def test_a_compressed_answer_is_read(web: Any, encode: Any) -> None:
    text = json.dumps({"a": ["é" * 100_000]}).encode()
    web.body, web.extra = encode(text), {"Content-Encoding": "gzip" if encode is gzip.compress else "deflate"}
    assert fetched(web).content == text


def test_a_small_body_that_decompresses_to_gigabytes_is_given_up(web: Any) -> None:
    machine = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    web.body = b"".join(machine.compress(zeros) for _ in range(600)) + machine.flush()
    web.extra = {"Content-Encoding": "gzip"}
    with pytest.raises(RequestFailure, match="larger than 8 MB"):
        fetched(web, BodyBounds(8 << 20))


def test_a_body_without_an_end_is_given_up(web: Any) -> None:
    web.endless = True
    with pytest.raises(RequestFailure, match="larger than 8 MB"):
        fetched(web, BodyBounds(8 << 20))


def test_a_body_that_takes_too_long_is_given_up(web: Any) -> None:
    web.endless = True
    times = iter(range(0, 10_000, 30))
    with pytest.raises(RequestFailure, match="has not sent its whole answer in 60 s"):
        fetched(web, BodyBounds(1 << 40, 60, lambda: next(times)))


def test_a_compressed_body_that_is_cut_off_is_an_error(web: Any) -> None:
    web.body, web.extra = gzip.compress(b"x" * 1000)[:-9], {"Content-Encoding": "gzip"}
    with pytest.raises(requests.exceptions.ConnectionError):
        fetched(web)


def test_nothing_is_sent_to_another_origin(web: Any) -> None:
    with service_session(PLACE, "the service") as session, pytest.raises(RequestFailure, match="another host"):
        session.get(f"{place_of(web).url}/steal", headers={"Authorization": f"Bearer {TOKEN}"})
    assert web.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", REMOTE)
def test_no_client_follows_a_redirect(open_remote: Open, web: Any, name: str, status: int) -> None:
    opened = open_remote(name, [Misbehaviour("redirect", (status, f"{place_of(web).url}/steal"))] * 9)
    with pytest.raises(EngineError) as caught:
        opened.engine.query("print x = 1")
    assert web.asked == []
    assert sum("auth/metadata" not in request.path for request in opened.server.requests) == 1
    assert caught.value.code in ("bad-response", "refused")


@pytest.mark.parametrize(
    ("link", "path"),
    [
        (None, None),
        ("", None),
        ("7/next", "/a/7/next"),
        ("/b?x=1", "/b?x=1"),
        ("?x=2", "/a/list?x=2"),
        ("https://management.azure.com/c?x=3", "/c?x=3"),
        ("https://MANAGEMENT.azure.com:443/c", "/c"),
    ],
)
def test_the_next_page_is_on_the_same_host(link: Any, path: str | None) -> None:
    assert next_path(PLACE, "/a/list?api-version=1", link) == path


@pytest.mark.parametrize(
    "link",
    [
        "https://management.azure.com.attacker.example/x", "https://management.azure.com@attacker.example/x",
        "//attacker.example/x", "http://management.azure.com/x", "https://management.azure.com:8443/x",
        "https://[::1/x", 7,
    ],
)  # fmt: skip
def test_the_next_page_on_another_host_is_refused(link: Any) -> None:
    with pytest.raises(EngineError) as caught:
        next_path(PLACE, "/a/list", link)
    assert caught.value.code == "bad-response"


@pytest.mark.parametrize("link", [".attacker.example/x", "7/steal"])
def test_a_relative_link_never_becomes_part_of_the_host(link: str) -> None:
    path = next_path(PLACE, "/a/list", link)
    assert sessions.origin_of(f"{PLACE.url}{path}") == ("https", "management.azure.com", None)


def test_a_list_without_an_end_is_given_up(web: Any) -> None:
    web.body = json.dumps({"value": [{}], "nextLink": "/x?page=2"}).encode()
    client = RestClient(
        RestService("the service", "scope", "permission"), place_of(web), given_token(), retrier=Retrier()
    )
    with pytest.raises(EngineError, match="does not end"):
        list(client.pages("/x"))
    client.close()
    assert len(web.asked) == 2


JWT = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSIsImF1ZCI6ImEifQ.c2lnbmF0dXJlLW9mLWl0"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"no token", b"no token"),
        (b"a " + JWT + b" b " + JWT, b"a [token] b [token]"),
        (b"cut: " + JWT[:45] + b"...", b"cut: [token]..."),
        (b"head: " + JWT[:20], b"head: " + JWT[:20]),
    ],
)
def test_the_token_that_was_sent_is_in_no_answer_whole_or_cut_off(body: bytes, expected: bytes) -> None:
    assert without_token(body, f"Bearer {JWT.decode()}") == expected
    assert without_token(body, None) == body


@pytest.mark.parametrize("name", REMOTE)
@pytest.mark.parametrize("kind", ["partial-echo", "column-echo"])
def test_a_token_in_a_good_answer_is_neither_shown_nor_stored(open_remote: Open, name: str, kind: str) -> None:
    opened = open_remote(name, [Misbehaviour(kind)])
    (answer,) = opened.engine.query_many(["print x = 1"])
    shown = f"{answer} {answer.hint}" if isinstance(answer, EngineError) else repr(answer)
    assert opened.server.echoed
    assert TOKEN[:8] not in shown
