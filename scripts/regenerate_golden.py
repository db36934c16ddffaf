"""Write `expected.txt` of every golden case (or of those whose name contains an argument) and say what changed.

    python scripts/regenerate_golden.py [WORD ...]

Read each difference before committing it: the files are what the product promises.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
sys.path.insert(0, str(ROOT / "tests"))

from rewrite.golden.cases import cases  # noqa: E402


def main(words: list[str]) -> int:
    """Regenerate; return 0."""
    changed = 0
    for case in cases():
        if words and not any(word in case.name for word in words):
            continue
        outcome = case.outcome().encode("utf-8")
        if not case.expected.exists() or case.expected.read_bytes() != outcome:
            case.expected.write_bytes(outcome)
            print(case.name)
            changed += 1
    print(f"{changed} of {len(cases())} golden cases changed", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
