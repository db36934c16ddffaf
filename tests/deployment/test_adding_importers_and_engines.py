"""An importer is one file, and so is an engine without settings of its own: the command line offers both at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from conftest import ROOT
from console_support import EVENTS, RULE

IMPORTER = '''
"""Rules of Acme: lines of a name and a query."""

from fpctl.deployment.imported_rules import ImportedFile, ImportedRules
from fpctl.deployment.importers import ImporterDescription
from fpctl.rules.formats.registry import read_rule_file

DESCRIPTION = ImporterDescription("Import rules of Acme.", "Exports of Acme.")


def read_files(exports):
    files = []
    for _, text in exports:
        for line in text.splitlines():
            name, _, query = line.partition(": ")
            (loaded,) = read_rule_file(query, f"{name}.kql", f"{name}.kql").rules
            files.append(ImportedFile(f"{name}.kql", query + "\\n", loaded.rule))
    return ImportedRules(tuple(files), (), (), ("Acme says hello",))


def read_service(place, deployed):
    raise AssertionError("it has no service")
'''
ENGINE = '''
"""The files of the local engine, under another name."""

from fpctl.engine import local

DESCRIPTION = local.DESCRIPTION._replace(name="acme", title="Acme")
endpoint = local.endpoint


def open_engine(settings, options):
    engine = local.open_engine(settings, options)
    engine.name = "acme"
    return engine
'''
START = """
import sys
import fpctl.deployment.importers, fpctl.engine
fpctl.deployment.importers.__path__.append(sys.argv[1])
fpctl.engine.__path__.append(sys.argv[2])
from fpctl.cli.app import run
codes = [run(command.split()) for command in sys.argv[3:]]
raise SystemExit(max(codes))
"""


def test_one_file_each_adds_an_importer_and_an_engine(tmp_path: Path) -> None:
    for name in ("importers", "engines/acme", "work/rules", "work/exclusions", "work/data"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "importers" / "acme.py").write_text(IMPORTER)
    (tmp_path / "engines" / "acme" / "__init__.py").write_text(ENGINE)
    work = tmp_path / "work"
    (work / "fpctl.toml").write_text('[paths]\ndata = "data"\n')
    (work / "rules" / "remote.yaml").write_text(RULE)
    (work / "data" / "DeviceProcessEvents.csv").write_text(EVENTS)
    (work / "export.txt").write_text("Hunt: DeviceProcessEvents | take 1\n")
    done = subprocess.run(
        [
            sys.executable, "-c", START, str(tmp_path / "importers"), str(tmp_path / "engines"),
            "import --help", "import acme export.txt", "run remote.yaml --engine acme --format json",
        ],
        cwd=work, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    helped, _, rest = done.stdout.partition("rules/Hunt.kql\n")
    assert "acme       Import rules of Acme." in helped
    assert (work / "rules" / "Hunt.kql").read_text() == "DeviceProcessEvents | take 1\n"
    assert "note: Acme says hello" in done.stderr
    (run,) = json.loads(rest)["runs"]
    assert (run["status"], run["result_rows"]) == ("ok", 4)
