"""Run many generated queries against data without the named rows.

    python tests/rewrite/semantics/check_many.py 20000 [seed]

Prints what became of them, and every query whose result gained a row without a warning.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from rewrite.semantics.estate import EXCLUSIONS, close_estates, estate  # noqa: E402
from rewrite.semantics.references import query  # noqa: E402
from rewrite.semantics.test_references import NotRunError, gained  # noqa: E402


def main() -> int:
    """Check as many queries as asked for."""
    many, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    count: Counter[str] = Counter()
    failed = 0
    for seed in range(first, first + many):
        text = query(seed)
        data = estate(seed % 6, seed % len(EXCLUSIONS))
        try:
            outcome, rows = gained(text, data)
        except NotRunError as error:
            outcome, rows = f"not run: {str(error)[:60]}", Counter()
        count[outcome] += 1
        if rows:
            failed += 1
            print(f"--- seed {seed}: rows appear without a warning: {dict(rows)}\n{text}", flush=True)
    close_estates()
    for outcome, number in count.most_common(30):
        print(f"{number:>7}  {outcome}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
