"""A Dockerfile taken apart, and what is wrong with it: the rules of hadolint that matter for an image of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """An instruction: its word in capitals, the rest, and its line."""

    word: str
    rest: str
    line: int


KNOWN = {"FROM", "RUN", "CMD", "LABEL", "EXPOSE", "ENV", "ADD", "COPY", "ENTRYPOINT", "VOLUME", "USER", "WORKDIR",
         "ARG", "ONBUILD", "STOPSIGNAL", "HEALTHCHECK", "SHELL"}  # fmt: skip
_SECRET = re.compile(r"(?i)(token|password|secret|api_?key)\w*\s*=")


def instructions(text: str) -> list[Instruction]:
    """Return the instructions: lines that go on joined, comments left out."""
    found: list[Instruction] = []
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not pending):
            continue
        start = start if pending else number
        if line.rstrip().endswith("\\"):
            pending += line.rstrip()[:-1] + " "
            continue
        word, _, rest = (pending + line).strip().partition(" ")
        found.append(Instruction(word.upper(), rest.strip(), start))
        pending = ""
    return found


def faults(text: str, context: Path) -> Iterator[str]:
    """Yield what is wrong.

    Args:
        text: the Dockerfile.
        context: the folder that it is built in.
    """
    stages: list[str] = []
    user: str | None = None
    entry = False
    steps = instructions(text)
    if not steps or steps[0].word not in ("FROM", "ARG"):
        yield "1: the first instruction is not FROM"
    for word, rest, line in steps:
        if word not in KNOWN:
            yield f"{line}: {word} is no instruction"
        elif word == "FROM":
            image, *named = re.split(r"\s+as\s+", rest, flags=re.IGNORECASE)
            stages += named
            user, entry = None, False
            if image not in stages and (":" not in image.rpartition("/")[2] or image.endswith(":latest")):
                yield f"{line}: the image {image} has no fixed tag"
        elif word == "ADD":
            yield f"{line}: ADD fetches and unpacks; use COPY"
        elif word == "COPY":
            yield from _copy(rest, line, stages, context)
        elif word == "RUN":
            yield from _run(rest, line)
        elif word == "USER":
            user = rest
        elif word == "WORKDIR" and not rest.startswith("/"):
            yield f"{line}: WORKDIR {rest} is not absolute"
        elif word in ("ENTRYPOINT", "CMD"):
            entry = entry or word == "ENTRYPOINT"
            try:
                if not all(isinstance(part, str) for part in json.loads(rest)):
                    raise ValueError(rest)
            except ValueError:
                yield f"{line}: {word} is a shell's: signals would not reach fpctl"
        if word in ("ENV", "ARG") and _SECRET.search(rest):
            yield f"{line}: a secret in {word} stays in the image"
    if not entry and "FROM" in {step.word for step in steps}:
        yield f"{len(text.splitlines())}: there is no ENTRYPOINT"
    if user is None or user.split(":")[0] in ("root", "0"):
        yield f"{len(text.splitlines())}: it runs as root"
    elif not user.split(":")[0].isdigit():
        yield f"{len(text.splitlines())}: USER {user} is no number: a cluster cannot tell that it is not root"


def _copy(rest: str, line: int, stages: list[str], context: Path) -> Iterator[str]:
    parts = [part for part in rest.split() if not part.startswith("--")]
    source = next((flag.partition("=")[2] for flag in rest.split() if flag.startswith("--from=")), None)
    if source is not None:
        if source not in stages:
            yield f"{line}: there is no stage {source}"
        return
    for path in parts[:-1]:
        if path in (".", "./"):
            yield f"{line}: COPY {path} takes everything, the history and settings of whoever builds it too"
        elif not (context / path).exists():
            yield f"{line}: there is no {path}"


def _run(rest: str, line: int) -> Iterator[str]:
    if re.search(r"\bpip3? install\b", rest) and "--no-cache-dir" not in rest:
        yield f"{line}: pip keeps its cache in the image: --no-cache-dir"
    if re.search(r"\bapt-get install\b", rest):
        if "--no-install-recommends" not in rest or " -y" not in rest:
            yield f"{line}: apt-get install needs -y --no-install-recommends"
        if "rm -rf /var/lib/apt/lists" not in rest:
            yield f"{line}: apt's lists stay in the image"
    if re.search(r"\bsudo\b", rest):
        yield f"{line}: sudo in an image"
    if re.search(r"\|\s*(?:ba)?sh\b", rest):
        yield f"{line}: a script from the network is run unseen"
    if re.search(r"(?<![|&])\|(?!\|)", rest) and "pipefail" not in rest:
        yield f"{line}: a pipe without pipefail hides a failure"
