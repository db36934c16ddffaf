"""The application context: what a command works with, each part read once and passed on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fpctl.cli.shared import options
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.cli.shared.audit_log import AuditLog
    from fpctl.engine.interface import Engine, Timespan
    from fpctl.exclusions.loader import ExclusionSet
    from fpctl.exclusions.reader import LoadedExclusion
    from fpctl.history.history import History
    from fpctl.repository.model import Repository
    from fpctl.rewrite.plan.exclusion_clauses import WindowRange
    from fpctl.rewrite.plan.planner import Planner
    from fpctl.rules.formats.registry import LoadedRule
    from fpctl.rules.loader import RuleSet
    from fpctl.settings import Settings

Need = Literal["required", "optional", "none"]
"""Whether the exclusions folder must exist, may be missing (before the first exclusion), or is not read."""


@dataclass(frozen=True)
class AppContext:
    """What a command works with: settings, rules, exclusions, time, planner, engine, history and audit log.

    Args:
        files: the paths that were given as options; they override the settings.
        exclusions_folder: see `Need`. A folder that was named as an option must exist.
        now: the time at which the command was started.

    Each property is read from disk when it is first asked for, and raises FpctlError where it cannot be read.
    """

    files: options.Files
    exclusions_folder: Need = "required"
    now: datetime = field(default_factory=lambda: options.now())

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return self.now.date()

    @cached_property
    def settings(self) -> Settings:
        """The effective settings, those of the target laid over the others."""
        from fpctl.deploy_targets import TARGET_VARIABLE, with_target
        from fpctl.settings import load_settings

        return with_target(load_settings(self.files.config), self.files.target or os.environ.get(TARGET_VARIABLE))

    @property
    def root(self) -> Path:
        """The folder that the settings' paths start from."""
        return self.settings.paths.root

    @property
    def state(self) -> Path:
        """The folder of what fpctl notes of the selected target."""
        return self.root / self.settings.state

    @property
    def exclusions_path(self) -> Path:
        """The folder, or file, of the exclusions."""
        return self.files.exclusions or self.settings.paths.exclusions

    @property
    def folder(self) -> Path:
        """The folder into which exclusions are written."""
        path = self.exclusions_path
        return path.parent if path.is_file() else path

    @property
    def history_place(self) -> str:
        """The file or URL of the history."""
        return self.files.history or self.settings.history.url

    @property
    def owner(self) -> str | None:
        """Who git says is at work here."""
        from fpctl.person import git_email

        return git_email(self.folder if self.folder.is_dir() else None)

    @cached_property
    def rules(self) -> RuleSet:
        """The rules."""
        from fpctl.rules.loader import load_rules

        return load_rules(self.files.rules or self.settings.paths.rules)

    @cached_property
    def exclusions(self) -> ExclusionSet:
        """The exclusions."""
        from fpctl.exclusions.loader import ExclusionSet, load_exclusions

        path = self.exclusions_path
        may_be_missing = self.exclusions_folder == "optional" and self.files.exclusions is None
        if self.exclusions_folder == "none" or (may_be_missing and not path.exists()):
            return ExclusionSet((), ())
        return load_exclusions(path)

    @cached_property
    def repository(self) -> Repository:
        """Rules and exclusions together, with the tables and fields of the team."""
        from fpctl.repository.model import open_repository

        return open_repository(
            self.rules,
            self.exclusions,
            root=self.root,
            environment=self.settings.tables.environment,
            overrides=self.settings.fields,
            from_created=self.settings.clauses.from_created,
            enforced=self.settings.enforced,
        )

    @cached_property
    def audit_log(self) -> AuditLog:
        """The audit trail of changes."""
        from fpctl.cli.shared.audit_log import AuditLog

        return AuditLog(self.settings, self.exclusions, self.exclusions_path, self.now)

    def planner(
        self, day: date | None = None, *, within: WindowRange | None = None, over_past: bool = False
    ) -> Planner:
        """Return a planner for a day, today if None.

        Args:
            within: see `windows_within` of `Planner`.
            over_past: what is planned runs over a time that is past: no exclusion suppresses events from before
                it was created. Nor does one whose first day is still to come, in a plan for a later day.
        """
        begun_by = date.min if over_past else self.today if day is not None and day > self.today else None
        return self.repository.planner(day or self.today, windows_within=within, begun_by=begun_by)

    def planner_for(self, engine: Engine, span: Timespan) -> Planner:
        """Return a planner for what an engine runs at the end of a range of events."""
        from fpctl.execution.time_range import window_range

        within = None if engine.description.capabilities.local_time else window_range(span, span.end)
        return self.planner(span.end.date(), within=within)

    def select(self, patterns: Sequence[str] | None) -> tuple[LoadedRule, ...]:
        """Return the rules that patterns select, all of them without any."""
        return self.repository.rules.select(patterns or [])

    def one_rule(self, pattern: str) -> LoadedRule:
        """Return the rule that a pattern selects. Raises FpctlError where there are several."""
        chosen = self.select([pattern])
        if len(chosen) != 1:
            shown = ", ".join(sorted(loaded.rule.path for loaded in chosen)[:5])
            raise FpctlError(f"`{pattern}` matches {len(chosen)} rules", None, f"name one of them: {shown}")
        return chosen[0]

    def pick(self, ids: Sequence[str]) -> list[LoadedExclusion]:
        """Return the exclusions with these ids, each once.

        Raises:
            FpctlError: one does not exist; files that could not be read are shown first, since it may be in there.
        """
        from fpctl.cli.shared import output

        try:
            return [self.exclusions.get(id) for id in dict.fromkeys(ids)]
        except FpctlError:
            output.show_problems([one for one in self.exclusions.problems if one.severity == "error"])
            raise

    @contextmanager
    def engine(
        self, chosen: options.EngineOptions, now: datetime, limits: options.EngineLimits | None = None
    ) -> Iterator[Engine]:
        """Open the engine that the options or the settings name, and close it at the end.

        Args:
            now: what `now()` means in queries.
        """
        from fpctl.cli.shared import output
        from fpctl.engine.options import EngineOptions
        from fpctl.engine.registry import open_engine

        bounds = limits or options.EngineLimits()
        asked = EngineOptions(
            data=chosen.data or self.settings.paths.data,
            now=now,
            tables=self.repository.tables,
            threads=bounds.threads,
            memory=bounds.memory,
            timeout=bounds.timeout,
            credential=chosen.credential,
            concurrency=bounds.at_once,
            patience=bounds.patience,
            allow_billed_scan=bounds.allow_billed_scan,
            announce=output.say,
        )
        opened = open_engine(chosen.engine or self.settings.engine.default, self.settings, asked)
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def history(self) -> Iterator[History | None]:
        """Open the history for reading, and close it at the end; None where nothing has been recorded yet."""
        from fpctl.history.store import is_there

        if not is_there(self.history_place):
            yield None
            return
        from fpctl.history.history import History

        with History.open(self.history_place, create=False) as opened:
            yield opened
