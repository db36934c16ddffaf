"""Help and version start fast: they import none of the heavy libraries, and no verb."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = {
    "alembic",
    "antlr4",
    "azure",
    "duckdb",
    "duckdb_kql",
    "hypothesis",
    "msal",
    "pyarrow",
    "pydantic",
    "requests",
    "rich",
    "ruamel",
    "sqlalchemy",
    "sqlmodel",
    "tabulate",
    "yaml",
}

PROBE = """
import sys
from fpctl.cli.app import run
code = run(sys.argv[1:])
print("\\n".join(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def modules_of(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("argument", ["--help", "-h", "--version"])
def test_help_and_version_import_no_heavy_library(argument):
    loaded = modules_of(argument)
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()


def test_help_imports_no_verb():
    loaded = {name for name in modules_of("--help") if name.startswith("fpctl")}
    assert loaded == {"fpctl", "fpctl.cli", "fpctl.cli.app", "fpctl.errors"}


def test_the_package_itself_imports_nothing():
    probe = "import sys; before = set(sys.modules); import fpctl; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "['__future__', 'fpctl']\n"


def test_no_plugin_of_pydantic_is_looked_for(tmp_path):
    """Whatever else is installed beside fpctl neither slows its start nor runs in it."""
    (tmp_path / "a_plugin.py").write_text("raise SystemExit('the plugin ran')\n")
    (tmp_path / "a_plugin-1.0.dist-info").mkdir()
    (tmp_path / "a_plugin-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: a-plugin\nVersion: 1.0\n"
    )
    (tmp_path / "a_plugin-1.0.dist-info" / "entry_points.txt").write_text("[pydantic]\na = a_plugin\n")
    (tmp_path / "rules").mkdir()
    (tmp_path / "exclusions").mkdir()
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "fpctl", "rules", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path, env=environ)
    assert (done.returncode, "plugin" in done.stderr) == (0, False), done.stderr
