"""Whole folders: everything right is loaded, everything wrong is said, in the same order every time."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from fpctl.errors import FpctlError
from fpctl.exclusions.loader import ExclusionSet, load_exclusions
from fpctl.exclusions.references import check_references
from fpctl.rules.loader import RuleSet, load_rules

RULE = "id: {id}\nname: Rule {id}\nquery: |\n  T\n  | count\n"
EXCLUSION = "id: {id}\nrules: [{rule}]\nmatch: {{device: [b]}}\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


def rules(root: Path, **files: str) -> RuleSet:
    return load_rules(write(root, {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}))


def exclusions(root: Path, files: dict[str, str]) -> ExclusionSet:
    return load_exclusions(write(root, files))


def shown(problems: object, root: Path) -> list[str]:
    assert isinstance(problems, tuple)
    return [str(problem).replace(str(root), "ROOT") for problem in problems]


def test_rules_of_every_format_are_found_in_order_of_their_paths(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "b/two.YML": RULE.format(id="two"),
            "b/one.kql": "T | count",
            "a.md": "# A\n```kql\nT\n| count\n```\n",
            "c.json": json.dumps({"name": "c", "query": "T"}),
            ".hidden/x.yaml": RULE.format(id="hidden"),
            ".y.yaml": RULE.format(id="hidden"),
            "notes.rst": "T | count",
        },
    )
    loaded = load_rules(tmp_path)
    assert [rule.rule.id for rule in loaded.rules] == ["a.md", "b/one.kql", "two", "c.json"]
    assert loaded.problems == ()
    assert [file.path for file in loaded.files] == [
        str(tmp_path / n) for n in ("a.md", "b/one.kql", "b/two.YML", "c.json")
    ]


def test_one_file_is_a_folder_of_one(tmp_path: Path) -> None:
    write(tmp_path, {"r.kql": "T"})
    assert [rule.rule.path for rule in load_rules(tmp_path / "r.kql").rules] == ["r.kql"]


def test_a_broken_file_is_left_out_and_the_others_load(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "id: a\n", "b.yaml": RULE.format(id="b")})
    (tmp_path / "c.kql").write_bytes(b"T\n| where a == '\xff'")
    loaded = load_rules(tmp_path)
    assert [rule.rule.id for rule in loaded.rules] == ["b"]
    assert shown(loaded.problems, tmp_path) == [
        "ROOT/a.yaml:1:1: error: the rule has no `query`\n  hint: add the key `query: |` with the KQL below it",
        "ROOT/c.kql:2:15: error: byte 0xff is not UTF-8\n"
        "  hint: it is `ÿ` in Windows-1252 (Latin-1): save the file as UTF-8",
    ]


def test_rules_of_one_id_are_a_warning_at_each_place(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": RULE.format(id="x"), "b.yaml": "\n" + RULE.format(id="X")})
    loaded = load_rules(tmp_path)
    assert len(loaded.rules) == 2
    hint = "give each rule a unique id; an exclusion that names this id applies to all of them"
    assert shown(loaded.problems, tmp_path) == [
        f"ROOT/a.yaml:1: warning: the rule id `x` is also used at ROOT/b.yaml:2\n  hint: {hint}",
        f"ROOT/b.yaml:2: warning: the rule id `X` is also used at ROOT/a.yaml:1\n  hint: {hint}",
    ]


def test_exclusions_of_one_id_are_errors_at_each_place_and_none_is_in_force(tmp_path: Path) -> None:
    found = exclusions(
        tmp_path,
        {
            "a.yaml": EXCLUSION.format(id="x", rule="r"),
            "b.yaml": EXCLUSION.format(id="y", rule="r") + "---\n" + EXCLUSION.format(id="x", rule="r"),
        },
    )
    assert [loaded.id for loaded in found.exclusions] == ["y"]
    hint = "give each exclusion a unique id"
    assert shown(found.problems, tmp_path) == [
        f"ROOT/a.yaml:1: error: the id `x` is also used at ROOT/b.yaml:5; none of them is active\n  hint: {hint}",
        f"ROOT/b.yaml:5: error: the id `x` is also used at ROOT/a.yaml:1; none of them is active\n  hint: {hint}",
    ]


def test_exclusions_come_in_order_of_their_ids(tmp_path: Path) -> None:
    found = exclusions(
        tmp_path, {"a.yaml": EXCLUSION.format(id="z", rule="r"), "b.yml": EXCLUSION.format(id="b", rule="r")}
    )
    assert [loaded.id for loaded in found.exclusions] == ["b", "z"]
    assert found.get("z").path == str(tmp_path / "a.yaml")
    with pytest.raises(FpctlError) as caught:
        found.get("zz")
    assert str(caught.value) == "no exclusion has the id `zz`\n  hint: did you mean `z`?"


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (load_rules, "there is no rules folder or file"),
        (load_exclusions, "there is no exclusions folder or file"),
    ],
)
def test_a_missing_folder_is_an_error(tmp_path: Path, load: object, message: str) -> None:
    assert callable(load)
    with pytest.raises(FpctlError, match=message):
        load(tmp_path / "nowhere")


def test_an_unreadable_file_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": EXCLUSION.format(id="a", rule="r")})
    (tmp_path / "b.yaml").symlink_to(tmp_path / "gone.yaml")
    found = load_exclusions(tmp_path)
    assert [loaded.id for loaded in found.exclusions] == ["a"]
    assert shown(found.problems, tmp_path) == [
        "ROOT/b.yaml: error: cannot read the file: No such file or directory\n"
        "  hint: check the path, and that you may read it"
    ]


def test_selecting_rules_by_id_name_path_glob_and_tag(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.yaml": RULE.format(id="x") + "tags: [t]\n", "a/y.yaml": RULE.format(id="y"), "b.kql": "T"})
    loaded = load_rules(tmp_path)

    def ids(*patterns: str) -> list[str]:
        return [rule.rule.id for rule in loaded.select(patterns)]

    assert ids() == ["x", "y", "b.kql"]
    assert ids("y") == ["y"]
    assert ids("Rule x") == ["x"]
    assert ids("a/y.yaml") == ["y"]
    assert ids(str(tmp_path / "a" / "y.yaml")) == ["y"]
    assert ids(os.path.join(str(tmp_path), ".", "b.kql")) == ["b.kql"]  # noqa: PTH118 - as a shell would give it
    assert ids("b.kql", "a/*") == ["x", "y", "b.kql"]
    assert ids("tag:t") == ["x"]
    with pytest.raises(FpctlError) as caught:
        loaded.select(["Rule xx"])
    assert str(caught.value) == "no rule matches `Rule xx`\n  hint: did you mean `Rule x`?"


def test_a_selector_that_names_a_rule_which_is_not_there_is_a_problem(tmp_path: Path) -> None:
    loaded = rules(tmp_path / "rules", x_yaml=RULE.format(id="rule-x"))
    found = exclusions(
        tmp_path / "exclusions",
        {
            "a.yaml": EXCLUSION.format(id="a", rule="rule-y"),
            "b.yaml": EXCLUSION.format(id="b", rule="rule-x, 'Rule rule-x', x.yaml, 'id:RULE-X', 'name:Rule rule-x'"),
            "c.yaml": EXCLUSION.format(id="c", rule="'*', 'none*', 'tag:none', 'table:None', 'technique:T9'"),
            "d.yaml": EXCLUSION.format(id="d", rule="'id:x.yaml'"),
        },
    )
    assert shown(check_references(loaded, found), tmp_path) == [
        "ROOT/exclusions/a.yaml:2:9: error: exclusion a names the rule `rule-y`, which does not exist\n"
        "  hint: did you mean `rule-x`?",
        "ROOT/exclusions/d.yaml:2:9: error: exclusion d names the rule `id:x.yaml`, which does not exist\n"
        "  hint: did you mean `x.yaml`?",
    ]


# --------------------------------------------------------------------------- lists

HASHES = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(3)]


def test_a_list_gives_its_values_and_counts_in_the_content_hash(tmp_path: Path) -> None:
    text = f"# known agents\n{HASHES[0]}   # first\n\n  {HASHES[1]}\r\n"
    files = {"a.yaml": "id: a\nrules: r\nmatch: {hash: '@lists/agents.txt'}\n", "lists/agents.txt": text}
    first = exclusions(tmp_path, files).exclusions[0]
    assert first.exclusion.match[0].hash == (HASHES[0], HASHES[1])
    assert first.lists == ("lists/agents.txt",)
    files["lists/agents.txt"] += HASHES[2]
    second = exclusions(tmp_path, files).exclusions[0]
    assert second.exclusion.match[0].hash == tuple(HASHES)
    assert second.content_hash != first.content_hash


def test_lists_and_values_mix(tmp_path: Path) -> None:
    files = {"a.yaml": "id: a\nrules: r\nmatch: {device: [x, '@d.txt', z]}\n", "d.txt": "\ufeffy1\ny2\n"}
    assert exclusions(tmp_path, files).exclusions[0].exclusion.match[0].device == ("x", "y1", "y2", "z")


def test_a_bad_value_after_a_list_is_located_where_it_stands(tmp_path: Path) -> None:
    files = {"a.yaml": "id: a\nrules: r\nmatch: {device: ['@d.txt', a b]}\n", "d.txt": "x\ny\nz\n"}
    (problem,) = exclusions(tmp_path, files).problems
    assert (problem.at.line, problem.at.column, problem.message) == (3, 28, "a device name has no spaces")


def test_bad_lines_of_a_list_are_located_and_leave_its_exclusions_out(tmp_path: Path) -> None:
    found = exclusions(
        tmp_path,
        {
            "a.yaml": "id: a\nrules: r\nmatch: {hash: ['@h.txt']}\n",
            "b.yaml": "id: b\nrules: r\nmatch: {hash: ['@h.txt']}\n",
            "c.yaml": "id: c\nrules: r\nmatch: {device: [x]}\n",
            "h.txt": f"{HASHES[0]}\n  abc\n{HASHES[0].upper()}\n",
        },
    )
    assert [loaded.id for loaded in found.exclusions] == ["c"]
    assert shown(found.problems, tmp_path) == [
        "ROOT/b.yaml:3:16: error: the list `@h.txt` has errors\n  hint: see its first use",
        "ROOT/h.txt:2:3: error: `abc`: a hash has 32 (MD5), 40 (SHA-1), 64 (SHA-256) hex digits; this has 3 characters",
        f"ROOT/h.txt:3:1: warning: `{HASHES[0].upper()[:57]}...` is already on line 1\n  hint: remove one of them",
    ]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("@gone.txt", "the list `@gone.txt` cannot be read: cannot read the file: No such file or directory"),
        ("@../x.txt", "`@../x.txt` is not a list in the exclusions folder"),
        ("@/etc/passwd", "`@/etc/passwd` is not a list in the exclusions folder"),
        ("@", "`@` is not a list in the exclusions folder"),
    ],
)
def test_a_list_that_cannot_be_read_is_a_problem_where_it_is_used(tmp_path: Path, reference: str, message: str) -> None:
    found = exclusions(tmp_path, {"a.yaml": f"id: a\nrules: r\nmatch:\n  hash: ['{reference}']\n"})
    assert found.exclusions == ()
    (problem,) = found.problems
    assert problem.message.partition(" (")[0] == message
    assert (problem.at.line, problem.at.column) == (4, 10)


def test_an_empty_list_is_an_error(tmp_path: Path) -> None:
    found = exclusions(tmp_path, {"a.yaml": "id: a\nrules: r\nmatch: {hash: '@h.txt'}\n", "h.txt": "# none yet\n"})
    assert found.exclusions == ()
    assert "ROOT/h.txt:1:1: error: the list has no values\n  hint: add values, one per line" in shown(
        found.problems, tmp_path
    )
