"""`fpctl status` says where a repository stands; `apply` says what it changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.trial import FILES, furnish, repository, said
from records_support import EXCLUSION


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    furnish(tmp_path)
    with repository(tmp_path):
        yield tmp_path


def test_an_empty_folder_is_told_to_begin(tmp_path: Path) -> None:
    with repository(tmp_path):
        outcome = said(["status"])
    assert (outcome.code, outcome.out) == (0, "nothing is set up here yet: fpctl init\n")


def test_a_new_repository_is_told_to_get_rules_and_never_to_run(tmp_path: Path) -> None:
    with repository(tmp_path):
        said(["init", "."])
        shown = said(["status"]).out
    assert "no rules yet: copy some into the rules folder" in shown
    assert "fpctl import sentinel" in shown
    assert "fpctl run" not in shown
    assert "fpctl apply" not in shown


def test_an_empty_folder_of_tuned_rules_is_not_stale(place: Path) -> None:
    (place / "tuned").mkdir()
    (place / "tuned" / ".gitkeep").touch()
    assert "no tuned rules have been written yet" in said(["status"]).out


def test_rules_without_exclusions_are_told_to_be_tuned(place: Path) -> None:
    for path in (place / "exclusions").glob("*.yaml"):
        path.unlink()
    shown = said(["status"]).out
    assert "no exclusion has been recorded yet  fpctl tune remote_tool.yaml" in shown
    assert "fpctl apply" not in shown


def test_tuned_rules_are_stale_until_they_are_written_again(place: Path) -> None:
    assert "no tuned rules have been written yet" in said(["status"]).out
    said(["apply", "--out", "tuned"])
    assert "tuned is up to date" in said(["status"]).out
    file = place / "exclusions" / "fp-2026-0001.yaml"
    expired = re.sub("created: .*", "created: 2026-01-01", EXCLUSION.replace("2027-05-01", "2026-11-01"))
    file.write_text(expired, encoding="utf-8")
    assert "tuned is stale: 1 expired; 1 of 1 file changed  fpctl apply --out tuned" in said(["status"]).out


def test_what_needs_attention_names_its_command(place: Path) -> None:
    file = place / "exclusions" / "fp-2026-0001.yaml"
    file.write_text(EXCLUSION.replace("2027-05-01", "2026-11-30"), encoding="utf-8")
    shown = said(["status"]).out
    assert "1 exclusion expires within 14 days" in shown
    assert "fpctl renew fp-2026-0001 --until 90d" in shown
    assert "fpctl approve fp-2026-0001" in shown


def test_a_run_is_remembered(place: Path) -> None:
    assert "no run has been recorded yet" in said(["status"]).out
    assert said(["run", "--data", "data"]).code == 0
    assert "last run today" in said(["status"]).out


def test_apply_says_what_it_adds_and_removes(place: Path) -> None:
    first = said(["apply", "--out", "tuned"])
    assert "1 exclusion added; 1 of 1 file changed\n" in first.err
    assert "no file changed\n" in said(["apply", "--out", "tuned"]).err
    said(["retire", "fp-2026-0001", "--reason", "the tool is gone"])
    assert "1 retired; 1 of 1 file changed\n" in said(["apply", "--out", "tuned"]).err
    (place / "exclusions" / "fp-2026-0001.yaml").write_text(FILES["exclusions/fp-2026-0001.yaml"], encoding="utf-8")
    said(["apply", "--out", "tuned"])
    (place / "exclusions" / "fp-2026-0001.yaml").unlink()
    assert "1 deleted; 1 of 1 file changed\n" in said(["apply", "--out", "tuned"]).err
