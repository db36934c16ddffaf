"""Secrets out of captured events: what people must not find in a repository.

A value is replaced by `<removed>`, so that what is around it still makes the rule fire. What is
looked for is listed in `PATTERNS` and in docs/tuning.md; names of people, hosts and addresses stay.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, NamedTuple

REMOVED = "<removed>"


class Pattern(NamedTuple):
    """A kind of secret: its name, and an expression whose group `secret` is replaced."""

    name: str
    expression: re.Pattern[str]


_WORDS = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|client[_-]?secret"
    r"|credential)"
)
_QUOTED = r"\"[^\"]+\"|'[^']+'"
_OPTION_VALUE = rf"(?P<secret>{_QUOTED}|[^\s\"'<-]\S*)"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "private-key",
        re.compile(
            r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))", re.DOTALL
        ),
    ),
    Pattern("json-web-token", re.compile(r"(?P<secret>\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)")),
    Pattern(
        "cloud-key",
        re.compile(
            r"(?P<secret>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,})"
        ),
    ),
    Pattern("authorization", re.compile(r"(?i)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9+/=._~-]{8,})")),
    Pattern("url-user", re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://(?P<secret>[^\s/@:]*:[^\s/@]+)@")),
    Pattern(
        "url-parameter",
        re.compile(
            r"(?i)[?&](?:sig|signature|code|key|auth|sas|[\w-]*(?:token|secret|password|apikey|api_key))="
            r"(?P<secret>[^&#\s\"']+)"
        ),
    ),
    Pattern("assignment", re.compile(rf"(?i){_WORDS}[\"']?\s*[=:]\s*(?P<secret>{_QUOTED}|[^\s\"';&,)<]+)")),
    Pattern("option", re.compile(rf"(?i)(?<!\w)(?:--?|/){_WORDS}\s+{_OPTION_VALUE}")),
    Pattern(
        "short-option",
        re.compile(
            r"(?i)\b(?:sqlcmd|psexec(?:64)?|net|plink|pscp|mysql|mysqldump|bcp|curl|winrs|wmic)(?:\.exe)?\"?\s"
            rf"[^|;]*?\s(?:-pw|-p|/p:|-u\s+\S+:)\s*{_OPTION_VALUE}"
        ),
    ),
    Pattern("secure-string", re.compile(rf"(?i)ConvertTo-SecureString\s+(?:-String\s+)?{_OPTION_VALUE}")),
)
"""In the order in which they are tried."""


def scrubbed(value: Any, found: Counter[str]) -> Any:
    """Return a value without secrets; `found` counts what was removed, by the name of the pattern."""
    if isinstance(value, str):
        return _text(value, found)
    if isinstance(value, dict):
        return {
            key: REMOVED if _names_secret(key) and _removed(inner, found) else scrubbed(inner, found)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [scrubbed(item, found) for item in value]
    return value


_SECRET_KEY = re.compile(rf"(?i)(?:^|[_.-]){_WORDS}$|^[a-z]*(?:Password|Secret|Token)$")


def _names_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _removed(value: Any, found: Counter[str]) -> bool:
    if not isinstance(value, str) or not value or value == REMOVED:
        return False
    found["assignment"] += 1
    return True


def _text(text: str, found: Counter[str]) -> str:
    for pattern in PATTERNS:

        def replace(match: re.Match[str], name: str = pattern.name) -> str:
            secret = match["secret"]
            if secret.strip("\"'") == REMOVED:
                return match[0]
            found[name] += 1
            start, end = match.start("secret") - match.start(), match.end("secret") - match.start()
            return f"{match[0][:start]}{REMOVED}{match[0][end:]}"

        text = pattern.expression.sub(replace, text)
    return text
