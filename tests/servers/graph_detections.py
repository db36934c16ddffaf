"""Microsoft Graph v1.0 with the custom detections of one tenant, strict about what the documentation refuses.

https://learn.microsoft.com/graph/api/resources/security-detectionrule and the pages of its methods.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from servers.loopback import LoopbackServer, Misbehaviour, Request
from servers.request_schemas import ACTIONS, MAPPINGS, violations

PATH = "/v1.0/security/rules/detectionRules"
PAGE = 2
TEXT, LIST = str, list
FREQUENCIES = re.compile(r"PT0S|PT1H|PT3H|PT12H|P1D|PT(?:[5-9]|[1-5]\d)M|P(?:[1-9]|1[0-4])D|PT\d{1,2}H")


class Refused(Exception):
    """A body that the service answers with 400."""


class GraphDetectionsServer(LoopbackServer):
    """A tenant without etags, whose rules are listed in pages.

    Attributes:
        rules: by id, as a GET gives them.
        refused: texts in a query for which a request is refused with 400.
    """

    def __init__(self, script: Iterable[Misbehaviour] = ()) -> None:
        super().__init__(script)
        self.rules: dict[str, dict[str, Any]] = {}
        self.refused: tuple[str, ...] = ()
        self._count = 0

    def edit(self, id: str, **properties: Any) -> None:
        """Change a rule as somebody in the portal would."""
        self.rules[id] = {**self.rules[id], **properties, "lastModifiedBy": "portal"}

    def answer(self, request: Request) -> tuple[int, Any]:
        parts = urlsplit(request.path)
        path = unquote(parts.path)
        if path == PATH:
            if request.method == "GET":
                return 200, self._page(parse_qs(parts.query))
            if request.method == "POST":
                return self._created(request.body)
        id = path.removeprefix(f"{PATH}/")
        if not path.startswith(f"{PATH}/") or "/" in id or request.method not in ("GET", "PATCH", "DELETE"):
            return 404, _error("BadRequest", "Resource not found for the segment")
        if id not in self.rules:
            return 404, _error("ResourceNotFound", "The rule does not exist.")
        if request.method == "GET":
            return 200, {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#x", **self.rules[id]}
        if request.method == "DELETE":
            del self.rules[id]
            return 204, None
        return self._patched(id, request.body)

    def _created(self, body: Any) -> tuple[int, Any]:
        try:
            if not isinstance(body.get("id"), str) or not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,127}", body["id"]):
                raise Refused("id is required")
            if body["id"] in self.rules:
                return 409, _error("Conflict", "A rule with this id exists.")
            for needed in ("displayName", "queryCondition", "schedule", "detectionAction"):
                if needed not in body:
                    raise Refused(f"{needed} is required")
            self._check({name: value for name, value in body.items() if name != "id"})
            _refuse_violations("newDetection", body)
        except Refused as refusal:
            return 400, _error("BadRequest", str(refusal))
        made = {"status": "enabled", **copy.deepcopy(body)}
        self.rules[body["id"]] = self._stamped(made)
        return 201, self.rules[body["id"]]

    def _patched(self, id: str, body: Any) -> tuple[int, Any]:
        try:
            self._check(body)
            _refuse_violations("detection", body)
        except Refused as refusal:
            return 400, _error("BadRequest", str(refusal))
        self.rules[id] = self._stamped(_merged(self.rules[id], body))
        return 200, self.rules[id]

    def _stamped(self, rule: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        changed = f"2026-11-20T00:{self._count // 60:02}:{self._count % 60:02}Z"
        return {"createdBy": "fpctl", "createdDateTime": changed, **rule, "lastModifiedBy": "fpctl",
                "lastModifiedDateTime": changed, "lastRunDetails": {"status": "running"}}  # fmt: skip

    def _check(self, body: Mapping[str, Any]) -> None:
        known = {"displayName": str, "description": str, "status": str, "queryCondition": dict, "schedule": dict,
                 "detectionAction": dict}  # fmt: skip
        _members(body, known, "detectionRule")
        if body.get("status", "enabled") not in ("enabled", "disabled"):
            raise Refused(f"status {body['status']} is not known")
        query = body.get("queryCondition", {"queryText": "T"})
        _members(query, {"queryText": str}, "queryCondition")
        schedule = body.get("schedule", {"frequency": "PT1H"})
        _members(schedule, {"frequency": str}, "schedule")
        if not FREQUENCIES.fullmatch(schedule.get("frequency", "")):
            raise Refused(f"the frequency {schedule.get('frequency')} is not supported")
        if schedule.get("frequency") == "PT0S" and "queryText" in query and "//" in query["queryText"]:
            raise Refused("a continuous rule may not include comments")
        if any(text in query.get("queryText", "") for text in self.refused):
            raise Refused("The query could not be parsed.")
        _action(body.get("detectionAction", {}))

    def _page(self, options: dict[str, list[str]]) -> dict[str, Any]:
        names = sorted(self.rules)
        start = int(options.get("$skiptoken", ["0"])[0])
        answer: dict[str, Any] = {"value": [self.rules[name] for name in names[start : start + PAGE]]}
        if start + PAGE < len(names):
            answer["@odata.nextLink"] = f"{self.url}{PATH}?$skiptoken={start + PAGE}"
        return answer


def _refuse_violations(kind: str, body: Any) -> None:
    if wrong := violations(kind, body):
        raise Refused("; ".join(wrong))


def _action(action: Mapping[str, Any]) -> None:
    _members(action, {"alertTemplate": dict, "automatedActions": dict, "organizationalScope": dict}, "detectionAction")
    template = action.get("alertTemplate", {})
    _members(template, {"title": str, "description": str, "severity": str, "recommendedActions": str, "tactics": list,
                        "customDetails": dict, "entityMappings": dict}, "alertTemplate")  # fmt: skip
    if template.get("severity", "low") not in ("informational", "low", "medium", "high"):
        raise Refused(f"severity {template['severity']} is not known")
    for tactic in template.get("tactics", ()):
        _members(tactic, {"tactic": str, "techniques": list}, "mitreTactic")
        if " " in tactic.get("tactic", ""):
            raise Refused("a tactic has no blanks")
        for technique in tactic.get("techniques", ()):
            _members(technique, {"technique": str, "subTechniques": list}, "mitreTechnique")
            if "." in technique.get("technique", ""):
                raise Refused("a sub-technique is not a technique")
    for group, mappings in template.get("entityMappings", {}).items():
        if group not in MAPPINGS:
            raise Refused(f"unknown entity mapping {group}")
        for mapping in mappings:
            _members(mapping, dict.fromkeys(MAPPINGS[group], str), group)
    for group in action.get("automatedActions", {}):
        if group not in ACTIONS:
            raise Refused(f"unknown automated action {group}")


def _members(value: Any, known: Mapping[str, type], what: str) -> None:
    if not isinstance(value, Mapping):
        raise Refused(f"{what} is not an object")
    for name, item in value.items():
        if name.startswith("@odata."):
            continue
        if name not in known:
            raise Refused(f"The property '{name}' does not exist on type '{what}'.")
        if item is not None and not isinstance(item, known[name]):
            raise Refused(f"The property '{name}' of '{what}' has another type.")


def _merged(current: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule after a PATCH: a complex property that is not in the body stays."""
    result = dict(current)
    for name, value in body.items():
        there = current.get(name)
        if isinstance(value, Mapping) and isinstance(there, Mapping) and name in ("schedule", "queryCondition"):
            result[name] = {**there, **value}
        else:
            result[name] = copy.deepcopy(value)
    return result


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "innerError": {"date": "2026-11-24T00:00:00"}}}
