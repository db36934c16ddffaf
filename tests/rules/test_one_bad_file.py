"""One bad input stops only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpctl.exclusions.loader import load_exclusions
from fpctl.rules import loader as rule_loader
from fpctl.rules.loader import load_rules
from fpctl.rules.result_rows import read_rows

NINES = "9" * 5000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.kql").write_text("DeviceEvents\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("big.json", f'{{"name": "x", "query": "DeviceEvents", "triggerThreshold": {NINES}}}'),
        ("big.yaml", f"id: b\nname: x\nquery: DeviceEvents\ntriggerThreshold: {NINES}\n"),
    ],
)
def test_a_number_of_five_thousand_digits_is_left_out_of_its_rule(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    found = load_rules(folder)
    assert [loaded.rule.path for loaded in found.rules] == [name, "good.kql"]
    assert [problem.code for problem in found.problems] == ["rule-metadata"]


def test_half_a_character_in_one_rule_of_a_file_leaves_out_that_rule(folder: Path) -> None:
    text = (
        r'[{"id": "a", "name": "a\ud800", "query": "DeviceEvents"}, {"id": "b", "name": "b", "query": "DeviceEvents"}]'
    )
    (folder / "two.json").write_text(text, encoding="utf-8")
    found = load_rules(folder)
    assert [loaded.rule.id for loaded in found.rules] == ["good.kql", "b"]
    assert [problem.message for problem in found.problems] == [r"\ud800 is half of a character; no text can hold it"]


def test_a_whole_character_written_as_two_halves_is_read(folder: Path) -> None:
    (folder / "one.json").write_text(r'{"id": "a", "name": "\ud83d\ude00", "query": "DeviceEvents"}', encoding="utf-8")
    assert [loaded.rule.name for loaded in load_rules(folder).rules][-1] == "\U0001f600"


def test_a_fault_of_fpctl_in_one_file_is_named_and_stops_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "odd.kql").write_text("odd", encoding="utf-8")
    read = rule_loader.read_rule_file

    def failing(text: str, path: str, relative: str) -> object:
        if text == "odd":
            raise ZeroDivisionError("planted")
        return read(text, path, relative)

    monkeypatch.setattr(rule_loader, "read_rule_file", failing)
    found = load_rules(folder)
    assert [loaded.rule.path for loaded in found.rules] == ["good.kql"]
    (problem,) = found.problems
    assert (problem.code, problem.severity, problem.at.path) == ("bug", "error", str(folder / "odd.kql"))
    assert problem.message.startswith(
        "fpctl failed while reading this file: ZeroDivisionError at test_one_bad_file.py:"
    )


def test_an_exclusion_with_an_odd_value_leaves_the_others_in(tmp_path: Path) -> None:
    good = 'id: {id}\nrules: ["*"]\nmatch: {{device: a1}}\n'
    (tmp_path / "a.yaml").write_text(good.format(id="a"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(good.format(id="b") + 'title: "\\ud800"\n', encoding="utf-8")
    text = good.format(id="c").replace("a1", f"a1, port: {NINES}")
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "d.yaml").write_text(good.format(id="d") + "created: 9999-12-31\n", encoding="utf-8")
    found = load_exclusions(tmp_path)
    assert [loaded.id for loaded in found.exclusions] == ["a", "d"]
    assert {problem.at.path for problem in found.problems} == {str(tmp_path / name) for name in ("b.yaml", "c.yaml")}


@pytest.mark.parametrize("text", [f'[{{"n": {NINES}}}]', f'{{"n": 1}}\n{{"n": {NINES}}}'])
def test_a_long_number_in_a_result_is_read_as_text(text: str) -> None:
    assert read_rows(text, "r.json")[-1]["n"] == NINES
