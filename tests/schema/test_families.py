"""Families of tables: every table that a mapping lists is of one, and what identifies depends on it."""

from __future__ import annotations

import pytest

from fpctl.fields.registry import NARROW
from fpctl.schema.families import CUSTOM, Family, families, families_of, identifying, is_narrow
from fpctl.schema.fields import FieldMap


def named(*tables: str) -> list[str]:
    return [family.id for family in families_of(tables)]


def test_every_table_with_a_mapping_is_of_a_family():
    mapped = FieldMap.packaged().tables()
    assert [table for table in mapped if named(table) == [CUSTOM]] == []


@pytest.mark.parametrize(
    ("table", "family"),
    [
        ("DeviceNetworkEvents", ["endpoint"]),
        ("DeviceLogonEvents", ["endpoint", "sign-in"]),
        ("SecurityEvent", ["endpoint", "sign-in"]),
        ("SigninLogs", ["sign-in"]),
        ("imAuthentication", ["sign-in"]),
        ("_ASim_NetworkSession_Cisco", ["network"]),
        ("AuditLogs", ["audit"]),
        ("OfficeActivity", ["office"]),
        ("EmailEvents", ["email"]),
        ("CommonSecurityLog", ["network"]),
        ("AWSCloudTrail", ["cloud"]),
        ("Payroll_CL", ["custom"]),
    ],
)
def test_a_table_is_of_its_family(table, family):
    assert named(table) == family


@pytest.mark.parametrize("family", families(), ids=lambda family: family.id)
def test_what_a_family_asks_for_suffices_to_be_narrow(family: Family):
    assert family.narrow(family.ask)
    assert {field for together in family.together for field in together} <= {*family.ask, *family.profile}
    assert all(len(together) > 1 and not set(together) & set(NARROW) for together in family.together)


@pytest.mark.parametrize(
    ("fields", "table", "narrow"),
    [
        (("account", "ip"), "SigninLogs", True),
        (("account", "ip"), "DeviceNetworkEvents", False),
        (("ip", "port"), "CommonSecurityLog", True),
        (("ip", "port"), "SigninLogs", False),
        (("account", "app"), "OfficeActivity", True),
        (("account",), "SigninLogs", False),
        (("ip",), "CommonSecurityLog", False),
        (("device",), "DeviceNetworkEvents", True),
        (("url",), "CommonSecurityLog", True),
    ],
)
def test_what_identifies_depends_on_the_table(fields, table, narrow):
    assert is_narrow(fields, families_of([table])) is narrow


def test_a_rule_of_several_tables_is_of_all_their_families():
    assert named("SigninLogs", "DeviceEvents") == ["endpoint", "sign-in"]


def test_what_identifies_is_said_in_words():
    assert identifying(families_of(["CommonSecurityLog"])) == (
        "a device, url or hash, or account and ip, or ip and port, or app and ip"
    )
