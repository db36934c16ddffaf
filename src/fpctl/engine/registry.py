"""Which engine: its name and the settings, made into an engine. Only the chosen one's packages are imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fpctl.engine.interface import Engine
from fpctl.engine.remote.credentials import TokenSource, token_source
from fpctl.engine.remote.endpoint import endpoint_of
from fpctl.errors import FpctlError
from fpctl.spelling import did_you_mean

if TYPE_CHECKING:
    from fpctl.engine.local.engine import TableSchemas
    from fpctl.engine.remote.retry import Retrier
    from fpctl.settings import DefenderSettings, KustoSettings, LogAnalyticsSettings, Settings

T = TypeVar("T")

ENGINES = ("local", "log-analytics", "defender", "kusto")
"""The names of the engines."""


def open_engine(
    name: str,
    *,
    settings: Settings | Mapping[str, Any] | None = None,
    data: Path | None = None,
    now: datetime | None = None,
    tables: TableSchemas | None = None,
    threads: int | None = None,
    memory: str | None = None,
    timeout: float | None = None,
    credential: str | None = None,
    concurrency: int | None = None,
    environ: Mapping[str, str] | None = None,
    retrier: Retrier | None = None,
) -> Engine:
    """Return an engine that is ready to run queries.

    Args:
        name: one of `ENGINES`.
        settings: the settings in force, or the same as a mapping with the keys of fpctl.toml.
        data: the folder of the local engine's files; over `[paths] data`.
        now: what `now()` counts from, where an engine can be told (local, kusto).
        tables: documented columns, for the local engine.
        threads, memory: limits of the local engine; over its settings.
        timeout: seconds a query may run; over the engine's settings.
        credential: who asks; over the settings.
        concurrency: requests in flight at once, for remote engines; over the engine's settings.
        environ: the environment, for the credential `token`; the process's if None.
        retrier: how remote engines try again.

    Raises:
        FpctlError: there is no such engine, or a setting that it needs is missing or wrong.
    """
    if name not in ENGINES:
        raise FpctlError(f"there is no engine {name!r}", None, did_you_mean(name, ENGINES, what="engine"))
    chosen = _settings(settings)
    variables = os.environ if environ is None else environ
    if name == "local":
        return _local(chosen, data, now, tables, threads, memory, timeout)
    if name == "log-analytics":
        return _log_analytics(chosen, timeout, credential, concurrency, variables, retrier)
    if name == "defender":
        return _defender(chosen, timeout, credential, concurrency, variables, retrier)
    return _kusto(chosen, now, timeout, credential, concurrency, variables, retrier)


def _settings(given: Settings | Mapping[str, Any] | None) -> Settings:
    from pydantic import ValidationError

    from fpctl.settings import Settings

    if isinstance(given, Settings):
        return given
    try:
        return Settings.model_validate(dict(given or {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise FpctlError(f"the setting {place}: {first['msg'].lower()}") from None


def _local(
    settings: Settings,
    data: Path | None,
    now: datetime | None,
    tables: TableSchemas | None,
    threads: int | None,
    memory: str | None,
    timeout: float | None,
) -> Engine:
    from fpctl.engine.local.engine import LocalEngine

    folder = data or settings.paths.data
    if folder is None:
        raise FpctlError(
            "the local engine needs a folder of data",
            None,
            "give --data FOLDER, or set `data` in [paths] of fpctl.toml",
        )
    own = settings.engine.local
    return LocalEngine(
        folder,
        now=now or datetime.now(UTC),
        tables=tables,
        threads=threads or own.threads,
        memory=memory or own.memory,
        timeout=timeout or own.timeout,
    )


def _log_analytics(
    settings: Settings,
    timeout: float | None,
    credential: str | None,
    concurrency: int | None,
    environ: Mapping[str, str],
    retrier: Retrier | None,
) -> Engine:
    from fpctl.engine.log_analytics import AT_ONCE, ENDPOINT, LogAnalyticsEngine

    own = settings.engine.log_analytics
    target = own.resource_id or own.workspace_id
    if target is None:
        raise FpctlError(
            "no workspace is set",
            None,
            "set `workspace_id` in [engine.log-analytics] of fpctl.toml, or FPCTL_WORKSPACE_ID",
        )
    endpoint = own.endpoint or ENDPOINT
    return LogAnalyticsEngine(
        target,
        _source(settings, own, credential, endpoint, environ),
        endpoint=endpoint,
        additional_workspaces=own.additional_workspaces,
        timeout=timeout or own.timeout or 180,
        concurrency=concurrency or own.concurrency or AT_ONCE,
        retrier=retrier,
    )


def _defender(
    settings: Settings,
    timeout: float | None,
    credential: str | None,
    concurrency: int | None,
    environ: Mapping[str, str],
    retrier: Retrier | None,
) -> Engine:
    from fpctl.engine.defender import ENDPOINT, LONGEST, LOOK_BACK, DefenderEngine

    own = settings.engine.defender
    endpoint = own.endpoint or ENDPOINT
    return DefenderEngine(
        _source(settings, own, credential, endpoint, environ),
        endpoint=endpoint,
        timeout=timeout or own.timeout or LONGEST,
        look_back=LOOK_BACK if own.look_back_days is None else timedelta(days=own.look_back_days),
        concurrency=concurrency or own.concurrency or 4,
        retrier=retrier,
    )


def _kusto(
    settings: Settings,
    now: datetime | None,
    timeout: float | None,
    credential: str | None,
    concurrency: int | None,
    environ: Mapping[str, str],
    retrier: Retrier | None,
) -> Engine:
    from fpctl.engine.kusto.engine import KustoEngine

    own = settings.engine.kusto
    cluster = _needed(own.cluster, "cluster", "FPCTL_KUSTO_CLUSTER")
    return KustoEngine(
        cluster,
        _needed(own.database, "database", "FPCTL_KUSTO_DATABASE"),
        _source(settings, own, credential, cluster, environ),
        timeout=timeout or own.timeout or 240,
        time_column=own.time_column,
        now=now,
        concurrency=concurrency or own.concurrency or 4,
        retrier=retrier,
    )


def _needed(value: T | None, key: str, variable: str) -> T:
    if value is None:
        raise FpctlError(f"no {key} is set for the engine kusto", None, f"set `{key}` in [engine.kusto], or {variable}")
    return value


def _source(
    settings: Settings,
    own: LogAnalyticsSettings | DefenderSettings | KustoSettings,
    credential: str | None,
    endpoint: str,
    environ: Mapping[str, str],
) -> TokenSource:
    place = endpoint_of(endpoint, setting="the endpoint")
    return token_source(
        credential or own.credential or settings.engine.credential,
        environ=environ,
        authority=place.authority,
        tenant=own.tenant,
        client_id=own.client_id,
    )
