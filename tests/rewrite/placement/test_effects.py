"""What warns that fewer rows may add alerts: everything that is not known to be safe."""

from __future__ import annotations

import pytest

from rewrite.placement.planning import warned

MAY_ADD = {
    "an unnamed column of a computed one": """
        <D> | summarize s = make_set(FileName) by AccountName
        | project AccountName, array_length(s) | where Column1 == 1""",
    "an unnamed column that is added": """
        <D> | summarize c = count() by AccountName | extend c % 2 | where Column1 == 1""",
    "a sum of what may be negative": """
        <D> | summarize n = sum(iff(FileName == 'a.exe', 1, -1)) by AccountName | where n > 0""",
    "a sum of a column that was made negative": """
        <D> | extend w = iff(FileName == 'a.exe', 1, -1) | summarize n = sum(w) by AccountName | where n > 0""",
    "a number as text": """
        <D> | summarize t = tostring(count()) by AccountName | where t endswith '1'""",
    "statistics of a series": """
        <D> | summarize s = make_list(ProcessId) by AccountName
        | extend series_stats(s) | where series_stats_s_min > 4""",
    "named statistics of a series": """
        <D> | summarize s = make_list(ProcessId) by AccountName
        | extend (lowest, at, highest) = series_stats(s) | where lowest > 4""",
    "mv-apply on a computed set": """
        <D> | summarize s = make_set(FileName) by AccountName
        | mv-apply f = s to typeof(string) on (summarize n = count() | where n == 1)""",
    "how a joined set begins": """
        <D> | summarize s = make_set(FileName) by AccountName | where strcat_array(s, ',') startswith 'cmd'""",
    "a text that spans two elements": """
        <D> | summarize s = make_set(FileName) by AccountName | where strcat_array(s, ',') contains 'a.exe,c.exe'""",
    "a column named as text": """
        <D> | summarize n = count() by AccountName | where column_ifexists('n', 0) == 1""",
    "a function that nothing is known of": """
        <D> | summarize n = count() by AccountName | where gettype(n) == 'long'""",
    "an equation with a count": "<D> | summarize n = count() by AccountName | where n == 3",
    "a negated flag": """
        <D> | summarize n = count() by AccountName | extend many = n > 5 | where not(many)""",
    "a flag that is false": """
        <D> | summarize n = count() by AccountName | extend many = n > 5 | where many == false""",
    "a parsed text": """
        <D> | summarize t = strcat_array(make_list(FileName), ' ') by AccountName
        | parse t with head ' ' rest | where head == 'cmd.exe'""",
    "a difference of counts": """
        <D> | summarize a = count(), b = countif(FileName == 'x') by AccountName | where a - b > 2""",
    "groups by another column": """
        <D> | summarize n = count() by AccountName | where n < 3""",
    "groups by the device of another event": """
        <D> | project SHA1 | join kind=inner (<F> | distinct SHA1, DeviceName) on SHA1
        | summarize n = count() by DeviceName | where n < 3""",
    "groups by a device that was parsed anew": """
        <D> | parse FileName with DeviceName '.' * | summarize n = count() by DeviceName | where n < 3""",
    "one left row of several with a key": """
        <D> | join (<F> | project AccountName = InitiatingProcessAccountName) on AccountName""",
    "one left row of several with more than the key": """
        <D> | project AccountName, FileName | join (<F> | project FileName, SHA1) on FileName""",
    "one left row of several groups with a key": """
        <D> | summarize n = count() by AccountName, FileName | join (<F> | project FileName, SHA1) on FileName""",
    "one left row of a table that is not known": """
        Custom_CL | where DeviceName != '' | join (<F> | project DeviceId, SHA1) on DeviceId""",
    "groups by a count and a part of the keys": """
        <D> | summarize n = count() by AccountName, FileName | summarize m = count() by AccountName, n""",
    "a list of the largest": """
        <E> | where Subject in ((<D> | summarize max(FileName)))""",
}


@pytest.mark.parametrize("name", MAY_ADD)
def test_what_may_add_alerts_is_warned_of(name: str) -> None:
    assert warned(MAY_ADD[name])


