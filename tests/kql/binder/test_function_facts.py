"""The facts about built-in functions: that the script makes them of Microsoft's package, and how they are read."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from fpctl.kql.binder.functions import arithmetic_type, builtins, range_type, return_type
from fpctl.kql.binder.scalar import Dynamic, common, element_of, parse_type
from oracle.bridge import node_modules

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "generate_functions.js"


@pytest.mark.node
def test_the_data_file_is_what_the_script_writes() -> None:
    made = subprocess.run(
        ["node", str(SCRIPT), str(node_modules())], capture_output=True, encoding="utf-8", check=True
    ).stdout
    shipped = files("fpctl.kql.binder").joinpath("data/functions.json").read_text(encoding="utf-8")
    assert json.loads(made) == json.loads(shipped)


@pytest.mark.parametrize(
    ("name", "types", "expected"),
    [
        ("strlen", ["string"], "long"),
        ("iff", ["bool", "long", "real"], "real"),
        ("iff", ["bool", "dynamic", "string"], "string"),
        ("case", ["bool", "int", "bool", "long", "int"], "long"),
        ("coalesce", ["int", "long"], "long"),
        ("bin", ["datetime", "timespan"], "datetime"),
        ("bin", ["int", "int"], "long"),
        ("abs", ["int"], "long"),
        ("column_ifexists", ["string", "guid"], "guid"),
        ("make_set", ["string"], "dynamic"),
        ("sum", ["int"], "long"),
        ("avg", ["long"], "real"),
        ("min", ["datetime"], "datetime"),
    ],
)
def test_a_call_has_the_type_of_its_rule(name: str, types: list[str], expected: str) -> None:
    known = builtins()
    facts = known.functions.get(name) or known.aggregates[name]
    assert return_type(facts, types, None) == expected


def test_typeof_names_the_type() -> None:
    facts = builtins().functions["extract"]
    assert return_type(facts, ["string", "long", "string", "type"], "guid") == "guid"
    assert return_type(facts, ["string", "long", "string"], None) == "string"


@pytest.mark.parametrize(
    ("left", "op", "right", "expected"),
    [
        ("int", "+", "int", "long"),
        ("long", "*", "decimal", "decimal"),
        ("datetime", "-", "datetime", "timespan"),
        ("datetime", "-", "timespan", "datetime"),
        ("timespan", "/", "timespan", "real"),
        ("dynamic", "+", "long", "long"),
        ("string", "+", "string", "unknown"),
    ],
)
def test_arithmetic(left: str, op: str, right: str, expected: str) -> None:
    assert arithmetic_type(op, left, right) == expected


def test_a_range_of_ints_stays_int_only_if_its_step_is_one() -> None:
    assert range_type("int", "int", "int") == "int"
    assert range_type("int", "int", "long") == "long"


def test_types_that_have_nothing_in_common_are_unknown_or_dynamic() -> None:
    assert common(["string", "long"]) == "unknown"
    assert common(["string", "long"], mixed=True) == "dynamic"


def test_a_dynamic_of_known_shape_is_a_dynamic() -> None:
    array = parse_type("dynamic[]long")
    assert array == "dynamic"
    assert isinstance(array, Dynamic)
    assert (array.shape, array.element) == ("array", "long")
    element = element_of(array)
    assert isinstance(element, Dynamic)
    assert (element.shape, element.element) == ("value", "long")
