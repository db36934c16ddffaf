"""RPort traffic: the five benign scenarios that the shipped exclusions name, and three attacks that resemble them.

Every event here satisfies the conditions of the rule "Remote Management and Monitoring tool - RPort"
(maker `RealVNC`, product `rport`), odd as these are: they are the published rule's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from fpctl.demo.estate import DOMAIN, Device
from fpctl.demo.software import Binary, Remote, binary

MAKER, PRODUCT = "RealVNC Ltd", "rport"

SCENARIOS = ("scheduled-patching", "remote-reboot", "software-deployment", "monitoring-script", "database-backup")

DEPLOY_AGENT_SHA256 = hashlib.sha256(b"fpctl demo: software-deployment 1").hexdigest()
DEPLOY_AGENT_SHA1 = hashlib.sha1(b"fpctl demo: software-deployment 2", usedforsecurity=False).hexdigest()
BACKUP_BINARY_SHA256 = hashlib.sha256(b"fpctl demo: database-backup 1").hexdigest()

_RPORT_FOLDER = r"c:\program files\rport"
_SYSTEM32 = r"c:\windows\system32"


def _rport_binary(
    file_name: str, folder: str, version: str, sha1: str | None = None, sha256: str | None = None
) -> Binary:
    return binary(file_name, folder, MAKER, PRODUCT, "RPort remote access", version, sha1=sha1, sha256=sha256)


_MSIEXEC = _rport_binary("msiexec.exe", _SYSTEM32, "5.0.26100.1")
_SETUP = _rport_binary("setup.exe", r"c:\windows\temp\cw-patch", "11.4.0.0")
_PATCH = _rport_binary("patch.exe", r"c:\windows\temp\cw-patch", "11.4.0.2")
_TASKHOST = _rport_binary("taskhostw.exe", _SYSTEM32, "10.0.20348.1")
_AGENT_1 = _rport_binary("rport.exe", _RPORT_FOLDER, "0.9.12", sha256=DEPLOY_AGENT_SHA256)
_AGENT_2 = _rport_binary("rport.exe", _RPORT_FOLDER, "0.9.14", sha1=DEPLOY_AGENT_SHA1)
_POWERSHELL = _rport_binary("powershell.exe", rf"{_SYSTEM32}\windowspowershell\v1.0", "10.0.20348.1")
_SQLSERVR = _rport_binary(
    "sqlservr.exe", r"c:\program files\microsoft sql server\mssql16.mssqlserver\mssql\binn", "2022.160.4215.2",
    sha256=BACKUP_BINARY_SHA256,
)  # fmt: skip
_DROPPED = _rport_binary("rport.exe", r"c:\users\public\libraries", "0.9.99")

_TUNNEL = Remote("rport.contoso.com", "10.10.8.31")


class Event(NamedTuple):
    """One RPort event before it has all its columns. `label` is its scenario or `attack: ...`."""

    time: datetime
    device: Device
    program: Binary
    parent: str
    command_line: str
    account: str
    remote: Remote
    label: str


@dataclass(frozen=True, slots=True)
class AttackSession:
    """One attack: all its events are of one device and one URL, so the rule shows it as one result row.

    `resembles` is the scenario it hides behind, `differs` the only difference from it.
    """

    name: str
    device: str
    url: str
    events: int
    resembles: str
    differs: str


ATTACKS: tuple[AttackSession, ...] = (
    AttackSession(
        "same process on another device", f"build010.{DOMAIN}", "updates.patch-cdn.example", 7,
        "scheduled-patching", "device",
    ),
    AttackSession(
        "look-alike domain", f"fin-ws-017.{DOMAIN}", f"deploy.{DOMAIN}.evil.example", 9,
        "software-deployment", "url",
    ),
    AttackSession(
        "unknown hash", f"hr-ws-042.{DOMAIN}", f"deploy.{DOMAIN}", 5,
        "software-deployment", "hash",
    ),
)  # fmt: skip
"""What must be left of the RPort rule's result once the five exclusions are applied."""


def rport_events(devices: Mapping[str, Device], start: datetime, days: int, random: Random) -> list[Event]:
    """Return all RPort events of the `days` days from `start`, in order of time.

    Every scenario has events among the last five days, which is how far back the rule looks.
    """
    events: list[Event] = []
    for day in range(days):
        midnight = start + timedelta(days=day)
        events += _patching(devices, midnight, random)
        events += _reboots(devices, midnight, random)
        events += _deployments(devices, midnight, random)
        events += _monitoring(devices, midnight, random)
        events += _backups(devices, midnight, random)
    events += _attacks(devices, start + timedelta(days=days))
    return sorted(events, key=lambda event: (event.time, event.device.number, event.remote.url))


