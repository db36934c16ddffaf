"""Result rows for other programs: to stdout for one rule, to a file for each rule of several."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.cli.shared import output
from fpctl.errors import FpctlError
from fpctl.execution.session import rule_key
from fpctl.files import replacing_inside
from fpctl.report.result_export import ROW_FORMATS, RowFormat, file_names, write_rows

if TYPE_CHECKING:
    from fpctl.execution.run import RunResult
    from fpctl.rules.model import Rule


@dataclass(frozen=True, slots=True)
class RowOutput:
    """Where the rows of each rule go: a file of `folder`, by `rule_key`; None for stdout."""

    format: RowFormat
    folder: Path | None
    files: Mapping[str, str]

    def write(self, result: RunResult) -> None:
        """Write the rows of a run; one that failed has none.

        Raises:
            FpctlError: the file cannot be written.
        """
        table = result.result
        if table is None:
            return
        rows = output.counted(table.count, "row")
        base = f" (without exclusions {result.base_rows:,})" if result.base_rows is not None else ""
        if self.folder is None:
            sys.stdout.flush()
            write_rows(table, self.format, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            output.say(output.visible(f"{result.rule.name}: {rows}{base}"))
            return
        name = self.files[rule_key(result.rule)]
        with replacing_inside(self.folder, name) as stream:
            write_rows(table, self.format, stream)
        output.say(output.visible(f"{result.rule.name}: {rows}{base} in {self.folder / name}"))


def row_output(format: str, folder: Path | None, rules: Sequence[Rule]) -> RowOutput | None:
    """Return where the rows of rules go; None where the format is none for rows.

    Raises:
        FpctlError: the rows of several rules would go to stdout, Parquet to a terminal, or nothing to the folder.
    """
    if format not in ROW_FORMATS:
        if folder is not None:
            raise FpctlError("--out is for result rows", None, f"give --format {', '.join(ROW_FORMATS)} too")
        return None
    chosen: RowFormat = format  # type: ignore[assignment]
    if folder is None and len(rules) > 1:
        message = f"{len(rules):,} rules have rows of different columns, which do not go into one {format}"
        raise FpctlError(message, None, "name one rule, or give --out DIR: it gets a file for each rule")
    if folder is None and chosen == "parquet" and output.is_terminal(sys.stdout):
        raise FpctlError("Parquet is not for a terminal", None, "give --out DIR, or > FILE")
    names = file_names(rules, chosen) if folder is not None else {}
    return RowOutput(chosen, folder, {rule_key(rules[at]): name for at, name in names.items()})
