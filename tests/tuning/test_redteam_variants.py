"""`fpctl redteam`: which variants get through, by hand-made exclusions whose weak point is known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fpctl.exclusions.window import Window
from fpctl.tuning.raw_condition_event import columns_for
from fpctl.tuning.variants import holds

HASH = "2f4d94d2c7a287785e87423f456ac41968e54a7d65c9d82bea217c26c33340ae"
DAY = ("--on", "2026-11-24")


def put_exclusion(workplace: Path, match: str, more: str = "") -> None:
    head = "id: fp-9\nrules: [rmm-net]\ncreated: 2026-11-01\nexpires: 2027-05-01\n"
    (workplace / "exclusions" / "fp-9.yaml").write_text(f"{head}match: {match}\n{more}")


def tried(fpctl: Callable[..., Any], *more: str) -> dict[str, bool]:
    outcome = fpctl("redteam", "fp-9", *DAY, "--format", "json", *more)
    return {one["variant"]: one["suppressed"] for one in json.loads(outcome.out)["attempts"]}


@pytest.mark.parametrize(
    ("match", "variant", "suppressed"),
    [
        ("{device: [build01], process: [a.exe]}", "a device of the same short name in another domain", True),
        ("{device: [b1.contoso.com], process: [a.exe]}", "a device of the same short name in another domain", False),
        ("{device: [build01], process: [a.exe]}", "a look-alike device name", False),
        ("{device: ['build*'], process: [a.exe]}", "a look-alike device name", True),
        ("{device: [build01], process: [a.exe]}", "another program, renamed to the excluded one", True),
        ("{url: [contoso.com], process: [a.exe]}", "a look-alike domain that begins so", False),
        ("{url: [contoso.com], process: [a.exe]}", "a look-alike domain that ends so", False),
        ("{url: [contoso.com], process: [a.exe]}", "the domain as user name before the real host", False),
        ("{url: [contoso.com], process: [a.exe]}", "a subdomain that the attacker took over", True),
        ("{url: ['https://contoso.com/a'], process: [a.exe]}", "a subdomain that the attacker took over", False),
        ("{url: ['https://contoso.com/a'], process: [a.exe]}", "out of the path by ..", False),
        ("{device: [b1], command_line: [Get-Data.ps1]}", "the excluded text as a comment", True),
        ("{device: [b1], command_line: [Get-Data.ps1]}", "another command line", False),
        ("{device: [b1], path: ['C:\\Tools']}", "a file put below the excluded folder", True),
        ("{device: [b1], path: ['C:\\Tools']}", "a folder whose name begins so", False),
        (f"{{hash: [{HASH}], process: [a.exe]}}", "the program with one byte changed", False),
        ("{device: [b1], account: [svc-x]}", "the same account name in another domain", True),
        ("{device: [b1], process: [a.exe]}", "right after it has expired", False),
    ],
)  # fmt: skip
def test_a_variant_is_suppressed_only_where_the_match_leaves_room(
    fpctl: Callable[..., Any], workplace: Path, match: str, variant: str, suppressed: bool
) -> None:
    put_exclusion(workplace, match)
    assert tried(fpctl)[variant] is suppressed


def test_a_pinned_program_cannot_be_replaced_by_a_renamed_one(fpctl: Callable[..., Any], workplace: Path) -> None:
    put_exclusion(workplace, f"{{hash: [{HASH}], process: [a.exe]}}")
    assert "another program, renamed to the excluded one" not in tried(fpctl)


def test_the_windows_last_minute_is_suppressed_and_the_next_fires(fpctl: Callable[..., Any], workplace: Path) -> None:
    window = 'window: {weekly: ["sun 02:00-04:00"], timezone: Europe/Rome}\n'
    put_exclusion(workplace, "{device: [build01.contoso.com], process: [a.exe]}", window)
    outcome = fpctl("redteam", "fp-9", *DAY, "--format", "json")
    found = {one["variant"]: (one["suppressed"], one["time"]) for one in json.loads(outcome.out)["attempts"]}
    suppressed, last = found["in the window's last minute"]
    assert suppressed
    assert datetime.fromisoformat(last).strftime("%a %H:%M") == "Sun 02:59"
    assert found["just after the window"] == (False, last.replace("02:59", "03:00"))


def test_what_goes_unseen_is_a_finding_with_advice(fpctl: Callable[..., Any], workplace: Path) -> None:
    put_exclusion(workplace, "{device: [build01], process: [a.exe]}")
    outcome = fpctl("redteam", "fp-9", *DAY)
    assert outcome.code == 1
    assert re.search(r"^UNSEEN +another program, renamed to the excluded one", outcome.out, re.MULTILINE)
    assert "hint: name the hash or the signer of the program" in outcome.out
    assert "fires" not in outcome.out


def test_a_tight_exclusion_leaves_nothing_unseen(fpctl: Callable[..., Any], workplace: Path) -> None:
    put_exclusion(workplace, f"{{device: [b1.contoso.com], hash: [{HASH}]}}")
    outcome = fpctl("redteam", "fp-9", *DAY)
    assert outcome.code == 0
    assert outcome.err.endswith(": 0 would go unseen\n")


RAW = "RemotePort == 443 and ActionType in ('ConnectionSuccess', 'x') and InitiatingProcessCommandLine has 'Get-Data'"


def test_an_event_is_made_for_a_raw_condition_and_each_of_its_columns_is_varied(
    fpctl: Callable[..., Any], workplace: Path
) -> None:
    put_exclusion(workplace, f'{{device: [b1], where: "{RAW}"}}')
    found = tried(fpctl)
    assert found["a device of the same short name in another domain"] is True
    assert {name: seen for name, seen in found.items() if "raw condition" in name} == {
        f"another {column} than the raw condition asks for": False
        for column in ("RemotePort", "ActionType", "InitiatingProcessCommandLine")
    }


def test_a_raw_condition_that_asks_for_little_lets_variants_through(fpctl: Callable[..., Any], workplace: Path) -> None:
    put_exclusion(workplace, '{device: [b1], where: "RemotePort == 443 or RemotePort > 0"}')
    assert tried(fpctl)["another RemotePort than the raw condition asks for"] is True


def test_what_no_event_can_be_made_for_is_said_not_to_be_tried(fpctl: Callable[..., Any], workplace: Path) -> None:
    put_exclusion(workplace, "{device: [b1], where: \"RemoteUrl matches regex 'a{3}b'\"}")
    outcome = fpctl("redteam", "fp-9", *DAY)
    assert outcome.code == 2
    word = "no event that the exclusion suppresses can be created for this table (it has a raw condition)"
    assert f"DeviceNetworkEvents: not tried: {word}" in outcome.err


def test_an_alternative_that_cannot_be_tried_is_named_beside_the_others(
    fpctl: Callable[..., Any], workplace: Path
) -> None:
    put_exclusion(workplace, "[{device: [b1]}, {device: [b2], where: \"RemoteUrl matches regex 'a{3}b'\"}]")
    outcome = fpctl("redteam", "fp-9", *DAY)
    assert outcome.code == 1
    assert (
        "not tried: alternative 2: no event that it suppresses can be created (it has a raw condition)" in outcome.err
    )


def test_alternatives_beyond_the_first_ten_are_said_not_to_be_tried(fpctl: Callable[..., Any], workplace: Path) -> None:
    put_exclusion(workplace, f"[{', '.join(f'{{device: [b{number}]}}' for number in range(12))}]")
    assert "not tried: only the first 10 of 12 alternatives" in fpctl("redteam", "fp-9", *DAY).err


@pytest.mark.parametrize(
    ("where", "columns"),
    [
        ("A == 'x' and (B =~ \"y\" or C == 1)", {"A": "x", "B": "y"}),
        ("A has 'x' and A contains 'y' and A has 'X'", {"A": "x y"}),
        ("A > 5 and B < 2.5 and C >= 3", {"A": 6, "B": 1.5, "C": 3}),
        ("A in~ ('p', 'q') and B between (4 .. 9) and C has_all ('u', 'v')", {"A": "p", "B": 4, "C": "u v"}),
        ("isnotempty(A) and tolower(B) == 'z' and C == true", {"A": "x", "B": "z", "C": True}),
        ("A != 'x' and B matches regex 'y' and C == D", {}),
    ],
)
def test_values_are_read_out_of_a_condition(where: str, columns: dict[str, Any]) -> None:
    assert columns_for(where) == columns


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-11-22T23:30:00", True),
        ("2026-11-23T05:59:00", True),
        ("2026-11-23T06:00:00", False),
        ("2026-11-22T21:59:00", False),
    ],
)
def test_a_window_past_midnight_belongs_to_the_day_it_opens(moment: str, inside: bool) -> None:
    window = Window.model_validate({"weekly": ["sun 22:00-06:00"]})
    assert holds(window, datetime.fromisoformat(moment).replace(tzinfo=UTC)) is inside


@pytest.mark.parametrize(
    ("match", "unseen"),
    [
        ("{ip: [10.1.2.3]}", {"another account with the same ip", "another app with the same ip"}),
        ("{account: [svc@contoso.com]}", {"another app with the same account", "another ip with the same account"}),
        ("{account: [svc@contoso.com], ip: [10.1.2.3]}", set()),
    ],
)
def test_who_shares_an_address_or_account_is_tried_where_it_does_not_identify(
    fpctl: Callable[..., Any], workplace: Path, match: str, unseen: set[str]
) -> None:
    (workplace / "rules" / "signin.kql").write_text("SigninLogs\n| where ResultType != '0'\n")
    head = "id: fp-9\nrules: [signin]\ncreated: 2026-11-01\nexpires: 2027-05-01\nbroad: true\napproved_by: m@x.com\n"
    (workplace / "exclusions" / "fp-9.yaml").write_text(f"{head}match: {match}\n")
    outcome = fpctl("redteam", "fp-9", *DAY, "--format", "json")
    found = {one["variant"]: one["needs"] for one in json.loads(outcome.out)["attempts"] if one["unseen"]}
    assert {name for name in found if " with the same " in name} == unseen
    takes = "the account's password" if "account" in match else "a place behind the same address"
    assert {found[name] for name in unseen} == ({takes} if unseen else set())
