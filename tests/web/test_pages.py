"""Every page shows what it is about, without a script."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from console_support import RULE_ID, Browser, words

PAGES = (
    "/", "/rules", "/exclusions", "/exclusions/fp-2026-0001", "/exclusions/fp-2026-0001/edit", "/exclusions/new",
    "/audit", "/shadow", "/trail", "/runs", "/tokens",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_with_the_headers_that_browsers_obey(path: str, browser: Browser) -> None:
    answer = browser("admin").get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in answer.text


def test_today_names_what_expires_soon(browser: Browser) -> None:
    text = words(browser("viewer").get("/").text)
    assert "Expire soon (1)" in text
    assert "expires on 2026-12-10, in 16 days" in text


def test_a_rule_shows_its_clause_where_it_stands(browser: Browser) -> None:
    client = browser("viewer")
    text = client.get(f"/rules/{RULE_ID}").text
    lines = text.split('<div class="line')[1:]
    clause = next(number for number, one in enumerate(lines) if one.startswith(" clause"))
    assert "project" in lines[clause - 1]
    assert len(lines) == clause + 1
    assert "fp-2026-0001" in lines[clause]


def test_rules_are_found_by_words_of_their_name(browser: Browser) -> None:
    client = browser("viewer")
    assert "1 rule" in words(client.get("/rules?q=remote tool").text)
    assert "0 rules" in words(client.get("/rules?q=kerberos").text)


def test_a_run_is_followed_to_its_rows(browser: Browser) -> None:
    client = browser("analyst")
    started = client.post("/runs", data={"rule": RULE_ID})
    assert started.status_code == 303
    place = started.headers["location"]
    events = client.get(f"{place}/events").text
    assert '"status": "ok"' in events
    assert events.rstrip().endswith("data: {}")
    text = words(client.get(place).text)
    assert "Events at the clauses 4 Suppressed 2 Result rows 2" in text
    rows = client.get(f"/rules/{RULE_ID}/rows").text
    assert 'value="device=fin-ws-017.contoso.com"' in rows
    assert "build01" not in rows


def test_ticked_cells_fill_the_fields_and_the_preview_counts_events(browser: Browser) -> None:
    client = browser("analyst")
    page = client.get(f"/exclusions/new?rules={RULE_ID}&pick=device%3Dhr-ws-001.contoso.com&pick=process%3Dremote.exe")
    assert ">hr-ws-001.contoso.com</textarea>" in page.text
    assert "fpctl new" in page.text  # the clause in the query
    form = {"rules": RULE_ID, "device": "hr-ws-001.contoso.com", "expires": "90d", "status": "draft"}
    events = words(client.post("/exclusions/preview/events", data=form).text)
    assert "It would have suppressed 1 of 4 events" in events
    assert "Result rows: 2 before, 1 after" in events


def test_a_rule_is_shown_after_an_approval(browser: Browser) -> None:
    client = browser("analyst")
    form = {"rules": RULE_ID, "device": "hr-ws-001", "reason": "r", "expires": "90d", "status": "draft"}
    place = client.post("/exclusions/new", data={**form, "action": "save"}).headers["location"].split("?")[0]
    approver = browser("approver")
    seen = approver.get(place).text.partition('name="seen" value="')[2].partition('"')[0]
    assert approver.post(f"{place}/approve", data={"seen": seen}).status_code == 303
    assert "hr-ws-001" in client.get(f"/rules/{RULE_ID}").text


def test_a_saved_exclusion_is_a_file_that_the_command_line_reads(browser: Browser, root: Path) -> None:
    from fpctl.exclusions.loader import load_exclusions

    form = {
        "rules": RULE_ID, "device": "hr-ws-001\nhr-ws-002", "reason": "Remote help", "expires": "90d",
        "status": "shadow", "action": "save", "owner": "a.analyst",
    }  # fmt: skip
    answer = browser("analyst").post("/exclusions/new", data=form)
    assert answer.status_code == 303
    id = answer.headers["location"].split("/")[-1].split("?")[0]
    loaded = load_exclusions(root / "exclusions").get(id)
    assert loaded.exclusion.match[0].device == ("hr-ws-001", "hr-ws-002")
    assert loaded.exclusion.status == "shadow"
    assert loaded.exclusion.owner == "a.analyst"


def test_the_trail_names_the_person(browser: Browser) -> None:
    client = browser("approver", "m.weber@contoso.com")
    answer = client.post("/exclusions/fp-2026-0001/retire", data={"reason": "the tool was removed"})
    assert answer.status_code == 303
    text = words(client.get("/trail").text)
    assert "m.weber@contoso.com retired: the tool was removed fp-2026-0001" in text
    assert "Verified:" in text


def test_what_is_wrong_is_said_and_nothing_is_written(browser: Browser, root: Path) -> None:
    before = sorted(path.name for path in (root / "exclusions").iterdir())
    form = {"rules": RULE_ID, "url": "com", "expires": "90d", "status": "draft", "action": "save"}
    answer = browser("analyst").post("/exclusions/new", data=form)
    assert answer.status_code == 400
    assert "com" in words(answer.text)
    assert sorted(path.name for path in (root / "exclusions").iterdir()) == before


def test_a_date_that_the_policy_does_not_allow_is_refused(browser: Browser, root: Path) -> None:
    path = root / "exclusions" / "fp-2026-0001.yaml"
    before = path.read_text()
    answer = browser("analyst").post("/exclusions/fp-2026-0001/renew", data={"until": "300d"})
    assert answer.status_code == 409
    assert "at most 184 days are allowed by the policy" in words(answer.text)
    assert path.read_text() == before


def test_the_second_of_two_editors_is_shown_both_versions(browser: Browser, root: Path) -> None:
    client = browser("analyst")
    file = root / "exclusions" / "fp-2026-0001.yaml"
    seen = file.read_text()
    file.write_text(seen.replace("CHG1", "CHG-theirs"))
    mine = seen.replace("CHG1", "CHG-mine")
    answer = client.post("/exclusions/fp-2026-0001/edit", data={"before": seen, "text": mine})
    assert answer.status_code == 409
    assert "CHG-theirs" in answer.text
    assert "CHG-mine" in answer.text
    assert "CHG-theirs" in file.read_text()


def test_an_edit_keeps_every_other_byte(browser: Browser, root: Path) -> None:
    client = browser("analyst")
    file = root / "exclusions" / "fp-2026-0001.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    seen = file.read_bytes().decode()
    # Browsers send every line end of a text area as CRLF.
    sent = seen.replace("CHG1", "CHG2")
    answer = client.post("/exclusions/fp-2026-0001/edit", data={"before": seen, "text": sent})
    assert answer.status_code == 303, words(answer.text)
    assert file.read_bytes().decode() == sent


def test_one_run_of_a_rule_at_a_time(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from fpctl.web.work import runs

    gate = threading.Event()
    real = runs.opened

    def slow(*given: object) -> object:
        gate.wait(20)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "opened", slow)
    client = browser("analyst")
    first = client.post("/runs", data={"rule": RULE_ID})
    second = client.post("/runs", data={"rule": RULE_ID})
    assert second.status_code == 409
    assert "is being run already" in words(second.text)
    cancelled = client.post(f"{first.headers['location']}/cancel")
    assert cancelled.status_code == 303
    gate.set()
    deadline = time.monotonic() + 20
    while "data-events" in client.get(first.headers["location"]).text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.post("/runs", data={"rule": RULE_ID}).status_code == 303


def test_a_run_that_a_stopped_server_left_is_marked_so(browser: Browser, config: object) -> None:
    from fpctl.history.history import History
    from fpctl.web.app import create_app

    with History.open(config.history) as history:  # type: ignore[attr-defined]
        asked = history.console.ask_run(RULE_ID, "a.analyst", config.clock())  # type: ignore[attr-defined]
        create_app(config).state.console.close()  # type: ignore[arg-type]
        left = history.console.run(asked.id)
    assert left is not None
    assert left.status == "interrupted"


def test_a_broken_file_is_told_on_the_pages(browser: Browser, root: Path) -> None:
    (root / "exclusions" / "bad.yaml").write_text("id: [\n")
    client = browser("viewer")
    time.sleep(1.1)
    assert "1 file could not be read" in words(client.get("/exclusions").text)


def test_what_was_changed_since_it_was_looked_at_is_not_approved(browser: Browser, root: Path) -> None:
    client = browser("approver")
    seen = client.get("/exclusions/fp-2026-0001").text.partition('name="seen" value="')[2].partition('"')[0]
    file = root / "exclusions" / "fp-2026-0001.yaml"
    file.write_text(file.read_text().replace("device: [build01]", "device: ['build*']"))
    changed = file.read_bytes()
    answer = client.post("/exclusions/fp-2026-0001/approve", data={"seen": seen})
    assert answer.status_code == 409
    assert "was changed since you looked at it" in words(answer.text)
    bulk = {"id": "fp-2026-0001", "seen.fp-2026-0001": seen, "action": "approve"}
    assert client.post("/exclusions/bulk", data=bulk).status_code == 409
    assert file.read_bytes() == changed


def test_findings_are_found_by_words_severity_and_check(browser: Browser) -> None:
    client = browser("viewer")
    every = words(client.get("/audit").text)
    assert "error (0) warning (0) note (2)" in every
    assert "FP102 expiring (1) FP210 unrecorded-approval (1)" in every
    found = words(client.get("/audit?q=FP-2026-0001+EXPIRES&severity=note").text)
    assert "1 finding " in found
    assert "expires in 16 days" in found
    nothing = client.get("/audit?q=nowhere")
    assert "No finding matches the filters." in words(nothing.text)
    assert 'href="/audit">Clear</a>' in nothing.text
