"""`fpctl lists`: check, add, remove."""

from __future__ import annotations

import io
import sys

import pytest

from records_support import EXCLUSION, RULE_ID, SHA256

SHA1 = "994a997c61332e9bdd94520abd5b2dd7aedff89c"
USER = f"id: fp-h\nrules: [{RULE_ID}]\nmatch: {{hash: '@lists/agents.txt'}}\n"


@pytest.fixture
def agents(repository):
    """Return the file of a list that an exclusion uses."""
    folder = repository / "exclusions" / "lists"
    folder.mkdir()
    path = folder / "agents.txt"
    path.write_text(f"# deployment agents\n{SHA256}  # 0.9.12\n", encoding="utf-8")
    (repository / "exclusions" / "fp-h.yaml").write_text(USER, encoding="utf-8")
    return path


def test_a_good_list_is_counted(fpctl, agents):
    outcome = fpctl("lists", "check")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[2].split() == ["lists/agents.txt", "hash", "1", "1"]


def test_bad_lines_and_duplicates_are_told_by_line(fpctl, agents):
    agents.write_text(f"{SHA256}\n\nnot-a-hash # x\n{SHA256.upper()}\n", encoding="utf-8")
    outcome = fpctl("lists", "check", "agents")
    assert outcome.code == 2
    assert "exclusions/lists/agents.txt:3:1: error: `not-a-hash`: a hash has 32 (MD5), 40 (SHA-1)" in outcome.err
    assert "exclusions/lists/agents.txt:4:1: warning: `" in outcome.err
    assert "is already on line 1\n  hint: remove one of them\n" in outcome.err
    assert outcome.err.endswith("1 error, 1 warning\n")


def test_a_list_is_checked_for_every_field_that_uses_it(fpctl, agents, repository):
    text = USER.replace("fp-h", "fp-d").replace("hash:", "device:")
    (repository / "exclusions" / "fp-d.yaml").write_text(text, encoding="utf-8")
    agents.write_text(f"{SHA1}\n", encoding="utf-8")
    outcome = fpctl("lists", "check", "--format", "json")
    assert outcome.code == 0
    (one,) = outcome.json["lists"]
    assert (one["fields"], one["exclusions"], one["values"]) == (["device", "hash"], ["fp-d", "fp-h"], 1)


def test_a_list_that_nobody_uses_is_a_warning(fpctl, agents, repository):
    (repository / "exclusions" / "fp-h.yaml").unlink()
    outcome = fpctl("lists", "check")
    assert outcome.code == 1
    assert outcome.err == (
        "exclusions/lists/agents.txt: warning: no exclusion uses the list\n"
        "  hint: refer to it as @lists/agents.txt, or remove the file\n1 warning\n"
    )


def test_a_list_that_is_asked_for_and_missing_is_an_error(fpctl, agents):
    agents.unlink()
    outcome = fpctl("lists", "check")
    assert outcome.code == 2
    assert "exclusions/lists/agents.txt: error: cannot read the file: No such file or directory\n" in outcome.err
    assert "  hint: used by fp-h\n" in outcome.err


def test_ten_thousand_lines_are_checked(fpctl, agents):
    lines = [f"{number:064x}" for number in range(1, 10_001)]
    agents.write_text("\n".join([*lines, lines[7]]) + "\n", encoding="utf-8")
    outcome = fpctl("lists", "check", "--format", "json")
    (one,) = outcome.json["lists"]
    assert one["values"] == 10_000
    assert [(problem["code"], problem["line"]) for problem in one["problems"]] == [("duplicate-value", 10_001)]


def test_values_are_added_at_the_end_and_what_is_there_stays(fpctl, agents):
    before = agents.read_text(encoding="utf-8")
    outcome = fpctl("lists", "add", "agents", SHA1, SHA256.upper(), "--comment", "0.9.13")
    assert outcome.code == 0
    assert outcome.err == (
        f"exclusions/lists/agents.txt already contains {SHA256.upper()}\n1 value added to exclusions/lists/agents.txt\n"
    )
    assert agents.read_text(encoding="utf-8") == f"{before}{SHA1}  # 0.9.13\n"


def test_line_ends_stay_and_a_missing_last_one_is_made(fpctl, agents):
    agents.write_bytes(f"# x\r\n{SHA256}".encode())
    fpctl("lists", "add", "lists/agents.txt", SHA1)
    assert agents.read_bytes() == f"# x\r\n{SHA256}\r\n{SHA1}\r\n".encode()


