"""What edits leave alone, as ruamel.yaml sees it: it reads comments, order and quotes and shares no code with ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fpctl.exclusions.edit import REMOVED, Changes, edit_text

TEXT = """\
# who wrote this
id: fp-1
title: 'quoted title'   # as it was
rules: ["*",  'tag:x']   # all
match:
  # the hosts
  device:
    - build01    # first
    - "build02"
  process: [a.exe]   # one
owner:   a@contoso.com
expires: 2027-05-24  # half a year
# before the notes
notes: |
  one

  two
status: active # at last
# the end
"""


def read(text: str) -> Any:
    reader = YAML()
    reader.preserve_quotes = True
    return reader.load(text)


def seen(node: Any) -> Any:
    """Return a node as ruamel.yaml sees it: keys in order, values, and a kind for each way of quoting."""
    if isinstance(node, dict):
        return [(key, seen(value)) for key, value in node.items()]
    if isinstance(node, list):
        return node.fa.flow_style(), [seen(value) for value in node]
    return type(node).__name__, str(node)


def comments(node: Any) -> list[str]:
    """Return the comments in and under a node, in the order of the text."""
    found = re.findall(r"CommentToken\('(.*?)', line: (\d+), col: (\d+)\)", _told(node))
    ordered = sorted(set(found), key=lambda one: (int(one[1]), int(one[2])))
    return [line.strip() for text, _, _ in ordered for line in re.split(r"\\[rn]", text) if line.strip()]


def _told(node: Any) -> str:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = repr((node.ca.comment, node.ca.items, node.ca.end)) if isinstance(node, dict | list) else ""
    return own + "".join(_told(value) for value in inner)


def untouched(node: Any, changes: Mapping[str, object]) -> list[Any]:
    return [(key, seen(value)) for key, value in node.items() if key not in changes]


def test_the_reader_finds_every_comment() -> None:
    assert comments(read(TEXT)) == re.findall(r"#.*", TEXT)


CHANGES: list[Changes] = [
    {"expires": date(2028, 1, 1)},
    {"expires": REMOVED},
    {"title": 'a: "b" # c'},
    {"ticket": "CHG1", "approved_by": "m@contoso.com"},
    {"approval": {"on": date(2026, 1, 2), "rules": {"r": "h"}}},
    {"rules": ["x", "tag:y"]},
    {"status": "retired", "notes": "one\ntwo"},
    {"owner": "b@contoso.com", "reason": "because"},
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: ",".join(changes))
def test_every_other_key_keeps_its_comments_its_place_and_its_quotes(changes: Changes, newline: str) -> None:
    text = TEXT.replace("\n", newline)
    before, after = read(text), read(edit_text(text, "fp-1", changes))
    assert untouched(after, changes) == untouched(before, changes)
    gone = ["# half a year"] if changes.get("expires") is REMOVED else []
    assert comments(after) == [comment for comment in comments(before) if comment not in gone]


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["title", "reason", "ticket", "owner", "notes"]),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Co", "Cn"]), min_size=1),
        min_size=1,
    ).filter(lambda changes: all(value.strip() for value in changes.values()))
)
def test_whatever_is_set_reads_back_and_leaves_the_rest_alone(changes: dict[str, str]) -> None:
    edited = edit_text(TEXT, "fp-1", changes)
    assert untouched(read(edited), changes) == untouched(read(TEXT), changes)
    assert [one for one in comments(read(TEXT)) if one not in comments(read(edited))] == []
    data = YAML(typ="safe").load(edited)
    assert {key: data[key] for key in changes} == changes
