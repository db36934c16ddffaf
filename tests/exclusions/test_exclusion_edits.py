"""Editing an exclusion file changes the key and nothing else, or leaves the file as it was."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusion_text import read_exclusion
from fpctl.documents.yaml_node import plain_data, read_documents
from fpctl.documents.yaml_text import entry
from fpctl.errors import FpctlError
from fpctl.exclusions.edit import REMOVED, edit_file, edit_text, new_text

TEXT = """\
# who wrote this
id: fp-1
title: 'quoted title'   # as it was
rules: ["*"]
match:
  # the hosts
  device:
    - build01    # first
    - build02
  process: [a.exe]
owner:   a@contoso.com
expires: 2027-05-24  # half a year
notes: |
  one

  two
status: active
# the end
"""


def lines_changed(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return old, new


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        (
            {"expires": date(2028, 1, 1)},
            ["expires: 2027-05-24  # half a year"],
            ["expires: 2028-01-01  # half a year"],
        ),
        ({"title": "new"}, ["title: 'quoted title'   # as it was"], ["title: new   # as it was"]),
        ({"title": "a: b # c"}, ["title: 'quoted title'   # as it was"], ['title: "a: b # c"   # as it was']),
        ({"status": "retired"}, ["status: active"], ["status: retired"]),
        ({"rules": ["x", "tag:y"]}, ['rules: ["*"]'], ["rules: [x, tag:y]"]),
        ({"notes": "short"}, ["notes: |", "  one", "", "  two"], ["notes: short"]),
        ({"notes": REMOVED}, ["notes: |", "  one", "", "  two"], []),
        ({"owner": REMOVED}, ["owner:   a@contoso.com"], []),
        ({"ticket": "CHG1"}, [], ["ticket: CHG1"]),
        ({"ticket": "no"}, [], ['ticket: "no"']),
        ({"tags": ["a", "2026"]}, [], ['tags: [a, "2026"]']),
        (
            {"approval": {"on": date(2026, 1, 2), "rules": {"r": "h"}}},
            [],
            ["approval:", "  on: 2026-01-02", "  rules:", "    r: h"],
        ),
        ({"reason": "two\nlines"}, [], ['reason: "two\\nlines"']),
        ({"reason": REMOVED}, [], []),
    ],
)
def test_only_the_keys_own_lines_change(changes: dict[str, Any], old: list[str], new: list[str]) -> None:
    edited = edit_text(TEXT, "fp-1", changes)
    assert lines_changed(TEXT, edited) == (old, new)


def test_a_new_key_stands_where_the_documentation_has_it() -> None:
    edited = edit_text(TEXT, "fp-1", {"ticket": "CHG1", "scenario": "remote-reboot", "tags": ["t"]})
    keys = [line.partition(":")[0] for line in edited.splitlines() if line[:1].isalpha()]
    assert keys == [
        "id", "title", "scenario", "rules", "match", "ticket", "owner", "expires", "notes", "status", "tags",
    ]  # fmt: skip


def test_a_match_of_several_alternatives_is_written_as_a_list_of_maps() -> None:
    edited = edit_text(TEXT, "fp-1", {"match": [{"device": ["a"], "process": "x.exe"}, {"url": ["contoso.com"]}]})
    assert "match:\n  - device: [a]\n    process: x.exe\n  - url: [contoso.com]\nowner:" in edited


def test_a_long_list_takes_a_line_a_value() -> None:
    hashes = ["a" * 64, "b" * 64]
    edited = edit_text(TEXT, "fp-1", {"match": {"hash": hashes}})
    assert f"match:\n  hash:\n    - {hashes[0]}\n    - {hashes[1]}\nowner:" in edited


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    text = "\ufeff" + TEXT.replace("\n", "\r\n")
    edited = edit_text(text, "fp-1", {"ticket": "CHG1", "status": "draft"})
    assert edited == text.replace("active", "draft").replace("\r\nowner", "\r\nticket: CHG1\r\nowner")


def test_a_missing_last_newline_is_given_only_where_a_line_follows() -> None:
    text = "id: a\nrules: r\nmatch: {device: b}"
    assert edit_text(text, "a", {"match": {"device": ["c"]}}) == "id: a\nrules: r\nmatch:\n  device: [c]\n"
    assert edit_text(text, "a", {"tags": ["t"]}) == text + "\ntags: [t]\n"
    assert edit_text(text, "a", {"rules": ["s"]}) == "id: a\nrules: [s]\nmatch: {device: b}"


def test_one_document_of_several_is_changed() -> None:
    other = "id: b\nrules: r\nmatch: {device: b}\nstatus: active\n"
    text = f"{TEXT}---\n{other}---\n{TEXT.replace('fp-1', 'fp-2')}"
    edited = edit_text(text, "b", {"status": "retired", "tags": ["t"]})
    assert edited == text.replace(other, other.replace("active", "retired") + "tags: [t]\n")


@pytest.mark.parametrize(
    ("id", "changes", "message"),
    [
        ("fp-9", {"title": "x"}, "f.yaml: the file has no exclusion `fp-9`"),
        (
            "fp-1",
            {"status": "actve"},
            "f.yaml:17:9: the change was not made: `status` is `actve`; it must be one of `draft`, `active`, `shadow`, "
            "`retired`\n  hint: did you mean `active`?",
        ),
        (
            "fp-1",
            {"match": REMOVED},
            "f.yaml:2:1: the change was not made: the key `match` is missing\n"
            "  hint: say what to match: `match: {device: [build01]}`",
        ),
        ("fp-1", {"colour": "red"}, "f.yaml:18:1: the change was not made: unknown key `colour`\n"),
    ],
)
def test_a_change_that_breaks_the_exclusion_is_not_made(
    tmp_path: Path, id: str, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(TEXT)
    with pytest.raises(FpctlError) as caught:
        edit_file(path, id, changes)
    assert str(caught.value).replace(str(path), "f.yaml").startswith(message)
    assert path.read_text() == TEXT
    assert [p.name for p in tmp_path.iterdir()] == ["f.yaml"]


def test_an_exclusion_in_braces_is_refused() -> None:
    with pytest.raises(FpctlError, match="written in braces and cannot be changed"):
        edit_text("{id: a, rules: r, match: {device: b}}\n", "a", {"title": "x"})


def test_a_file_is_changed_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(TEXT)
    edit_file(path, "fp-1", {"status": "draft"})
    assert path.read_text() == TEXT.replace("active", "draft")


def test_a_new_exclusion_is_written_in_the_documented_order_and_reads_back() -> None:
    data: dict[str, Any] = {
        "status": "active", "match": {"device": ["a", "b"]}, "rules": ["*"], "id": "n-1",
        "expires": date(2027, 1, 1), "reason": "a: b",
    }  # fmt: skip
    text = new_text(data)
    assert text == (
        'id: n-1\nrules: ["*"]\nmatch:\n  device: [a, b]\nreason: "a: b"\nexpires: 2027-01-01\nstatus: active\n'
    )
    exclusion, problems = read_exclusion(text)
    assert (problems, exclusion is not None) == ((), True)


SCALARS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["no", "~", "null", "1e3", "0x1", "- a", "a: b", "#x", "", " a ", "a\tb", "'", "@x"]),
)


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3), st.one_of(SCALARS, st.lists(SCALARS, min_size=1)), min_size=1
    )
)
def test_any_text_written_reads_back_as_it_is(data: dict[str, Any]) -> None:
    text = entry("root", data)
    (root,) = read_documents(text)
    assert plain_data(root) == {"root": data}
