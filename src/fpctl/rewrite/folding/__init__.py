"""Many exclusions at one insertion point, said in few words.

Each exclusion's term becomes branches: what must hold together, as far as possible as *keys* (a
column, its first label, the last labels of a URL's host) with the values that they may have.
Branches of one shape (the same keys, and nothing else that differs) share lists: of the one key's
values, or, where several keys belong together, of the keys' values written as one text. What has no
key stays a clause of its own. The rows that match are the same, whatever the form.
"""

from __future__ import annotations

from fpctl.rewrite.folding.clause import FoldedClause, fold

__all__ = ["FoldedClause", "fold"]
