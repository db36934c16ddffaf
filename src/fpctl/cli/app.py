"""The command line: which verbs there are, and what happens around each of them.

A verb is a module with a function `command`, or with `commands`, a mapping of names to functions, for a
verb that has verbs of its own. It is imported when it is run, and only then: `fpctl --help` shows
the summaries below and loads nothing. A verb returns its exit code, or None for `EXIT_OK`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import copy_context
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from fpctl import __version__
from fpctl.errors import EXIT_ERROR, EXIT_OK, FpctlError

EXIT_INTERRUPTED = 130
"""Ctrl-C, as shells count it: 128 + SIGINT."""
EXIT_TERMINATED = 143
"""SIGTERM: 128 + 15."""
EXIT_BROKEN_PIPE = 141
"""The reader of stdout went away (`fpctl hits | head -1`): 128 + SIGPIPE."""

SHOWN_EXAMPLES = 3
"""Of a verb, in its help."""

TRACEBACK_VARIABLE = "FPCTL_TRACEBACK"
"""Set to anything, it shows where an unexpected error came from."""


class Verb(NamedTuple):
    """A command of fpctl: its name, the module that does it, and a line that says what it does."""

    name: str
    module: str
    summary: str


GROUPS: dict[str, tuple[Verb, ...]] = {
    "Start": (
        Verb("init", "fpctl.cli.start.init", "Set up a repository for rules and exclusions."),
        Verb("status", "fpctl.cli.start.status", "Show the state of the repository and what to do next."),
        Verb("doctor", "fpctl.cli.start.doctor", "Check the setup: settings, sign-in, permissions, tables, limits."),
        Verb("schema", "fpctl.cli.start.schema", "Save a workspace's tables and functions for planning."),
        Verb("demo", "fpctl.cli.start.demo", "Run the whole workflow on generated data."),
    ),
    "Exclusions": (
        Verb("add", "fpctl.cli.exclusions.add", "Record an exclusion."),
        Verb("list", "fpctl.cli.exclusions.list", "List exclusions by rule, owner, status, value or expiry."),
        Verb("show", "fpctl.cli.exclusions.show", "Show exclusions: fields, clauses and hits."),
        Verb("approve", "fpctl.cli.exclusions.approve", "Approve exclusions and record what was reviewed."),
        Verb("renew", "fpctl.cli.exclusions.renew", "Extend expiry dates."),
        Verb("retire", "fpctl.cli.exclusions.retire", "Retire exclusions permanently."),
        Verb("edit", "fpctl.cli.exclusions.edit", "Edit an exclusion; invalid changes are not saved."),
        Verb("lists", "fpctl.cli.exclusions.lists", "Check and change value lists."),
        Verb("log", "fpctl.cli.exclusions.log", "Show or verify the audit trail."),
    ),
    "Rules": (
        Verb("apply", "fpctl.cli.rules.apply", "Rewrite rules with the exclusions that apply to them."),
        Verb("run", "fpctl.cli.rules.run", "Run tuned rules and count what each exclusion suppresses."),
        Verb("explain", "fpctl.cli.rules.explain", "Show where each clause goes in a rule, and why."),
        Verb("strip", "fpctl.cli.rules.strip", "Remove fpctl's clauses and restore the rules byte for byte."),
        Verb("rules", "fpctl.cli.rules.rules", "List and check rules."),
    ),
    "Evidence": (
        Verb("tune", "fpctl.cli.evidence.tune", "Propose exclusions for a noisy rule, based on its events."),
        Verb("preview", "fpctl.cli.evidence.preview", "Show what an exclusion would change, on real events."),
        Verb("why", "fpctl.cli.evidence.why", "Explain why a rule did not fire on an event."),
        Verb("hits", "fpctl.cli.evidence.hits", "Show how much each exclusion has suppressed."),
        Verb("audit", "fpctl.cli.evidence.audit", "Check exclusions against policy, rules, each other and past runs."),
        Verb("test", "fpctl.cli.evidence.test", "Check that known attacks still fire with the exclusions applied."),
        Verb("capture", "fpctl.cli.evidence.capture", "Save the events of an attack as a test that must fire."),
        Verb("redteam", "fpctl.cli.evidence.redteam", "Try typical evasions against an exclusion."),
        Verb("review", "fpctl.cli.evidence.review", "Review shadow exclusions, and activate or drop them."),
        Verb("report", "fpctl.cli.evidence.report", "Create a report of noise, decisions, risk and findings."),
        Verb("notify", "fpctl.cli.evidence.notify", "Send what needs attention to a webhook, each item once."),
        Verb("serve", "fpctl.cli.evidence.serve", "Start the web console."),
    ),
    "Deploy": (
        Verb("diff", "fpctl.cli.deploy.diff", "Show what clauses change, or how the workspace differs."),
        Verb("deploy", "fpctl.cli.deploy.deploy", "Deploy tuned rules to Sentinel or Defender XDR, or roll back."),
        Verb("export", "fpctl.cli.deploy.export", "Export tuned rules, or exclusions for other tools."),
    ),
    "Exchange": (
        Verb(
            "import",
            "fpctl.cli.exchange.import_",
            "Import rules from Sentinel or Defender, or other tools' exclusions.",
        ),
        Verb("adopt", "fpctl.cli.exchange.adopt", "Turn a rule's hand-written conditions into exclusions."),
    ),
}
"""The groups of the help, each with its verbs in order: the daily ones first."""

VERBS: tuple[Verb, ...] = tuple(verb for verbs in GROUPS.values() for verb in verbs)

_SETTINGS: dict[str, Any] = {
    "add_completion": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
    "pretty_exceptions_enable": False,
    # Plain help text: it starts twice as fast, and the pages in docs/ are the same text.
    "rich_markup_mode": None,
}


class VerbCommand(TyperCommand):
    """A verb: it refuses an empty path, and its help ends with examples.

    `--out "$DIR"` without DIR must not mean the working folder.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        params: list[Any] = self.params
        for param in params:
            if param.param_type_name == "argument" and param.metavar:
                # `RULE` alone, not `RULE <list[str]>`: the help text says the rest.
                param.display_type_rich = lambda ctx: None

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples of the verb, and where to read more."""
        from fpctl.cli.shared.examples import examples_of

        called = ctx.command_path.removeprefix("fpctl ")
        with formatter.section("Examples"):
            for one in examples_of(called)[:SHOWN_EXAMPLES]:
                formatter.write_text(one.text)
                formatter.write(f"{'':{formatter.current_indent + 2}}$ {one.run}\n")
        formatter.write_paragraph()
        formatter.write_text(f"More: docs/commands/{called.replace(' ', '-')}.md")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        from fpctl.cli.shared.json_fields import OPTION, spelled_out

        params: list[Any] = self.params
        if any(OPTION in param.opts for param in params):
            args = spelled_out(args)
        for param in params:
            if param.param_type_name == "option" and param.type_descriptor.annotation is Path:
                for name in param.opts:
                    if f"{name}=" in args or (name, "") in pairwise(args):
                        raise typer.BadParameter("it is empty: give a path, or leave the option out", ctx, param)
        return super().parse_args(ctx, _without_global_flags(args, {name for param in params for name in param.opts}))


def _without_global_flags(args: list[str], own: Collection[str]) -> list[str]:
    """Set the flags of fpctl itself that follow a command, and return the other arguments."""
    end = args.index("--") if "--" in args else len(args)
    flags = {"-q": _be_quiet, "--quiet": _be_quiet, "--no-color": _use_no_colours}
    for flag in flags.keys() - own:
        if flag in args[:end]:
            flags[flag](True)
    return [one for at, one in enumerate(args) if at >= end or one in own or one not in flags]


@cache
def load(verb: Verb) -> TyperCommand | TyperGroup:
    """Import a verb's module and return its command, which is made once in a process."""
    from fpctl.cli.shared.bundles import expand

    module = import_module(verb.module)
    commands: Mapping[str, Callable[..., Any]] | None = getattr(module, "commands", None)
    built = typer.Typer(name=verb.name, help=verb.summary, **_SETTINGS)
    if commands is None:
        built.command(verb.name, cls=VerbCommand)(expand(module.command))
    else:
        # With a callback of its own it stays a group, even of one command.
        built.callback(no_args_is_help=True)(lambda: None)
        for name, function in commands.items():
            built.command(name, cls=VerbCommand)(expand(function))
    command = get_command(built)
    assert isinstance(command, TyperCommand | TyperGroup)
    command.name = verb.name
    return command


