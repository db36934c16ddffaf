"""Events as full table rows: background traffic drawn by chance, and the columns that every event has."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from fpctl.demo.estate import Device
from fpctl.demo.sessions import Event
from fpctl.demo.software import PROGRAMS, Program, Remote

_OFFICE_HOURS = (1, 1, 1, 1, 1, 2, 5, 12, 20, 24, 24, 22, 18, 20, 24, 22, 18, 12, 6, 4, 3, 2, 1, 1)
_PROCESSES_KEPT = 200_000
_ACTIONS = (
    ("ConnectionSuccess",) * 16 + ("HttpConnectionInspected",) * 2 + ("DnsConnectionInspected", "ConnectionFailed")
)


EVENT_COLUMNS = (
    "Timestamp", "ActionType", "AdditionalFields", "AppGuardContainerId", "DeviceId", "DeviceName",
    "LocalIP", "LocalIPType", "LocalPort", "LogonID", "Protocol",
    "RemoteIP", "RemoteIPType", "RemotePort", "RemoteUrl", "ReportId",
)  # fmt: skip
PROCESS_COLUMNS = (
    "InitiatingProcessAccountDomain", "InitiatingProcessAccountName", "InitiatingProcessAccountObjectId",
    "InitiatingProcessAccountSid", "InitiatingProcessAccountUpn", "InitiatingProcessCommandLine",
    "InitiatingProcessCreationTime", "InitiatingProcessFileName", "InitiatingProcessFileSize",
    "InitiatingProcessFolderPath", "InitiatingProcessId", "InitiatingProcessIntegrityLevel", "InitiatingProcessMD5",
    "InitiatingProcessParentCreationTime", "InitiatingProcessParentFileName", "InitiatingProcessParentId",
    "InitiatingProcessRemoteSessionDeviceName", "InitiatingProcessRemoteSessionIP", "InitiatingProcessSHA1",
    "InitiatingProcessSHA256", "InitiatingProcessSessionId", "InitiatingProcessTokenElevation",
    "InitiatingProcessUniqueId", "InitiatingProcessVersionInfoCompanyName",
    "InitiatingProcessVersionInfoFileDescription", "InitiatingProcessVersionInfoInternalFileName",
    "InitiatingProcessVersionInfoOriginalFileName", "InitiatingProcessVersionInfoProductName",
    "InitiatingProcessVersionInfoProductVersion", "IsInitiatingProcessRemoteSession",
)  # fmt: skip
COLUMNS = EVENT_COLUMNS + PROCESS_COLUMNS
"""The order of a row's values."""

Row = tuple[Any, ...]


class Rows:
    """Makes rows of DeviceNetworkEvents, one per event, in the order it is asked.

    Report ids count up per device, and processes live for a day, as in real data.

    Args:
        random: for what is different in every event.
        first_day: the midnight from which days are counted.
    """

    def __init__(self, random: Random, first_day: datetime) -> None:
        self._random = random
        self._first_day = first_day
        self._reports: dict[int, int] = {}
        self._processes: dict[tuple[int, str, str, int], Row] = {}

    def row(self, event: Event) -> Row:
        """Return the event's values in the order of `COLUMNS`; times are UTC without a zone."""
        device, remote = event.device, event.remote
        number = int(self._random.random() * 1_000_000)
        report = self._reports.get(device.number, 1000 + device.number * 7)
        self._reports[device.number] = report + 1 + number % 5
        action = "ConnectionSuccess" if event.label else _ACTIONS[number % len(_ACTIONS)]
        return (
            event.time,
            action,
            '{"direction":"Out"}' if action.endswith("Inspected") else "",
            "",
            device.device_id,
            device.name,
            device.ip,
            "Private",
            49_152 + number % 16_000,
            999 if event.account == "system" else 40_000 + device.number * 13,
            remote.protocol,
            remote.ip,
            "Private" if remote.ip.startswith("10.") else "Public",
            remote.port,
            remote.url.replace("%n", str(1 + number % 4)) if "%" in remote.url else remote.url,
            report,
            *self._process(event),
        )

    def _process(self, event: Event) -> Row:
        """Return the values of the initiating process; the same process all day."""
        day = (event.time - self._first_day).days
        key = (event.device.number, event.program.sha256, event.command_line, day)
        known = self._processes.get(key)
        if known is None:
            if len(self._processes) > _PROCESSES_KEPT:
                self._processes.clear()
            known = self._processes[key] = _process_values(event, repr(key), self._first_day + timedelta(days=day))
        return known


