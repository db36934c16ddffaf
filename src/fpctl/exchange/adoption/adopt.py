"""One rule's hand-written clauses as drafts, and the rule's file without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path

from fpctl.errors import FpctlError, KqlSyntaxError
from fpctl.exchange.adoption.logic import Fact, TooManyError, alternatives
from fpctl.exchange.adoption.meaning import FieldMeaning, Holder, column_of, list_of, said
from fpctl.exchange.adoption.removal import comment_of, spans_of
from fpctl.exchange.adoption.tails import Tail, inner_negations, tails
from fpctl.exchange.reading import is_broad, merged
from fpctl.exclusions.drafts.draft import DraftError, DraftExclusion, title_of
from fpctl.exclusions.exclusion_writer import NewExclusion
from fpctl.exclusions.raw_condition import check_condition
from fpctl.fields.field import Difference
from fpctl.fields.registry import FIELDS, NAMES, usable_roles
from fpctl.kql import tree
from fpctl.kql.binder import Scope
from fpctl.kql.literals import string_value
from fpctl.kql.parser import parse
from fpctl.repository.model import Repository
from fpctl.repository.recording import entries_of
from fpctl.repository.single_exclusion import in_force
from fpctl.rewrite.output.markers import MARKER, find_clauses
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.formats.registry import LoadedRule, read_rule_file, stripped
from fpctl.text.edits import apply_edits, deletion, joined_spans
from fpctl.text.source import SourceText

MAX_NOTE = 2_000
"""Characters of a clause that are kept in the notes of its exclusion."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """One exclusion made of the terms of one `where`.

    Args:
        entry: the file to be written.
        line: the line of the rule file on which the `where` is.
        clause: the terms as they were written there.
        differences: in what the exclusion suppresses more or less than they did.
        tails: the terms.
    """

    entry: NewExclusion
    line: int
    clause: str
    differences: tuple[Difference, ...]
    tails: tuple[Tail, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """A term that stays in the rule, and why."""

    line: int
    clause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Adoption:
    """What became of one rule's clauses; `text` is its file without those that were adopted."""

    adopted: tuple[Adopted, ...]
    left: tuple[Left, ...]
    text: str


@dataclass(frozen=True, slots=True)
class About:
    """What is said of every exclusion that is made: see `DraftExclusion`."""

    owner: str | None = None
    ticket: str | None = None
    expires: date | None = None
    status: str = "draft"
    approved_by: str | None = None


class _NotExpressibleError(Exception):
    """A term that cannot become an exclusion; the text is the reason."""


def adopt(loaded: LoadedRule, repository: Repository, folder: Path, today: date, about: About) -> Adoption:
    """Return what a rule's clauses become.

    Raises:
        FpctlError: the rule is not KQL, or holds clauses of fpctl.
    """
    text = loaded.rule.query
    if MARKER in text and find_clauses(text):
        hint = "take them out first: fpctl strip"
        raise FpctlError("the rule holds clauses that fpctl put in", loaded.text.file_location(0), hint)
    return _Adopter(loaded, repository, folder, today, about).run()


