"""The list files of an exclusions folder: who uses them, what is wrong with them, and changes to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fpctl.documents.yaml_node import YamlError, plain_data, read_documents
from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.value_lists.value_list import line_value, parse_list
from fpctl.fields.registry import NAMES, check_value
from fpctl.files import check_inside, read_inside
from fpctl.spelling import did_you_mean
from fpctl.text.source import newline_of

FOLDER = "lists"
"""Below the exclusions folder."""

SUFFIX = ".txt"
_FIELD = re.compile(r"#\s*field:\s*(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ListUse:
    """A list file, the fields it is used for, and the exclusions that use it, sorted."""

    name: str
    path: Path
    fields: tuple[str, ...]
    exclusions: tuple[str, ...]

    @property
    def root(self) -> Path:
        """The exclusions folder."""
        return self.path.parents[len(PurePosixPath(self.name).parts) - 1]


@dataclass(frozen=True, slots=True)
class CheckedList:
    """A list with the fields it was checked for, how many values it has, and what is wrong with it."""

    use: ListUse
    values: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ListChange:
    """A changed list: the file's new text, the values that changed, and those that already were as asked."""

    text: str
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def find_lists(root: Path) -> dict[str, ListUse]:
    """Return the list files below `lists/` of an exclusions folder, and those that an exclusion asks for, by name.

    Exclusions that the loader refuses count as users too, so that a broken list is not taken for an unused one.
    """
    uses: dict[str, tuple[set[str], set[str]]] = {}
    folder = root / FOLDER
    for path in sorted(folder.rglob(f"*{SUFFIX}")) if folder.is_dir() else ():
        if not path.name.startswith("."):
            uses[path.relative_to(root).as_posix()] = (set(), set())
    for path in sorted([*root.rglob("*.yaml"), *root.rglob("*.yml")]) if root.is_dir() else ():
        for reference, field, id in _references(root, path):
            fields, exclusions = uses.setdefault(reference, (set(), set()))
            fields.add(field)
            exclusions.add(id)
    return {
        name: ListUse(name, root / name, tuple(f for f in NAMES if f in fields), tuple(sorted(exclusions)))
        for name, (fields, exclusions) in sorted(uses.items())
    }


def _references(root: Path, path: Path) -> Iterable[tuple[str, str, str]]:
    """Yield (list, field, exclusion id) for each `@name` in a file; a file that is not YAML has none."""
    try:
        text = read_inside(root, path)
        documents = [plain_data(one) for one in read_documents(text, str(path))] if "@" in text else []
    except (YamlError, FpctlError):
        return
    for data in documents:
        match = data.get("match") if isinstance(data, dict) else None
        for alternative in match if isinstance(match, list) else [match]:
            for field, given in alternative.items() if isinstance(alternative, dict) else ():
                for value in given if isinstance(given, list) else [given]:
                    if field in NAMES and isinstance(value, str) and value.startswith("@"):
                        yield value[1:].strip(), field, str(data.get("id"))


def resolve(root: Path, name: str, known: Iterable[str]) -> str:
    """Return the list that `hashes`, `hashes.txt`, `lists/hashes.txt` or `@lists/hashes.txt` names.

    Raises:
        FpctlError: the name leads out of the folder.
    """
    given = name.strip().removeprefix("@").replace("\\", "/")
    candidates = [given, f"{given}{SUFFIX}", f"{FOLDER}/{given}", f"{FOLDER}/{given}{SUFFIX}"]
    names = set(known)
    for candidate in candidates:
        if candidate in names:
            return candidate
    found = given if given.startswith(f"{FOLDER}/") else f"{FOLDER}/{given}"
    found = found if found.endswith(SUFFIX) else found + SUFFIX
    if not given or ".." in Path(found).parts or given.startswith("/") or ":" in given:
        raise FpctlError(f"`{name}` is not a list", None, f"lists are files {FOLDER}/NAME{SUFFIX} of {root}")
    return found


def existing(uses: Mapping[str, ListUse], name: str, root: Path) -> ListUse:
    """Return a list that is there.

    Raises:
        FpctlError: it is not.
    """
    resolved = resolve(root, name, uses)
    use = uses.get(resolved)
    if use is None or not use.path.is_file():
        there = [known for known, one in uses.items() if one.path.is_file()]
        raise FpctlError(f"there is no list {root / resolved}", None, did_you_mean(resolved, there, what="list"))
    return use


