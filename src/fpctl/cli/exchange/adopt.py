"""`fpctl adopt`: hand-written clauses of a rule, turned into exclusions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.cli.shared.exclusion_commands import Book
    from fpctl.exchange.adoption.adopt import Adoption
    from fpctl.rules.formats.registry import LoadedRule


def command(
    rule: Annotated[
        str,
        typer.Argument(metavar="RULE", help="The rule: id, name or path.", autocompletion=completion.rule_names),
    ],
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the clauses out of the rule; every other byte of it stays.")
    ] = False,
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="WHO", help="Who answers for them.", show_default="git's user.email"),
    ] = None,
    ticket: Annotated[str | None, typer.Option("--ticket", metavar="ID", help="Ticket or change number.")] = None,
    expires: Annotated[
        str,
        typer.Option("--expires", metavar="DATE|90d", help="First day on which they no longer hold; never for none."),
    ] = "90d",
    status: Annotated[
        Literal["draft", "active"], typer.Option("--status", help="active is in force at once.")
    ] = "draft",
    approved_by: Annotated[
        str | None, typer.Option("--approved-by", metavar="WHO", help="Who has approved them; not the owner.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without a question.")] = False,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Turn hand-written clauses of a rule into exclusions.

    Looks at the `where` operators of the rule's outermost pipeline for what is negated: not(...), !=, !~,
    !in, !in~, !has, !contains and the like. What a column holds of our fields becomes a field of the match,
    what else must hold with it a `where`; a term without any field stays in the rule, and is said. Each
    difference between the clause and the exclusion is said too. A comment beside a clause becomes its reason.

    The exclusions are drafts: with --remove, the rule fires on their events until they are approved.

    Exit code 1: a negated term stays in the rule, or an exclusion suppresses more than its clause did.
    """
    from fpctl.cli.shared.exclusion_commands import git_owner, open_book
    from fpctl.exchange.adoption.adopt import About, adopt
    from fpctl.exclusions.expiry import parse_until

    book = open_book(config, rules, exclusions)
    chosen = book.repository.rules.select([rule])
    if len(chosen) > 1:
        raise FpctlError(f"`{rule}` reaches {len(chosen)} rules", None, "name one, by its id or path")
    loaded = chosen[0]
    until = None if expires.strip().lower() == "never" else parse_until(expires, book.today)
    about = About(owner or git_owner(book.folder), ticket, until, status, approved_by)
    adoption = adopt(loaded, book.repository, book.folder, book.today, about)
    if format == "text":
        _show(loaded, adoption)
    if not adoption.adopted:
        output.say(f"{loaded.path}: no clause was adopted")
        if format == "json":
            output.show_json(_document(loaded, adoption, written=False, removed=False))
        return EXIT_FINDINGS if adoption.left else EXIT_OK
    written = _write(book, loaded, adoption, remove, yes)
    if format == "json":
        output.show_json(_document(loaded, adoption, written=written, removed=written and remove))
    if not written:
        return EXIT_ERROR
    wider = any(kind == "wider" for one in adoption.adopted for kind, _ in one.differences)
    return EXIT_FINDINGS if adoption.left or wider else EXIT_OK


def _show(loaded: LoadedRule, adoption: Adoption) -> None:
    for one in adoption.adopted:
        output.say(output.visible_lines(f"{loaded.path}:{one.line}: {' '.join(one.clause.split())}"))
        output.say(f"--- {one.entry.path}")
        output.write(one.entry.text)
        for kind, message in one.differences:
            output.say(f"{kind}: {message}")
    for left in adoption.left:
        output.say(output.visible_lines(f"{loaded.path}:{left.line}: stays in the rule: {left.clause}"))
        output.say(f"  {left.reason}")


def _write(book: Book, loaded: LoadedRule, adoption: Adoption, remove: bool, yes: bool) -> bool:
    from fpctl.cli.shared.audit_log import recorded
    from fpctl.cli.shared.exclusion_commands import agreed
    from fpctl.exclusions.exclusion_writer import write
    from fpctl.files import read_text, write_text

    path = Path(loaded.path)
    files = [str(one.entry.path) for one in adoption.adopted]
    what = f"write {', '.join(files)}" + (f" and change {path}" if remove else "")
    if not agreed(yes, what, "Adopt them?"):
        return False

    def write_all() -> None:
        if remove and read_text(path) != loaded.text.file_text:
            raise FpctlError("the rule was changed meanwhile; nothing was done")
        # The exclusions first: were it to end between, a clause is there twice rather than nowhere.
        for one in adoption.adopted:
            write(one.entry)
        if remove:
            write_text(path, adoption.text)

    recorded(
        write_all, "adopted", [one.entry.exclusion.id for one in adoption.adopted], known=book.repository.exclusions,
        folder=book.folder, settings=book.settings, now=book.now, reason=f"from the rule {loaded.rule.id}",
    )  # fmt: skip
    for one in adoption.adopted:
        output.say(f"adopted {one.entry.exclusion.id} in {one.entry.path}")
    if remove:
        output.say(f"took {output.counted(len(adoption.adopted), 'clause')} out of {path}")
        drafts = [one.entry.exclusion.id for one in adoption.adopted if one.entry.exclusion.status == "draft"]
        if drafts:
            output.say(f"note: the rule fires on these events until fpctl approve {' '.join(drafts)}")
    return True


def _document(loaded: LoadedRule, adoption: Adoption, *, written: bool, removed: bool) -> dict[str, Any]:
    return {
        "rule": loaded.rule.id,
        "written": written,
        "removed": removed,
        "adopted": [
            {
                "id": one.entry.exclusion.id,
                "path": str(one.entry.path),
                "line": one.line,
                "clause": one.clause,
                "text": one.entry.text,
                "differences": [{"kind": kind, "message": message} for kind, message in one.differences],
            }
            for one in adoption.adopted
        ],
        "left": [{"line": left.line, "clause": left.clause, "reason": left.reason} for left in adoption.left],
    }
