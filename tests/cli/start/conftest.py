"""fpctl run in a repository with one rule."""

from __future__ import annotations

from repository_fixtures import fpctl, recorded, repository

__all__ = ["fpctl", "recorded", "repository"]
