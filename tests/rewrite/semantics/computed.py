"""Queries made at random in which groups are compared by what was computed from their rows."""

from __future__ import annotations

from rewrite.semantics.drawing import EVENTS, Drawing

COMPARISONS = (">", ">=", "<", "<=", "==", "!=")


def computed(draw: Drawing) -> str:
    """Groups of events, with a condition on what was computed from them, or one event picked from each."""
    table = draw.pick(EVENTS)
    key, other = draw.random.sample(["DeviceName", *_others(table)], 2)
    if draw.chance(25):
        return f"{table}\n| summarize {_pick(draw, other)} by {key}{draw.pick(('', f' | where isnotempty({key})'))}"
    if draw.chance(15):
        return f"{table}\n| {draw.pick(('top 2 by Timestamp', 'sort by Timestamp asc, DeviceName asc | take 2'))}"
    if draw.chance(25):
        return _joined(draw, table, key, other)
    made, conditions = _aggregate(draw, table, other)
    middle, condition = draw.random.choice(conditions)
    body = f"{table}\n| summarize n_a = {made} by {key}"
    if middle:
        body += f"\n| {middle.replace('KEY', key)}"
    return f"{body}\n| where {condition}\n| project {key}"


def _joined(draw: Drawing, table: str, key: str, other: str) -> str:
    """Return groups that meet another table: by their keys, by what was computed, or as a list."""
    column = draw.pick(("Subject", "SenderFromAddress"))
    mails = f"(EmailEvents | project {column}, Timestamp)"
    compare = f"{draw.pick(COMPARISONS)} {draw.pick(('1', '2', '3'))}"
    kind = draw.pick(("", "kind=innerunique ", "kind=inner ", "kind=leftouter "))
    meet = f"join {kind}{mails} on $left.{key} == $right.{column}"
    counted = f"{table}\n| summarize n_a = count() by {key}"
    files = (
        f"(DeviceFileEvents | distinct k = {draw.pick(('FileName', 'InitiatingProcessFileName'))}, Host = DeviceName)"
    )
    return draw.pick(
        (
            f"{table}\n| {meet}",
            f"{table}\n| project {key}\n| {meet}",
            f"{table}\n| project {key}, {other}\n| {meet}",
            f"{table}\n| distinct {key}, {other}\n| {meet}\n| distinct {key}",
            f"{counted}\n| {meet}",
            f"{counted}, {other}\n| {meet}\n| project {key}, {column}",
            f"{counted}\n| {meet}\n| summarize n_b = count() by {key}, n_a\n| where n_b {compare}\n| project {key}",
            f"{counted}, {other}\n| summarize n_b = count() by {key}, n_a\n| where n_b {compare}\n| project {key}",
            f"{counted}\n| distinct {key}, n_a\n| project {key}",
            f"{table}\n| summarize n_a = count() by Host = {key}\n| where n_a {compare}\n| project Host",
            f"{table}\n| project-rename Host = {key}\n| summarize n_a = count() by Host\n"
            f"| where n_a {compare}\n| project Host",
            f"{table}\n| project a = {other}\n| join kind=inner {files} on $left.a == $right.k\n"
            f"| summarize n_a = count() by Host\n| where n_a {compare}\n| project Host",
            f"EmailEvents\n| where {column} {draw.pick(('in', 'has_any'))} (({table} | summarize make_set({key})))",
            f"EmailEvents\n| where {column} in (({table} | summarize n_a = {draw.pick(('max', 'min'))}({key})))",
        )
    )


def _others(table: str) -> tuple[str, ...]:
    return {
        "DeviceProcessEvents": ("FileName", "AccountName"),
        "DeviceNetworkEvents": ("InitiatingProcessFileName", "RemoteUrl"),
        "DeviceFileEvents": ("FileName", "InitiatingProcessFileName"),
    }[table]


def _pick(draw: Drawing, other: str) -> str:
    return draw.pick(
        (
            "arg_max(Timestamp, *)", f"arg_min(Timestamp, {other})", f"take_any({other})",
            "arg_max(Timestamp, DeviceName)",
            f"any({other})", f"n_rows = count(), take_any({other})",
        )
    )  # fmt: skip


