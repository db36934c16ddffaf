"""The whole way of an analyst in a real browser: with scripts and without, wide and narrow, light and dark."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from console_support import EVENTS, EXCLUSION, RULE, RULE_ID
from fpctl.web.security.users import UserFile

pytestmark = pytest.mark.chromium

PASSWORD = "correct horse battery"
AXE = Path(os.environ.get("FPCTL_NODE_MODULES", ROOT / "node_modules")) / "axe-core" / "axe.min.js"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Served:
    """A console that runs in a process of its own."""

    root: Path
    address: str
    process: subprocess.Popen[str]


def _serve(root: Path) -> Served:
    process = subprocess.Popen(
        [sys.executable, "-m", "fpctl", "serve", "--port", str(_free_port())],
        cwd=root, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(r"(http://\S+)", line)
        if found:
            served = Served(root, found[1], process)
            _wait(served)
            return served
    raise AssertionError("the console did not start")


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait(served: Served) -> None:
    import socket

    port = int(re.search(r":(\d+)", served.address.removeprefix("http:"))[1])  # type: ignore[index]
    for _ in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the console does not answer")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("console")
    for name in ("rules", "exclusions", "data"):
        (root / name).mkdir()
    (root / "rules" / "remote.yaml").write_text(RULE)
    (root / "exclusions" / "fp-2026-0001.yaml").write_text(EXCLUSION.replace("2026-12-10", "2099-12-10"))
    # The rule says no time, so that the events are seen whatever the day of the test is.
    (root / "data" / "DeviceProcessEvents.csv").write_text(EVENTS)
    (root / "fpctl.toml").write_text('[paths]\ndata = "data"\n[console]\nusers = "users.yaml"\n')
    users = UserFile(root / "users.yaml")
    users.add("ann", "analyst", PASSWORD)
    users.add("pat", "approver", PASSWORD)
    git = {"GIT_CONFIG_GLOBAL": os.devnull, **os.environ}
    (root / ".gitignore").write_text("users.yaml\n.fpctl/\ndata/\n")
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=root, check=True, env=git)
    running = _serve(root)
    yield running
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(20)
    assert running.process.stderr is not None
    running.process.stderr.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page of somebody who is signed in, and what it asked of other hosts."""

    page: Any
    elsewhere: list[str]
    errors: list[str]


def _visit(chromium: Any, served: Served, name: str, **options: Any) -> Visit:
    context = chromium.new_context(**options)
    page = context.new_page()
    visit = Visit(page, [], [])
    page.on("request", lambda one: None if one.url.startswith(served.address) else visit.elsewhere.append(one.url))
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("console", lambda one: visit.errors.append(one.text) if one.type == "error" else None)
    page.goto(f"{served.address}/login")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("h1:has-text('Today')")
    return visit


def _status(root: Path) -> str:
    done = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def test_from_a_noisy_rule_to_an_approved_exclusion_and_its_hits(chromium: Any, served: Served) -> None:
    visit = _visit(chromium, served, "ann", viewport={"width": 1440, "height": 900})
    page = visit.page
    page.click("nav >> text=Rules")
    page.wait_for_selector("h1:text-is('Rules')")
    page.click("tbody a")
    page.wait_for_load_state()
    page.click("button:has-text('Run now')")
    page.wait_for_selector("dt:has-text('Result rows')", timeout=60_000)
    page.click("a:has-text('Rows')")
    page.check("input[value='device=hr-ws-001.contoso.com']")
    assert "1 value ticked" in page.inner_text(".count")
    page.click("text=Exclude the selected values")
    assert page.input_value("textarea[name=device]") == "hr-ws-001.contoso.com"
    page.wait_for_selector("#preview-events >> text=What an attacker could try", timeout=60_000)
    assert "hr-ws-001.contoso.com" in page.inner_text("#preview-plan pre.kql .clause")
    page.fill("textarea[name=process]", "remote.exe")
    page.fill("textarea[name=reason]", "Remote help of the service desk")
    page.fill("input[name=ticket]", "CHG77")
    page.click("button:has-text('Save')")
    page.wait_for_selector(".notice:has-text('recorded')")
    id = page.url.rpartition("/")[2].partition("?")[0]
    assert f"?? exclusions/{id}.yaml" in _status(served.root)
    assert visit.elsewhere == []
    assert visit.errors == []

    approver = _visit(chromium, served, "pat").page
    approver.goto(f"{served.address}/exclusions/{id}")
    approver.click("button:has-text('Approve')")
    approver.wait_for_selector(".badge.active")
    assert "approved_by: pat" in (served.root / "exclusions" / f"{id}.yaml").read_text()

    page.goto(f"{served.address}/rules/{RULE_ID}")
    page.click("button:has-text('Run now')")
    page.wait_for_selector(f"tr:has-text('{id}') td:text-is('1')", timeout=60_000)
    page.goto(f"{served.address}/exclusions/{id}")
    page.fill("input[name=until]", "183d")
    page.click("button:has-text('Renew')")
    page.wait_for_selector(".notice:has-text('extended')")
    approver.goto(f"{served.address}/exclusions/{id}")
    approver.fill("input[name=reason]", "the service desk uses another tool")
    approver.click("button:has-text('Retire')")
    approver.wait_for_selector(".badge:has-text('retired')")
    approver.goto(f"{served.address}/trail?exclusion={id}")
    text = approver.inner_text("main")
    for word in ("added", "approved", "renewed", "retired: the service desk uses another tool"):
        assert word in text


