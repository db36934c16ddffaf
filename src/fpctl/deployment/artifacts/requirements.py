"""What a target asks of a tuned rule: its columns, lengths and times. Unmet ones are reported, and nothing is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from itertools import pairwise

from fpctl.deployment.artifacts.alert_rule import SEVERITIES
from fpctl.deployment.artifacts.detection_rule import CONTINUOUS, ENTITY_COLUMNS, frequency_of
from fpctl.deployment.artifacts.entities import oddities
from fpctl.durations import duration
from fpctl.engine.defender.unified import differences
from fpctl.errors import Location, Problem, Severity
from fpctl.kql.binder import Scope
from fpctl.kql.lexer import tokenize
from fpctl.repository.lint import QUERY_LIMIT
from fpctl.rewrite.plan.tables_read import tables_read
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule
from fpctl.schema.tables import Tables

_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=14)
LONG_PERIOD, LONG_PERIOD_FREQUENCY = timedelta(days=2), timedelta(hours=1)
"""A longer look-back needs a lower frequency (Azure-Sentinel's validator, FrequencyLimitationForLongPeriodQuery)."""
MOST_WORKSPACES: Mapping[str, int] = {"scheduled": 20, "nrt": 1}
"""Workspaces that a rule reads, its own included (https://learn.microsoft.com/azure/sentinel/sentinel-service-limits)."""
MOST_MAPPINGS, MOST_IDENTIFIERS, MOST_DETAILS = 10, 3, 20
"""https://learn.microsoft.com/azure/sentinel/sentinel-service-limits"""
MOST_NAME, MOST_DESCRIPTION, MOST_THRESHOLD = 256, 5_000, 10_000
_LABEL = re.compile(r"[A-Za-z]\w{0,19}", re.ASCII)
"""These bounds are those of the validator of the Azure-Sentinel repository."""


def output_scope(tuned: TunedRule) -> Scope:
    """Return the columns that the tuned query returns, worked out from its own text."""
    results = tuned.tuned_query.results()
    if not results:
        return Scope({}, open=True)
    return tuned.tuned_analysis.columns_of(results[-1].pipeline).points[-1].scope


def sentinel_problems(rule: Rule, tuned: TunedRule, scope: Scope) -> list[Problem]:
    """Return what keeps a rule from being an analytics rule (errors), and what to know (warnings)."""
    if rule.kind not in ("scheduled", "nrt"):
        return []
    checks: tuple[Iterator[Problem], ...] = (
        _mapped_columns(rule, scope),
        _query_text(rule, tuned.tuned),
        _mappings(rule),
        _custom_details(rule),
        _severity(rule),
        _texts(rule),
        _workspaces(rule, tuned.tuned),
        _times(rule) if rule.kind == "scheduled" else iter(()),
    )
    return [problem for check in checks for problem in check]


def _mapped_columns(rule: Rule, scope: Scope) -> Iterator[Problem]:
    for column in sorted(rule.required_columns()):
        if column not in scope.columns and not scope.open:
            yield _problem(
                rule, "mapped-column",
                f"the rule's mappings need the column {column}, which the tuned query does not return",
                "return it, or remove it from the mappings",
            )  # fmt: skip


def _query_text(rule: Rule, query: str) -> Iterator[Problem]:
    if len(query) > QUERY_LIMIT:
        yield _problem(
            rule, "query-length",
            f"the tuned query has {len(query):,} characters; an analytics rule may have {QUERY_LIMIT:,}",
            "move lists to a watchlist or a saved function",
        )  # fmt: skip
    tokens = tokenize(query).texts
    for first, second in pairwise(tokens):
        if first in ("search", "union") and second == "*":
            yield _problem(
                rule, "forbidden-text", f"an analytics rule may not contain `{first} *`", "name the tables to read"
            )
        if (first, second) == ("adx", "("):
            yield _problem(
                rule, "forbidden-text", "an analytics rule may not read a cluster with `adx()`",
                "import the table into the workspace",
            )  # fmt: skip


def _mappings(rule: Rule) -> Iterator[Problem]:
    if len(rule.entity_mappings) > MOST_MAPPINGS:
        yield _problem(
            rule, "too-many-mappings",
            f"the rule maps {len(rule.entity_mappings)} entities; {MOST_MAPPINGS} are allowed",
        )  # fmt: skip
    for mapping in rule.entity_mappings:
        if len(mapping.columns) > MOST_IDENTIFIERS:
            yield _problem(
                rule, "too-many-mappings",
                f"the entity {mapping.entity_type} has {len(mapping.columns)} identifiers; "
                f"{MOST_IDENTIFIERS} are allowed",
            )  # fmt: skip
        for message, hint in oddities(mapping):
            yield _problem(rule, "entity-mapping", message, hint, severity="warning")


def _custom_details(rule: Rule) -> Iterator[Problem]:
    if len(rule.custom_details) > MOST_DETAILS:
        yield _problem(
            rule, "too-many-mappings", f"the rule has {len(rule.custom_details)} custom details; {MOST_DETAILS} allowed"
        )
    for label, _ in rule.custom_details:
        if not _LABEL.fullmatch(label):
            yield _problem(
                rule, "custom-detail", f"`{label}` cannot be the name of a custom detail",
                "it is at most 20 letters, digits and underscores, a letter first",
            )  # fmt: skip


def _severity(rule: Rule) -> Iterator[Problem]:
    if not rule.severity:
        yield _problem(rule, "no-severity", "the rule states no severity; a new rule gets Medium", severity="warning")
    elif rule.severity.capitalize() not in SEVERITIES:
        yield _problem(rule, "severity", f"Sentinel has no severity {rule.severity}", f"one of {', '.join(SEVERITIES)}")


def _workspaces(rule: Rule, query: str) -> Iterator[Problem]:
    """Yield an error where the query reads more workspaces than the service lets a rule read."""
    tokens = tokenize(query).texts
    named = {tokens[at + 2] for at in range(len(tokens) - 2) if tokens[at] == "workspace" and tokens[at + 1] == "("}
    most = MOST_WORKSPACES[rule.kind]
    if len(named) > most - 1:
        word = "analytics" if rule.kind == "scheduled" else "near-real-time"
        yield _problem(
            rule, "workspaces",
            f"the query reads {len(named)} workspaces besides its own; {word} rules read at most {most} in all",
            "split the rule, one for each group of workspaces",
        )  # fmt: skip


def _texts(rule: Rule) -> Iterator[Problem]:
    for key, text, most in (("name", rule.name, MOST_NAME), ("description", rule.description, MOST_DESCRIPTION)):
        if len(text) > most:
            yield _problem(rule, "text-length", f"the {key} has {len(text):,} characters; {most:,} are allowed")


def _times(rule: Rule) -> Iterator[Problem]:
    threshold = rule.trigger_threshold
    if threshold is not None and not 0 <= threshold <= MOST_THRESHOLD:
        yield _problem(rule, "threshold", f"`triggerThreshold` is {threshold:,}; 0 to {MOST_THRESHOLD:,} are allowed")
    frequency, back = (duration(text) if text else None for text in (rule.query_frequency, rule.query_period))
    for key, text, found in (
        ("queryFrequency", rule.query_frequency, frequency),
        ("queryPeriod", rule.query_period, back),
    ):
        if not text:
            yield _problem(rule, "schedule", f"the rule states no {key}", f"write `{key}: 1d`")
        elif found is None:
            yield _problem(rule, "schedule", f"`{key}` is not a valid duration: {text}", "write it as 5m, 1h or 1d")
        elif not _SHORTEST <= found <= _LONGEST:
            yield _problem(rule, "schedule", f"`{key}` is {text}; 5 minutes to 14 days are allowed")
    if frequency is None or back is None:
        return
    if back < frequency:
        yield _problem(
            rule, "schedule",
            f"the rule runs every {rule.query_frequency} and looks back {rule.query_period}: events between are missed",
            "make queryPeriod at least queryFrequency; the service refuses it otherwise",
        )  # fmt: skip
    if back >= LONG_PERIOD and frequency < LONG_PERIOD_FREQUENCY:
        yield _problem(
            rule, "schedule",
            f"the rule looks back {rule.query_period} and runs every {rule.query_frequency}; with a period of 2 days "
            "or more it may run once an hour at most",
            "set queryFrequency to 1h or more, or queryPeriod below 2d",
        )  # fmt: skip


@cache
def xdr_tables() -> frozenset[str]:
    """Return the names of the documented tables of Defender XDR."""
    return frozenset(Tables.packaged("xdr").tables())


def defender_problems(rule: Rule, tuned: TunedRule, scope: Scope, *, custom: bool = False) -> list[Problem]:
    """Return what keeps a rule from being a custom detection (errors), and what to know (warnings).

    Args:
        rule: the rule.
        tuned: its plan.
        scope: what the tuned query returns.
        custom: it reads Sentinel's tables only.
    """
    tables = tables_read(tuned)
    different = (_problem(rule, "other-table", text, severity="warning") for text in differences(tables))
    return [*_detection_columns(rule, tables, scope), *_detection_schedule(rule, custom), *different]


def _detection_columns(rule: Rule, tables: Sequence[str], scope: Scope) -> Iterator[Problem]:
    """https://learn.microsoft.com/defender-xdr/custom-detection-rules: required columns by table."""
    if scope.open:
        return
    has = scope.columns
    if "Timestamp" not in has and "TimeGenerated" not in has:
        yield _problem(
            rule, "detection-output", "a custom detection must return Timestamp, and the tuned query does not",
            "keep it in `project` and `summarize` (`arg_max(Timestamp, ...)` keeps one per group)",
        )  # fmt: skip
    known = xdr_tables()
    needs_report = not tables or any(table in known and not table.startswith("Alert") for table in tables)
    if needs_report and "ReportId" not in has:
        yield _problem(
            rule, "detection-output", "a custom detection must return ReportId, and the tuned query does not",
            "`summarize arg_max(Timestamp, ReportId)` keeps it",
        )  # fmt: skip
    mapped = {column for mapping in rule.entity_mappings for _, column in mapping.columns}
    if not any(column in has for column in ENTITY_COLUMNS) and not mapped & set(has):
        yield _problem(
            rule, "detection-output", "a custom detection must return a column that says whom it is about",
            "one of " + ", ".join(ENTITY_COLUMNS),
        )  # fmt: skip
    elif any(table.startswith("Device") for table in tables) and "DeviceId" not in has:
        yield _problem(
            rule, "detection-output",
            "without DeviceId in the result the alert cannot name the device as an affected entity",
            "keep DeviceId in `project` and `summarize`", severity="warning",
        )  # fmt: skip


def _detection_schedule(rule: Rule, custom: bool) -> Iterator[Problem]:
    if rule.query_frequency is None:
        return
    chosen = frequency_of(rule, custom=custom)
    if chosen is None:
        yield _problem(
            rule, "schedule",
            f"Defender does not run a detection every {rule.query_frequency}: the most frequent schedule is every hour",
            "make it continuous (`kind: NRT`, or the frequency 0), or run it every hour",
        )  # fmt: skip
    elif duration(chosen) != duration(rule.query_frequency) and chosen != CONTINUOUS:
        yield _problem(
            rule, "schedule",
            f"Defender does not run a detection every {rule.query_frequency}; it will run every {chosen}",
            severity="warning",
        )  # fmt: skip


def _problem(rule: Rule, code: str, message: str, hint: str | None = None, severity: Severity = "error") -> Problem:
    return Problem(code, message, Location(rule.path), hint, severity)
