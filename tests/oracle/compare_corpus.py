"""Compare our columns with Microsoft's binder over a collection of queries.

    python tests/oracle/compare_corpus.py corpus.jsonl ... [--environment auto|xdr|loganalytics] [--show 20]

A collection is a file of JSON lines, each with the text of a query under `query`. For every query that
Microsoft binds without an error, at every gap of every pipeline, the names of the visible columns in
their order, and their types, must be the binder's. Gaps where either side's columns are open are
counted apart: there the binder adds every name that is met to the columns it assumes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from fpctl.errors import KqlSyntaxError
from fpctl.kql.analysis import Analysis, analyse
from fpctl.kql.binder import InsertionPoint
from fpctl.kql.parser import parse
from fpctl.schema.tables import Tables
from oracle.bridge import Oracle, OracleGap, errors, reason_missing

FUNCTION = re.compile(r"\b(?:_Im_|_ASim_|ASim|im|vim|_GetWatchlist)\w*")


@dataclass
class Count:
    """What a comparison found."""

    queries: int = 0
    unparsed: int = 0
    bound: int = 0
    points: int = 0
    open: int = 0
    missing: int = 0
    names: int = 0
    types: int = 0
    equal_queries: int = 0
    differences: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the figures as text."""
        yield f"queries                 {self.queries}"
        yield f"  we do not parse       {self.unparsed}"
        yield f"  bound without error   {self.bound}"
        yield f"    with every gap equal {self.equal_queries}"
        yield f"gaps compared           {self.points}"
        yield f"  equal names           {self.names}"
        yield f"  equal names and types {self.types}"
        yield f"gaps open on a side     {self.open}"
        yield f"gaps without a partner  {self.missing}"


def read(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of every query of some collections."""
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path.name}:{number}", json.loads(line)["query"]


def functions_in(text: str, tables: Tables) -> dict[str, dict[str, object]]:
    """Return the stored functions that a text names and the environment knows, as the oracle wants them."""
    found: dict[str, dict[str, object]] = {}
    for name in FUNCTION.findall(text):
        columns = tables.function(name)
        if isinstance(columns, Mapping):
            found[name] = {"columns": dict(columns), "parameters": "()", "open": False}
        elif name == "_GetWatchlist":
            found[name] = {"columns": {"SearchKey": "string"}, "parameters": "(alias: string)", "open": True}
    return found


def without_doubles(columns: tuple[tuple[str, str], ...], *, suffixed: bool) -> tuple[tuple[str, str], ...]:
    """Return the binder's columns with one of a name, where it lists two.

    It does so where `withsource` or `parse` names a column that was there; the next extend gives the
    second a suffix. We give it at once, but for `parse`, where the captured column takes the place.
    """
    seen: dict[str, str] = {}
    for name, type_ in columns:
        suffix, free = 0, name
        while suffixed and free in seen:
            suffix += 1
            free = f"{name}{suffix}"
        seen[free] = type_
    return tuple(seen.items())


def compare(where: str, text: str, analysis: Analysis, points: Mapping[int, OracleGap], count: Count) -> bool:
    """Compare one query; return whether every gap is equal."""
    equal = True
    for pipeline in analysis.pipelines:
        for point in pipeline.points:
            theirs = points.get(point.offset)
            if theirs is None:
                # Graphs, and fork, facet and consume, have no columns in the binder either.
                if point.scope.columns:
                    count.missing += 1
                    count.differences.append(f"{where} {pipeline.path} {point.after}: no gap ends at {point.offset}")
                continue
            equal &= _compare_gap(where, text, pipeline.path, point, theirs, count)
    return equal


def _compare_gap(where: str, text: str, path: str, point: InsertionPoint, theirs: OracleGap, count: Count) -> bool:
    ours = tuple((column.name, str(column.type)) for column in point.scope.columns.values())
    expected = without_doubles(theirs.columns, suffixed=True)
    if len(expected) != len(ours):
        expected = without_doubles(theirs.columns, suffixed=False)
    if point.scope.open or theirs.open:
        count.open += 1
        return True
    count.points += 1
    names = [name for name, _ in ours] == [name for name, _ in expected]
    count.names += names
    count.types += ours == expected
    if ours != expected:
        line = text[: point.offset].rsplit("\n", 1)[-1][-80:]
        more = [column for column in ours if column not in expected][:6]
        less = [column for column in expected if column not in ours][:6]
        count.differences.append(f"{where} {path} after {point.after}: ours {more}, binder {less} at `{line}`")
    return ours == expected


def main() -> int:
    """Run the comparison; exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collections", nargs="+", type=Path, metavar="JSONL")
    parser.add_argument("--environment", choices=("auto", "xdr", "loganalytics"), default="auto")
    parser.add_argument("--show", type=int, default=20, help="differences to print (default 20)")
    options = parser.parse_args()
    reason = reason_missing()
    if reason:
        print(reason, file=sys.stderr)
        return 2
    tables = Tables.packaged(options.environment)
    schema = {name: dict(tables.table(name) or {}) for name in tables.tables()}
    count = Count()
    spent = 0.0
    with Oracle() as oracle:
        oracle.define("schema", schema)
        for where, text in read(options.collections):
            count.queries += 1
            try:
                query = parse(text)
            except KqlSyntaxError:
                count.unparsed += 1
                continue
            functions = functions_in(text, tables)
            began = time.perf_counter()
            analysis = analyse(query, tables)
            spent += time.perf_counter() - began
            diagnostics, points = oracle.points(text, "schema", functions)
            if errors(diagnostics):
                continue
            count.bound += 1
            count.equal_queries += compare(where, text, analysis, points, count)
    for line in count.lines():
        print(line)
    print(f"our analysis took       {spent * 1000:.0f} ms")
    for difference in count.differences[: options.show]:
        print(difference)
    return 1 if count.differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
