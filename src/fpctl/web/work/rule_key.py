"""The key of a rule in addresses of the console."""

from __future__ import annotations

import hashlib

from fpctl.rules.formats.registry import LoadedRule


def rule_key(loaded: LoadedRule) -> str:
    """Return what stands for a rule in an address: ids alone may occur twice."""
    return hashlib.sha256(f"{loaded.rule.path}\0{loaded.rule.id}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
