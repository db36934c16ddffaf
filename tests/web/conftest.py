"""A console over a small repository with events, and browsers that are signed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from console_support import EVENTS, EXCLUSION, NOW, PEOPLE, RULE, Browser
from fpctl.settings import load_settings
from fpctl.web.app import create_app
from fpctl.web.config import ConsoleConfig


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository: a rule, an exclusion, events."""
    for name in ("rules", "exclusions", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "rules" / "remote.yaml").write_text(RULE)
    (tmp_path / "exclusions" / "fp-2026-0001.yaml").write_text(EXCLUSION)
    (tmp_path / "data" / "DeviceProcessEvents.csv").write_text(EVENTS)
    (tmp_path / "fpctl.toml").write_text('[paths]\ndata = "data"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def config(root: Path) -> ConsoleConfig:
    """A console that signs in with a one-time token."""
    settings = load_settings(root / "fpctl.toml")
    return ConsoleConfig(
        settings=settings,
        rules=settings.paths.rules,
        exclusions=settings.paths.exclusions,
        history=str(root / "history.db"),
        data=settings.paths.data,
        token="one-time",
        person="o.operator",
        clock=lambda: NOW,
    )


@pytest.fixture
def browser(config: ConsoleConfig) -> Iterator[Browser]:
    """Return a function that gives a browser of somebody with a role; without a role nobody is signed in."""
    app = create_app(config)
    console = app.state.console

    def of(role: str | None = "admin", person: str | None = None) -> TestClient:
        client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
        if role is not None:
            now = NOW
            name = person or next(one for one, own in PEOPLE.items() if own == role)
            key, session = console.store.begin_session(name, role, now, now + config.session_length)
            client.cookies.set("fpctl", key)
            client.headers["x-csrf-token"] = session.csrf
        return client

    yield of
    console.close()
