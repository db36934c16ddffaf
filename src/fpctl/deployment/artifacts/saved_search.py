"""A hunting query as a Log Analytics workspace has it: a saved search of the category `Hunting Queries`.

https://learn.microsoft.com/rest/api/loganalytics/saved-searches/create-or-update
"""

from __future__ import annotations

from typing import Any

from fpctl.deployment.artifacts.body import Body
from fpctl.rules.model import Rule

CATEGORY = "Hunting Queries"


def saved_search(rule: Rule, query: str) -> Body:
    """Return a hunting query; its description, tactics and techniques are tags, as the portal reads them."""
    tags: list[dict[str, Any]] = []
    for name, value in (
        ("description", rule.description),
        ("tactics", ",".join(rule.tactics)),
        ("techniques", ",".join(rule.techniques)),
    ):
        if value:
            tags.append({"name": name, "value": value})
    stated: dict[str, Any] = {"category": CATEGORY, "displayName": rule.name, "query": query}
    if tags:
        stated["tags"] = tags
    return Body(None, stated, {"version": 2})
