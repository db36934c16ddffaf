"""One value covers another only if it matches all that the other matches: against the independent matcher."""

# Messages and values are kept whole.
# ruff: noqa: E501

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fields.matcher import field_matches
from fpctl.fields.registry import FIELDS, key_of
from fpctl.rewrite.predicate import BoundColumn

SHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
MD5 = "0f343b0931126a20f133d67c2b018a3b"
GUID = "6f0c2f4e-9d1a-4b7e-8c3d-2a1b0c9d8e7f"

ROLES = {
    "device": ("host-name", "device-id", "resource-id"),
    "url": ("url-or-host", "domain"),
    "hash": ("md5", "sha1", "sha256", "hash"),
    "process": ("file-name", "file-path", "windows-path"),
    "command_line": ("command-line",),
    "parent_command_line": ("command-line",),
    "path": ("file-path",),
    "registry_key": ("registry-key",),
    "app": ("app-name", "app-id", "app-number"),
    "user_agent": ("user-agent",),
    "account": ("account-name", "account-domain", "account-upn", "account-sid", "account-id", "account"),
    "ip": ("ip", "ip-endpoint"),
    "signer": ("signer",),
    "port": ("port",),
}
COLUMNS = {field: [BoundColumn(role, "string", role) for role in roles] for field, roles in ROLES.items()}

# (wide, narrow): the first covers the second.
COVERED = {
    "device": [
        ("build01", "BUILD01"), ("build01", "build01.contoso.com"), ("build*", "build01"), ("build*", "build0*"),
        ("build*", "build01.contoso.com"), ("build*", "build*.contoso.com"), ("*.contoso.com", "a.b.contoso.com"),
        ("*.contoso.com", "*.emea.contoso.com"), ("b*1", "build01"), ("b*1", "b*0*1"), (SHA1, SHA1.upper()),
    ],
    "url": [
        ("contoso.com", "deploy.contoso.com"), ("contoso.com", "https://a.b.contoso.com/x"), ("contoso.com", "CONTOSO.com."),
        ("contoso.com", "contoso.com:8443"), ("contoso.com/a", "https://contoso.com/a/b"), ("contoso.com/a/", "contoso.com/A"),
        ("contoso.com:80", "x.contoso.com:80"), ("https://contoso.com", "http://contoso.com/a"), ("contoso.com/a/*/c", "contoso.com/a/b/c/d"),
        ("contoso.com/a/**", "contoso.com/a/b/c"), ("contoso.com/a/**/z", "contoso.com/a/*/z"), ("http://[2001:db8::1]", "[2001:db8::1]/x"),
        ("contoso.com/a", "contoso.com/a/*"), ("10.0.0.1", "http://10.0.0.1:80/x"),
    ],
    "hash": [(SHA1, SHA1.upper()), (MD5, MD5.upper())],
    "process": [("setup*.exe", "setup1.exe"), ("*agent*", "my_agent2.exe"), ("a*", "a*b"), ("Setup.EXE", "setup.exe")],
    "command_line": [("shutdown", "shutdown /r"), ("a*d", "abcd"), ("*log*", "catalog"), ("bc", "a*bc"), ("a*c", "xa*bcd")],
    "path": [
        ("C:\\Tools", "c:\\tools\\x.exe"), ("C:\\Tools\\", "C:\\Tools"), ("C:\\*\\bin", "C:\\a\\bin\\x"), ("/opt", "/opt/agent/bin"),
        ("C:\\**\\bin", "C:\\a\\b\\bin"), ("**\\bin", "C:\\*\\bin"), ("C:\\a*", "C:\\ab*\\c"),
    ],
    "account": [("svc", "CONTOSO\\SVC"), ("CONTOSO\\svc", "contoso\\Svc"), ("a@b.c", "A@B.C"), (GUID, GUID.upper())],
    "ip": [
        ("10.0.0.0/8", "10.1.2.3"), ("10.0.0.0/8", "10.1.0.0/16"), ("::ffff:10.0.0.5", "10.0.0.5"), ("2001:db8::/32", "2001:db8::1"),
        ("10.0.0.5/32", "10.0.0.5"),
    ],
    "signer": [("Contoso Ltd.", "contoso LTD.")],
    "parent_command_line": [("ccmexec", "CcmExec /service"), ("a*d", "abcd")],
    "registry_key": [
        ("HKLM\\SOFTWARE\\Contoso", "HKEY_LOCAL_MACHINE\\software\\contoso\\Agent"), ("\\REGISTRY\\MACHINE\\SYSTEM\\X", "HKLM\\SYSTEM\\X"),
        ("HKU\\*\\SOFTWARE\\X", "HKEY_USERS\\S-1-5-21-1\\SOFTWARE\\X\\y"), ("**\\Run", "HKLM\\*\\Run"),
    ],
    "app": [(GUID, GUID.upper()), ("Contoso Backup", "contoso backup")],
    "user_agent": [("python-requests/*", "Python-Requests/2.31"), ("*sync*", "a*sync"), ("curl/8.5", "CURL/8.5")],
    "port": [("443", "0443")],
}  # fmt: skip

