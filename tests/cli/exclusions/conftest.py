"""fpctl run in a repository with one rule."""

from __future__ import annotations

from repository_fixtures import fpctl, recorded, repository, write_events

__all__ = ["fpctl", "recorded", "repository", "write_events"]
