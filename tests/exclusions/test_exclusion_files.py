"""Exclusion files: what they may say, and the located message for each thing they may not."""

from __future__ import annotations

import time
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusion_text import read_exclusion
from fpctl.exclusions.loader import ReadFiles, load_exclusions
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import ValueListCache, read_exclusion_file
from fpctl.exclusions.window import Interval, WeeklyHours

FULL = """\
id: fp-2026-0007
title: SCCM patch window on the build servers
scenario: scheduled-patching
rules: [a464ea00-ed87-465f-8269-4b6927d9edfa, "tag:rmm"]   # ids, names, globs
match:                       # all fields must match
  device: [build01, build02.contoso.com]
  process: msiexec.exe
  where: RemotePort != 22
window: {weekly: ["sun 02:00-04:00"], timezone: Europe/Rome}
reason: Monthly OS patching, change CHG0012345
ticket: CHG0012345
owner: a.rossi@contoso.com
created: 2026-11-24
expires: 2027-05-24
approved_by: m.weber@contoso.com
approval: {on: 2026-11-25, rules: {a464: abc}}
status: active
placement: source
notes: |
  Two
  lines
tags: patching
"""

LEAST = "id: a\nrules: '*'\nmatch: {device: b}\n"

NARROW_HINT = (
    "name a device, url or hash, or account and ip, or account and app, or app and ip, or ip and port, "
    "or set `broad: true` and have it approved"
)


def one(text: str) -> Exclusion:
    exclusion, problems = read_exclusion(text, "exclusions/a.yaml")
    assert [str(problem) for problem in problems] == []
    assert exclusion is not None
    return exclusion


def said(text: str) -> list[str]:
    exclusion, problems = read_exclusion(text, "exclusions/a.yaml")
    assert exclusion is None
    return [str(problem) for problem in problems]


def test_a_full_exclusion_is_read() -> None:
    exclusion = one(FULL)
    assert exclusion.rules == ("a464ea00-ed87-465f-8269-4b6927d9edfa", "tag:rmm")
    (alternative,) = exclusion.match
    assert alternative.fields() == {"device": ("build01", "build02.contoso.com"), "process": ("msiexec.exe",)}
    assert alternative.where == "RemotePort != 22"
    assert exclusion.window is not None
    assert exclusion.window.weekly == (WeeklyHours((6,), 120, 240),)
    assert (exclusion.created, exclusion.expires) == (date(2026, 11, 24), date(2027, 5, 24))
    assert exclusion.approval is not None
    assert (exclusion.approval.on, exclusion.approval.rules) == (date(2026, 11, 25), {"a464": "abc"})
    assert (exclusion.placement, exclusion.notes, exclusion.tags) == ("source", "Two\nlines\n", ("patching",))


def test_the_least_exclusion_is_active_and_narrow() -> None:
    exclusion = one(LEAST)
    assert (exclusion.status, exclusion.broad, exclusion.placement, exclusion.expires) == (
        "active",
        False,
        "auto",
        None,
    )


def test_a_list_of_maps_is_alternatives() -> None:
    exclusion = one("id: a\nrules: r\nmatch:\n  - device: b\n  - {url: contoso.com, port: 443}\n")
    assert [a.fields() for a in exclusion.match] == [{"device": ("b",)}, {"url": ("contoso.com",), "port": ("443",)}]


@pytest.mark.parametrize("value", ["no", "yes", "on", "0443", "1e3", "2026-11-24", "0x1f", "1_000", "12:30:45"])
def test_values_stay_the_text_that_was_written(value: str) -> None:
    exclusion = one(f"id: a\nrules: r\nmatch: {{device: b, account: {value}}}\nowner: {value}\n")
    assert exclusion.match[0].account == (value,)
    assert exclusion.owner == value


