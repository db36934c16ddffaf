"""The operators of KQL, one entry each: how an operator is read, what it does to columns and rows.

`table.py` has them by keyword; the families hold the entries.
"""
