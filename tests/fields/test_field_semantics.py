"""A predicate takes out exactly the rows the match names: run on DuckDB, compared with an independent matcher."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.engine import Engine
from fields.matcher import matches
from fields.samples import COLUMNS, LONG, NASTY, VALUES
from fpctl.fields.registry import check_value
from fpctl.rewrite.predicate import Dialect, DialectError, build

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
    for values in lists:
        predicate = build([{field: values}], {field: columns})
        forms = [(predicate.render(), True), (condition(predicate.clause()), False)]
        with contextlib.suppress(DialectError):
            forms.append((condition(predicate.clause(Dialect.NRT)), False))
        answers = engine.values([text for text, _ in forms])
        for row, answer in zip(full, answers, strict=True):
            wanted = matches([{field: values}], {field: columns}, row)
            for (text, positive), got in zip(forms, answer[1:], strict=True):
                assert got is (wanted is positive), f"{values} on {row}: {got}\n{text}"


def condition(clause: str) -> str:
    """Return what stands behind `| where`."""
    return clause.removeprefix("| where ")


@pytest.mark.parametrize("field", sorted(COLUMNS))
def test_each_value_matches_exactly_what_it_names(engine: Engine, field: str) -> None:
    texts: list[str | None] = [None, *NASTY[field], *VALUES[field]]
    check(engine, field, [[value] for value in VALUES[field]], texts)


@pytest.mark.parametrize("field", sorted(COLUMNS))
def test_all_values_together_match_what_any_of_them_names(engine: Engine, field: str) -> None:
    values = VALUES[field] + LONG.get(field, [])
    check(engine, field, [values], [None, *NASTY[field], *values])


def test_a_clause_keeps_every_row_that_it_does_not_name(engine: Engine) -> None:
    rows = rows_of("device", [None, *NASTY["device"]])
    engine.load({column.text: column.type for column in COLUMNS["device"]}, rows)
    match = [{"device": ["build01", "*-web"]}]
    full = [{column.text: row.get(column.text) for column in COLUMNS["device"]} for row in rows]
    expected = [at for at, row in enumerate(full) if not matches(match, COLUMNS, row)]
    predicate = build(match, COLUMNS)
    assert 0 < len(expected) < len(rows)
    assert engine.kept(predicate.clause()) == expected
    assert engine.kept(predicate.clause(Dialect.NRT)) == expected


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
    return (
        address.version == 4
        or "." not in host
        or (address.ipv4_mapped is not None and host.lower().startswith("::ffff:"))
    )


@pytest.mark.parametrize("field", sorted(ALPHABETS))
def test_generated_values_match_exactly_what_they_name(engine: Engine, field: str) -> None:
    @settings(max_examples=5)  # each is a translation and a query
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


@pytest.mark.parametrize(
    ("field", "value", "held"),
    [
        ("path", "C:\\Program Files\\*\\agent.exe", "C:\\Program File\u017f\\x\\agent.exe"),
        ("process", "task*x.exe", "tas\u212ax.exe"),
        ("command_line", "kill*sql", "\u212aill my\u017fql"),
        ("device", "sk*1-*", "\u017fk01-x"),
        ("url", "contoso.com/sk*", "https://contoso.com/\u017fk1"),
        ("url", "https://contoso.com/", "https://conto\u017fo.com/"),
        ("url", "contoso.com", "https://\u212a.contoso.com/"),
        ("user_agent", "a*kiosk*b", "a\u212aios\u212ab"),
    ],
)
def test_no_other_letter_counts_as_an_ascii_letter(engine: Engine, field: str, value: str, held: str) -> None:
    """`(?i)` takes U+017F for an s and U+212A for a k; KQL's own operators do not, and neither do patterns."""
    (column, *_) = COLUMNS[field]
    engine.load({column.text: column.type}, [{column.text: held}])
    assert engine.values([build([{field: [value]}], {field: [column]}).render()]) == [(0, False)]
