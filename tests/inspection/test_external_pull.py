"""Fetching the lists that rules read from the web, from a server of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fpctl.engine.local.attached import AttachedFiles, external_file, fetched_copies
from fpctl.inspection.external import external_addresses, pull_external

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TRUSTED = {"FPCTL_TRUSTED_HOSTS": "127.0.0.1"}


class _Lists(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved.csv":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/secret")
        else:
            self.send_response(200 if self.path.startswith("/bad.csv") else 404)
        self.end_headers()
        self.wfile.write(b"x,y\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Lists) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
        thread.join()


def test_a_list_is_kept_with_its_date_and_hash(server: str, tmp_path: Path) -> None:
    done = pull_external([f"{server}/bad.csv?x=1"], tmp_path, NOW, TRUSTED)
    (copy,) = done.copies
    assert (copy.address, copy.bytes, copy.fetched) == (f"{server}/bad.csv", 4, "2026-11-24T12:00:00+00:00")
    assert fetched_copies(tmp_path) == {copy.address: copy}
    found = external_file(tmp_path, AttachedFiles(), f"{server}/bad.csv")
    assert found is not None
    assert found.read_bytes() == b"x,y\n"


def test_a_host_inside_the_network_is_not_asked_unless_the_user_names_it(server: str, tmp_path: Path) -> None:
    done = pull_external([f"{server}/bad.csv"], tmp_path, NOW, {})
    assert done.copies == []
    assert "127.0.0.1 is not on the internet" in done.left[0]


def test_a_redirect_is_told_and_not_followed(server: str, tmp_path: Path) -> None:
    done = pull_external([f"{server}/moved.csv", f"{server}/bad.csv"], tmp_path, NOW, TRUSTED)
    assert [copy.address for copy in done.copies] == [f"{server}/bad.csv"]
    assert "answered 302, it moved to http://127.0.0.1:1/secret" in done.left[0]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://contoso.com/a;secret", "holds a credential"),
        ("http://contoso.com/a", "plain http"),
        ("file:///etc/passwd", "not an address of a service"),
    ],
)
def test_other_addresses_are_not_asked(address: str, why: str, tmp_path: Path) -> None:
    done = pull_external([address], tmp_path, NOW, {})
    assert why in done.left[0]
    assert "secret" not in done.left[0]


def test_the_addresses_of_rules_are_literals_and_lets() -> None:
    first = "let a = 'https://x/1'; externaldata(c:string) [a] | join (externaldata(c:string) [@'https://x/2']) on c"
    made = "externaldata(c:string) [strcat('https://x/', 'y')]"
    assert external_addresses([first, made, "not | | kql"]) == ["https://x/1", "https://x/2"]