class VerbGroup(TyperGroup):
    """The verbs: summaries for the help text, a verb's module only when that verb is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {verb.name: TyperCommand(verb.name, help=verb.summary, rich_markup_mode=None) for verb in VERBS}

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs in their groups."""
        width = max(len(verb.name) for verb in VERBS)
        for group, verbs in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(verb.name.ljust(width), verb.summary) for verb in verbs])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take `fpctl help VERB` for `fpctl VERB --help`."""
        return super().parse_args(ctx, [*args[1:], "--help"] if args[:1] == ["help"] else args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        for verb in VERBS:
            if verb.name == name:
                return name, load(verb), rest
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whatever Python still holds for stdout goes nowhere, instead of failing once more at exit.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
            raise typer.Exit(EXIT_BROKEN_PIPE) from None
        return result


def _show_version(asked: bool) -> None:
    if asked:
        print(f"fpctl {__version__}")
        raise typer.Exit


def _be_quiet(asked: bool) -> None:
    if asked:
        from fpctl.cli.shared.stream import QUIET

        QUIET.set(True)


def _use_no_colours(asked: bool) -> None:
    if asked:
        from fpctl.cli.shared.stream import COLOURS

        COLOURS.set(False)


def _change_folder(folder: Path | None) -> None:
    if folder is not None:
        os.chdir(folder)


_QUIET = typer.Option("--quiet", "-q", callback=_be_quiet, help="Show only errors and warnings.")
_NO_COLOUR = typer.Option("--no-color", callback=_use_no_colours, help="Do not use colours (same as NO_COLOR).")


app = typer.Typer(name="fpctl", cls=VerbGroup, no_args_is_help=True, **{**_SETTINGS, "add_completion": True})


@app.callback()
def _fpctl(
    version: Annotated[
        bool, typer.Option("--version", "-V", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("-C", metavar="DIR", callback=_change_folder, help="Run as if started in this folder."),
    ] = None,
    quiet: Annotated[bool, _QUIET] = False,
    no_color: Annotated[bool, _NO_COLOUR] = False,
) -> None:
    """Manage false-positive exclusions for KQL detection rules as reviewed records."""


@cache
def root() -> Any:
    """Return the command that all verbs are under."""
    return get_command(app)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run fpctl with arguments (default: the process's) and return its exit code. Errors go to stderr."""
    here = _current_folder()
    try:
        return copy_context().run(_run, arguments)
    finally:
        if here is not None and here != _current_folder():
            os.chdir(here)


