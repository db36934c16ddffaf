"""Which documented benign scenario a pattern looks like, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fpctl.exclusions.scenarios.model import SCENARIO_IDS
from fpctl.tuning.rhythm import Rhythm

ENOUGH = 3
"""Points from which a pattern counts as looking like a scenario."""

MANY_DEVICES = 10

_INSTALLERS = re.compile(r"^(?:msiexec|setup|patch|install\w*|update\w*|wusa|tiworker|trustedinstaller)\.exe$")
_RMM = re.compile(
    r"connectwise|screenconnect|kaseya|agentmon|manageengine|dcagent|rport|ninjarmm|atera|teamviewer|anydesk"
    r"|splashtop|ltsvc|labtech|ccmexec|intune|bigfix|tanium|puppet|ansible|salt-minion|winrm|wsmprovhost"
)
_SHELLS = re.compile(r"^(?:powershell|pwsh|python\w*|cscript|wscript|bash|sh)(?:\.exe)?$")
_SCRIPTS = re.compile(r"\.(?:ps1|psm1|vbs|py|sh|js|bat|cmd)\b")
_WATCHING = re.compile(r"monitor|collect|audit|health|inventory|metric|\blog")
_DATABASES = re.compile(
    r"^(?:sqlservr|sqlcmd|sqlagent|sqlbackup|mysqld|mysqldump|pg_dump|postgres|oracle|rman)(?:\.exe)?$"
)
_SERVICE = re.compile(r"(?:^|[\\\\._-])(?:svc|srv|service|bot|robot|sync|batch|job|app)(?:[._-]|\d|$)|\$$")
_EMERGENCY = re.compile(r"break-?glass|emergency|notfall")
_REBOOT = re.compile(r"shutdown(?:\.exe)?\s+(?:[-/]r)|restart-computer|reboot")


class Likeness(NamedTuple):
    """A scenario and the reasons for it; no scenario where nothing speaks for one."""

    scenario: str | None
    reasons: tuple[str, ...] = ()


def likeness(match: Mapping[str, Sequence[str]], devices: int, when: Rhythm) -> Likeness:
    """Return the scenario that a match looks like.

    Args:
        match: fields and values.
        devices: on how many devices it is seen.
        when: its rhythm.
    """
    found = {scenario: _reasons(scenario, match, devices, when) for scenario in SCENARIO_IDS}
    best = max(SCENARIO_IDS, key=lambda one: (sum(points for points, _ in found[one]), -SCENARIO_IDS.index(one)))
    if sum(points for points, _ in found[best]) < ENOUGH:
        return Likeness(None)
    return Likeness(best, tuple(text for points, text in found[best] if points > 0))


def _reasons(scenario: str, match: Mapping[str, Sequence[str]], devices: int, when: Rhythm) -> list[tuple[int, str]]:
    process, parent = _first(match, "process"), _first(match, "parent_process")
    line, url = _first(match, "command_line"), _first(match, "url")
    found: list[tuple[int, str]] = []

    def speaks(points: int, condition: object, text: str) -> None:
        if condition:
            found.append((points, text))

    fixed = bool(when.weekly)
    if scenario == "scheduled-patching":
        speaks(2, any(_INSTALLERS.search(name) for name in match.get("process", ())), f"{process} installs")
        speaks(2, parent and _RMM.search(parent), f"{parent} is a management tool")
        speaks(1, fixed, "it happens at fixed hours")
    elif scenario == "remote-reboot":
        speaks(3, _REBOOT.search(line), "its command line reboots")
        speaks(1, process in ("taskhostw.exe", "shutdown.exe"), f"{process} carries out tasks")
        speaks(1, fixed, "it happens at fixed hours")
    elif scenario == "software-deployment":
        speaks(2, process and _RMM.search(process), f"{process} is a management tool")
        speaks(1, "hash" in match, "it is one known file")
        speaks(1, url, f"it talks to {url}")
        speaks(1, devices >= MANY_DEVICES, f"{devices:,} devices do the same")
        speaks(-2, _SCRIPTS.search(line), "")
    elif scenario == "monitoring-script":
        speaks(2, _SHELLS.search(process), f"{process} runs scripts")
        speaks(1, _SCRIPTS.search(line), "its command line names a script")
        speaks(1, _WATCHING.search(line), "the script's name says monitoring, log or audit")
        speaks(1, parent and _RMM.search(parent), f"{parent} is a management tool")
    elif scenario == "database-backup":
        speaks(2, _DATABASES.search(process), f"{process} is a database program")
        speaks(1, re.search(r"backup|bak", url + line), "a backup is named")
        speaks(1, fixed, "it happens at fixed hours")
    elif not process:
        found += _identity_reasons(scenario, match)
    return found


def _identity_reasons(scenario: str, match: Mapping[str, Sequence[str]]) -> list[tuple[int, str]]:
    """Return what speaks for a scenario of identities, in events that show no program."""
    account, port = _first(match, "account"), _first(match, "port")
    if scenario == "service-account" and "ip" in match and _SERVICE.search(account):
        return [(3, f"{account} is named like a service account, and keeps to its addresses")]
    if scenario == "break-glass" and _EMERGENCY.search(account):
        return [(4, f"{account} is named like an emergency account")]
    if scenario == "vulnerability-scanner" and "ip" in match and port and not account:
        return [(3, "one address tries the same ports, as nobody in particular")]
    if scenario == "backup-sync" and "app" in match and "ip" in match and not account:
        return [(3, "one application works from one address for many accounts")]
    return []


def _first(match: Mapping[str, Sequence[str]], field: str) -> str:
    return next(iter(match.get(field, ())), "").lower()