class _Adopter:
    def __init__(self, loaded: LoadedRule, repository: Repository, folder: Path, today: date, about: About) -> None:
        self.loaded, self.repository, self.folder, self.today, self.about = loaded, repository, folder, today, about
        self.text = loaded.rule.query
        self.planner: Planner = repository.planner(today)
        try:
            base = self.planner.read(loaded.rule)
        except KqlSyntaxError as error:
            at = loaded.text.file_location(min(error.offset, len(self.text)))
            raise KqlSyntaxError(error.message, error.offset, at, error.caret or "", error.hint) from error
        self.query, self.analysis = base.query, base.analysis
        self.lists = _lists(self.query, self.text)
        self.mentioned = tree.names(self.query)
        self.left: list[Left] = []

    def run(self) -> Adoption:
        found = list(tails(self.query, self.analysis))
        adopted: list[Adopted] = []
        for _, group in groupby(found, key=lambda tail: tail.number):
            usable: list[Tail] = []
            match: list[dict[str, tuple[str, ...]]] = []
            differences: list[Difference] = []
            for tail in group:
                try:
                    found_match, found_differences = self.meaning(tail)
                except (_NotExpressibleError, TooManyError) as error:
                    self.leave(tail.term, str(error))
                    continue
                usable.append(tail)
                match += found_match
                differences += found_differences
            one = self.adopted(usable, match, differences) if usable else None
            adopted += [one] if one is not None else []
        for path, term in inner_negations(self.query, self.analysis):
            self.leave(
                term, f"it is in {path}; an exclusion goes into the outermost pipeline and would affect more rows"
            )
        without = self.without([tail for one in adopted for tail in one.tails])
        return Adoption(tuple(adopted), tuple(sorted(self.left, key=lambda left: left.line)), without)

    def leave(self, term: tree.Expr, reason: str) -> None:
        self.left.append(Left(self.line(term), " ".join(self.slice(term).split()), reason))

    def line(self, node: tree.Expr) -> int:
        return self.loaded.text.file_location(node.start).line or 1

    def slice(self, node: tree.Expr) -> str:
        return self.text[node.start : node.end]

    def meaning(self, tail: Tail) -> tuple[list[dict[str, tuple[str, ...]]], list[Difference]]:
        """Return the alternatives that a term suppresses, and how they differ from it."""
        if not tail.movable:
            raise _NotExpressibleError("the rows here are no longer events, and what follows makes other rows of them")
        match: list[dict[str, tuple[str, ...]]] = []
        differences: list[Difference] = []
        for group in alternatives(tail.term, False):
            alternative: dict[str, tuple[str, ...]] = {}
            raw: list[str] = []
            for fact in group:
                meant = said(fact, self.text, self.lists, lambda column: self.holders(column, tail.scope))
                if meant is None or meant.field in alternative:
                    raw.append(self.raw(fact, tail.scope))
                    continue
                alternative[meant.field] = meant.values
                differences += [*meant.differences, *self.others(fact, meant, tail.scope)]
            if not alternative:
                raise _NotExpressibleError("no column of it holds a field: it may be a part of what the rule looks for")
            if raw:
                alternative["where"] = (" and ".join(f"({one})" for one in raw) if len(raw) > 1 else raw[0],)
            match.append(alternative)
        return match, differences

    def others(self, fact: Fact, meant: FieldMeaning, scope: Scope) -> list[Difference]:
        """Return what else a field is compared with: it has one meaning for all columns of a table that hold it."""
        column = scope.columns.get(column_of(fact) or "")
        roles = usable_roles(meant.field, meant.values)
        names = {
            one.column
            for origin in (column.origins if column is not None else ())
            for one in self.repository.fields.columns(origin.table, meant.field)
            if one.column != origin.column and one.role in roles and one.column in scope.columns
        }
        return [("wider", f"{meant.field} is compared with {', '.join(sorted(names))} too")] if names else []

    def raw(self, fact: Fact, scope: Scope) -> str:
        """Return a fact as a condition of its own."""
        names = {node.value for node in tree.walk(fact.node) if isinstance(node, tree.Name)}
        called = {node.name.value for node in tree.walk(fact.node) if isinstance(node, tree.Call)}
        strange = sorted(name for name in names - called if name not in scope.columns and name in self.analysis.lets)
        if strange:
            raise _NotExpressibleError(f"it refers to `{strange[0]}`, which the rule defines with `let`")
        written = self.slice(fact.node)
        # The fact's own operator may be negative: then what is written holds where the fact does not.
        as_written = fact.holds if fact.op == _operator(fact.node) else not fact.holds
        condition = written if as_written else f"not({written})"
        problem = check_condition(condition)
        if problem is not None:
            raise _NotExpressibleError(problem.message)
        return condition

    def holders(self, column: str, scope: Scope) -> Sequence[Holder]:
        """Return the fields that a visible column holds: in each table that it may come from."""
        visible = scope.columns.get(column)
        if visible is None:
            return _assumed(column) if scope.open else ()
        if visible.kind not in ("table", "renamed", "grouped") or not visible.origins:
            return ()
        found: list[set[Holder]] = []
        for origin in visible.origins:
            mapped = {
                Holder(field, one.role)
                for field in NAMES
                for one in self.repository.fields.columns(origin.table, field)
                if one.column == origin.column and not one.members
            }
            if not mapped and self.planner.tables.table(origin.table) is None:
                mapped = set(_assumed(origin.column))
            found.append(mapped)
        common = set.intersection(*found)
        return sorted(common, key=lambda holder: NAMES.index(holder.field))

    def adopted(
        self, group: list[Tail], match: list[dict[str, tuple[str, ...]]], differences: list[Difference]
    ) -> Adopted | None:
        """Return the exclusion of the terms of one operator; None, with the reason reported, if the rule refuses it."""
        joined = tuple(merged(match))
        clause = " and ".join(self.slice(tail.term) for tail in group)
        spans = spans_of(self.text, group)
        comment = comment_of(self.text, spans[0][0], spans[-1][1])
        place = SourceText(self.text).line_column(group[0].operator.start)[0]
        note = f"Adopted from line {place} of the query: {' '.join(clause.split())}"
        draft = DraftExclusion(
            rules=(self.loaded.rule.id,),
            match=joined,
            title=title_of(joined),
            reason=comment,
            ticket=self.about.ticket,
            owner=self.about.owner,
            created=self.today,
            expires=self.about.expires,
            approved_by=self.about.approved_by,
            status=self.about.status,
            broad=is_broad(joined),
            placement="result" if group[0].result else None,
            notes=note if len(note) <= MAX_NOTE else f"{note[: MAX_NOTE - 3]}...",
        )
        try:
            (entry,) = entries_of([draft], self.repository, self.folder, self.today)
        except DraftError as error:
            for tail in group:
                self.leave(tail.term, error.problems[0].message)
            return None
        refusal = self.refusal(entry, group)
        if refusal is not None:
            for tail in group:
                self.leave(tail.term, f"the clause could not be placed in the rule: {refusal}")
            return None
        return Adopted(entry, self.line(group[0].term), clause, tuple(dict.fromkeys(differences)), tuple(group))

    def refusal(self, entry: NewExclusion, group: Sequence[Tail]) -> str | None:
        """Return why the exclusion has no place in the rule without the terms, None if it has."""
        base = replace(self.loaded.rule, query=_without(self.text, spans_of(self.text, group)))
        plan = self.planner.plan(base, [(in_force(entry.exclusion), True)]).plan
        return next((skip.message for skip in plan.skips), None)

    def without(self, taken: Sequence[Tail]) -> str:
        """Return the rule's file without terms; read again, it holds exactly the query that is meant."""
        if not taken:
            return self.loaded.text.file_text
        spans = spans_of(self.text, taken)
        meant = _without(self.text, spans)
        parse(meant, self.loaded.path)
        file_text = stripped(self.loaded.text.file_text, [(self.loaded.text, spans)])
        again = read_rule_file(file_text, self.loaded.path, self.loaded.rule.path)
        mine = [other.rule.query for other in again.rules if other.rule.id == self.loaded.rule.id]
        if meant not in mine:
            hint = "remove the clauses by hand; the exclusions are recorded"
            raise FpctlError("the file cannot be written without the clauses", self.loaded.text.file_location(0), hint)
        return file_text


