"""A predicate takes out exactly the rows the match names: run on DuckDB, compared with an independent matcher."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpctl.rewrite.predicate import BoundColumn, Dialect, DialectError, build, check_value
from fpctl.rewrite.predicate.address_pattern import spellings
from predicate.engine import Engine
from predicate.matcher import matches
from predicate.samples import COLUMNS, NASTY, VALUES

INT_PORTS = [443, 8443, 1, 0, 44, 65535, None]


def rows_of(field: str, texts: list[str | None]) -> list[dict[str, Any]]:
    """Return a row per text and column of a field, and rows in which all columns hold it."""
    columns = COLUMNS[field]
    rows: list[dict[str, Any]] = [{}, {column.text: "" for column in columns if column.type == "string"}]
    for text in texts:
        for column in columns:
            if column.type == "string":
                rows.append({column.text: text})
        rows.append({column.text: text for column in columns if column.type == "string"})
    if field == "port":
        rows += [{"RemotePort": number} for number in INT_PORTS]
    if field == "account":
        rows += [
            {"AccountName": name, "AccountDomain": domain}
            for name in ("svc-backup", "SVC-BACKUP", "admin", "system", "")
            for domain in ("contoso", "CONTOSO", "nt authority", "evil", "", None)
        ]
    return rows


def check(engine: Engine, field: str, lists: list[list[str]], texts: list[str | None]) -> None:
    """Compare the predicates of several value lists with the matcher, on rows of these texts."""
    columns = COLUMNS[field]
    rows = rows_of(field, texts)
    full = [{column.text: row.get(column.text) for column in columns} for row in rows]
    engine.load({column.text: column.type for column in columns}, full)
    predicates = [build([{field: values}], {field: columns}) for values in lists]
    answers = engine.values([predicate.render() for predicate in predicates])
    for number, (values, predicate) in enumerate(zip(lists, predicates, strict=True)):
        expected = [matches([{field: values}], {field: columns}, row) for row in full]
        for row, wanted, answer in zip(full, expected, answers, strict=True):
            assert answer[number + 1] is wanted, f"{values} on {row}: {answer[number + 1]}\n{predicate.render()}"
        kept = [at for at, wanted in enumerate(expected) if not wanted]
        assert engine.kept(predicate.clause()) == kept
        try:
            continuous = predicate.clause(Dialect.NRT)
        except DialectError:
            continue
        if field != "ip":
            assert engine.kept(continuous) == kept, continuous


@pytest.mark.parametrize("field", sorted(COLUMNS))
def test_each_value_matches_exactly_what_it_names(engine: Engine, field: str) -> None:
    texts: list[str | None] = [None, *NASTY[field], *VALUES[field]]
    check(engine, field, [[value] for value in VALUES[field]], texts)


@pytest.mark.parametrize("field", sorted(COLUMNS))
def test_all_values_together_match_what_any_of_them_names(engine: Engine, field: str) -> None:
    check(engine, field, [VALUES[field]], [None, *NASTY[field], *VALUES[field]])


def test_an_ipv4_value_in_the_narrow_dialect_matches_the_same_addresses(engine: Engine) -> None:
    columns = [BoundColumn("RemoteIP", "string", "ip")]
    values = [value for value in VALUES["ip"] if ":" not in value]
    rows = [{"RemoteIP": text} for text in [None, "", *NASTY["ip"]]]
    engine.load({"RemoteIP": "string"}, rows)
    for value in values:
        predicate = build([{"ip": [value]}], {"ip": columns})
        expected = [at for at, row in enumerate(rows) if not matches([{"ip": [value]}], {"ip": columns}, row)]
        assert engine.kept(predicate.clause(Dialect.NRT)) == expected, value


# Letters whose case folds to ASCII (ſ, K) or to two letters (ß, İ) differ from engine to engine.
LETTERS = "abyz01é"
ALPHABETS = {
    "device": LETTERS + ".-_",
    "url": "ab1.:/@?#\\%-_",
    "process": LETTERS + ".\\/ +[",
    "command_line": LETTERS + " /\"'%_\\\n[",
    "path": LETTERS + "\\/:. (",
    "account": LETTERS + "\\@-.",
    "ip": "0125.:f",
    "signer": LETTERS + ". ,",
}


@st.composite
def field_values(draw: st.DrawFn, field: str) -> list[str]:
    """A list of values that the field accepts, with wildcards where it has them."""
    alphabet = ALPHABETS[field] + ("*" if field in ("device", "process", "command_line", "path") else "")
    one = st.one_of(st.sampled_from(VALUES[field]), st.text(alphabet, min_size=1, max_size=8))
    if field == "url":
        one = st.one_of(one, st.builds("a.b1/{}".format, st.text("ab1*/", max_size=6)))
    if field == "path":
        one = st.one_of(one, st.builds("C:\\{}".format, st.text(alphabet, min_size=1, max_size=8)))
    if field == "ip":
        one = st.one_of(
            one,
            st.builds("{}.{}.0.0/16".format, st.integers(0, 255), st.integers(0, 255)),
            st.ip_addresses().map(str),
        )
    values = draw(st.lists(one, min_size=1, max_size=4))
    return [value for value in values if check_value(field, value) is None]


@st.composite
def near(draw: st.DrawFn, field: str, values: list[str]) -> str:
    """A text that is, or nearly is, what one of the values names."""
    text = draw(st.sampled_from([*values, *NASTY[field]]))
    text = text.replace("*", draw(st.text(ALPHABETS[field], max_size=3)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        change = draw(st.sampled_from(["insert", "delete", "case", "prefix", "suffix"]))
        extra = draw(st.text(ALPHABETS[field], min_size=1, max_size=3))
        if change == "insert":
            text = text[:at] + extra + text[at:]
        elif change == "delete":
            text = text[:at] + text[at + 1 :]
        elif change == "case":
            text = text.upper() if draw(st.booleans()) else text.lower()
        else:
            text = extra + text if change == "prefix" else text + extra
    return text


def is_address(text: str) -> bool:
    """Return whether a text is an address as systems write it, maybe with a port: all a column of addresses holds."""
    host = text.partition("]")[0].removeprefix("[") if text.startswith("[") else text
    host = host.partition(":")[0] if host.count(":") == 1 else host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.version == 4 or "." in host or host.lower() in spellings(address)


@pytest.mark.parametrize("field", sorted(ALPHABETS))
def test_generated_values_match_exactly_what_they_name(engine: Engine, field: str) -> None:
    @settings(max_examples=8)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        lists = [values for _ in range(4) if (values := data.draw(field_values(field)))]
        if not lists:
            return
        flat = [value for values in lists for value in values]
        texts = data.draw(st.lists(near(field, flat), min_size=10, max_size=30))
        if field == "ip":
            texts = [text for text in texts if is_address(text)]
        check(engine, field, lists, list(texts))

    run()
