"""`fpctl lists`: the value lists that exclusions refer to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.exclusions.value_lists.list_file import CheckedList, ListChange, ListUse

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Value list: hashes, hashes.txt or lists/hashes.txt.", autocompletion=completion.list_names
    ),
]


def check(
    files: options.ExclusionFiles,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Value lists (default: all).")] = None,
    format: options.TextFormat = "text",
) -> int:
    """Check value lists for invalid values and duplicates, and for unused and missing lists.

    A list is checked for the fields that exclusions use it for. A list that is not used yet is checked for the
    field in its comment, such as `# field: hash`. Exit code 1: there are only warnings. 2: there are errors.
    """
    from fpctl.exclusions.value_lists.list_file import check as check_list
    from fpctl.exclusions.value_lists.list_file import existing, find_lists

    root = _root(AppContext(files))
    uses = find_lists(root)
    chosen = [existing(uses, name, root) for name in names] if names else list(uses.values())
    found = [check_list(use) for use in chosen]
    problems = [problem for one in found for problem in one.problems]
    if format == "json":
        output.show_json({"lists": [_document(one) for one in found]}, problems)
    else:
        rows = [(one.use.name, ", ".join(one.use.fields) or None, one.values, len(one.use.exclusions)) for one in found]
        output.show_table(["list", "used for", "values", "exclusions"], rows, right=["values", "exclusions"])
    output.show_problems(problems)
    if any(problem.severity == "error" for problem in problems):
        return EXIT_ERROR
    return EXIT_FINDINGS if problems else EXIT_OK


def add(
    name: Name,
    values: Annotated[list[str], typer.Argument(metavar="VALUE", help="Values to add, or - for stdin.")],
    files: options.ExclusionFiles,
    field: Annotated[
        str | None, typer.Option("--field", metavar="FIELD", help="Field of a new list, such as hash or device.")
    ] = None,
    comment: Annotated[
        str | None, typer.Option("--comment", metavar="TEXT", help="Comment to write after each value.")
    ] = None,
    format: options.TextFormat = "text",
) -> int:
    """Add values to a value list, or create one.

    If a value is not valid for the list's field, nothing is added. Values that are already in the list are left
    where they are.
    """
    from fpctl.exclusions.value_lists.list_file import add_to_list, find_lists, resolve

    context = AppContext(files)
    root = _root(context)
    given = _values(values)
    uses = find_lists(root)
    resolved = resolve(root, name, uses)
    use = uses.get(resolved)
    path = root / resolved
    change = _changed(context, use, path, lambda: add_to_list(root, resolved, use, given, field, comment))
    for value in change.unchanged:
        output.say(f"{path} already contains {output.visible(value)}")
    output.say(f"{output.counted(len(change.changed), 'value')} added to {path}")
    if format == "json":
        output.show_json({"file": str(path), "added": list(change.changed), "unchanged": list(change.unchanged)})
    return EXIT_OK


def remove(
    name: Name,
    values: Annotated[list[str], typer.Argument(metavar="VALUE", help="Values to remove, or - for stdin.")],
    files: options.ExclusionFiles,
    format: options.TextFormat = "text",
) -> int:
    """Remove values from a value list, with their lines. Comments and other lines are kept.

    If a value is not in the list, nothing is removed. The last value of a list that is in use cannot be removed,
    because an empty list would make its exclusions invalid.
    """
    from fpctl.exclusions.value_lists.list_file import existing, find_lists, remove_from_list

    context = AppContext(files)
    root = _root(context)
    given = _values(values)
    use = existing(find_lists(root), name, root)
    change = _changed(context, use, use.path, lambda: remove_from_list(use, given))
    output.say(f"{output.counted(len(change.changed), 'value')} removed from {use.path}")
    if format == "json":
        output.show_json({"file": str(use.path), "removed": list(change.changed)})
    return EXIT_OK


def _changed(context: AppContext, use: ListUse | None, path: Path, change: Callable[[], ListChange]) -> ListChange:
    """Change a list, which changes the exclusions that use it; return what was changed.

    The file is read and changed under the lock of the audit trail, so that no other change gets lost.
    """
    from fpctl.files import write_text

    made: list[ListChange] = []

    def write() -> None:
        made.append(change())
        if made[-1].changed:
            write_text(path, made[-1].text)

    context.audit_log.record(write, "list changed", use.exclusions if use is not None else ())
    return made[-1]


def _root(context: AppContext) -> Path:
    root = context.exclusions_path
    if not root.is_dir():
        raise FpctlError(f"there is no exclusions folder {root}", None, "give it with --exclusions")
    return root


def _values(given: Sequence[str]) -> list[str]:
    """Return the values; `-` stands for the lines of stdin, comments left out."""
    from fpctl.exclusions.value_lists.value_list import line_value

    found: list[str] = []
    for value in given:
        if value == "-":
            found += [one for line in sys.stdin.read().splitlines() if (one := line_value(line))]
        else:
            found.append(value)
    if not found:
        raise FpctlError("there are no values on stdin", None, "give one per line")
    return found


def _document(one: CheckedList) -> dict[str, Any]:
    return {
        "name": one.use.name,
        "file": str(one.use.path),
        "fields": list(one.use.fields),
        "exclusions": list(one.use.exclusions),
        "values": one.values,
        "problems": [problem.to_dict() for problem in one.problems],
    }


commands = {"check": check, "add": add, "remove": remove}
