"""What pipelines read: tables of the data, by name or pattern, watchlists, views, and functions that give tables."""

from __future__ import annotations

from typing import NoReturn

from fpctl.compiler.operator_registry import SOURCES
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.relation import Relation, of_table
from fpctl.compiler.routines import RoutineCompiler
from fpctl.kql import tree
from fpctl.kql.binder.bindings import Routine, Tabular
from fpctl.kql.binder.functions import builtins
from fpctl.kql.binder.name_patterns import matching
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.sources import declared_scope, table_scope


class TableCompiler(RoutineCompiler):
    """Compiles expressions and calls, and what gives rows."""

    tables_read: set[str]
    """The tables of the data that the query reads."""

    def source(self, node: tree.Source) -> Relation:
        """Compile what a pipeline reads."""
        compile_one = SOURCES.get(type(node))
        if compile_one is not None:
            compiled: Relation = compile_one(self, node)
            return compiled
        relation = self.tabular(node)  # type: ignore[arg-type]
        if relation is not None:
            return relation
        if isinstance(node, tree.Group):
            return self.source(node.inner)
        if isinstance(node, tree.Name):
            self.no_table(node.value, node)
        if isinstance(node, tree.Wildcard):
            self.refuse("table", f"no table matches {node.pattern}", node, code="unknown-table")
        if isinstance(node, tree.Call) and node.name.value not in builtins().functions:
            self.refuse(
                node.name.value, f"there is no function {node.name.value}()", node.name, code="unknown-function"
            )
        self.refuse("source", f"`{self.text(node)}` gives no table", node)

    def tabular(self, node: tree.Expr) -> Relation | None:
        """Compile an expression that is a table, None where it is a value or not known."""
        if isinstance(node, tree.Name):
            return self._named_table(node)
        if isinstance(node, tree.Subquery):
            return self.pipeline(node.pipeline)
        if isinstance(node, tree.Call):
            return self._called_table(node)
        if isinstance(node, tree.Path):
            return self._placed_table(node)
        if isinstance(node, tree.Group):
            return self.tabular(node.inner)
        compile_one = SOURCES.get(type(node))
        return compile_one(self, node) if compile_one is not None else None

    def _named_table(self, node: tree.Name) -> Relation | None:
        if node.value in self.row.columns or node.value in self.row.extra:
            return None
        bound = self.binder.names.get(node.value)
        if isinstance(bound, Tabular):
            return self.table_payload(bound, node)
        if isinstance(bound, Routine):
            found = self.called(bound, tree.Call(node.start, node.end, node, ()))
            return found if isinstance(found, Relation) else None
        if bound is not None:
            return None
        return self.stored_table(node.value) or self._stored_function(tree.Call(node.start, node.end, node, ()))

    def table_payload(self, bound: Tabular, node: tree.Node) -> Relation:
        """Return the rows that a name stands for."""
        found = self.payloads.get(id(bound))
        if not isinstance(found, Relation):
            self.refuse("table", "the rows of this name are not known here", node)
        return found

    def stored_table(self, name: str) -> Relation | None:
        """Return a table of the data, None where there is none of that name."""
        scope = table_scope(self.binder, name)
        stored = self.data.stored(name) if scope is not None else None
        if stored is None or scope is None:
            return None
        self.tables_read.add(name)
        return of_table(stored.source, stored.columns, scope)

    def matching_tables(self, pattern: str) -> list[tuple[str, Relation]]:
        """Return the tables, and the query's views, that a pattern matches, by name."""
        found = []
        for name in matching(pattern, self.binder.environment.tables()):
            relation = self.stored_table(name)
            if relation is not None:
                found.append((name, relation))
        for name, bound in self.binder.names.visible().items():
            if isinstance(bound, Routine) and bound.node.view and matching(pattern, (name,)):
                call = tree.Call(
                    bound.node.start, bound.node.end, tree.Name(bound.node.start, bound.node.end, name), ()
                )
                result = self.called(bound, call)
                if isinstance(result, Relation):
                    found.append((name, result))
        return found

    def _called_table(self, node: tree.Call) -> Relation | None:
        name = node.name.value
        bound = self.binder.names.get(name)
        if isinstance(bound, Routine):
            found = self.called(bound, node)
            return found if isinstance(found, Relation) else None
        if name == "materialize" and len(node.args) == 1:
            relation = self.source(node.args[0])
            return self.nameable(relation, materialized=True)
        if name == "table" and node.args:
            return self._table_by_text(node)
        if name in ("_GetWatchlist", "_GetWatchlistRaw") and node.args:
            return self._watchlist(node)
        if name == "view" and len(node.args) == 1:
            return self.tabular(node.args[0])
        if name in builtins().functions or name in builtins().aggregates or name == "toscalar":
            return None
        return self._stored_function(node)

    def _table_by_text(self, node: tree.Call) -> Relation | None:
        name = self.binder.value_text(node.args[0])
        if name is None:
            self.refuse("table", "the name given to table() must be known before the query runs", node)
        bound = self.binder.names.get(name)
        if isinstance(bound, Tabular):
            return self.table_payload(bound, node)
        relation = self.stored_table(name)
        if relation is None:
            self.no_table(name, node.args[0])
        return relation

    def no_table(self, name: str, node: tree.Node) -> NoReturn:
        """Refuse a table that the data lacks.

        Raises:
            Refusal: always.
        """
        hint = nearest(name, self.binder.environment.tables())
        hint = hint and f"did you mean {hint}?"
        raise Refusal("table", f"there is no table {name}", node.start, hint, "unknown-table", name)

    def _watchlist(self, node: tree.Call) -> Relation:
        alias = self.binder.value_text(node.args[0])
        if alias is None:
            self.refuse("_GetWatchlist", "the watchlist's name must be known before the query runs", node)
        stored = self.data.watchlist(alias)
        if stored is None:
            self.refuse(
                "_GetWatchlist", f"the data has no watchlist {alias}", node,
                f"put its rows next to the tables: {alias}.csv", "unknown-table",
            )  # fmt: skip
        return of_table(
            stored.source,
            stored.columns,
            declared_scope(alias, {name: held.type for name, held in stored.columns.items()}),
        )

    def _stored_function(self, node: tree.Call) -> Relation | None:
        found = self.binder.stored_function(node.name.value)
        if isinstance(found, Routine):
            result = self.called(found, node)
            return result if isinstance(result, Relation) else None
        return None

    def _placed_table(self, node: tree.Path) -> Relation | None:
        base: tree.Expr = node
        while isinstance(base, tree.Path):
            base = base.base
        if not (isinstance(base, tree.Call) and base.name.value in ("cluster", "database", "workspace", "app", "adx")):
            return None
        member = node.member
        if isinstance(member, tree.Name):
            relation = self.stored_table(member.value)
            if relation is None:
                self.no_table(member.value, member)
            self.notes.add("another database's table is taken from the data")
            return relation
        self.refuse("database", "tables of other places are not supported by the local engine", node)
