"""Hand-written exclusions in rules, turned into records: `adopt` finds, reads and removes their clauses.

tails     which terms of the outermost pipeline's `where` operators take events out
logic     a term as alternatives of what it suppresses
meaning   a comparison of a column as values of a field
removal   the spans to remove from the text
adopt     all of it for one rule
"""

from __future__ import annotations
