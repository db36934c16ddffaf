"""Ports."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.fields.field import BoundColumn, Field, FieldTest, Key, ValueProblem, compared
from fpctl.fields.matching.term import Numbers, Term, is_in


class PortField(Field[int]):
    """A port number."""

    name = "port"
    help = "Port number."
    question = "Which ports?"
    meaning = "the port of the service (the destination port)"
    matches = "a port number"
    roles = telling = ("port",)
    assumed = (("RemotePort", "port"),)
    column_type = "int"
    test_rank = 60
    tell_rank = 110
    semicolon = True
    ecs = ("destination.port", "server.port")
    sigma_read = (
        ("destinationport", "destination.port"),
        ("sourceport", "source.port"),
    )
    sigma_written = (("destination.port", "DestinationPort"),)
    instead = "name the ports"

    def check(self, value: str) -> ValueProblem | None:
        return check_port(value)

    def parse(self, value: str) -> int:
        return int(value)

    def test(self, values: Sequence[int], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        numbers = tuple(sorted(set(values)))
        if column.type in ("int", "long"):
            return Numbers(column.text, numbers)
        return is_in(column.string(), map(str, numbers))

    def key(self, parsed: int) -> Key:
        return (parsed,)

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        return compared("destination.port", "==", values)


def check_port(value: str) -> ValueProblem | None:
    """Return why a text is not a port, or None if it is."""
    if not value.isascii() or not value.isdigit() or not 1 <= int(value[:6]) <= 65535:
        return ValueProblem(f"`{value}` is not a port; ports are 1 to 65535", None)
    return None


FIELD = PortField()
