"""Each check on what it finds and on what it lets pass, with its exact words."""

# Messages and values are kept whole.
# ruff: noqa: E501

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.repository import QUERY, TODAY, exclusion, found, rule
from fpctl.audit.registry import checks
from fpctl.history.daily_series import DayHits
from fpctl.history.records import HitTotals, StoredDrift, StoredRun
from fpctl.repository.approval_snapshot import base_hash

MD5 = "0f343b0931126a20f133d67c2b018a3b"
SHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
POWERSHELL = "9F914D42706FE215501044ACD85A32D58AAEF1419D404FDDFA5D3B48F66CCD9F"
SEEN = {"on": "2026-11-01", "rules": {"rmm": base_hash(QUERY)}}


def ex(number: int = 1, **keys: Any) -> str:
    return exclusion(id=f"fp-{number}", **keys)


def on(number: int = 1, **match: Any) -> str:
    """Return an exclusion with this match."""
    return exclusion(id=f"fp-{number}", match=match)


def ago(days: int) -> datetime:
    return datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(days=days)


def hits(id: str = "fp-1", days: tuple[tuple[int, int, int | None], ...] = (), **keys: Any) -> HitTotals:
    """Return totals with a trend of (days ago, runs, rows)."""
    trend = tuple(DayHits(TODAY - timedelta(days=back), runs, rows) for back, runs, rows in days)
    return HitTotals(id, first_day=trend[0].day if trend else None, trend=trend, **keys)


def run(before: int | None, suppressed: int | None, days: int = 1, **keys: Any) -> StoredRun:
    values = {"id": 1, "rule": "rmm", "rule_name": "RMM connection", "engine": "local", "status": "ok", **keys}
    return StoredRun(
        **values, started=ago(days), finished=ago(days), range_start=None, range_end=None, base_hash="h",
        tuned_hash="t", rows_before=before, rows_suppressed=suppressed, result_rows=None, error=None,
    )  # fmt: skip


def placed(place: str) -> dict[str, Any]:
    """Return an approval that saw the clause there."""
    return {**SEEN, "places": {"rmm": place}}


def noticed(exclusion: str, kind: str, message: str, days: int = 1) -> StoredDrift:
    return StoredDrift(1, ago(days), "rmm", "RMM connection", exclusion, kind, message)


Case = tuple[str, list[str], dict[str, Any], list[str]]

