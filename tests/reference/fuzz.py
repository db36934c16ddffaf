"""Many generated queries, each answered by the interpreter and by the compiler.

    python -m reference.fuzz 0 100000 [--jobs 2] [--show 20]

Run it in `tests/`. It tells how many agree, how many are refused and why, and every kind of difference with a query.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from reference.differential import Answer, answer, connected
from reference.generator import Generated, Generator


def tried(first: int, last: int) -> list[tuple[int, str, Answer]]:
    """Try the seeds of a range; return what did not agree, and `same` with their number."""
    connection = connected()
    out: list[tuple[int, str, Answer]] = []
    agreed = 0
    for seed in range(first, last):
        generated = Generator(seed).query()
        found = guarded(connection, generated.text())
        if found.outcome == "same":
            agreed += 1
            continue
        shortest = shortened(connection, generated, found) if found.outcome in ("differs", "failed") else ""
        out.append((seed, shortest, found))
    out.append((-1, str(agreed), Answer("same", "")))
    return out


def guarded(connection: object, text: str) -> Answer:
    try:
        return answer(connection, text)
    except Exception as fault:  # a fault of the interpreter or the compiler is a finding, not the end
        return Answer("differs", f"fault {type(fault).__name__}: {fault}")


def shortened(connection: object, generated: Generated, found: Answer) -> str:
    """Return the query up to the first operator with which the answers differ."""
    for count in range(len(generated.operators) + 1):
        text = generated.text(count)
        if guarded(connection, text).outcome == found.outcome:
            return text
    return generated.text()


def kind_of(found: Answer) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"|-?\d[\d.e+]*|\bc\d+\b", "_", found.text)[:110]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--show", type=int, default=20, help="how many queries that differ to show")
    arguments = parser.parse_args()
    step = max(1, min(1000, (arguments.last - arguments.first) // arguments.jobs or 1))
    bounds = [(at, min(at + step, arguments.last)) for at in range(arguments.first, arguments.last, step)]
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    differing: list[tuple[int, str, Answer]] = []
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for batch in pool.map(tried, *zip(*bounds, strict=True)):
            for seed, text, found in batch:
                if found.outcome == "same":
                    outcomes["same"] += int(text)
                    continue
                outcomes[found.outcome] += 1
                if found.outcome in ("differs", "failed"):
                    differing.append((seed, text, found))
                else:
                    reasons[f"{found.outcome} {kind_of(found)}"] += 1
    seen: Counter[str] = Counter(kind_of(found) for _, _, found in differing)
    shown: set[str] = set()
    for seed, text, found in differing:
        kind = kind_of(found)
        if kind not in shown and len(shown) < arguments.show:
            shown.add(kind)
            print(f"--- seed {seed}, {seen[kind]} times, {found.outcome}: {found.text}\n{text}")
    for reason, count in reasons.most_common(60):
        print(f"{count:7} {reason}")
    print(dict(outcomes))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