def check(use: ListUse) -> CheckedList:
    """Return what is wrong with a list: bad values of each field it is used for, duplicates, no user, no file."""
    path = str(use.path)
    try:
        text = read_inside(use.root, use.path)
    except FpctlError as error:
        hint = f"used by {', '.join(use.exclusions)}" if use.exclusions else error.hint
        return CheckedList(use, 0, (Problem("missing-list", error.message, error.at or Location(path), hint),))
    fields = use.fields or ((stated,) if (stated := stated_field(text)) else ())
    found: dict[tuple[int | None, str], Problem] = {}
    values = 0
    for field in fields or ("signer",):
        # Without any field to go by, every text is a value: duplicates and emptiness are still reported.
        read = parse_list(text, use.name, path, field)
        values = max(values, len(read.entries))
        for problem in read.problems:
            if fields or problem.code != "invalid-value":
                found.setdefault((problem.at.line, problem.message), problem)
    problems = [found[key] for key in sorted(found, key=lambda key: (key[0] or 0, key[1]))]
    if not use.exclusions:
        hint = f"refer to it as @{use.name}, or remove the file"
        problems.append(Problem("unused-list", "no exclusion uses the list", Location(path), hint, "warning"))
    return CheckedList(replace(use, fields=fields), values, tuple(problems))


def stated_field(text: str) -> str | None:
    """Return the field that a comment `# field: hash` of a list names, if it is one."""
    found = _FIELD.search(text)
    return found[1].lower() if found and found[1].lower() in NAMES else None


def added(text: str, values: Sequence[str], fields: Sequence[str], path: str, comment: str | None = None) -> ListChange:
    """Return a list with values added at its end; those already in it stay where they are.

    Args:
        text: the file's present text, empty for a new file.
        fields: what the values must be good for.
        comment: put after each added value.

    Raises:
        FpctlError: a value is not good for a field, or does not fit on a line of its own.
    """
    newline = newline_of(text)
    known = {value.casefold() for value in _lines(text)}
    new: list[str] = []
    old: list[str] = []
    for given in values:
        value = given.strip()
        for field in fields:
            if problem := check_value(field, value):
                raise FpctlError(f"`{value}` is not added to {path}: {problem.message}", None, problem.hint)
        if line_value(value) != value or not value or "\n" in value or "\r" in value:
            raise FpctlError(f"`{value}` is not added to {path}: it does not fit on a line of its own", None, None)
        (old if value.casefold() in known else new).append(value)
        known.add(value.casefold())
    said = f"  # {' '.join(comment.split())}" if comment and comment.strip() else ""
    lead = newline if text and not text.endswith("\n") and new else ""
    return ListChange(text + lead + "".join(f"{value}{said}{newline}" for value in new), tuple(new), tuple(old))


def removed(text: str, values: Sequence[str], path: str) -> ListChange:
    """Return a list without values: their lines are removed, each with the comment after the value.

    Raises:
        FpctlError: a value is not in the list; nothing is removed then.
    """
    lines = text.split("\n")
    wanted = {value.strip().casefold(): value.strip() for value in values}
    there = {value.casefold() for value in _lines(text)}
    missing = [value for folded, value in wanted.items() if folded not in there]
    if missing:
        hint = did_you_mean(missing[0], sorted(set(_lines(text)))[:5000], what="list")
        raise FpctlError(f"{path} does not have `{missing[0]}`", None, hint)
    kept = [line for line in lines if line_value(line.removeprefix("\ufeff")).casefold() not in wanted]
    result = "\n".join(kept)
    if text.startswith("\ufeff") and not result.startswith("\ufeff"):
        result = "\ufeff" + result
    return ListChange(result, tuple(wanted.values()), ())


def _lines(text: str) -> list[str]:
    return [value for line in text.removeprefix("\ufeff").split("\n") if (value := line_value(line))]


def new_list(field: str) -> str:
    """Return the beginning of a new list: a comment that says what it is for."""
    return f"# field: {field}\n"


def holds_values(text: str) -> bool:
    """Return whether a list has any value."""
    return bool(_lines(text))


def add_to_list(
    root: Path,
    name: str,
    use: ListUse | None,
    values: Sequence[str],
    field: str | None = None,
    comment: str | None = None,
) -> ListChange:
    """Return a list, which need not exist yet, with values added.

    Args:
        root: the exclusions folder.
        name: the list, relative to it.
        use: who uses it, if anybody does.
        field: what a new list is for.
        comment: put after each added value.

    Raises:
        FpctlError: nothing says what the list is for, a value is not good for that, or a link leads out of the
            folder.
    """
    if field is not None and field not in NAMES:
        raise FpctlError(f"there is no field `{field}`", None, did_you_mean(field, NAMES, what="field"))
    path = root / name
    check_inside(root, path)
    text = read_inside(root, path) if path.exists() else ""
    stated = field or stated_field(text)
    fields = use.fields if use is not None and use.fields else (stated,) if stated else ()
    if not fields:
        raise FpctlError(f"the field of the list {path} is unknown", None, "give it with --field, such as --field hash")
    return added(text or new_list(fields[0]), values, fields, str(path), comment)


def remove_from_list(use: ListUse, values: Sequence[str]) -> ListChange:
    """Return a list without values.

    Raises:
        FpctlError: a value is not in the list, or a list that is in use would be empty.
    """
    change = removed(read_inside(use.root, use.path), values, str(use.path))
    if use.exclusions and not holds_values(change.text):
        hint = f"retire what uses it first: {', '.join(use.exclusions)}"
        raise FpctlError(f"{use.path} is in use and would be empty", None, hint)
    return change