CASES: list[Case] = [
    ("FP901", [ex(1), "id: fp-2\nrules: [rmm]\nmatch: {device: [build01]}\nreson: x\n"], {}, [
        "error exclusions/2.yaml:4:1: unknown key `reson` [unknown-key] | None",
    ]),
    ("FP901", [ex(1, rules=["gone"])], {}, []),
    ("FP101", [ex(1, expires="2026-11-21"), ex(2, expires="2026-11-24"), ex(3, expires="2026-11-25"),
               ex(4, expires="2026-11-20", status="retired")], {}, [
        'warning exclusions/1.yaml:9:10: fp-1 expired 3 days ago, on 2026-11-21: it suppresses nothing any more | '
        'fpctl retire fp-1 --reason "..."',
        'warning exclusions/2.yaml:9:10: fp-2 expired today: it suppresses nothing any more | '
        'fpctl retire fp-2 --reason "..."',
    ]),
    ("FP102", [ex(1, expires="2026-12-24"), ex(2, expires="2026-12-25"), ex(3, expires="2026-11-25"),
               ex(4, expires="2026-11-25", status="draft"), ex(5, expires="2026-11-24")], {}, [
        "note exclusions/1.yaml:9:10: fp-1 expires in 30 days, on 2026-12-24 | fpctl renew fp-1 --until 90d",
        "note exclusions/3.yaml:9:10: fp-3 expires in 1 day, on 2026-11-25 | fpctl renew fp-3 --until 90d",
    ]),
    ("FP102", [ex(1, expires="2026-12-24")], {"policy": "[policy.lifetime]\nwarn = 29\n"}, []),
    ("FP103", [ex(1, expires=None), ex(2), ex(3, expires=None, status="retired")], {}, [
        "error exclusions/1.yaml:1: fp-1 has no `expires`: it never stops suppressing | "
        "fpctl renew fp-1 --until 184d",
    ]),
    ("FP103", [ex(1, expires=None)], {"policy": "[policy]\nrequire = []\n"}, []),
    ("FP104", [ex(1, expires="2027-05-05"), ex(2, expires="2027-05-04"), ex(3, created=None, expires="2030-01-01")], {}, [
        "error exclusions/1.yaml:9:10: fp-1 is valid for 185 days from `created` on 2026-11-01 to 2027-05-05; at most 184 days "
        "are allowed by the policy | fpctl approve fp-1",
    ]),
    ("FP104", [ex(1, created="2026-01-01"), ex(2, created="2026-01-01", approval={"on": "2026-10-15"}),
               ex(3, created="2025-01-01", approval={"on": "2025-10-15"})], {}, [
        "error exclusions/1.yaml:9:10: fp-1 is valid for 455 days from `created` on 2026-01-01 to 2027-04-01; at most 184 days "
        "are allowed by the policy | fpctl approve fp-1",
        "error exclusions/3.yaml:9:10: fp-3 is valid for 533 days from its approval on 2025-10-15 to 2027-04-01; at most 184 "
        "days are allowed by the policy | fpctl approve fp-3",
    ]),
    ("FP104", [ex(1, rules=["RMM*"]), ex(2, match={"process": ["a.exe"]}, broad=True), ex(3, scenario="remote-reboot"),
               ex(4)], {"policy": "[policy.lifetime]\nsweeping = 60\nscenarios = {remote-reboot = 30}\n"}, [
        "error exclusions/1.yaml:9:10: fp-1 is valid for 151 days from `created` on 2026-11-01 to 2027-04-01; at most 60 days "
        "are allowed where a pattern chooses the rules | fpctl edit fp-1",
        "error exclusions/2.yaml:9:10: fp-2 is valid for 151 days from `created` on 2026-11-01 to 2027-04-01; at most 92 days "
        "are allowed where no device, URL or hash is named | fpctl edit fp-2",
        "error exclusions/3.yaml:9:10: fp-3 is valid for 151 days from `created` on 2026-11-01 to 2027-04-01; at most 30 days "
        "are allowed in the scenario remote-reboot | fpctl edit fp-3",
    ]),
    ("FP201", [ex(1, owner=None), ex(2, owner="' '"), ex(3)], {}, [
        "error exclusions/1.yaml:1: fp-1 has no `owner`: nobody is responsible for it | fpctl edit fp-1",
        "error exclusions/2.yaml:7:8: fp-2 has no `owner`: nobody is responsible for it | fpctl edit fp-2",
    ]),
    ("FP202", [ex(1, reason=None), ex(2)], {}, [
        "error exclusions/1.yaml:1: fp-1 has no `reason`: nobody can tell when it is no longer needed | fpctl edit fp-1",
    ]),
    ("FP203", [ex(1, ticket=None), ex(2)], {}, [
        "error exclusions/1.yaml:1: fp-1 has no `ticket`: the work that it allows cannot be looked up | fpctl edit fp-1",
    ]),
    ("FP203", [ex(1, ticket=None)], {"policy": '[policy]\nrequire = ["owner"]\n'}, []),
    ("FP204", [ex(1, ticket="tbd"), ex(2, ticket="SEC-42"), ex(3, ticket='"#17"'), ex(4, ticket="CHG1 later")], {}, [
        "error exclusions/1.yaml:6:9: `tbd` of fp-1 does not look like a ticket: the policy's pattern is "
        "`([A-Z][A-Z0-9_]*-?|#)[0-9]+` | fpctl edit fp-1",
        "error exclusions/4.yaml:6:9: `CHG1 later` of fp-4 does not look like a ticket: the policy's pattern is "
        "`([A-Z][A-Z0-9_]*-?|#)[0-9]+` | fpctl edit fp-4",
    ]),
    ("FP204", [ex(1, ticket="tbd")], {"policy": '[policy]\nticket = "[a-z]+"\n'}, []),
    ("FP205", [ex(1, title=None, created=None), ex(2)], {}, [
        "error exclusions/1.yaml:1: fp-1 has no `created`, which the policy requires | fpctl edit fp-1",
        "error exclusions/1.yaml:1: fp-1 has no `title`, which the policy requires | fpctl edit fp-1",
    ]),
    ("FP206", [ex(1, approved_by=None), ex(2, approved_by=None, status="draft"),
               ex(3, approved_by=None, status="shadow"), ex(4)], {}, [
        "error exclusions/1.yaml:1: nobody approved fp-1: the policy requires an approval for every exclusion | "
        "fpctl approve fp-1",
        "error exclusions/3.yaml:1: nobody approved fp-3: the policy requires an approval for every exclusion | "
        "fpctl approve fp-3",
    ]),
    ("FP206", [ex(1, approved_by=None), ex(2, approved_by=None, match={"device": ["a1"], "process": ["x.exe"]})],
     {"policy": '[policy.approval]\nneeded = "fields"\n'}, [
        "error exclusions/2.yaml:1: nobody approved fp-2: it matches on `process` | fpctl approve fp-2",
    ]),
    ("FP206", [ex(1, approved_by=None)], {"policy": '[policy.approval]\nneeded = "never"\n'}, []),
    ("FP207", [ex(1, approved_by="A.Rossi@contoso.com"), ex(2)], {}, [
        "error exclusions/1.yaml:10:14: a.rossi@contoso.com owns fp-1 and approved it | "
        "fpctl approve fp-1 --by SOMEBODY-ELSE",
    ]),
    ("FP207", [ex(1, approved_by="a.rossi@contoso.com")], {"policy": "[policy.approval]\ndiffers = false\n"}, []),
    ("FP211", [ex(1), ex(2, approved_by="Lead <lead@soc.contoso.com>"), ex(3, approved_by="c.neri@contoso.com")],
     {"policy": '[policy.approval]\napprovers = ["m.weber@contoso.com", "*@soc.contoso.com"]\n'}, [
        "error exclusions/3.yaml:10:14: c.neri@contoso.com approved fp-3, and is not one of the approvers of the policy | fpctl approve fp-3",
    ]),
    ("FP208", [ex(1, approval=SEEN), ex(2, approval={"on": "2026-11-01", "rules": {"rmm": "0" * 64}}), ex(3)], {}, [
        "warning exclusions/2.yaml:11:11: the query of `RMM connection` has changed since fp-2 was approved for it | "
        "fpctl approve fp-2",
    ]),
    ("FP209", [ex(1, rules=["*"], approval=SEEN), ex(2, approval=SEEN), ex(3, rules=["*"])],
     {"rules": [rule(), rule("new", "New rule")]}, [
        "warning exclusions/1.yaml:3:9: fp-1 reaches `New rule`, which it did not when it was approved | fpctl approve fp-1",
    ]),
    ("FP210", [ex(1), ex(2, approval=SEEN), ex(3, approved_by=None)], {}, [
        "note exclusions/1.yaml:10:14: what m.weber@contoso.com saw when approving fp-1 is not recorded: a change of its "
        "rules will not be noticed | fpctl approve fp-1 --by m.weber@contoso.com",
    ]),
    ("FP301", [ex(1, rules=["rmm", "RMM conection"]), ex(2, rules=["id:nope"]), ex(3, rules=["tag:x"]),
               ex(4, rules=["gone"], status="retired")], {}, [
        "error exclusions/1.yaml:3:16: fp-1 names the rule `RMM conection`, which does not exist (did you mean "
        "`RMM connection`?) | fpctl edit fp-1",
        "error exclusions/2.yaml:3:9: fp-2 names the rule `id:nope`, which does not exist | fpctl edit fp-2",
    ]),
    ("FP302", [ex(1, rules=["rmm", "tag:x"]), ex(2, rules=["RMM*"]), ex(3, rules=["gone"])], {}, [
        "warning exclusions/1.yaml:3:16: `tag:x` of fp-1 matches no rule | fpctl edit fp-1",
    ]),
    ("FP303", [on(1, device=["a1"], signer=["X"]), ex(2, rules=["*"], match={"device": ["a1"], "signer": ["X"]}), ex(3)],
     {}, [
        "error exclusions/1.yaml:3:9: fp-1 names `RMM connection` but suppresses nothing in it: no column of "
        "DeviceNetworkEvents holds the field signer [field-not-in-table] | fpctl explain rmm",
    ]),
    ("FP304", [ex(1, rules=["*"], match={"device": ["a1"], "signer": ["X"]}), on(2, device=["a1"], signer=["X"]),
               ex(3, rules=["*"]), ex(4, rules=["table:DeviceNetworkEvents"], match={"device": ["a1"], "signer": ["X"]})],
     {"rules": [rule(), rule("b", "B", query="DeviceProcessEvents | take 5")]}, [
        "warning exclusions/1.yaml:3:8: fp-1 applies to 2 rules but suppresses nothing in any of them [field-not-in-table] | "
        "fpctl edit fp-1",
        "warning exclusions/4.yaml:3:8: fp-4 applies to 1 rule but suppresses nothing in any of them [field-not-in-table] | "
        "fpctl edit fp-4",
    ]),
    ("FP305", [ex(1), ex(2, rules=["b"])], {"rules": [rule(), rule("b", "B", query="DeviceProcessEvents\n| where (")]}, [
        "error rules/2.yaml:5:12: the rule `B` cannot be planned, so its exclusions suppress nothing in it: expected an "
        "expression, but the text ends | fpctl rules lint b",
    ]),
    ("FP312", [ex(1)], {"rules": [rule(kind="Scheduled", queryFrequency="1h", triggerOperator="lt", triggerThreshold=5)]}, [
        "warning rules/1.yaml:1: `RMM connection` has exclusions: the rule fires on a result count that is less than 5: "
        "fewer rows can make it fire | fpctl explain rmm",
    ]),
    ("FP312", [ex(1)], {"rules": [rule(kind="Scheduled", queryFrequency="1h", triggerOperator="gt", triggerThreshold=5)]}, []),
    ("FP401", [on(1, device=["build01", "build02"]), on(2, device=["BUILD02", "build01"]), on(3, device=["build01"])], {}, [
        "warning exclusions/2.yaml:1: fp-2 is the same as fp-1: the same rules, days, hours and match | "
        'fpctl retire fp-2 --reason "the same as fp-1"',
    ]),
    ("FP402", [on(1, device=["build*"]), on(2, device=["build01"]), ex(3, expires="2027-05-01"),
               ex(4, match={"device": ["build02"]}, status="draft"), on(5, device=["build*"])], {}, [
        "warning exclusions/2.yaml:1: everything that fp-2 suppresses, fp-1 suppresses too: its device `build*` covers "
        '`build01` | fpctl retire fp-1 --reason "fp-2 is narrower"',
    ]),
    ("FP402", [on(1, url=["contoso.com"]), on(2, url=["deploy.contoso.com"], process=["a.exe"]),
               on(3, url=["contoso.com.evil.net"])], {}, [
        "warning exclusions/2.yaml:1: everything that fp-2 suppresses, fp-1 suppresses too: its url `contoso.com` covers "
        '`deploy.contoso.com` | fpctl retire fp-1 --reason "fp-2 is narrower"',
    ]),
    ("FP402", [on(1, device=["a1"], ip=["10.1.0.0/16"]), on(2, device=["a1"], ip=["10.1.2.3"])], {}, [
        "warning exclusions/2.yaml:1: everything that fp-2 suppresses, fp-1 suppresses too: its ip `10.1.0.0/16` covers "
        '`10.1.2.3` | fpctl retire fp-1 --reason "fp-2 is narrower"',
    ]),
    ("FP402", [on(1, device=["a1", "a2", "a3"]), on(2, device=["a3", "a1"])], {}, [
        "warning exclusions/2.yaml:1: everything that fp-2 suppresses, fp-1 suppresses too: its device list holds every "
        'value of the other | fpctl retire fp-1 --reason "fp-2 is narrower"',
    ]),
    ("FP402", [on(1, device=["a1"]), on(2, device=["a1"], process=["x.exe"])], {}, [
        "warning exclusions/2.yaml:1: everything that fp-2 suppresses, fp-1 suppresses too, whatever the process | "
        'fpctl retire fp-1 --reason "fp-2 is narrower"',
    ]),
    ("FP402", [ex(1, rules=["*"]), ex(2)], {"rules": [rule(), rule("b", "B")]}, [
        "warning exclusions/2.yaml:1: everything that fp-2 suppresses, fp-1 suppresses too, in these and other rules | "
        'fpctl retire fp-1 --reason "fp-2 is narrower"',
    ]),
    ("FP402", [ex(1, expires="2027-05-01"), ex(2)], {}, [
        "warning exclusions/2.yaml:1: everything that fp-2 suppresses, fp-1 suppresses too, and at other times too | "
        'fpctl retire fp-1 --reason "fp-2 is narrower"',
    ]),
    ("FP402", [exclusion(id="fp-1", match=[{"device": ["a1"]}, {"device": ["a2"]}]),
               on(2, device=["a1", "a2"], process=["x.exe"])], {}, [
        "warning exclusions/2.yaml:1: everything that fp-2 suppresses, fp-1 suppresses too | "
        'fpctl retire fp-1 --reason "fp-2 is narrower"',
    ]),
    # One that applies in part suppresses less here than its match says.
    ("FP402", [ex(1, match=[{"device": ["a1"]}, {"device": ["a2"], "signer": ["x"]}]), on(2, device=["a1"])], {}, []),
    ("FP403", [on(1, device=["a1"], process=["x.exe"]), on(2, device=["a1"], command_line=["/run"]),
               on(3, device=["a1"], process=["y.exe"]), on(4, device=["a2"], command_line=["/run"])], {}, [
        "note exclusions/2.yaml:4:20: fp-2 and fp-1 can suppress the same events, such as those of device `a1` | fpctl show fp-2",
        "note exclusions/3.yaml:4:20: fp-3 and fp-2 can suppress the same events, such as those of device `a1` | fpctl show fp-3",
    ]),
    ("FP403", [on(1, device=["a1.x.com"], process=["x.exe"]), on(2, device=["a1"], command_line=["/run"])], {}, [
        "note exclusions/2.yaml:4:19: fp-2 and fp-1 can suppress the same events, such as those of device `a1.x.com` | "
        "fpctl show fp-2",
    ]),
    # What is covered is told once.
    ("FP403", [on(1, device=["a1"]), on(2, device=["a1"], command_line=["/run"]), on(3, device=["a1"], process=["x"])], {}, []),
    ("FP404", [*(on(n, device=[f"d{n}"], hash=[MD5]) for n in (1, 2, 3)), *(on(n, url=["x.com"]) for n in (4, 5)),
               *(on(n, device=[f"d{n}"], hash=["@lists/a.txt"]) for n in (6, 7, 8))], {"lists": {"a.txt": SHA1}}, [
        f"note exclusions/1.yaml:4:36: the hash `{MD5}` is in 3 exclusions: fp-1, fp-2, fp-3 | "
        f"fpctl list --matches {MD5}",
    ]),
    ("FP404", [on(n, url=["x.com"]) for n in (1, 2)], {"policy": "[policy.usage]\nrepeated = 2\n"}, [
        "note exclusions/1.yaml:4:17: the url `x.com` is in 2 exclusions: fp-1, fp-2 | fpctl list --matches x.com",
    ]),
    ("FP405", [on(1, hash=["@lists/a.txt"]), exclusion(id="fp-2", status="retired", match={"hash": ["@lists/b.txt"]})],
     {"lists": {"a.txt": MD5, "b.txt": MD5, "c.txt": MD5}}, [
        "note exclusions/lists/b.txt:1:1: no active exclusion uses the list lists/b.txt: fp-2 is over | "
        "fpctl lists check lists/b.txt",
        "note exclusions/lists/c.txt:1:1: no active exclusion uses the list lists/c.txt | rm exclusions/lists/c.txt",
    ]),
    # A value that a list file gives is found on its line there, and mended there.
    ("FP605", [on(1, url=["b.com", "@lists/a b.txt"])],
     {"lists": {"a b.txt": "# hosts\ncontoso.com\n\n  github.io # pages\n"}}, [
        "error exclusions/lists/a b.txt:4: anyone can put content on github.io, which `github.io` of fp-1 takes in | "
        "fpctl lists remove 'lists/a b.txt' github.io",
     ]),
    ("FP406", [on(1, url=["contoso.com", "@lists/a.txt"])], {"lists": {"a.txt": "x.com\nfiles.contoso.com\n"}}, [
        "note exclusions/lists/a.txt:2: the url `files.contoso.com` of fp-1 is covered by `contoso.com` next to it | "
        "fpctl lists remove lists/a.txt files.contoso.com",
     ]),
    ("FP405", ["id: fp-1\nmatch: {hash: ['@lists/a.txt']}\n"], {"lists": {"a.txt": MD5}}, []),
    ("FP406", [on(1, device=["build01", "build01.contoso.com", "build02"], ip=["10.1.2.3", "10.1.0.0/16"]),
               on(2, device=["x*", "y1"])], {}, [
        "note exclusions/1.yaml:4:31: the device `build01.contoso.com` of fp-1 is covered by `build01` next to it | "
        "fpctl edit fp-1",
        "note exclusions/1.yaml:4:73: the ip `10.1.2.3` of fp-1 is covered by `10.1.0.0/16` next to it | fpctl edit fp-1",
    ]),
    ("FP501", [ex(1, created="2026-09-01"), ex(2, created="2026-09-01"), ex(3, created="2026-11-01")],
     {"hits": [hits(days=((45, 1, 0), (1, 1, 0)), runs=60, rows=0, last_run=ago(1)),
               hits("fp-2", ((45, 1, 0), (1, 1, 0)), runs=60, rows=0, unknown_runs=1, last_run=ago(1)),
               hits("fp-3", ((45, 1, 0), (1, 1, 0)), runs=60, rows=0, last_run=ago(1))]}, [
        "warning exclusions/1.yaml:1: fp-1 has never had a hit, in 60 runs and 45 days | "
        'fpctl retire fp-1 --reason "never hit"',
    ]),
    ("FP501", [ex(1, created="2026-09-01")], {}, []),
    ("FP502", [ex(1), ex(2), ex(3)],
     {"hits": [hits(runs=60, rows=5, last_hit=ago(120), last_run=ago(0)),
               hits("fp-2", runs=6, rows=5, last_hit=ago(120), last_run=ago(100)),
               hits("fp-3", runs=6, rows=5, last_hit=ago(89), last_run=ago(0))]}, [
        "warning exclusions/1.yaml:1: fp-1 has had no hit for 120 days: the last was in the run of 2026-07-27 | "
        'fpctl retire fp-1 --reason "no hit since 2026-07-27"',
    ]),
    ("FP503", [ex(n, approval={"on": "2026-06-01"}) for n in (1, 2, 3)] + [ex(4, approval={"on": "2026-11-10"})],
     {"hits": [hits(days=((180, 2, 70), (170, 1, 35), (3, 1, 4000), (1, 1, 4400)), runs=5, rows=9000),
               hits("fp-2", ((180, 2, 700), (1, 1, 3400)), runs=5, rows=9000),
               hits("fp-3", ((180, 2, 2), (1, 1, 99)), runs=5, rows=101),
               hits("fp-4", ((15, 2, 70), (1, 1, 4400)), runs=5, rows=9000)]}, [
        "warning exclusions/1.yaml:1: fp-1 suppresses 4,200 events a run in the last 14 days; around its approval on "
        "2026-06-01 it was 35 | fpctl hits --exclusion fp-1",
    ]),
    ("FP503", [ex(1, created="2026-06-01", approval=None)],
     {"hits": [hits(days=((170, 1, 3), (1, 1, 400)), runs=2, rows=403)]}, [
        "warning exclusions/1.yaml:1: fp-1 suppresses 400 events a run in the last 14 days; around its approval on "
        "2026-06-01 it was 3 | fpctl hits --exclusion fp-1",
    ]),
    ("FP504", [ex(1)], {"hits": [], "runs": [run(12406, 12406), run(500, 100, 2)]}, [
        "warning rules/1.yaml:4:3: in the run of 2026-11-23 exclusions suppressed all 12,406 events of `RMM connection` | "
        "fpctl hits --rule rmm",
    ]),
    ("FP504", [ex(1)], {"hits": [], "runs": [run(500, 100), run(500, 500, 2)]}, []),
    ("FP504", [ex(1)], {"hits": [], "runs": [run(99, 99), run(None, None, status="failed")]}, []),
    ("FP505", [ex(1), ex(2), ex(3)], {"hits": [hits(runs=3, rows=1208, unique=0), hits("fp-2", runs=3, rows=1208, unique=1),
                                              hits("fp-3", runs=3, rows=1208)]}, [
        "note exclusions/1.yaml:1: other exclusions suppress all 1,208 events that fp-1 suppresses | "
        'fpctl retire fp-1 --reason "others suppress the same"',
    ]),
    ("FP317", [ex(1, rules=["*"], match={"signer": ["x"]}, broad=True, approval=placed("DeviceFileEvents: after where")),
               ex(2, approval=placed("DeviceNetworkEvents: after where")), ex(3), ex(4, rules=["*"], approval=SEEN)], {}, [
        "warning exclusions/1.yaml:12:11: fp-1 suppresses nothing in `RMM connection` any more, where its clause was on "
        "DeviceFileEvents: after where: no column of DeviceNetworkEvents holds the field signer [field-not-in-table] | fpctl approve fp-1",
    ]),
    ("FP318", [ex(1, approval=placed("NetworkEvents_CL: after where")),
               ex(2, approval=placed("DeviceNetworkEvents: after where"))], {}, [
        "warning exclusions/1.yaml:11:11: the clause of fp-1 in `RMM connection` was on NetworkEvents_CL: after where when "
        "it was approved and is now on DeviceNetworkEvents: after where | fpctl approve fp-1",
    ]),
    ("FP319", [ex(1, approval=placed("DeviceNetworkEvents: after source in let T")), ex(2),
               ex(3, approval=placed("DeviceNetworkEvents: after where")), ex(4, approval=placed("Other: after where"))], {}, [
        "warning exclusions/1.yaml:11:11: the clause of fp-1 in `RMM connection` was on DeviceNetworkEvents: after source in "
        "let T when it was approved and is now on DeviceNetworkEvents: after where | fpctl approve fp-1",
    ]),
    ("FP506", [ex(1), ex(2, approval={"on": "2026-11-24"}), ex(3, approval={"on": "2026-11-23"}), ex(4, status="draft")], {
        "hits": [], "drift": [noticed("fp-1", "unusual-hits", "now"), noticed("fp-1", "unusual-hits", "before", 2),
                              noticed("fp-2", "unusual-hits", "x"), noticed("fp-3", "unusual-hits", "y"),
                              noticed("fp-4", "unusual-hits", "z"), noticed("fp-9", "unusual-hits", "gone")]}, [
        "warning exclusions/1.yaml:1: in the run of 2026-11-23 now | fpctl preview fp-1",
        "warning exclusions/3.yaml:1: in the run of 2026-11-23 y | fpctl preview fp-3",
    ]),
    ("FP507", [ex(1), ex(2)], {"hits": [], "drift": [noticed("fp-1", "new-devices", "a"), noticed("fp-2", "unusual-hits", "b")]}, [
        "warning exclusions/1.yaml:1: in the run of 2026-11-23 a | fpctl preview fp-1",
    ]),
    ("FP613", [ex(1, broad=True, match={"process": ["powershell.exe"]}, expires=None), ex(2),
               ex(3, broad=True, match={"process": ["powershell.exe"]}, expires=None, status="retired")], {}, [
        "warning exclusions/1.yaml:1: the risk of fp-1 is 93 of 100: no device, URL or hash is named (+35), it never expires "
        "(+20), process is the only field it matches on (+12) | fpctl show fp-1",
    ]),
    ("FP613", [ex(1, broad=True, match={"process": ["powershell.exe"]}, expires=None)], {"weights": {"high": 94}}, []),
    ("FP601", [ex(1, broad=True, match={"command_line": [".exe"]}), ex(2, broad=True, match={"where": "isnotempty(DeviceName)"}),
               ex(3, broad=True, match={"ip": ["0.0.0.0/1", "128.0.0.0/1"]}),
               ex(4, broad=True, match={"process": ["*e*"], "where": "RemotePort != 443"}),
               on(5, device=["a1"], command_line=[".exe"]), ex(6, broad=True, match={"command_line": ["shutdown"]})], {}, [
        "error exclusions/1.yaml:4:25: fp-1 matches nearly every event: command_line `.exe` | fpctl edit fp-1",
        "error exclusions/2.yaml:4:18: fp-2 matches nearly every event: where `isnotempty(DeviceName)` | fpctl edit fp-2",
        "error exclusions/3.yaml:4:15: fp-3 matches nearly every event: ip `0.0.0.0/1` | fpctl edit fp-3",
        "error exclusions/4.yaml:4:20: fp-4 matches nearly every event: process `*e*` and where `RemotePort != 443` | "
        "fpctl edit fp-4",
    ]),
    ("FP602", [ex(1, broad=True, match={"process": ["x.exe"], "command_line": ["/run"]}), on(2, device=["a1"], process=["x.exe"]),
               ex(3, broad=True, match={"process": ["x.exe"], "account": ["svc"]})], {}, [
        "warning exclusions/1.yaml:4:20: fp-1 matches on process and command_line alone, which an attacker can choose | "
        "fpctl edit fp-1",
    ]),
    ("FP603", [on(1, device=["a1"], path=["C:\\Users\\Public\\agent", "C:\\Program Files\\x", "/tmp/x", "C:\\UsersX"]),
               on(2, hash=[MD5], path=["C:\\Temp"]), on(3, device=["a1"], path=["C:\\Windows\\Temp\\ok", "D:\\Drop\\x"])],
     {"policy": "[policy.forbidden]\nallowed = ['C:\\Windows\\Temp\\ok']\nfolders = ['*:\\Drop']\n"}, [
        "warning exclusions/1.yaml:4:36: every user can write to `C:\\Users\\Public\\agent` of fp-1, and no hash or signer restricts the file"
        " | fpctl edit fp-1",
        "warning exclusions/1.yaml:4:88: every user can write to `/tmp/x` of fp-1, and no hash or signer restricts the file"
        " | fpctl edit fp-1",
        "warning exclusions/3.yaml:4:61: every user can write to `D:\\Drop\\x` of fp-3, and no hash or signer restricts the file"
        " | fpctl edit fp-3",
    ]),
    ("FP604", [on(1, device=["*.contoso.com"], process=["*_agent.exe", "*log*"]), on(2, device=["build*"])], {}, [
        "warning exclusions/1.yaml:4:20: `*.contoso.com` of fp-1 matches every host whose name ends in `.contoso.com` | "
        "fpctl edit fp-1",
        "warning exclusions/1.yaml:4:50: `*_agent.exe` of fp-1 matches every program whose name ends in `_agent.exe` | "
        "fpctl edit fp-1",
        "warning exclusions/1.yaml:4:65: `*log*` of fp-1 matches every program whose name contains `log` | fpctl edit fp-1",
    ]),
    ("FP605", [on(1, url=["blob.core.windows.net"]), on(2, url=["contoso.blob.core.windows.net"]), on(3, url=["windows.net"]),
               on(4, url=["github.com"]), on(5, url=["github.com/contoso"]), on(6, url=["https://raw.githubusercontent.com/"]),
               on(7, url=["cdn.example.org"]), on(8, url=["contoso.com"]), on(9, url=["pastebin.com"])],
     {"policy": '[policy.forbidden]\ndomains = ["cdn.example.org"]\nallowed = ["pastebin.com"]\n'}, [
        "error exclusions/1.yaml:4:17: anyone can put content on blob.core.windows.net, which `blob.core.windows.net` of "
        "fp-1 takes in | fpctl edit fp-1",
        "error exclusions/3.yaml:4:17: anyone can put content on blob.core.windows.net, which `windows.net` of fp-3 takes "
        "in | fpctl edit fp-3",
        "error exclusions/4.yaml:4:17: anyone can put content on github.com, which `github.com` of fp-4 takes in | "
        "fpctl edit fp-4",
        "error exclusions/6.yaml:4:17: anyone can put content on raw.githubusercontent.com, which "
        "`https://raw.githubusercontent.com/` of fp-6 takes in | fpctl edit fp-6",
        "error exclusions/7.yaml:4:17: anyone can put content on cdn.example.org, which `cdn.example.org` of fp-7 takes in | "
        "fpctl edit fp-7",
    ]),
    ("FP606", [on(1, url=["http://8.8.8.8/agent"]), on(2, url=["10.0.0.1", "http://[fd00::1]/"]),
               on(3, url=["http://[2606:4700::1]/"])], {}, [
        "warning exclusions/1.yaml:4:17: the URL `http://8.8.8.8/agent` of fp-1 is a public address: its owner can change at any time"
        " | fpctl edit fp-1",
        "warning exclusions/3.yaml:4:17: the URL `http://[2606:4700::1]/` of fp-3 is a public address: its owner can change at any time"
        " | fpctl edit fp-3",
    ]),
    ("FP607", [on(1, url=["xn--pple-43d.com"]), on(2, url=["contoso.com"]), on(3, url=["bücher.example"])], {}, [
        "warning exclusions/1.yaml:4:17: the host of `xn--pple-43d.com` of fp-1 has letters that resemble others "
        "(`аpple.com`) | fpctl edit fp-1",
        "warning exclusions/3.yaml:4:17: the host of `bücher.example` of fp-3 has letters that resemble others "
        "(`xn--bcher-kva.example` on the wire) | fpctl edit fp-3",
    ]),
    ("FP608", [on(1, hash=[POWERSHELL]), on(2, hash=[MD5], process=["PowerShell.exe"]),
               on(3, device=["a1"], hash=[POWERSHELL], process=["powershell.exe"]), on(4, hash=[MD5], process=["agent.exe"]),
               on(5, hash=[SHA1])], {"policy": f'[policy.forbidden]\nhashes = ["{SHA1.upper()}"]\n'}, [
        f"error exclusions/1.yaml:4:18: `{POWERSHELL}` of fp-1 is a hash of powershell.exe of Windows 10, on every device | "
        "fpctl edit fp-1",
        "error exclusions/2.yaml:4:67: the hashes of fp-2 are of powershell.exe, a script host, on every device: it runs "
        "whatever it is given | fpctl edit fp-2",
        f"error exclusions/5.yaml:4:18: `{SHA1}` of fp-5 is a hash of a program that the policy forbids, on every device | "
        "fpctl edit fp-5",
    ]),
    ("FP609", [on(1, url=["contoso.com"], process=["PowerShell.exe", "psexec*", "agent.exe"]),
               on(2, device=["a1"], process=["cmd.exe"]), on(3, url=["contoso.com"], process=["own.exe", "bash"])],
     {"policy": '[policy.forbidden]\nprocesses = ["OWN.exe"]\nallowed = ["bash"]\n'}, [
        "error exclusions/1.yaml:4:45: `PowerShell.exe` of fp-1 is a script host, and no device is named | fpctl edit fp-1",
        "error exclusions/1.yaml:4:63: `psexec*` of fp-1 covers psexec.exe, an administration tool, and no device is named | "
        "fpctl edit fp-1",
        "error exclusions/3.yaml:4:45: `own.exe` of fp-3 is a program that the policy forbids, and no device is named | "
        "fpctl edit fp-3",
    ]),
    ("FP610", [on(1, device=["a"], ip=["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"])], {}, [
        "error exclusions/1.yaml:4:33: the network `10.0.0.0/8` of fp-1 is wider than /16, the widest that the policy "
        "allows | fpctl edit fp-1",
        "error exclusions/1.yaml:4:62: the network `2001:db8::/32` of fp-1 is wider than /48, the widest that the policy "
        "allows | fpctl edit fp-1",
    ]),
    ("FP610", [on(1, device=["a"], ip=["10.0.0.0/8"])], {"policy": "[policy.forbidden]\nprefix_v4 = 8\n"}, []),
    ("FP611", [on(1, device=["a*", "bui*"], process=["*x.exe"])], {}, [
        "warning exclusions/1.yaml:4:20: `a*` of fp-1 is little more than a wildcard | fpctl edit fp-1",
        "warning exclusions/1.yaml:4:47: `*x.exe` of fp-1 is little more than a wildcard | fpctl edit fp-1",
    ]),
    ("FP612", [on(1, device=["a1"], where="not(RemotePort == 443)"), on(2, device=["a1"], where="RemotePort == 443")], {}, [
        "warning exclusions/1.yaml:4:36: `where` of fp-1 is true for nearly every event, so it narrows nothing | fpctl edit fp-1",
    ]),
    ("FP614", [
        on(1, account=["svc"], ip=["10.1.2.3"]),
        on(2, account=["svc"], ip=["10.1.2.3"], url=["a.contoso.com"]),
        exclusion(id="fp-3", match={"account": ["svc"], "ip": ["10.1.2.3"]}, broad=True),
        on(4, account=["svc"], app=["0a1b2c3d-0000-4000-8000-000000000001"]),
    ], {}, [
        "error exclusions/1.yaml:4:20: fp-1 matches on account and ip, which does not identify an event of RMM connection (endpoints): it is broad there | fpctl edit fp-1",
    ]),
]  # fmt: skip