def _process_values(event: Event, identity: str, midnight: datetime) -> Row:
    device, program = event.device, event.program
    digest = hashlib.blake2b(identity.encode(), digest_size=12).digest()
    started = min(midnight + timedelta(milliseconds=int.from_bytes(digest[:3], "big")), event.time)
    domain, name, object_id, sid, upn = _account(event)
    return (
        domain,
        name,
        object_id,
        sid,
        upn,
        event.command_line.replace("{user}", device.user),
        started,
        program.file_name,
        program.size,
        f"{program.folder.replace('{user}', device.user)}\\{program.file_name}",
        1000 + 4 * (int.from_bytes(digest[3:5], "big") % 8000),
        "Medium" if event.account == "user" else "System",
        program.md5,
        started - timedelta(seconds=1 + digest[5]),
        event.parent,
        600 + 4 * (int.from_bytes(digest[6:8], "big") % 4000),
        "",
        "",
        program.sha1,
        program.sha256,
        1 if event.account == "user" else 0,
        "TokenElevationTypeDefault",
        str(int.from_bytes(digest[4:10], "big")),
        program.company,
        program.description,
        program.file_name.removesuffix(".exe"),
        program.file_name,
        program.product,
        program.version,
        False,
    )


def _account(event: Event) -> tuple[str, str, str, str, str]:
    """Return domain, name, object id, SID and UPN of the account that the process runs as."""
    device = event.device
    if event.account == "system":
        return "nt authority", "system", "", "S-1-5-18", ""
    if event.account == "network service":
        return "nt authority", "network service", "", "S-1-5-20", ""
    if event.account == "service":
        return "contoso", device.user if device.is_server else "localservice", "", device.user_sid, ""
    return "contoso", device.user, device.user_object_id, device.user_sid, f"{device.user}@contoso.com"


def background(devices: tuple[Device, ...], start: datetime, days: int, count: int, random: Random) -> Iterator[Event]:
    """Yield `count` ordinary events in order of time, spread over the days as a working week is.

    Their `label` is "".
    """
    hours = []
    for day in range(days):
        midnight = start + timedelta(days=day)
        share = 1.0 if midnight.weekday() < 5 else 0.2
        hours += [(midnight + timedelta(hours=hour), 1 + weight * share) for hour, weight in enumerate(_OFFICE_HOURS)]
    total = sum(weight for _, weight in hours)
    choices = {role: _programs_of(role) for role in {device.role for device in devices}}
    servers = [device for device in devices if device.is_server]
    made, due = 0, 0.0
    for hour, weight in hours:
        due += count * weight / total
        wanted = max(0, round(due) - made)
        made += wanted
        seconds = sorted(random.random() for _ in range(wanted))
        office = weight > 6
        for second in seconds:
            pool = devices if office or random.random() < 0.4 else servers
            device = pool[int(random.random() * len(pool))]
            programs, bounds = choices[device.role]
            program = programs[bisect_right(bounds, random.random() * bounds[-1])]
            remote: Remote = program.remotes[int(random.random() ** 1.6 * len(program.remotes))]
            yield Event(
                hour + timedelta(microseconds=int(second * 3_600_000_000)),
                device,
                program.builds[device.number % len(program.builds)],
                program.parent,
                program.command_lines[int(random.random() * len(program.command_lines))],
                program.account,
                remote,
                "",
            )


def _programs_of(role: str) -> tuple[list[Program], list[int]]:
    programs = [program for program in PROGRAMS if role in program.roles]
    return programs, list(accumulate(program.weight for program in programs))
