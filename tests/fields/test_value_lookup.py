"""Looking an exclusion up by a value: the rules of the clauses, applied to one value."""

from __future__ import annotations

from datetime import date

import pytest

from fpctl.errors import FpctlError
from fpctl.exclusions.exclusion_query import ExclusionQuery, find_exclusions, matching_fields, parse_states
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.fields.registry import names_value as names

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("field", "pattern", "value"),
    [
        ("device", "build01", "BUILD01.contoso.com"),
        ("device", "build01.contoso.com", "build01"),
        ("device", "build*", "build77.contoso.com"),
        ("device", "*.contoso.com", "x.contoso.com"),
        ("url", "contoso.com", "https://a.b.Contoso.com:8443/x?y"),
        ("url", "https://contoso.com/api", "http://contoso.com/api/v2"),
        ("url", "https://contoso.com/api/", "http://contoso.com/api"),
        ("url", "contoso.com/*/v2", "contoso.com/api/v2/x"),
        ("hash", "ABCD", "abcd"),
        ("process", "msiexec.exe", r"C:\Windows\System32\MSIEXEC.EXE"),
        ("process", "ms*.exe", "msiexec.exe"),
        ("parent_process", "x.exe", "/opt/x.exe"),
        ("command_line", "shutdown /r", "cmd /c shutdown /r /t 0"),
        ("path", r"C:\Tools", r"c:\tools\a\b.exe"),
        ("path", r"C:\*\bin", r"C:\git\bin\x.exe"),
        ("path", r"C:\Users\**\x.exe", r"C:\Users\a\b\x.exe"),
        ("account", "svc", r"CONTOSO\svc"),
        ("account", r"contoso\svc", r"CONTOSO\SVC"),
        ("ip", "10.0.0.0/8", "10.1.2.3"),
        ("ip", "2001:db8::/32", "2001:db8::1"),
        ("port", "443", "443"),
        ("signer", "Contoso Ltd", "contoso ltd"),
    ],
)
def test_a_value_that_the_exclusion_names_is_found(field, pattern, value):
    assert names(field, pattern, value)


@pytest.mark.parametrize(
    ("field", "pattern", "value"),
    [
        ("device", "build01", "build010"),
        ("device", "build01.contoso.com", "build01.evil.net"),
        ("device", "build01", ""),
        ("url", "contoso.com", "evilcontoso.com"),
        ("url", "contoso.com", "contoso.com.evil.net"),
        ("url", "contoso.com", "https://contoso.com@evil.net/"),
        ("url", "https://contoso.com/api", "https://contoso.com/apis"),
        ("url", "https://contoso.com/api", "https://www.contoso.com/api"),
        ("process", "msiexec.exe", "notmsiexec.exe"),
        ("path", r"C:\Tools", r"C:\Toolset\x.exe"),
        ("path", r"C:\*\bin", r"C:\a\b\bin"),
        ("account", r"contoso\svc", r"fabrikam\svc"),
        ("ip", "10.0.0.0/8", "11.1.2.3"),
        ("ip", "10.0.0.0/8", "build01"),
        ("ip", "10.0.0.0/8", "2001:db8::1"),
        ("port", "443", "4430"),
    ],
)
def test_a_value_that_the_exclusion_does_not_name_is_not_found(field, pattern, value):
    assert not names(field, pattern, value)


def loaded(id: str, **keys) -> LoadedExclusion:
    exclusion = Exclusion(id=id, rules=["*"], match=keys.pop("match", {"device": "build01"}), **keys)
    return LoadedExclusion(exclusion, f"{id}.yaml", 1, exclusion.content_hash())


def ids(criteria: ExclusionQuery, *exclusions: LoadedExclusion) -> list[str]:
    return [one.loaded.id for one in find_exclusions(exclusions, criteria, TODAY)]


def test_the_fields_in_which_a_value_was_found_are_told_once():
    exclusion = Exclusion(
        id="x",
        rules=["*"],
        match=[{"device": "srv", "where": 'Note == "srv"'}, {"device": ["a", "srv"], "process": "srv"}],
    )
    assert matching_fields(exclusion, "SRV") == ("device", "where", "process")


def test_expiring_are_those_in_force_that_end_soon_the_soonest_first():
    late = loaded("late", expires="2026-12-20")
    soon = loaded("soon", expires="2026-11-25")
    over = loaded("over", expires="2026-11-24")
    draft = loaded("draft", expires="2026-11-25", status="draft")
    never = loaded("never")
    far = loaded("far", expires="2027-11-25")
    assert ids(ExclusionQuery(expiring=30), late, soon, over, draft, never, far) == ["soon", "late"]
    assert [one.days_left for one in find_exclusions([soon], ExclusionQuery(expiring=30), TODAY)] == [1]


def test_owner_and_scenario_are_asked_for_by_text_or_by_none():
    mine = loaded("mine", owner="A.Rossi@contoso.com", scenario="remote-reboot")
    nobody = loaded("nobody")
    assert ids(ExclusionQuery(owner="rossi"), mine, nobody) == ["mine"]
    assert ids(ExclusionQuery(owner="none"), mine, nobody) == ["nobody"]
    assert ids(ExclusionQuery(scenario="remote-reboot"), mine, nobody) == ["mine"]
    assert ids(ExclusionQuery(scenario="remote"), mine, nobody) == []


def test_states_are_words_and_an_unknown_one_is_refused():
    assert parse_states("expired, active") == ("active", "expired")
    with pytest.raises(FpctlError) as caught:
        parse_states("actve")
    assert str(caught.value) == (
        "`actve` is not a valid status\n  hint: one of active, shadow, not-yet-valid, draft, expired, retired"
    )