def test_a_new_list_says_what_it_is_for(fpctl, repository):
    outcome = fpctl("lists", "add", "hosts", "build01", "build02", "--field", "device")
    assert outcome.code == 0, outcome.err
    text = (repository / "exclusions" / "lists" / "hosts.txt").read_text(encoding="utf-8")
    assert text == "# field: device\nbuild01\nbuild02\n"
    assert fpctl("lists", "add", "hosts", "build 03").code == 2
    assert fpctl("lists", "add", "hosts", "build03").code == 0


def test_values_are_read_from_stdin_with_their_comments_left_out(fpctl, agents, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"# a file of mine\n{SHA1} # x\n\n"))
    assert fpctl("lists", "add", "agents", "-").code == 0
    assert agents.read_text(encoding="utf-8").endswith(f"\n{SHA1}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "agents", "xyz"),
         "fpctl: `xyz` is not added to exclusions/lists/agents.txt: "
         "a hash has 32 (MD5), 40 (SHA-1), 64 (SHA-256) hex digits; this has other characters than hex digits\n"),
        (("add", "new", "x"),
         "fpctl: the field of the list exclusions/lists/new.txt is unknown\n"
         "  hint: give it with --field, such as --field hash\n"),
        (("add", "new", "x", "--field", "hahs"), "fpctl: there is no field `hahs`\n  hint: did you mean `hash`?\n"),
        (("add", "../../etc/x", "v", "--field", "device"),
         "fpctl: `../../etc/x` is not a list\n  hint: lists are files lists/NAME.txt of exclusions\n"),
        (("add", "new", "a # b", "--field", "command_line"),
         "fpctl: `a # b` is not added to exclusions/lists/new.txt: it does not fit on a line of its own\n"),
        (("remove", "agents", SHA1), f"fpctl: exclusions/lists/agents.txt does not have `{SHA1}`\n"),
        (("remove", "agnts", SHA1), "fpctl: there is no list exclusions/lists/agnts.txt\n"
         "  hint: did you mean `lists/agents.txt`?\n"),
        (("remove", "agents", SHA256),
         "fpctl: exclusions/lists/agents.txt is in use and would be empty\n"
         "  hint: retire what uses it first: fp-h\n"),
        (("check", "nosuch"), "fpctl: there is no list exclusions/lists/nosuch.txt\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_not_done(fpctl, agents, arguments, message):
    before = agents.read_bytes()
    outcome = fpctl("lists", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith(message)
    assert agents.read_bytes() == before
    assert [path.name for path in agents.parent.iterdir()] == ["agents.txt"]


def test_removing_takes_the_line_with_its_comment_and_nothing_else(fpctl, agents):
    agents.write_bytes(f"\ufeff# agents\r\n\r\n{SHA256}  # old\r\n# keep\r\n{SHA1}".encode())
    outcome = fpctl("lists", "remove", "agents", SHA256.upper())
    assert (outcome.code, outcome.err) == (0, "1 value removed from exclusions/lists/agents.txt\n")
    assert agents.read_bytes() == f"\ufeff# agents\r\n\r\n# keep\r\n{SHA1}".encode()


def test_one_value_that_is_not_there_removes_none(fpctl, agents):
    agents.write_text(f"{SHA256}\n{SHA1}\n", encoding="utf-8")
    assert fpctl("lists", "remove", "agents", SHA1, "f" * 40).code == 2
    assert agents.read_text(encoding="utf-8") == f"{SHA256}\n{SHA1}\n"


def test_a_changed_list_changes_what_the_exclusion_matches(fpctl, agents):
    assert SHA1 not in fpctl("apply").out
    fpctl("lists", "add", "agents", SHA1)
    assert SHA1 in fpctl("apply").out


def test_a_list_of_a_broken_exclusion_is_not_taken_for_an_unused_one(fpctl, agents, repository):
    (repository / "exclusions" / "fp-h.yaml").write_text(f"{USER}unknown: key\n", encoding="utf-8")
    assert fpctl("lists", "check").code == 0


def test_without_an_exclusions_folder_it_is_said(fpctl, repository):
    (repository / "exclusions").rmdir()
    outcome = fpctl("lists", "check")
    assert (outcome.code, outcome.err) == (
        2,
        "fpctl: there is no exclusions folder exclusions\n  hint: give it with --exclusions\n",
    )


def test_exclusions_without_lists_have_none(fpctl, repository):
    (repository / "exclusions" / "a.yaml").write_text(EXCLUSION, encoding="utf-8")
    assert fpctl("lists", "check", "--format", "json").json == {"lists": [], "problems": []}
