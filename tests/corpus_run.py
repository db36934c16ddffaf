"""Run public queries on data made for their own literals, with and without exclusions, and compare.

    python tests/corpus_run.py corpus.jsonl ... [--from 0] [--every 3] [--seconds 20]

A collection is a file of JSON lines, each with the text of a query under `query`. For each query there are rows of its
tables (see `corpus_data`), and exclusions of one field each whose values are in these rows. Compared are the base
query, the tuned one, and both on the rows that no exclusion names. Printed is every difference that the plan does not
tell: rows that appear, named events that are left, other events that are gone.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from corpus_data import rows_for, wishes  # noqa: E402
from fields.matcher import matches  # noqa: E402
from fpctl.engine.local.engine import LocalEngine  # noqa: E402
from fpctl.errors import FpctlError  # noqa: E402
from fpctl.exclusions.model import Exclusion  # noqa: E402
from fpctl.rewrite.plan.planner import Planner  # noqa: E402
from fpctl.rewrite.plan.tuned_rule import TunedRule  # noqa: E402
from fpctl.rewrite.predicate import BoundColumn  # noqa: E402
from fpctl.rules.model import read_rule  # noqa: E402
from fpctl.schema.fields import FieldMap  # noqa: E402
from fpctl.schema.tables import Tables  # noqa: E402
from oracle.compare_corpus import read  # noqa: E402
from rewrite.semantics.verdict import INCOMPLETE, OTHERS, Rows  # noqa: E402

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TYPES = {
    "datetime": pa.timestamp("us", tz="UTC"), "string": pa.string(), "long": pa.int64(), "int": pa.int32(),
    "bool": pa.bool_(), "real": pa.float64(), "double": pa.float64(), "dynamic": pa.string(),
}  # fmt: skip
FIELDS = ("device", "process", "url", "hash", "account")
MOST_TABLES = 12


class Corpus:
    """The queries' schema and planner."""

    def __init__(self) -> None:
        self.tables = Tables.packaged("auto", "xdr")
        self.streamed = Tables.packaged("auto", "loganalytics")
        self.fields = FieldMap.packaged(None, self.tables)
        self.planner = Planner(self.tables, self.fields, date(2026, 11, 24), streamed=self.streamed)
        self.count: Counter[str] = Counter()

    def columns(self, table: str) -> dict[str, str]:
        known = {**(self.streamed.table(table) or {}), **(self.tables.table(table) or {})}
        return {name: kind for name, kind in known.items() if kind in TYPES}

    def plan(self, text: str, exclusions: Sequence[Exclusion] = ()) -> TunedRule:
        rule, _ = read_rule({}, text, "query.kql", "query", "query")
        return self.planner.plan(rule, [(exclusion, False) for exclusion in exclusions])

    def check(self, where: str, text: str, seed: int, seconds: float) -> None:
        """Compare one query's results."""
        base = self.plan(text)
        read_tables = {
            table
            for pipeline in base.analysis.pipelines
            for point in pipeline.points[:1]
            for tables in point.scope.branches.values()
            for table in tables
        }
        if len(read_tables) > MOST_TABLES or not read_tables:
            self.count["reads no table, or a pattern of them"] += 1
            return
        random = Random(seed)
        wanted = wishes(base.query)
        data = {table: rows_for(c, wanted, random, NOW) for table in sorted(read_tables) if (c := self.columns(table))}
        if not data:
            self.count["no table is known"] += 1
            return
        with tempfile.TemporaryDirectory(prefix="fpctl-corpus-") as folder, contextlib.ExitStack() as stack:
            engine = stack.enter_context(self.engine(Path(folder) / "all", data, seconds))
            try:
                before = Counter(map(repr, engine.query(text).rows))
            except Exception as error:
                self.count[f"not run: {type(error).__name__}"] += 1
                return
            self.count["with rows" if before else "without rows"] += 1
            for field in FIELDS:
                exclusion = self.exclusion(field, data, random)
                if exclusion is not None:
                    self.compare(where, text, exclusion, engine, data, Path(folder) / field, seconds)

    def engine(self, folder: Path, data: Mapping[str, Sequence[Mapping[str, Any]]], seconds: float) -> LocalEngine:
        """Return an engine on rows."""
        folder.mkdir()
        for table, rows in data.items():
            columns = self.columns(table)
            arrays = {name: pa.array([row[name] for row in rows], TYPES[kind]) for name, kind in columns.items()}
            pq.write_table(pa.table(arrays), folder / f"{table}.parquet")
        return LocalEngine(folder, now=NOW, tables=self.tables, threads=1, timeout=seconds, memory="1GB")

    def bound(self, table: str, field: str) -> list[BoundColumn]:
        known = self.columns(table)
        return [
            BoundColumn(c.column, known[c.column], c.role)
            for c in self.fields.columns(table, field)
            if c.column in known and not c.members
        ]

    def exclusion(
        self, field: str, data: Mapping[str, Sequence[Mapping[str, Any]]], random: Random
    ) -> Exclusion | None:
        """Return an exclusion of one field whose value stands in the rows."""
        values = sorted(
            {str(row[c.text]) for table, rows in data.items() for c in self.bound(table, field) for row in rows} - {""}
        )
        random.shuffle(values)
        for value in values[:10]:
            content = {"id": "fp-1", "rules": ["*"], "match": {field: [value]}, "broad": True, "approved_by": "corpus"}
            with contextlib.suppress(ValueError, FpctlError):
                return Exclusion.model_validate(content)
        return None

    def compare(
        self, where: str, text: str, exclusion: Exclusion, engine: LocalEngine,
        data: Mapping[str, Sequence[Mapping[str, Any]]], folder: Path, seconds: float,
    ) -> None:  # fmt: skip
        """Compare base and tuned query for one exclusion."""
        tuned = self.plan(text, [exclusion])
        if not tuned.clauses:
            self.count["not placed"] += 1
            return
        self.count["compared"] += 1
        match = exclusion.match[0].fields()
        (field,) = match
        without = {
            table: [row for row in rows if not matches([match], {field: self.bound(table, field)}, row)]
            if self.bound(table, field)
            else rows
            for table, rows in data.items()
        }
        with self.engine(folder, without, seconds) as other:
            runs = [
                rows_of(engine, text),
                rows_of(engine, tuned.tuned),
                rows_of(other, text),
                rows_of(other, tuned.tuned),
            ]
        self.count["compared, with rows"] += bool(runs[0])
        self.count["rows suppressed"] += runs[0] != runs[1]
        for name, rows in self.differences(tuned, *runs):
            if rows:
                self.count[name] += 1
                print(f"--- {where}: {dict(match)}: {name}: {list(rows)[:2]}", flush=True)

    def differences(
        self, tuned: TunedRule, before: Rows, after: Rows, before_without: Rows, after_without: Rows
    ) -> Iterator[tuple[str, Rows]]:
        """Yield what differs in which way."""
        codes = {warning.code for warning in tuned.plan.warnings}
        yield "without a named event rows go", before_without - after_without
        yield "without a named event rows appear", after_without - before_without
        if "effect" in codes:
            return
        before, after, without = (self.kept(tuned, rows) for rows in (before, after, before_without))
        yield "rows appear", after - before
        if not codes & INCOMPLETE:
            yield "named events are left", (after & before) - without
        if not codes & OTHERS:
            yield "other events are gone", (before & without) - after

    def kept(self, tuned: TunedRule, rows: Rows) -> Rows:
        """Return rows less the columns that are computed."""
        scope = tuned.analysis.columns_of(tuned.query.results()[-1].pipeline).points[-1].scope
        names = [n for n, c in enumerate(scope.columns.values()) if c.kind in ("table", "renamed", "grouped")]
        if len(names) == len(scope.columns):
            return rows
        return Counter({tuple(row[n] for n in names if n < len(row)): 1 for row in rows})


def rows_of(engine: LocalEngine, text: str) -> Rows:
    """Return the rows of a query."""
    return Counter(
        tuple(str(cell) if isinstance(cell, list | dict) else cell for cell in row) for row in engine.query(text).rows
    )


def main() -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collections", nargs="+", type=Path, metavar="JSONL")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="only every n-th query, from the one of --from")
    parser.add_argument("--seconds", type=float, default=20, help="for each query (default 20)")
    options = parser.parse_args()
    corpus = Corpus()
    began = time.monotonic()
    for number, (where, text) in enumerate(read(options.collections)):
        if number >= options.first and (number - options.first) % options.every == 0:
            corpus.count["queries"] += 1
            try:
                corpus.check(where, text, number, options.seconds)
            except Exception as error:
                corpus.count[f"stopped: {type(error).__name__}"] += 1
                print(f"--- {where}: {type(error).__name__}: {str(error)[:200]}", flush=True)
    for name, many in corpus.count.most_common():
        print(f"{many:7}  {name}")
    print(f"{time.monotonic() - began:.0f} seconds")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
