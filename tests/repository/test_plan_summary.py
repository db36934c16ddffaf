"""What `apply` says of a folder of tuned rules before it writes it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fpctl.repository.apply import TunedFile, tune, tuned_files
from fpctl.repository.model import open_repository
from fpctl.repository.plan_summary import plan_summary

DAY = date(2026, 11, 24)
RULE = "DeviceProcessEvents\n| where FileName == 'x.exe'\n"


def exclusion(number: int) -> str:
    return (
        f"id: fp-{number}\nrules: ['*']\nmatch: {{device: [build{number:02}]}}\nreason: r\nowner: o@contoso.com\n"
        "created: 2026-11-01\nexpires: 2027-05-01\n"
    )


def tuned(root: Path, rules: dict[str, str], exclusions: int) -> list[TunedFile]:
    for folder in ("rules", "exclusions"):
        (root / folder).mkdir(exist_ok=True)
    for name, text in rules.items():
        (root / "rules" / name).write_text(text, encoding="utf-8")
    for number in range(exclusions):
        (root / "exclusions" / f"fp-{number}.yaml").write_text(exclusion(number), encoding="utf-8")
    repository = open_repository(root / "rules", root / "exclusions", root=root)
    return tuned_files(tune(repository.rules.rules, repository.active(), repository.planner(DAY)))[0]


@pytest.mark.parametrize(("number", "added"), [(1, ("fp-0",)), (9, tuple(f"fp-{n}" for n in range(9))), (12, ())])
def test_exclusions_are_named_as_their_markers_name_them(tmp_path: Path, number: int, added: tuple[str, ...]) -> None:
    files = tuned(tmp_path, {"a.kql": RULE}, number)

    summary = plan_summary(files, tmp_path / "out", {})

    assert summary.added == added
    # What is known from the plan is what reading the file again would give.
    read = [TunedFile(file.relative, file.text) for file in files]
    assert plan_summary(read, tmp_path / "out", {}) == summary


def test_a_rule_file_that_speaks_of_fpctl_itself_is_read(tmp_path: Path) -> None:
    (one,) = tuned(tmp_path, {"a.kql": RULE + "| where not(DeviceName == 'a') // fpctl fp-9\n"}, 1)

    assert one.exclusions is None
    assert plan_summary([one], tmp_path / "out", {}).added == ("fp-0",)


def test_an_exclusion_that_goes_is_named_with_the_reason(tmp_path: Path) -> None:
    (first,) = tuned(tmp_path, {"a.kql": RULE}, 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.kql").write_text(first.text, encoding="utf-8")
    (tmp_path / "exclusions" / "fp-1.yaml").unlink()
    (tmp_path / "exclusions" / "fp-0.yaml").unlink()

    summary = plan_summary(tuned(tmp_path, {}, 0), tmp_path / "out", {"fp-0": "expired"})

    assert summary.removed == {"expired": ("fp-0",), "deleted": ("fp-1",)}
    assert summary.text() == "1 deleted, 1 expired; 1 of 1 file changed"
