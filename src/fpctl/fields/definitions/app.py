"""Applications and service principals: by their ids or their display names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fpctl.fields.field import (
    IN_DOMAIN,
    Attack,
    BoundColumn,
    Field,
    FieldTest,
    Key,
    StandIn,
    ValueProblem,
    compared,
    no_wildcard,
)
from fpctl.fields.matching.containment import folded
from fpctl.fields.matching.term import Numbers, Term, is_in
from fpctl.fields.matching.wildcard import sorted_ignoring_case

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Ids that Microsoft writes for what is not known.
_NOBODY = ("00000000-0000-0000-0000-000000000000",)


class App(NamedTuple):
    """An application. An id in lower case, or a name as written; a number may be either."""

    text: str
    roles: frozenset[str]


class AppField(Field[App]):
    """A GUID is the id of an application or of its service principal, a number the id of a cloud application.

    Anything else is a display name, whole.
    """

    name = "app"
    help = "Application or service principal: id or complete display name."
    question = "Which applications? (application id, service principal id or display name)"
    meaning = "the application that acts or signs in, and its service principal; never the resource that it uses"
    matches = "an application id, a service principal's id, or the complete display name of either"
    spares = "a display name that only starts with it; the resource that an application requests"
    synonyms = ("application", "appid", "applicationid", "appdisplayname", "serviceprincipal", "client_id")
    # app-id: the GUID of an application or service principal. app-number: the number of a cloud application.
    roles = ("app-name", "app-id", "app-number")
    telling = ("app-id", "app-name")
    assumed = (("AppDisplayName", "app-name"), ("AppId", "app-id"), ("ServicePrincipalName", "app-name"))
    test_rank = 55
    tell_rank = 45
    semicolon = True
    ecs = ("azure.signinlogs.properties.app_id", "azure.signinlogs.properties.app_display_name")
    instead = "name the applications"

    def check(self, value: str) -> ValueProblem | None:
        if value.lower() in _NOBODY:
            return ValueProblem("this id stands for an application that is not known", "give the application's own id")
        return no_wildcard(value)

    def parse(self, value: str) -> App:
        if _GUID.fullmatch(value):
            return App(value.lower(), frozenset({"app-id"}))
        number = value.isascii() and value.isdigit()
        return App(value, frozenset({"app-name", "app-number"} if number else {"app-name"}))

    def roles_of(self, value: App) -> frozenset[str]:
        return value.roles

    def test(self, values: Sequence[App], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        if column.type in ("int", "long"):
            return Numbers(column.text, tuple(sorted({int(value.text) for value in values})))
        return is_in(column.string(), sorted_ignoring_case([value.text for value in values]))

    def key(self, parsed: App) -> Key:
        return (folded(parsed.text),)

    def anchored(self, values: Sequence[str]) -> bool:
        """Whoever may register an application chooses its display name; an id is given."""
        return all(_GUID.fullmatch(value) for value in values)

    def attacks(self, value: str) -> Iterator[Attack]:
        if not _GUID.fullmatch(value):
            advice = "name the application's id: anybody who may register one chooses its display name"
            yield Attack("another application of the same display name", {"app": value}, IN_DOMAIN, advice)
            yield Attack("an application with a look-alike name", {"app": f"{value} "})
        yield Attack(
            "another application", {"app": "99999999-9999-4999-8999-999999999999"}, advice="name the application"
        )

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        by_id, by_name = self.ecs
        ids = [value for value in values if _GUID.fullmatch(value)]
        names = [value for value in values if value not in ids]
        return [*compared(by_id, "==", ids), *compared(by_name, "==", names)]

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        fitting = all(role in self.parse(value).roles for value in values)
        return StandIn(values) if operator == "==" and fitting else None


FIELD = AppField()
