"""`fpctl run` shows an error of the query at its place in the rule's file, and says the same in JSON and the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fpctl.history.history import History

RULE = """id: net
name: Net
query: |
  Own_CL
  | where RemotePort == 443
  | summarize Count = count() by DeviceName
  | where Nothing == 1
"""
EXCLUSION = """id: fp-1
rules: [net]
match: {device: [build01]}
reason: patching
owner: a@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""
ARGUMENTS = ("run", "--engine", "local", "--data", "data", "--to", "2026-11-20T00:00:00Z")


def test_an_error_of_the_query(fpctl: Callable[..., Any], workplace: Path) -> None:
    for folder in ("rules", "exclusions", "data"):
        (workplace / folder).mkdir()
    (workplace / "rules" / "net.yaml").write_text(RULE)
    (workplace / "exclusions" / "fp-1.yaml").write_text(EXCLUSION)
    row = {"Timestamp": "2026-11-19T08:00:00Z", "DeviceName": "build01", "RemotePort": 443}
    (workplace / "data" / "Own_CL.jsonl").write_text(json.dumps(row))
    outcome = fpctl(*ARGUMENTS)
    assert outcome.code == 2
    said = next(line for line in outcome.err.splitlines() if line.startswith("rules/net.yaml:7:11: "))
    assert said.endswith(" (line 4, column 9 of the query)")
    _, _, below = outcome.err.partition(said + "\n")
    line, caret = below.splitlines()[:2]
    assert line[caret.index("^") :] == "Nothing == 1"
    (run,) = json.loads(fpctl(*ARGUMENTS, "--format", "json").out)["runs"]
    assert run["at"] == {"path": "rules/net.yaml", "line": 7, "column": 11}
    with History.open(workplace / ".fpctl" / "history.db") as history:
        assert {record.error for record in history.runs()} == {run["error"]}
