"""Commands tried on good and bad input: what is run, and what comes of it.

trials/ holds a file for each command, named as its page in docs/commands/. The first trial of a command has all that
it says; the others have what scripts rely on and what must not get lost: the exit code, stable codes, JSON, and what
the message is about. After a change write them anew, and read the difference:

    PYTHONPATH=src:tests python -m cli.trial
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import yaml

from fpctl.cli import app
from fpctl.cli.shared import options, terminal
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
class Gist:
    """What of an answer stays the same when words change.

    Args:
        codes: stable codes in it, such as `unknown-rule` and `FP101`.
        names: what it is about: what messages quote, places in files, ids of exclusions.
        json: the document on stdout, where one was asked for.
    """

    code: int
    codes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    json: Any = None


_CODES = re.compile(r"(?<=\[)[a-z]+(?:-[a-z]+)+(?=\])|\bFP\d{3}\b")
_NAMES = re.compile(
    r"`(?P<ticked>[^`\n]+)`|'(?P<quoted>[^'\n]+)'|(?P<place>[\w./-]+\.(?:ya?ml|kql|txt|toml|jsonl?|csv)(?::\d+){0,2})\b"
    r"|(?P<id>\bfp-2026-\d{4}\b)|(?P<option>(?<!\w)--[a-z][a-z-]+)"
)


def gist(said: Said, *, is_json: bool) -> Gist:
    """Return what stays the same of an answer when words change."""
    text = said.err if is_json else f"{said.out}\n{said.err}"
    usage, _, error = text.partition("\nError: ")
    about = error if usage.startswith(("Usage:", "\nUsage:")) else text
    return Gist(
        said.code,
        tuple(sorted(set(_CODES.findall(text)))),
        tuple(sorted({found[found.lastgroup or 0] for found in _NAMES.finditer(about)})),
        json.loads(said.out) if is_json and said.out else None,
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """A command line and what must come of it.

    Args:
        run: as typed in a shell.
        expected: all that it says, or the gist of it.
        given: files that it finds, beside or instead of FILES; None for one that is not there.
        stdin: what it reads there.
    """

    run: str
    expected: Said | Gist
    given: Mapping[str, str | None] = field(default_factory=dict)
    stdin: str = ""

    @property
    def is_json(self) -> bool:
        """Whether it prints a JSON document."""
        words = shlex.split(self.run)
        return "--format=json" in words or ("--format", "json") in itertools.pairwise(words)

    def outcome(self, said: Said) -> Said | Gist:
        """Return of an answer what is expected of this trial."""
        return said if isinstance(self.expected, Said) else gist(said, is_json=self.is_json)


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command and sub-command by the words that call it."""
    for verb in app.VERBS:
        command = app.load(verb)
        below = getattr(command, "commands", None)
        if below is None:
            yield verb.name, command
        for name, one in (below or {}).items():
            yield f"{verb.name} {name}", one


COMMANDS_WITH_HELP = [name for name, _ in commands()]


def file_of(name: str) -> Path:
    """Return the file of a command's trials."""
    return FOLDER / f"{name.replace(' ', '-')}.yaml"


@cache
def trials_of(name: str) -> list[Trial]:
    """Return the trials of a command."""
    found = yaml.load(file_of(name).read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [Trial(one["run"], _expected(one), one.get("given") or {}, one.get("stdin") or "") for one in found]


def _expected(one: Mapping[str, Any]) -> Said | Gist:
    if "out" in one or "err" in one:
        return Said(one["code"], one.get("out") or "", one.get("err") or "")
    return Gist(one["code"], tuple(one.get("codes") or ()), tuple(one.get("names") or ()), one.get("json"))


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
        stack.enter_context(mock.patch.object(terminal, "may_ask", return_value=False))
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
        expected = trial.expected
        one["code"] = expected.code
        if isinstance(expected, Said):
            one |= {"out": expected.out, "err": expected.err}
        else:
            kept = {"codes": list(expected.codes), "names": list(expected.names), "json": expected.json}
            one |= {key: value for key, value in kept.items() if value}
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
                outcome = trial.outcome(perform(trial, Path(folder).resolve()))
            anew.append(replace(trial, expected=outcome))
        file_of(name).write_text(written(anew), encoding="utf-8")


if __name__ == "__main__":
    main()
