"""Legs of unions: names of sources stay as they are, and tables that may be absent are not relied on."""

from __future__ import annotations

from rewrite.placement.planning import plan, positions

POWERSHELL = {"process": "powershell.exe"}


def test_a_leg_is_not_wrapped_where_the_union_tells_its_name() -> None:
    tuned = plan('union withsource=T <D>, <N> | where T == "DeviceProcessEvents" | project T, FileName', POWERSHELL)
    assert tuned.tuned.startswith("union withsource=T DeviceProcessEvents, DeviceNetworkEvents")


def test_behind_the_union_each_row_is_tested_by_the_column_of_its_table() -> None:
    tuned = plan("union withsource=T <D>, <N>", POWERSHELL).tuned
    assert 'not(FileName in~ ("powershell.exe")' in tuned
    assert 'iff(T in ("DeviceNetworkEvents"), InitiatingProcessFileName, "")' in tuned


def test_without_the_name_of_the_source_a_leg_is_wrapped() -> None:
    assert positions("union <D>, <N>", POWERSHELL) == [
        "main/union leg DeviceProcessEvents",
        "main/union leg DeviceNetworkEvents",
    ]


def test_a_leg_that_cannot_be_told_apart_behind_the_union_is_refused() -> None:
    query = "union withsource=T <D>, <N> | summarize c = count() by T"
    tuned = plan(query, POWERSHELL)
    assert "(DeviceProcessEvents" not in tuned.tuned


def test_a_leg_that_keeps_its_events_is_named() -> None:
    tuned = plan("<D> | union withsource=T <N> | project T", POWERSHELL)
    assert positions("<D> | union withsource=T <N> | project T", POWERSHELL) == ["main"]
    (warning,) = [warning for warning in tuned.plan.warnings if warning.code == "partial-union"]
    assert "DeviceNetworkEvents" in warning.message


def test_an_alias_of_a_table_is_wrapped_as_the_table_is() -> None:
    assert positions("let X = <D>; union X, <N>", POWERSHELL) == [
        "main/union leg X",
        "main/union leg DeviceNetworkEvents",
    ]


def test_a_column_of_tables_that_may_be_absent_may_be_absent() -> None:
    tuned = plan("union isfuzzy=true <E>, <D> | where isnotempty(ReportId)").tuned
    assert 'column_ifexists("DeviceName", "")' in tuned


def test_a_column_that_every_table_has_is_named_as_it_is() -> None:
    assert "column_ifexists" not in plan("union isfuzzy=true <F>, <D> | where isnotempty(ReportId)").tuned


def test_a_column_that_the_rule_relies_on_is_named_as_it_is() -> None:
    assert "column_ifexists" not in plan("union isfuzzy=true <E>, <D> | where isnotempty(DeviceName)").tuned


def test_a_raw_condition_is_tested_where_its_column_is_for_certain() -> None:
    query, match = "union isfuzzy=true <E>, <D>", {"device": "build01", "where": "ProcessId == 4"}
    assert positions(query, match) == ["main/union leg DeviceProcessEvents"]


def test_behind_a_union_of_kind_inner_only_common_columns_are_there() -> None:
    common = plan("union kind=inner <D>, <N> | where Timestamp > ago(1h)").tuned
    assert common.startswith("union kind=inner DeviceProcessEvents, DeviceNetworkEvents | where Timestamp > ago(1h)")
    legs = plan("union kind=inner <D>, (<N> | where RemotePort == 443)", POWERSHELL)
    assert [insertion.condition.split(" ")[0] for insertion in legs.plan.insertions] == [
        "FileName", "InitiatingProcessFileName",
    ]  # fmt: skip
    assert legs.tuned.startswith("union kind=inner (DeviceProcessEvents")
