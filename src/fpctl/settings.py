"""The settings: `fpctl.toml`, above it the environment, below it the built-in defaults.

Nothing is read at import: a command calls `load_settings` once and passes on what others need. This
module imports pydantic, so commands import it when they run, not when `fpctl --help` lists them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError, PydanticKnownError

from fpctl.errors import FpctlError, Location
from fpctl.files import read_text
from fpctl.policy import Policy
from fpctl.risk_weights import RiskWeights
from fpctl.spelling import did_you_mean, nearest

FILE_NAME = "fpctl.toml"

CONFIG_VARIABLE = "FPCTL_CONFIG"
"""Names the settings file where no option does."""

EnvironmentName = Literal["auto", "xdr", "loganalytics"]
ServiceName = Literal["sentinel", "defender"]
RoleName = Literal["viewer", "analyst", "approver", "admin"]
CredentialName = Literal[
    "default", "cli", "managed-identity", "device-code", "environment", "workload-identity", "github-oidc",
    "azure-pipelines", "token", "none",
]  # fmt: skip


class _Table(BaseModel):
    """A table of the file: no key that we do not know, and no value of another type than its key's."""

    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True)


_Path = Annotated[Path, BeforeValidator(lambda value: Path(value) if isinstance(value, str) and value else value)]
_Seconds = Annotated[float, Field(gt=0)]
_Address = Annotated[str, Field(pattern=r"^https?://[^\s/]+")]
_Days = Annotated[int, Field(ge=1)]
_Workspace = Annotated[str, Field(pattern=r"^(/subscriptions/.+|[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9])$")]
"""A workspace: its Resource Manager id, its own id (a GUID), or its name."""


class PathSettings(_Table):
    """`[paths]`: where things are, relative to the settings file.

    `data` and `out` have no default: a command that needs one asks for it. `root` is the folder in
    which `schema/` and `functions/` are looked for: that of the settings file.
    """

    rules: _Path = Path("rules")
    exclusions: _Path = Path("exclusions")
    out: _Path | None = None
    data: _Path | None = None
    root: Annotated[Path, Field(exclude=True)] = Path()


class SchemaSettings(_Table):
    """`[schema]`: whose documented tables the rules read."""

    environment: EnvironmentName = "auto"


class ClauseSettings(_Table):
    """`[clauses]`: `from_created`: no clause suppresses events from before its exclusion was created."""

    from_created: bool = False


class HistorySettings(_Table):
    """`[history]`: a file, or a database URL; for how many days hits are kept run by run, None for ever.

    Older ones are kept by day, which is all that reports need.
    """

    url: Annotated[str, Field(min_length=1)] = ".fpctl/history.db"
    keep_raw_days: Annotated[int, Field(ge=1)] | None = None


class LocalEngineSettings(_Table):
    """`[engine.local]`: DuckDB on files. `memory` of a query (half of the machine's), `timeout` in seconds (600).

    Files for what rules read from elsewhere, relative to the settings file: `external` by the address of
    `externaldata`, `watchlists` by name, `geo` a MaxMind database.
    """

    threads: Annotated[int, Field(ge=1)] | None = None
    memory: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")] | None = None
    timeout: _Seconds | None = None
    external: dict[str, str] = Field(default_factory=dict)
    watchlists: dict[str, str] = Field(default_factory=dict)
    geo: str | None = None


class ServiceEngine(_Table):
    """What the engines of Microsoft's services share.

    `credential` (that of `[engine]` if not set), `tenant` and `client_id` say who asks; `timeout` is in
    seconds, `concurrency` is how many queries run at once.
    """

    credential: CredentialName | None = None
    tenant: str | None = None
    client_id: str | None = None
    timeout: _Seconds | None = None
    concurrency: Annotated[int, Field(ge=1, le=50)] | None = None


class LogAnalyticsSettings(ServiceEngine):
    """`[engine.log-analytics]`: the workspace's id (a GUID) and more workspaces to query with it; or a resource's."""

    workspace_id: str | None = None
    additional_workspaces: list[str] = []
    resource_id: Annotated[str, Field(pattern="^/")] | None = None
    endpoint: _Address | None = None


class DefenderSettings(ServiceEngine):
    """`[engine.defender]`: advanced hunting through Microsoft Graph; `endpoint` for a national cloud.

    `unified`: a Sentinel workspace is connected, so that hunting sees its tables too. `look_back` says for single
    tables for how many days they are kept, where that is not `look_back_days`.
    """

    endpoint: _Address | None = None
    unified: bool = False
    look_back_days: _Days | None = None
    look_back: dict[str, _Days] = {}


class KustoSettings(ServiceEngine):
    """`[engine.kusto]`: Azure Data Explorer; `time_column` where it is neither Timestamp nor TimeGenerated."""

    cluster: _Address | None = None
    database: str | None = None
    time_column: str | None = None


