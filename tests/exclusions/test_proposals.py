"""Rows of a rule's output, and the exclusions that they suggest."""

from __future__ import annotations

import json
import re

import pytest

from fpctl.errors import FpctlError
from fpctl.exclusions.drafts.proposal import EntityColumn, entity_columns, parse_choice, propose
from fpctl.rules.result_rows import read_rows
from fpctl.schema.families import families_of
from fpctl.schema.fields import FieldMap

ROWS = [{"DeviceName": "build01", "RemoteUrl": "a.contoso.com"}, {"DeviceName": "build02", "RemoteUrl": None}]
HASH = "2f4d94d2c7a287785e87423f456ac41968e54a7d65c9d82bea217c26c33340ae"
APP = "0a1b2c3d-0000-4000-8000-000000000001"
SHA1 = "994a997c61332e9bdd94520abd5b2dd7aedff89c"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        "\ufeff" + json.dumps(ROWS),
        "\n".join(json.dumps(row) for row in ROWS) + "\n",
        json.dumps({"schema": [], "results": ROWS}),
        json.dumps({"rows": ROWS}),
        json.dumps({"value": ROWS}),
        json.dumps(
            {
                "tables": [
                    {
                        "name": "PrimaryResult",
                        "columns": [{"name": "DeviceName", "type": "string"}, {"name": "RemoteUrl", "type": "string"}],
                        "rows": [["build01", "a.contoso.com"], ["build02", None]],
                    }
                ]
            }
        ),
        json.dumps(
            {
                "Tables": [
                    {
                        "Columns": [{"ColumnName": "DeviceName"}, {"ColumnName": "RemoteUrl"}],
                        "Rows": [["build01", "a.contoso.com"], ["build02", None]],
                    }
                ]
            }
        ),
    ],
)
def test_rows_are_read_from_every_json_that_apis_and_portals_give(text):
    assert read_rows(text, "r.json") == ROWS


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_are_read_from_csv(separator):
    text = f'DeviceName{separator}RemoteUrl\r\nbuild01{separator}"a{separator}b"\r\n'
    assert read_rows(text, "r.csv") == [{"DeviceName": "build01", "RemoteUrl": f"a{separator}b"}]


def test_one_object_is_one_row():
    assert read_rows('{"DeviceName": "build01"}', "r.json") == [{"DeviceName": "build01"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r: the result is empty\n  hint: give rows as JSON, JSON Lines or CSV"),
        ("[]", "r: the result has no rows\n  hint: there is nothing to exclude"),
        ("DeviceName\n", "r: the result has no rows\n  hint: there is nothing to exclude"),
        ('[{"a": 1},]', "r:1:10: not valid JSON: illegal trailing comma before end of array"),
        ('{"a": 1}\n{"a": }', "r:2:7: not valid JSON: expecting value"),
        ("[1]", "r: a row is int, not an object\n  hint: rows are {column: value}"),
        ("a,b\n1\n", "r: row 1 has 1 values for 2 columns\n  hint: quote values that hold the separator"),
        ("a,a\n1,2\n", "r:1: the first line does not name the columns\n  hint: CSV begins with a line of column names"),
        ('a,b\n"1,2\n', "r:2: not valid CSV: unexpected end of data"),
    ],
)
def test_what_is_no_result_is_said(text, message):
    with pytest.raises(FpctlError) as caught:
        read_rows(text, "r")
    found = str(caught.value)
    if "illegal trailing comma" in message:  # the words of Python before 3.13
        assert found in (message, "r:1:11: not valid JSON: expecting value")
    else:
        assert found == message


def test_a_report_of_runs_is_told_from_rows():
    with pytest.raises(FpctlError, match="this is a report of runs, not a rule's output"):
        read_rows('{"runs": []}', "r")


def test_a_renamed_column_is_known_by_its_origin_and_a_foreign_one_by_its_name():
    found = entity_columns(
        ["Host", "RemoteUrl", "SHA256", "Count", "DeviceName"],
        {"Host": [("DeviceNetworkEvents", "DeviceName")], "DeviceName": [("DeviceNetworkEvents", "LocalPort")]},
        FieldMap.packaged(),
    )
    assert found == {
        "Host": EntityColumn("device", "host-name"),
        "RemoteUrl": EntityColumn("url", "url-or-host"),
        "SHA256": EntityColumn("hash", "sha256"),
    }


COLUMNS = {
    "DeviceName": EntityColumn("device", "host-name"),
    "DeviceId": EntityColumn("device", "device-id"),
    "RemoteUrl": EntityColumn("url", "url-or-host"),
    "SHA1": EntityColumn("hash", "sha1"),
    "SHA256": EntityColumn("hash", "sha256"),
    "FileName": EntityColumn("process", "file-name"),
}


def proposed(*rows):
    return [(one.kind, dict(one.match), one.rows) for one in propose(rows, COLUMNS).proposals]


