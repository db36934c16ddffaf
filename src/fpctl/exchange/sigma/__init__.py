"""Sigma filters: YAML documents that take events out of Sigma rules.

Source of the format: the Sigma specification, "Sigma Filters Specification" 2.1.0
(github.com/SigmaHQ/sigma-specification). A filter's condition is joined to a rule's with AND, so what an
exclusion says stands there negated.
"""

from __future__ import annotations

from fpctl.exchange.sigma.reader import read
from fpctl.exchange.sigma.writer import write

__all__ = ["read", "write"]