def _assumed(column: str) -> list[Holder]:
    """Return the fields that a column of that name holds in most tables."""
    return [Holder(name, role) for name, field in FIELDS.items() for known, role in field.assumed if known == column]


def _operator(node: tree.Expr) -> str:
    if isinstance(node, tree.Membership):
        return node.op
    return node.ops[0] if isinstance(node, tree.Binary) and len(node.ops) == 1 else ""


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    return apply_edits(text, [deletion(start, end) for start, end in joined_spans(spans)])


def _lists(query: tree.Query, text: str) -> Mapping[str, tuple[str, ...]]:
    """Return the values of each `let` that is a list of texts."""
    found: dict[str, tuple[str, ...]] = {}
    for statement in query.statements:
        if isinstance(statement, tree.Let) and (listed := _listed(statement.value, text)):
            found[statement.name.value] = listed
    return found


def _listed(value: tree.Node, text: str) -> tuple[str, ...] | None:
    """Return the texts of `dynamic([...])`, `pack_array(...)` or a `datatable` of one column, else None."""
    if isinstance(value, tree.Literal):
        return list_of(text[value.start : value.end])
    items: tuple[tree.Expr, ...] = ()
    if isinstance(value, tree.Call) and value.name.value == "pack_array":
        items = value.args
    elif isinstance(value, tree.Subquery) and isinstance(value.pipeline.source, tree.DataTable):
        table = value.pipeline.source
        items = table.values if len(table.columns) == 1 and not value.pipeline.operators else ()
    if not items or not all(isinstance(item, tree.Literal) and item.type == "string" for item in items):
        return None
    return tuple(string_value(text[item.start : item.end]) for item in items)
