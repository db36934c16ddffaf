"""The kusto engine against a server that is not ours: `duckdb-kql serve`, a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from fpctl.cli import app
from fpctl.history.history import History

TABLE = """CREATE TABLE DeviceNetworkEvents AS SELECT
    TIMESTAMP '2026-11-19 08:00:00' + to_seconds(x) AS Timestamp,
    CASE WHEN x % 3 = 0 THEN 'build01.contoso.com' WHEN x % 3 = 1 THEN 'build010' ELSE 'ws-é漢' END AS DeviceName,
    CAST(443 AS INTEGER) AS RemotePort, 9007199254740993 + x AS Id FROM range(30) AS numbers(x);
"""
RULE = """DeviceNetworkEvents
| where RemotePort == 443
| project Timestamp, DeviceName, Id
"""
EXCLUSION = """id: fp-1
rules: ["*"]
match: {device: [build01]}
reason: patching
owner: a@contoso.com
approved_by: b@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""


class Served(NamedTuple):
    """Where the server is, and what its database is called."""

    url: str
    database: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    script = tmp_path_factory.mktemp("served") / "init.sql"
    script.write_text(TABLE, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "duckdb_kql", "serve", "--init", str(script), "-p", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = ""
        assert process.stdout is not None
        while "http://" not in said and (line := process.stdout.readline()):
            said += line
        url, database = re.search(r"http://\S+", said), re.search(r"as database '(\w+)'", said)
        assert url is not None, said
        assert database is not None, said
        yield Served(url[0], database[1])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def fpctl(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    for name in [name for name in os.environ if name.startswith("FPCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, text in (("rules/net.kql", RULE), ("exclusions/fp-1.yaml", EXCLUSION)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    (tmp_path / "fpctl.toml").write_text(
        "[engine]\ndefault = 'kusto'\ncredential = 'none'\n"
        f"[engine.kusto]\ncluster = '{served.url}'\ndatabase = '{served.database}'\n"
    )

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return (app.run(list(arguments)), *capsys.readouterr())

    return call


def test_a_rule_runs_from_end_to_end(fpctl: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, out, err = fpctl("run", "--to", "2026-11-20T00:00:00Z", "--format", "json")
    assert code == 0, err
    (run,) = json.loads(out)["runs"]
    assert (run["status"], run["rows_before"], run["rows_suppressed"], run["result_rows"]) == ("ok", 30, 10, 20)
    with History.open(tmp_path / ".fpctl" / "history.db") as history:
        _, (hit,) = history.run(history.runs()[0].id)
    assert (hit.exclusion, hit.rows, hit.unique) == ("fp-1", 10, 10)
    first, last = datetime(2026, 11, 19, 8, 0, 0, tzinfo=UTC), datetime(2026, 11, 19, 8, 0, 27, tzinfo=UTC)
    assert (hit.first, hit.last) == (first, last)


def test_the_rows_of_the_result_are_exact(fpctl: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = fpctl("run", "--to", "2026-11-20T00:00:00Z")
    assert code == 0, err
    assert "build010" in out
    assert "ws-é漢" in out
    assert "build01.contoso.com" not in out
    assert f"{2**53 + 2}" in out  # of the first row that stays; 2**53 + 1 was taken out


def test_what_the_server_refuses_is_shown_in_the_rule(fpctl: Callable[..., tuple[int, str, str]]) -> None:
    Path("rules/net.kql").write_text(RULE + "| summarize Count = count() by DeviceName\n| where Nothing == 1\n")
    code, _, err = fpctl("run", "--to", "2026-11-20T00:00:00Z")
    assert code == 2
    assert "rules/net.kql:5:9: " in err
    assert "(line 5, column 9 of the query)" in err


def test_doctor_finds_the_server(fpctl: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = fpctl("doctor", "--format", "json")
    found = {one["area"]: one["status"] for one in json.loads(out)["findings"]}
    assert (found["service"], found["permission"]) == ("ok", "ok")