def _current_folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - Path.cwd() costs more, and a folder that is gone has no path
    except OSError:
        return None


def _run(arguments: Sequence[str] | None) -> int:
    try:
        _check_text(sys.argv[1:] if arguments is None else arguments)
        result = root().main(arguments, prog_name="fpctl", standalone_mode=False)
    except TyperException as error:
        _show_usage_error(error)
        return EXIT_ERROR
    except FpctlError as error:
        from fpctl.cli.shared.output import visible_lines

        print(visible_lines(f"fpctl: {error}"), file=sys.stderr)
        return EXIT_ERROR
    except typer.Abort:
        print("fpctl: interrupted, nothing was done", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        # Outside of what a command guards itself: while it starts, or between its steps.
        print("fpctl: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        if not _show_refusal_of_system(error):
            _show_unexpected(error)
        return EXIT_ERROR
    code = result if isinstance(result, int) else EXIT_OK
    if code == EXIT_INTERRUPTED:
        print("fpctl: interrupted", file=sys.stderr)
    return code


GC_THRESHOLD = 200_000
"""New objects before Python looks for cycles among them. A command keeps what it makes (trees, plans)
until it ends; at the default of 700, looking through them again and again takes a third of `apply`."""


def main() -> NoReturn:
    """The console script."""
    gc.set_threshold(GC_THRESHOLD)
    # Else pydantic looks through everything that is installed for plugins, which takes 10 ms, and runs those it finds.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    terminated = False

    def terminate(*_: object) -> None:
        # As Ctrl-C does: what is under way is ended, and scratch folders are removed.
        nonlocal terminated
        terminated = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    code = run()
    sys.exit(EXIT_TERMINATED if terminated else code)


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse what neither a file of fpctl nor its history can hold.

    Raises:
        FpctlError: an argument is not UTF-8, or holds NUL.
    """
    for number, argument in enumerate(arguments, 1):
        if "\0" in argument or any("\ud800" <= character <= "\udfff" for character in argument):
            hint = "give arguments and names of files in UTF-8"
            raise FpctlError(f"argument {number} is not text in UTF-8: {_short(ascii(argument))}", None, hint)


def _show_refusal_of_system(error: Exception) -> bool:
    """Say what the operating system refuses where no verb says it closer, and return whether it was that."""
    if not isinstance(error, OSError) or error.errno is None or os.environ.get(TRACEBACK_VARIABLE):
        return False
    where = f"{_short(str(error.filename))}: " if error.filename is not None else ""
    if isinstance(error, FileNotFoundError) and not where:
        print("fpctl: the working directory no longer exists\n  hint: change to one that does", file=sys.stderr)
        return True
    hint = "check that the path is right, that you may read and write there, and that the disk is not full"
    print(f"fpctl: {where}{error.strerror}\n  hint: {hint}", file=sys.stderr)
    return True


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}..."


def _show_usage_error(error: TyperException) -> None:
    if isinstance(error, typer.BadParameter):
        error.message = error.message.removeprefix("Value error, ")
    show = getattr(error, "show", None)
    if show is not None:
        show()
    else:
        print(f"fpctl: {error.format_message()}", file=sys.stderr)


def _show_unexpected(error: Exception) -> None:
    if os.environ.get(TRACEBACK_VARIABLE):
        import traceback

        traceback.print_exception(error)
        return
    text = str(error).partition("\n")[0]
    print(
        f"fpctl: unexpected {type(error).__name__}{': ' if text else ''}{text}\n"
        f"  hint: this is a fault of fpctl; {TRACEBACK_VARIABLE}=1 shows where it happened",
        file=sys.stderr,
    )
