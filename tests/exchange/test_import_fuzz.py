"""Whatever a file holds, an importer gives drafts, losses or a located error; never another exception."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.errors import FpctlError
from fpctl.exchange.format import ImportContext, ImportResult, format_of
from fpctl.exchange.formats import format_names
from fpctl.exclusions.reader import ValueListCache, read_exclusion_file

READING = ImportContext(("*",), date(2026, 11, 24), columns={"Server name": "device"})

SEEDS = {
    "csv": (
        "id,title,rules,device,process,where,weekly,timezone,expires,broad,status\r\n"
        'fp-1,"a ""b""",*,"a1\nb2",x.exe,X == 1,sun 02:00-04:00,UTC,2027-05-01,no,active\r\nfp-1,,*,c3,,,,,,,\r\n'
    ),
    "watchlist": "SearchKey,Field,ExclusionId,Title,Rules,Expires\r\nb1,device,fp-1,t,*,2027-05-01\r\na.com,url,,,\r\n",
    "elastic": (
        '{"list_id":"l","name":"n","type":"detection"}\n'
        '{"item_id":"i","name":"n","list_id":"l","entries":'
        '[{"field":"host.name","operator":"included","type":"match_any","value":["a","b"]},'
        '{"field":"process.name","operator":"excluded","type":"wildcard","value":"a\\\\*b*"}],'
        '"comments":[{"comment":"c"}],"expire_time":"2027-01-01T00:00:00Z","meta":{"fpctl":{"id":"fp-1","rules":["*"]}}}\n'
    ),
    "sigma": (
        "title: t\nid: 58f896a2-1207-5dbd-90cd-cd508b89f881\nlogsource: {product: windows}\nfilter:\n  rules: any\n"
        "  s1:\n    Image|endswith: ['\\a.exe', '\\b.exe']\n    ComputerName|contains|all: [x.y, z]\n"
        "  s2: [{Hashes|contains: SHA1=aa}]\n  condition: not (1 of s* or all of them) and not s1\nfpctl: {id: fp-1}\n"
    ),
}
PIECES = st.sampled_from(
    [
        *"\0\ufeff\r\n\"',;*?\\|()[]{}:\u0663", "- ", "&a ", "*a", "null", "true", "NaN", "1e999", "-1", "9" * 400,
        "2027-99-99", "not ", "of ",
    ]
)  # fmt: skip


def taken(kind: str, text: str) -> ImportResult | None:
    """Import a text; every draft that comes of it can be written and read without another exception."""
    try:
        imported = format_of(kind).read(text, "file", READING)
    except FpctlError as error:
        fault: FpctlError | None = error
    else:
        fault = None
    if fault is not None:
        assert fault.message
        assert fault.at is not None
        return None
    for draft, line in imported.drafts:
        assert 1 <= line <= text.count("\n") + text.count("\r") + 1
        assert draft.status == "draft"
        assert draft.match
        assert all(one and all(values for values in one.values()) for one in draft.match)
        read_exclusion_file(draft.text(), "draft.yaml", ValueListCache(Path("no-such-folder")))
    assert all(loss.message for loss in imported.losses)
    return imported


@pytest.mark.parametrize("kind", format_names())
@given(text=st.text(max_size=200))
def test_any_text(kind, text):
    taken(kind, text)


@pytest.mark.parametrize("kind", format_names())
@given(data=st.data())
def test_a_file_with_anything_put_in_and_taken_out_anywhere(kind, data):
    text = SEEDS[kind]
    assert taken(kind, text) is not None
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(PIECES | st.just("")) + text[at + gone :]
    taken(kind, text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


KEYS = ("name", "meta", "expire_time", "comments", "tags", "description")


@given(item=st.fixed_dictionaries({"entries": JSON}, optional=dict.fromkeys(KEYS, JSON)))
def test_an_elastic_item_of_any_shape(item):
    taken("elastic", json.dumps(item) + "\n")


@given(entry=st.fixed_dictionaries(
    {"field": st.sampled_from(["host.name", "process.name", "url.domain"]) | JSON},
    optional={"type": st.sampled_from(["match", "match_any", "wildcard", "exists", "list", "nested"]) | JSON,
              "operator": st.sampled_from(["included", "excluded"]) | JSON, "value": st.text(max_size=5) | JSON},
))  # fmt: skip
def test_an_elastic_entry_of_any_shape(entry):
    taken("elastic", json.dumps({"name": "n", "entries": [entry]}) + "\n")


FILTER = "title: t\nfilter:\n  rules: any\n  s1: {Computer: a.b}\n  s2: {Computer: c.d}\n  condition: "
WORDS = ("not", "and", "or", "(", ")", "s1", "s2", "1", "all", "of", "them", "s*", "x")


@given(condition=st.lists(st.sampled_from(WORDS), max_size=12))
def test_a_sigma_condition_of_any_words(condition):
    taken("sigma", f"{FILTER}{' '.join(condition) or '~'}\n")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("elastic", "[" * 100_000),
        ("elastic", '{"entries":' + "[" * 50_000 + "]" * 50_000 + "}"),
        ("sigma", f"{FILTER}{'not ' * 900}s1\n"),
        ("sigma", f"{FILTER}not {'(' * 900}s1{')' * 900}\n"),
        ("sigma", "a: " + "[" * 5_000),
        ("csv", "device\n" + '"' * 99_999),
        ("csv", "device\n" + ";" * 1_000_000),
        ("watchlist", "Hostname\n" + "a\n" * 100_000),
    ],
    ids=["json-open", "json-deep", "sigma-nots", "sigma-brackets", "yaml-deep", "quotes", "separators", "many-rows"],
)  # fmt: skip
def test_traps(kind, text):
    taken(kind, text)
