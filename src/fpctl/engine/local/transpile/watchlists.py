"""`_GetWatchlist('Name')` of Sentinel: the file `Name` of the data folder."""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.engine.interface import EngineError
from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree
from fpctl.kql.literals import bracket_name, string_value


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield the table that stands for each watchlist.

    Raises:
        EngineError: `unknown-table`, the data has no file of a watchlist's name.
    """
    for node in draft.nodes:
        if not isinstance(node, tree.Call) or node.name.value != "_GetWatchlist" or not node.args:
            continue
        alias = draft.literal(node.args[0])
        if alias is None or alias.type != "string":
            continue
        name = string_value(draft.source(alias))
        if draft.environment.table(name) is None:
            raise EngineError(
                f"the data has no watchlist {name}",
                code="unknown-table",
                hint=f"put its rows beside the tables: {name}.csv",
            )
        draft.notes.add("watchlist")
        yield Edit(node.start, node.end, bracket_name(name))
