"""Run many generated queries against data without the named events.

    python tests/rewrite/semantics/check_many.py 20000 [seed]

Prints what became of them, and every query of which the plan does not say all that its clause does.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from rewrite.semantics.estate import close_estates  # noqa: E402
from rewrite.semantics.references import case  # noqa: E402
from rewrite.semantics.verdict import NotRunError, judge  # noqa: E402


def main() -> int:
    """Check as many queries as asked for."""
    many, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    count: Counter[str] = Counter()
    failed = 0
    for seed in range(first, first + many):
        text, data, placement = case(seed)
        try:
            verdict = judge(text, data, placement)
        except NotRunError as error:
            count[f"not run: {str(error)[:60]}"] += 1
            continue
        count[verdict.outcome] += 1
        if verdict.faults:
            failed += 1
            print(
                f"--- seed {seed}, {dict(data.exclusion.match[0].fields())}, {placement}\n{verdict.tuned}", flush=True
            )
            for name, rows in verdict.faults.items():
                print(f"    {name}: {list(rows)[:2]}", flush=True)
    close_estates()
    for outcome, number in count.most_common(40):
        print(f"{number:>7}  {outcome}")
    print(f"{failed:>7}  with a fault that the plan does not tell")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