def message(text: str, hint: str | None = None, at: str = "") -> str:
    return f"exclusions/a.yaml:{at}: error: {text}" + (f"\n  hint: {hint}" if hint else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LEAST + "titel: x\n", message("unknown key `titel`", "did you mean `title`?", "4:1")),
        (LEAST + "expiry: x\n", message("unknown key `expiry`", "did you mean `expires`?", "4:1")),
        (
            "id: a\nrules: r\nmatch: {device: b, parent: x.exe}\n",
            message("unknown key `parent`", "did you mean `parent_process`?", "3:20"),
        ),
        (
            "id: a\nrules: r\nmatch:\n  - device: b\n  - devise: b\n    url: contoso.com\n",
            message("unknown key `devise`", "did you mean `device`?", "5:5"),
        ),
        (
            LEAST + "window: {weekly: daily 01:00-02:00, zone: UTC}\n",
            message("unknown key `zone`", "did you mean `timezone`?", "4:37"),
        ),
        (
            "id: a\nrules: r\nmatch: {device: ''}\n",
            message("the value is empty; it would match everything", "give a value, or remove the field", "3:17"),
        ),
        (
            "id: a\nrules: r\nmatch:\n  device:\n",
            message("the value is empty; it would match everything", "give a value, or remove the field", "4:10"),
        ),
        (
            "id: a\nrules: r\nmatch:\n  device: [b, ~]\n",
            message("the value is empty; it would match everything", "give a value, or remove the field", "4:15"),
        ),
        (
            "id: a\nrules: r\nmatch: {device: []}\n",
            message("the list of values is empty", "give a value, or remove the field", "3:17"),
        ),
        (
            "id: a\nrules: r\nmatch: {}\n",
            message("the match is empty; it would match everything", "name a device, url or hash", "3:8"),
        ),
        (
            "id: a\nrules: r\nmatch: []\n",
            message("`match` is empty; it would match everything", "name a device, url or hash", "3:8"),
        ),
        (
            "id: a\nrules: r\nmatch: everything\n",
            message("`match` is a map of fields, or a list of such maps", "write `match: {device: [build01]}`", "3:8"),
        ),
        (
            "id: a\nrules: r\nmatch: {device: b, process: [RMM_TOOL_NAME.exe]}\n",
            message("`RMM_TOOL_NAME` is a placeholder", "put the real value in its place", "3:30"),
        ),
        (
            "id: a\nrules: r\nmatch: {device: b, where: ' '}\n",
            message(
                "the condition is empty; it would match everything", "give a KQL condition, or remove `where`", "3:27"
            ),
        ),
        (
            "id: a\nrules: r\nmatch: {device: {a: b}}\n",
            message("`device` is a list of values", None, "3:17"),
        ),
        (
            "id: a\nrules: r\nmatch: {process: x.exe}\n",
            message(
                "the match names no device, url or hash",
                NARROW_HINT,
                "3:8",
            ),
        ),
        (
            "id: a\nrules: r\nmatch: [{device: b}, {process: x.exe}]\n",
            message(
                "the match names no device, url or hash",
                NARROW_HINT,
                "3:22",
            ),
        ),
        (
            "id: a\nrules: r\nmatch: {process: x.exe}\nbroad: true\n",
            message(
                "a broad exclusion needs `approved_by`",
                "set `approved_by` to who accepts the risk, or name a device, url or hash",
                "4:8",
            ),
        ),
        (LEAST + "broad: yes\n", message("`yes` is neither true nor false", "write `true` or `false`", "4:8")),
        (
            "rules: r\nmatch: {device: b}\n",
            message("the key `id` is missing", "give a unique id such as fp-2026-0007", "1:1"),
        ),
        (
            "id: a\nmatch: {device: b}\n",
            message("the key `rules` is missing", "name the rules by id, or write `*` for all", "1:1"),
        ),
        (
            "id: a\nrules: r\n",
            message("the key `match` is missing", "say what to match: `match: {device: [build01]}`", "1:1"),
        ),
        (
            "id: a b\nrules: r\nmatch: {device: b}\n",
            message(
                "`a b` cannot be an id",
                "use letters, digits, `.`, `_` and `-`, at most 80, such as fp-2026-0007",
                "1:5",
            ),
        ),
        (
            "id: a\nrules: []\nmatch: {device: b}\n",
            message("`rules` names no rule", "name rules by id, or write `*` for all", "2:8"),
        ),
        (
            "id: a\nrules: [x, '']\nmatch: {device: b}\n",
            message("the rule selector is empty", "name a rule, or write `*` for all", "2:12"),
        ),
        (LEAST + "title:\n", message("`title` is empty", "give a value, or remove the key", "4:7")),
        (LEAST + "owner: [a]\n", message("`owner` takes text here", "write a value, not a list or map", "4:8")),
        (
            LEAST + "created: 24.11.2026\n",
            message("`24.11.2026` is not a date", "write year-month-day: 2027-05-24", "4:10"),
        ),
        (
            LEAST + "expires: 2027-02-30\n",
            message(
                "`2027-02-30` is not a date: day is out of range for month",
                "write year-month-day: 2027-05-24",
                "4:10",
            ),
        ),
        (
            LEAST + "expires: 20270530\n",
            message("`20270530` is not a date", "write year-month-day: 2027-05-24", "4:10"),
        ),
        (
            LEAST + "created: 2027-01-02\nexpires: 2027-01-02\n",
            message(
                "the exclusion expires on 2027-01-02, not after 2027-01-02, the day it is created",
                "give a later `expires`",
                "5:10",
            ),
        ),
        (
            LEAST + "status: actve\n",
            message(
                "`status` is `actve`; it must be one of `draft`, `active`, `shadow`, `retired`",
                "did you mean `active`?",
                "4:9",
            ),
        ),
        (
            LEAST + "placement: nowhere\n",
            message("`placement` is `nowhere`; it must be one of `auto`, `source`, `result`", None, "4:12"),
        ),
        (
            LEAST + "scenario: scheduled-patch\n",
            message("unknown scenario `scheduled-patch`", "did you mean `scheduled-patching`?", "4:11"),
        ),
        (
            LEAST + "window: {weekly: [sunday 02:00-04:00]}\n",
            message(
                "`sunday 02:00-04:00` is not weekly hours",
                "write `sun 02:00-04:00`, `mon-fri 22:00-06:00` or `daily 12:00-13:00`",
                "4:19",
            ),
        ),
        (
            LEAST + "window: {timezone: UTC}\n",
            message("the window names no time", "give `weekly` or `intervals`, or remove `window`", "4:9"),
        ),
        (
            LEAST + "window: {weekly: daily 01:00-02:00, timezone: Europe/Rom}\n",
            message("`Europe/Rom` is not a time zone", "did you mean `Europe/Rome`?", "4:47"),
        ),
        (LEAST + "window: always\n", message("`window` is a map of keys and values", None, "4:9")),
        (LEAST + "id: b\n", message("the key `id` is given twice", "remove one of them", "4:1")),
        ("- a\n", message("an exclusion is a mapping of keys and values", "begin with `id:`", "1:1")),
        ("", message("the file contains no exclusion", "remove it, or begin with `id:`", "1:1")),
        (
            "id: a\n\trules: r\n",
            message(
                "not valid YAML: found a tab character that violates indentation (while scanning a plain scalar)",
                "indent with spaces: YAML does not take tabs there",
                "2:1",
            ),
        ),
        (
            "id: a\0\n",
            message("not valid YAML: the character U+0000 is not allowed", "remove the character", "1:6"),
        ),
    ],
)
def test_each_fault_is_one_message_at_its_place(text: str, expected: str) -> None:
    assert said(text) == [expected]


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("a == 1 | count", "a condition cannot contain `|`"),
        ("a == 1; T", "a condition cannot contain `;`"),
        ("a in (T | project b)", "a condition cannot contain a subquery"),
        ("a = 1", "`=` names a column here; it does not compare"),
        ("1 == 1", "the condition uses no column; it would match every event or none"),
        ("true", "the condition uses no column; it would match every event or none"),
        ("strlen(a)", "`strlen(a)` is of type long, neither true nor false"),
        ("a == 1 and tolower(b)", "`tolower(b)` is of type string, neither true nor false"),
        ("not(strlen(b) + 1)", "`strlen(b) + 1` is of type long, neither true nor false"),
        ("FileName", "`FileName` is of type string, neither true nor false"),
        ("prev(a) == 1", "`prev()` looks at other rows, but a condition is evaluated for each row by itself"),
        (
            "a == 1 or row_number() == 1",
            "`row_number()` looks at other rows, but a condition is evaluated for each row by itself",
        ),
        ("dcount(a) > 1", "`dcount()` aggregates rows, but a condition is evaluated for each row by itself"),
        ("a < rand()", "`rand()` returns a different value each time"),
    ],
)
def test_a_raw_condition_is_one_condition_on_columns(condition: str, text: str) -> None:
    (problem,) = read_exclusion(f"id: a\nrules: r\nmatch: {{device: b, where: '{condition}'}}\n")[1]
    assert (problem.code, problem.message, str(problem.at)) == ("invalid-where", text, "<text>:3:27")