PAGES = ("/", "/rules", f"/rules/{RULE_ID}", f"/rules/{RULE_ID}/rows", "/exclusions", "/exclusions/fp-2026-0001",
         "/exclusions/fp-2026-0001/edit", f"/exclusions/new?rules={RULE_ID}&pick=device%3Dx1", "/audit", "/shadow",
         "/trail", "/runs")  # fmt: skip


@pytest.mark.node
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_no_page_has_a_serious_fault_of_accessibility(width: int, scheme: str, chromium: Any, served: Served) -> None:
    if not AXE.exists():
        pytest.skip("no axe-core in node_modules (make node)")
    page = _visit(
        chromium, served, "pat", viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True
    ).page
    faults: dict[str, list[str]] = {}

    def look(path: str) -> None:
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run()")
        serious = [
            f"{one['id']}: {one['nodes'][0]['html'][:120]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        if serious:
            faults[path] = serious
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, f"{path} scrolls sideways at {width} pixels"

    for path in PAGES:
        page.goto(f"{served.address}{path}")
        look(path)
    page.goto(f"{served.address}/exclusions/new?rules={RULE_ID}&device=x1")
    page.click("button:has-text('Edit as YAML')")
    page.fill("textarea[name=text]", f"{page.input_value('textarea[name=text]')}notes:\n{'long ' * 60}: x\n")
    page.click("button:has-text('Save')")
    page.wait_for_selector("text=Nothing was saved")
    look("the file of a new exclusion")
    assert faults == {}


def test_a_page_works_without_scripts(chromium: Any, served: Served) -> None:
    page = _visit(chromium, served, "ann", java_script_enabled=False).page
    page.goto(f"{served.address}/exclusions/new?rules={RULE_ID}")
    page.fill("textarea[name=device]", "build77")
    page.click("button:has-text('Preview')")
    assert "build77" in page.inner_text("#preview-plan pre.kql .clause")
    assert "It would have suppressed" in page.inner_text("#preview-events")


def test_the_file_of_a_new_exclusion_is_edited_without_scripts(chromium: Any, served: Served) -> None:
    page = _visit(chromium, served, "ann", java_script_enabled=False).page
    page.goto(f"{served.address}/exclusions/new?rules={RULE_ID}&device=build79&reason=Patching")
    page.click("button:has-text('Edit as YAML')")
    text = page.input_value("textarea[name=text]")
    page.fill("textarea[name=text]", text.replace("reason:", "raeson:"))
    page.click("button:has-text('Save')")
    assert "did you mean `reason`?" in page.inner_text("[role=alert]")
    mended = page.input_value("textarea[name=text]").replace("raeson:", "# by the patch team\nreason:")
    page.fill("textarea[name=text]", mended)
    page.click("button:has-text('Save')")
    id = page.url.rpartition("/")[2].partition("?")[0]
    assert (served.root / "exclusions" / f"{id}.yaml").read_text() == mended


def test_all_exclusions_of_a_page_are_selected_and_counted(chromium: Any, served: Served) -> None:
    page = _visit(chromium, served, "ann").page
    page.goto(f"{served.address}/exclusions")
    page.check("input.all")
    many = page.locator("input[name=id]").count()
    assert page.locator("input[name=id]:checked").count() == many
    assert page.inner_text(".bulk .count") == f"{many} of {many} on this page selected"


def test_an_exclusion_is_recorded_by_keyboard_alone(chromium: Any, served: Served) -> None:
    page = _visit(chromium, served, "ann").page
    page.goto(f"{served.address}/exclusions/new?rules={RULE_ID}")
    seen: list[str] = []

    def go_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            here = page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()")
            seen.append(here)
            if here == name:
                return
        raise AssertionError(f"{name} is not reached: {seen}")

    go_to("device")
    page.keyboard.type("build78")
    go_to("reason")
    page.keyboard.type("Keyboard")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "save":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice:has-text('recorded')")
