"""Random queries over random tables, the same for the same seed."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from reference.expressions_pool import AGGREGATES, LITERALS, TEMPLATES

TYPES = ("string", "long", "int", "real", "bool", "datetime", "timespan", "guid", "dynamic")
_JOINED = ("string", "long", "bool", "datetime", "dynamic", "real")
_JOINS = ("inner", "leftouter", "rightouter", "fullouter", "leftsemi", "leftanti", "rightsemi", "rightanti")
_KEEP_ORDER = frozenset(
    {"where", "extend", "project", "sort", "take", "window", "rename", "top", "as_json", "scan", "where_window"}
)
_WINDOWS = (
    ("row_number()", "long"), ("row_number(0, {bool})", "long"), ("prev({long})", "long"), ("next({string})", "string"),
    ("prev({datetime}, 2)", "datetime"), ("row_cumsum({long})", "long"), ("row_cumsum({long}, {bool})", "long"),
    ("next({long}, 1, 0)", "long"), ("row_rank_dense({long})", "long"), ("row_rank_min({string})", "long"),
    ("prev({string}) == {string}", "bool"),
)  # fmt: skip
_PARSES = (
    ("parse {n} with {a} '.' {b}", ("string", "string")),
    ("parse {n} with * 'a' {a}:long ',' {b}", ("long", "string")),
    ("parse-where {n} with {a} 'b' {b}", ("string", "string")),
    ("parse kind=relaxed {n} with {a}:long '.' {b}", ("long", "string")),
    ("parse {n} with * '=' {a} ';' * '=' {b}", ("string", "string")),
)
_PLACE = re.compile(r"\{(=?)(\w+)\}")


@dataclass
class Generated:
    """A query: tables as datatables, then a pipeline of operators over the first of them."""

    tables: list[str]
    operators: list[str] = field(default_factory=list)

    def text(self, operators: int | None = None) -> str:
        chain = self.operators if operators is None else self.operators[:operators]
        return ";\n".join(self.tables) + ";\nT\n" + "".join(f"| {one}\n" for one in chain)


class Generator:
    """Makes one query."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.columns: dict[str, str] = {}
        self.shown: set[str] = set()
        """Columns not to be calculated with."""
        self.unique = True
        """Whether `id` still tells every row from the others."""
        self.ordered = False
        self.number = 0

    def query(self) -> Generated:
        self.columns = self._schema()
        generated = Generated([f"let T = {self._datatable(self.columns)}"])
        for _ in range(self.random.choice((1, 1, 2, 2, 3, 4))):
            before = dict(self.columns)
            made = self._operator(generated)
            if made is None:
                self.columns = before
                continue
            generated.operators.append(made)
        return generated

    # ---------------------------------------------------------------- tables

    def _schema(self) -> dict[str, str]:
        columns = {"id": "long", "s": "string"}
        for kind in self.random.sample(TYPES, self.random.randint(2, 5)):
            columns[f"{kind[0]}{len(columns)}"] = kind
        return columns

    def _datatable(self, columns: dict[str, str]) -> str:
        rows = []
        for at in range(self.random.choice((0, 1, 2, 3, 4, 5, 6, 7))):
            cells = [str(at) if name == "id" else self.random.choice(LITERALS[kind]) for name, kind in columns.items()]
            rows.append(", ".join(cells))
        declared = ", ".join(f"{name}:{kind}" for name, kind in columns.items())
        return f"datatable({declared})[\n  " + ",\n  ".join(rows) + "\n]"

    # ---------------------------------------------------------------- expressions

    def expression(self, kind: str, depth: int) -> str:
        fitting = [n for n, k in self.columns.items() if k == kind and n not in self.shown]
        if fitting and self.random.random() < (0.75 if depth <= 0 else 0.4):
            return self.random.choice(fitting)
        if depth <= 0 or self.random.random() < 0.1:
            return self.random.choice(LITERALS[kind])
        return self.filled(self.random.choice(TEMPLATES[kind]), depth - 1)

    def filled(self, template: str, depth: int) -> str:
        def fill(match: re.Match[str]) -> str:
            kind = match[2]
            if kind == "any":
                kind = self.random.choice(TYPES)
            if match[1]:
                return self.random.choice(LITERALS[kind])
            return self.expression(kind, depth)

        return _PLACE.sub(fill, template)

    def _usable(self) -> list[str]:
        return [name for name in self.columns if name not in self.shown]

    def fresh(self) -> str:
        self.number += 1
        return f"c{self.number}"

    # ---------------------------------------------------------------- operators

    def _operator(self, generated: Generated) -> str | None:
        kinds = {
            "where": 5, "extend": 6, "project": 3, "summarize": 4, "sort": 2, "distinct": 1, "mv-expand": 1, "join": 2,
            "union": 1, "lookup": 1, "take": 1, "window": 2, "count": 1, "rename": 1, "parse": 1, "top": 1,
            "as_json": 1, "scan": 1, "where_window": 1,
        }  # fmt: skip
        if self.ordered:
            kinds |= {"scan": 5, "where_window": 5, "window": 6}
        name = self.random.choices(list(kinds), list(kinds.values()))[0]
        made = getattr(self, f"_{name.replace('-', '_')}")(generated)
        if made is not None and name not in _KEEP_ORDER:
            self.ordered = False
        return made  # type: ignore[no-any-return]

    def _where(self, generated: Generated) -> str:
        return f"where {self.expression('bool', 3)}"

    def _extend(self, generated: Generated) -> str:
        items, new = [], {}
        for _ in range(self.random.randint(1, 3)):
            kind, name = self.random.choice(TYPES), self.fresh()
            items.append(f"{name} = {self.expression(kind, 3)}")
            new[name] = self._real_type(kind)
        self.columns |= new
        return "extend " + ", ".join(items)

    @staticmethod
    def _real_type(kind: str) -> str:
        return kind

    def _project(self, generated: Generated) -> str:
        keep = [n for n in self.columns if n == "id" or self.random.random() < 0.7]
        items, new = list(keep), {n: self.columns[n] for n in keep}
        for _ in range(self.random.randint(0, 2)):
            kind, name = self.random.choice(TYPES), self.fresh()
            items.append(f"{name} = {self.expression(kind, 3)}")
            new[name] = kind
        self.columns = new
        return "project " + ", ".join(items) if items else f"project {self.fresh()} = 1"

    def _summarize(self, generated: Generated) -> str:
        keys = [n for n in self._usable() if self.columns[n] not in ("dynamic", "real") and n != "id"]
        by = self.random.sample(keys, min(len(keys), self.random.randint(0, 2)))
        new = {n: self.columns[n] for n in by}
        items, shown = [], set()
        for _ in range(self.random.randint(1, 3)):
            kind, name = self.random.choice(list(AGGREGATES)), self.fresh()
            items.append(f"{name} = {self.filled(self.random.choice(AGGREGATES[kind]), 1)}")
            new[name] = kind
            if kind == "real":
                shown.add(name)
        self.columns, self.unique, self.ordered = new, False, False
        self.shown = (self.shown | shown) & set(new)
        return "summarize " + ", ".join(items) + (f" by {', '.join(by)}" if by else "")

    def _sort(self, generated: Generated) -> str | None:
        if not self.unique or "id" not in self.columns:
            return None
        keys = [n for n, k in self.columns.items() if k not in ("dynamic", "guid") and n not in self.shown]
        key = self.random.choice(keys)
        order = self.random.choice(("asc", "desc", "", "asc nulls last", "desc nulls first"))
        self.ordered = True
        return f"sort by {key} {order}, id asc"

    def _take(self, generated: Generated) -> str | None:
        return f"take {self.random.randint(0, 4)}" if self.ordered else None

    def _top(self, generated: Generated) -> str | None:
        if not self.unique or "id" not in self.columns:
            return None
        self.ordered = True
        return f"top {self.random.randint(0, 4)} by id {self.random.choice(('asc', 'desc'))}"

    def _window(self, generated: Generated) -> str | None:
        if not self.ordered:
            return None
        made = []
        for _ in range(self.random.randint(1, 2)):
            name = self.fresh()
            text, kind = self.random.choice(_WINDOWS)
            made.append((f"{name} = {self.filled(text, 0)}", name, kind))
        for _, name, kind in made:
            self.columns[name] = kind
        return "extend " + ", ".join(text for text, _, _ in made)

    def _where_window(self, generated: Generated) -> str | None:
        if not self.ordered:
            return None
        text, kind = self.random.choice([one for one in _WINDOWS if one[1] != "datetime"])
        value = self.filled(text, 0)
        return (
            f"where {value}"
            if kind == "bool"
            else f"where {value} {self.random.choice(('==', '!=', '<'))} " + (self.expression(kind, 0))
        )

    def _scan(self, generated: Generated) -> str | None:
        if not self.ordered or any(not name.isidentifier() for name in self.columns):
            return None
        kept = self.random.choice(("long", "string"))
        names = [name for name in self._usable() if self.columns[name] == kept]
        if not names:
            return None
        name, made, match = self.random.choice(names), self.fresh(), self.fresh()
        steps = []
        for at in range(self.random.randint(1, 3)):
            before = f"s{self.random.randint(0, at)}"
            # Not the declared column itself, which means something only behind a step's name.
            asked = self.random.choice(
                (f"{before}.{name} == {name}", f"isempty({before}.{made})", self.expression("bool", 1))
            )
            given = self.random.choice(
                (f"{before}.{made}", name, f"iff(isempty({before}.{name}), {name}, {before}.{name})")
            )
            output = self.random.choice(("", "", " output=none")) if at else ""
            steps.append(f"step s{at}{output}: {asked} => {made} = {given};")
        self.columns[made], self.columns[match] = kept, "long"
        self.unique = False
        return f"scan with_match_id={match} declare ({made}:{kept}) with ({' '.join(steps)})"

    def _distinct(self, generated: Generated) -> str | None:
        names = [n for n in self._usable() if self.columns[n] not in ("dynamic", "real") and n != "id"]
        if not names:
            return None
        chosen = self.random.sample(names, self.random.randint(1, min(3, len(names))))
        self.columns = {n: self.columns[n] for n in chosen}
        self.unique = False
        return "distinct " + ", ".join(chosen)

    def _count(self, generated: Generated) -> str:
        self.columns, self.unique, self.shown = {"Count": "long"}, False, set()
        return "count"

    def _rename(self, generated: Generated) -> str | None:
        names = [n for n in self.columns if n != "id"]
        if not names or len(self.columns) < 2:
            return None
        old, new = self.random.choice(names), self.fresh()
        if self.random.random() < 0.4:
            del self.columns[old]
            return f"project-away {old}"
        self.columns = {new if n == old else n: k for n, k in self.columns.items()}
        if old in self.shown:
            self.shown.add(new)
        return f"project-rename {new} = {old}"

    def _mv_expand(self, generated: Generated) -> str | None:
        names = [n for n, k in self.columns.items() if k == "dynamic" and n not in self.shown]
        if not names:
            return None
        name = self.random.choice(names)
        self.unique = False
        form = self.random.choice(("{n}", "{m} = {n}", "{n} to typeof(long)", "{n} to typeof(string)", "kind=array {n}",
                                   "with_itemindex=ix {n}", "{n} limit 2"))  # fmt: skip
        new = self.fresh()
        if "{m}" in form:
            self.columns[new] = "dynamic"
        if "typeof" in form:
            self.columns[name] = "long" if "long" in form else "string"
        if "itemindex" in form:
            if "ix" in self.columns:
                return None
            self.columns["ix"] = "long"
        return "mv-expand " + form.format(n=name, m=new)

    def _second(self, generated: Generated) -> tuple[str, dict[str, str]]:
        columns = {"id": "long", "s": "string"}
        for kind in self.random.sample(_JOINED, self.random.randint(1, 3)):
            columns[f"r{kind[0]}{len(columns)}"] = kind
        name = f"U{len(generated.tables)}"
        generated.tables.append(f"let {name} = {self._datatable(columns)}")
        return name, columns

    def _join(self, generated: Generated) -> str | None:
        shared = [n for n in ("id", "s") if n in self.columns and n not in self.shown]
        if not shared or self.columns.get("id", "long") != "long" or self.columns.get("s", "string") != "string":
            return None
        name, columns = self._second(generated)
        on = self.random.choice(shared)
        pairs = [
            (a, b)
            for a, x in self.columns.items()
            for b, y in columns.items()
            if x == y and x not in ("dynamic", "real") and a not in self.shown
        ]
        if pairs and self.random.random() < 0.5:
            on = "$left.{} == $right.{}".format(*self.random.choice(pairs))
        kind = self.random.choice(_JOINS)
        self.unique = False
        if kind in ("leftsemi", "leftanti"):
            return f"join kind={kind} {name} on {on}"
        if kind in ("rightsemi", "rightanti"):
            self.columns, self.shown = columns, set()
            return f"join kind={kind} {name} on {on}"
        for column, type_ in columns.items():
            new = column
            while new in self.columns:
                new += "1"
            if column in self.columns and f"{column}1" in self.columns:
                return None
            self.columns[new] = type_
        return f"join kind={kind} {name} on {on}"

    def _lookup(self, generated: Generated) -> str | None:
        if self.columns.get("s") != "string" or "s" in self.shown or "id1" in self.columns:
            return None
        name, columns = self._second(generated)
        if set(columns) & set(self.columns) - {"s", "id"}:
            return None
        self.unique = False
        for column, type_ in columns.items():
            if column != "s":
                self.columns[column if column not in self.columns else f"{column}1"] = type_
        return f"lookup kind={self.random.choice(('leftouter', 'inner'))} {name} on s"

    def _union(self, generated: Generated) -> str | None:
        name, columns = self._second(generated)
        if any(self.columns.get(n, k) != k for n, k in columns.items()):
            return None
        self.unique = False
        self.columns |= {n: k for n, k in columns.items() if n not in self.columns}
        return f"union {name}"

    def _parse(self, generated: Generated) -> str | None:
        names = [n for n, k in self.columns.items() if k == "string" and n not in self.shown]
        if not names:
            return None
        name, a, b = self.random.choice(names), self.fresh(), self.fresh()
        text, kinds = self.random.choice(_PARSES)
        self.columns |= {a: kinds[0], b: kinds[1]}
        return text.format(n=name, a=a, b=b)

    def _as_json(self, generated: Generated) -> str:
        name = self.fresh()
        self.columns[name] = "dynamic"
        return f"extend {name} = pack_all()"
