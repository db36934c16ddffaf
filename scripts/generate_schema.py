"""Write src/fpctl/schema/data/tables.json from a YAML file of table schemas.

    python scripts/generate_schema.py PATH_TO_YAML

The YAML is `{environment: {TableName: {Column: type}}}` with the environments `xdr`,
`loganalytics` and `asim`. Its facts restate Microsoft Learn reference pages (CC BY 4.0, see NOTICE).

`schema_additions.yaml` beside this script adds tables, and a table of which nothing is known but its
time column is left out, so that it counts as unknown.

The output is made for loading fast: a column name and its type are stored once, in `columns` by
type, and a table is the list of the indices of its columns in the order of the source.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

ENVIRONMENTS = ("xdr", "loganalytics", "asim")
TYPES = ("bool", "datetime", "decimal", "dynamic", "guid", "int", "long", "real", "string", "timespan")
ADDITIONS = Path(__file__).resolve().parent / "schema_additions.yaml"
TARGET = Path(__file__).resolve().parent.parent / "src" / "fpctl" / "schema" / "data" / "tables.json"


def read(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Return the schemas of a YAML file."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as file:
        loaded: dict[str, dict[str, dict[str, str]]] = yaml.load(file, Loader=loader)
    return loaded


def complete(schemas: dict[str, dict[str, dict[str, str]]]) -> dict[str, dict[str, dict[str, str]]]:
    """Return the schemas with the additions and without tables of a lone time column."""
    additions = read(ADDITIONS)
    return {
        environment: {
            table: columns
            for table, columns in {**schemas[environment], **additions.get(environment, {})}.items()
            if set(columns) - {"Timestamp", "TimeGenerated"}
        }
        for environment in ENVIRONMENTS
    }


def compact(schemas: dict[str, dict[str, dict[str, str]]]) -> dict[str, Any]:
    """Return the packaged form of the schemas; raise ValueError on a type that is not Kusto's."""
    names: dict[str, set[str]] = {kind: set() for kind in TYPES}
    for environment in ENVIRONMENTS:
        for table, columns in schemas[environment].items():
            for column, kind in columns.items():
                if kind not in names:
                    raise ValueError(f"{environment}: {table}.{column} has the type {kind}, which is no Kusto type")
                names[kind].add(column)
    columns_by_type = {kind: sorted(found) for kind, found in names.items() if found}
    index: dict[tuple[str, str], int] = {}
    for kind, found in columns_by_type.items():
        for column in found:
            index[column, kind] = len(index)
    return {
        "source": "Restated from Microsoft Learn (CC BY 4.0, see NOTICE) by scripts/generate_schema.py",
        "columns": columns_by_type,
        "tables": {
            environment: {
                table: [index[pair] for pair in schemas[environment][table].items()]
                for table in sorted(schemas[environment])
            }
            for environment in ENVIRONMENTS
        },
    }


def render(data: dict[str, Any]) -> str:
    """Return the JSON text, one table a line, so that a change of a schema is a readable diff."""
    lines = ["{", f' "source": {json.dumps(data["source"])},', ' "columns": {']
    kinds = list(data["columns"].items())
    for at, (kind, found) in enumerate(kinds):
        lines.append(f"  {json.dumps(kind)}: [")
        lines += [f"   {json.dumps(column)}{',' if n + 1 < len(found) else ''}" for n, column in enumerate(found)]
        lines.append("  ]" + ("," if at + 1 < len(kinds) else ""))
    lines += [" },", ' "tables": {']
    environments = list(data["tables"].items())
    for at, (environment, tables) in enumerate(environments):
        lines.append(f"  {json.dumps(environment)}: {{")
        rows = list(tables.items())
        for n, (table, indices) in enumerate(rows):
            packed = json.dumps(indices, separators=(",", ":"))
            lines.append(f"   {json.dumps(table)}: {packed}{',' if n + 1 < len(rows) else ''}")
        lines.append("  }" + ("," if at + 1 < len(environments) else ""))
    lines += [" }", "}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the YAML named on the command line and replace tables.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("yaml", type=Path, help="the schemas, as described above")
    parser.add_argument("--out", type=Path, default=TARGET, help="where to write (default: the packaged file)")
    arguments = parser.parse_args()
    data = compact(complete(read(arguments.yaml)))
    arguments.out.write_text(render(data), encoding="utf-8", newline="\n")
    counts = ", ".join(f"{len(data['tables'][environment])} {environment}" for environment in ENVIRONMENTS)
    print(f"{arguments.out}: {counts}")


if __name__ == "__main__":
    main()
