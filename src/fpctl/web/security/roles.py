"""Roles: each may do what the roles before it may, and more."""

from __future__ import annotations

from fpctl.settings import RoleName

ROLES: tuple[RoleName, ...] = ("viewer", "analyst", "approver", "admin")
"""`viewer` looks, `analyst` records, edits and runs, `approver` approves, activates, retires, `admin` makes tokens."""


def may(role: str, needed: RoleName) -> bool:
    """Return whether a role may do what another is needed for; a name that is not a role may do nothing."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)
