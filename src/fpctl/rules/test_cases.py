"""Tests of a rule: events that must fire, and events that must stay quiet.

They are under `tests:` of a YAML rule, or next to the rule in `<name>.tests.yaml` (and
`<name>.<anything>.tests.yaml`). docs/tuning.md describes the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from fpctl.documents.yaml_node import Node, YamlError, read_documents
from fpctl.errors import FpctlError, Location, Problem
from fpctl.files import read_inside
from fpctl.rules.formats.registry import SUFFIXES, LoadedRule
from fpctl.rules.result_rows import read_rows
from fpctl.spelling import did_you_mean

CaseKind = Literal["must-fire", "must-stay-quiet"]

ENDINGS = (".tests.yaml", ".tests.yml")
"""What the names of files of tests end in; they are not rules."""

_KEYS: Mapping[str, CaseKind] = {"must_fire": "must-fire", "must_stay_quiet": "must-stay-quiet"}
_CASE_KEYS = ("name", "now", "rows", "files", "background")
_FILE_KEYS = (*_KEYS, "now", "rule")

Rows = Mapping[str, tuple[Mapping[str, Any], ...]]
"""By table, rows as mappings of column to value; a time may be relative to the case's now (`-1h`)."""


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One test.

    Attributes:
        rows: the events that the test is about.
        background: events around them that make the rule work (a baseline, more rows for a threshold); an
            exclusion may suppress these.
        now: what `now()` is; None where the test does not say, and then relative times are all it has.
        at: where the case is.
    """

    name: str
    kind: CaseKind
    rows: Rows
    background: Rows
    now: datetime | None
    at: Location


@dataclass(frozen=True, slots=True)
class RuleTests:
    """The tests of one rule in the order of their files, and what is wrong in these."""

    cases: tuple[RuleCase, ...]
    problems: tuple[Problem, ...] = ()

    def must_fire(self) -> tuple[RuleCase, ...]:
        """Return the cases of events that must fire."""
        return tuple(case for case in self.cases if case.kind == "must-fire")


def is_test_file(name: str) -> bool:
    """Return whether a file of this name holds tests."""
    return name.lower().endswith(ENDINGS)


class RuleTestCache:
    """The tests of rules, for who asks for those of many again and again: each folder and file is read once."""

    def __init__(self) -> None:
        self._names: dict[Path, tuple[str, ...]] = {}
        self._read: dict[tuple[str, int], RuleTests] = {}

    def cases_of(self, loaded: LoadedRule) -> RuleTests:
        """Return the tests of a rule: those in its own file, then those of the files beside it.

        A broken case is left out, and a problem says why and where.
        """
        key = loaded.path, loaded.line
        if key not in self._read:
            reader = _Reader(loaded)
            if "tests" in loaded.rule.metadata:
                reader.own_file()
            for path in self.files_of(Path(loaded.path)):
                reader.file(path)
            self._read[key] = RuleTests(tuple(reader.cases), tuple(reader.problems))
        return self._read[key]

    def files_of(self, rule_file: Path) -> list[Path]:
        """Return the files of tests that belong to a rule file, sorted by name."""
        folder = rule_file.parent
        if folder not in self._names:
            try:
                names = sorted(path.name for path in folder.iterdir() if is_test_file(path.name))
            except OSError:
                names = []
            self._names[folder] = tuple(names)
        stem = rule_file.stem
        found: list[Path] = []
        for name in self._names[folder]:
            own = re.sub(r"\.tests\.ya?ml$", "", name, flags=re.IGNORECASE)
            if own == stem or (own.startswith(f"{stem}.") and not _other_rule(folder, stem, own)):
                found.append(folder / name)
        return found


def cases_of(loaded: LoadedRule) -> RuleTests:
    """Return the tests of one rule; see `RuleTestCache.cases_of`."""
    return RuleTestCache().cases_of(loaded)


def _other_rule(folder: Path, stem: str, own: str) -> bool:
    """Return whether `a.b.tests.yaml` belongs to a rule `a.b` rather than to `a`."""
    rest = own[len(stem) + 1 :].split(".")
    longer = [f"{stem}.{'.'.join(rest[:count])}" for count in range(1, len(rest) + 1)]
    return any((folder / f"{name}{suffix}").is_file() for name in longer for suffix in SUFFIXES)


class _Bad(Exception):
    def __init__(self, code: str, message: str, node: Node, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.node, self.hint = code, message, node, hint


@dataclass(slots=True)
class _Reader:
    loaded: LoadedRule
    cases: list[RuleCase] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def _root(self) -> Path:
        """The folder of the rules: a file of tests, and the events that it names, are inside it."""
        depth = len(PurePosixPath(self.loaded.rule.path).parts)
        return Path(self.loaded.path).absolute().parents[depth - 1]

    def own_file(self) -> None:
        path = self.loaded.path
        try:
            documents = read_documents(self.loaded.text.file_text, path)
        except YamlError as error:
            hint = f"put the tests into {PurePosixPath(self.loaded.rule.path).stem}.tests.yaml"
            self.problems.append(
                Problem("invalid-yaml", f"`tests` is not read: {error.message}", error.at or Location(path), hint)
            )
            return
        for root in documents:
            if root.line != self.loaded.line:
                continue
            for key, value in root.pairs or ():
                if key.text == "tests":
                    self._group(value, path)

    def file(self, path: Path) -> None:
        try:
            documents = read_documents(read_inside(self._root, path), str(path))
        except FpctlError as error:
            self.problems.append(Problem("unreadable-file", error.message, error.at or Location(str(path)), error.hint))
            return
        for root in documents:
            if root.pairs is None:
                self._problem(
                    _Bad("not-tests", "tests are a mapping with `must_fire` and `must_stay_quiet`", root), str(path)
                )
                continue
            named = next((value for key, value in root.pairs if key.text == "rule"), None)
            if named is None or named.text in (None, self.loaded.rule.id, self.loaded.rule.name):
                self._group(root, str(path))
            else:
                self._of_another(named, named.text, str(path))

    def _of_another(self, node: Node, named: str | None, path: str) -> None:
        """Note tests of a rule that is not in the file beside them: nobody would run them."""
        from fpctl.rules.formats.registry import read_rule_file

        loaded = self.loaded
        rules = read_rule_file(loaded.text.file_text, loaded.path, loaded.rule.path).rules
        names = {name for one in rules for name in (one.rule.id, one.rule.name)}
        if named is not None and named not in names and loaded.line == rules[0].line:
            hint = did_you_mean(named, names, what="rule")
            self._problem(_Bad("unknown-rule", f"there is no rule `{named}` in {loaded.path}", node, hint), path)

    def _group(self, root: Node, path: str) -> None:
        try:
            pairs = _mapping(root, _FILE_KEYS, "tests")
            now = _moment(pairs["now"]) if "now" in pairs else None
        except _Bad as bad:
            self._problem(bad, path)
            return
        for key, kind in _KEYS.items():
            if key not in pairs:
                continue
            node = pairs[key]
            if node.items is None:
                self._problem(
                    _Bad("invalid-tests", f"`{key}` is not a list of cases", node, "begin each with `- name:`"), path
                )
                continue
            for number, item in enumerate(node.items, 1):
                try:
                    self.cases.append(self._case(item, kind, number, now, path))
                except _Bad as bad:
                    self._problem(bad, path)

    def _case(self, node: Node, kind: CaseKind, number: int, now: datetime | None, path: str) -> RuleCase:
        pairs = _mapping(node, _CASE_KEYS, "a case")
        name = (pairs["name"].text or "").strip() if "name" in pairs else ""
        rows = _rows(pairs["rows"]) if "rows" in pairs else {}
        for table, file in _files(pairs.get("files")):
            found = _file_rows(self._root, Path(path).parent / (file.text or ""), file)
            rows[table] = (*rows.get(table, ()), *found)
        if not any(rows.values()):
            raise _Bad(
                "invalid-tests",
                "the case has no events",
                node,
                "give `rows: {Table: [{Column: value}]}` or `files: {Table: path}`",
            )
        background = _rows(pairs["background"]) if "background" in pairs else {}
        own_now = _moment(pairs["now"]) if "now" in pairs else now
        return RuleCase(
            name or f"{kind} {number}", kind, rows, background, own_now, Location(path, node.line, node.column)
        )

    def _problem(self, bad: _Bad, path: str) -> None:
        self.problems.append(Problem(bad.code, bad.message, Location(path, bad.node.line, bad.node.column), bad.hint))


def _mapping(node: Node, known: tuple[str, ...], what: str) -> dict[str, Node]:
    if node.pairs is None:
        raise _Bad("invalid-tests", f"{what} is not a mapping", node, f"its keys are {', '.join(known)}")
    found: dict[str, Node] = {}
    for key, value in node.pairs:
        name = key.text or ""
        if name not in known:
            raise _Bad(
                "unknown-key",
                f"unknown key `{name}` in {what}",
                key,
                did_you_mean(name, known) or f"its keys are {', '.join(known)}",
            )
        if name in found:
            raise _Bad("duplicate-key", f"the key `{name}` is given twice", key, "keep one of them")
        found[name] = value
    return found


def _rows(node: Node) -> dict[str, tuple[Mapping[str, Any], ...]]:
    if node.pairs is None:
        raise _Bad(
            "invalid-tests",
            "rows are given by table",
            node,
            "write `rows: {DeviceNetworkEvents: [{DeviceName: build01}]}`",
        )
    found: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for table, given in node.pairs:
        rows = given.items if given.items is not None else [given]
        for row in rows:
            if row.pairs is None:
                raise _Bad(
                    "invalid-tests", "a row is a mapping of columns and values", row, "write `- DeviceName: build01`"
                )
        found[table.text or ""] = tuple(
            {key.text or "": _cell(value) for key, value in row.pairs or ()} for row in rows
        )
    return found


def _files(node: Node | None) -> Iterator[tuple[str, Node]]:
    if node is None:
        return
    if node.pairs is None:
        raise _Bad(
            "invalid-tests", "files are given by table", node, "write `files: {DeviceNetworkEvents: attack.jsonl}`"
        )
    for table, file in node.pairs:
        if not file.text:
            raise _Bad("invalid-tests", "the path of a file is a text", file)
        yield table.text or "", file


def _file_rows(root: Path, path: Path, node: Node) -> list[Mapping[str, Any]]:
    try:
        return read_rows(read_inside(root, path), str(path))
    except FpctlError as error:
        raise _Bad(
            "unreadable-file",
            str(error),
            node,
            "paths are relative to the file of tests; JSON Lines, JSON and CSV are read",
        ) from error


_WORDS = {"true": True, "false": False}


def _cell(node: Node) -> Any:
    """Return a value: in a row a plain `443` is a number and `true` a boolean; in quotes they are texts."""
    if node.pairs is not None:
        return {key.text or "": _cell(value) for key, value in node.pairs}
    if node.items is not None:
        return [_cell(item) for item in node.items]
    if node.is_null():
        return None
    text = node.text or ""
    if node.style is None:
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if re.fullmatch(r"-?(?:0|[1-9]\d{0,3999})", text):
            return int(text)
        if re.fullmatch(r"-?(?:0|[1-9]\d*)\.\d+", text):
            return float(text)
    return text


def _moment(node: Node) -> datetime:
    try:
        moment = datetime.fromisoformat((node.text or "").strip())
    except ValueError as error:
        raise _Bad("invalid-date", f"`{node.text}` is not a valid time", node, "write 2026-11-20T00:00:00Z") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