MAIL = "DeviceInfo\n| project Timestamp, DeviceName, ReportId\n| join kind=inner (EmailUrlInfo | project ReportId, Url) on ReportId\n"

PLANNED: list[tuple[str, str, str, str]] = [
    ("FP311", on(1, device=["a1"]), QUERY + "| summarize Total = count()\n| where Total < 5\n",
     "warning exclusions/1.yaml:3:9: fp-1 in `RMM connection` (line 5): where: "),
    ("FP313", on(1, device=["a1"]), "DeviceNetworkEvents\n| project DeviceName\n",
     "note exclusions/1.yaml:3:9: fp-1 in `RMM connection` (line 2): no time column is certain to be there"),
    ("FP314", on(1, device=["a1"]), "MyTable_CL\n| where x == 1\n",
     "note exclusions/1.yaml:3:9: fp-1 in `RMM connection` (line 2): the columns of this table are not known"),
    ("FP315", exclusion(id="fp-1", match=[{"device": ["a1"]}, {"device": ["a2"], "signer": ["x"]}]), QUERY,
     "note exclusions/1.yaml:3:9: fp-1 in `RMM connection`: alternative 2 of the match "),
    ("FP316", on(1, device=["a1"], url=["contoso.com"]), MAIL,
     "note exclusions/1.yaml:3:9: fp-1 in `RMM connection` (line 3): the fields come from different events of a joined row"),
]  # fmt: skip
"""Findings whose words come from the plan: (code, exclusion, query, how the finding begins)."""


