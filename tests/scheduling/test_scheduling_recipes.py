"""docs/scheduling.md: the files are well formed, their commands exist, and they do what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from fpctl.cli.app import app
from fpctl.settings import VARIABLES
from servers.log_analytics import LogAnalyticsServer
from servers.loopback import LoopbackServer, Misbehaviour, Request
from servers.security_insights import WORKSPACE, SecurityInsightsServer
from servers.store import Store

from .recipes import DOCS, commands, files

PAGES = ("scheduling.md", "deployment.md", "doctor.md")
OTHER_VARIABLES = {"FPCTL_REPOSITORY", "FPCTL_REF", "FPCTL_HOME", "FPCTL_ACCESS_TOKEN"}
_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def cron_faults(expression: str) -> list[str]:
    """Return what is wrong with the five fields of a cron expression."""
    fields = expression.split()
    if len(fields) != 5:
        return [f"{len(fields)} fields"]
    bad = []
    for field, (low, high) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            found = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/\d+)?", part)
            if not found or any(not low <= int(number) <= high for number in found.groups() if number):
                bad.append(part)
    return bad


def parse_command(arguments: list[str]) -> None:
    """Read a command line as fpctl would, without running it. Raises where an option or argument is wrong."""
    root = get_command(app)
    context = root.make_context("fpctl", list(arguments))
    _, command, rest = root.resolve_command(context, list(arguments))  # type: ignore[attr-defined]
    while hasattr(command, "resolve_command"):
        inner = command.make_context(rest[0], list(rest), parent=context)
        _, command, rest = command.resolve_command(inner, list(rest))
    command.make_context(arguments[0], list(rest), parent=context)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_is_one(page: str) -> None:
    found = list(commands(page))
    assert len(found) >= 3
    for arguments in found:
        parse_command(arguments)


@pytest.mark.parametrize(
    "wrong", [["run", "--resum"], ["rules", "check"], ["nothing"], ["deploy", "--rollback", "--x"]]
)
def test_a_wrong_command_would_be_found(wrong: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)no such"):
        parse_command(wrong)


def test_every_variable_of_the_recipes_is_one() -> None:
    text = "\n".join(files().values())
    named = set(re.findall(r"\bFPCTL_[A-Z_]+\b", text))
    assert "FPCTL_HISTORY_URL" in named
    assert named - set(VARIABLES) - OTHER_VARIABLES == set()


@pytest.mark.parametrize(
    ("expression", "bad"),
    [("17 3 * * *", []), ("*/15 0-6 1,15 * 1-5", []), ("60 3 * * *", ["60"]), ("17 3 * *", ["4 fields"])],
)
def test_cron_expressions_are_checked(expression: str, bad: list[str]) -> None:
    assert cron_faults(expression) == bad


# ---------------------------------------------------------------------------- cron


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[tuple[Path, LogAnalyticsServer]]:
    """A repository on a machine that has `fpctl` on its path, and a workspace for it."""
    home = tmp_path / "detections"
    for name in ("rules", "exclusions"):
        (home / name).mkdir(parents=True)
    for number in range(3):
        (home / "rules" / f"r{number}.kql").write_text(f"Events\n| where Port == {number}\n")
    (home / "exclusions" / "fp-1.yaml").write_text(
        'id: fp-1\nrules: ["*"]\nmatch:\n  device: [build01]\nreason: patching\nowner: a@contoso.com\n'
        "approved_by: b@contoso.com\ncreated: 2026-01-01\nexpires: 2099-01-01\n"
    )
    (home / "schema").mkdir()
    (home / "schema" / "own.yaml").write_text("Events: {Timestamp: datetime, DeviceName: string, Port: int}\n")
    store = Store(
        "CREATE TABLE Events AS SELECT now()::TIMESTAMP - INTERVAL '1 hour' AS Timestamp, 'build01' AS DeviceName, "
        "CAST(x % 3 AS INTEGER) AS Port FROM range(9) AS numbers(x)"
    )
    tools = tmp_path / "bin"
    tools.mkdir()
    shim = tools / "fpctl"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fpctl "$@"\n')
    shim.chmod(0o755)
    with LogAnalyticsServer(store) as server:
        (home / "fpctl.toml").write_text(
            "[engine]\ndefault = 'log-analytics'\ncredential = 'none'\n"
            f"[engine.log-analytics]\nworkspace_id = 'w'\nendpoint = '{server.url}'\n"
        )
        yield tmp_path, server
    store.close()


def run_script(place: Path, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script as cron or a runner does: a small environment, no terminal."""
    script = place / "script.sh"
    script.write_text(text)
    environment = {
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HOME": str(place),
        **variables,
    }
    return subprocess.run(
        ["bash", "-e", str(script)], cwd=place, env=environment, capture_output=True, text=True, timeout=120,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def nightly(place: Path) -> subprocess.CompletedProcess[str]:
    script = files()["fpctl-nightly.sh"]
    return run_script(place, f"bash <<'THE_SCRIPT'\n{script}\nTHE_SCRIPT\n", FPCTL_HOME=str(place / "detections"))


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed")
def test_the_nightly_script_runs_all_rules_and_records_them(machine: tuple[Path, LogAnalyticsServer]) -> None:
    place, _ = machine
    done = nightly(place)
    assert done.returncode in (0, 1), done.stderr
    shown = json.loads((place / "detections" / "last-run.json").read_text())
    assert (shown["summary"]["ok"], shown["summary"]["hits"]) == (3, 9)
    assert "findings" in json.loads((place / "detections" / "last-audit.json").read_text())
    assert (place / "detections" / ".fpctl" / "history.db").exists()


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed")
def test_the_nightly_script_runs_again_what_failed(machine: tuple[Path, LogAnalyticsServer]) -> None:
    place, server = machine
    server.scripted = lambda request: request.method == "POST" and "Port == 1" in request.body["query"]  # type: ignore[method-assign]
    server.script.extend([Misbehaviour("status", 400), Misbehaviour("status", 400)])
    done = nightly(place)
    assert done.returncode in (0, 1), done.stderr
    home = place / "detections"
    assert json.loads((home / "last-run.json").read_text())["summary"]["failed"] == 1
    again = json.loads((home / "last-run-again.json").read_text())["summary"]
    assert (again["ok"], again["done_before"]) == (1, 2)
    assert not (home / ".fpctl" / "run.jsonl").exists()


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed")
def test_the_nightly_script_says_when_something_does_not_work(machine: tuple[Path, LogAnalyticsServer]) -> None:
    place, server = machine
    server.close()
    done = nightly(place)
    assert done.returncode == 2
    assert "fpctl: something did not work, see above" in done.stderr
    assert "cannot be reached" in done.stdout


def test_the_crontab_runs_the_script() -> None:
    lines = [line for line in files()["crontab"].splitlines() if line.strip()]
    jobs = [line for line in lines if not re.match(r"[A-Z_]+=", line)]
    (job,) = jobs
    *fields, command = job.split(None, 5)
    assert cron_faults(" ".join(fields)) == []
    assert command.endswith("/fpctl-nightly.sh")


# ---------------------------------------------------------------------------- GitHub Actions


def workflow() -> dict[Any, Any]:
    return dict(yaml.safe_load(files()[".github/workflows/detections.yml"]))


def test_the_workflow_asks_for_a_token_only_where_it_signs_in() -> None:
    flow = workflow()
    assert flow["permissions"] == {"contents": "read"}
    for name, job in flow["jobs"].items():
        signs_in = job.get("env", {}).get("FPCTL_CREDENTIAL") == "github-oidc"
        assert (job.get("permissions", {}).get("id-token") == "write") == signs_in, name
    # YAML 1.1 reads the key `on` as true.
    assert [cron_faults(one["cron"]) for one in flow[True]["schedule"]] == [[]]


def test_the_workflow_stores_no_secret_but_the_history() -> None:
    text = files()[".github/workflows/detections.yml"]
    assert set(re.findall(r"secrets\.(\w+)", text)) == {"FPCTL_HISTORY_URL"}


def test_actions_are_pinned_by_commit_and_only_fpctl_is_installed() -> None:
    pages = "\n".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md")))
    used = re.findall(r"uses: (\S+) # v\d[\d.]*$", pages, re.MULTILINE)
    assert len(used) == len(re.findall(r"uses: \S+/", pages)) > 5
    for step in used:
        assert re.fullmatch(r"[\w-]+(?:/[\w-]+)+@[0-9a-f]{40}", step), step
    for line in re.findall(r"pip3? install (.+)", pages):
        what = [part for part in re.sub(r"(-c|-r) \S+", "", line).split() if not part.startswith("-")]
        assert what[0].strip("`'\"").startswith((".", "tools/", "fpctl/")), line


def test_the_job_that_deploys_looks_at_the_trail_of_the_team_first() -> None:
    job = workflow()["jobs"]["deploy"]
    assert "secrets.FPCTL_HISTORY_URL" in job["env"]["FPCTL_HISTORY_URL"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands.index("fpctl log verify") < commands.index("fpctl deploy --yes")
    assert any("[postgres]" in command for command in commands)


class TokenServices(LoopbackServer):
    """GitHub's token service of a job, and Entra ID's, which exchanges an assertion for a token."""

    def __init__(self) -> None:
        super().__init__()
        self.subject = ""
        self.assertions: list[str] = []

    def answer(self, request: Request) -> tuple[int, Any]:
        if request.path.startswith("/github"):
            asked = request.headers.get("Authorization"), request.path.partition("audience=")[2]
            if asked != ("Bearer of-the-job", "api://AzureADTokenExchange"):
                return 401, {}
            self.assertions.append(f"assertion-{len(self.assertions)}-of-{self.subject}")
            return 200, {"value": self.assertions[-1]}
        body = request.body
        if request.path != "/entra" or (body["tenant"], body["client"]) != ("the-tenant", "the-app"):
            return 400, {"error": "invalid_client"}
        # A federated credential is for one subject exactly.
        if body["assertion"] not in self.assertions or body["assertion"].partition("-of-")[2] not in SUBJECTS.values():
            return 400, {"error": "AADSTS700213: no matching federated identity record"}
        return 200, {"token": ENTRA_TOKEN}


SUBJECTS = {"nightly": "repo:o/r:ref:refs/heads/main", "deploy": "repo:o/r:environment:production"}
ENTRA_TOKEN = "entra-gave-this-token-0123456789"
CREDENTIAL = """\
import json, os, time, urllib.request
import azure.identity
from azure.core.credentials import AccessTokenInfo

class ClientAssertionCredential:
    # The exchange of azure-identity, with the token service of this machine.
    def __init__(self, tenant_id, client_id, func, **_):
        self.login, self.func = (tenant_id, client_id), func

    def get_token_info(self, *scopes, options=None):
        body = {"tenant": self.login[0], "client": self.login[1], "assertion": self.func(), "scope": scopes[0]}
        request = urllib.request.Request(os.environ["ENTRA"], json.dumps(body).encode(), method="POST")
        return AccessTokenInfo(json.load(urllib.request.urlopen(request))["token"], int(time.time()) + 3600)

azure.identity.ClientAssertionCredential = ClientAssertionCredential
"""


def subject_of(job: dict[str, Any]) -> str:
    """Return what GitHub says of a job: its environment, and the branch only where it has none."""
    return f"repo:o/r:environment:{job['environment']}" if "environment" in job else "repo:o/r:ref:refs/heads/main"


def test_the_page_names_the_subjects_that_the_jobs_present() -> None:
    page = (DOCS / "scheduling.md").read_text()
    for name, job in workflow()["jobs"].items():
        if "id-token" in job.get("permissions", {}):
            subject = subject_of(job)
            assert SUBJECTS[name] == subject
            assert subject.replace("o/r", "ORGANISATION/REPOSITORY") in page


def test_the_steps_of_the_workflow_sign_in_and_do_what_they_say(machine: tuple[Path, LogAnalyticsServer]) -> None:
    place, logs = machine
    home = place / "detections"
    (place / "patched").mkdir()
    (place / "patched" / "sitecustomize.py").write_text(CREDENTIAL)
    with SecurityInsightsServer() as manager, TokenServices() as tokens:
        logs.token = manager.token = ENTRA_TOKEN
        settings = (home / "fpctl.toml").read_text()
        for line in ("credential = 'none'\n", "workspace_id = 'w'\n"):
            settings = settings.replace(line, "")
        (home / "fpctl.toml").write_text(f"{settings}[deploy]\nendpoint = '{manager.url}'\n")
        given = {
            "vars.WORKSPACE_RESOURCE_ID": WORKSPACE, "vars.AZURE_CLIENT_ID": "the-app",
            "vars.AZURE_TENANT_ID": "the-tenant", "secrets.FPCTL_HISTORY_URL": str(home / "history.db"),
        }  # fmt: skip
        (home / "rules" / "h.yaml").write_text(
            "id: 1f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d22\nname: Hunt\nquery: |\n  Events\n  | where Port == 2\n"
        )
        # The team has a history before it deploys by machine: without one there is no trail to look at.
        by_hand = {
            "FPCTL_WORKSPACE": WORKSPACE, "FPCTL_CREDENTIAL": "token", "FPCTL_ACCESS_TOKEN": ENTRA_TOKEN,
            "FPCTL_HISTORY_URL": given["secrets.FPCTL_HISTORY_URL"],
        }  # fmt: skip
        first = run_script(place, "cd detections\nfpctl run || [ $? -eq 1 ]", **by_hand)
        assert first.returncode == 0, first.stderr
        flow = workflow()
        for job in ("check", "deploy", "nightly"):
            tokens.subject = subject_of(flow["jobs"][job])
            variables = {
                name: re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: given[found[1]], str(value))
                for name, value in flow["jobs"][job].get("env", {}).items()
            }
            if "id-token" in flow["jobs"][job].get("permissions", {}):
                variables |= {
                    "ACTIONS_ID_TOKEN_REQUEST_URL": f"{tokens.url}/github?v=2",
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job", "ENTRA": f"{tokens.url}/entra",
                }  # fmt: skip
            path = os.pathsep.join((str(place / "patched"), *(path for path in sys.path if path)))
            variables |= {"PYTHONPATH": path}
            for step in flow["jobs"][job]["steps"]:
                script = step.get("run", "")
                if not script or "pip install" in script:
                    continue
                # The repository of the test has findings, which fail the check of a pull request as they should.
                script = script.replace("fpctl audit", "fpctl audit || [ $? -eq 1 ]")
                done = run_script(place, f"cd detections\n{script}", **variables)
                assert done.returncode == 0, (job, step["name"], done.stdout, done.stderr)
        assert list(manager.resources) == ["savedSearches/1f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d22"]
        assert len(tokens.assertions) >= 3
        assert {request.headers["Authorization"] for request in manager.requests} == {f"Bearer {ENTRA_TOKEN}"}
    assert json.loads((home / "run.json").read_text())["summary"]["ok"] == 4
    assert (home / "tuned" / "r0.kql").exists()


# ---------------------------------------------------------------------------- Azure Container App job


def test_the_job_runs_a_command_of_fpctl_on_time_as_an_identity() -> None:
    job = yaml.safe_load(files()["job.yaml"])
    (identity,) = job["identity"]["userAssignedIdentities"]
    configuration = job["properties"]["configuration"]
    assert configuration["triggerType"] == "Schedule"
    assert cron_faults(configuration["scheduleTriggerConfig"]["cronExpression"]) == []
    assert [registry["identity"] for registry in configuration["registries"]] == [identity]
    (container,) = job["properties"]["template"]["containers"]
    parse_command(container["args"])
    secrets = {secret["name"]: secret for secret in configuration["secrets"]}
    assert all("keyVaultUrl" in secret and "value" not in secret for secret in secrets.values())
    for variable in container["env"]:
        assert ("value" in variable) != ("secretRef" in variable)
        assert variable.get("secretRef") in {None, *secrets}
    assert ":latest" not in container["image"]
