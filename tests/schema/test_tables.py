"""The packaged tables, and what an environment makes of them."""

from __future__ import annotations

import pytest

from fpctl.schema.tables import Tables


def test_a_table_has_its_documented_columns_with_kusto_types() -> None:
    columns = Tables.packaged("xdr").table("DeviceNetworkEvents")
    assert columns is not None
    assert columns["RemoteUrl"] == "string"
    assert columns["RemotePort"] == "int"
    assert columns["Timestamp"] == "datetime"
    assert "TimeGenerated" not in columns


def test_auto_gives_a_table_of_both_products_the_columns_of_both() -> None:
    columns = Tables.packaged().table("DeviceNetworkEvents")
    assert columns is not None
    assert {"Timestamp", "TimeGenerated", "LogonID", "TenantId"} <= set(columns)


@pytest.mark.parametrize(("prefer", "kind"), [("xdr", "string"), ("loganalytics", "dynamic")])
def test_prefer_decides_where_the_products_disagree_on_a_type(prefer: str, kind: str) -> None:
    columns = Tables.packaged("auto", prefer).table("DeviceEvents")  # type: ignore[arg-type]
    assert columns is not None
    assert columns["AdditionalFields"] == kind


def test_a_table_of_the_other_product_is_unknown() -> None:
    assert Tables.packaged("xdr").table("SecurityEvent") is None
    assert Tables.packaged("loganalytics").table("EntraIdSignInEvents") is None


def test_names_are_case_sensitive_as_in_kql() -> None:
    assert Tables.packaged().table("devicenetworkevents") is None


def test_every_packaged_table_can_be_read_in_every_environment() -> None:
    counts = {}
    for environment in ("auto", "xdr", "loganalytics"):
        tables = Tables.packaged(environment)
        counts[environment] = len(tables.tables())
        for name in tables.tables():
            columns = tables.table(name)
            assert columns, name
            assert set(columns.values()) <= {"bool", "datetime", "dynamic", "guid", "int", "long", "real", "string"}
    assert counts["xdr"] == 64
    assert counts["loganalytics"] == 923
    assert counts["auto"] < counts["xdr"] + counts["loganalytics"]


def test_own_tables_hide_packaged_ones_and_leave_the_first_value_alone() -> None:
    packaged = Tables.packaged()
    own = packaged.with_tables({"Syslog": {"Line": "string"}, "Mine_CL": {"A": "long"}})
    assert own.table("Syslog") == {"Line": "string"}
    assert own.table("Mine_CL") == {"A": "long"}
    assert "Mine_CL" in own.tables()
    assert packaged.table("Mine_CL") is None
    assert "Computer" in (packaged.table("Syslog") or {})


def test_only_knows_nothing_but_what_it_is_given() -> None:
    tables = Tables.only({"T": {"Timestamp": "datetime", "a": "int"}})
    assert tables.tables() == ["T"]
    assert tables.table("Syslog") is None
    assert tables.function("_Im_Dns") is None
    assert tables.time_column("T") == "Timestamp"


@pytest.mark.parametrize(
    ("environment", "prefer", "table", "column"),
    [
        ("auto", "xdr", "DeviceNetworkEvents", "Timestamp"),
        ("auto", "loganalytics", "DeviceNetworkEvents", "TimeGenerated"),
        ("xdr", "xdr", "DeviceNetworkEvents", "Timestamp"),
        ("auto", "xdr", "SecurityEvent", "TimeGenerated"),
        ("auto", "xdr", "GCPAuditLogs", "TimeGenerated"),
        ("auto", "xdr", "_Im_Dns", "TimeGenerated"),
        ("auto", "xdr", "DeviceTvmSoftwareInventory", None),
        ("auto", "xdr", "NoSuchTable", None),
    ],
)
def test_the_time_column_of_a_table(environment: str, prefer: str, table: str, column: str | None) -> None:
    if table == "DeviceTvmSoftwareInventory":
        environment = "xdr"
    assert Tables.packaged(environment, prefer).time_column(table) == column  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("_Im_Dns", "DnsQuery"),
        ("imDns", "DnsQuery"),
        ("_ASim_Dns", "DnsQuery"),
        ("ASimDns", "DnsQuery"),
        ("_Im_Dns_InfobloxNIOSV03", "DnsQuery"),
        ("vimDnsInfobloxNIOS", "DnsQuery"),
        ("ASimDnsMicrosoftNXlog", "DnsQuery"),
        ("_Im_ProcessCreate", "TargetProcessName"),
        ("imProcessCreate", "TargetProcessName"),
        ("_Im_ProcessTerminate", "TargetProcessName"),
        ("ASimProcessEventTerminate", "TargetProcessName"),
        ("imRegistry", "RegistryKey"),
        ("_Im_WebSession", "Url"),
        ("imAuthentication", "TargetUsername"),
    ],
)
def test_an_asim_parser_gives_its_schema_by_every_documented_name(name: str, column: str) -> None:
    result = Tables.packaged().function(name)
    assert result is not None
    assert column in result


@pytest.mark.parametrize("name", ["ASimDnsActivityLogs", "imagine", "_Im_Nothing", "ASimDnsx", "imDnsOther", "vim"])
def test_what_only_looks_like_an_asim_parser_is_no_function(name: str) -> None:
    assert Tables.packaged().function(name) is None


def test_own_functions_come_first() -> None:
    tables = Tables.packaged().with_functions({"imDns": "() { DnsEvents | project Name }"})
    assert tables.function("imDns") == "() { DnsEvents | project Name }"
