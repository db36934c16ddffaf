"""Binding: what names of a query mean, and which columns expressions and tables have.

What each operator does to the columns is in `kql.operators`; the walk over a query is `kql.analysis`. The rules
are those of Microsoft's binder (npm @kusto/language-service-next), against which `tests/oracle/compare_corpus.py`
checks them.
"""

from __future__ import annotations

from fpctl.kql.binder.bindings import Routine, Scalar, Tabular
from fpctl.kql.binder.context import BinderProblem, PipelineColumns
from fpctl.kql.binder.environment import Environment, NoTables
from fpctl.kql.binder.scope import Column, InsertionPoint, Origin, Scope

__all__ = [
    "BinderProblem",
    "Column",
    "Environment",
    "InsertionPoint",
    "NoTables",
    "Origin",
    "PipelineColumns",
    "Routine",
    "Scalar",
    "Scope",
    "Tabular",
]
