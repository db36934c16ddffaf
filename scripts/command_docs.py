"""Write docs/commands/: a page for each command and sub-command, from the commands themselves.

    python scripts/command_docs.py [--check]

Usage, options, defaults and exit codes are what the command line says of itself; the examples are those of
examples.yaml, each of which is parsed by the command that it calls. With --check nothing is written;
exit code 1 says that a page is not what it should be.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typer.exceptions import TyperException
from typer.main import get_command

from fpctl.cli.app import VERBS, app, load
from fpctl.cli.shared.json_fields import JsonFields, fields_of
from fpctl.settings import CONFIG_VARIABLE, VARIABLES

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "commands"
EXAMPLES = ROOT / "src" / "fpctl" / "cli" / "data" / "examples.yaml"
NOTICE = "<!-- Written by scripts/command_docs.py from src/fpctl/cli/; do not edit. -->"

KEYS = {
    "--rules": ("paths", "rules"),
    "--exclusions": ("paths", "exclusions"),
    "--data": ("paths", "data"),
    "--history": ("history", "url"),
    "--engine": ("engine", "default"),
    "--credential": ("engine", "credential"),
}
"""Options and the setting that holds where they are not given."""

DEPLOYING = {"--credential": ("deploy", "credential")}
"""The same for the commands of a workspace's rules."""

SEE = {
    "apply": "kql.md", "strip": "kql.md", "explain": "reasons.md", "run": "engines.md", "test": "tuning.md",
    "capture": "tuning.md", "tune": "tuning.md", "redteam": "tuning.md", "preview": "tuning.md", "review": "tuning.md",
    "notify": "console.md",
    "report": "tuning.md", "hits": "history.md",
    "why": "tuning.md", "rules": "kql.md", "init": "recording.md", "add": "recording.md",
    "serve": "console.md",
    "list": "recording.md",
    "show": "recording.md", "edit": "recording.md", "renew": "recording.md", "retire": "recording.md",
    "approve": "recording.md", "lists": "recording.md", "log": "history.md", "audit": "audit.md",
    "export": "deployment.md", "deploy": "deployment.md", "diff": "deployment.md", "import": "exchange.md",
    "adopt": "exchange.md", "doctor": "doctor.md", "status": "recording.md",
    "schema": "doctor.md", "demo": "tutorial.md",
}  # fmt: skip
"""The page that tells more of a verb."""


@dataclass(frozen=True, slots=True)
class Page:
    """A command: the words that call it, typer's command, and the commands below it."""

    words: tuple[str, ...]
    command: Any
    below: tuple[Page, ...] = ()

    @property
    def name(self) -> str:
        """The page's file name."""
        return "-".join(self.words) + ".md"

    @property
    def called(self) -> str:
        """How it is called."""
        return " ".join(("fpctl", *self.words))

    @property
    def context(self) -> Any:
        """A context to ask for texts in; nothing is run."""
        return self.command.make_context(self.called, [], resilient_parsing=True)


def page_of(words: tuple[str, ...], command: Any) -> Page:
    """Return a command as a page, with those below it."""
    inner: Mapping[str, Any] = getattr(command, "commands", {})
    return Page(words, command, tuple(page_of((*words, name), each) for name, each in inner.items()))


def all_pages() -> Iterator[Page]:
    """Yield every command and sub-command, in the order of `fpctl --help`."""
    for verb in VERBS:
        page = page_of((verb.name,), load(verb))
        yield page
        yield from page.below


def render(page: Page, examples: Sequence[Mapping[str, str]]) -> str:
    """Return the text of a command's page."""
    context = page.context
    usage = page.command.get_usage(context).removeprefix("Usage: ")
    parts = [f"# {page.called}", NOTICE, *_paragraphs(page.command.help), f"```text\n{usage}\n```"]
    if page.below:
        rows = [f"| [{below.called}]({below.name}) | {_cell(_summary(below))} |" for below in page.below]
        parts.append("\n".join(["## Commands\n", "| command | |", "|---|---|", *rows]))
    else:
        parts += [
            part
            for kind, title in (("argument", "Arguments"), ("option", "Options"))
            if (part := _parameters(page, context, kind, title))
        ]
    if examples:
        shown = "\n\n".join(f"{example['text']}\n\n```console\n$ {example['run']}\n```" for example in examples)
        parts.append(f"## Examples\n\n{shown}")
    if (known := fields_of(page.called)) is not None:
        parts.append(_json_fields(known))
    if not page.below:
        parts.append(_exit_codes(page.command.help))
    parts.append(f"More: [{SEE[page.words[0]]}](../{SEE[page.words[0]]}), [all commands](README.md).")
    return "\n\n".join(parts) + "\n"


def _json_fields(known: JsonFields) -> str:
    where = f"of each element of `{known.records[0]}`" if known.records else "of the document"
    names = ", ".join(f"`{field}`" for field in known.fields)
    always = "Every document has `problems` too ([shape](../output.md))."
    return f"## JSON\n\nFields {where}, from which `--json` chooses: {names}. {always}"


def _paragraphs(text: str) -> list[str]:
    return [_escaped(" ".join(block.split())) for block in text.split("\n\n")]


def _escaped(text: str) -> str:
    """Return prose as Markdown: what Markdown would take for markup stands for itself."""
    return re.sub(r"([<>*])", r"\\\1", text)


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _summary(page: Page) -> str:
    return " ".join(page.command.help.split("\n\n")[0].split())


