"""`make site`: every page is there and linked, search is built in, and nothing comes from a network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.trial import COMMANDS_WITH_HELP
from fpctl.audit.registry import checks

ROOT = Path(__file__).resolve().parents[2]
_LOADED = re.compile(
    r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)", re.IGNORECASE
)
_STYLED = re.compile(r"url\([\"']?(?:https?:)?//|@import")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with every warning an error: links that lead nowhere, pages outside the navigation."""
    pytest.importorskip("material", reason="the extra `docs` is not installed")
    folder = tmp_path_factory.mktemp("site")
    call = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_is_loaded_from_a_network(site: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert {path.name: _LOADED.findall(text) for path, text in pages.items() if _LOADED.search(text)} == {}
    styles = {path.name: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    assert [name for name, text in styles.items() if _STYLED.search(text)] == []


def test_search_works_from_the_disk(site: Path) -> None:
    assert (site / "search" / "search_index.js").exists()
    assert "assets/search-from-disk.js" in (site / "index.html").read_text(encoding="utf-8")
    assert "../assets/search-from-disk.js" in (site / "commands" / "list.html").read_text(encoding="utf-8")


def test_every_command_and_finding_has_its_place(site: Path) -> None:
    for name in COMMANDS_WITH_HELP:
        assert (site / "commands" / f"{name.replace(' ', '-')}.html").exists(), name
    findings = (site / "findings.html").read_text(encoding="utf-8")
    assert [one.code for one in checks() if f'id="{one.code.lower()}"' not in findings] == []


def test_the_pages_of_the_root_are_in_the_site(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    assert 'src="images/report.png"' in index
    assert 'href="tutorial.html"' in index
    assert (site / "contributing.html").exists()
    assert (site / "changelog.html").exists()


@pytest.mark.chromium
def test_a_reader_without_network_finds_a_page(site: Path) -> None:
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        page.keyboard.press("f")
        page.keyboard.type("baseline")
        page.locator(".md-search-result__item").first.wait_for(state="attached")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        browser.close()
    assert [url for url in asked if url.startswith("http")] == []


def _chromium() -> str:
    import shutil

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    assert found is not None
    return found
