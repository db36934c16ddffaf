"""Sigma filters: YAML documents that take events out of Sigma rules.

Source of the format: the Sigma specification, "Sigma Filters Specification" 2.1.0
(github.com/SigmaHQ/sigma-specification). A filter's condition is joined to a rule's with AND, so what an
exclusion says is negated there.
"""

from __future__ import annotations

from fpctl.exchange.format import FormatDescription
from fpctl.exchange.formats.sigma.reader import read
from fpctl.exchange.formats.sigma.writer import write

__all__ = ["DESCRIPTION", "read", "write"]

DESCRIPTION = FormatDescription(
    "Sigma filters (YAML)",
    """Import Sigma filters (YAML) as drafts, one for each filter.

A filter is left out if a part of it cannot be expressed here. With --rule of a rule that reads one table,
conditions that no field expresses become conditions on its columns.""",
)