def _parameters(page: Page, context: Any, kind: str, title: str) -> str:
    rows = []
    for parameter in page.command.params:
        record = parameter.get_help_record(context)
        if record is None or parameter.param_type_name != kind:
            continue
        term, text = record
        text, notes = _notes(text)
        variable = _variable(page.words[0], parameter.opts)
        if kind == "argument":
            term = term.partition(" <")[0]
        rows.append(f"| {_code(term)} | {_cell(text)} | {_cell(notes)} | {_code(variable) if variable else ''} |")
    if not rows:
        return ""
    return "\n".join([f"## {title}\n", f"| {kind} | | default, bounds | variable |", "|---|---|---|---|", *rows])


def _notes(text: str) -> tuple[str, str]:
    """Return a help text without what stands in brackets behind it, and that: default, bounds, `required`."""
    found = re.fullmatch(r"(.*?)(?:  \[(.*)\])?", text, re.DOTALL)
    assert found is not None
    notes = re.sub(r"default: \((.*?)\)(?=;|$)|default: ", lambda match: match[1] or "", found[2] or "")
    return found[1], notes


def _variable(verb: str, names: Sequence[str]) -> str:
    """Return the environment variable that an option stands over, or an empty text."""
    if "--config" in names:
        return CONFIG_VARIABLE
    keys = {**KEYS, **DEPLOYING} if verb in ("deploy", "diff") else KEYS
    of_key = {key: variable for variable, key in VARIABLES.items()}
    return next((of_key[keys[name]] for name in names if name in keys), "")


def _exit_codes(text: str) -> str:
    one, two = exit_codes(text)
    rows = [("0", "done" if one is None else "done, and nothing found")]
    if one is not None:
        rows.append(("1", one))
    rows.append(("2", two or "something could not be read or done, or the options are wrong"))
    rows.append(("130", "interrupted with Ctrl-C"))
    return "\n".join(
        ["## Exit codes\n", "| code | |", "|---|---|", *(f"| {code} | {_cell(said)} |" for code, said in rows)]
    )


def exit_codes(text: str) -> tuple[str | None, str | None]:
    """Return what a help text says of the exit codes 1 and 2; None where it says nothing."""
    flat = " ".join(text.split())
    one = re.findall(r"[Ee]xit code 1(?:: | means (?:that )?)(.+?)(?:\.(?: |$)|[;,] 2 )", flat)
    one += re.findall(r"([^.]+): exit code 1\.", flat)
    two = re.findall(r"(?:\. 2: |[;,] 2 means (?:that )?|[;,] 2 (?:that )?)(.+?)\.(?: |$)", flat)
    two += re.findall(r"([^.]+), and the exit code is 2\.", flat)
    return _joined(one), _joined(two)


def _joined(parts: Sequence[str]) -> str | None:
    stripped = [part.strip() for part in parts]
    return "; ".join(part[0].lower() + part[1:] for part in stripped) or None


def index(pages: Sequence[Page]) -> str:
    """Return the list of all commands."""
    rows = []
    for page in pages:
        indent = "" if len(page.words) == 1 else "&nbsp;&nbsp;"
        summary = next((verb.summary for verb in VERBS if (verb.name,) == page.words), _summary(page))
        rows.append(f"| {indent}[{page.called}]({page.name}) | {_cell(summary)} |")
    root = get_command(app)
    context = root.make_context("fpctl", [], resilient_parsing=True)
    options = [record for parameter in root.params if (record := parameter.get_help_record(context))]
    return (
        "\n\n".join(
            [
                "# Commands",
                NOTICE,
                "The same text as `fpctl COMMAND --help`. An option overrides the environment variable listed with it, "
                "and the variable overrides `fpctl.toml`. For output formats and exit codes, see "
                "[output and exit codes](../output.md).",
                "\n".join(["| command | |", "|---|---|", *rows]),
                "\n".join(
                    ["## Global options\n", "| option | |", "|---|---|"]
                    + [f"| {_code(term)} | {_cell(text)} |" for term, text in options]
                ),
            ]
        )
        + "\n"
    )


def read_examples(pages: Sequence[Page]) -> dict[str, list[dict[str, str]]]:
    """Return the examples by command.

    Raises:
        ValueError: an example is of no command, or its command would refuse it.
    """
    found: dict[str, list[dict[str, str]]] = yaml.safe_load(EXAMPLES.read_text(encoding="utf-8"))
    known = {page.called.removeprefix("fpctl "): page for page in pages if not page.below}
    if unknown := sorted(found.keys() - known.keys()):
        raise ValueError(f"{EXAMPLES.name} has examples of no command: {', '.join(unknown)}")
    if missing := sorted(known.keys() - found.keys()):
        raise ValueError(f"{EXAMPLES.name} has no example of {', '.join(missing)}")
    for name, examples in found.items():
        for example in examples:
            _try(known[name], example["run"])
    return found


def _try(page: Page, line: str) -> None:
    """Let a command parse an example of it; what is behind a pipe or before one is the shell's."""
    calls = [part.strip() for part in re.split(r" \| ", line.replace("\\\n", " ")) if f"{page.called} " in f"{part} "]
    if not calls:
        raise ValueError(f"{EXAMPLES.name}: `{line}` does not call {page.called}")
    for call in calls:
        words = shlex.split(call.partition(" > ")[0])[1 + len(page.words) :]
        try:
            page.command.make_context(page.called, words)
        except TyperException as error:
            raise ValueError(f"{EXAMPLES.name}: `{line}`: {error.format_message()}") from error


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    found = list(all_pages())
    examples = read_examples(found)
    texts = {page.name: render(page, examples.get(page.called.removeprefix("fpctl "), [])) for page in found}
    return {"README.md": index(found)} | texts


def main() -> int:
    """Write or compare the pages and return the exit code."""
    from page_folder import write_or_compare

    return write_or_compare(FOLDER, pages(), "scripts/command_docs.py")


if __name__ == "__main__":
    sys.exit(main())
