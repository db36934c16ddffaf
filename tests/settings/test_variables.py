"""Environment variables: each stands for a key, and each is told of in the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fpctl.deploy_targets import TARGET_VARIABLE
from fpctl.settings import CONFIG_VARIABLE, VARIABLES, load_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
VALUES = {
    "default": "kusto",
    "credential": "device-code",
    "environment": "xdr",
    "resource_id": "/subscriptions/s",
    "workspace": "/subscriptions/s",
    "endpoint": "https://host.example",
    "cluster": "https://host.example",
}
PAGES = {"engine": "engines.md", "deploy": "deployment.md"}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_variable_sets_its_key(name: str, tmp_path: Path) -> None:
    steps = VARIABLES[name]
    wanted = VALUES.get(steps[-1], "value")
    found: Any = load_settings(folder=tmp_path, environ={name: wanted}).model_dump(mode="json", by_alias=True)
    default: Any = load_settings(folder=tmp_path, environ={}).model_dump(mode="json", by_alias=True)
    for step in steps:
        found, default = found[step], default[step]
    assert found == wanted != default


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_variable_is_told_of_beside_its_key(name: str) -> None:
    table, key = VARIABLES[name][0], VARIABLES[name][-1]
    text = (DOCS / PAGES.get(table, "settings.md")).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if f"`{name}`" in line]
    assert lines
    assert table == "deploy" or any(f"`{key}`" in line for line in lines)


def test_no_variable_is_told_of_that_there_is_not() -> None:
    import re

    known = {
        *VARIABLES,
        CONFIG_VARIABLE,
        "FPCTL_ACCESS_TOKEN",
        "FPCTL_TRACEBACK",
        "FPCTL_TRUSTED_HOSTS",
        TARGET_VARIABLE,
    }
    for page in ("settings.md", *PAGES.values()):
        told = set(re.findall(r"\bFPCTL_[A-Z_]+[A-Z]\b", (DOCS / page).read_text(encoding="utf-8")))
        assert told - known == set()
