"""What a command says about the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpctl.engine.interface import TableSchemas
    from fpctl.engine.remote.retry import Retrier


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Options of a command; they override the settings.

    Attributes:
        data: the folder of the local engine's files.
        now: what `now()` counts from, for the engines that accept it (local, kusto).
        tables: documented columns, for the local engine.
        threads, memory: limits of the local engine.
        timeout: seconds a query may run.
        credential: how to sign in to the service.
        concurrency: requests in flight at once.
        patience: seconds to wait for a service that takes no queries, before they fail.
        announce: called with a readable message for such a pause.
        allow_billed_scan: run queries on tables whose scan is billed.
        environ: the environment, for the credential `token`; the process's if None.
        retrier: how requests to a service are tried again.
    """

    data: Path | None = None
    now: datetime | None = None
    tables: TableSchemas | None = None
    threads: int | None = None
    memory: str | None = None
    timeout: float | None = None
    credential: str | None = None
    concurrency: int | None = None
    patience: float | None = None
    announce: Callable[[str], None] | None = None
    allow_billed_scan: bool = False
    environ: Mapping[str, str] | None = None
    retrier: Retrier | None = None
