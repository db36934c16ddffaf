"""The tokens of a KQL text: their kinds, and the arrays that hold them.

A token's kind is a string. For a keyword or a punctuation mark it is the text itself (`where`, `|`,
`!in~`), so that the parser asks one array one question. For the open classes it is one of the
upper-case names below; no keyword of KQL is written in capitals, so the two never meet.

The word lists are facts about the language, checked against Microsoft's own parser by
`tests/kql/test_verdicts.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fpctl.text.source import SourceText

# --------------------------------------------------------------------------- open classes

END = "END"
"""After the last token; its span is empty."""
BAD = "BAD"
"""A character that is not KQL, an unterminated string, or a literal without its `)`."""
NAME = "NAME"
STRING = "STRING"
LONG = "LONG"
INT = "INT"
REAL = "REAL"
DECIMAL = "DECIMAL"
BOOL = "BOOL"
DATETIME = "DATETIME"
TIMESPAN = "TIMESPAN"
GUID = "GUID"
RAW_GUID = "RAW_GUID"
"""A guid outside `guid(...)`: a token of its own, that the grammar allows almost nowhere."""
DIRECTIVE = "DIRECTIVE"
"""`#...` to the end of its line, legal only before the first statement."""
WHITESPACE = "WHITESPACE"
COMMENT = "COMMENT"

LITERAL_TYPES = {
    STRING: "string",
    LONG: "long",
    INT: "int",
    REAL: "real",
    DECIMAL: "decimal",
    BOOL: "bool",
    DATETIME: "datetime",
    TIMESPAN: "timespan",
    GUID: "guid",
}
"""Kusto scalar type of each literal kind."""

TYPED_LITERALS = {
    "bool": BOOL,
    "date": DATETIME,
    "datetime": DATETIME,
    "decimal": DECIMAL,
    "double": REAL,
    "guid": GUID,
    "int": INT,
    "int32": INT,
    "int64": LONG,
    "long": LONG,
    "real": REAL,
    "time": TIMESPAN,
    "timespan": TIMESPAN,
}
"""Words that make one literal token with a `(` directly after them: `datetime(2026-01-01)`, `long(null)`."""

SCALAR_TYPES = {
    "bool": "bool",
    "boolean": "bool",
    "date": "datetime",
    "datetime": "datetime",
    "decimal": "decimal",
    "double": "real",
    "dynamic": "dynamic",
    "guid": "guid",
    "int": "int",
    "int8": "int",
    "int64": "long",
    "long": "long",
    "real": "real",
    "string": "string",
    "time": "timespan",
    "timespan": "timespan",
    "uniqueid": "guid",
}
"""Type names a schema may use, and the type each one means."""

EXTRA_SCALAR_TYPES = {
    "float": "real",
    "int16": "int",
    "int32": "int",
    "uint": "long",
    "uint8": "int",
    "uint16": "int",
    "uint32": "long",
    "uint64": "long",
    "ulong": "long",
}
"""Type names that only `typeof(...)` and find's project list take."""

# --------------------------------------------------------------------------- fixed texts

KEYWORD_NAMES = frozenset(
    """
    access alias best_effort bin bool consume count database dataformat datetime_pattern declare default distinct
    edges entity_group evaluate extend facet filter fork from getschema graph guid id inline_external_table join let
    limit lookup mvapply mvexpand nodes null nulls on optional order output pack parse __partitionby partition
    pattern plotly query_parameters range reduce regex render restrict scan serialize sort step summarize take top
    typeof uuid view with with_node_id
    """.split()  # noqa: SIM905 - a word list reads better as words
)
"""Keywords that are names wherever the grammar wants a name."""

EXTENDED_KEYWORD_NAMES = KEYWORD_NAMES | frozenset(
    """
    accumulate as by contains datatable earliest externaldata find has in invoke latest materialize mdm of print
    sample sample-distinct search set sql title to toscalar totable top-nested top-hitters verbose viewers where
    """.split()  # noqa: SIM905
)
"""Keywords that are names where something is being named: before `=`, in a schema, inside a wildcard."""

PARAMETER_KEYWORD_NAMES = frozenset({"kind", "withsource", "with_source"})
"""Keywords that are names where a table or a column is meant: `where kind == 'x'`."""