@pytest.mark.parametrize(
    "condition",
    [
        "a",
        "not(IsInitialConnection)",
        "a == 1 or b.c == 2",
        "iff(a, true, false)",
        "a has_any (dynamic([1])) and isnotempty(b)",
    ],
)
def test_a_raw_condition_may_be_whatever_is_true_or_false_of_a_row(condition: str) -> None:
    assert not read_exclusion(f"id: a\nrules: r\nmatch: {{device: b, where: '{condition}'}}\n")[1]


@pytest.mark.parametrize("condition", ["a ==", "a == 1) or (b == 1", 'a == "x'])
def test_a_raw_condition_that_is_not_kql_is_refused(condition: str) -> None:
    (problem,) = read_exclusion(f"id: a\nrules: r\nmatch: {{device: b, where: '{condition}'}}\n")[1]
    assert problem.code == "invalid-where"
    assert problem.message.startswith("not a KQL condition: ")


def test_every_fault_of_a_document_is_reported_at_once() -> None:
    codes = {
        problem.code
        for problem in read_exclusion(
            "id: 'a b'\nmatch: {device: [''], hash: abc, proces: x}\ncreated: x\nstatus: x\nscenario: x\n"
        )[1]
    }
    assert codes == {
        "invalid-id", "missing-key", "empty-value", "invalid-value", "unknown-key", "invalid-date", "unknown-scenario",
    }  # fmt: skip


