"""The notation in which benign scenarios are documented, read and turned into a match.

    process.name IN ("msiexec.exe", "setup.exe") AND host.name == "build01"

`parse_filter` reads a text and says where it is ill-formed; `to_match` turns what was read into the
alternatives of an exclusion's `match`, and refuses what a match cannot say.
"""

from __future__ import annotations

from fpctl.exclusions.filter_syntax.alternatives import ParsedFilter, to_match
from fpctl.exclusions.filter_syntax.expression import And, Comparison, Condition, Not, Or
from fpctl.exclusions.filter_syntax.parser import parse_filter
from fpctl.exclusions.filter_syntax.words import FilterSyntaxError

__all__ = [
    "And",
    "Comparison",
    "Condition",
    "FilterSyntaxError",
    "Not",
    "Or",
    "ParsedFilter",
    "parse_filter",
    "to_match",
]