ONLY_REMOVES = {
    "a multiple of a count": "<D> | summarize c = count() by AccountName | where c * 2 > 5",
    "a part of a count": "<D> | summarize c = count() by AccountName | where c / 2 > 5",
    "a count and a constant": "<D> | summarize c = count() by AccountName | where c + 1 > 5 and c - 1 > 0",
    "a flag": "<D> | summarize c = count() by AccountName | extend many = c > 5 | where many",
    "a flag that is true": "<D> | summarize c = count() by AccountName | extend many = c > 5 | where many == true",
    "a number for a flag": """
        <D> | summarize c = count() by AccountName | extend score = iff(c > 5, 2, 1) | where score >= 2""",
    "a span of time": """
        <D> | summarize a = min(Timestamp), b = max(Timestamp) by AccountName | where b - a > 1h""",
    "groups by the excluded column": "<D> | summarize c = count() by DeviceName | where c < 3",
    "the latest row of the excluded column": """
        <D> | summarize arg_max(Timestamp, *) by DeviceName | where FileName == 'a.exe'""",
    "an element of a set": "<D> | summarize s = make_set(FileName) by AccountName | where s has 'a.exe'",
    "the size of a set": "<D> | summarize s = make_set(FileName) by AccountName | where array_length(s) > 2",
    "rows of a set": """
        <D> | summarize s = make_set(FileName) by AccountName
        | mv-expand f = s to typeof(string) | where f == 'a.exe'""",
    "elements that are filtered": """
        <D> | summarize s = make_set(FileName) by AccountName
        | mv-apply f = s to typeof(string) on (where f == 'a.exe')""",
    "groups by the excluded column under another name": """
        <D> | summarize c = count() by Host = DeviceName, AccountName | where c < 3
        | summarize m = sum(c) by Host | where m < 9""",
    "groups by the excluded column that was renamed": """
        <D> | project-rename Host = DeviceName | project Machine = Host, FileName
        | summarize c = count() by Machine | where c < 3""",
    "a default name of a text of a set": """
        <D> | summarize tostring(make_set(FileName)) by AccountName | where set_FileName has 'certutil'""",
    "a list of a set": "<E> | where Subject has_any ((<D> | summarize make_set(FileName)))",
    "groups by a count and the keys that it was counted by": """
        <D> | summarize n = count() by AccountName
        | join kind=inner (<E> | project AccountName = Subject, NetworkMessageId) on AccountName
        | summarize ids = make_set(NetworkMessageId) by AccountName, n | distinct AccountName, n""",
    "one left row where there is one": """
        <D> | summarize n = count() by AccountName | join (<E> | project AccountName = Subject) on AccountName""",
    "one left row of rows that are the key": """
        <D> | project AccountName | join (<E> | project AccountName = Subject) on AccountName""",
    "one left row of rows that vanish together": """
        <D> | join (<E> | project DeviceName = Subject) on $left.DeviceName == $right.DeviceName""",
}


@pytest.mark.parametrize("name", ONLY_REMOVES)
def test_what_can_only_remove_alerts_is_not_warned_of(name: str) -> None:
    assert warned(ONLY_REMOVES[name]) == []


def test_groups_do_not_vanish_whole_where_rows_of_another_table_are_in_them() -> None:
    query = "<D> | project DeviceName | union (<E> | project DeviceName = Subject)"
    assert warned(query + " | summarize c = count() by DeviceName | where c < 3")


def test_groups_do_not_vanish_whole_where_only_some_hours_are_excluded() -> None:
    from rewrite.placement.planning import plan

    window = {"weekly": ["sun 02:00-04:00"], "timezone": "Europe/Rome"}
    tuned = plan("<D> | summarize c = count() by DeviceName | where c < 3", window=window)
    assert [warning.code for warning in tuned.plan.warnings] == ["effect"]


@pytest.mark.parametrize(("expires", "codes"), [(None, []), ("2027-05-01", ["partial-groups"])])
def test_groups_that_vanish_whole_vanish_in_part_around_the_end_of_an_exclusion(
    expires: str | None, codes: list[str]
) -> None:
    from rewrite.placement.planning import plan

    tuned = plan("<D> | summarize c = count() by DeviceName | where c < 3", expires=expires)
    assert [warning.code for warning in tuned.plan.warnings] == codes
    assert all("2027-05-01" in warning.message for warning in tuned.plan.warnings)
