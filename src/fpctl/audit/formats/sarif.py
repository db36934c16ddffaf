"""SARIF 2.1.0, for code scanning on GitHub, Azure DevOps and in editors.

Source: OASIS, Static Analysis Results Interchange Format Version 2.1.0
(https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
"""

from __future__ import annotations

from pathlib import PurePath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from fpctl import __version__
from fpctl.audit.check import Check
from fpctl.audit.finding import Finding
from fpctl.audit.formats.report import Report
from fpctl.audit.registry import check_named
from fpctl.errors import Location
from fpctl.text.visible import json_text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "fpctl/v1"


def render(report: Report) -> str:
    """Return one run with a rule for each check that found something."""
    codes = sorted({finding.code for finding in report.findings})
    checks = [check_named(code) for code in codes]
    run = {
        "tool": {
            "driver": {"name": "fpctl", "semanticVersion": __version__, "rules": [_rule(check) for check in checks]}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes.index(finding.code)) for finding in report.findings],
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(check: Check) -> dict[str, Any]:
    return {
        "id": check.code,
        "name": "".join(word.capitalize() for word in check.slug.split("-")),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": f"{check.title}."},
        "help": {
            "text": f"{_without_markup(check.why)}\n\n{_without_markup(check.remedy)}",
            "markdown": f"{check.why}\n\n{check.remedy}",
        },
        "defaultConfiguration": {"level": check.severity},
    }


def _without_markup(text: str) -> str:
    return text.replace("`", "").replace("*", "")


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": _place(finding.at)}],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": {
            key: value
            for key, value in (("exclusion", finding.exclusion), ("rule", finding.rule), ("fix", finding.fix))
            if value is not None
        },
    }
    if finding.related is not None:
        result["relatedLocations"] = [{"id": 1, "physicalLocation": _place(finding.related)}]
    return result


def _place(at: Location) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(at.path or "")}}
    if at.line is not None:
        place["region"] = {"startLine": at.line} | ({"startColumn": at.column} if at.column is not None else {})
    return place


def uri(path: str) -> str:
    """Return a path as a URI: a relative one stays relative, so that it is found in any checkout."""
    windows = PureWindowsPath(path)
    if windows.drive and windows.root:
        return windows.as_uri()
    shown = PurePath(path)
    if shown.is_absolute():
        return shown.as_uri()
    return quote(path.replace("\\", "/").removeprefix("./"), safe="/~")
