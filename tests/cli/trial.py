"""Commands tried on good and bad input: what is run, and all that it says.

trials/ holds a file for each command, named as its page in docs/commands/. After a change of messages write
them anew, and read the difference:

    PYTHONPATH=src:tests python -m cli.trial
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import yaml

from fpctl.cli import app
from fpctl.cli.shared import exclusion_commands as recording
from fpctl.cli.shared import options
from records_support import EXCLUSION, NOW, RULE, RULE_ID

FOLDER = Path(__file__).with_name("trials")
ROOT = "ROOT"
"""Stands for the folder in which a trial is run, where that is part of a text."""

_RANDOM_ID = re.compile(r"fp-2026-[0-9a-z]{8}\b")
"""Ids that nobody gave; ######## stands for their end."""

EVENTS = [
    {
        "Timestamp": f"2026-11-{day}T08:00:00Z",
        "DeviceName": device,
        "InitiatingProcessFileName": "msiexec.exe",
        "InitiatingProcessVersionInfoProductName": "rport",
        "RemoteUrl": "contoso.com",
    }
    for day in (22, 23, 24)
    for device in ("build01", "ws-1")
]
SHADOW = EXCLUSION.replace("fp-2026-0001", "fp-2026-0002").replace("status: active", "status: shadow")
MUST_FIRE = f"""\
rule: {RULE_ID}
now: "2026-11-24T12:00:00Z"
must_fire:
  - name: a tunnel from a workstation
    rows:
      DeviceNetworkEvents:
        - {{Timestamp: "2026-11-24T08:00:00Z", DeviceName: ws-9, InitiatingProcessVersionInfoProductName: rport}}
"""

FILES = {
    "rules/remote_tool.yaml": RULE,
    "rules/remote_tool.tests.yaml": MUST_FIRE,
    "exclusions/fp-2026-0001.yaml": EXCLUSION,
    "exclusions/fp-2026-0002.yaml": SHADOW.replace("['build01', \"build02.contoso.com\"]", '["@lists/agents.txt"]'),
    "exclusions/lists/agents.txt": "# field: device\nbuild01\nbuild07\n",
    "data/DeviceNetworkEvents.jsonl": "".join(json.dumps(event) + "\n" for event in EVENTS),
    "broken.toml": "[engine\n",
    "empty/.gitkeep": "",
}
"""The repository of every trial."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A command line and what must come of it.

    Args:
        run: as typed in a shell.
        given: files that it finds, beside or instead of FILES; None for one that is not there.
        stdin: what it reads there.
    """

    run: str
    said: Said
    given: Mapping[str, str | None] = field(default_factory=dict)
    stdin: str = ""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command and sub-command by the words that call it."""
    for verb in app.VERBS:
        command = app.load(verb)
        below = getattr(command, "commands", None)
        if below is None:
            yield verb.name, command
        for name, one in (below or {}).items():
            yield f"{verb.name} {name}", one


def file_of(name: str) -> Path:
    """Return the file of a command's trials."""
    return FOLDER / f"{name.replace(' ', '-')}.yaml"


def trials_of(name: str) -> list[Trial]:
    """Return the trials of a command."""
    found = yaml.safe_load(file_of(name).read_text(encoding="utf-8"))
    return [
        Trial(
            one["run"],
            Said(one["code"], one.get("out") or "", one.get("err") or ""),
            one.get("given") or {},
            one.get("stdin") or "",
        )
        for one in found
    ]


@contextmanager
def repository(place: Path) -> Iterator[None]:
    """Make the working folder one, on the day of NOW, with nobody at the terminal and nothing from outside."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("FPCTL_")}
    nowhere = str(place.parent / "no-git-config")
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, bare, clear=True))
        os.environ.update(
            GIT_CONFIG_GLOBAL=nowhere, GIT_CONFIG_SYSTEM=nowhere, GIT_CEILING_DIRECTORIES=str(place.parent),
            EDITOR=f"{sys.executable} -S -c pass", COLUMNS="120",
        )  # fmt: skip
        os.environ.pop("VISUAL", None)
        stack.enter_context(mock.patch.object(options, "now", return_value=NOW))
        stack.enter_context(mock.patch.object(recording, "may_ask", return_value=False))
        before = Path.cwd()
        os.chdir(place)
        stack.callback(os.chdir, before)
        yield


def furnish(place: Path, given: Mapping[str, str | None] | None = None) -> None:
    """Write FILES to a folder, and what a trial is given."""
    for name, text in {**FILES, **(given or {})}.items():
        if text is not None:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8", newline="")


def said(arguments: Sequence[str], stdin: str = "", here: Path | None = None) -> Said:
    """Run fpctl in the working folder."""
    streams = [io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", newline="") for text in (stdin, "", "")]
    with mock.patch.multiple(sys, stdin=streams[0], stdout=streams[1], stderr=streams[2]):
        code = app.run(arguments)
        for stream in streams[1:]:
            stream.flush()
    texts = [stream.buffer.getvalue().decode("utf-8") for stream in streams[1:]]  # type: ignore[attr-defined]
    return Said(
        code, *(_RANDOM_ID.sub("fp-2026-########", text.replace(str(here), ROOT) if here else text) for text in texts)
    )


def perform(trial: Trial, place: Path) -> Said:
    """Run a trial in an empty folder."""
    furnish(place, trial.given)
    with repository(place):
        program, *arguments = shlex.split(trial.run)
        assert program == "fpctl"
        return said(arguments, trial.stdin, place)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def written(trials: Sequence[Trial]) -> str:
    """Return trials as the text of their file."""
    parts = []
    for trial in trials:
        one: dict[str, Any] = {"run": trial.run}
        if trial.given:
            one["given"] = dict(trial.given)
        if trial.stdin:
            one["stdin"] = trial.stdin
        one["code"] = trial.said.code
        if trial.said.out:
            one["out"] = trial.said.out
        if trial.said.err:
            one["err"] = trial.said.err
        parts.append(one)
    return yaml.dump(parts, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000)


def main() -> None:
    """Write every file of trials anew."""
    for name, _ in commands():
        if not file_of(name).exists():
            continue
        anew = []
        for trial in trials_of(name):
            with TemporaryDirectory() as folder:
                anew.append(replace(trial, said=perform(trial, Path(folder).resolve())))
        file_of(name).write_text(written(anew), encoding="utf-8")


if __name__ == "__main__":
    main()
