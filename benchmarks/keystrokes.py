"""How much is typed from a noisy rule to a tuned file: commands and characters, step by step and guided.

    PYTHONPATH=src python benchmarks/keystrokes.py

For an endpoint rule, a sign-in rule and a rule over a custom table, two sessions each: with `tune`, `add`, `preview`,
`approve` and `apply`, and with the guided `tune`. Each session runs on data of its own, in a folder of its own, and
counts only if the tuned rule has the clause. An answer counts with its Enter key.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from fpctl.cli import app
from fpctl.cli.shared import terminal

DAYS = range(11, 24)
TO = "--to 2026-11-24T00:00:00Z"
WHY = '--reason "Nightly job" --owner a.rossi@contoso.com --ticket CHG0012345'
ANSWERS = ("1", "Nightly job", "a.rossi@contoso.com", "CHG0012345", "m.weber@contoso.com", "y")
SETTINGS = '[paths]\ndata = "data"\nout = "tuned"\n'


@dataclass(frozen=True, slots=True)
class Case:
    """A rule with events: the columns of its table, the benign event of each night, and the attack."""

    name: str
    table: str
    query: str
    columns: str
    benign: str
    attack: str
    fields: str
    settings: str = SETTINGS
    pull: bool = False

    def sessions(self) -> dict[str, list[tuple[str, Sequence[str]]]]:
        """Return, by name, the commands with the answers to their questions."""
        before: list[tuple[str, Sequence[str]]] = [("fpctl schema pull", ())] if self.pull else []
        return {
            "step by step": [
                *before,
                (f"fpctl tune r {TO}", ("",)),
                (f"fpctl add r {self.fields} {WHY} --id fp-1 --yes", ()),
                ("fpctl preview fp-1", ()),
                ("fpctl approve fp-1 --by m.weber@contoso.com", ()),
                ("fpctl apply --out tuned", ()),
            ],
            "guided": [*before, (f"fpctl tune r {TO}", ANSWERS)],
        }

    def furnish(self) -> None:
        """Write the repository to the working folder."""
        for folder in ("rules", "exclusions", "data", "tuned"):
            Path(folder).mkdir()
        Path("fpctl.toml").write_text(self.settings)
        Path("rules/r.kql").write_text(f"{self.table}\n{self.query}\n")
        rows = [f"2026-11-{day:02}T0{hour}:00:00Z,{self.benign}" for day in DAYS for hour in (1, 2)]
        rows.append(f"2026-11-20T12:00:00Z,{self.attack}")
        time = "Timestamp" if self.table.startswith("Device") else "TimeGenerated"
        Path(f"data/{self.table}.csv").write_text("\n".join([f"{time},{self.columns}", *rows]) + "\n")


CASES = (
    Case(
        "endpoint", "DeviceNetworkEvents", "| where RemotePort == 443",
        "DeviceName,RemoteUrl,InitiatingProcessFileName,RemotePort",
        "build01.contoso.com,deploy.contoso.com,agent.exe,443", "ws-1.contoso.com,evil.example,powershell.exe,443",
        "--device build01.contoso.com --url deploy.contoso.com --process agent.exe",
    ),
    Case(
        "sign-in", "SigninLogs", '| where ResultType != "0"', "UserPrincipalName,IPAddress,AppDisplayName,ResultType",
        "svc@contoso.com,198.51.100.20,Backup,50126", "svc@contoso.com,203.0.113.9,Portal,50126",
        "--account svc@contoso.com --ip 198.51.100.20 --app Backup",
    ),
    Case(
        "custom table", "Payroll_CL", "| where Action_s == 'export'", "UserName_s,ClientIp_s,Action_s",
        "svc,10.1.2.3,export", "svc,10.9.9.9,export", "--account svc --ip 10.1.2.3",
        SETTINGS + '[fields.Payroll_CL]\naccount = ["UserName_s"]\nip = ["ClientIp_s"]\n', pull=True,
    ),
)  # fmt: skip


def typed(case: Case, session: Sequence[tuple[str, Sequence[str]]]) -> tuple[int, int, int]:
    """Run a session, and return how many commands, answers and characters were typed.

    Raises:
        RuntimeError: a command failed, or the tuned rule is not there.
    """
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            case.furnish()
            characters = answers = 0
            for command, replies in session:
                said = io.StringIO()
                with (
                    mock.patch.object(terminal.Terminal, "ask", side_effect=replies) as asked,
                    mock.patch.object(terminal, "may_ask", return_value=True),
                    contextlib.redirect_stderr(said),
                    contextlib.redirect_stdout(said),
                ):
                    code = app.run(shlex.split(command)[1:])
                if code != 0 or asked.call_count != len(replies):
                    raise RuntimeError(f"{case.name}: {command}: exit code {code}\n{said.getvalue()}")
                answers += len(replies)
                characters += len(command) + 1 + sum(len(one) + 1 for one in replies)
            if "// fpctl fp-" not in Path("tuned/r.kql").read_text():
                raise RuntimeError(f"{case.name}: the rule was not tuned")
            return len(session), answers, characters
        finally:
            os.chdir(here)


def main() -> int:
    """Print a line for each session."""
    os.environ["GIT_CEILING_DIRECTORIES"] = tempfile.gettempdir()
    print("| rule | session | commands | answers | characters |\n|---|---|---|---|---|")
    for case in CASES:
        for name, session in case.sessions().items():
            commands, answers, characters = typed(case, session)
            print(f"| {case.name} | {name} | {commands} | {answers} | {characters} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