APART = {
    "device": [
        ("build01", "build010"), ("build01.contoso.com", "build01"), ("build01.contoso.com", "build01.evil.example"),
        ("build01", "build01*"), ("build01", "*.contoso.com"), ("*.contoso.com", "contoso.com"), ("b*d", "b*"), (SHA1, "a9993e"),
        ("build*", "*.contoso.com"), ("buil*.contoso.com", "build01"),
    ],
    "url": [
        ("deploy.contoso.com", "contoso.com"), ("https://contoso.com", "contoso.com"), ("contoso.com", "evilcontoso.com"),
        ("contoso.com:80", "contoso.com"), ("contoso.com/a", "contoso.com"), ("contoso.com/a", "contoso.com/ab"),
        ("contoso.com/a", "x.contoso.com/a"), ("contoso.com/a/*", "contoso.com/a/**"), ("contoso.com/a*b", "contoso.com/a/b"),
        ("example", "bücher.example"), ("contoso.com/*/b", "contoso.com/**/b"),
    ],
    "hash": [(SHA1, MD5)],
    "process": [("setup.exe", "setup*.exe"), ("a*b", "a*"), ("setup1.exe", "setup.exe")],
    "command_line": [("shutdown /r", "shutdown"), ("a*b*c", "a*c"), ("ab", "a*b")],
    "path": [
        ("C:\\Tools", "C:\\ToolsX"), ("C:\\Tools\\x", "C:\\Tools"), ("C:\\*\\bin", "C:\\a\\b\\bin"), ("C:\\*\\bin", "C:\\**\\bin"),
        ("C:\\a", "C:\\a*"), ("/opt/a", "/opt"), ("C:\\Tools\\*", "C:\\Tools"),
    ],
    "account": [("CONTOSO\\svc", "svc"), ("svc", "svc@contoso.com"), ("A\\svc", "B\\svc")],
    "ip": [("10.1.0.0/16", "10.0.0.0/8"), ("10.0.0.5", "10.0.0.50"), ("2001:db8::/32", "10.0.0.5")],
    "signer": [("Contoso", "Contoso Ltd.")],
    "parent_command_line": [("ccmexec /service", "ccmexec")],
    "registry_key": [("HKLM\\SOFTWARE\\Contoso", "HKLM\\SOFTWARE\\Contoso2"), ("HKLM\\SOFTWARE\\X", "HKCU\\SOFTWARE\\X"), ("HKU\\*\\X", "HKU\\a\\b\\X")],
    "app": [("Contoso", "Contoso Backup")],
    "user_agent": [("curl/8.5", "curl/*"), ("python-requests/*", "my python-requests/2")],
    "port": [("443", "8443")],
}  # fmt: skip

