"""Write requirements.hashes.txt: what the image installs, each package with the hashes of its wheels.

    python scripts/lock_image.py [--check]

pip resolves what fpctl needs for CPython of the image on x86-64 and ARM, at the versions of constraints.txt, and tells
the hash of each wheel that it would install; nothing is installed. With --check nothing is asked and nothing written;
exit code 1 says that the file names other versions than constraints.txt, or lacks a package that fpctl needs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.hashes.txt"
MACHINES = ("x86_64", "aarch64")
EXTRAS = ("kusto", "postgres")
"""The extras that the image has."""
HEAD = """\
# What the image installs, with the hashes of the wheels for x86-64 and ARM; written by scripts/lock_image.py.
"""


def needed() -> list[str]:
    """Return what fpctl and its build ask for, by the project's file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    own = [*project["project"]["dependencies"], *(one for name in EXTRAS for one in extras[name])]
    return [*own, *project["build-system"]["requires"]]


def python_version() -> str:
    """Return the version of Python that the image has."""
    found = re.search(r"^FROM python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit("the Dockerfile names no version of Python")
    return found[1]


def resolved(machine: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and SHA-256 of each wheel that pip would install on a machine."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in (28, 17)]
        subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
                f"--report={report}", f"--target={folder}/none", f"--python-version={python_version()}",
                "--implementation=cp", f"--platform=manylinux2014_{machine}", *platforms, "--only-binary=:all:",
                f"--constraint={ROOT / 'constraints.txt'}", *needed(),
            ],
            check=True,
        )  # fmt: skip
        for one in json.loads(report.read_text(encoding="utf-8"))["install"]:
            metadata, archive = one["metadata"], one["download_info"]["archive_info"]
            yield metadata["name"], metadata["version"], archive["hashes"]["sha256"]


def canonical(name: str) -> str:
    """Return a package's name in the one spelling in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def written(wheels: dict[tuple[str, str], set[str]]) -> str:
    """Return the text of the file."""
    lines = [HEAD]
    for (name, version), hashes in sorted(wheels.items(), key=lambda item: canonical(item[0][0])):
        lines.append(
            " \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{one}" for one in sorted(hashes))]) + "\n"
        )
    return "".join(lines)


def faults() -> Iterator[str]:
    """Yield what the file does not have as constraints.txt and pyproject.toml say."""
    pinned = {
        canonical(name): version
        for name, _, version in (
            line.partition("==")
            for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
            if "==" in line
        )
    }
    text = LOCK.read_text(encoding="utf-8")
    locked = {canonical(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}
    for name, version in locked.items():
        if pinned.get(name) != version:
            yield f"{name}=={version} is not the version of constraints.txt, {pinned.get(name)}"
    for requirement in needed():
        name = canonical(re.split(r"[\[<>=~!; ]", requirement, maxsplit=1)[0])
        if name not in locked:
            yield f"{name} is missing"
    for entry in re.findall(r"^[\w.-]+==\S+(?: \\\n    --hash=\S+)*$", text, re.MULTILINE):
        if "--hash=sha256:" not in entry:
            yield f"{entry} has no hash"


def main() -> int:
    if "--check" in sys.argv[1:]:
        found = list(faults())
        for fault in found:
            print(f"{LOCK.name}: {fault}", file=sys.stderr)
        return 1 if found else 0
    wheels: dict[tuple[str, str], set[str]] = {}
    for machine in MACHINES:
        for name, version, digest in resolved(machine):
            wheels.setdefault((name, version), set()).add(digest)
    LOCK.write_text(written(wheels), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
