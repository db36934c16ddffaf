"""The field mapping: every mapped column exists, and means what it says."""

from __future__ import annotations

import re

import pytest

from fpctl.errors import FpctlError
from fpctl.fields.registry import FIELDS
from fpctl.schema.fields import FieldColumn, FieldMap, look_alikes
from fpctl.schema.tables import Tables

FIELD_MAP = FieldMap.packaged()


def roles(table: str, field: str) -> dict[str, str]:
    return {str(column): column.role for column in FIELD_MAP.columns(table, field)}


@pytest.mark.parametrize("environment", ["auto", "xdr", "loganalytics"])
def test_every_mapped_column_exists_with_a_fitting_type(environment: str) -> None:
    tables = Tables.packaged(environment)  # type: ignore[arg-type]
    fields = FieldMap.packaged(known=tables)
    checked = 0
    for name in fields.tables():
        columns = tables.table(name) or (tables.function(name) if name.startswith("_Im_") else None)
        if columns is None:
            continue
        assert not isinstance(columns, str)
        for field in FIELDS:
            for column in fields.columns(name, field):
                kind = columns.get(column.column)
                if column.parse or (not column.members and column.role not in ("port", "app-number")):
                    fitting = {"string"}
                elif column.members:
                    fitting = {"dynamic"}
                else:
                    fitting = {"int", "long", "string"}
                assert kind in fitting, f"{name}.{column} ({field}, {column.role}) is {kind}"
                assert column.role in FIELDS[field].roles
                checked += 1
    assert checked > 150


@pytest.mark.parametrize("environment", ["auto", "xdr"])
def test_every_listed_table_is_documented(environment: str) -> None:
    tables = Tables.packaged()
    assert [name for name in FIELD_MAP.tables() if tables.table(name) is None and tables.function(name) is None] == []


def test_no_listed_column_is_left_out_everywhere() -> None:
    """A misspelt column would vanish silently, since columns of the other product are left out."""
    every = FieldMap(*_listed(), Tables.only({}))
    for name in every.tables():
        for field in FIELDS:
            assert FIELD_MAP.columns(name, field) == every.columns(name, field), f"{name} {field}"


def _listed() -> tuple[dict[str, dict[str, tuple[FieldColumn, ...]]], dict[str, tuple[FieldColumn, ...]]]:
    from fpctl.schema.fields import _file

    tables, usual = _file()
    return {name: dict(mapped) for name, mapped in tables.items()}, dict(usual)


TABLES_OF_HOSTS = (
    "DeviceNetworkEvents",
    "DeviceProcessEvents",
    "DeviceFileEvents",
    "DeviceImageLoadEvents",
    "DeviceLogonEvents",
    "DeviceRegistryEvents",
    "DeviceEvents",
    "DeviceInfo",
    "DeviceNetworkInfo",
    "DeviceFileCertificateInfo",
    "AlertEvidence",
    "IdentityLogonEvents",
    "IdentityQueryEvents",
    "IdentityDirectoryEvents",
    "SecurityEvent",
    "Event",
    "WindowsEvent",
    "Syslog",
    "CommonSecurityLog",
    "SigninLogs",
    "AADNonInteractiveUserSignInLogs",
    "OfficeActivity",
    "AzureActivity",
    "DnsEvents",
    "W3CIISLog",
    "WindowsFirewall",
    "_Im_NetworkSession",
    "_Im_WebSession",
    "_Im_Dns",
    "_Im_FileEvent",
    "_Im_ProcessEvent",
    "_Im_RegistryEvent",
    "_Im_Authentication",
    "_Im_AuditEvent",
    "_Im_DhcpEvent",
    "_Im_UserManagement",
    "_Im_AlertEvent",
)


@pytest.mark.parametrize("table", TABLES_OF_HOSTS)
def test_a_table_of_hosts_has_a_device(table: str) -> None:
    assert FIELD_MAP.columns(table, "device")


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ("DeviceNetworkEvents", "url"),
        ("EmailUrlInfo", "url"),
        ("UrlClickEvents", "url"),
        ("CommonSecurityLog", "url"),
        ("DnsEvents", "url"),
        ("_Im_WebSession", "url"),
        ("EmailAttachmentInfo", "hash"),
        ("CloudAppEvents", "ip"),
        ("CloudAuditEvents", "ip"),
        ("AuditLogs", "account"),
        ("AWSCloudTrail", "ip"),
        ("IdentityInfo", "account"),
    ],
)
def test_a_table_has_the_field_it_is_read_for(table: str, field: str) -> None:
    assert FIELD_MAP.columns(table, field)


