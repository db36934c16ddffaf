"""From a result to an exclusion: rows that survive a restart, values to choose from, narrower and wider matches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from console_support import RULE_ID, Browser, words
from fpctl.engine.interface import ResultColumn, Table
from fpctl.web.app import create_app
from fpctl.web.config import ConsoleConfig
from fpctl.web.work.alternatives import alternatives, suppressed
from fpctl.web.work.kept_rows import LONGEST_VALUE, KeptRows, RowStore

ROWS = [
    {"device": ("hr-ws-001",), "process": ("remote.exe",), "parent_process": ("setup.exe",)},
    {"device": ("hr-ws-001",), "process": ("remote.exe",), "parent_process": ("winword.exe",)},
    {"device": ("hr-ws-002",), "process": ("other.exe",), "parent_process": ("setup.exe",)},
    {"device": ("fin-ws-017.contoso.com",), "process": ("remote.exe",)},
]


def _run(client: TestClient) -> None:
    client.get(f"{client.post('/runs', data={'rule': RULE_ID}).headers['location']}/events")


def test_rows_of_the_last_run_survive_a_restart(browser: Browser, config: ConsoleConfig) -> None:
    client = browser("analyst")
    _run(client)
    before = client.get(f"/rules/{RULE_ID}/rows").text
    again = create_app(config)
    other = TestClient(again, base_url="http://127.0.0.1", cookies={"fpctl": client.cookies["fpctl"]})
    after = other.get(f"/rules/{RULE_ID}/rows").text
    again.state.console.close()
    assert 'value="device=fin-ws-017.contoso.com"' in after
    assert after == before


def test_times_of_kept_rows_are_short() -> None:
    table = Table((ResultColumn("Timestamp", "datetime"),), [(datetime(2026, 11, 6, 0, 0, 12, 665991, tzinfo=UTC),)])
    assert KeptRows.of("run-1", "1 result row", table).rows == ((("2026-11-06 00:00:12Z",),),)


def test_kept_rows_are_for_the_servers_user_only_and_bounded(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "rows")
    rows = [("x" * 10_000, ["a", None, "b"], n) for n in range(300)]
    table = Table(tuple(ResultColumn(name, "string") for name in "abc"), rows)
    store.keep("key", KeptRows.of("run-1", "300 result rows", table))
    found = store.of("key")
    assert found is not None
    assert (found.total, len(found.rows)) == (300, 200)
    assert found.rows[7] == (("x" * LONGEST_VALUE + "…",), ("a", "b"), ("7",))
    assert (tmp_path / "rows" / "key.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "rows").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": 1}', '{"rows": [[["a"]]], "names": []}'])
def test_a_damaged_file_of_rows_is_no_rows(text: str, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(text)
    assert RowStore(tmp_path).of("key") is None


def test_rows_are_suppressed_as_the_fields_match() -> None:
    assert suppressed({"device": ("HR-WS-001",)}, ROWS) == ROWS[:2]
    assert suppressed({"device": ("fin-ws-017",)}, ROWS) == ROWS[3:]
    assert suppressed({"device": ("hr-ws-*",), "process": ("remote.exe",)}, ROWS) == ROWS[:2]
    assert suppressed({}, ROWS) == []


def test_narrower_and_wider_matches_are_offered_with_their_rows() -> None:
    found = [(one.kind, one.change, one.rows) for one in alternatives({"device": ("hr-ws-001",)}, ROWS)]
    assert found == [
        ("narrower", "only with parent_process setup.exe, winword.exe", 2),
        ("narrower", "only with process remote.exe", 2),
        ("wider", "device hr-ws-*", 3),
    ]
    both = alternatives({"device": ("hr-ws-001",), "process": ("remote.exe",)}, ROWS)
    assert ("whatever the device", {"process": ("remote.exe",)}, 3) in [(x.change, x.match, x.rows) for x in both]


def test_an_alternative_fills_the_form_with_one_click(browser: Browser) -> None:
    client = browser("analyst")
    _run(client)
    page = client.get(f"/exclusions/new?rules={RULE_ID}&pick=device%3Dhr-ws-001.contoso.com")
    assert "Of the 2 rows kept of the last run it would suppress 1" in words(page.text)
    assert "device hr-ws-*.contoso.com wider: 1 row" in words(page.text)
    assert "nobody answers for it" not in page.text  # the owner is whoever records it
    chosen = json.dumps({"device": ["hr-ws-001.contoso.com"], "process": ["remote.exe"]})
    form = {"rules": RULE_ID, "device": "hr-ws-*.contoso.com", "expires": "90d", "status": "draft", "match": chosen}
    answer = client.post("/exclusions/new", data=form)
    assert answer.status_code == 200
    assert ">remote.exe</textarea>" in answer.text
    assert "hr-ws-*" not in answer.text.partition('class="preview"')[0]
    for broken in ("{", "[]", "1", '{"device": 3}', "[" * 5_000):
        assert client.post("/exclusions/new", data=form | {"match": broken}).status_code == 400


def test_values_that_were_seen_are_offered_and_added(browser: Browser) -> None:
    client = browser("analyst")
    _run(client)
    text = client.get(f"/exclusions/new?rules={RULE_ID}").text
    assert '<option value="hr-ws-001.contoso.com">' in text
    assert '<option value="build01">' in text  # excluded already
    form = {"rules": RULE_ID, "device": "build77", "add.device": "hr-ws-001.contoso.com", "expires": "90d"}
    assert ">build77\nhr-ws-001.contoso.com</textarea>" in client.post("/exclusions/new", data=form).text
