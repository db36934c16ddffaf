"""The repository that the tests of the console look at."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi.testclient import TestClient

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE_ID = "11111111-1111-4111-8111-111111111111"
RULE = f"""\
id: {RULE_ID}
name: Remote tool started
description: A remote tool was started.
tactics: [CommandAndControl]
relevantTechniques: [T1219]
query: |
  DeviceProcessEvents
  | where FileName =~ "remote.exe"
  | project Timestamp, DeviceName, FileName, InitiatingProcessFileName
"""
EXCLUSION = f"""\
id: fp-2026-0001
title: Patching of the build servers
rules: [{RULE_ID}]
match:
  device: [build01]
reason: Monthly patching
ticket: CHG1
owner: a.rossi@contoso.com
created: 2026-11-01
expires: 2026-12-10
approved_by: m.weber@contoso.com
status: active
"""
EVENTS = """\
Timestamp,DeviceName,FileName,InitiatingProcessFileName
2026-11-23T10:00:00Z,build01.contoso.com,remote.exe,setup.exe
2026-11-23T11:00:00Z,build01.contoso.com,remote.exe,setup.exe
2026-11-24T09:00:00Z,fin-ws-017.contoso.com,remote.exe,winword.exe
2026-11-24T10:00:00Z,hr-ws-001.contoso.com,remote.exe,setup.exe
"""
PEOPLE = {"v.viewer": "viewer", "a.analyst": "analyst", "p.approver": "approver", "d.admin": "admin"}

Browser = Callable[..., TestClient]
"""A function that gives a browser of somebody with a role."""


def words(text: str) -> str:
    """Return what a reader of a page sees."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
