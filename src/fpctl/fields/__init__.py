"""The fields of a match. Each is one module of `definitions/`, listed in `registry.py`; the rest of fpctl derives
from these which values a field takes, what they match, which covers which, and how a field is named and explained.

Case never counts, for ASCII letters. A value is compared with every column of the field that can hold such a
value (its role); any of them may match. `*` is a wildcard in fields that have one.
"""
