"""What the tests of records agree on: a day, a rule, an exclusion."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

RULE_ID = "5a3e1f0c-0001-4000-8000-000000000001"

RULE = f"""\
id: {RULE_ID}
name: Remote tool talks to the internet
description: Network connections of a remote tool.
tactics: [CommandAndControl]
relevantTechniques: [T1219]
query: |
  DeviceNetworkEvents
  | where Timestamp > ago(1d)
  | where InitiatingProcessVersionInfoProductName has 'rport'
  | summarize Count = count() by DeviceName, RemoteUrl
"""

SHA256 = "2f4d94d2c7a287785e87423f456ac41968e54a7d65c9d82bea217c26c33340ae"

EXCLUSION = f"""\
# why: the patch window
id: fp-2026-0001
title: Patching   # agreed with the server team
rules: [{RULE_ID}]
match:
  device: ['build01', "build02.contoso.com"]
  process: [msiexec.exe]
reason: Monthly patching
owner: a.rossi@contoso.com
created: 2026-11-01
expires: 2027-05-01  # the contract ends
status: active
"""
