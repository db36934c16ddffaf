"""A rule repository in memory: rules, exclusions, schema, and the problems found while reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from fpctl.errors import Problem
from fpctl.exclusions.completeness import in_effect, state_in_effect
from fpctl.exclusions.loader import ExclusionSet, load_exclusions
from fpctl.exclusions.model import Exclusion, State
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.references import check_references
from fpctl.policy import Policy
from fpctl.rewrite.plan.exclusion_clauses import WindowRange
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.loader import RuleSet, load_rules
from fpctl.schema.fields import FieldMap
from fpctl.schema.repository import load_repository
from fpctl.schema.tables import EnvironmentName, Tables


@dataclass(frozen=True, slots=True)
class Repository:
    """What planning needs, read from disk.

    `problems` holds everything wrong in rules, exclusions, lists, tables and references. Errors among
    them mean that a part was left out; what could be read is kept. `tables` are the documented and own
    tables with Defender XDR's types where the products disagree, `streamed` with Log Analytics'.
    `enforced` is the policy without whose reason, owner and approval an exclusion counts as a draft.
    """

    rules: RuleSet
    exclusions: ExclusionSet
    tables: Tables
    streamed: Tables
    fields: FieldMap
    problems: tuple[Problem, ...]
    from_created: bool = False
    enforced: Policy | None = None

    def active(self) -> list[Exclusion]:
        """Return every readable exclusion; the planner decides by date and status which are active.

        One that lacks what the policy asks is a draft among them.
        """
        return [in_effect(loaded.exclusion, self.enforced) for loaded in self.exclusions.exclusions]

    def as_they_count(self) -> tuple[LoadedExclusion, ...]:
        """Return the same with their places."""
        return tuple(
            replace(loaded, exclusion=in_effect(loaded.exclusion, self.enforced))
            for loaded in self.exclusions.exclusions
        )

    def state(self, exclusion: Exclusion, today: date) -> State:
        """Return what an exclusion counts as on a day."""
        return state_in_effect(exclusion, self.enforced, today)

    def planner(
        self, today: date, *, windows_within: WindowRange | None = None, begun_by: date | None = None
    ) -> Planner:
        """Return a planner for a day; see `Planner` for `windows_within` and `begun_by`."""
        return Planner(
            self.tables,
            self.fields,
            today,
            streamed=self.streamed,
            windows_within=windows_within,
            begun_by=date.min if self.from_created else begun_by,
        )

    @property
    def broken(self) -> bool:
        """Whether something could not be read."""
        return any(problem.severity == "error" for problem in self.problems)


def open_repository(
    rules: Path | RuleSet,
    exclusions: Path | ExclusionSet | None,
    *,
    root: Path = Path(),
    environment: EnvironmentName = "auto",
    overrides: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None,
    from_created: bool = False,
    enforced: Policy | None = None,
) -> Repository:
    """Read a repository.

    Args:
        rules: folder or file of rules, or the rules themselves where they have been read.
        exclusions: folder or file of exclusions, or themselves; None where they are not needed.
        root: the folder that holds `schema/` (the team's own tables) and `functions/` (saved functions), if any.
        environment: `auto`, `xdr` or `loganalytics`: whose documented tables the rules read.
        overrides: field mappings of the settings.
        from_created: every clause names `created`, so that it suppresses no older event.
        enforced: see `Repository`; None asks nothing.

    Raises:
        FpctlError: a folder is missing.
    """
    rule_set = load_rules(rules) if isinstance(rules, Path) else rules
    exclusion_set = load_exclusions(exclusions) if isinstance(exclusions, Path) else exclusions or ExclusionSet((), ())
    own = load_repository(root)
    tables = {
        product: Tables.packaged(environment, product).with_tables(own.tables).with_functions(own.functions)
        for product in ("xdr", "loganalytics")
    }
    problems = (*rule_set.problems, *exclusion_set.problems, *own.problems, *check_references(rule_set, exclusion_set))
    return Repository(
        rule_set,
        exclusion_set,
        tables["xdr"],
        tables["loganalytics"],
        FieldMap.packaged(overrides, tables["xdr"]),
        problems,
        from_created,
        enforced,
    )
