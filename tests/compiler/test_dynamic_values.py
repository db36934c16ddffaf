"""Dynamic values: parsed, taken apart, compared."""

from __future__ import annotations

import pytest

BAG = """parse_json('{"a": 1, "b": [1, 2, {"c": "x"}], "n": null, "t": "07", "f": 1.5}')"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (f"tolong({BAG}.a)", 1),
        (f"tostring({BAG}.b)", '[1,2,{"c":"x"}]'),
        (f"tostring({BAG}.b[2].c)", "x"),
        (f"tostring({BAG}.b[-1].c)", "x"),
        (f"isnull({BAG}.n)", True),
        (f"isnull({BAG}.absent.further)", True),
        (f"{BAG}['a'] == 1", True),
        (f"{BAG}.f == 1", False),
        (f"{BAG}.t == '07'", True),
        (f"{BAG}.t > 5", None),
        (f"{BAG}.b[2] has 'x'", True),
        ("tostring(parse_json('no json'))", "no json"),
        ("parse_json('no json') has 'json'", True),
        ("tostring(parse_json('nan'))", "nan"),
        ("tostring(dynamic({'a': datetime(2024-01-01)}).a)", "2024-01-01T00:00:00.0000000Z"),
    ],
)
def test_parts_of_dynamic_values(run, expression, expected):
    known = f"print {expression}"
    text = "datatable(s: string)[" + BAG.removeprefix("parse_json(").removesuffix(")") + "]"
    unknown = f"{text} | project {expression.replace(BAG, 'parse_json(s)')}"
    assert run(known) == run(unknown) == [(expected,)]


def test_what_is_no_json_stays_the_text_that_it_is(run):
    rows = "datatable(s: string)['{\"a\": 1}', 'powershell -enc', '']"
    assert run(f"{rows} | extend d = parse_json(s) | project tostring(d), tostring(d.a)") == [
        ('{"a":1}', "1"),
        ("powershell -enc", ""),
        ("", ""),
    ]


def test_a_row_of_other_text_makes_no_error_of_a_comparison_with_a_number(run):
    rows = "datatable(r: string)['0', '50126', 'none']"
    assert run(f"{rows} | where r == 0 | project r") == [("0",)]
    assert run(f"{rows} | where r != 0 | project r") == [("50126",), ("none",)]
    assert run(f"{rows} | where r > 100 | project r") == [("50126",)]
