"""The file of an exclusion on a page: shown and edited before it is saved, and what typing it does not decide."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from console_support import EXCLUSION, RULE_ID, Browser, words
from fpctl.exclusions.loader import load_exclusions

FORM = {
    "rules": RULE_ID, "device": "hr-ws-001\nhr-ws-002", "process": "setup.exe", "reason": "Remote help",
    "weekly": "mon-fri 08:00-18:00", "timezone": "Europe/Rome", "expires": "90d", "status": "shadow", "ticket": "CHG9",
}  # fmt: skip


def _typed(page: str) -> str:
    """Return what stands in the text area of the file, as a browser sends it."""
    area = re.search(r'<textarea name="text"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert area is not None, words(page)
    return html.unescape(area[1]).replace("\n", "\r\n")


def _written(root: Path) -> set[str]:
    return {path.name for path in (root / "exclusions").iterdir()} - {"fp-2026-0001.yaml"}


def test_the_form_becomes_a_file_that_is_edited_and_saved_as_it_stands(browser: Browser, root: Path) -> None:
    client = browser("analyst")
    page = client.post("/exclusions/new", data=FORM | {"action": "yaml"})
    assert page.status_code == 200
    text = _typed(page.text)
    assert "ticket: CHG9" in text
    assert "owner: a.analyst" in text
    edited = f"# seen with the help desk\r\n{text}notes: until the new tool is there\r\n"
    saved = client.post("/exclusions/new", data={"text": edited, "action": "save"})
    assert saved.status_code == 303, words(saved.text)
    id = saved.headers["location"].split("/")[-1].split("?")[0]
    assert (root / "exclusions" / f"{id}.yaml").read_text() == edited.replace("\r\n", "\n")
    loaded = load_exclusions(root / "exclusions").get(id).exclusion
    assert (loaded.status, loaded.notes) == ("shadow", "until the new tool is there")


def test_a_preview_of_the_file_shows_its_clause_and_its_events(browser: Browser) -> None:
    client = browser("analyst")
    text = _typed(client.post("/exclusions/new", data=FORM | {"action": "yaml"}).text)
    page = client.post("/exclusions/new", data={"text": text.replace("hr-ws-001", "fin-ws-017"), "action": "preview"})
    assert "fin-ws-017" in words(page.text).partition("The clause in the query")[2]
    assert _written_nothing(page.status_code)
    part = client.post("/exclusions/preview/plan", data={"text": text})
    assert "hr-ws-002" in words(part.text)
    assert "Edit this file" not in part.text


def _written_nothing(status: int) -> bool:
    return status == 200


@pytest.mark.parametrize("action", ["save", "preview", "fields"])
@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("reason:", "raeson:"), r"raeson: Remote help", "unknown key `raeson`"),
        (("match:", "match: ["), "match: \\[", "not valid YAML"),
        (("expires: ", "expires: soon # "), "expires: soon", "`soon` is not a date"),
    ],
)
def test_what_is_wrong_is_said_at_its_line_and_nothing_typed_is_lost(
    change: tuple[str, str], line: str, said: str, action: str, browser: Browser, root: Path
) -> None:
    client = browser("analyst")
    text = _typed(client.post("/exclusions/new", data=FORM | {"action": "yaml"}).text)
    typed = "# mine\r\n" + text.replace(*change)
    number = next(n for n, one in enumerate(typed.split("\r\n"), 1) if re.match(line, one))
    page = client.post("/exclusions/new", data={"text": typed, "action": action})
    assert page.status_code == (200 if action == "preview" else 400)
    assert _typed(page.text) == typed
    shown = words(page.text)
    assert said in shown
    if "valid YAML" not in said:
        assert f"Line {number} :" in shown
        assert typed.split("\r\n")[number - 1].strip() in shown.partition(f"Line {number}")[2]
    assert _written(root) == set()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("status: shadow", "status: active"), "a text does not make an exclusion active"),
        (("status: shadow", "approved_by: the.boss\r\nstatus: shadow"), "`approved_by` is not written by hand"),
        (("status: shadow", "status: shadow\r\napproval: {on: 2026-11-24}"), "`approval` is not written by hand"),
        ((re.compile("id: .*"), "id: fp-2026-0001"), "the id `fp-2026-0001` is in use"),
        ((re.compile("id: .*"), "id: ../../etc/cron.d/x"), "cannot be an id"),
        ((re.compile("expires: .*"), "expires: 2026-11-24"), "not after"),
        ((RULE_ID, "11111111-1111-4111-8111-999999999999"), "names the rule"),
    ],
)
def test_a_typed_file_decides_no_more_than_the_form(
    change: tuple[str | re.Pattern[str], str], said: str, browser: Browser, root: Path
) -> None:
    client = browser("admin")
    text = _typed(client.post("/exclusions/new", data=FORM | {"action": "yaml"}).text)
    old, new = change
    typed = old.sub(new, text, count=1) if isinstance(old, re.Pattern) else text.replace(old, new)
    page = client.post("/exclusions/new", data={"text": typed, "action": "save"})
    assert page.status_code == 400
    assert said in words(page.text)
    assert _written(root) == set()
    assert (root / "exclusions" / "fp-2026-0001.yaml").read_text() == EXCLUSION


def test_one_goes_on_in_the_fields_with_what_was_typed(browser: Browser) -> None:
    client = browser("analyst")
    text = _typed(client.post("/exclusions/new", data=FORM | {"action": "yaml"}).text)
    page = client.post("/exclusions/new", data={"text": text.replace("hr-ws-002", "hr-ws-009"), "action": "fields"})
    assert page.status_code == 200
    again = _typed(client.post("/exclusions/new", data=_fields(page.text) | {"action": "yaml"}).text)
    ids = re.compile("^id: .*", re.MULTILINE)
    assert ids.sub("", again) == ids.sub("", text.replace("hr-ws-002", "hr-ws-009"))


def _fields(page: str) -> dict[str, str]:
    """Return the fields of the form as a browser sends them."""
    areas = re.findall(r'<textarea name="([a-z_]+)"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    inputs = re.findall(r'<input name="([a-z_]+)" value="([^"]*)"', page)
    chosen = [
        (name, value)
        for name, options in re.findall(r'<select name="([a-z_]+)">(.*?)</select>', page, re.DOTALL)
        for value in re.findall(r'<option value="([^"]*)" selected', options)
    ]
    return {name: html.unescape(value) for name, value in (*areas, *inputs, *chosen)}


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("notes: mine", "no field for notes"),
        ("# mine", "no field for comments"),
        ("placement: result", "no field for placement"),
    ],
)
def test_what_has_no_field_stays_in_the_file(added: str, said: str, browser: Browser) -> None:
    client = browser("analyst")
    text = _typed(client.post("/exclusions/new", data=FORM | {"action": "yaml"}).text) + added + "\r\n"
    page = client.post("/exclusions/new", data={"text": text, "action": "fields"})
    assert page.status_code == 400
    assert said in words(page.text)
    assert _typed(page.text) == text


def _edit(browser: Browser, role: str, root: Path, old: str, new: str) -> tuple[int, str]:
    file = root / "exclusions" / "fp-2026-0001.yaml"
    before = file.read_text()
    data = {"before": before, "text": before.replace(old, new)}
    answer = browser(role).post("/exclusions/fp-2026-0001/edit", data=data)
    assert (file.read_text() == before) == (answer.status_code != 303)
    return answer.status_code, words(answer.text)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("approved_by: m.weber@contoso.com", "approved_by: a.analyst", "`approved_by` is not written by hand"),
        ("approved_by: m.weber@contoso.com\n", "", "`approved_by` is not written by hand"),
        ("status: active", "status: retired", "a text does not make an exclusion retired"),
        ("device: [build01]", "device: [build01, build02]", "m.weber@contoso.com approved `match` as it was"),
        (f"rules: [{RULE_ID}]", 'rules: ["*"]', "m.weber@contoso.com approved `rules` as it was"),
    ],
)
def test_an_analyst_does_not_change_by_typing_what_was_approved(
    old: str, new: str, said: str, browser: Browser, root: Path
) -> None:
    status, shown = _edit(browser, "analyst", root, old, new)
    assert (status, said in shown) == (400, True), shown


def test_an_analyst_changes_the_rest(browser: Browser, root: Path) -> None:
    assert _edit(browser, "analyst", root, "reason: Monthly", "reason: Weekly")[0] == 303


def test_an_approver_changes_what_is_matched_and_still_approves_by_the_button_only(
    browser: Browser, root: Path
) -> None:
    assert _edit(browser, "approver", root, "device: [build01]", "device: [build01, build02]")[0] == 303
    status, shown = _edit(browser, "approver", root, "approved_by: m.weber@contoso.com", "approved_by: p.approver")
    assert (status, "`approved_by` is not written by hand" in shown) == (400, True)


def test_a_draft_goes_to_shadow_by_its_text_and_not_further(browser: Browser, root: Path) -> None:
    file = root / "exclusions" / "fp-2026-0001.yaml"
    file.write_text(EXCLUSION.replace("approved_by: m.weber@contoso.com\n", "").replace("active", "draft"))
    assert _edit(browser, "analyst", root, "status: draft", "status: shadow")[0] == 303
    assert _edit(browser, "approver", root, "status: shadow", "status: active")[0] == 400


def test_another_exclusion_of_the_file_is_not_deleted_by_an_edit(browser: Browser, root: Path) -> None:
    other = EXCLUSION.replace("fp-2026-0001", "fp-2026-0002").replace("build01", "build07")
    file = root / "exclusions" / "fp-2026-0001.yaml"
    file.write_text(f"{EXCLUSION}---\n{other}")
    status, shown = _edit(browser, "approver", root, f"---\n{other}", "")
    assert (status, "the exclusion fp-2026-0002 is gone" in shown) == (400, True)


def test_an_edit_of_what_is_gone_keeps_the_text(browser: Browser, root: Path) -> None:
    client = browser("analyst")
    (root / "exclusions" / "fp-2026-0001.yaml").unlink()
    mine = EXCLUSION.replace("Monthly", "Mine, monthly")
    answer = client.post("/exclusions/fp-2026-0001/edit", data={"before": EXCLUSION, "text": mine})
    assert answer.status_code == 409
    assert "Mine, monthly" in answer.text


def test_only_the_approvers_of_the_policy_approve(browser: Browser, root: Path, config: object) -> None:
    settings = config.settings  # type: ignore[attr-defined]
    policy = settings.policy.approval
    policy.approvers.append("m.weber@*")
    seen = load_exclusions(root / "exclusions").get("fp-2026-0001").content_hash
    place = "/exclusions/fp-2026-0001/approve"
    refused = browser("approver").post(place, data={"seen": seen})
    assert refused.status_code == 409
    assert "p.approver is not one of the approvers of the policy" in words(refused.text)
    allowed = browser("approver", "m.weber@contoso.com").post(place, data={"seen": seen})
    assert allowed.status_code == 303, words(allowed.text)


@pytest.fixture
def payroll(root: Path) -> str:
    """Write a rule over a table that nobody described."""
    (root / "rules" / "payroll.kql").write_text("Payroll_CL\n| project TimeGenerated, UserName_s\n")
    return "payroll.kql"


def test_what_could_never_match_is_not_saved(root: Path, payroll: str, browser: Browser) -> None:
    client = browser("analyst")
    form = FORM | {"rules": payroll, "action": "save"}
    refused = client.post("/exclusions/new", data=form)
    assert refused.status_code == 400
    assert "nothing shows which column of Payroll_CL holds device" in words(refused.text)
    assert _written(root) == set()
    shown = client.post("/exclusions/preview/plan", data=form)
    assert "nothing shows which column of Payroll_CL holds device" in words(shown.text)
    place = "/exclusions/fp-2026-0001/edit"
    edited = browser("approver").post(place, data={"before": EXCLUSION, "text": EXCLUSION.replace(RULE_ID, payroll)})
    assert "nothing shows which column of Payroll_CL holds device" in words(edited.text)
    assert (root / "exclusions" / "fp-2026-0001.yaml").read_text() == EXCLUSION