def test_a_broken_document_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    text = LEAST + "---\nid: b\n---\n" + LEAST.replace("id: a", "id: c")
    found, problems = read_exclusion_file(text, "f.yaml", ValueListCache(tmp_path))
    assert [(loaded.id, loaded.line) for loaded, _ in found] == [("a", 1), ("c", 7)]
    assert {str(problem.at) for problem in problems} == {"f.yaml:5:1"}


def test_byte_order_mark_and_crlf_do_not_disturb() -> None:
    assert one("\ufeff" + FULL.replace("\n", "\r\n")).content_hash() == one(FULL).content_hash()


@pytest.mark.parametrize(
    ("day", "status", "state"),
    [
        ("2026-11-23", "active", "not-yet-valid"),
        ("2026-11-24", "active", "active"),
        ("2027-05-23", "active", "active"),
        ("2027-05-24", "active", "expired"),
        ("2027-01-01", "shadow", "shadow"),
        ("2027-05-24", "shadow", "expired"),
        ("2027-01-01", "draft", "draft"),
        ("2028-01-01", "draft", "draft"),
        ("2028-01-01", "retired", "retired"),
    ],
)
def test_the_state_follows_from_status_and_dates(day: str, status: str, state: str) -> None:
    exclusion = one(FULL.replace("status: active", f"status: {status}"))
    assert exclusion.state(date.fromisoformat(day)) == state


def test_an_exclusion_without_dates_is_always_active() -> None:
    assert one(LEAST).state(date(1999, 1, 1)) == "active"


def test_the_content_hash_ignores_layout_and_sees_every_change() -> None:
    same = "match:\n  device:\n  - b\nrules:\n- '*'\nid: 'a' # c\nstatus: active\n"
    assert one(same).content_hash() == one(LEAST).content_hash()
    changed = {one(LEAST + line).content_hash() for line in ("title: x\n", "status: draft\n", "expires: 2027-01-01\n")}
    assert len(changed | {one(LEAST).content_hash()}) == 4


def test_a_model_made_in_python_is_checked_alike() -> None:
    exclusion = Exclusion.model_validate(
        {"id": "a", "rules": ["*"], "match": {"device": ["b"], "port": 443}, "expires": date(2027, 1, 1)}
    )
    assert exclusion.match[0].fields() == {"device": ("b",), "port": ("443",)}
    with pytest.raises(ValueError, match="it would match everything"):
        Exclusion.model_validate({"id": "a", "rules": ["*"], "match": {"device": [""]}})


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("sun 02:00-04:00", WeeklyHours((6,), 120, 240)),
        ("MON-FRI 22:00-06:00", WeeklyHours((0, 1, 2, 3, 4), 1320, 360)),
        ("fri-mon 00:00-24:00", WeeklyHours((0, 4, 5, 6), 0, 1440)),
        ("mon, wed-thu 08:30 - 09:00", WeeklyHours((0, 2, 3), 510, 540)),
        ("daily 12:00-13:00", WeeklyHours((0, 1, 2, 3, 4, 5, 6), 720, 780)),
    ],
)
def test_weekly_hours_are_read(text: str, hours: WeeklyHours) -> None:
    exclusion = one(LEAST + f"window: {{weekly: '{text}'}}\n")
    assert exclusion.window is not None
    assert exclusion.window.weekly == (hours,)


