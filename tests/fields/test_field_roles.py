"""Which values a predicate takes, and which columns can hold them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.samples import COLUMNS, VALUES
from fpctl.fields.registry import FIELDS, check_value, usable_roles
from fpctl.rewrite.predicate import build


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in sorted(VALUES) for value in VALUES[field]])
def test_a_good_value_is_taken(field: str, value: str) -> None:
    assert check_value(field, value) is None


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", ["", "   ", "*", "**", "*.*", "a\x00b", "a\nb"])
def test_an_empty_or_boundless_value_is_refused(field: str, value: str) -> None:
    problem = check_value(field, value)
    assert problem is not None
    assert problem.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("device", "a b"),
        ("device", "build01..contoso.com"),
        ("device", "https://build01"),
        ("url", "com"),
        ("url", "co.uk"),
        ("url", "*.contoso.com"),
        ("url", "*"),
        ("url", "https://user@contoso.com/"),
        ("url", "https://contoso.com@evil.net/"),
        ("url", "contoso.com/a?b=c"),
        ("url", "contoso.com/a#b"),
        ("url", "contoso.com\\a"),
        ("url", "contoso.com/a/../b"),
        ("url", "contoso.com/a/%2E%2e/b"),
        ("url", "contoso.com/<a>"),
        ("url", "contoso.com:99999"),
        ("url", "mailto:a@b.c"),
        ("hash", "abc"),
        ("hash", "z" * 64),
        ("hash", "a" * 63),
        ("hash", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("process", "C:\\Windows\\cmd.exe"),
        ("process", "/bin/sh"),
        ("process", "*.exe"),
        ("path", "C:\\"),
        ("path", "/"),
        ("path", "C:\\**\\*.exe"),
        ("path", "**\\*.ps1"),
        ("path", "Agent\\x.exe"),
        ("path", "%ProgramFiles%\\Agent"),
        ("path", "C:\\Agent\\..\\x"),
        ("path", "~/agent"),
        ("path", "$env:TEMP\\agent"),
        ("account", "CONTOSO\\"),
        ("account", "a\\b\\c"),
        ("account", "@contoso.com"),
        ("account", "svc-*"),
        ("ip", "10.0.0.5/8"),
        ("ip", "10.0.0.256"),
        ("ip", "0.0.0.0/0"),
        ("ip", "::/0"),
        ("ip", "::/64"),
        ("ip", "fe80::1%eth0"),
        ("ip", "10.*"),
        ("port", "0"),
        ("port", "65536"),
        ("port", "https"),
        ("command_line", "a"),
        ("no_field", "a"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(field: str, value: str) -> None:
    problem = check_value(field, value)
    assert problem is not None
    assert problem.message


@pytest.mark.parametrize("path", ["C:\\$Recycle.Bin\\x", "\\\\host\\C$\\tools", "C:\\PROGRA~1\\agent", "/opt/a..b/c"])
def test_a_path_with_unusual_characters_is_taken(path: str) -> None:
    assert check_value("path", path) is None


@pytest.mark.parametrize(
    ("field", "values", "roles"),
    [
        ("device", ["build01"], {"host-name", "resource-id"}),
        ("device", ["build01.contoso.com"], {"host-name"}),
        ("device", ["0123456789abcdef0123456789abcdef01234567"], {"device-id"}),
        ("device", ["build01.x", "6F0C2F4E-9D1A-4B7E-8C3D-2A1B0C9D8E7F"], {"host-name", "device-id"}),
        ("url", ["contoso.com"], {"url", "url-or-host", "domain"}),
        ("url", ["contoso.com/a"], {"url", "url-or-host"}),
        ("hash", ["0f343b0931126a20f133d67c2b018a3b"], {"md5", "hash"}),
        ("account", ["CONTOSO\\svc"], {"account", "account-name", "account-domain"}),
        ("account", ["svc@contoso.com"], {"account", "account-upn"}),
        ("ip", ["10.0.0.1"], {"ip", "ip-endpoint"}),
    ],
)
def test_a_value_tells_the_columns_that_can_hold_it(field: str, values: list[str], roles: set[str]) -> None:
    assert usable_roles(field, values) == roles


@pytest.mark.parametrize("field", sorted(VALUES))
def test_the_roles_of_the_values_are_the_roles_of_the_mapping(field: str) -> None:
    assert usable_roles(field, VALUES[field]) == set(FIELDS[field].roles)


@given(st.sampled_from(sorted(COLUMNS)), st.text(max_size=12) | st.text("ab1.:/@\\\\*-_[]%C ", max_size=12))
def test_every_value_that_the_catalog_accepts_can_be_compared(field: str, value: str) -> None:
    if check_value(field, value) is None:
        assert build([{field: [value]}], {field: COLUMNS[field]}).render()
