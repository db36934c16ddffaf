"""Scalar expressions of a query to values, for one row at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fpctl.kql import tree
from reference import aggregates
from reference.conversions import common_type, convert
from reference.functions import Scalar, load
from reference.functions.containers import sorted_arrays
from reference.functions.series import line, stats
from reference.literals import literal
from reference.operators_scalar import (
    arithmetic,
    compare,
    flattened,
    folded,
    has_term,
    in_range,
    logical_and,
    logical_or,
    member,
    negated,
    negative,
    string_test,
    truth,
)
from reference.scope import Place, Routine, Row, Several, Table
from reference.values import (
    ReferenceFault,
    Value,
    boolean,
    dynamic,
    long,
    now_ticks,
    null_of,
    plain,
    real,
    string,
    text_of,
)

CASTS = {
    "tobool": "bool", "toboolean": "bool", "todatetime": "datetime", "todecimal": "decimal", "todouble": "real",
    "toreal": "real", "toguid": "guid", "toint": "int", "tolong": "long", "tostring": "string",
    "totimespan": "timespan", "totime": "timespan",
}  # fmt: skip
ARITHMETIC = ("+", "-", "*", "/", "%")
COMPARISONS = ("==", "!=", "<>", "<", "<=", ">", ">=")


class Expressions:
    """Evaluation of expressions; tables are left to the class that completes it."""

    text: str
    now: int

    def __init__(self) -> None:
        self.scalars: dict[str, Scalar] = load()
        self.literals: dict[tuple[int, int], Value] = {}
        self.now = now_ticks()

    # ---------------------------------------------------------------- to be completed

    def table(self, node: Any, place: Place) -> Table:
        raise NotImplementedError

    def call_routine(self, routine: Routine, args: tuple[tree.Expr, ...], place: Place) -> Any:
        raise NotImplementedError

    # ---------------------------------------------------------------- dispatch

    def value(self, node: tree.Expr, place: Place) -> Value:
        """Return the one value of an expression."""
        found = self.evaluate(node, place)
        if isinstance(found, Several):
            return found.columns[0][1]
        if isinstance(found, Table):
            raise ReferenceFault("a table where a value is expected")
        if not isinstance(found, Value):
            raise ReferenceFault(f"no value: {self.text[node.start : node.end]}")
        return found

    def evaluate(self, node: tree.Expr, place: Place) -> Any:
        match node:
            case tree.Literal():
                span = (node.start, node.end)
                if span not in self.literals:
                    self.literals[span] = literal(node.type, self.text[node.start : node.end])
                return self.literals[span]
            case tree.Name():
                return self._name(node, place)
            case tree.Group():
                return self.evaluate(node.inner, place)
            case tree.Call():
                return self._call(node, place)
            case tree.Binary():
                return self._binary(node, place)
            case tree.Membership():
                return self._membership(node, place)
            case tree.Unary():
                held = self.value(node.operand, place)
                return negative(held) if node.op == "-" else held
            case tree.Path():
                return self._path(node, place)
            case tree.Index():
                return self._index(node, place)
            case tree.TypeLiteral():
                return Value("string", node.type)
            case tree.Named():
                return self.evaluate(node.value, place)
            case tree.Subquery():
                return self.table(node, place)
        raise ReferenceFault(type(node).__name__)

    def _name(self, node: tree.Name, place: Place) -> Any:
        if place.row is not None and node.value in place.row:
            return place.row[node.value]
        found = place.scope.find(node.value)
        if found is not None:
            return found
        raise ReferenceFault(f"no column or name {node.value}")

    # ---------------------------------------------------------------- members

    def _path(self, node: tree.Path, place: Place) -> Any:
        if isinstance(node.base, tree.Name) and place.steps and node.base.value in place.steps:
            assert isinstance(node.member, tree.Name)
            return place.steps[node.base.value][node.member.value]
        if not isinstance(node.member, tree.Name):
            raise ReferenceFault("path")
        key = string(node.member.value)
        if self.text[node.member.start - 1] == "[":
            # `bag.[name]`: a name of the query stands for its value (parse-url-query-function, second example).
            found = place.scope.find(node.member.value)
            key = found if isinstance(found, Value) else key
        return self.member(self.value(node.base, place), key)

    def _index(self, node: tree.Index, place: Place) -> Any:
        base = self.evaluate(node.base, place)
        index = self.value(node.index, place)
        if isinstance(base, Several):
            at = convert(index, "long").raw
            return base.columns[at][1]
        return self.member(base, index)

    @staticmethod
    def member(base: Value, index: Value) -> Value:
        """A missing key or place is null; a negative place counts from the end (scalar-data-types/dynamic)."""
        held = base.raw
        if base.type == "string":
            held = convert(base, "dynamic").raw
        key = index.raw
        if isinstance(key, Value):
            key = key.raw
        if isinstance(held, dict):
            return dynamic(held.get(key) if isinstance(key, str) else None)
        if isinstance(held, list) and isinstance(key, int):
            return dynamic(held[key] if -len(held) <= key < len(held) else None)
        return dynamic(None)

    # ---------------------------------------------------------------- operators

    def _binary(self, node: tree.Binary, place: Place) -> Value:
        if isinstance(node.operands[0], tree.Star):
            return self._any_column(node, place)
        result = self.value(node.operands[0], place)
        for op, operand in zip(node.ops, node.operands[1:], strict=True):
            right = self.value(operand, place)
            result = self.apply(op, result, right)
        return result

    @staticmethod
    def apply(op: str, left: Value, right: Value) -> Value:
        if op == "and":
            return logical_and(left, right)
        if op == "or":
            return logical_or(left, right)
        if op in ARITHMETIC:
            return arithmetic(op, left, right)
        if op in COMPARISONS:
            return compare(op, left, right)
        return string_test(op, left, right)

    def _any_column(self, node: tree.Binary, place: Place) -> Value:
        assert place.row is not None
        right = self.value(node.operands[1], place)
        columns = [value for value in place.row.values() if value.type in ("string", "dynamic")]
        negation = node.ops[0].startswith("!")
        tests = [truth(self.apply(node.ops[0], value, right)) is True for value in columns]
        return boolean(all(tests) if negation else any(tests))

    def _membership(self, node: tree.Membership, place: Place) -> Value:
        left = self.value(node.left, place)
        if node.op in ("between", "!between"):
            low, high = (self.value(item, place) for item in node.items)
            if high.type == "timespan" and left.type == "datetime":
                high = arithmetic("+", low, high)  # between-operator: `datetime between (x .. 10m)`
            if None in (left.raw, low.raw, high.raw):
                return boolean(None)  # any null; seen on the emulator (duckdb-kql's notes)
            inside = logical_and(compare(">=", left, low), compare("<=", left, high))
            return negated(inside) if node.op == "!between" else inside
        items = self.items(node.items, place)
        if node.op in ("has_any", "has_all"):
            text = folded(text_of(left))
            tests = [has_term(text, folded(text_of(item))) for item in items]
            return boolean(any(tests) if node.op == "has_any" else all(tests))
        if left.raw == "" and any(item.type == "dynamic" and item.raw is None for item in items):
            raise ReferenceFault("an empty text beside a null in a list is not described")
        return member(node.op, left, items)

    def items(self, nodes: tuple[tree.Expr, ...], place: Place) -> list[Value]:
        """Return the values of a list: an array's elements, a table's first column."""
        out: list[Value] = []
        for node in nodes:
            found = self.evaluate(node, place)
            if isinstance(found, Table):
                first = next(iter(found.columns))
                out += [row[first] for row in found.rows]
            elif isinstance(found, Value):
                out += flattened([found])
        return out

    # ---------------------------------------------------------------- calls

    def _call(self, node: tree.Call, place: Place) -> Any:
        name = node.name.value
        routine = place.scope.find(name)
        if isinstance(routine, Routine):
            return self.call_routine(routine, node.args, place)
        if place.group is not None and (name in aggregates.AGGREGATES or name in aggregates.MANY):
            return self._aggregate(node, place)
        special = SPECIAL.get(name)
        if special is not None:
            return special(self, node, place)
        if name in CASTS:
            return convert(self.value(node.args[0], place), CASTS[name])
        function = self.scalars.get(name)
        if function is None:
            raise ReferenceFault(f"function {name}")
        return function(*[self.value(arg, place) for arg in node.args])

    # ---------------------------------------------------------------- aggregates

    def _aggregate(self, node: tree.Call, place: Place) -> Any:
        name = node.name.value
        assert place.group is not None
        assert place.blank is not None
        if name in ("arg_max", "arg_min", "argmax", "argmin"):
            return self._arg_extreme(node, place, name.endswith("max"))
        if name in ("take_any", "any") and (len(node.args) > 1 or isinstance(node.args[0], tree.Star)):
            return self._any_row(node, place)
        nodes = [arg for arg in node.args if not isinstance(arg, tree.Star)]
        rows = [[self.value(arg, self._in_row(place, row)) for arg in nodes] for row in place.group]
        blank = [self.value(arg, self._in_row(place, place.blank)) for arg in nodes]
        if name in ("percentiles", "percentilesw"):
            skip = 1 if name == "percentiles" else 2
            single = aggregates.AGGREGATES["percentile" if name == "percentiles" else "percentilew"]
            label = self.label(node.args[0]) or ""
            columns = []
            for at in range(skip, len(nodes)):
                shown = text_of(blank[at]).removesuffix(".0").replace(".", "_")
                columns.append(
                    (
                        f"percentile_{label}_{shown}",
                        single([[*r[:skip], r[at]] for r in rows], [*blank[:skip], blank[at]]),
                    )
                )
            return Several(tuple(columns))
        return aggregates.AGGREGATES[name](rows, blank)

    @staticmethod
    def _in_row(place: Place, row: Row) -> Place:
        return Place(place.scope, row)

    def _arg_extreme(self, node: tree.Call, place: Place, greatest: bool) -> Several:
        assert place.group is not None
        assert place.blank is not None
        by = node.args[0]
        at = aggregates.best_row([self.value(by, self._in_row(place, row)) for row in place.group], greatest)
        row = place.blank if at is None else place.group[at]
        label = self.label(by) or f"{'max' if greatest else 'min'}_"
        columns = [(label, self.value(by, self._in_row(place, row)))]
        for arg in node.args[1:]:
            if isinstance(arg, tree.Star):
                keys = place.row or {}
                columns += [(name, value) for name, value in row.items() if name not in keys and name != label]
            else:
                columns.append((self.label(arg) or "Column1", self.value(arg, self._in_row(place, row))))
        return Several(tuple(columns))

    def _any_row(self, node: tree.Call, place: Place) -> Several:
        assert place.group is not None
        assert place.blank is not None
        row = place.group[0] if place.group else place.blank
        prefix = "any_" if node.name.value == "any" else ""
        columns: list[tuple[str, Value]] = []
        for arg in node.args:
            if isinstance(arg, tree.Star):
                columns += [(prefix + k, v) for k, v in row.items() if k not in (place.row or {})]
            else:
                columns.append((prefix + (self.label(arg) or ""), self.value(arg, self._in_row(place, row))))
        return Several(tuple(columns))

    # ---------------------------------------------------------------- names of results

    def label(self, node: tree.Expr, aggregating: bool = False) -> str | None:
        """Return the name that an expression gives its column, None where the operator has to find one."""
        match node:
            case tree.Name():
                return node.value
            case tree.Group():
                return self.label(node.inner, aggregating)
            case tree.Named():
                return node.names[0].value if len(node.names) == 1 else None
            case tree.Path():
                member = node.member
                right = self.label(member) if not isinstance(member, tree.Wildcard) else None
                return self._joined(self.label(node.base), right)
            case tree.Index():
                index = node.index
                if isinstance(index, tree.Literal):
                    value = literal(index.type, self.text[index.start : index.end])
                    right = text_of(value) if index.type in ("string", "long", "int") else None
                else:
                    right = self.label(index)
                return self._joined(self.label(node.base), right)
            case tree.Call():
                return self._call_label(node, aggregating)
        return None

    @staticmethod
    def _joined(left: str | None, right: str | None) -> str | None:
        return f"{left}_{right or ''}" if left else right

    def _call_label(self, node: tree.Call, aggregating: bool) -> str | None:
        name = node.name.value
        first = (self.label(node.args[0]) or "") if node.args else ""
        if aggregating and name in aggregates.AGGREGATES:
            if name in ("percentile", "percentilew"):
                return f"percentile_{first}_{self.text[node.args[-1].start : node.args[-1].end].replace('.', '_')}"
            prefix = _AGGREGATE_PREFIXES.get(name, name.replace("makelist", "list").replace("makeset", "set"))
            if prefix == "":
                return first
            return f"{prefix}_{first}"
        if name in CASTS or name in _KEEPS_NAME:
            return self.label(node.args[0]) if node.args else None
        if name in ("strlen", "string_size", "repeat"):
            return f"{name}_{first}"
        if name in ("make_datetime", "make_timespan") and len(node.args) == 1:
            return self.label(node.args[0])
        return None


_AGGREGATE_PREFIXES = {
    "make_list": "list", "make_list_if": "list", "make_list_with_nulls": "list", "make_set": "set",
    "make_set_if": "set", "make_bag": "bag", "make_bag_if": "bag", "make_dictionary": "dictionary",
    "take_any": "", "take_anyif": "", "buildschema": "schema", "binary_all_and": "", "binary_all_or": "",
    "binary_all_xor": "", "percentiles_array": "percentiles", "percentilesw_array": "percentilesw",
}  # fmt: skip
_KEEPS_NAME = frozenset(
    """
    abs acos asin atan atan2 bin bin_at bin_auto binary_and binary_not binary_or binary_shift_left
    binary_shift_right binary_xor bitset_count_ones ceiling cos erf erfc exp exp10 exp2 floor format_bytes
    format_datetime format_timespan gamma log log10 log2 loggamma parse_csv parse_json parse_xml parsejson pow rand
    round series_fill_backward series_fill_const series_fill_forward series_fill_linear series_fir series_iir
    series_outliers sin split sqrt startofday tan todynamic tohex toobject
    """.split()  # noqa: SIM905 - a word list reads better as words
)

# --------------------------------------------------------------------------- functions that are more than functions

Special = Callable[[Expressions, tree.Call, Place], Any]
SPECIAL: dict[str, Special] = {}


def special(*names: str) -> Callable[[Special], Special]:
    def enter(function: Special) -> Special:
        for name in names:
            SPECIAL[name] = function
        return function

    return enter


@special("iff", "iif")
def _iff(self: Expressions, node: tree.Call, place: Place) -> Value:
    test, then, other = (self.value(arg, place) for arg in node.args)
    return chosen([then, other], 0 if truth(test) is True else 1)


@special("case")
def _case(self: Expressions, node: tree.Call, place: Place) -> Value:
    values = [self.value(arg, place) for arg in node.args]
    results = [*values[1::2][: len(values) // 2], values[-1]]
    for at in range(len(values) // 2):
        if truth(values[2 * at]) is True:
            return chosen(results, at)
    return chosen(results, len(results) - 1)


@special("coalesce")
def _coalesce(self: Expressions, node: tree.Call, place: Place) -> Value:
    """The first that is not null, or of strings not empty (coalesce-function)."""
    values = [self.value(arg, place) for arg in node.args]
    for at, value in enumerate(values):
        if value.raw is not None and not (value.type == "string" and value.raw == ""):
            return chosen(values, at)
    return chosen(values, len(values) - 1)


def chosen(values: list[Value], at: int) -> Value:
    """Return one of several values as the type that all of them have."""
    kind = common_type([value.type for value in values])
    return convert(values[at], kind)


@special("not")
def _not(self: Expressions, node: tree.Call, place: Place) -> Value:
    return negated(self.value(node.args[0], place))


@special("now")
def _now(self: Expressions, node: tree.Call, place: Place) -> Value:
    offset = self.value(node.args[0], place).raw if node.args else 0
    return in_range("datetime", self.now + offset)


@special("ago")
def _ago(self: Expressions, node: tree.Call, place: Place) -> Value:
    return arithmetic("-", Value("datetime", self.now), self.value(node.args[0], place))


@special("column_ifexists", "columnifexists")
def _column_ifexists(self: Expressions, node: tree.Call, place: Place) -> Value:
    name = text_of(self.value(node.args[0], place))
    if place.row is not None and name in place.row:
        return place.row[name]
    return self.value(node.args[1], place)


@special("around")
def _around(self: Expressions, node: tree.Call, place: Place) -> Value:
    value, center, delta = (self.value(arg, place) for arg in node.args)
    if delta.raw is None or center.raw is None or value.raw is None:
        return boolean(None)
    low, high = arithmetic("-", center, delta), arithmetic("+", center, delta)
    if low.raw is None or high.raw is None:
        return boolean(None)
    return logical_and(compare(">=", value, low), compare("<=", value, high))


@special("pack_all")
def _pack_all(self: Expressions, node: tree.Call, place: Place) -> Value:
    assert place.row is not None
    skip = bool(node.args) and truth(self.value(node.args[0], place)) is True
    return dynamic({
        name: plain(value)
        for name, value in place.row.items()
        if not (skip and (value.raw is None or value.raw == ""))
    })  # fmt: skip


@special("bag_pack_columns")
def _bag_pack_columns(self: Expressions, node: tree.Call, place: Place) -> Value:
    return dynamic({self.label(arg) or "": plain(self.value(arg, place)) for arg in node.args})


@special("toscalar")
def _toscalar(self: Expressions, node: tree.Call, place: Place) -> Value:
    """The first value of the first row (toscalar-function)."""
    table = self.table(node.args[0], Place(place.scope))
    first = next(iter(table.columns))
    return table.rows[0][first] if table.rows else null_of(table.columns[first])


@special("array_sort_asc")
def _sort_asc(self: Expressions, node: tree.Call, place: Place) -> Any:
    return _sorted(self, node, place, descending=False)


@special("array_sort_desc")
def _sort_desc(self: Expressions, node: tree.Call, place: Place) -> Any:
    return _sorted(self, node, place, descending=True)


def _sorted(self: Expressions, node: tree.Call, place: Place, descending: bool) -> Any:
    values = tuple(self.value(arg, place) for arg in node.args)
    found = sorted_arrays(values, descending)
    if len(found) == 1:
        return found[0]
    names = [f"{self.label(arg) or ''}_sorted" for arg in node.args]
    return Several(tuple(zip(names, found, strict=False)))


@special("series_stats")
def _series_stats(self: Expressions, node: tree.Call, place: Place) -> Several:
    value = self.value(node.args[0], place)
    found = (
        stats(value.raw, len(node.args) > 1 and bool(self.value(node.args[1], place).raw))
        if isinstance(value.raw, list)
        else None
    )
    kinds = {"min_idx": "long", "max_idx": "long"}
    names = ("min", "min_idx", "max", "max_idx", "avg", "stdev", "variance")
    prefix = f"series_stats_{self.label(node.args[0]) or ''}"
    return Several(tuple(
        (f"{prefix}_{name}", long(found and found[name]) if name in kinds else real(found and found[name]))
        for name in names
    ))  # fmt: skip


@special("series_fit_line")
def _series_fit_line(self: Expressions, node: tree.Call, place: Place) -> Several:
    value = self.value(node.args[0], place)
    found = line(value.raw) if isinstance(value.raw, list) and value.raw else None
    prefix = f"series_fit_line_{self.label(node.args[0]) or ''}"
    names = ("rsquare", "slope", "variance", "rvariance", "interception", "line_fit")
    return Several(tuple(
        (f"{prefix}_{n}", dynamic(found and found[n]) if n == "line_fit" else real(found and found[n])) for n in names
    ))  # fmt: skip


@special("rand", "new_guid", "ingestion_time", "current_principal", "row_hash")
def _refused(self: Expressions, node: tree.Call, place: Place) -> Value:
    raise ReferenceFault(f"{node.name.value} has no one answer")


# --------------------------------------------------------------------------- functions of the rows around


def _around_rows(place: Place) -> list[Row]:
    if place.rows is None:
        raise ReferenceFault("rows without an order")
    return place.rows


def _neighbour(self: Expressions, node: tree.Call, place: Place, sign: int) -> Value:
    rows = _around_rows(place)
    offset = convert(self.value(node.args[1], place), "long").raw if len(node.args) > 1 else 1
    here = self.value(node.args[0], place)
    at = place.at + sign * (offset or 0)
    if 0 <= at < len(rows):
        return self.value(node.args[0], place.with_row(rows[at], at))
    if len(node.args) > 2:
        return convert(self.value(node.args[2], place), here.type)
    return null_of(here.type)


@special("prev")
def _prev(self: Expressions, node: tree.Call, place: Place) -> Value:
    return _neighbour(self, node, place, -1)


@special("next")
def _next(self: Expressions, node: tree.Call, place: Place) -> Value:
    return _neighbour(self, node, place, 1)


def _restarts(self: Expressions, node: tree.Call | None, at: int, place: Place, arg: int) -> bool:
    if node is None or len(node.args) <= arg:
        return False
    rows = _around_rows(place)
    return truth(self.value(node.args[arg], place.with_row(rows[at], at))) is True


@special("row_number")
def _row_number(self: Expressions, node: tree.Call, place: Place) -> Value:
    start = convert(self.value(node.args[0], place), "long").raw if node.args else 1
    number = start
    _around_rows(place)
    for at in range(place.at + 1):
        number = start if at == 0 or _restarts(self, node, at, place, 1) else number + 1
    return long(number)


@special("row_cumsum")
def _row_cumsum(self: Expressions, node: tree.Call, place: Place) -> Value:
    rows = _around_rows(place)
    here = self.value(node.args[0], place)
    kind = "long" if here.type == "int" else here.type
    total = convert(long(0), kind) if kind != "timespan" else Value("timespan", 0)
    for at in range(place.at + 1):
        if _restarts(self, node, at, place, 1):
            total = convert(long(0), kind) if kind != "timespan" else Value("timespan", 0)
        term = self.value(node.args[0], place.with_row(rows[at], at))
        if term.raw is not None:
            total = arithmetic("+", total, term)
    return total


@special("row_rank_min", "row_rank_dense")
def _row_rank(self: Expressions, node: tree.Call, place: Place) -> Value:
    rows = _around_rows(place)
    dense = node.name.value.endswith("dense")
    position = rank_now = 0
    before: Value | None = None
    for at in range(place.at + 1):
        term = self.value(node.args[0], place.with_row(rows[at], at))
        if at == 0 or _restarts(self, node, at, place, 1):
            position = rank_now = 0
            before = None
        position += 1
        if before is None or before != term:
            rank_now = rank_now + 1 if dense else position
        before = term
    return long(rank_now)


@special("row_window_session")
def _row_window_session(self: Expressions, node: tree.Call, place: Place) -> Value:
    rows = _around_rows(place)
    session: int | None = None
    before: int | None = None
    for at in range(place.at + 1):
        here = place.with_row(rows[at], at)
        now, far, near = (self.value(arg, here).raw for arg in node.args[:3])
        fresh = session is None or _restarts(self, node, at, place, 3)
        if now is None:
            session = before = None
            continue
        if fresh or (session is not None and now >= session + far) or (before is not None and now >= before + near):
            session = now
        before = now
    return Value("datetime", session)