class TargetSettings(_Table):
    """`[deploy.targets.NAME]`: one of several places that rules run in and are deployed to.

    `service` is what is there. What is not set here is that of the other tables; a target has a history of its own
    (`history`: a file or a database URL), so that what happened in one never mixes with another.
    """

    service: ServiceName = "sentinel"
    workspace: _Workspace | None = None
    tenant: str | None = None
    client_id: str | None = None
    credential: CredentialName | None = None
    rules: _Path | None = None
    exclusions: _Path | None = None
    history: Annotated[str, Field(min_length=1)] | None = None


SERVICES: tuple[ServiceName, ...] = ("sentinel", "defender")
"""What can be deployed to; each is also the name of the target that the settings describe without a name."""
_TARGET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _target_names(targets: dict[str, TargetSettings]) -> dict[str, TargetSettings]:
    """Check that each name can be the name of a folder, and is not that of a service."""
    for name in targets:
        if name in SERVICES or not _TARGET_NAME.fullmatch(name):
            raise PydanticCustomError("target_name", "`{name}` cannot be the name of a target", {"name": name})
    return targets


class DeploySettings(_Table):
    """`[deploy]`: the Sentinel workspace that rules go out to, by its resource id, its id or its name.

    `credential` is that of `[engine]` if not set; `endpoint` is Resource Manager's, for a sovereign cloud.
    """

    workspace: _Workspace | None = None
    endpoint: _Address | None = None
    credential: CredentialName | None = None
    tenant: str | None = None
    client_id: str | None = None
    targets: Annotated[dict[str, TargetSettings], AfterValidator(_target_names)] = {}


class OpenIdConnect(_Table):
    """`[console.oidc]`: people sign in with OpenID Connect, such as Microsoft Entra ID.

    `issuer` is `https://login.microsoftonline.com/TENANT/v2.0` for Entra. The client's secret is in the environment
    variable that `client_secret_variable` names. `role_claim` is the claim that holds roles or groups; `roles` says
    which of its values give which role, and nobody else may sign in.
    """

    issuer: _Address
    client_id: Annotated[str, Field(min_length=1)]
    client_secret_variable: str = "FPCTL_OIDC_SECRET"
    role_claim: str = "roles"
    person_claim: str = "preferred_username"
    roles: dict[str, RoleName] = {}


class ConsoleSettings(_Table):
    """`[console]`: the web console, `fpctl serve`.

    `users` is a file of people with password hashes (`fpctl serve --add-user`). `base_url` is the address that
    browsers use, if there is a proxy in front; `trusted_proxies` are the addresses of such proxies.
    """

    users: _Path | None = None
    base_url: _Address | None = None
    trusted_proxies: list[str] = []
    session_hours: Annotated[float, Field(gt=0, le=24 * 7)] = 10
    webhook_variable: str = "FPCTL_WEBHOOK"
    oidc: OpenIdConnect | None = None


def _engine_name(name: str) -> str:
    """Check that there is a table of settings for an engine: those are the engines there are."""
    known = [info.alias or field for field, info in EngineSettings.model_fields.items() if _is_table(info.annotation)]
    if name not in known:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(f"'{one}'" for one in known)})
    return name


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, _Table)


EngineName = Annotated[str, AfterValidator(_engine_name)]


class EngineSettings(_Table):
    """`[engine]`: the engine that runs rules if the command does not say, who asks, and a table for each engine."""

    default: EngineName = "local"
    credential: CredentialName = "default"
    local: LocalEngineSettings = LocalEngineSettings()
    log_analytics: LogAnalyticsSettings = Field(default=LogAnalyticsSettings(), alias="log-analytics")
    defender: DefenderSettings = DefenderSettings()
    kusto: KustoSettings = KustoSettings()


