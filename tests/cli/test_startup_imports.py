"""Help and version start fast: they import none of the heavy libraries, and no verb."""

from __future__ import annotations

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