def test_in_process_events_the_process_is_the_new_one() -> None:
    assert roles("DeviceProcessEvents", "process") == {"FileName": "file-name"}
    assert roles("DeviceProcessEvents", "parent_process") == {"InitiatingProcessFileName": "file-name"}
    assert roles("DeviceProcessEvents", "command_line") == {"ProcessCommandLine": "command-line"}


@pytest.mark.parametrize(
    "table",
    [
        "DeviceNetworkEvents",
        "DeviceFileEvents",
        "DeviceImageLoadEvents",
        "DeviceLogonEvents",
        "DeviceRegistryEvents",
        "DeviceEvents",
    ],
)
def test_elsewhere_the_process_is_the_initiating_one(table: str) -> None:
    assert roles(table, "process") == {"InitiatingProcessFileName": "file-name"}
    assert roles(table, "parent_process") == {"InitiatingProcessParentFileName": "file-name"}
    assert roles(table, "command_line") == {"InitiatingProcessCommandLine": "command-line"}


@pytest.mark.parametrize("table", ["DeviceProcessEvents", "DeviceFileEvents", "DeviceImageLoadEvents", "DeviceEvents"])
def test_a_hash_is_looked_for_in_the_file_and_in_the_initiating_process(table: str) -> None:
    assert roles(table, "hash") == {
        "SHA1": "sha1",
        "SHA256": "sha256",
        "MD5": "md5",
        "InitiatingProcessSHA1": "sha1",
        "InitiatingProcessSHA256": "sha256",
        "InitiatingProcessMD5": "md5",
    }


def test_network_events_have_no_file_hash() -> None:
    assert set(roles("DeviceNetworkEvents", "hash")) == {
        "InitiatingProcessSHA1",
        "InitiatingProcessSHA256",
        "InitiatingProcessMD5",
    }


def test_a_sender_says_nothing_about_a_mail() -> None:
    """A From address can be forged: an exclusion by it would let forged mail through."""
    for field in FIELDS:
        assert not any(
            "Sender" in column.column and column.role != "ip" for column in FIELD_MAP.columns("EmailEvents", field)
        )


def test_fields_inside_dynamic_columns() -> None:
    assert FIELD_MAP.columns("SigninLogs", "device")[0] == FieldColumn(
        "DeviceDetail", ("displayName",), "host-name", False
    )
    assert FIELD_MAP.columns("AADNonInteractiveUserSignInLogs", "device")[0] == FieldColumn(
        "DeviceDetail", ("displayName",), "host-name", True
    )


def test_a_domain_of_an_account_stands_beside_exactly_one_name() -> None:
    """`CONTOSO\\svc` needs both columns, and two pairs could be mixed up when one column is gone."""
    for table in FIELD_MAP.tables():
        kinds = [column.role for column in FIELD_MAP.columns(table, "account")]
        if "account-domain" in kinds:
            assert kinds.count("account-domain") == 1, table
            assert kinds.count("account-name") == 1, table


def test_a_parser_has_the_mapping_of_its_schema() -> None:
    assert FIELD_MAP.columns("imProcessCreate", "process") == FIELD_MAP.columns("_Im_ProcessEvent", "process")
    assert roles("vimDnsInfobloxNIOS", "url") == {"DnsQuery": "domain"}


def test_a_table_of_normalised_events_has_the_part_of_the_mapping_that_it_holds() -> None:
    found = FieldMap.packaged(known=Tables.only({"ASimDnsActivityLogs": {"DvcHostname": "string", "DvcId": "string"}}))
    assert [str(c) for c in found.columns("ASimDnsActivityLogs", "device")] == ["DvcHostname", "DvcId"]
    assert found.columns("ASimDnsActivityLogs", "url") == ()