def _aggregate(draw: Drawing, table: str, other: str) -> tuple[str, list[tuple[str, str]]]:
    """Return an aggregate, with steps behind it and conditions on what they give."""
    compare = f"{draw.pick(COMPARISONS)} {draw.pick(('0', '1', '2', '3'))}"
    words = draw.pick(("a", "build01", "msiexec.exe", "1"))
    kind = draw.pick(("number", "number", "sum", "set", "set"))
    if kind == "set":
        return draw.pick((f"make_set({other})", f"make_list({other})")), [
            ("", f"array_length(n_a) {compare}"),
            ("project KEY, array_length(n_a)", f"Column1 {compare}"),
            ("", f'strcat_array(n_a, ",") {draw.pick(("startswith", "has", "endswith", "=="))} "{words}"'),
            ("", f'n_a {draw.pick(("has", "!has", "contains"))} "{words}"'),
            ("", f'tostring(n_a) {draw.pick(("has", "!has", "contains", "=="))} "{words}"'),
            ("", f'set_has_element(n_a, "{words}")'),
            ("", f'not(set_has_element(n_a, "{words}"))'),
            ("mv-apply n_a to typeof(string) on (summarize n_c = count())", f"n_c {compare}"),
            ("mv-apply n_b = n_a to typeof(string) on (top 1 by n_b asc)", f'n_b == "{words}"'),
            ("mv-apply n_b = n_a to typeof(string) on (where n_b has 'e' | summarize n_c = count())", f"n_c {compare}"),
            ("mv-expand n_a to typeof(string)", f'n_a has "{words}"'),
            ("mv-expand n_a to typeof(string) | summarize n_c = count() by KEY", f"n_c {compare}"),
            ("", f'isempty(n_a[{draw.pick(("0", "1"))}])'),
            ("extend n_b = tostring(n_a[0])", f'n_b == "{words}"'),
            ("", f'array_length(set_difference(n_a, dynamic(["{words}"]))) {compare}'),
            ("", f'array_length(set_difference(dynamic(["{words}"]), n_a)) {compare}'),
        ]  # fmt: skip
    if kind == "sum":
        number = {"DeviceProcessEvents": "ProcessId", "DeviceNetworkEvents": "RemotePort"}.get(table)
        summed = draw.pick((f'iff({other} has "{words}", 1, -1)', "1", f'toint({other} has "{words}")', number or "2"))
    made = {
        "sum": lambda: f"sum({summed})",
        "number": lambda: draw.pick(
            ("count()", f"dcount({other})", f'countif({other} has "{words}")', "max(Timestamp)")
        ),
    }[kind]()
    if made == "max(Timestamp)":
        return made, [("", "n_a < ago(2h)"), ("", "n_a > ago(2h)"), ("extend n_b = now() - n_a", "n_b > 2h")]
    return made, [
        ("", f"n_a {compare}"),
        ("", f"n_a * {draw.pick(('2', '-1'))} {compare}"),
        ("", f"n_a * -1 {draw.pick(COMPARISONS)} -{draw.pick(('1', '2'))}"),
        ("", f"n_a / 2 {compare}"),
        ("", f"n_a - 1 {compare}"),
        ("", f"3 - n_a {compare}"),
        ("", f'tostring(n_a) {draw.pick(("endswith", "==", "has"))} "{draw.pick(("1", "2"))}"'),
        ("project KEY, tostring(n_a)", 'n_a endswith "1"'),
        (f"extend n_flag = n_a {compare}", draw.pick(("n_flag", "not(n_flag)", "n_flag == false"))),
        (f"extend n_flag = iff(n_a {compare}, 'low', 'high')", "n_flag == 'low'"),
        (f"extend n_flag = iff(n_a {compare}, 1, 0)", "n_flag == 0"),
        ("", f"column_ifexists('n_a', 0) {compare}"),
        ("", f"n_a in ({draw.pick(('1', '1, 2', '2'))})"),
        ("", f"n_a between (1 .. {draw.pick(('1', '2', '9'))})"),
        ("summarize n_b = count() by n_a, KEY", f"n_b {compare}"),
        ("summarize n_b = make_list(n_a) by KEY | extend n_c = series_stats_dynamic(n_b)", "toint(n_c.max) < 3"),
        ("sort by KEY asc | extend n_b = prev(n_a)", f"n_b {compare}"),
        ("extend n_b = n_a, n_c = 1 | project-rename n_d = n_b", f"n_d {compare}"),
        ("project-rename n_b = n_a", f"n_b {compare}"),
        ("as Groups | extend n_b = n_a", f"n_b {compare}"),
        ("serialize n_b = row_number()", f"n_b {compare}"),
        ("extend n_t = strcat('x', n_a) | parse n_t with 'x' n_b:long", f"n_b {compare}"),
        ("extend n_b = case(n_a > 2, 2, n_a > 1, 1, 0)", f"n_b {compare}"),
        ("extend n_b = bin(n_a, 2)", f"n_b {compare}"),
        ("extend n_b = max_of(n_a, 1)", f"n_b {compare}"),
        ("extend n_b = n_a % 2", f"n_b {compare}"),
    ]  # fmt: skip