def test_the_same_on_several_devices_is_one_proposal_that_lists_them():
    rows = [{"DeviceName": f"build0{n}", "RemoteUrl": "https://a.contoso.com/x", "FileName": "r.exe"} for n in (2, 1)]
    assert proposed(*rows) == [
        ("together", {"device": ("build01", "build02"), "url": ("a.contoso.com",), "process": ("r.exe",)}, 2),
        ("url", {"url": ("a.contoso.com",)}, 2),
        ("device", {"device": ("build01",)}, 1),
        ("device", {"device": ("build02",)}, 1),
    ]


def test_a_row_gives_the_host_name_before_the_id_and_the_strongest_hash():
    (first, *_) = proposed({"DeviceName": "b", "DeviceId": "a" * 40, "SHA1": SHA1, "SHA256": HASH})
    assert first == ("together", {"device": ("b",), "hash": (HASH,)}, 1)


def test_without_a_stronger_one_the_weaker_hash_stands():
    assert proposed({"SHA1": SHA1, "SHA256": ""}) == [("together", {"hash": (SHA1,)}, 1)]


def test_lists_in_a_cell_are_taken_apart():
    assert proposed({"RemoteUrl": '["a.contoso.com", "b.contoso.com"]'})[0] == (
        "together",
        {"url": ("a.contoso.com", "b.contoso.com")},
        1,
    )


def test_a_proposal_without_device_url_and_hash_is_not_made():
    assert proposed({"FileName": "x.exe"}) == []


def test_an_address_in_the_place_of_a_url_stays_an_address():
    assert proposed({"RemoteUrl": "10.1.2.3:8080"})[0][1] == {"url": ("10.1.2.3",)}
    assert proposed({"RemoteUrl": "2001:DB8::1"})[0][1] == {"url": ("[2001:db8::1]",)}


def test_what_no_exclusion_can_name_is_counted_and_left_out():
    found = propose([{"RemoteUrl": "https://contoso.com@evil.net/"}, {"DeviceName": "two words"}], COLUMNS)
    assert found.proposals == ()
    assert found.left_out == {"device": 1, "url": 1}


def test_the_order_does_not_depend_on_the_order_of_rows():
    rows = [{"DeviceName": f"d{n % 3}", "RemoteUrl": f"h{n % 2}.contoso.com"} for n in range(12)]
    assert proposed(*rows) == proposed(*reversed(rows))


@pytest.mark.parametrize(
    ("text", "numbers"), [("1,3", (1, 3)), ("2-4", (2, 3, 4)), ("3, 1 , 3", (1, 3)), ("all", (1, 2, 3, 4))]
)
def test_proposals_are_chosen_by_number(text, numbers):
    assert parse_choice(text, 4) == numbers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5", "there is no proposal 5: they are numbered 1 to 4"),
        ("0", "there is no proposal 0: they are numbered 1 to 4"),
        ("3-2", "there is no proposal 3-2: they are numbered 1 to 4"),
        ("x", "`x` is not a number: write 1,3, 2-4 or all"),
        ("", "`` is not a number: write 1,3, 2-4 or all"),
    ],
)
def test_what_chooses_nothing_is_refused(text, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_choice(text, 4)


SIGN_INS = [
    {"UserPrincipalName": "svc@contoso.com", "IPAddress": "10.1.2.3", "AppId": APP},
    {"UserPrincipalName": "svc@contoso.com", "IPAddress": "10.1.2.4", "AppId": APP},
    {"UserPrincipalName": "ceo@contoso.com", "IPAddress": "203.0.113.9", "AppId": ""},
    {"UserPrincipalName": "", "IPAddress": "203.0.113.9", "AppId": ""},
]


def test_rows_of_sign_ins_suggest_accounts_with_their_applications_and_addresses():
    columns = entity_columns(SIGN_INS[0], {}, FieldMap.packaged())
    assert {name: one.field for name, one in columns.items()} == {
        "UserPrincipalName": "account", "IPAddress": "ip", "AppId": "app"
    }  # fmt: skip
    found = propose(SIGN_INS, columns, families_of(["SigninLogs"]))
    assert [(one.rows, dict(one.match)) for one in found.proposals] == [
        (2, {"account": ("svc@contoso.com",), "app": (APP,), "ip": ("10.1.2.3", "10.1.2.4")}),
        (1, {"account": ("ceo@contoso.com",), "ip": ("203.0.113.9",)}),
    ]


def test_many_addresses_are_not_listed_where_account_and_application_identify():
    rows = [{**SIGN_INS[0], "IPAddress": f"10.1.2.{last}"} for last in range(1, 30)]
    found = propose(rows, entity_columns(rows[0], {}, FieldMap.packaged()), families_of(["SigninLogs"]))
    assert [dict(one.match) for one in found.proposals] == [{"account": ("svc@contoso.com",), "app": (APP,)}]


def test_identities_in_rows_of_an_endpoint_are_no_proposal():
    columns = entity_columns(SIGN_INS[0], {}, FieldMap.packaged())
    assert propose(SIGN_INS, columns, families_of(["DeviceNetworkEvents"])).proposals == ()