def test_an_unlisted_documented_table_has_the_usual_columns() -> None:
    assert roles("Heartbeat", "device") == {"Computer": "host-name"}
    assert roles("DeviceTvmSoftwareInventory", "device") == {"DeviceName": "host-name", "DeviceId": "device-id"}


def test_an_unknown_table_or_a_missing_field_has_no_columns() -> None:
    assert FIELD_MAP.columns("NoSuchTable", "device") == ()
    assert FIELD_MAP.columns("DeviceNetworkEvents", "signer") == ()


def test_settings_override_one_field_of_a_table() -> None:
    fields = FieldMap.packaged(
        {
            "Mine_CL": {"device": ["Host", "Detail.names[0] device-id"], "hash": "parse_json(Extra).digest: sha1"},
            "DeviceNetworkEvents": {"ip": []},
            "imDns": {"ip": "SrcIpAddr"},
        }
    )
    assert fields.columns("Mine_CL", "device") == (
        FieldColumn("Host", (), "host-name", False),
        FieldColumn("Detail", ("names", "0"), "device-id", False),
    )
    assert fields.columns("Mine_CL", "hash") == (FieldColumn("Extra", ("digest",), "sha1", True),)
    assert fields.columns("DeviceNetworkEvents", "ip") == ()
    assert fields.columns("DeviceNetworkEvents", "device") == FIELD_MAP.columns("DeviceNetworkEvents", "device")
    assert [str(column) for column in fields.columns("imDns", "ip")] == ["SrcIpAddr"]
    assert fields.columns("imDns", "url") == FIELD_MAP.columns("imDns", "url")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"T": {"devise": "Host"}}, "fields.T.devise: there is no field 'devise'\n  hint: did you mean `device`?"),
        (
            {"T": {"device": "Host sha1"}},
            "fields.T.device: a column of device cannot have the role 'sha1'\n"
            "  hint: one of host-name, device-id, resource-id",
        ),
        (
            {"T": {"device": "a | b"}},
            "fields.T.device: a column of device cannot have the role '| b'\n"
            "  hint: one of host-name, device-id, resource-id",
        ),
        (
            {"T": {"device": "a)or(b"}},
            "fields.T.device: 'a)or(b' is not a column\n  hint: Column, Column.member[0] or parse_json(Column).member",
        ),
        (
            {"T": {"device": "parse_json(A)"}},
            "fields.T.device: 'parse_json(A)' is not a column\n"
            "  hint: Column, Column.member[0] or parse_json(Column).member",
        ),
    ],
)
def test_a_wrong_override_is_refused(override: dict[str, dict[str, str]], message: str) -> None:
    with pytest.raises(FpctlError) as caught:
        FieldMap.packaged(override)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("field", "pattern", "others"),
    [
        # `UserAgentTags` and `SuspiciousUserAgentName` say what is thought of it.
        ("user_agent", r"(?i)^(?!suspicious).*user_?agent(?!.*(tags|name)$).*$", ()),
        ("registry_key", r"^RegistryKey$", ()),
        ("app", r"^(AppId|AppDisplayName|ServicePrincipal(Id|Name))$", ()),
        ("parent_command_line", r"(?i)^parent.*commandline$", ()),
    ],
)
def test_every_column_that_is_named_after_a_field_holds_it(field: str, pattern: str, others: tuple[str, ...]) -> None:
    tables = Tables.packaged()
    missing = [
        f"{name}.{column}"
        for name in tables.tables()
        for column, kind in (tables.table(name) or {}).items()
        if re.match(pattern, column) and kind == "string" and column not in others
        if column not in {one.column for one in FIELD_MAP.columns(name, field)}
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("field", "names", "expected"),
    [
        ("account", ["Description", "UserName_s", "CallerUpn"], ("CallerUpn", "UserName_s")),
        ("ip", ["ClientIp_s", "Description", "src_ip", "Ship"], ("ClientIp_s", "src_ip")),
        ("app", ["AppId_g", "Mapping", "ClientApplication"], ("AppId_g", "ClientApplication")),
        ("device", ["host_s", "Ghosts"], ("host_s",)),
        ("where", ["x"], ()),
    ],
)
def test_columns_that_look_as_if_they_held_a_field_are_told_by_words_of_their_names(field, names, expected):
    assert look_alikes(field, names) == expected