def _patching(devices: Mapping[str, Device], midnight: datetime, random: Random) -> Iterator[Event]:
    """Sundays 02:00-04:00 in Rome, which is 01:00-03:00 UTC in November."""
    if midnight.weekday() != 6:
        return
    steps = (
        (_MSIEXEC, r"msiexec.exe /i C:\Windows\Temp\cw-patch\KB5068861.msi /qn /norestart"),
        (_SETUP, r"C:\Windows\Temp\cw-patch\setup.exe /quiet /log C:\Windows\Temp\cw-patch\setup.log"),
        (_PATCH, r"C:\Windows\Temp\cw-patch\patch.exe --apply --report https://rport.contoso.com/report"),
    )
    for number in range(1, 5):
        device = devices[f"build0{number}.{DOMAIN}"]
        for count in range(60):
            program, command_line = steps[count * 3 // 60]
            time = midnight + timedelta(hours=1, seconds=count * 118 + random.random() * 90)
            yield Event(
                time, device, program, "ConnectWise.ClientService.exe", command_line, "system", _TUNNEL, SCENARIOS[0]
            )


def _reboots(devices: Mapping[str, Device], midnight: datetime, random: Random) -> Iterator[Event]:
    """Tuesdays and Thursdays at 22:00 UTC."""
    if midnight.weekday() not in (1, 3):
        return
    for name in ("srv-web-01", "srv-web-02", "srv-app-01"):
        for count in range(12):
            time = midnight + timedelta(hours=22, minutes=count * 2, seconds=random.random() * 50)
            command_line = 'taskhostw.exe /c shutdown /r /t 60 /c "Maintenance CHG0012388"'
            yield Event(
                time,
                devices[f"{name}.{DOMAIN}"],
                _TASKHOST,
                "svchost.exe",
                command_line,
                "system",
                _TUNNEL,
                SCENARIOS[1],
            )


def _deployments(devices: Mapping[str, Device], midnight: datetime, random: Random) -> Iterator[Event]:
    """Working days from 06:00 UTC: a tenth of the workstations, in turn, fetch software."""
    if midnight.weekday() > 4:
        return
    workstations = [device for device in devices.values() if device.role == "workstation"]
    urls = (f"deploy.{DOMAIN}", f"https://deploy.{DOMAIN}/packages/agent-7.2.msi", f"pkg.deploy.{DOMAIN}")
    for device in workstations:
        if device.number % 10 != midnight.toordinal() % 10 and device.name != ATTACKS[2].device:
            continue
        program = _AGENT_1 if device.number % 3 else _AGENT_2
        for count in range(5):
            remote = Remote(urls[(device.number + count) % 3 if count > 2 else 0], "10.10.8.30")
            time = midnight + timedelta(hours=6, minutes=count * 7 + random.random() * 120)
            command_line = r'"C:\Program Files\rport\rport.exe" -c "C:\Program Files\rport\rport.conf" service run'
            yield Event(time, device, program, "services.exe", command_line, "system", remote, SCENARIOS[2])


def _monitoring(devices: Mapping[str, Device], midnight: datetime, random: Random) -> Iterator[Event]:
    """Every ten minutes, day and night."""
    scripts = (r"C:\Monitoring\Get-MonitoringData.ps1", r"C:\Monitoring\Collect-AuditLog.ps1")
    for name in ("mon-01", "mon-02"):
        device = devices[f"{name}.{DOMAIN}"]
        for count in range(144):
            time = midnight + timedelta(minutes=count * 10, seconds=random.random() * 30)
            command_line = (
                f"powershell.exe -NoProfile -NonInteractive -File {scripts[count % 2]} -Since {count % 24:02d}:00"
            )
            yield Event(time, device, _POWERSHELL, "rport.exe", command_line, "system", _TUNNEL, SCENARIOS[3])


def _backups(devices: Mapping[str, Device], midnight: datetime, random: Random) -> Iterator[Event]:
    """Every night from 01:30 UTC."""
    for number in range(1, 7):
        device = devices[f"sql-0{number}.{DOMAIN}"]
        for count in range(8):
            remote = Remote(f"backup.{DOMAIN}" if count % 4 else f"https://backup.{DOMAIN}/sql/nightly", "10.10.8.40")
            time = midnight + timedelta(hours=1, minutes=30 + count * 6, seconds=random.random() * 200)
            command_line = (
                r'"C:\Program Files\Microsoft SQL Server\MSSQL16.MSSQLSERVER\MSSQL\Binn\sqlservr.exe" -sMSSQLSERVER'
            )
            yield Event(time, device, _SQLSERVR, "services.exe", command_line, "service", remote, SCENARIOS[4])


def _attacks(devices: Mapping[str, Device], end: datetime) -> Iterator[Event]:
    last_sunday = end - timedelta(days=(end.weekday() + 1) % 7)
    last_sunday = last_sunday.replace(hour=0, minute=0, second=0, microsecond=0)
    on_patch_night, lookalike, unknown = ATTACKS
    for count in range(on_patch_night.events):
        yield _attack(
            on_patch_night, devices, last_sunday + timedelta(hours=1, minutes=17, seconds=count * 41), _MSIEXEC,
            "ConnectWise.ClientService.exe",
            r"msiexec.exe /i C:\Windows\Temp\cw-patch\KB5068861.msi /qn /norestart", "185.225.73.14",
        )  # fmt: skip
    for count in range(lookalike.events):
        yield _attack(
            lookalike, devices, end - timedelta(days=2, hours=1, minutes=9) + timedelta(minutes=count * 5), _AGENT_1,
            "services.exe",
            r'"C:\Program Files\rport\rport.exe" -c "C:\Program Files\rport\rport.conf" service run', "185.225.73.22",
        )  # fmt: skip
    for count in range(unknown.events):
        yield _attack(
            unknown, devices, end - timedelta(hours=9, minutes=31) + timedelta(minutes=count * 3), _DROPPED,
            "explorer.exe", r"C:\Users\Public\Libraries\rport.exe --server deploy.contoso.com --fingerprint 5c:9d:f8",
            "10.10.8.30",
        )  # fmt: skip


def _attack(
    session: AttackSession,
    devices: Mapping[str, Device],
    time: datetime,
    program: Binary,
    parent: str,
    command_line: str,
    ip: str,
) -> Event:
    account = "user" if session.device.split(".")[0].split("-")[0] in ("fin", "hr") else "system"
    remote = Remote(session.url, ip)
    return Event(
        time, devices[session.device], program, parent, command_line, account, remote, f"attack: {session.name}"
    )
