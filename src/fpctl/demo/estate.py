"""The company: its devices and the people who use them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random
from typing import Literal

DOMAIN = "contoso.com"

Role = Literal["workstation", "build", "web", "app", "sql", "monitoring", "file", "domain-controller"]

_WORKSTATIONS = (("fin", 60), ("hr", 50), ("eng", 130), ("sales", 90), ("ops", 50))
_SERVERS: tuple[tuple[Role, tuple[str, ...]], ...] = (
    ("build", ("build01", "build02", "build03", "build04", "build010", "build011")),
    ("web", ("srv-web-01", "srv-web-02", "srv-web-03", "srv-web-04")),
    ("app", ("srv-app-01", "srv-app-02", "srv-app-03")),
    ("sql", ("sql-01", "sql-02", "sql-03", "sql-04", "sql-05", "sql-06")),
    ("monitoring", ("mon-01", "mon-02")),
    ("file", ("file-01", "file-02", "file-03")),
    ("domain-controller", ("dc-01", "dc-02")),
)
_FIRST = ("anna", "luca", "marta", "jan", "sara", "omar", "nina", "paul", "ines", "tomas", "lea", "ravi", "eva", "igor")
_LAST = ("rossi", "weber", "novak", "haddad", "okafor", "fontana", "silva", "meyer", "kowalski", "dubois", "larsen")


@dataclass(frozen=True, slots=True)
class Device:
    """A device: `name` is its full name, `user` who works on it (a service account on a server)."""

    number: int
    name: str
    role: Role
    device_id: str
    ip: str
    user: str
    user_sid: str
    user_object_id: str

    @property
    def is_server(self) -> bool:
        """Whether it is busy at night and on Sundays too."""
        return self.role != "workstation"


def make_estate(random: Random) -> tuple[Device, ...]:
    """Return all devices: 380 workstations and 26 servers, in a fixed order."""
    named: list[tuple[str, Role]] = [
        (f"{team}-ws-{number:03d}", "workstation") for team, count in _WORKSTATIONS for number in range(1, count + 1)
    ]
    named += [(name, role) for role, names in _SERVERS for name in names]
    return tuple(_device(number, name, role, random) for number, (name, role) in enumerate(named))


def _device(number: int, short: str, role: Role, random: Random) -> Device:
    name = f"{short}.{DOMAIN}"
    if role == "workstation":
        user = f"{_pick(_FIRST, random)}.{_pick(_LAST, random)}{number:03d}"
        ip = f"10.20.{1 + number // 200}.{10 + number % 200}"
    else:
        user = f"svc-{short.split('-')[0].rstrip('0123456789')}"
        ip = f"10.10.{1 + number // 200}.{10 + number % 200}"
    object_id = hashlib.md5(f"object {user}".encode(), usedforsecurity=False).hexdigest()
    return Device(
        number=number,
        name=name,
        role=role,
        device_id=hashlib.sha1(f"device {name}".encode(), usedforsecurity=False).hexdigest(),
        ip=ip,
        user=user,
        user_sid=f"S-1-5-21-1004336348-1177238915-682003330-{1100 + number}",
        user_object_id=f"{object_id[:8]}-{object_id[8:12]}-4{object_id[13:16]}-a{object_id[17:20]}-{object_id[20:]}",
    )


def _pick(values: tuple[str, ...], random: Random) -> str:
    return values[int(random.random() * len(values))]
