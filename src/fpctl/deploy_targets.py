"""The settings of one target: `[deploy.targets.NAME]` laid over everything else.

A managed-service provider, or a company with several workspaces, keeps one repository and names its targets. With a
selected target every command works as if its workspace, tenant, rules and exclusions were in the other tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fpctl.errors import FpctlError
from fpctl.settings import SERVICES, ServiceName, Settings, TargetSettings
from fpctl.spelling import did_you_mean

TARGET_VARIABLE = "FPCTL_TARGET"
"""Names the target where no option does."""

_ENGINES: Mapping[ServiceName, str] = {"sentinel": "log-analytics", "defender": "defender"}


def with_target(settings: Settings, name: str | None) -> Settings:
    """Return the settings with a selected target; as they are for None.

    Args:
        settings: as they were loaded.
        name: one of [deploy.targets], or `sentinel` or `defender`: the one that the settings describe without a name.

    Raises:
        FpctlError: there is no such target, or it has no history of its own.
    """
    if name is None:
        return settings
    own = settings.deploy.targets.get(name)
    if own is None:
        if name not in SERVICES:
            raise _unknown(settings, name)
        own = TargetSettings(service="sentinel" if name == "sentinel" else "defender")
        history = settings.history.url
    else:
        history = own.history or _history_of(settings, name)
    login = {key: value for key in ("tenant", "client_id", "credential") if (value := getattr(own, key)) is not None}
    elsewhere = own.workspace is not None
    place: dict[str, Any] = {"workspace": None} if elsewhere else {}
    log_analytics: dict[str, Any] = (
        {"workspace_id": None, "resource_id": None, "additional_workspaces": []} if elsewhere else {}
    )
    engine = settings.engine
    paths = {key: value for key in ("rules", "exclusions") if (value := getattr(own, key)) is not None}
    return settings.model_copy(
        update={
            "target": name,
            "workspace": own.workspace or settings.workspace,
            "paths": settings.paths.model_copy(update=paths),
            "history": settings.history.model_copy(update={"url": history}),
            "deploy": settings.deploy.model_copy(update=login | place),
            "engine": engine.model_copy(
                update={
                    "default": _ENGINES[own.service],
                    "log_analytics": engine.log_analytics.model_copy(update=login | log_analytics),
                    "defender": engine.defender.model_copy(update=login),
                }
            ),
        }
    )


def _history_of(settings: Settings, name: str) -> str:
    """Return the file of a target's history; a database that all share would mix their hits."""
    if "://" in settings.history.url:
        raise FpctlError(
            f"the target {name} has no history of its own, and hits of several targets must not be mixed",
            settings.at_key("deploy", "targets", name),
            f"set `history` in [deploy.targets.{name}]: a file, or the URL of a database",
        )
    return str(settings.paths.root / ".fpctl" / "targets" / name / "history.db")


def _unknown(settings: Settings, name: str) -> FpctlError:
    known = (*settings.deploy.targets, *SERVICES)
    hint = did_you_mean(name, known, what="target") or "set it up as [deploy.targets.NAME] in fpctl.toml"
    return FpctlError(f"there is no target {name!r}", settings.at_key("deploy", "targets"), hint)
