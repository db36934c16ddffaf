"""What goes out comes back the same, and what cannot is said."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fpctl.exchange.format import ImportContext, format_of
from fpctl.exchange.formats import format_names
from fpctl.exchange.formats.csv import HEADER
from fpctl.exclusions.edit import new_text
from fpctl.exclusions.reader import LoadedExclusion, ValueListCache, read_exclusion_file

TODAY = date(2026, 11, 24)

EVERYTHING = """\
id: fp-1
title: Patching, "monthly"; all of it
scenario: scheduled-patching
rules: [a464ea00-ed87-465f-8269-4b6927d9edfa, "tag:rmm"]
match:
  - device: [build01, build02.contoso.com]
    process: [msiexec.exe, setup*]
    command_line: [" -enc ", "a;b"]
  - hash: ["2f4d94d2c7a287785e87423f456ac41968e54a7d65c9d82bea217c26c33340ae"]
    where: ActionType == "ConnectionSuccess"
window:
  weekly: ["mon-fri 22:00-06:00", "sun 02:00-04:00"]
  intervals: [2026-12-24 18:00/2026-12-27 06:00]
  timezone: Europe/Rome
reason: =HYPERLINK("http://evil")
ticket: CHG1
owner: a.rossi@contoso.com
created: 2026-11-01
expires: 2027-05-01
placement: result
notes: "-1"
tags: [a, b]
status: draft
"""


def back(kind: str, exclusions: list[LoadedExclusion]):
    """Return what comes back of exclusions, and the losses of both ways."""
    module = format_of(kind)
    exported = module.write(exclusions, TODAY)
    imported = module.read(exported.text, f"file.{kind}", ImportContext((), TODAY))
    return [incoming.draft for incoming in imported.drafts], exported.losses, imported.losses


def test_csv_carries_every_key_of_a_draft(loaded):
    exclusions = loaded(EVERYTHING)
    (draft,), lost, missed = back("csv", exclusions)
    assert (lost, missed) == ((), ())
    (again,) = loaded(draft.text())
    assert again.exclusion == exclusions[0].exclusion
    assert again.content_hash == exclusions[0].content_hash


def test_csv_guards_cells_that_a_spreadsheet_would_run(loaded):
    text = format_of("csv").write(loaded(EVERYTHING), TODAY).text
    assert ",\"'=HYPERLINK(" in text
    assert ",'-1," in text


SIMPLE = {
    "device": "match: {device: [build01, build02.contoso.com]}",
    "pattern": "match: {device: [web*, '*.lab.contoso.com']}",
    "url": "match: {url: [contoso.com, cdn.example.org]}",
    "hash": f"match: {{hash: ['{'a' * 64}', '{'b' * 40}', '{'c' * 32}']}}",
    "process": "match: {device: a1, process: [msiexec.exe, setup.exe], parent_process: [services.exe]}",
    "command line": "match: {device: a1, command_line: ['C:\\Tools\\x.ps1', '100% sure?']}",
    "path": "match: {device: a1, path: ['C:\\Program Files\\Agent']}",
    "ip": "match: {device: a1, ip: [192.0.2.7, 10.1.0.0/16]}",
    "account": "match: {device: a1, account: [svc-backup]}",
    "signer": "match: {device: a1, signer: [Contoso Ltd]}",
    "port": "match: {device: a1, port: ['443', '8443']}",
    "alternatives": "match: [{device: a1, process: x.exe}, {url: contoso.com}]",
}


@pytest.mark.parametrize("match", SIMPLE.values(), ids=SIMPLE)
def test_elastic_carries_a_match_and_back(loaded, match):
    exclusions = loaded(
        f"id: fp-1\n{match}\nreason: why\nexpires: 2027-05-01\nticket: T1\nowner: me\nscenario: database-backup\n"
    )
    (draft,), lost, missed = back("elastic", exclusions)
    assert not [loss for loss in (*lost, *missed) if loss.kind in ("left-out", "wider")]
    original = exclusions[0].exclusion
    assert [{k: set(v) for k, v in one.items()} for one in draft.match] == [
        {field: set(values) for field, values in one.fields().items()} for one in original.match
    ]
    assert (draft.id, draft.rules, draft.expires, draft.ticket, draft.owner, draft.scenario, draft.reason) == (
        "fp-1", original.rules, date(2027, 5, 1), "T1", "me", "database-backup", "why",
    )  # fmt: skip


@pytest.mark.parametrize(
    "match", [v for k, v in SIMPLE.items() if k not in ("ip",)], ids=[k for k in SIMPLE if k != "ip"]
)
def test_sigma_carries_a_match_and_back(loaded, match):
    exclusions = loaded(f"id: fp-1\n{match}\nreason: why\nticket: T1\nowner: me\n")
    (draft,), lost, missed = back("sigma", exclusions)
    assert not [loss for loss in (*lost, *missed) if loss.kind in ("left-out", "wider")]
    original = exclusions[0].exclusion
    assert [{k: {value.lower() for value in v} for k, v in one.items()} for one in draft.match] == [
        {field: {v.lower() for v in values} for field, values in one.fields().items()} for one in original.match
    ]
    assert (draft.id, draft.rules, draft.ticket, draft.owner, draft.reason) == (
        "fp-1",
        original.rules,
        "T1",
        "me",
        "why",
    )


def test_a_watchlist_carries_single_fields_and_back(loaded):
    exclusions = loaded(
        "id: fp-1\ntitle: Build servers\nmatch: {device: [build01, build02]}\nexpires: 2027-05-01\nowner: me\n"
        "---\nid: fp-2\nmatch: [{hash: " + "a" * 64 + "}, {url: contoso.com}]\n"
    )
    first, second = back("watchlist", exclusions)[0]
    assert (first.id, first.title, first.match, first.expires, first.owner) == (
        "fp-1", "Build servers", ({"device": ("build01", "build02")},), date(2027, 5, 1), "me",
    )  # fmt: skip
    assert second.match == ({"hash": ("a" * 64,)}, {"url": ("contoso.com",)})


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)
FILES = st.from_regex(r"[A-Za-z0-9 _()=+@'-]{1,8}\.exe", fullmatch=True).filter(lambda text: text == text.strip())
LINES = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp"), blacklist_characters="*"), min_size=1, max_size=20
)
MATCHES = st.fixed_dictionaries(
    {"device": st.lists(NAMES, min_size=1, max_size=3, unique=True)},
    optional={
        "process": st.lists(FILES, min_size=1, max_size=3, unique_by=str.lower),
        "command_line": st.lists(LINES, min_size=1, max_size=2, unique_by=str.casefold),
        "port": st.lists(st.integers(1, 65535).map(str), min_size=1, max_size=3, unique=True),
    },
)


def made(match: dict[str, list[str]]) -> list[LoadedExclusion]:
    text = new_text({"id": "fp-1", "rules": ["*"], "match": match})
    found, problems = read_exclusion_file(text, "x.yaml", ValueListCache(Path()))
    assume(not problems)
    return [exclusion for exclusion, _ in found]


@given(match=MATCHES, kind=st.sampled_from(["csv", "elastic", "sigma"]))
def test_any_values_come_back_or_are_said_to_be_lost(match, kind):
    assume(not any(value.startswith("@") for values in match.values() for value in values))
    exclusions = made(match)
    drafts, lost, missed = back(kind, exclusions)
    if any(loss.kind == "left-out" for loss in (*lost, *missed)):
        return
    (draft,) = drafts
    (found,) = draft.match
    assert {k: {v.casefold() for v in vs} for k, vs in found.items()} == {
        k: {v.casefold() for v in vs} for k, vs in match.items()
    }


@pytest.mark.parametrize("kind", format_names())
def test_nothing_to_write_is_a_file_without_records(kind):
    exported = format_of(kind).write([], TODAY)
    assert (exported.exclusions, exported.losses) == ((), ())


def test_the_columns_of_the_csv_are_these():
    assert ",".join(HEADER) == (
        "id,title,scenario,rules,device,url,hash,process,parent_process,command_line,parent_command_line,path,"
        "registry_key,account,app,ip,signer,port,user_agent,where,"
        "weekly,intervals,timezone,reason,ticket,owner,created,expires,approved_by,status,broad,placement,notes,tags"
    )
