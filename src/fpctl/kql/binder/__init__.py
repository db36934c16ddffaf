"""Columns: what every operator does to the row.

`analyse(query, environment)` gives, for every insertion point of every pipeline, the visible columns with their
types and lineage. The rules are those of Microsoft's binder (npm @kusto/language-service-next), against
which `tests/oracle/compare_corpus.py` checks them.
"""

from __future__ import annotations

from fpctl.kql.binder.analysis import Analysis, analyse
from fpctl.kql.binder.bindings import Routine, Scalar, Tabular
from fpctl.kql.binder.context import PipelineColumns, Problem
from fpctl.kql.binder.environment import Environment, NoTables
from fpctl.kql.binder.scope import Column, InsertionPoint, Origin, Scope

__all__ = [
    "Analysis",
    "Column",
    "Environment",
    "InsertionPoint",
    "NoTables",
    "Origin",
    "PipelineColumns",
    "Problem",
    "Routine",
    "Scalar",
    "Scope",
    "Tabular",
    "analyse",
]
