"""Write the documentation of fields: python scripts/generate_field_reference.py

Generates docs/fields.md from src/fpctl/fields and src/fpctl/schema/data/fields.yaml, and the table in
docs/exclusions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fpctl.fields.registry import FIELDS, having
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "fields.md"
EXCLUSIONS = DOCS / "exclusions.md"
BEGIN = "<!-- Made by scripts/generate_field_reference.py; do not edit until the end mark. -->"
END = "<!-- End of what is made. -->"

HEAD = """\
# Fields and columns

<!-- Made by scripts/generate_field_reference.py; do not edit. -->

A field of an exclusion (`device`, `url`, `hash` ...) is in different columns in different tables. This page lists the
packaged mapping. If a field has several columns, a value matches if any of them holds it. A value is compared only with
columns that can hold it (a SHA-1 is never compared with a SHA-256 column). Fields have these meanings:

"""

OWN_TABLES = """
## Your own tables

Describe the table in `schema/*.yaml` in the rule repository, and map its fields in `fpctl.toml`:

```toml
[fields.MyProxy_CL]
device = ["Client_s"]
url = ["Destination_s url-or-host"]
account = ["parse_json(Extra_s).user account"]
```

An entry is a column, a path into a dynamic column (`Detail.host`, `Targets[0].id`), or `parse_json(Column).path` if the
column holds JSON as text, optionally followed by its role. An entry in the settings replaces the packaged columns of
that field and table; an empty list removes the field.

## Roles
"""


def page() -> str:
    """Return the whole page."""
    meanings = [f"| `{name}` | {field.meaning} |" for name, field in FIELDS.items()]
    return HEAD + "\n".join(["| field | meaning |", "|---|---|", *meanings, OWN_TABLES, *lines()]) + "\n"


def match_table() -> str:
    """Return the table of docs/exclusions.md: what a value of each field matches and what it does not."""
    rows = [f"| `{name}` | {field.matches} | {field.spares} |".replace("|  |", "| |") for name, field in FIELDS.items()]
    where = "a raw KQL condition on the table's columns, for what the fields cannot say; a null counts as false"
    wild = [f"`{name}`" for name in having(lambda field: field.wildcard)]
    stars = f"`*` stands for any text in {', '.join(wild[:-1])} and {wild[-1]}, and in a URL's path."
    head = ["| field | matches | does not match |", "|---|---|---|"]
    return "\n".join([*head, *rows, f"| `where` | {where} | |", "", stars])


def exclusions_page(text: str) -> str:
    """Return docs/exclusions.md with the table of fields as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{match_table()}\n\n{END}{after}"


def lines() -> Iterator[str]:
    """Yield the lines of the tables."""
    yield "| field | roles; the first is the default |"
    yield "|---|---|"
    for field in FIELDS:
        yield f"| `{field}` | {', '.join(f'`{role}`' for role in FIELDS[field].roles)} |"
    fields = FieldMap.packaged()
    tables = Tables.packaged()
    yield ""
    yield "## Mapping"
    yield ""
    yield (
        "ASIM parsers have the mapping of their schema under each of their names (`_Im_Dns`, `imDns`, `_ASim_Dns`, "
        "`ASimDns`, `vimDns...`). A documented table that is not listed has the columns `DeviceName`, `DeviceId` and "
        "`Computer` as devices, and those of its other columns whose names say what they hold."
    )
    for name in fields.tables():
        held = [(field, columns) for field in FIELDS if (columns := fields.columns(name, field))]
        yield ""
        kind = "ASIM schema" if tables.table(name) is None else "table"
        yield f"### {name}"
        yield ""
        if not held:
            yield f"This {kind} holds none of the fields."
            continue
        yield "| field | columns |"
        yield "|---|---|"
        for field, columns in held:
            yield f"| `{field}` | {', '.join(f'`{column}` ({column.role})' for column in columns)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    text = EXCLUSIONS.read_text(encoding="utf-8")
    EXCLUSIONS.write_text(exclusions_page(text), encoding="utf-8", newline="\n")
