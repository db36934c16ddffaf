"""The documented notation: what is understood, and what is said of what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.exclusions.filter_syntax import And, Comparison, FilterSyntaxError, Or, parse_filter, to_match
from fpctl.exclusions.scenarios.model import scenario

COLUMNS = {"process": ("FileName",), "command_line": ("ProcessCommandLine",), "path": ("FolderPath",)}


def match_of(text: str, *, columns: bool = True):
    return to_match(parse_filter(text), text, columns=(lambda field: COLUMNS.get(field, ())) if columns else None).match


def said(text: str, *, columns: bool = False) -> tuple[str, str | None]:
    """Return the message with its place, and the hint, of the error for a text."""
    with pytest.raises(FilterSyntaxError) as caught:
        match_of(text, columns=columns)
    return f"{caught.value.at}: {caught.value.message}", caught.value.hint


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('process.name == "msiexec.exe"', ({"process": ("msiexec.exe",)},)),
        ("process.name=='msiexec.exe'", ({"process": ("msiexec.exe",)},)),
        ('process.parent_process.name IN ("a.exe", "b.exe")', ({"parent_process": ("a.exe", "b.exe")},)),
        ('process.parent.name in ["a.exe"]', ({"parent_process": ("a.exe",)},)),
        ('process.command_line CONTAINS ("a1", "b1")', ({"command_line": ("a1", "b1")},)),
        (r'process.executable == "C:\Tools\rport.exe"', ({"path": (r"C:\Tools\rport.exe",)},)),
        (r'process.executable == "C:\\Tools\\rport.exe"', ({"path": (r"C:\Tools\rport.exe",)},)),
        (r"process.executable == '\\srv\share\x.exe'", ({"path": (r"\\srv\share\x.exe",)},)),
        (r'process.executable STARTSWITH "C:\Tools\\"', ({"path": (r"C:\Tools",)},)),
        (r'process.executable STARTSWITH "C:\Too"', ({"path": (r"C:\Too**",)},)),
        ('file.hash.sha256 == "ab"', ({"hash": ("ab",)},)),
        ('host.name STARTSWITH "build"', ({"device": ("build*",)},)),
        ('host.name ENDSWITH ".contoso.com"', ({"device": ("*.contoso.com",)},)),
        ('url.domain ENDSWITH ".contoso.com"', ({"url": ("contoso.com",)},)),
        ('url.full STARTSWITH "https://contoso.com/x/"', ({"url": ("https://contoso.com/x/",)},)),
        ('user.name == "CONTOSO\\svc"', ({"account": ("CONTOSO\\svc",)},)),
        ('source.ip == "10.0.0.0/8" AND destination.port == 443', ({"ip": ("10.0.0.0/8",), "port": ("443",)},)),
        ('process.code_signature.subject_name == "Contoso"', ({"signer": ("Contoso",)},)),
        ('process.name STARTSWITH "ms" and process.parent.name ENDSWITH "x.exe"',
         ({"process": ("ms*",), "parent_process": ("*x.exe",)},)),
        ('PROCESS.NAME == "a.exe" || process.name == "b.exe"', ({"process": ("a.exe", "b.exe")},)),
        ('host.name == "x" && (process.name == "a" OR process.parent.name == "b")',
         ({"device": ("x",), "process": ("a",)}, {"device": ("x",), "parent_process": ("b",)})),
        ('process.name IN ("a", "b") AND process.name IN ("B", "c")', ({"process": ("b",)},)),
        ('host.name == "say \\"hi\\""', ({"device": ('say "hi"',)},)),
    ],
)  # fmt: skip
def test_what_a_filter_says_becomes_a_match(text, match):
    assert match_of(text) == match


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('NOT process.name == "a.exe"', 'not(FileName =~ "a.exe")'),
        ('process.name != "a.exe"', 'not(FileName =~ "a.exe")'),
        ('process.name NOT IN ("a.exe", "b.exe")', 'not(FileName =~ "a.exe" or FileName =~ "b.exe")'),
        ('NOT (process.name == "a" OR process.name == "b")', '(not(FileName =~ "a")) and (not(FileName =~ "b"))'),
        ('process.command_line == "x -y"', 'ProcessCommandLine =~ "x -y"'),
        ('process.command_line STARTSWITH "x"', 'ProcessCommandLine startswith "x"'),
        ('process.executable ENDSWITH "\\x.exe"', 'FolderPath endswith "\\\\x.exe"'),
        ('NOT NOT process.command_line STARTSWITH "x"', 'ProcessCommandLine startswith "x"'),
    ],
)
def test_what_no_field_says_becomes_a_condition_on_the_column(text, where):
    (alternative,) = match_of(f'host.name == "h" AND {text}')
    assert alternative == {"device": ("h",), "where": (where,)}


def test_two_texts_of_one_command_line_need_a_condition():
    (alternative,) = match_of('process.command_line CONTAINS "a1" AND process.command_line CONTAINS "b1"')
    assert alternative == {"command_line": ("a1",), "where": ('ProcessCommandLine contains "b1"',)}


def test_a_value_of_a_filter_stays_inside_its_literal():
    (alternative,) = match_of('host.name == "h" AND process.name != \'x" or true or "\'')
    assert alternative["where"] == ('not(FileName =~ "x\\" or true or \\"")',)


def test_the_list_form_is_offered_for_a_value_that_stands_alone():
    text = 'process.command_line CONTAINS "monitoring" OR "log" OR "audit"'
    with pytest.raises(FilterSyntaxError) as caught:
        parse_filter(text, "--filter")
    assert str(caught.value) == (
        '--filter:1:47: "log" alone is not a condition\n'
        '    process.command_line CONTAINS "monitoring" OR "log" OR "audit"\n'
        "                                                  ^\n"
        '  hint: write the values as a list: process.command_line CONTAINS ("monitoring", "log", "audit")'
    )


def test_the_documented_filters_that_are_ill_formed_are_refused_as_such():
    assert said(scenario("monitoring-script").origin)[0] == 'filter:1:139: "log" alone is not a condition'
    assert said(scenario("database-backup").origin)[0] == "filter:1:32: a condition is missing after OR"


def test_the_documented_filters_that_are_well_formed_become_alternatives():
    assert match_of(scenario("scheduled-patching").origin) == (
        {"process": ("msiexec.exe", "setup.exe", "patch.exe")},
        {"parent_process": ("RMM_TOOL_NAME.exe",)},
    )
    assert match_of(scenario("remote-reboot").origin) == (
        {"process": ("taskhostw.exe",)},
        {"command_line": ("shutdown /r",)},
    )
    assert match_of(scenario("software-deployment").origin) == (
        {"process": ("RMM_TOOL_NAME.exe",)},
        {"hash": ("known_deployment_hashes",)},
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "1:1: the filter is empty", 'write a condition: host.name == "build01"'),
        ('process.name == "a" OR', "1:21: a condition is missing after OR", "finish the filter, or remove OR"),
        ('process.name == "a" AND OR x', "1:21: a condition is missing after AND", "finish the filter, or remove AND"),
        ('(process.name == "a" OR)', "1:22: a condition is missing after OR", "finish the filter, or remove OR"),
        ('OR process.name == "a"', "1:1: a condition is missing before OR", "remove OR"),
        ('process.name == "a" AND "b"', '1:25: "b" alone is not a condition',
         'write the field again: AND process.name == "b"'),
        ('process.name == "a" OR "b"', '1:24: "b" alone is not a condition',
         'write the values as a list: process.name IN ("a", "b")'),
        ('"a"', '1:1: "a" alone is not a condition', 'say what it is compared with: process.name == "a"'),
        ("process.name", "1:13: an operator is missing after process.name",
         "operators: ==, !=, IN, CONTAINS, STARTSWITH, ENDSWITH"),
        ('process.name "a"', '1:14: an operator is missing before "a"',
         "operators: ==, !=, IN, CONTAINS, STARTSWITH, ENDSWITH"),
        ("process.name ==", "1:16: a value is missing after ==", 'write values in quotes: "build01"'),
        ("process.name == AND x", "1:17: a value is missing after ==", 'write values in quotes: "build01"'),
        ("process.name == a.exe", "1:17: `a.exe` is not in quotes", 'write "a.exe"'),
        ('process.name = "a"', "1:14: `=` is not an operator of this notation", "write =="),
        ('process.name: "a"', "1:13: `:` is not an operator of this notation", "write =="),
        ('process.name LIKE "a"', "1:14: `LIKE` is not an operator of this notation", "write CONTAINS"),
        ('destination.port > "1"', "1:18: `>` is not an operator of this notation",
         "operators: ==, !=, IN, CONTAINS, STARTSWITH, ENDSWITH"),
        ('process.name IN "a"', "1:17: IN takes a list", 'write IN ("a")'),
        ('process.name == ("a", "b")', "1:17: == takes one value", 'for a list write IN ("a", "b")'),
        ("process.name IN ()", "1:17: the list is empty", 'write IN ("a", "b")'),
        ('process.name IN ("a",)', "1:22: a value is missing after the comma", "remove the comma"),
        ('process.name IN ("a" "b")', "1:22: a comma is missing before this", "separate values by commas"),
        ('process.name IN ("a"', "1:17: the `(` is not closed", "add a `)`"),
        ('(process.name == "a"', "1:1: the `(` is not closed", "put a `)` where it ends"),
        ('process.name == "a")', "1:20: this `)` closes nothing", "remove it"),
        ('process.name == "a', "1:17: the quote is not closed", 'put a " after the value'),
        (r'file.path == "C:\Tools\"', "1:14: the quote is not closed",
         r'in double quotes \" is a quote: write a backslash at the end twice, as in "C:\Tools\\"'),
        ('process.name == “a”', "1:17: the character `“` has no meaning here", 'write values in plain quotes: "..."'),
        ('process.name == "a" host.name == "b"', "1:21: AND or OR is missing before this",
         "join conditions with AND (both must hold) or OR (either)"),
        ('procss.name == "a"', "1:1: unknown field `procss.name`", "did you mean `process.name`?"),
        ('== "a"', "1:1: a field is expected here, not `==`", None),
        ('CONTAINS "a"', "1:1: a field is missing before CONTAINS", "such as process.name CONTAINS ..."),
        ("host.name == \"x\"\nAND process.name = 'a'", "2:18: `=` is not an operator of this notation", "write =="),
    ],
)  # fmt: skip
def test_what_is_ill_formed_is_located_and_put_right(text, message, hint):
    assert said(text) == (f"filter:{message}", hint)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('NOT host.name == "a"', "1:5: a match cannot say NOT on host.name",
         "name the hosts, with `*` for a part: build*, *.contoso.com"),
        ('host.name CONTAINS "a"', "1:1: a match cannot say host.name CONTAINS",
         "name the hosts, with `*` for a part: build*, *.contoso.com"),
        ('source.ip STARTSWITH "10."', "1:1: a match cannot say source.ip STARTSWITH",
         "name addresses, or networks as CIDR: 10.1.0.0/16"),
        ('process.name != "a"', "1:1: a match cannot say NOT on process.name",
         "give one --rule that reads one table, so that its column is known; or write --where yourself"),
        ('process.name == "a" AND process.name == "b"',
         "1:25: process.name cannot be this and what an earlier condition says at the same time",
         "join them with OR, or write one IN (...)"),
        ('process.pid == 4', "1:1: a match has no field for process.pid", "a process id is another one each time"),
        ('file.name == "x"', "1:1: a match has no field for file.name",
         "a match has the process and the path of a file: use process.name or file.path"),
    ],
)  # fmt: skip
def test_what_a_match_cannot_say_is_refused_with_the_reason(text, message, hint):
    assert said(text) == (f"filter:{message}", hint)


def test_a_wildcard_cannot_stand_in_a_negated_value():
    assert said('process.name != "a*"', columns=True) == (
        "filter:1:1: a match cannot say NOT on process.name",
        "leave out the `*`",
    )


def test_a_filter_of_too_many_alternatives_is_refused():
    both = " AND ".join(f'(process.name == "p{n}" OR process.parent.name == "q{n}")' for n in range(12))
    assert said(both)[0] == "filter:1:1: the filter amounts to more than 64 alternatives"


def test_nesting_is_bounded():
    assert said("(" * 60 + 'process.name == "a"' + ")" * 60)[0] == "filter:1:51: nested deeper than 50 levels"
    assert said("NOT " * 60 + 'process.name == "a"')[0].endswith("nested deeper than 50 levels")


def test_a_filter_of_absurd_length_is_refused():
    assert said("a" * 100_001)[0] == "filter:1:1: the filter has 100,001 characters; at most 100,000 are read"


def test_the_tree_keeps_and_before_or():
    tree = parse_filter('process.name == "a" OR host.name == "b" AND source.ip == "c"')
    assert isinstance(tree, Or)
    assert isinstance(tree.items[0], Comparison)
    assert isinstance(tree.items[1], And)


def test_what_a_field_matches_beyond_the_filter_is_told():
    text = 'url.domain == "contoso.com" AND host.name == "build01" AND host.name == "build01"'
    assert to_match(parse_filter(text), text).notes == (
        "host.name: a name without a domain also matches its full name (build01 and build01.contoso.com)",
        "url.domain: a domain also matches its subdomains, and a URL everything below its path",
    )


# A filter over fields whose values are compared whole means the same as its alternatives, event by event.

EQUAL_FIELDS = {"process.name": "process", "process.parent.name": "parent_process", "destination.port": "port"}
values = st.sampled_from(["a", "b", "c"])
comparisons = st.builds(
    lambda name, given: (name, tuple(given)),
    st.sampled_from(sorted(EQUAL_FIELDS)),
    st.lists(values, min_size=1, max_size=2),
)
filters = st.recursive(
    comparisons,
    lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=6,
)


def written(tree) -> str:
    head, rest = tree
    if head in ("AND", "OR"):
        return "(" + f" {head} ".join(written(item) for item in rest) + ")"
    return f"{head} IN ({', '.join(repr(value) for value in rest)})"


def holds(tree, event) -> bool:
    head, rest = tree
    if head in ("AND", "OR"):
        return (all if head == "AND" else any)(holds(item, event) for item in rest)
    return event[EQUAL_FIELDS[head]] in rest


@given(filters, st.fixed_dictionaries({field: st.sampled_from("abcd") for field in EQUAL_FIELDS.values()}))
def test_the_alternatives_of_a_filter_match_what_the_filter_says(tree, event):
    text = written(tree)
    try:
        alternatives = to_match(parse_filter(text), text).match
    except FilterSyntaxError as error:
        refused = error.message
    else:
        refused = ""
    if refused:
        # Only what can never hold, and what is too much, is refused.
        assert "at the same time" in refused or "alternatives" in refused
        return
    matched = any(all(event[field] in listed for field, listed in one.items()) for one in alternatives)
    assert matched == holds(tree, event)


@given(st.text(alphabet="ab.()[],=!\"' \\ANDORNTIprocess.name", max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text):
    refused: FilterSyntaxError | None = None
    try:
        parse_filter(text)
    except FilterSyntaxError as error:
        refused = error
    assert refused is None or (refused.at is not None and refused.caret is not None)
