"""A file that cannot be read stops only itself: each is named once, and the good ones give what they give alone."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from cli.trial import FILES, Said, furnish, repository, said, trials_of

EXCLUSION = FILES["exclusions/fp-2026-0001.yaml"]
CONFLICT = "<<<<<<< HEAD\nid: a\n=======\nid: b\n>>>>>>> other\n"
EVERYWHERE: dict[str, bytes] = {
    "binary.yaml": bytes(range(256)),
    "conflict.yaml": CONFLICT.encode(),
    "cut.yaml": "id: x\nname: y\n".encode("utf-16")[:-1],
    "empty.yaml": b"",
    "invalid.yaml": b"a: [\n",
}
OWN: dict[str, dict[str, bytes]] = {
    "exclusions": {
        "long.yaml": EXCLUSION.replace("fp-2026-0001", "fp-long")
        .replace("process: [msiexec.exe]", "port: " + "9" * 5_000)
        .encode(),
        "half.yaml": EXCLUSION.replace("fp-2026-0001", "fp-half").replace("msiexec.exe", '"\\ud800"').encode(),
    },
    "rules": {
        "binary.kql": bytes(range(256)),
        "empty.kql": b"",
        "half.json": b'{"id": "y", "name": "y", "query": "DeviceProcessEvents | where FileName == \'\\ud800\'"}',
    },
}
SPECIAL = ("pipe.yaml", "zero.yaml")
READS = {
    **dict.fromkeys(
        (
            "apply", "audit", "diff", "explain", "export", "preview", "report", "run", "test", "tune", "why",
        ),
        ("exclusions", "rules"),
    ),
    **dict.fromkeys(("hits", "list", "log", "review"), ("exclusions",)),
    **dict.fromkeys(("rules list", "strip"), ("rules",)),
}  # fmt: skip
"""Commands that take many rules or exclusions, and of which each names the files that it cannot read."""


def spoil(folder: Path) -> set[str]:
    """Put every file that cannot be read into a folder of rules or exclusions, and return their names."""
    files = {**EVERYWHERE, **OWN[folder.name]}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "folder.yaml").mkdir()
    (folder / "zero.yaml").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.yaml")
    return {*files, *SPECIAL}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", READS)
def test_the_good_files_are_done_and_each_bad_one_is_named(name: str, tmp_path: Path) -> None:
    trial = trials_of(name)[0]
    furnish(tmp_path, trial.given)
    bad = {f"{kind}/{file}" for kind in ("exclusions", "rules") for file in spoil(tmp_path / kind)}
    with repository(tmp_path):
        outcome = said(shlex.split(trial.run)[1:], trial.stdin, tmp_path)
    wanted = {file for file in bad if file.startswith(READS[name])}
    named = re.findall(r"(?m)^((?:exclusions|rules)/[\w.]+):[\d: ]*(?:error: )?", outcome.err)
    assert outcome.code == 2, outcome.err
    assert {file: named.count(file) for file in wanted} == dict.fromkeys(wanted, 1)
    assert set(named) <= bad
    assert "unexpected" not in outcome.err
    assert max(map(len, outcome.err.splitlines())) < 400
    if isinstance(trial.expected, Said) and name != "tune":  # what tune proposes depends on the exclusions there are
        assert outcome.out == trial.expected.out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_lint_lists_each_bad_rule_among_its_problems(tmp_path: Path) -> None:
    furnish(tmp_path)
    bad = spoil(tmp_path / "rules")
    with repository(tmp_path):
        outcome = said(["rules", "lint"])
    assert outcome.code == 2
    assert {file for file in bad if outcome.out.count(file) == 1} == bad


def test_a_number_of_5000_digits_in_a_rule_is_read(tmp_path: Path) -> None:
    furnish(tmp_path)
    long = '{"id": "z", "name": "z", "query": "DeviceNetworkEvents", "queryFrequency": ' + "9" * 5_000 + "}"
    (tmp_path / "rules" / "long.json").write_text(long, encoding="utf-8")
    with repository(tmp_path):
        outcome = said(["explain"])
    assert outcome.code == 0, outcome.err
