"""docs/exclusions.md says what the models say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fpctl.documents import yaml_node
from fpctl.exclusions import loader, window
from fpctl.exclusions import model as exclusion
from fpctl.exclusions import reader as exclusion_file
from fpctl.exclusions.loader import load_exclusions
from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.exclusions.scenarios.model import SCENARIO_IDS
from fpctl.exclusions.value_lists import value_list
from fpctl.exclusions.window import Window
from fpctl.rules.formats.registry import SUFFIXES
from fpctl.rules.selector import PREFIXES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "exclusions.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
LIST = re.findall(r"```\n(# Deployment.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(example: str, tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "deployment_agents.txt").write_text(LIST[0])
    (tmp_path / "x.yaml").write_text(example)
    found = load_exclusions(tmp_path)
    assert (found.problems, len(found.exclusions)) == ((), 1)


def rows(heading: str) -> set[str]:
    """Return the code words of the first column of the table below a heading."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def test_every_key_is_documented_and_no_other() -> None:
    assert rows("Keys") == set(Exclusion.model_fields)


def test_every_field_is_documented_and_no_other() -> None:
    assert rows("What it matches") == set(Alternative.model_fields)


def test_every_entry_of_a_window_is_documented_and_no_other() -> None:
    assert rows("When it holds") == set(Window.model_fields)


def test_every_selector_scenario_and_file_ending_is_documented() -> None:
    for word in (*(f"`{prefix}:" for prefix in PREFIXES), *(f"`{s}`" for s in (*SCENARIO_IDS, *SUFFIXES))):
        assert word in PAGE


def test_every_problem_code_is_documented() -> None:
    code = "".join(
        Path(module.__file__ or "").read_text(encoding="utf-8")
        for module in (exclusion, exclusion_file, loader, value_list, window, yaml_node)
    )
    used = set(re.findall(r'(?:Problem|_error|fault)\(\s*"([a-z]+(?:-[a-z]+)+)"', code)) | set(
        re.findall(r'code="([a-z-]+)"', code)
    )
    documented = set(re.findall(r"`([a-z-]+)`", PAGE.split("## Problems\n", 1)[1].split("\n# ", 1)[0]))
    assert len(used) > 20
    assert used <= documented
