"""Repositories to run commands in, and a way to run them that costs no start of Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `code` is negative where a signal ended it; `steps` are those of a command that did not die.

    A step is (seconds since the start, what is about to happen).
    """

    code: int
    steps: list[tuple[float, str]]
    out: str
    err: str


class Commands:
    """Runs fpctl in children of a process that has it imported (zygote.py), and kills them on request."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FPCTL_")}
        path = os.pathsep.join([os.fspath(TESTS.parent / "src"), os.fspath(TESTS)])
        self._process = subprocess.Popen(
            [sys.executable, TESTS / "killed" / "zygote.py"],
            env={**environment, "PYTHONPATH": path, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, folder: Path, arguments: Sequence[str], *, step: int | None = None, after: float | None = None,
        **environment: str,
    ) -> Ended:  # fmt: skip
        """Run a command in a folder.

        Args:
            step: kill it before its step of this number, counted from 1.
            after: kill it so many seconds after its start.
            environment: more variables.
        """
        places = {name: self._scratch / name for name in ("out", "err", "told")}
        for place in places.values():
            place.unlink(missing_ok=True)
        request: dict[str, Any] = {
            "folder": os.fspath(folder), "arguments": list(arguments), "step": step, "after": after,
            "environment": {"GIT_CEILING_DIRECTORIES": os.fspath(folder.parent), **environment},
            **{name: os.fspath(place) for name, place in places.items()},
        }  # fmt: skip
        answer = self._ask(request)
        texts = [place.read_text("utf-8") if place.exists() else "" for place in (places["out"], places["err"])]
        return Ended(answer["code"], [(when, what) for when, what in answer["steps"]], *texts)

    def warm(self, folder: Path) -> None:
        """Parse the rules there in the process itself: what parsers learn by it is then known to every child."""
        self._ask({"warm": os.fspath(folder)})

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        with self._process:
            pass


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    running = Commands(tmp_path_factory.mktemp("scratch"))
    yield running
    running.close()
