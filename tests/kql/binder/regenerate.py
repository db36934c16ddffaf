"""Write the columns of cases.yaml anew, from Microsoft's binder: python tests/kql/binder/regenerate.py

Where BINDER_DIFFERS says that ours are others, and where the binder has no table at the end (fork,
consume), an open one, or an error, they are ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from kql.binder.binder_cases import BINDER_DIFFERS, PATH, TABLES, cases, last_scope, typed  # noqa: E402
from oracle.bridge import Oracle, errors  # noqa: E402


def flow(columns: Mapping[str, str]) -> str:
    """Return columns as one line of YAML."""
    plain = str.isidentifier
    return "{" + ", ".join(f"{n if plain(n) else json.dumps(n)}: {type_}" for n, type_ in columns.items()) + "}"


def main() -> None:
    """Rewrite the file."""
    head = [line for line in PATH.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    lines = [*head]
    with Oracle() as oracle:
        for case in cases():
            query = case["query"]
            ours = last_scope(query)
            columns = typed(ours)
            diagnostics, theirs = oracle.points(query, TABLES)
            point = theirs.get(len(query.rstrip()))
            settled = point is not None and not (point.open or ours.open or errors(diagnostics))
            settled = settled and case["name"] not in BINDER_DIFFERS
            if point is not None and settled:
                columns = dict(point.columns)
            lines.append(f"- name: {case['name']}")
            lines.append(f"  query: {query if not set(query) & set(':#') else json.dumps(query)}")
            lines.append(f"  columns: {flow(columns)}")
            if ours.open:
                lines.append("  open: true")
            if not settled:
                lines.append("  ours: true")
    PATH.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