SAMPLES = {
    "device": [
        "build01", "build01.contoso.com", "build010", "a.b.contoso.com", "contoso.com", ".contoso.com", "b.x.contoso.com", SHA1,
        "/x/virtualMachines/build01", "build01.evil.example", "bd", "build.x.contoso.com",
    ],
    "url": [
        "https://contoso.com/", "contoso.com", "https://a.contoso.com:8443/a/b/c?x=1", "http://contoso.com:80/a/x/c", "contoso.com/a/b/z",
        "https://contoso.com@evil.net/", "evilcontoso.com", "https://bücher.example/", "xn--bcher-kva.example", "http://10.0.0.1:80/x",
        "contoso.com/a/../b", "https://x.contoso.com/a/b", "contoso.com/ab", "contoso.com.", "http://[2001:db8::1]/x", "contoso.com/a//b",
    ],
    "hash": [SHA1, MD5, SHA1.upper()],
    "process": ["setup.exe", "setup1.exe", "C:\\x\\setup.exe", "my_agent2.exe", "/opt/ab", "a/b", "aXb"],
    "command_line": ["shutdown /r /t 0", "abcd", "a\nb c", "catalog", "xaQQbcdz", "ab"],
    "path": [
        "C:\\Tools", "C:\\Tools\\x.exe", "C:\\ToolsX", "C:\\a\\bin\\x", "C:\\a\\b\\bin", "/opt/agent/bin", "/opt\\x", "C:\\ab/c", "C:\\abc\\c",
    ],
    "account": ["svc", "contoso\\svc", "evil\\svc", "a@b.c", GUID, "contoso", "S-1-5-21-1"],
    "ip": ["10.0.0.5", "10.1.2.3", "::ffff:10.0.0.5", "2001:db8::1", "10.0.0.5:443", "[2001:db8::1]:80", "192.0.2.1"],
    "signer": ["Contoso Ltd.", "contoso ltd."],
    "parent_command_line": ["C:\\x\\ccmexec.exe /service", "abcd", "xaQd"],
    "registry_key": [
        "HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\\a", "\\REGISTRY\\MACHINE\\SYSTEM\\X", "HKU\\S-1-5-21-1\\SOFTWARE\\X\\y", "HKLM\\a\\Run",
        "HKLM\\a\\b\\Run\\x", "HKLM\\SOFTWARE\\Contoso2",
    ],
    "app": [GUID, "contoso backup", "11161"],
    "user_agent": ["python-requests/2.31", "x sync y", "curl/8.5", "curl/8.50"],
    "port": ["443", "8443"],
}  # fmt: skip

EXAMPLES = 60
LETTERS = "abyz01é"
ALPHABETS = {
    "device": LETTERS + ".-*", "url": "ab1.:/*-", "process": LETTERS + ". +[*", "command_line": LETTERS + " /\\*[",
    "path": LETTERS + "\\/*. (", "account": LETTERS + "\\@-.", "signer": LETTERS + ". ",
}  # fmt: skip


def rows(field: str, text: str) -> list[dict[str, str | None]]:
    """Return a row in which one column holds a text, for each column, and one in which all do."""
    names = ROLES[field]
    found: list[dict[str, str | None]] = [{name: text if name == held else None for name in names} for held in names]
    found.append(dict.fromkeys(names, text))
    if field == "account":
        head, _, tail = text.rpartition("\\")
        found.append({**dict.fromkeys(names, None), "account-name": tail, "account-domain": head})
    return found


def covers(field: str, wide: str, narrow: str) -> bool:
    one, other = key_of(field, wide), key_of(field, narrow)
    assert one is not None, wide
    assert other is not None, narrow
    return FIELDS[field].covers(one, other)


def check_sound(field: str, wide: str, narrow: str, texts: list[str]) -> None:
    """Every text that the narrow value matches, the wide one matches."""
    for text in texts:
        for row in rows(field, text):
            if field_matches(field, narrow, COLUMNS[field], row):
                assert field_matches(field, wide, COLUMNS[field], row), f"{wide} / {narrow} on {row}"


@pytest.mark.parametrize(("field", "wide", "narrow"), [(f, *pair) for f, pairs in COVERED.items() for pair in pairs])
def test_a_wider_value_covers_a_narrower_one(field: str, wide: str, narrow: str) -> None:
    assert covers(field, wide, narrow)
    check_sound(field, wide, narrow, [narrow, narrow.replace("*", "x"), *SAMPLES[field]])


@pytest.mark.parametrize(("field", "wide", "narrow"), [(f, *pair) for f, pairs in APART.items() for pair in pairs])
def test_a_value_does_not_cover_what_it_does_not_match(field: str, wide: str, narrow: str) -> None:
    assert not covers(field, wide, narrow)


