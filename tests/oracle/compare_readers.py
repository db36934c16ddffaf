"""What a second, independent parser finds in tuned queries that fpctl's own re-reading does not.

    python tests/oracle/compare_readers.py corpus.jsonl ... [--texts 4] [--mutants 20]

Every query of the collections (JSON Lines with the text under `query`) is tuned with generated exclusions whose
values are as hostile as people can write them. Each tuned text is read by three: fpctl's own verification,
duckdb-kql's parser (generated from Microsoft's published grammar), and Microsoft's parser in node. Then characters
are taken out of, put into or doubled in the clauses, as a fault of the printing would do, and the broken texts are
read by the three. Counted is who objects. A text whose base a reader does not read says nothing about that reader.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from fpctl.errors import FpctlError, KqlSyntaxError
from fpctl.exclusions.model import Exclusion
from fpctl.kql.analysis import analyse
from fpctl.kql.parser import parse
from fpctl.rewrite.output.markers import find_clauses
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.plan.verify import verify
from fpctl.rules.model import read_rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from oracle.bridge import Oracle, errors, reason_missing
from oracle.compare_corpus import read

BREAKING = "\"'\\|;()[]{}@`~,=!/*<>: \tax0"
HOSTILE = (
    'a"b', "a'b", "a\\", '\\"', '"; T', '") or true or ("', "*/ //", "// fpctl", "```", "~~~", "h'x'", '@"x"', "%s{}",
    "ünïcode", "日本", "\U0001f600", "‮evil", "$left.a == $right.a", "in~ (", "datetime(2020-01-01)", "| take 0",
    "\\u0041", "a b", "a|b", "[?]", "C:\\Temp\\x y.exe", "cmd /c \"echo 'x' > \\\\host\\c$\"", "x" * 300,
)  # fmt: skip


def exclusions(random: Random, number: int) -> list[tuple[Exclusion, bool]]:
    """Return some exclusions with hostile values."""
    made: list[tuple[Exclusion, bool]] = []
    while len(made) < number:
        values = random.sample(HOSTILE, random.randint(1, 4))
        match: dict[str, object] = random.choice(
            [
                {"device": "build01", "command_line": values},
                {"process": ["msiexec.exe"], "command_line": values, "device": ["db1", "web*"]},
                {"path": values, "device": "build01"},
                {"account": values, "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
                {"url": "https://contoso.com/a%20b/*", "signer": values},
                {"device": "build01", "where": f"Timestamp > ago(1d) or FileName == '{values[0].encode().hex()}'"},
                {"ip": ["10.0.0.0/8", "2001:db8::/32"], "device": "db1"},
            ]
        )
        content = {
            "id": f"fp-{len(made)}",
            "rules": ["*"],
            "match": match,
            "broad": True,
            "approved_by": "a test",
            "expires": "2027-05-24",
        }
        if random.random() < 0.2:
            content["window"] = {"weekly": ["sun 02:00-04:00"], "timezone": "Europe/Rome"}
        try:
            made.append((Exclusion.model_validate(content), False))
        except ValueError:
            continue
    return made


def mutants(random: Random, text: str, number: int) -> Iterator[str]:
    """Yield the text with one clause broken by a character."""
    spans = [(clause.start, clause.end) for clause in find_clauses(text)]
    for _ in range(number if spans else 0):
        start, end = random.choice(spans)
        at = random.randrange(start, end)
        kind = random.randrange(3)
        middle = "" if kind == 0 else text[at] * 2 if kind == 1 else random.choice(BREAKING) + text[at]
        yield text[:at] + middle + text[at + 1 :]


class Readers:
    """The three readers, as one question: who objects to a text?"""

    def __init__(self, oracle: Oracle, tables: Tables) -> None:
        from duckdb_kql.parser import validate

        self.oracle, self.tables, self.validate = oracle, tables, validate

    def objections(self, tuned: TunedRule, text: str) -> tuple[bool, bool, bool]:
        """Return whether fpctl, duckdb-kql and Microsoft object to a text made from a rule."""
        return self.own(tuned, text), bool(self.validate(text)), bool(errors(self.oracle.parse(text)))

    def own(self, tuned: TunedRule, text: str) -> bool:
        """Return whether fpctl's verification would refuse a text in place of the tuned one."""
        if text == tuned.tuned:
            try:
                verify(tuned)
            except FpctlError:
                return True
            return False
        try:
            problems = analyse(parse(text), self.tables).problems
        except KqlSyntaxError:
            return True
        before = {(problem.code, problem.message) for problem in tuned.analysis.problems}
        return any((problem.code, problem.message) not in before for problem in problems)


def main() -> int:
    """Run the comparison and print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("collections", nargs="+", type=Path)
    arguments.add_argument("--texts", type=int, default=4, help="tuned texts of each query")
    arguments.add_argument("--mutants", type=int, default=20, help="broken texts of each tuned text")
    arguments.add_argument("--show", type=int, default=10)
    given = arguments.parse_args()
    missing = reason_missing()
    if missing:
        print(missing)
        return 2
    random, count, shown = Random(0), Counter[str](), list[str]()
    tables = Tables.packaged("auto", "xdr")
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))
    with Oracle() as oracle:
        readers = Readers(oracle, tables)
        for where, text in read(given.collections):
            if errors(oracle.parse(text)) or readers.validate(text):
                continue
            rule, _ = read_rule({}, text, "query.kql", "query", "query")
            for _ in range(given.texts):
                try:
                    tuned = planner.plan(rule, exclusions(random, random.randint(1, 5)))
                except KqlSyntaxError:
                    break
                if tuned.tuned == text:
                    continue
                for kind, one in [
                    ("tuned", tuned.tuned),
                    *(("broken", m) for m in mutants(random, tuned.tuned, given.mutants)),
                ]:
                    own, second, microsoft = readers.objections(tuned, one)
                    count[f"{kind}: texts"] += 1
                    who = "+".join(
                        name
                        for name, objects in (("fpctl", own), ("duckdb-kql", second), ("Microsoft", microsoft))
                        if objects
                    )
                    count[f"{kind}: {who or 'nobody'} objects"] += 1
                    if not own and (second or microsoft):
                        shown.append(f"{where}: {kind}: {who}: {_clauses(one)}")
    for name in sorted(count):
        print(f"{name:45}{count[name]:>8,}")
    print(*random.sample(shown, min(given.show, len(shown))), sep="\n")
    return 0


def _clauses(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if "// fpctl" in line)[:400]


if __name__ == "__main__":
    sys.exit(main())
