"""Settings and options to a repository: where a verb's rules, exclusions and schema come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fpctl.repository.model import Repository, open_repository
from fpctl.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Workspace:
    """The settings in force and the repository they lead to."""

    settings: Settings
    repository: Repository


def open_workspace(
    config: Path | None, rules: Path | None, exclusions: Path | None, *, need_exclusions: bool = True
) -> Workspace:
    """Read settings, rules, exclusions and schema; options win over settings.

    Raises:
        FpctlError: a folder or the settings file is missing or broken.
    """
    settings = load_settings(config)
    repository = open_repository(
        rules or settings.paths.rules,
        (exclusions or settings.paths.exclusions) if need_exclusions else None,
        root=settings.paths.root,
        environment=settings.tables.environment,
        overrides=settings.fields,
    )
    return Workspace(settings, repository)


def rules_folder(config: Path | None, rules: Path | None) -> Path:
    """Return the rules folder for a verb that needs nothing else."""
    return rules or load_settings(config).paths.rules
