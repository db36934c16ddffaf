"""Values that are kept outside a rule: a watchlist, or a saved function.

One companion holds every list of a rule. A row says to which list a value belongs and which exclusions
want it there; when these end, and at which hours they hold, stays in the rule.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import ClassVar, Literal

from fpctl.fields.matching.term import AllOf, AnyOf, BeforeDate, In, InSubquery, Term
from fpctl.kql.literals import string_literal
from fpctl.rewrite.folding.clause import FoldedClause
from fpctl.rewrite.folding.key import SEPARATOR
from fpctl.rewrite.folding.listing import MOST_COMBINED, combination

Store = Literal["watchlist", "function"]

FOLDER = "companions"
"""The folder below `--out` for companions."""
_NAMED = 20
"""How many exclusions of one value are named; a line of a watchlist's file may have 10,240 characters."""
LOCAL_UPLOAD = 3_800_000
"""Bytes of a file that can be uploaded as a watchlist; a larger one goes by way of Azure Storage
(learn.microsoft.com/azure/sentinel/sentinel-service-limits)."""


@dataclass(slots=True)
class _List:
    operand: str
    values: tuple[str, ...]
    owners: dict[str, list[str]]


@dataclass(slots=True)
class ExternalLists:
    """The lists of one rule, kept elsewhere.

    Args:
        rule: the rule's id.
        store: where they go.
    """

    rule: str
    store: Store
    lists: list[_List] = field(default_factory=list)

    COLUMNS: ClassVar[Mapping[str, str]] = {"SearchKey": "string", "List": "string", "Exclusions": "string"}
    """The columns of its rows with their types."""

    @property
    def alias(self) -> str:
        """The watchlist's alias or the function's name: the same for the same rule."""
        digest = hashlib.sha256(self.rule.encode()).hexdigest()[:12]
        return f"fpctl-{digest}" if self.store == "watchlist" else f"fpctl_{digest}"

    @property
    def function(self) -> str:
        """The call that gives the rows."""
        return f"_GetWatchlist({string_literal(self.alias)})" if self.store == "watchlist" else f"{self.alias}()"

    def taking(self, clause: FoldedClause) -> Term:
        """Return a clause's term with its long lists put into the companion."""
        owners: dict[str, dict[str, list[str]]] = {}
        for member in clause.members:
            for key, values in zip(clause.keys, member.values, strict=True):
                _own(owners.setdefault(key.text, {}), values, member.exclusion)
            count = 1
            for values in member.values:
                count *= len(values)
            if len(clause.keys) > 1 and count <= MOST_COMBINED:
                combined = (SEPARATOR.join(sorted_values) for sorted_values in product(*member.values))
                _own(owners.setdefault(combination(clause.keys), {}), combined, member.exclusion)
        return self._moved(clause.term, owners)

    def _moved(self, term: Term, owners: dict[str, dict[str, list[str]]]) -> Term:
        if isinstance(term, AllOf):
            return AllOf(tuple(self._moved(part, owners) for part in term.terms))
        if isinstance(term, AnyOf):
            return AnyOf(tuple(self._moved(part, owners) for part in term.terms))
        if isinstance(term, BeforeDate):
            return term._replace(later=self._moved(term.later, owners))
        if not isinstance(term, In) or not term.values[0].isascii():
            return term
        source = f"{self.function} | where List == {string_literal(str(len(self.lists) + 1))} | project SearchKey"
        if sum(len(value) + 4 for value in term.values) <= len(source) + 4:
            return term
        self.lists.append(_List(term.operand, term.values, owners.get(term.operand, {})))
        return InSubquery(term.operand, source)

    def files(self) -> list[tuple[str, str]]:
        """Return the companion's files, each with its path below `--out`."""
        stem = f"{FOLDER}/{self.alias}"
        if self.store == "watchlist":
            return [(f"{stem}.csv", self.table()), (f"{stem}.md", self._watchlist_guide())]
        return [(f"{stem}.kql", self.body()), (f"{stem}.md", self._function_guide())]

    def rows(self) -> Iterable[tuple[str, str, str]]:
        """Yield (list, value, exclusions), in order."""
        for number, one in enumerate(self.lists, 1):
            for value in one.values:
                owners = sorted(set(one.owners.get(value.lower(), ())))
                more = f" and {len(owners) - _NAMED:,} more" if len(owners) > _NAMED else ""
                yield str(number), value, " ".join(owners[:_NAMED]) + more

    def table(self) -> str:
        """Return the watchlist's file: CSV with the search key `SearchKey`."""
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\r\n")
        writer.writerow(self.COLUMNS)
        writer.writerows((value, number, owners) for number, value, owners in self.rows())
        return written.getvalue()

    def body(self) -> str:
        """Return the function's body."""
        rows = ",\n".join(
            f"    {string_literal(value)}, {string_literal(number)}, {string_literal(owners)}"
            for number, value, owners in self.rows()
        )
        columns = ", ".join(f"{name}:{kind}" for name, kind in self.COLUMNS.items())
        return f"datatable({columns})[\n{rows}\n]\n"

    def _head(self) -> str:
        told = "".join(
            f"- list {number}: {len(one.values):,} values of `{one.operand}`\n"
            for number, one in enumerate(self.lists, 1)
        )
        why = f"Values of the exclusions of rule `{self.rule}`, which do not fit into its query."
        return f"# {self.alias}\n\n{why}\n\n{told}"

    def _watchlist_guide(self) -> str:
        size = len(self.table().encode())
        note = (
            f"\nThe file has {size:,} bytes; more than {LOCAL_UPLOAD:,} cannot be uploaded directly. In the portal,\n"
            "choose *Azure Storage* as the source of the watchlist instead of the command below.\n"
            if size > LOCAL_UPLOAD
            else ""
        )
        return f"""{self._head()}{note}
Load it before the rule, and again whenever it changes. `$WS` is
`/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.OperationalInsights/workspaces/<name>`.

```sh
jq -Rs '{{properties: {{displayName: "{self.alias}", provider: "fpctl", source: "{self.alias}.csv",
    sourceType: "Local", contentType: "text/csv", numberOfLinesToSkip: 0, itemsSearchKey: "SearchKey",
    rawContent: .}}}}' {self.alias}.csv > {self.alias}.json
az rest --method delete --url "https://management.azure.com$WS/providers/Microsoft.SecurityInsights/watchlists/\
{self.alias}?api-version=2024-09-01"
az rest --method put --body @{self.alias}.json --url "https://management.azure.com$WS/providers/\
Microsoft.SecurityInsights/watchlists/{self.alias}?api-version=2024-09-01"
```

The deletion takes away values that are no longer wanted; without the watchlist the rule suppresses nothing.
"""

    def _function_guide(self) -> str:
        return f"""{self._head()}
Save it before the rule, and again whenever it changes:

```sh
az monitor log-analytics workspace saved-search create --resource-group <group> --workspace-name <name> \\
    --name {self.alias} --category fpctl --display-name {self.alias} --function-alias {self.alias} \\
    --saved-query "$(cat {self.alias}.kql)"
```
"""


def _own(owners: dict[str, list[str]], values: Iterable[str], exclusion: str) -> None:
    for value in values:
        owners.setdefault(value, []).append(exclusion)


def contents(externals: Sequence[ExternalLists]) -> list[tuple[str, str]]:
    """Return the files of companions, sorted by path."""
    return sorted(file for external in externals for file in external.files())
