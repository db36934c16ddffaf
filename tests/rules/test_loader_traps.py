"""Folders with files that people, editors and attackers make: a problem with its place, or the right exclusion."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fpctl.errors import Problem
from fpctl.exclusions.loader import load_exclusions
from fpctl.rules.loader import load_rules

TEXT = """\
id: fp-1
title: 'a title'
rules: ["*"]
match:
  device: [build01, "@lists/hosts.txt"]
reason: why
owner: a@contoso.com
created: 2026-11-01
expires: 2027-01-01
broad: true
"""
RULE = "id: r\nname: r\nquery: |\n  T\n  | where a == 1\n"


def problems_of(folder: Path, data: bytes, *, hosts: bytes = b"h1\n") -> tuple[Problem, ...]:
    (folder / "lists").mkdir(exist_ok=True)
    (folder / "lists" / "hosts.txt").write_bytes(hosts)
    (folder / "x.yaml").write_bytes(data)
    return load_exclusions(folder).problems


def changed(old: str, new: str) -> bytes:
    assert old in TEXT
    return TEXT.replace(old, new).encode()


BOMB = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [{'*a,' if not i else f'*b{i - 1},' * 9}]\n" for i in range(20))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (changed("broad: true", "broad: no"), "x.yaml:10:8: error: `no` is neither true nor false"),
        (changed("2027-01-01", '"tomorrow"'), "x.yaml:9:10: error: `tomorrow` is not a date"),
        (changed("2027-01-01", '"2027-02-30"'), "x.yaml:9:10: error: `2027-02-30` is not a date"),
        (changed("title:", "id:"), "x.yaml:2:1: error: the key `id` is given twice"),
        (changed("fp-1", "fp\0-1"), "x.yaml:1:7: error: not valid YAML: the character U+0000 is not allowed"),
        (changed("why", "caf\x80").decode().encode("latin-1"), "x.yaml:6:12: error: byte 0x80 is not UTF-8"),
        (TEXT.encode("utf-16"), "x.yaml:1:1: error: this is UTF-16, not UTF-8"),
        (TEXT.encode("utf-16-be"), "x.yaml:1:1: error: this is UTF-16, not UTF-8"),
        ((BOMB + TEXT).encode(), "error: aliases multiply the file beyond its size"),
        (b"!!python/object/apply:os.system ['true']\n", "x.yaml:1:1: error: an exclusion is a mapping"),
        (b"", "x.yaml:1:1: error: the file contains no exclusion"),
        (b"\xef\xbb\xbf", "x.yaml:1:1: error: the file contains no exclusion"),
        (changed("why", "why\x1b[31m"), "x.yaml:6:12: error: not valid YAML: the character U+001B is not allowed"),
    ],
)  # fmt: skip
def test_a_trap_is_told_with_its_place(tmp_path: Path, data: bytes, said: str) -> None:
    found = [str(problem).replace(f"{tmp_path}/", "") for problem in problems_of(tmp_path, data)]
    assert any(said in text for text in found), found


@pytest.mark.parametrize(
    ("data", "ticket"),
    [
        (b"\xef\xbb\xbf" + TEXT.encode(), None),
        (TEXT.replace("\n", "\r\n").encode(), None),
        (b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(), None),
        (TEXT.encode() + b"ticket: no\n", "no"),
        (TEXT.encode() + b"ticket: 0x10\n", "0x10"),
        (TEXT.encode() + b"ticket: 2026-01-01\n", "2026-01-01"),
        (TEXT.encode() + b"ticket: 012", "012"),
    ],
)
def test_what_only_looks_like_a_trap_is_read_as_it_is_meant(tmp_path: Path, data: bytes, ticket: str | None) -> None:
    assert problems_of(tmp_path, data, hosts=b"\xef\xbb\xbfh1\r\nh2 # x\r\n") == ()
    (loaded,) = load_exclusions(tmp_path).exclusions
    assert (loaded.exclusion.ticket, loaded.exclusion.title) == (ticket, "a title")
    assert loaded.exclusion.match[0].device == ("build01", "h1", "h2")


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        (b"h1\nh\xe9\n", "byte 0xe9 is not UTF-8 (lists/hosts.txt:2:2)"),
        (b"h1\nh1\n", "lists/hosts.txt:2:1: warning: `h1` is already on line 1"),
        (b"# none\n", "lists/hosts.txt:1:1: error: the list has no values"),
        (b"h1\na b c\n", "lists/hosts.txt:2:1: error: `a b c`"),
    ],
)
def test_a_fault_of_a_list_is_told_with_its_line(tmp_path: Path, hosts: bytes, said: str) -> None:
    found = [str(one).replace(f"{tmp_path}/", "") for one in problems_of(tmp_path, TEXT.encode(), hosts=hosts)]
    assert any(said in text for text in found), found


@pytest.mark.parametrize(
    "data",
    [
        changed("why", "y" * 10_000_000),
        changed("owner:", "notes: |\n" + f"  {'n' * 98}\n" * 100_000 + "owner:"),
        changed('"@lists/hosts.txt"', ", ".join(f"d{number}" for number in range(100_000))),
        TEXT.encode() + b"#" * 10_000_000,
        ("[" * 1_000_000).encode(),
        BOMB.encode(),
    ],
    ids=["value", "block", "list", "comment", "brackets", "bomb"],
)
def test_a_large_file_takes_memory_in_proportion_to_its_size(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "lists").mkdir()
    tracemalloc.start()
    try:
        problems_of(tmp_path, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000 + 120 * len(data)


def test_a_file_that_nobody_wrote_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.yaml").open("wb") as file:
        file.truncate(200_000_000)
    (problem,) = load_exclusions(tmp_path).problems
    assert str(problem).endswith(
        "x.yaml: error: the file has 200,000,000 bytes or more; at most 33,554,432 are read\n"
        "  hint: split the file, or keep values in a list file"
    )


damage = st.lists(
    st.tuples(st.integers(0, 250), st.integers(0, 12), st.sampled_from(
        [b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\t", b"&a ", b"*a", b"!!x ", b"{", b"]", b'"', b": ", b"- ",
         b"\n---\n", b"# ", b"|", b"@lists/hosts.txt", b"@lists/../x", b"no", b"2026-01-01", b"\xed\xa0\x80",
         "é\u2028".encode()],
    )),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=damage, of=st.sampled_from(["exclusion", "list", "rule"]))
def test_damaged_bytes_give_exclusions_or_problems_of_that_folder(
    tmp_path: Path, damage: list[tuple[int, int, bytes]], of: str
) -> None:
    whole = {"exclusion": TEXT.encode(), "list": b"h1\n# a comment\nh2  # another\n", "rule": RULE.encode()}
    data = whole[of]
    for at, length, put in damage:
        at = min(at, len(data))
        data = data[:at] + put + data[at + length :]
    whole[of] = data
    for name in ("exclusions", "rules"):
        (tmp_path / name).mkdir(exist_ok=True)
    problems = problems_of(tmp_path / "exclusions", whole["exclusion"], hosts=whole["list"])
    found = load_exclusions(tmp_path / "exclusions")
    (tmp_path / "rules" / "r.yaml").write_bytes(whole["rule"])
    rules = load_rules(tmp_path / "rules")
    assert found.exclusions or any(problem.severity == "error" for problem in problems)
    assert rules.rules or rules.problems
    for problem in (*problems, *rules.problems):
        assert problem.at.path.startswith(str(tmp_path))
        assert problem.message
