"""Every field says all that fpctl derives from it, and nothing about fields stands elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fields.samples import VALUES
from fpctl.exclusions.filter_syntax.vocabulary import meaning_of
from fpctl.exclusions.model import Alternative
from fpctl.fields.field import BoundColumn
from fpctl.fields.registry import FIELDS, NARROW, SYNONYMS, TELL_ORDER, TEST_ORDER, parse_value
from fpctl.repository.json_schema import exclusion_schema


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_explains_itself(name: str) -> None:
    field = FIELDS[name]
    assert field.name == name
    assert all((field.help, field.question, field.meaning, field.matches))
    assert field.help.endswith(".")
    assert field.question.rstrip(")").endswith("?") or "? (" in field.question


@pytest.mark.parametrize("name", FIELDS)
def test_the_roles_of_a_field_are_its_own(name: str) -> None:
    field = FIELDS[name]
    assert field.roles
    assert set(field.telling) <= set(field.roles)
    assert {role for _, role in field.assumed} <= set(field.roles)
    assert field.verbatim is None or field.verbatim in field.roles


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_values_to_be_tested_with(name: str) -> None:
    assert VALUES[name], f"name values of {name} in tests/fields/samples.py"


def test_the_orders_tell_every_field_apart() -> None:
    assert len({field.test_rank for field in FIELDS.values()}) == len(FIELDS)
    assert len({field.tell_rank for field in FIELDS.values()}) == len(FIELDS)
    assert set(TEST_ORDER) == set(TELL_ORDER) == set(FIELDS)
    assert NARROW[:3] == ("device", "url", "hash")


def test_no_two_fields_share_a_word() -> None:
    words = [word for field in FIELDS.values() for word in (field.name, *field.synonyms)]
    assert len(words) == len(set(words))
    assert all(SYNONYMS[word] == field.name for field in FIELDS.values() for word in field.synonyms)
    names = [name for field in FIELDS.values() for name in field.ecs]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_a_key_of_a_match_and_of_the_schema(name: str) -> None:
    value = VALUES[name][0]
    assert Alternative.model_validate({name: value}).fields() == {name: (value,)}
    described = exclusion_schema()["definitions"]["match"]["properties"][name]
    assert described["description"] == FIELDS[name].help


@pytest.mark.parametrize("name", FIELDS)
def test_the_filter_notation_knows_the_names_of_a_field(name: str) -> None:
    for ecs in FIELDS[name].ecs:
        meaning = meaning_of(ecs)
        assert meaning is not None
        assert meaning.field == name


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in FIELDS for value in VALUES[name]])
def test_the_seed_of_an_attack_is_what_a_lookup_finds(name: str, value: str) -> None:
    field = FIELDS[name]
    parsed = parse_value(name, value)
    columns = [BoundColumn(role, "string", role) for role in field.roles]
    assert any(field.fits(parsed, column, columns) for column in columns)
    assert field.sample(value)
    for attack in field.attacks(field.sample(value)):
        assert set(attack.changes) <= set(FIELDS)


@pytest.mark.parametrize("suffix", ["me.uk", "press", "nic.in", "k12.tx.us", "co.uk", "CO.UK.", "xn--p1ai", "рф"])
def test_a_public_suffix_is_no_url(suffix: str) -> None:
    for value in (suffix, f"https://{suffix}/x"):
        found = parse_value("url", value)
        assert "public suffix" in found.message or "top-level domain" in found.message


@pytest.mark.parametrize("host", ["contoso.me.uk", "github.io", "www.ck", "city.kawasaki.jp", "intranet", "a.press"])
def test_what_stands_below_a_public_suffix_is_a_url(host: str) -> None:
    assert parse_value("url", host).host == host


def test_the_list_of_suffixes_is_read_when_a_domain_is_checked_and_not_before() -> None:
    code = (
        "import sys; from fpctl.fields.registry import check_value; check_value('device', 'build01');"
        "assert 'publicsuffixlist' not in sys.modules; check_value('url', 'contoso.com');"
        "assert 'publicsuffixlist' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
