"""KQL compiled to DuckDB's SQL, from the typed tree: exactly, or refused by name and place before anything runs.

    compile_query(tree, environment, data, now) -> CompiledQuery(sql, columns, lists, tables, notes)

The walk (`compiler.Compiler`) goes over the statements and, operator by operator, asks the binder what the columns
are and the modules of `operators/` for the rows (`relation.Relation`). Expressions (`expressions`) become
`values.value.Value`: SQL, Kusto type, the value itself where it is constant. SQL is a tree (`sql`), and text only in
its printer. `values/value.py` describes how each type is represented; what DuckDB lacks is in the library (`library`):
macros first, Python functions over Arrow last; `installation.install` puts it on a connection.

To add a function, put it into the module of its family in `functions/`:

    @scalar("strlen", "string", returns="long", nullable=False)      # one SQL expression of its arguments
    def strlen(text: Sql) -> Sql:
        return func("length", text)

    @special("iff iif")                                              # looks at its arguments itself
    def iff(expressions: Expressions, node: tree.Call) -> Value: ...

    @aggregate("sum sumif")                                          # of summarize and make-series
    def sum_(expressions: Expressions, node: tree.Call) -> Value: ...

The words for parameters are explained in `registry`. A new module in `functions/` is found by itself.
A string is never NULL: what may give NULL for a string says `coalesce(.., '')`. What is given back of a type must be
held as that type is. `expressions.refuse(...)` for everything that is not exactly what the reference says.

To add an operator, write a module in `operators/`; it is found by itself:

    @operator(tree.Where)
    def where(compiler: Expressions, node: tree.Where, rows: Relation) -> Relation: ...

`compiler.bound(node, rows)` gives the columns after it as the binder has them: their names and types must come out.
"""

from fpctl.compiler.query import CompiledQuery, OutputColumn, compile_query
from fpctl.compiler.refusal import Refusal

__all__ = ["CompiledQuery", "OutputColumn", "Refusal", "compile_query"]
