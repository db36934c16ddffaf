"""`fpctl edit`: edit an exclusion in an editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fpctl.cli.shared import options, output, terminal
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.exclusions.edit_session import EditSession
    from fpctl.exclusions.loader import ExclusionSet


def command(
    id: options.OneExclusion,
    files: options.RepositoryFiles,
) -> int:
    """Edit an exclusion in $VISUAL or $EDITOR.

    You edit a copy. When the editor closes, fpctl checks the text. Invalid text, or a match that could never match in
    a rule that the exclusion names, is not saved: on a terminal you can
    return to the editor; otherwise the text is kept next to the file with the extension .rej, and the file is left
    unchanged.
    """
    from fpctl.exclusions.edit_session import EditSession, stale_approval
    from fpctl.files import read_text
    from fpctl.repository.column_advice import newly_unmatched

    context = AppContext(files, "optional")
    known = context.exclusions
    path = _file_of(id, known, context.folder)
    before = read_text(path)
    revision = EditSession(path, before, id, known, context.rules)
    text = before
    while True:
        text, closed = _edited(text, path)
        if text == before:
            output.say("nothing was changed")
            return EXIT_OK
        problems = list(revision.problems(text))
        broken = any(problem.severity == "error" for problem in problems)
        if not broken and closed == 0:
            now, was = revision.loaded(text), revision.loaded(before)
            unmatched = newly_unmatched(was, now, context.repository.rules.rules, context.planner())
            problems, broken = [*problems, *unmatched], bool(unmatched)
        output.show_problems(problems)
        if closed != 0:
            return _rejected(revision, text, f"the editor ended with code {closed}")
        if not broken:
            break
        if not terminal.may_ask() or not typer.confirm("Go back to the editor?", default=True, err=True):
            return _rejected(revision, text, "the text has errors")
    try:
        context.audit_log.record(lambda: revision.save(text), "edited", revision.ids(text))
    except FpctlError as error:
        output.say(f"fpctl: {error}")
        return _rejected(revision, text, "the file has changed")
    output.say(f"saved {path}")
    who = stale_approval(known, text, str(path), id, context.folder)
    if who is not None:
        output.say(f"note: {who} approved the previous version: fpctl approve {id}")
    return EXIT_OK


def _file_of(id: str, known: ExclusionSet, folder: Path) -> Path:
    """Return the file of an exclusion, also of one that the loader refuses: editing is how to fix it."""
    try:
        return Path(known.get(id).path)
    except FpctlError:
        for ending in (".yaml", ".yml"):
            if (folder / f"{id}{ending}").is_file():
                return folder / f"{id}{ending}"
        raise


def _edited(text: str, path: Path) -> tuple[str, int]:
    """Return the text as the editor left it, and the editor's exit code."""
    from fpctl.files import read_text, write_text

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="fpctl-") as folder:
        copy = Path(folder) / path.name
        write_text(copy, text)
        try:
            done = subprocess.run([*shlex.split(editor), str(copy)], check=False)
        except OSError as error:
            hint = "set VISUAL or EDITOR to an editor that is installed"
            raise FpctlError(f"cannot start the editor `{editor}`: {error.strerror or error}", None, hint) from error
        try:
            return read_text(copy), done.returncode
        except FpctlError as error:
            kept = path.with_name(f"{path.name}.rej")
            if copy.exists() and not kept.exists():
                kept.write_bytes(copy.read_bytes())
                raise FpctlError(
                    f"the edited text cannot be read: {error.message}", error.at, f"kept as {kept}"
                ) from error
            raise


def _rejected(revision: EditSession, text: str, why: str) -> int:
    kept = revision.keep(text)
    output.say(f"fpctl: {revision.path} was not changed: {why}; the edit is kept as {kept}")
    return EXIT_ERROR
