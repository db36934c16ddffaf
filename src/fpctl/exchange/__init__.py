"""Exclusions in and out: Sentinel watchlists, Elastic exception lists, Sigma filters, plain CSV.

Each format has a module with `read` and `write`; `formats` knows them by name. What cannot be carried is
never passed over: it is a `Loss`, with the line or the exclusion it is about. What would suppress more
than it did where it came from is left out.
"""

from __future__ import annotations
