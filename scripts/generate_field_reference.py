"""Write docs/fields.md from src/fpctl/schema/data/fields.yaml: python scripts/generate_field_reference.py"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fpctl.schema.fields import FIELDS, ROLES, FieldMap
from fpctl.schema.tables import Tables

PAGE = Path(__file__).resolve().parent.parent / "docs" / "fields.md"

HEAD = """\
# Fields and columns

<!-- Made by scripts/generate_field_reference.py; do not edit. -->

A field of an exclusion (`device`, `url`, `hash` ...) is held by different columns in different tables. This page lists
the packaged mapping. Several columns of a field are alternatives: a value matches when any of them holds it, and a value
is compared only with columns that can hold such a value (a SHA-1 never with a column of SHA-256). Where a table offers
several columns, this is what a field means:

| field | meaning |
|---|---|
| `device` | the host that reports the event or from which it comes; never the other side of a connection |
| `url` | where the traffic goes or the file came from; never a referrer or a sender's domain, which the other side may forge |
| `hash` | of the file the event is about, and of the process that does it |
| `process`, `parent_process` | the process that does it and its parent; in a process-creation event the new process and its creator |
| `command_line`, `path` | of that process; in events about a file, `path` is the file's |
| `account` | who does it; in mail tables, whose mailbox it is |
| `ip` | the other side of a connection; both sides where the table does not tell one's own |
| `signer` | the name in the code-signing certificate |
| `port` | the port that is served |

## Your own tables

Describe a table in `schema/*.yaml` of the rule repository, and map its fields in `fpctl.toml`:

```toml
[fields.MyProxy_CL]
device = ["Client_s"]
url = ["Destination_s url-or-host"]
account = ["parse_json(Extra_s).user account"]
```

An entry is a column, or a path into a dynamic column (`Detail.host`, `ExclusionIndex[0].id`), or `parse_json(Column).path` where
the column holds JSON as text; after it may stand its role. An entry of the settings replaces the packaged columns of that
field and table; an empty list takes the field away.

## Roles

"""  # noqa: E501 - a row of a Markdown table is one line


def page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(lines()) + "\n"


def lines() -> Iterator[str]:
    """Yield the lines of the tables."""
    yield "| field | roles; the first is the default |"
    yield "|---|---|"
    for field in FIELDS:
        yield f"| `{field}` | {', '.join(f'`{role}`' for role in ROLES[field])} |"
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
