"""`--json FIELDS`: JSON with the keys that a script wants, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import typer

from fpctl.errors import FpctlError

OPTION = "--json"


@dataclass(frozen=True, slots=True)
class JsonFields:
    """The keys that a command's JSON has.

    Attributes:
        records: the key of the list that the command is about, or several, of which a document has one; none where the
            document itself is what is chosen from.
        fields: the keys of each of its elements, or of the document.
        several: the key of a list of such documents where the command is given several ids.
    """

    records: tuple[str, ...]
    fields: tuple[str, ...]
    several: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The keys that were chosen."""

    records: tuple[str, ...]
    fields: tuple[str, ...]

    def of(self, document: Mapping[str, Any]) -> Any:
        """Return the chosen keys of each record, or of the document; one that it does not have is null."""
        for key in self.records:
            if key in document:
                return [self._of(record) for record in document[key]]
        return self._of(document)

    def _of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {field: record.get(field) for field in self.fields}


SELECTION: ContextVar[Selection | None] = ContextVar("SELECTION", default=None)
"""What `--json` chose; None for the whole document."""


@cache
def all_fields() -> dict[str, JsonFields]:
    """Return the keys by command, such as `lists check`."""
    import yaml

    text = files("fpctl.cli").joinpath("data/json_fields.yaml").read_text(encoding="utf-8")
    return {
        name: JsonFields(tuple(given.get("records", ())), tuple(given["fields"]), given.get("several"))
        for name, given in yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)).items()
    }


def fields_of(command_path: str) -> JsonFields | None:
    """Return the keys of a command by its path, `fpctl lists check`; None where it has no JSON."""
    return all_fields().get(command_path.partition(" ")[2])


def select(context: typer.Context, text: str | None) -> str | None:
    """Choose the keys that were given, separated by commas; without any, list them and exit.

    Raises:
        FpctlError: there is no such key.
    """
    if text is None:
        return None
    known = fields_of(context.command_path)
    assert known is not None, context.command_path
    wanted = tuple(dict.fromkeys(part for part in (one.strip() for one in text.split(",")) if part))
    if not wanted:
        print("\n".join(known.fields))
        raise typer.Exit
    for field in wanted:
        if field not in known.fields:
            from fpctl.spelling import did_you_mean

            hint = did_you_mean(field, known.fields, what="field")
            raise FpctlError(f"{OPTION}: {context.command_path} has no field `{field}`", None, hint)
    lists = (*known.records, *([known.several] if known.several is not None else []))
    SELECTION.set(Selection(lists, wanted))
    return text


def spelled_out(args: list[str]) -> list[str]:
    """Return arguments with `--json` as options can be read: with a value, and with the format that it implies.

    Raises:
        FpctlError: another format is asked for too.
    """
    end = args.index("--") if "--" in args else len(args)
    found: list[str] = []
    asked = False
    for at, one in enumerate(args[:end]):
        alone = one == OPTION and (at + 1 >= end or args[at + 1].startswith("-"))
        found.append(f"{OPTION}=" if alone else one)
        asked = asked or one == OPTION or one.startswith(f"{OPTION}=")
    if asked and any(one == "--format" or one.startswith("--format=") for one in found):
        raise FpctlError(f"give either {OPTION} or --format", None, f"{OPTION} FIELDS is JSON with these fields")
    return [*(("--format", "json") if asked else ()), *found, *args[end:]]
