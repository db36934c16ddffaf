"""Which values a match field takes, and what is said of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.exclusions.scenarios.model import scenarios
from fpctl.fields.registry import FIELDS, NAMES, check_value, key_of

SHA256 = "3230024bc0720327267d24e2b185279d324c26d46ddf2eafc68539657cc294dc"

GOOD = {
    "device": ["build01", "build01.contoso.com", "SRV-*", "*.contoso.com", "a" * 40, "host_1", "é-host", "10-2-3-4"],
    "url": [
        "contoso.com", "https://contoso.com/a/*", "contoso.com:8443/x", "http://10.0.0.1/x", "[2001:db8::1]:443",
        "[2001:db8::1]", "intranet", "xn--bcher-kva.example", "bücher.example", "sub.co.uk", "contoso.com.", "10.0.0.1",
        "_dmarc.contoso.com", "contoso.com/a@b", "https:///contoso.com",
    ],
    "hash": [SHA256, SHA256.upper(), "a" * 40, "0123456789abcdef0123456789ABCDEF"],
    "process": ["msiexec.exe", "my tool.exe", "rport*", "*setup*.exe", "bash", ".profile.exe"],
    "parent_process": ["ConnectWise.ClientService.exe"],
    "command_line": ["shutdown /r", " log ", "a < b > c", 'say "x"', "--flag=*x*"],
    "path": [r"C:\Program Files\Vendor\*", "/opt/agent/", r"\\server\share\x", r"*\Temp\agent.exe"],
    "account": ["NT AUTHORITY\\SYSTEM", "a.rossi@contoso.com", "S-1-5-18"],
    "ip": ["192.0.2.7", "10.1.0.0/16", "2001:db8::/32", "::1", "192.0.2.7/32"],
    "signer": ["Microsoft Corporation", "Contoso, Inc."],
    "port": ["1", "443", "65535"],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in GOOD.items() for value in values])
def test_a_value_that_can_be_meant_is_taken(field: str, value: str) -> None:
    assert check_value(field, value) is None


@pytest.mark.parametrize("field", NAMES)
@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("", "the value is empty; it would match everything", "give a value, or remove the field"),
        (" \t ", "the value is empty; it would match everything", "give a value, or remove the field"),
        ("a\nb", "the value holds the control character U+000A", "remove it"),
        ("a\x00b", "the value holds the control character U+0000", "remove it"),
        ("RMM_TOOL_NAME.exe", "`RMM_TOOL_NAME` is a placeholder", "put the real value in its place"),
        ("known_deployment_hashes", "`known_deployment_hashes` is a placeholder", "put the real value in its place"),
        ("<your value>", "`<your value>` is a placeholder", "put the real value in its place"),
        ("%%NAME%%", "`%%NAME%%` is a placeholder", "put the real value in its place"),
        ("*", "`*` has nothing but wildcards; it would match everything", "name what is to match"),
        ("*.*", "`*.*` has nothing but wildcards; it would match everything", "name what is to match"),
    ],
)
def test_values_that_no_field_takes(field: str, value: str, message: str, hint: str) -> None:
    assert check_value(field, value) == (message, hint)


BAD = [
    ("device", " build01", "the value begins or ends with white space", "write `build01`"),
    ("device", "build01 build02", "a device name has no spaces", "write several devices as a list: [a, b]"),
    ("device", r"CONTOSO\build01", r"`\` cannot be part of a device name",
     "write the host name or the device id alone"),
    ("device", "build01.", "a device name has no empty part before, between or after dots", "write `build01`"),
    ("url", "https://contoso.com@evil.net/", "a URL value has no user name before the host",
     "write `evil.net/`; for a mail address use `account` or `where`"),
    ("url", "a@contoso.com", "a URL value has no user name before the host",
     "write `contoso.com`; for a mail address use `account` or `where`"),
    ("url", "*.contoso.com", "a `*` is not allowed in a URL's host",
     "write `contoso.com`: a domain matches its subdomains too"),
    ("url", "com", "`com` is a whole top-level domain", "name the domain below it"),
    ("url", "https://it/x", "`it` is a whole top-level domain", "name the domain below it"),
    ("url", "co.uk", "`co.uk` is a public suffix, under which anyone can register", "name the domain below it"),
    ("url", "contoso.com/x?y=1", "a URL is matched by host and path, not by its query or fragment",
     "leave out everything from `?` on, or match it with `where`"),
    ("url", "contoso.com:99999", "the URL's port: `99999` is not a port; ports are 1 to 65535", None),
    ("url", "https://contoso.com:/x", "the URL's port: `` is not a port; ports are 1 to 65535", None),
    ("url", "http://", "the URL has no host", "write the domain"),
    ("url", "http:contoso.com", "the URL's scheme is not followed by `//`",
     "write the domain alone, or scheme://host/path"),
    ("url", "contoso..com", "`contoso..com` is not a domain: the part `` is not a host label",
     "write a domain such as contoso.com"),
    ("url", "-a.com", "`-a.com` is not a domain: the part `-a` is not a host label",
     "write a domain such as contoso.com"),
    ("url", r"contoso.com\x", "a URL has no backslashes", "write `/`, or match a file with `path`"),
    ("url", "contoso.com/a b", "a URL has no spaces", "write several URLs as a list, or encode a space as %20"),
    ("url", "2001:db8::1", "`2001:db8::1` is not a host", "write an IPv6 address in brackets: `[2001:db8::1]`"),
    ("url", "[x]", "`[x]` is not an IPv6 address in brackets", "write `[2001:db8::1]`"),
    ("url", "999.1.1.1", "`999.1.1.1` is neither a domain nor an IP address", None),
    ("hash", "abc", "a hash has 32 (MD5), 40 (SHA-1), 64 (SHA-256) hex digits; this has 3 characters", None),
    ("hash", "g" * 64,
     "a hash has 32 (MD5), 40 (SHA-1), 64 (SHA-256) hex digits; this has other characters than hex digits", None),
    ("hash", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
     "this is the hash of the empty file; every empty file would match", "give the hash of the program"),
    ("hash", "0" * 40, "a hash of zeros stands for a hash that is not known", "give the hash of the program"),
    ("process", r"C:\Windows\System32\msiexec.exe", "a process is a file name without its folder",
     "write `msiexec.exe`, and the folder as `path`"),
    ("process", "*.exe", "`*.exe` names no program, only an extension", "name the program"),
    ("process", "a|b", "`|` cannot be part of a file name", None),
    ("command_line", "a", "`a` is in nearly every command line", "give a longer part of the command line"),
    ("command_line", "*a*", "`*a*` is in nearly every command line", "give a longer part of the command line"),
    ("path", "C:\\", "`C:\\` is a whole drive", "name a folder"),
    ("path", "/", "`/` is a whole drive", "name a folder"),
    ("account", "svc-*", "this field takes no `*`", "write the values out as a list, or use `where`"),
    ("ip", "10.0.0.*", "an address takes no `*`", "write the network as a CIDR: 10.1.0.0/16"),
    ("ip", "10.0.0.1/8", "`10.0.0.1/8` has bits set beyond its prefix", "write `10.0.0.0/8`, or the address alone"),
    ("ip", "0.0.0.0/0", "`0.0.0.0/0` is every address", "name a network"),
    ("ip", "::/0", "`::/0` is every address", "name a network"),
    ("ip", "10.0.0.1-10.0.0.9", "a range is not an address", "write the networks that make up the range as CIDRs"),
    ("ip", "fe80::1%eth0", "an address is written without a zone", "write `fe80::1`"),
    ("ip", "010.0.0.1", "`010.0.0.1` is neither an IP address nor a CIDR",
     "write 192.0.2.7, 10.1.0.0/16 or 2001:db8::/32"),
    ("port", "0", "`0` is not a port; ports are 1 to 65535", None),
    ("port", "65536", "`65536` is not a port; ports are 1 to 65535", None),
    ("port", "80-90", "`80-90` is not a port; ports are 1 to 65535", None),
    ("port", "٣", "`٣` is not a port; ports are 1 to 65535", None),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "message", "hint"), BAD)
def test_a_value_that_cannot_be_meant_is_refused(field: str, value: str, message: str, hint: str | None) -> None:
    assert check_value(field, value) == (message, hint)


def test_every_placeholder_of_the_scenarios_is_refused() -> None:
    for scenario in scenarios():
        for placeholder in scenario.placeholders:
            for field in ("process", "parent_process", "hash"):
                problem = check_value(field, placeholder)
                assert problem is not None
                assert problem.message.endswith("is a placeholder")


@pytest.mark.parametrize("field", NAMES)
def test_a_value_with_very_many_wildcards_is_refused(field: str) -> None:
    problem = check_value(field, "ab" + "*c" * 15_000)
    assert problem is not None


@pytest.mark.parametrize("field", ["path", "command_line", "process", "device", "user_agent"])
def test_one_wildcard_may_be_written_as_any_number_of_them(field: str) -> None:
    value = {"path": "C:\\Tools\\x"}.get(field, "build") + "*" * 30_000
    assert check_value(field, value) is None
    key = key_of(field, value)
    assert key is not None
    assert FIELDS[field].covers(key, key)


@given(field=st.sampled_from(NAMES), value=st.text(max_size=30))
def test_any_text_is_judged_without_a_crash(field: str, value: str) -> None:
    problem = check_value(field, value)
    assert problem is None or problem.message