class Settings(_Table):
    """Everything that is set; `file` is the settings file that was read, if any.

    `workspace` is the one workspace that is queried and deployed to: its Resource Manager id, its own id (a GUID) or
    its name. `tables` is the file's `[schema]`; `fields` holds, by table and field, the columns that hold the field
    instead of the documented ones. `target` is the selected target, `state` the folder of what fpctl notes of it.
    """

    workspace: _Workspace | None = None
    paths: PathSettings = PathSettings()
    tables: SchemaSettings = Field(default=SchemaSettings(), alias="schema")
    fields: dict[str, dict[str, str | list[str]]] = {}
    clauses: ClauseSettings = ClauseSettings()
    history: HistorySettings = HistorySettings()
    engine: EngineSettings = EngineSettings()
    deploy: DeploySettings = DeploySettings()
    console: ConsoleSettings = ConsoleSettings()
    policy: Policy = Policy()
    risk: RiskWeights = RiskWeights()
    file: Annotated[Path | None, Field(exclude=True)] = None
    target: Annotated[str | None, Field(exclude=True)] = None

    @property
    def service(self) -> ServiceName:
        """What rules are deployed to: the service of the selected target, Sentinel without one."""
        named = self.deploy.targets.get(self.target or "")
        return named.service if named is not None else "defender" if self.target == "defender" else "sentinel"

    @property
    def enforced(self) -> Policy | None:
        """The policy if an exclusion that lacks what it asks counts as a draft, else None."""
        asked = {"always": True, "never": False, "auto": self.file is not None}[self.policy.enforce]
        return self.policy if asked else None

    @property
    def state(self) -> Path:
        """The folder in which fpctl notes what it did, relative to the settings' folder; a target has its own."""
        folder = Path(".fpctl")
        return folder / "targets" / self.target if self.target in self.deploy.targets and self.target else folder

    def at_key(self, *steps: str) -> Location | None:
        """Return the place of a key or table in the settings file, for checks of its value that come later."""
        return _find(read_text(self.file), steps, self.file) if self.file is not None else None


VARIABLES: Mapping[str, tuple[str, ...]] = {
    "FPCTL_WORKSPACE": ("workspace",),
    "FPCTL_RULES": ("paths", "rules"),
    "FPCTL_EXCLUSIONS": ("paths", "exclusions"),
    "FPCTL_OUT": ("paths", "out"),
    "FPCTL_DATA": ("paths", "data"),
    "FPCTL_ENVIRONMENT": ("schema", "environment"),
    "FPCTL_HISTORY_URL": ("history", "url"),
    "FPCTL_ENGINE": ("engine", "default"),
    "FPCTL_CREDENTIAL": ("engine", "credential"),
    "FPCTL_WORKSPACE_ID": ("engine", "log-analytics", "workspace_id"),
    "FPCTL_LOG_ANALYTICS_ENDPOINT": ("engine", "log-analytics", "endpoint"),
    "FPCTL_LOG_ANALYTICS_CREDENTIAL": ("engine", "log-analytics", "credential"),
    "FPCTL_RESOURCE_ID": ("engine", "log-analytics", "resource_id"),
    "FPCTL_DEFENDER_ENDPOINT": ("engine", "defender", "endpoint"),
    "FPCTL_DEFENDER_CREDENTIAL": ("engine", "defender", "credential"),
    "FPCTL_KUSTO_CLUSTER": ("engine", "kusto", "cluster"),
    "FPCTL_KUSTO_DATABASE": ("engine", "kusto", "database"),
    "FPCTL_KUSTO_CREDENTIAL": ("engine", "kusto", "credential"),
    "FPCTL_DEPLOY_WORKSPACE": ("deploy", "workspace"),
    "FPCTL_DEPLOY_ENDPOINT": ("deploy", "endpoint"),
    "FPCTL_DEPLOY_CREDENTIAL": ("deploy", "credential"),
}
"""Environment variables and the keys they stand for; paths in them are relative to the working folder."""

_COMPUTED = {("file",), ("target",), ("paths", "root")}
"""Attributes that are not keys of the file."""