@st.composite
def values(draw: st.DrawFn, field: str) -> str:
    """A value that the field accepts."""
    listed = [value for pair in (*COVERED[field], *APART[field]) for value in pair]
    alphabet = ALPHABETS.get(field)
    options = [st.sampled_from(listed)]
    if alphabet:
        options.append(st.text(alphabet, min_size=1, max_size=7))
        # Two values are seldom related by chance: a part of one is often a part of the other.
        options.append(st.builds("{}{}".format, st.sampled_from(listed), st.text(alphabet, max_size=3)))
        options.append(st.builds("{}{}".format, st.text(alphabet, max_size=2), st.sampled_from(listed)))
    if field == "url":
        options.append(st.builds("a.b1/{}".format, st.text("ab1*/", max_size=6)))
        options.append(st.builds("{}a.b1".format, st.sampled_from(["", "a.", "b.a.", "https://", "a-1."])))
    if field == "path":
        options.append(st.builds("C:\\{}".format, st.text("ab*\\/", min_size=1, max_size=7)))
    if field == "device":
        options.append(st.text("ab*.", min_size=1, max_size=6))
    if field == "ip":
        options.append(st.builds("{}.{}.0.0/16".format, st.integers(0, 3), st.integers(0, 3)))
        options.append(st.builds("{}.0.0.0/7".format, st.sampled_from([0, 2, 10])))
        options.append(st.builds("{}.{}.0.1".format, st.integers(0, 3), st.integers(0, 3)))
    return draw(st.one_of(options).filter(lambda value: key_of(field, value) is not None))


@st.composite
def texts_of(draw: st.DrawFn, field: str, value: str) -> str:
    """A text that the value matches, or nearly so."""
    filling = (ALPHABETS.get(field) or "01").replace("*", "")
    text = re.sub(r"\*+", lambda _: draw(st.text(filling, max_size=3)), value)
    before, after = draw(st.text(filling, max_size=3)), draw(st.text(filling, max_size=3))
    if field == "url":
        return draw(
            st.sampled_from(
                [text, f"https://{text}", f"{before}.{text}", f"{text}/{after}", f"http://{text}:8/{after}"]
            )
        )
    if field == "ip" and "/" in text:
        return text.partition("/")[0].removesuffix("0") + str(draw(st.integers(0, 255)))
    return draw(
        st.sampled_from([text, text.upper(), before + text, text + after, f"{text}\\{after}", f"{text}.{after}"])
    )


@pytest.mark.parametrize("field", sorted(ALPHABETS | {"ip": ""}))
def test_what_is_said_to_cover_does(field: str) -> None:
    @settings(max_examples=EXAMPLES)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        wide, narrow = data.draw(values(field)), data.draw(values(field))
        for one, other in ((wide, narrow), (narrow, wide)):
            if covers(field, one, other):
                check_sound(field, one, other, [data.draw(texts_of(field, other)) for _ in range(6)] + SAMPLES[field])

    run()


@pytest.mark.parametrize("field", sorted(ROLES))
def test_what_is_looked_up_is_what_covers(field: str) -> None:
    """`above` yields every key without wildcards that covers another, and only such."""

    @settings(max_examples=EXAMPLES)
    @given(values(field), values(field))
    def run(wide: str, narrow: str) -> None:
        kind, one, other = FIELDS[field], key_of(field, wide), key_of(field, narrow)
        assert one is not None
        assert other is not None
        above = set(kind.above(other))
        if not kind.is_pattern(one):
            assert (one in above) is kind.covers(one, other)
        elif kind.covers(one, other):
            assert kind.piece(one) in kind.text(other)

    run()


@given(st.text("ab*", max_size=8), st.text("ab*", max_size=8), st.text("abc", max_size=10))
@example("a*b", "a*a*b", "aab")
def test_a_pattern_holds_another_exactly_where_its_texts_are_all_in_it(wide: str, narrow: str, text: str) -> None:
    from fpctl.fields.matching.containment import holds

    def has(pattern: str, text: str) -> bool:
        return re.fullmatch(pattern.replace("*", ".*"), text) is not None

    if holds(wide, narrow):
        assert not has(narrow, text) or has(wide, text)
    else:
        # Some text tells them apart: the one in which each wildcard is a letter that the other has not.
        witness = narrow.replace("*", "c")
        assert has(narrow, witness)
        assert not has(wide, witness)
