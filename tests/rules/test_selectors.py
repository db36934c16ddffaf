"""How an exclusion's `rules` reaches a rule: by name, in a sweep, or not at all."""

from __future__ import annotations

import pytest

from fpctl.rules.model import Rule
from fpctl.rules.selector import selection

RULE = Rule(
    id="a464ea00-ed87-465f-8269-4b6927d9edfa",
    name="RMM tool - RPort [net]",
    query="DeviceNetworkEvents\n| where a\n",
    path="rmm/rport.yaml",
    kind="hunting",
    tactics=("CommandAndControl",),
    techniques=("T1219.002",),
    tags=("rmm", "team=blue"),
    data_types=("DeviceNetworkEvents",),
)


@pytest.mark.parametrize(
    "selector",
    [
        "a464ea00-ed87-465f-8269-4b6927d9edfa",
        "A464EA00-ED87-465F-8269-4B6927D9EDFA",
        "RMM tool - RPort [net]",
        "rmm tool - rport [net]",
        "rmm/rport.yaml",
        "id: a464ea00-ed87-465f-8269-4b6927d9edfa",
        "name:RMM tool - RPort [net]",
        "path:rmm/rport.yaml",
    ],
)
def test_an_id_a_name_or_a_path_names_the_rule(selector: str) -> None:
    assert selection([selector], RULE) == "named"


@pytest.mark.parametrize(
    "selector",
    [
        "*", "RMM*", "rmm/*", "*[net]", "name:*RPort*", "path:rmm/*.yaml", "tag:rmm", "tag:RMM", "tag:team=*",
        "technique:T1219", "technique:t1219.002", "technique:T12*", "tactic:CommandAndControl",
        "tactic:command and control", "table:DeviceNetworkEvents", "table:Device*",
    ],
)  # fmt: skip
def test_a_pattern_sweeps_the_rule(selector: str) -> None:
    assert selection([selector], RULE) == "matched"


@pytest.mark.parametrize(
    "selector",
    [
        "rport", "rmm", "rport.yaml", "a464ea00", "tag:rm", "technique:T121", "technique:T1219.00", "tactic:Execution",
        "table:DeviceProcessEvents", "table:Network", "id:rmm/rport.yaml", "other: thing", "RMM tool - RPort n",
    ],
)  # fmt: skip
def test_anything_else_does_not_reach_it(selector: str) -> None:
    assert selection([selector], RULE) is None


def test_being_named_wins_over_being_matched() -> None:
    assert selection(["*", "rmm/rport.yaml"], RULE) == "named"


def test_the_tables_that_a_query_reads_count_more_than_what_the_rule_declares() -> None:
    assert selection(["table:DeviceNetworkEvents"], RULE, tables=["SecurityEvent"]) is None
    assert selection(["table:SecurityEvent"], RULE, tables=["SecurityEvent"]) == "matched"


def test_a_table_is_found_in_the_query_of_a_rule_that_declares_none() -> None:
    bare = Rule(id="x", name="x", query="let a = 1; SecurityEvent | count", path="x.kql", kind="bare")
    assert selection(["table:SecurityEvent"], bare) == "matched"
    assert selection(["table:SecurityEven"], bare) is None