RESERVED_WORDS = frozenset(
    """
    __contextual_datatable __crossCluster __crossDB __executeAndCache __id __isFuzzy __noWithSource __packedColumn
    __projectAway __sourceColumnIndex 3Dchart accumulate and anomalychart areachart as asc assert-schema bagexpansion
    barchart between bin_legacy boolean by byte cachingpolicy callout cancel card char columnchart
    commands-and-queries contains contains_cs containscs cycles dataexport datascope datatable date datetime decimal
    decodeblocks desc double dynamic earliest encodingpolicy endswith endswith_cs expandoutput extent_tags_retention
    external_data externaldata find first flags float force_remote granny-asc granny-desc graph-mark-components
    graph-match graph-shortest-paths graph-to-table graph-where-edges graph-where-nodes harddelete hardretention has
    has_all has_any has_cs hasprefix hasprefix_cs hassuffix hassuffix_cs hint.concurrency hint.distribution
    hint.materialized hint.num_partitions hint.progressive_top hint.remote hint.shufflekey hint.spread hint.strategy
    hotcache in in~ int int16 int32 int64 int8 invoke isfuzzy journal kind ladderchart last latest like likecs
    linechart long macro-expand make-graph make-series materialize materialized-view-combine materialized-views mdm
    missing mv-apply mv-expand nooptimization notcontains notcontainscs notlike notlikecs of or others parse-kv
    parse-where partitioned-by pathformat piechart pivotchart print project project-away project-by-names
    project-keep project-rename project-reorder project-smart queries query_results real relaxed
    restricted_view_access row_level_security rowstore rowstore_references rowstore_sealinfo rowstorepolicy rowstores
    sample sample-distinct scatterchart seal seals search set set-or-append set-or-replace shards simple softdelete
    softretention sql stackedareachart startswith startswith_cs statistics storedqueryresultcontainers string
    tablepurge time timechart timeline timepivot timespan title to top-hitters top-nested toscalar totable treemap
    uint uint16 uint32 uint64 uint8 ulong union uniqueid unrestrictedviewers verbose viewers views where
    with_itemindex with_match_id with_source with_step_name withsource writeaheadlog
    """.split()  # noqa: SIM905
) | {"matches regex"}
"""Keywords that never are a plain name; as one they need brackets."""

NEGATED_WORDS = frozenset(
    """
    !between !contains !contains_cs !endswith !endswith_cs !has !has_cs !hasprefix !hasprefix_cs !hassuffix
    !hassuffix_cs !in !in~ !startswith !startswith_cs
    """.split()  # noqa: SIM905
)

STRING_OPERATORS = frozenset(
    """
    =~ !~ : has !has has_cs !has_cs hasprefix !hasprefix hasprefix_cs !hasprefix_cs hassuffix !hassuffix hassuffix_cs
    !hassuffix_cs like notlike likecs notlikecs contains notcontains !contains containscs contains_cs notcontainscs
    !contains_cs startswith !startswith startswith_cs !startswith_cs endswith !endswith endswith_cs !endswith_cs
    """.split()  # noqa: SIM905
) | {"matches regex"}
"""The operators that bind tightest; a `*` for all columns is allowed to the left of them."""

PUNCTUATION = frozenset(
    "( ) [ ] { } | <| + - * / % . .. < <= > >= = == => =~ != !~ <> : ; , @ ?".split()  # noqa: SIM905
)

FIXED_KINDS: dict[str, str] = {
    **{text: text for text in KEYWORD_NAMES | EXTENDED_KEYWORD_NAMES | RESERVED_WORDS | NEGATED_WORDS | PUNCTUATION},
    **dict.fromkeys(("true", "True", "TRUE", "false", "False", "FALSE"), BOOL),
    "": END,
}
"""Kind of every token whose text says it all."""

NAME_KINDS = KEYWORD_NAMES | {NAME}
"""What a plain (unbracketed) name may be."""
DECLARED_NAME_KINDS = EXTENDED_KEYWORD_NAMES | {NAME}
"""What a plain name may be where something is being named."""
KEYWORDS = KEYWORD_NAMES | EXTENDED_KEYWORD_NAMES | RESERVED_WORDS


_TRIVIA = re.compile(r"//[^\r\n\u2028\u2029]*|(?:(?!//)(?s:.))+")


class Token(NamedTuple):
    """One piece of a text: a token, whitespace, or a comment; `text[start:end]`."""

    kind: str
    start: int
    end: int


ENDS = 3
"""How many `END` tokens follow the last token, so that looking two tokens ahead needs no bounds check."""


@dataclass(slots=True)
class Tokens:
    """The tokens of a text as parallel lists, without trivia, and then `ENDS` times `END`.

    Lists rather than token objects: a fifth of the cost, and the parser reads one at a time.
    """

    source: SourceText
    kinds: list[str]
    texts: list[str]
    starts: list[int]
    ends: list[int]
    trivia: list[str]
    """What is before each token: `trivia[i] + texts[i]`, joined over all `i`, is the text."""

    def append(self, kind: str, text: str, start: int, end: int, trivia: str) -> None:
        """Add a token."""
        self.kinds.append(kind)
        self.texts.append(text)
        self.starts.append(start)
        self.ends.append(end)
        self.trivia.append(trivia)

    def pieces(self) -> Iterator[Token]:
        """Yield tokens, whitespace and comments, in order; together they are the text, without gaps."""
        for kind, trivia, start, end in zip(self.kinds, self.trivia, self.starts, self.ends, strict=True):
            at = start - len(trivia)
            for piece in _TRIVIA.finditer(trivia):
                yield Token(COMMENT if piece[0].startswith("//") else WHITESPACE, at + piece.start(), at + piece.end())
            if kind != END:
                yield Token(kind, start, end)
