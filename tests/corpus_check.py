"""Place exclusions in every query of some collections, and say what came of it.

    python tests/corpus_check.py corpus.jsonl ... [--show 20]

A collection is a file of JSON lines, each with the text of a query under `query`. Four exclusions, of one
field each (device, url, hash, process), are planned in every query: alone, to count where they can be
placed and why not, and together, for the text. Printed are

* how many queries fpctl reads, against Microsoft's parser, and how many bind;
* for each field: rules that read a table with the field, clauses placed, refusals by reason;
* the share that is placed or refused because fewer rows there would fire more (goal 99 %); in brackets
  without queries over every table (`search`, `union *`, `find`), where a field has many columns and no
  clause can tell them apart: an analytics rule may not contain these;
* tuned queries that bind with an error the base query has not (goal 0);
* base text untouched, applying again changes nothing, stripping gives the base back (goal 100 %).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from fpctl.errors import KqlSyntaxError
from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.placement.required_columns import columns_required
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import read_rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from oracle.bridge import Diagnostic, Oracle, errors, reason_missing
from oracle.compare_corpus import functions_in, read

TODAY = date(2026, 11, 24)
MATCHES = {
    "device": "build01",
    "url": "updates.contoso.com",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "process": "msiexec.exe",
}
WIDE = 100
"""A query that reads more tables than this one reads all there are."""
INVERTING = frozenset({"inverting-position", "both-polarities"})


def exclusion(name: str) -> Exclusion:
    """Return an exclusion of one field."""
    content = {
        "id": f"fp-{name}",
        "rules": ["*"],
        "match": {name: MATCHES[name]},
        "expires": "2027-05-24",
        "broad": True,
        "approved_by": "the corpus check",
    }
    return Exclusion.model_validate(content)


@dataclass
class FieldCount:
    """What became of one exclusion over all rules."""

    having: int = 0
    placed: int = 0
    placed_otherwise: int = 0
    everywhere: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def settled(self) -> int:
        """Rules that have the field, where the clause is placed or refused for being inverting."""
        return self.placed + sum(self.refused[reason] for reason in INVERTING)


class Check:
    """The check of one run."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.tables = Tables.packaged("auto", "xdr")
        self.streamed = Tables.packaged("auto", "loganalytics")
        self.fields = FieldMap.packaged(None, self.tables)
        self.planner = Planner(self.tables, self.fields, TODAY, streamed=self.streamed)
        self.count: Counter[str] = Counter()
        self.by_field = {name: FieldCount() for name in MATCHES}
        self.exclusions = {name: exclusion(name) for name in MATCHES}
        self.shown: list[str] = []
        for name, tables in (("xdr", self.tables), ("loganalytics", self.streamed)):
            oracle.define(name, {table: dict(tables.table(table) or {}) for table in tables.tables()})

    def plan(self, text: str, names: list[str]) -> TunedRule:
        """Plan some of the exclusions in a text."""
        rule, _ = read_rule({}, text, "query.kql", "query", "query")
        return self.planner.plan(rule, [(self.exclusions[name], False) for name in names])

    def diagnostics(self, text: str, tables: Tables) -> list[Diagnostic]:
        """Return Microsoft's errors of a text."""
        schema = "loganalytics" if tables is self.streamed else "xdr"
        return errors(self.oracle.bind(text, schema, functions_in(text, tables)))

    def query(self, where: str, text: str) -> None:
        """Check one query."""
        self.count["queries"] += 1
        accepted = not errors(self.oracle.parse(text))
        self.count["accepted by Microsoft's parser"] += accepted
        try:
            tuned = self.plan(text, list(MATCHES))
        except KqlSyntaxError as error:
            if accepted:
                self.count["accepted there and not here"] += 1
                self.shown.append(f"{where}: not read: {error.message}")
            return
        self.count["read by fpctl"] += 1
        for name in MATCHES:
            self.field(where, name, text, tuned)
        self.text(where, text, tuned)

    def field(self, where: str, name: str, text: str, combined: TunedRule) -> None:
        """Count what became of one exclusion."""
        plan = self.plan(text, [name]).plan
        ((_, roles),) = columns_required(self.exclusions[name].match, "x").fields
        read_tables = {
            table
            for pipeline in combined.analysis.pipelines
            for point in pipeline.points[:1]
            for tables in point.scope.branches.values()
            for table in tables
        }
        having = any(
            roles is None or column.role in roles
            for table in read_tables
            for column in self.fields.columns(table, name)
        )
        count = self.by_field[name]
        count.having += having
        if not having:
            count.placed_otherwise += bool(plan.insertions)
        elif plan.insertions:
            count.placed += 1
        else:
            (skip,) = plan.skips
            count.everywhere += len(read_tables) > WIDE and skip.reason not in INVERTING
            count.refused[skip.reason] += 1
            if skip.reason not in INVERTING:
                self.shown.append(f"{where}: {name}: {skip.reason}, line {skip.line}: {skip.message}")

    def text(self, where: str, text: str, tuned: TunedRule) -> None:
        """Check the tuned text of all exclusions together."""
        if not tuned.edits:
            return
        self.count["rewritten"] += 1
        if strip(tuned.tuned) != text:
            self.shown.append(f"{where}: stripping does not give the base text back")
        else:
            self.count["stripped exactly"] += 1
        if self.plan(tuned.tuned, list(MATCHES)).tuned != tuned.tuned:
            self.shown.append(f"{where}: applying again changes the text")
        else:
            self.count["unchanged when applied again"] += 1
        kept = Counter(tuned.tuned)
        kept.subtract(text)
        if min(kept.values()) < 0 or not _is_subsequence(text, tuned.tuned):
            self.shown.append(f"{where}: the base text was touched")
        else:
            self.count["base text untouched"] += 1
        base = self.diagnostics(text, tuned.tables)
        self.count["base binds"] += not base
        known = Counter((d.code, d.message) for d in base)
        new = Counter((d.code, d.message) for d in self.diagnostics(tuned.tuned, tuned.tables)) - known
        if new:
            self.count["with a new error" if not base else "with a new error beside those of the base"] += 1
            self.shown.extend(f"{where}: new error {code}: {message}" for code, message in new)

    def report(self, show: int) -> None:
        """Print the figures."""
        for name, number in self.count.items():
            print(f"{number:6}  {name}")
        print(f"\n{'field':10}{'in a table':>12}{'placed':>9}{'inverting':>11}{'settled':>20}  other refusals")
        for name, count in self.by_field.items():
            share = f"{count.settled / count.having:.2%}" if count.having else "-"
            share += f" ({count.settled / (count.having - count.everywhere):.2%})" if count.having else ""
            inverting = sum(count.refused[reason] for reason in INVERTING)
            others = ", ".join(f"{r} {n}" for r, n in sorted(count.refused.items()) if r not in INVERTING)
            print(f"{name:10}{count.having:12}{count.placed:9}{inverting:11}{share:>20}  {others}")
        assumed = ", ".join(f"{name} {c.placed_otherwise}" for name, c in self.by_field.items())
        print(f"\nplaced in rules of unknown tables: {assumed}\n")
        for line in self.shown[:show]:
            print(line)


def _is_subsequence(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(character in rest for character in part)


def main() -> int:
    """Run the check; exit with 1 if a text is not what it must be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collections", nargs="+", type=Path, metavar="JSONL")
    parser.add_argument("--show", type=int, default=20, help="findings to print (default 20)")
    options = parser.parse_args()
    reason = reason_missing()
    if reason:
        print(reason, file=sys.stderr)
        return 2
    with Oracle() as oracle:
        check = Check(oracle)
        for where, text in read(options.collections):
            check.query(where, text)
        check.report(options.show)
    count = check.count
    exact = {count[name] for name in ("stripped exactly", "unchanged when applied again", "base text untouched")}
    wrong = count["with a new error"] or count["accepted there and not here"] or exact - {count["rewritten"]}
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