@pytest.mark.parametrize(
    ("code", "exclusions", "keys", "expected"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_a_check_finds_what_it_is_for_and_nothing_else(
    tmp_path: Path, code: str, exclusions: list[str], keys: dict[str, Any], expected: list[str]
) -> None:
    assert found(tmp_path, code, *exclusions, **keys) == expected


@pytest.mark.parametrize(("code", "text", "query", "begins"), PLANNED, ids=[case[0] for case in PLANNED])
def test_a_warning_of_the_plan_is_a_finding(tmp_path: Path, code: str, text: str, query: str, begins: str) -> None:
    (only,) = found(tmp_path, code, text, rules=[rule(query=query)])
    assert only.startswith(begins)
    assert only.endswith(" | fpctl explain rmm")


@pytest.mark.parametrize("code", [case[0] for case in PLANNED])
def test_a_plan_without_warnings_has_no_such_finding(tmp_path: Path, code: str) -> None:
    plain = "DeviceNetworkEvents\n| where RemotePort == 443\n"
    assert found(tmp_path, code, on(1, device=["a1"]), rules=[rule(query=plain)]) == []


def test_every_check_is_tested() -> None:
    assert {check.code for check in checks()} == {case[0] for case in (*CASES, *PLANNED)}


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.code)
def test_a_sound_exclusion_gives_no_finding(tmp_path: Path, check: Any) -> None:
    sound = exclusion(match={"device": ["build01"], "process": ["agent.exe"]}, approval=SEEN)
    assert (
        found(tmp_path, check.code, sound, hits=[hits(runs=3, rows=7, unique=7, last_hit=ago(1), last_run=ago(1))])
        == []
    )


def test_findings_are_the_same_on_another_day_only_where_days_count(tmp_path: Path) -> None:
    text = exclusion(expires="2026-11-25")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert found(tmp_path / "a", "FP101", text, today=date(2026, 11, 24)) == []
    assert len(found(tmp_path / "b", "FP101", text, today=date(2026, 11, 25))) == 1