@pytest.mark.parametrize("text", ["sun 24:00-02:00", "sun 02:60-03:00", "sun 02:00-02:00", "sun 2:00-4:00", "sun", ""])
def test_hours_that_no_clock_shows_are_refused(text: str) -> None:
    assert [p.code for p in read_exclusion(LEAST + f"window: {{weekly: ['{text}']}}\n")[1]] == ["invalid-window"]


def test_intervals_are_read_and_ordered() -> None:
    exclusion = one(LEAST + "window: {intervals: [2026-12-24 18:00/2026-12-27]}\n")
    assert exclusion.window is not None
    assert exclusion.window.intervals == (Interval(datetime(2026, 12, 24, 18), datetime(2026, 12, 27)),)
    assert said(LEAST + "window: {intervals: [2026-12-27/2026-12-24]}\n") == [
        message(
            "`2026-12-27/2026-12-24` ends before it begins",
            "write `2026-12-24 18:00/2026-12-27 06:00`: begin and end with a `/` between",
            "4:22",
        )
    ]


@given(st.text(alphabet="id:rulesmatch{}[]-*&!|>'\"# \n\tab0,?%@", max_size=80))
def test_any_text_gives_an_exclusion_or_problems(text: str) -> None:
    exclusion, problems = read_exclusion(text)
    assert exclusion is not None or any(problem.severity == "error" for problem in problems)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [{'*a,' if not i else f'*b{i - 1},' * 9}]\n" for i in range(20)),
         "alias-bomb"),
        ("[" * 50_000, "too-deep"),
        ("{a: " * 50_000, "too-deep"),
        ("id: x\n" * 100_000, "duplicate-key"),
    ],
)  # fmt: skip
def test_hostile_files_end_soon_with_a_problem(text: str, code: str) -> None:
    begun = time.process_time()
    _, problems = read_exclusion(text)
    assert code in {problem.code for problem in problems}
    assert time.process_time() - begun < 20  # a bound against blow-up, not a speed


def test_reading_one_exclusion_refuses_several() -> None:
    exclusion, problems = read_exclusion(LEAST + "---\n" + LEAST.replace("id: a", "id: b"))
    assert exclusion is None
    assert [str(problem) for problem in problems] == [
        "<text>:5: error: one exclusion is expected here\n  hint: split the text"
    ]


def test_an_unresolved_merge_of_git_is_named(tmp_path):
    text = "id: a\nrules: r\n<<<<<<< HEAD\nmatch: {device: a}\n=======\nmatch: {device: b}\n>>>>>>> other\n"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    (problem,) = load_exclusions(tmp_path).problems
    assert (problem.code, problem.at.line) == ("merge-conflict", 3)
    assert problem.hint == "keep one of the two sides and remove the lines <<<<<<<, ======= and >>>>>>>"


def test_files_that_say_the_same_are_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "hosts.txt").write_text("build07\n")
    (tmp_path / "same.yaml").write_text(LEAST)
    (tmp_path / "changed.yaml").write_text(LEAST.replace("id: a", "id: b"))
    (tmp_path / "gone.yaml").write_text(LEAST.replace("id: a", "id: c"))
    (tmp_path / "listed.yaml").write_text("id: d\nrules: '*'\nmatch: {device: '@lists/hosts.txt'}\n")
    read = ReadFiles()
    first = load_exclusions(tmp_path, read)
    assert [one.id for one in first.exclusions] == ["a", "b", "c", "d"]
    (tmp_path / "changed.yaml").write_text(LEAST.replace("id: a", "id: b").replace("device: b", "device: x"))
    (tmp_path / "gone.yaml").unlink()
    (tmp_path / "lists" / "hosts.txt").write_text("build08\n")
    again = load_exclusions(tmp_path, read)
    assert again == load_exclusions(tmp_path)
    assert again.exclusions[0] is first.exclusions[0]
    assert [one.exclusion.match[0].device for one in again.exclusions] == [("b",), ("x",), ("build08",)]
    (tmp_path / "gone.yaml").write_text(LEAST)
    with_two = load_exclusions(tmp_path, read)
    assert [one.id for one in with_two.exclusions] == ["b", "d"]
    assert [problem.code for problem in with_two.problems] == ["duplicate-id", "duplicate-id"]