def load_settings(
    config: Path | None = None, *, folder: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the effective settings.

    Args:
        config: the settings file; None for the one that FPCTL_CONFIG names, else the `fpctl.toml` of
            `folder` or of the nearest folder above it.
        folder: the working folder; the process's if None.
        environ: the environment; the process's if None.

    Raises:
        FpctlError: the file is missing, is not TOML, or says something it may not; a variable does.
    """
    variables = os.environ if environ is None else environ
    working = Path() if folder is None else folder
    if config is None and variables.get(CONFIG_VARIABLE):
        config = Path(variables[CONFIG_VARIABLE])
    file = config or find_settings(working)
    data: dict[str, Any] = {}
    text = ""
    if file is not None:
        text = read_text(file)
        data = _parse(text, file)
        _validated(data, text, file)
    _place(data, file.parent if file is not None else working)
    for name, steps in VARIABLES.items():
        if variables.get(name):
            _set(data, steps, variables[name])
            _variable_checked(data, name, steps)
    settings = _validated(data, text, file)
    root = file.parent if file is not None else working
    return settings.model_copy(update={"file": file, "paths": settings.paths.model_copy(update={"root": root})})


def find_settings(folder: Path) -> Path | None:
    """Return the `fpctl.toml` of a folder or of the nearest folder above it that has one."""
    for place in (folder, *folder.resolve().parents):
        candidate = place / FILE_NAME
        if candidate.is_file():
            return candidate
    return None


def _parse(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        at = Location(str(file), int(place[1]), int(place[2])) if place else Location(str(file))
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise FpctlError(f"not valid TOML: {message[:1].lower()}{message[1:]}", at) from error


def _place(data: dict[str, Any], folder: Path) -> None:
    """Make the file's relative paths relative to the working folder; a history URL is left as it is."""
    paths = data.get("paths", {})
    for name in PathSettings.model_fields:
        if name != "root":
            given = paths.get(name)
            default = PathSettings.model_fields[name].default
            if given or default:
                data.setdefault("paths", {})[name] = str(folder / (given or default))
    history = data.setdefault("history", {})
    url = history.get("url", HistorySettings().url)
    if "://" not in url:
        history["url"] = str(folder / url)
    for target in data.get("deploy", {}).get("targets", {}).values():
        for name in ("rules", "exclusions", "history"):
            if target.get(name) and "://" not in target[name]:
                target[name] = str(folder / target[name])


def _set(data: dict[str, Any], steps: tuple[str, ...], value: str) -> None:
    for step in steps[:-1]:
        data = data.setdefault(step, {})
    data[steps[-1]] = value


def _variable_checked(data: dict[str, Any], name: str, steps: tuple[str, ...]) -> None:
    try:
        Settings.model_validate(data)
    except ValidationError as error:
        message, hint = _said(error.errors(include_url=False)[0], steps[-1])
        raise FpctlError(f"the environment variable {name}: {message}", None, hint) from error


def _validated(data: dict[str, Any], text: str, file: Path | None) -> Settings:
    for computed in _COMPUTED:
        holder = data
        for step in computed[:-1]:
            below = holder.get(step)
            holder = below if isinstance(below, dict) else {}
        if computed[-1] in holder:
            raise _unknown(computed, text, file)
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        steps = tuple(str(step) for step in first["loc"] if isinstance(step, str) and step not in ("str", "list[str]"))
        if first["type"] == "extra_forbidden":
            raise _unknown(steps, text, file) from error
        message, hint = _said(first, steps[-1])
        raise FpctlError(message, _find(text, steps, file), hint) from error


def _unknown(steps: tuple[str, ...], text: str, file: Path | None) -> FpctlError:
    table = ".".join(steps[:-1])
    where = f" in [{table}]" if table else ""
    kind = "table or key" if not table else "key"
    return FpctlError(
        f"unknown {kind} `{steps[-1]}`{where}", _find(text, steps, file), did_you_mean(steps[-1], _known(steps[:-1]))
    )


def _known(steps: tuple[str, ...]) -> list[str]:
    """Return the keys of a table of the file."""
    model: type[BaseModel] = Settings
    for step in steps:
        found = next((i.annotation for n, i in model.model_fields.items() if step in (n, i.alias)), None)
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            return []
        model = found
    return [info.alias or name for name, info in model.model_fields.items() if (*steps, name) not in _COMPUTED]


def _said(detail: Any, key: str) -> tuple[str, str | None]:
    """Return a validation error in our words, and a hint."""
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        close = nearest(str(detail["input"]), words)
        shown = ", ".join(f"`{word}`" for word in words)
        return (
            f"`{key}` is `{detail['input']}`; it must be one of {shown}",
            f"did you mean `{close}`?" if close else None,
        )
    if kind == "string_pattern_mismatch":
        resource = "/subscriptions/.../workspaces/NAME"
        named = f"{resource}`, as the workspace's id (a GUID), or as its name, `soc-main"
        example = {"memory": "2GB", "resource_id": resource, "workspace": named}.get(key, "https://host")
        return f"`{key}` is `{detail['input']}`, which it cannot be", f"write it as in `{example}`"
    if kind == "target_name":
        return f"{detail['msg']}", "use letters, digits, `.`, `-` and `_`; sentinel and defender are taken"
    if kind == "string_too_short" or detail["input"] == "":
        return f"`{key}` is empty", "give a value, or remove the key"
    expected = {"is_instance_of": "text", "model_type": "a table", "string_type": "text or a list of texts"}
    if kind.endswith("_type") or kind in expected:
        return f"`{key}` takes {expected.get(kind, detail['msg'].removeprefix('Input should be ').lower())}", None
    return f"`{key}`: {detail['msg'].lower()}", None


def _find(text: str, steps: tuple[str, ...], file: Path | None) -> Location | None:
    """Return the line of a key or a table in TOML text; the parser gives no places."""
    if file is None:
        return None
    wanted, table = list(steps), list[str]()
    best: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            table = [part.strip().strip("\"'") for part in header[1].split(".")]
            if table == wanted[: len(table)]:
                best = number
            if table == wanted:
                return Location(str(file), number, line.index("[") + 1)
            continue
        entry = re.match(r"\s*([\w\"'.-]+)\s*=", line)
        if entry:
            path = [*table, *(part.strip("\"'") for part in entry[1].split("."))]
            if path == wanted[: len(path)] and len(path) > len(table):
                return Location(str(file), number, entry.start(1) + 1)
    return Location(str(file), best)
