"""The name of a rule in a workspace: a GUID."""

from __future__ import annotations

import re
import uuid

from fpctl.rules.model import Rule

_SPACE = uuid.UUID("6f3a7b52-2b0e-5c8f-9d0a-5d5b6a4f1c11")
"""Of GUIDs made from what is none."""


def rule_guid(rule: Rule) -> str:
    """Return the rule's own GUID, or one made from its id: the same on every machine and day."""
    try:
        return str(uuid.UUID(rule.id.strip().strip("{}")))
    except ValueError:
        return str(uuid.uuid5(_SPACE, rule.id))


_DETECTION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def detection_id(rule: Rule) -> str:
    """Return a custom detection's id, which the client gives: that of a file that came from Graph, else the GUID."""
    own = rule.id.strip()
    if "queryCondition" in rule.metadata and "id" in rule.metadata and _DETECTION_ID.fullmatch(own):
        return own
    return rule_guid(rule)
