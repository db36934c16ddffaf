"""`fpctl lists`: the lists that exclusions refer to."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The list: hashes, hashes.txt or lists/hashes.txt.", autocompletion=completion.list_names
    ),
]


def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Lists; all of them if none is given.")
    ] = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Check lists: values that cannot be meant, duplicates, lists that nobody uses or that are missing.

    A list is checked for the fields that exclusions use it for; before any does, for the field that a
    comment such as `# field: hash` names. Exit code 1: only warnings. 2: errors.
    """
    from fpctl.exclusions.value_lists.list_file import check as check_list
    from fpctl.exclusions.value_lists.list_file import existing, find_lists

    root = _root(exclusions, config)
    uses = find_lists(root)
    chosen = [existing(uses, name, root) for name in names] if names else list(uses.values())
    found = [check_list(use) for use in chosen]
    problems = [problem for one in found for problem in one.problems]
    if format == "json":
        output.show_json({"lists": [_document(one) for one in found]})
    else:
        rows = [(one.use.name, ", ".join(one.use.fields) or None, one.values, len(one.use.exclusions)) for one in found]
        output.show_table(["list", "used for", "values", "exclusions"], rows, right=["values", "exclusions"])
    output.show_problems(problems)
    if any(problem.severity == "error" for problem in problems):
        return EXIT_ERROR
    return EXIT_FINDINGS if problems else EXIT_OK


def add(
    name: Name,
    values: Annotated[list[str], typer.Argument(metavar="VALUE", help="Values to add; - reads them from stdin.")],
    field: Annotated[
        str | None, typer.Option("--field", metavar="FIELD", help="What a new list is for, such as hash or device.")
    ] = None,
    comment: Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="Written behind each value.")] = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Add values to a list, or make a new one.

    A value that cannot stand for the list's field is refused, and then nothing is added. What the list
    has already is left where it is.
    """
    from fpctl.exclusions.value_lists.list_file import added, find_lists, new_list, resolve, stated_field
    from fpctl.fields.registry import NAMES
    from fpctl.files import read_text
    from fpctl.spelling import did_you_mean

    root = _root(exclusions, config)
    uses = find_lists(root)
    resolved = resolve(root, name, uses)
    use = uses.get(resolved)
    path = root / resolved
    text = read_text(path) if path.is_file() else ""
    if field is not None and field not in NAMES:
        raise FpctlError(f"there is no field `{field}`", None, did_you_mean(field, NAMES, what="field"))
    stated = field or stated_field(text)
    fields = use.fields if use is not None and use.fields else (stated,) if stated else ()
    if not fields:
        raise FpctlError(f"nobody knows what the list {path} is for", None, "say it with --field, such as --field hash")
    if not text:
        text = new_list(fields[0])
    change = added(text, _values(values), fields, str(path), comment)
    for value in change.unchanged:
        output.say(f"{path} has {output.visible(value)} already")
    if change.changed:
        _write(path, change.text, use.exclusions if use is not None else (), root, config)
    output.say(f"{output.counted(len(change.changed), 'value')} added to {path}")
    return EXIT_OK


def remove(
    name: Name,
    values: Annotated[list[str], typer.Argument(metavar="VALUE", help="Values to remove; - reads them from stdin.")],
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Remove values from a list, each with its line; comments and the other lines stay.

    A value that is not in the list is an error, and then nothing is removed. The last value of a list
    that is in use stays: an empty list would make its exclusions invalid.
    """
    from fpctl.exclusions.value_lists.list_file import existing, find_lists, holds_values, removed
    from fpctl.files import read_text

    root = _root(exclusions, config)
    use = existing(find_lists(root), name, root)
    change = removed(read_text(use.path), _values(values), str(use.path))
    if use.exclusions and not holds_values(change.text):
        hint = f"retire what uses it first: {', '.join(use.exclusions)}"
        raise FpctlError(f"{use.path} would be empty, and it is in use", None, hint)
    _write(use.path, change.text, use.exclusions, root, config)
    output.say(f"{output.counted(len(change.changed), 'value')} removed from {use.path}")
    return EXIT_OK


def _write(path: Any, text: str, users: Any, root: Any, config: Any) -> None:
    """Write a list; the exclusions that use it say something else then, which the audit trail records."""
    from fpctl.cli.shared.audit_log import recorded
    from fpctl.exclusions.loader import load_exclusions
    from fpctl.files import write_text
    from fpctl.settings import load_settings

    recorded(
        lambda: write_text(path, text), "list changed", users,
        known=load_exclusions(root), folder=root, settings=load_settings(config), now=options.now(),
    )  # fmt: skip


def _root(exclusions: Any, config: Any) -> Any:
    from fpctl.settings import load_settings

    root = exclusions or load_settings(config).paths.exclusions
    if not root.is_dir():
        raise FpctlError(f"there is no exclusions folder {root}", None, "give it with --exclusions")
    return root


def _values(given: list[str]) -> list[str]:
    """Return the values; `-` stands for the lines of stdin, comments left out."""
    import sys

    from fpctl.exclusions.value_lists.value_list import line_value

    found: list[str] = []
    for value in given:
        if value == "-":
            found += [one for line in sys.stdin.read().splitlines() if (one := line_value(line))]
        else:
            found.append(value)
    if not found:
        raise FpctlError("there are no values on stdin", None, "give them there, one a line")
    return found


def _document(one: Any) -> dict[str, Any]:
    return {
        "name": one.use.name,
        "file": str(one.use.path),
        "fields": list(one.use.fields),
        "exclusions": list(one.use.exclusions),
        "values": one.values,
        "problems": [problem.to_dict() for problem in one.problems],
    }


commands = {"check": check, "add": add, "remove": remove}
