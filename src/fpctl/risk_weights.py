"""What each point of the risk score weighs. `[risk]` of `fpctl.toml`; the defaults are those shipped.

Only numbers are here. `fpctl.exclusions.risk.score` says when a point is given; docs/tuning.md lists them all.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_Points = Annotated[int, Field(ge=-100, le=100)]


class RiskWeights(BaseModel):
    """`[risk]`: points of 100 for each reason; 0 turns a reason off.

    Attributes:
        unanchored: an alternative of the match names no device, URL or hash.
        one_field: an alternative names one field only.
        wildcard: a value has a `*`.
        many_values: more than 25 devices, URLs or hashes are named.
        estate: all devices seen are covered; a part of them gives that part of the points.
        traffic: all events at the clause are suppressed; a part of them gives that part.
        file_name: a process is identified by its name alone, without hash or signer.
        script_host: that process runs the commands it is given, and no command line, hash or URL says what.
        command_line: a text of the command line is matched, which whoever starts the process chooses.
        writable_path: a path lies where every user may write, and no hash or signer says what may be there.
        shared_host: a URL is a host on which anybody can put content.
        shared_program: a hash is that of a program that runs the commands it is given.
        raw_condition: a raw KQL condition, which is not read here.
        severity: the gravest rule is of high severity; medium gives half, low none.
        tactic: a rule is about credentials, command and control, lateral movement, exfiltration or impact.
        more_rules: many rules are affected: one point for each beyond the first, up to this many.
        endless: it never expires.
        long: it holds longer than half a year; longer than a quarter gives half.
        untested: no rule that it reaches has an event that must fire.
        window: it applies during certain hours only.
        pinned: a hash or signer identifies the file, in every alternative.
        tested: every rule that it reaches has an event that must fire.
        medium: the score from which the risk is called medium.
        high: the score from which it is called high.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True)

    unanchored: _Points = 35
    one_field: _Points = 12
    wildcard: _Points = 8
    many_values: _Points = 6
    estate: _Points = 20
    traffic: _Points = 15
    file_name: _Points = 6
    script_host: _Points = 12
    command_line: _Points = 6
    writable_path: _Points = 12
    shared_host: _Points = 20
    shared_program: _Points = 15
    raw_condition: _Points = 5
    severity: _Points = 10
    tactic: _Points = 8
    more_rules: _Points = 10
    endless: _Points = 20
    long: _Points = 8
    untested: _Points = 8
    window: _Points = -8
    pinned: _Points = -8
    tested: _Points = -6
    medium: _Points = 30
    high: _Points = 60
