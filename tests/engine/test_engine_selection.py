"""Engines by name and settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.remote_setup import TOKEN
from fpctl.engine.options import EngineOptions
from fpctl.engine.registry import describe, engine_names, engine_package, open_engine
from fpctl.errors import FpctlError
from fpctl.settings import Settings, load_settings

ENVIRON = {"FPCTL_ACCESS_TOKEN": TOKEN}
COMPLETE = {
    "engine": {
        "credential": "token",
        "log-analytics": {"workspace_id": "w", "timeout": 90.0},
        "kusto": {"cluster": "https://c.kusto.windows.net", "database": "d", "time_column": "At"},
    }
}


@pytest.mark.parametrize("name", engine_names())
def test_each_engine_is_opened_by_its_name(name: str, tmp_path: Path) -> None:
    engine = open_engine(name, COMPLETE, EngineOptions(data=tmp_path, environ=ENVIRON))
    assert engine.name == name
    engine.close()


def test_every_engine_has_a_table_of_settings() -> None:
    for name in engine_names():
        assert Settings.model_validate({"engine": {"default": name}}).engine.default == name


@pytest.mark.parametrize("name", engine_names())
def test_an_engine_does_as_it_is_described(name: str, tmp_path: Path) -> None:
    engine = open_engine(name, COMPLETE, EngineOptions(data=tmp_path, environ=ENVIRON))
    able = describe(name).capabilities
    assert engine.description == describe(name)
    assert able.remote == (engine_package(name).endpoint(Settings.model_validate(COMPLETE)) is not None)
    engine.close()


def test_an_unknown_engine_is_an_error_with_the_nearest() -> None:
    with pytest.raises(FpctlError) as caught:
        open_engine("loganalytics")
    assert caught.value.hint == "did you mean `log-analytics`?"


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("local", {}, "--data"),
        ("log-analytics", {"engine": {"credential": "token"}}, "FPCTL_WORKSPACE"),
        ("kusto", {}, "FPCTL_KUSTO_CLUSTER"),
        ("kusto", {"engine": {"kusto": {"cluster": "https://c"}}}, "FPCTL_KUSTO_DATABASE"),
        ("defender", {"engine": {"defender": {"timeout": 500.0}, "credential": "token"}}, "180 seconds"),
        ("defender", {"engine": {"defenders": {}}}, "defenders"),
    ],
)
def test_a_missing_or_wrong_setting_says_which(name: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(FpctlError) as caught:
        open_engine(name, settings, EngineOptions(environ=ENVIRON))
    assert said in str(caught.value)


def test_the_environment_sets_what_the_file_does_not(tmp_path: Path) -> None:
    variables = {
        "FPCTL_WORKSPACE_ID": "from-the-environment",
        "FPCTL_CREDENTIAL": "token",
        "FPCTL_LOG_ANALYTICS_ENDPOINT": "https://api.loganalytics.us",
    }
    settings = load_settings(folder=tmp_path, environ=variables)
    engine: Any = open_engine("log-analytics", settings, EngineOptions(environ=ENVIRON))
    assert engine.target == "from-the-environment"
    assert engine._scope == "https://api.loganalytics.us/.default"
    engine.close()


def test_an_argument_stands_over_the_settings() -> None:
    engine: Any = open_engine("log-analytics", COMPLETE, EngineOptions(timeout=30, credential="cli", environ=ENVIRON))
    assert engine.timeout == 30
    assert engine._source.kind == "cli"
    engine.close()


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.kusto.data", None)
    with pytest.raises(FpctlError) as caught:
        open_engine("kusto", COMPLETE, EngineOptions(environ=ENVIRON))
    assert caught.value.hint == "python -m pip install azure-kusto-data"


def test_choosing_an_engine_imports_no_other() -> None:
    program = (
        "import sys, fpctl.engine.registry\n"
        "print([name for name in ('azure', 'duckdb', 'pydantic', 'requests', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
