"""Where in a query a service's error is."""

from __future__ import annotations

from typing import Any

import pytest

from fpctl.engine.remote.error_place import offset_in, query_error
from fpctl.engine.remote.errors import retry_after, service_error_of

TEXT = "T\n| where a == 1\n| where bad == 2 and 'bad' == x"


@pytest.mark.parametrize(
    ("message", "details", "offset"),
    [
        ("Query could not be parsed at 'a' on line [2,8]", None, 10),
        ("Query could not be parsed at '|' on line [2,1]", None, 2),  # a service that counts from 1
        ("Query could not be parsed at '<EOF>' on line [3,99]", None, len(TEXT)),
        ("something", {"line": 3, "pos": 8, "token": "bad"}, TEXT.index("bad")),
        ("wrong [line:position=3:8]", None, TEXT.index("bad")),
        ("bad request\r\nToken: a\r\nLine: 2\r\nPosition: 8\r\n", None, 10),
        ("'where' operator: Failed to resolve scalar expression named 'bad'", None, TEXT.index("bad")),
        ("Failed to resolve column or scalar expression named 'a' [line:position=0:0]", None, 10),
        ("could not parse KQL at 2:8: mismatched input 'a'", None, 10),
        ("Failed to resolve scalar expression named 'where'", None, None),  # in two places
        ("Failed to resolve scalar expression named 'gone'", None, None),
        ("out of memory", None, None),
        ("on line [9,1]", None, None),
    ],
)
def test_offsets(message: str, details: dict[str, Any] | None, offset: int | None) -> None:
    assert offset_in(TEXT, message, details) == offset


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("SYN0002: Query could not be parsed at 'x' on line [1,0]", "syntax"),
        ("A recognition error occurred in the query.", "syntax"),
        ("'where' operator: Failed to resolve table or column expression named 'T'", "unknown-table"),
        ("'where' operator: Failed to resolve column or scalar expression named 'bad'", "unknown-column"),
        ("'project' operator: Failed to resolve scalar expression named 'bad'", "unknown-column"),
        ("Query execution timed out", "timeout"),
        ("E_RUNAWAY_QUERY: aggregation over string column exceeded the memory budget", "too-complex"),
        ("join: keys must have one type", "engine"),
    ],
)
def test_kinds(message: str, code: str) -> None:
    assert query_error(TEXT, message).code == code


def test_an_error_object_is_read_to_its_innermost() -> None:
    error = {
        "code": "BadArgumentError",
        "message": "invalid properties",
        "innererror": {"code": "SyntaxError", "innererror": {"code": "SYN0002", "message": "the reason", "line": 1}},
    }
    said = service_error_of(error)
    assert said is not None
    assert (said.code, said.message, said.details["line"]) == ("SYN0002", "the reason", 1)


def test_kustos_own_message_is_preferred() -> None:
    said = service_error_of(
        {"code": "General_BadRequest", "message": "Request is invalid", "@message": "Semantic error: here"}
    )
    assert said is not None
    assert said.message == "Semantic error: here"


@pytest.mark.parametrize("error", [None, [], "text", {}, {"innererror": {"innererror": {}}}, {"details": []}])
def test_an_error_object_without_words_says_nothing(error: Any) -> None:
    assert service_error_of(error) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "Wed, 01 May 2024 10:00:30 GMT", "Date": "Wed, 01 May 2024 10:00:00 GMT"}, 30),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
