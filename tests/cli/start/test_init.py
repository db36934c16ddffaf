"""`fpctl init`: a repository that works from the first day, and schemas that agree with the loader."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from exclusion_text import read_exclusion
from fpctl.cli.app import VERBS
from fpctl.exclusions.model import Alternative, Approval, Exclusion
from fpctl.exclusions.window import Window
from fpctl.repository.json_schema import exclusion_schema, rule_schema
from fpctl.settings import Settings, load_settings
from records_support import EXCLUSION, RULE, RULE_ID

ROOT = Path(__file__).resolve().parents[3]

WRITTEN = [
    ".fpctl/schemas/exclusion.schema.json",
    ".fpctl/schemas/rule.schema.json",
    ".githooks/pre-commit",
    ".github/workflows/fpctl.yml",
    ".gitignore",
    ".pre-commit-config.yaml",
    ".vscode/settings.json",
    "exclusions/README.md",
    "exclusions/lists/.gitkeep",
    "fpctl.toml",
    "rules/.gitkeep",
    "tuned/.gitkeep",
]


@pytest.fixture
def scaffolded(fpctl, repository, monkeypatch):
    """Return the root of a fresh scaffolded repository, which is the working directory."""
    assert fpctl("init", "new").code == 0
    monkeypatch.chdir(repository / "new")
    return repository / "new"


def test_every_file_is_told_and_there(fpctl, repository):
    outcome = fpctl("init", "new/deeper")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [f"wrote new/deeper/{path}" for path in WRITTEN]
    found = sorted(
        path.relative_to("new/deeper").as_posix() for path in Path("new/deeper").rglob("*") if path.is_file()
    )
    assert found == WRITTEN


def test_what_is_there_is_kept_byte_for_byte_and_told(fpctl, repository):
    mine = {".gitignore": b"mine\r\n", "fpctl.toml": b'[paths]\nrules = "rules"\n'}
    for path, data in mine.items():
        (repository / path).write_bytes(data)
    outcome = fpctl("init", "--format", "json")
    assert outcome.json["kept"] == [".gitignore", "fpctl.toml"]
    assert outcome.json["written"] == [path for path in WRITTEN if path not in mine]
    assert {path: (repository / path).read_bytes() for path in mine} == mine
    assert outcome.json["unignored"][:2] == ["data/", ".fpctl/history.db*"]
    again = fpctl("init")
    assert again.out.splitlines() == [f"kept  {path} (already exists)" for path in WRITTEN]


def test_a_link_in_the_way_is_not_followed(fpctl, repository):
    (repository / "fpctl.toml").symlink_to(repository / "elsewhere.toml")
    assert fpctl("init").code == 0
    assert not (repository / "elsewhere.toml").exists()


def test_a_file_is_no_folder(fpctl, repository):
    (repository / "file").write_text("x")
    outcome = fpctl("init", "file")
    assert (outcome.code, outcome.err) == (
        2,
        "fpctl: file: this is a file, not a folder\n  hint: give the folder of the repository\n",
    )


def test_the_settings_are_read_and_every_example_in_them_is_valid(scaffolded):
    text = (scaffolded / "fpctl.toml").read_text(encoding="utf-8")
    assert load_settings().paths.out == Path("tuned")
    examples = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    assert examples != text
    (scaffolded / "fpctl.toml").write_text(examples, encoding="utf-8")
    settings = load_settings()
    assert settings.fields == {"MyProxy_CL": {"device": ["SourceHost"], "url": ["RequestUrl"]}}
    assert settings.engine.local.memory == "2GB"


def tables_of(model, prefix=()):
    """Yield the path of each table of the settings file."""
    for name, info in model.model_fields.items():
        kind = next((one for one in (info.annotation, *get_args(info.annotation)) if is_table(one)), None)
        if kind is not None:
            named = ("fabrikam",) if get_origin(info.annotation) is dict else ()
            yield (path := (*prefix, info.alias or name, *named))
            yield from tables_of(kind, path)


def is_table(kind):
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def test_every_table_of_the_settings_is_in_the_file_with_a_comment(scaffolded):
    lines = (scaffolded / "fpctl.toml").read_text(encoding="utf-8").splitlines()
    for path in tables_of(Settings):
        name = ".".join(path)
        at = next(
            (n for n, line in enumerate(lines) if line.removeprefix("# ").startswith((f"[{name}]", f"[{name}."))), None
        )
        assert at is not None, path
        assert any(line.startswith("#") or "#" in line for line in lines[max(0, at - 1) : at + 2]), path


def test_a_rule_goes_through_the_new_repository(fpctl, scaffolded):
    assert fpctl("audit").code == 0
    assert fpctl("apply", "--check", "--out", "tuned").code == 0
    (scaffolded / "rules" / "r.yaml").write_text(RULE, encoding="utf-8")
    assert fpctl("apply", "--check", "--out", "tuned").code == 1
    record = ("add", "--rule", RULE_ID, "--device", "build01", "--id", "a1", "--yes", "--reason", "Patching")
    assert fpctl(*record, "--owner", "a@contoso.com", "--approved-by", "b@contoso.com").code == 0
    assert fpctl("apply", "--out", "tuned").code == 0
    assert fpctl("apply", "--check", "--out", "tuned").code == 0
    assert "// fpctl a1" in (scaffolded / "tuned" / "r.yaml").read_text(encoding="utf-8")
    assert fpctl("list", "--format", "json").json["exclusions"][0]["id"] == "a1"


def test_a_new_exclusion_names_the_schema_for_editors(fpctl, scaffolded):
    (scaffolded / "rules" / "r.yaml").write_text(RULE, encoding="utf-8")
    fpctl("add", "--rule", RULE_ID, "--device", "build01", "--id", "a1", "--yes")
    text = (scaffolded / "exclusions" / "a1.yaml").read_text(encoding="utf-8")
    first = text.partition("\n")[0]
    assert first == "# yaml-language-server: $schema=../.fpctl/schemas/exclusion.schema.json"
    named = first.partition("$schema=")[2]
    assert (scaffolded / "exclusions" / named).resolve() == scaffolded / ".fpctl/schemas/exclusion.schema.json"


def test_hook_and_workflow_run_the_three_checks(scaffolded):
    hook = (scaffolded / ".githooks" / "pre-commit").read_text(encoding="utf-8")
    workflow = yaml.safe_load((scaffolded / ".github" / "workflows" / "fpctl.yml").read_text(encoding="utf-8"))
    checks = ["fpctl audit", "fpctl apply --check --out tuned", "fpctl test"]
    assert [line for line in hook.splitlines() if line.startswith("fpctl ")] == checks
    steps = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    assert steps[1:] == checks
    assert steps[0] == install_step(scaffolded)
    (local,) = yaml.safe_load((scaffolded / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [one["entry"] for one in local["hooks"]] == [".githooks/pre-commit"]


def install_step(root):
    workflow = yaml.safe_load((root / ".github" / "workflows" / "fpctl.yml").read_text(encoding="utf-8"))
    (script,) = [one["run"] for one in workflow["jobs"]["check"]["steps"] if one.get("name") == "Install fpctl"]
    return script


@pytest.mark.parametrize(
    ("there", "installed"),
    [
        ((".fpctl-source/pyproject.toml",), "-m pip install -c .fpctl-source/constraints.txt ./.fpctl-source"),
        (("tools/fpctl-0.2.0-py3-none-any.whl",), "-m pip install tools/fpctl-0.2.0-py3-none-any.whl"),
        ((), None),
    ],
)
def test_the_workflow_installs_a_checkout_or_a_wheel_and_no_name_of_an_index(scaffolded, tmp_path, there, installed):
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python").write_text('#!/bin/sh\necho "$*" > called\n')
    (tools / "python").chmod(0o755)
    for name in there:
        (scaffolded / name).parent.mkdir(parents=True)
        (scaffolded / name).touch()
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-c", install_step(scaffolded)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == (0 if installed else 1)
    assert (Path("called").read_text().strip() if installed else done.stderr[:9]) == (installed or "::error::")


def test_git_runs_the_hook_and_a_failing_check_stops_the_commit(scaffolded, tmp_path):
    """The hook as git runs it, with an fpctl that notes how it is called."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "fpctl").write_text('#!/bin/sh\necho "$*" >> calls\n[ "$1" != "$FAILING" ]\n')
    (tools / "fpctl").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    for key in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{key}_NAME": "x", f"GIT_{key}_EMAIL": "x@contoso.com"}

    def git(*arguments, **more):
        return subprocess.run(
            ["git", *arguments], env={**environment, **more}, capture_output=True, text=True, check=False
        )

    git("init", "-q")
    git("config", "core.hooksPath", ".githooks")
    git("add", ".githooks")
    assert git("commit", "-qm", "x", FAILING="apply").returncode == 1
    assert Path("calls").read_text() == "audit\napply --check --out tuned\n"
    done = git("commit", "-qm", "x")
    assert done.returncode == 0, done.stderr
    assert git("log", "--format=%s").stdout == "x\n"


def test_the_history_is_not_committed_and_the_schemas_are(scaffolded):
    subprocess.run(["git", "init", "-q"], check=True)
    for name in ("history.db", "history.db-wal", "users.yaml"):
        (scaffolded / ".fpctl" / name).write_text("x")
    (scaffolded / "data").mkdir()
    (scaffolded / "data" / "SigninLogs.csv").write_text("x")
    listed = subprocess.run(["git", "status", "--short", "-uall"], capture_output=True, text=True, check=True).stdout
    assert [word for word in ("history", "users.yaml", "data/") if word in listed] == []
    assert ".fpctl/schemas/exclusion.schema.json" in listed


# --- the schemas


def faults(schema, value, root=None, at="$"):
    """Yield where a value does not meet a schema, for the keywords that ours use."""
    root = root or schema
    if "$ref" in schema:
        yield from faults(root["definitions"][schema["$ref"].rpartition("/")[2]], value, root, at)
        return
    known = {"$schema", "title", "description", "type", "properties", "required", "additionalProperties", "definitions",
             "anyOf", "items", "minItems", "enum", "pattern", "format"}  # fmt: skip
    assert set(schema) <= known, set(schema) - known
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": float}
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(isinstance(value, kinds[t]) and not (t == "integer" and value is True) for t in types):
        yield f"{at}: not {types}"
        return
    if "anyOf" in schema and all(list(faults(one, value, root, at)) for one in schema["anyOf"]):
        yield f"{at}: none of the choices"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not in enum"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: pattern"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{at}: too few"
        for number, item in enumerate(value):
            yield from faults(schema.get("items", {}), item, root, f"{at}[{number}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        yield from (f"{at}: no {name}" for name in schema.get("required", ()) if name not in value)
        for name, item in value.items():
            if name in properties:
                yield from faults(properties[name], item, root, f"{at}.{name}")
            elif schema.get("additionalProperties", True) is False:
                yield f"{at}: unknown {name}"
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from faults(schema["additionalProperties"], item, root, f"{at}.{name}")


class Core(yaml.SafeLoader):
    """YAML as the language server reads it: a date is text."""


Core.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for key, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


GOOD = [
    EXCLUSION,
    "id: a\nrules: '*'\nmatch: {device: d}\n",
    "id: a\nrules: ['*']\nmatch: [{device: d, port: 443}, {url: [a.contoso.com], where: x == 1}]\ntags: a\n",
    "id: a\nrules: ['*']\nmatch: {process: p}\nbroad: true\napproved_by: x\n"
    "approval: {'on': 2026-11-01, rules: {r: h}}\n",
    "id: a\nrules: r\nmatch: {device: d}\nwindow: {weekly: sun 02:00-04:00, timezone: Europe/Rome}\nstatus: draft\n",
    "id: a\nrules: r\nmatch: {device: d}\nplacement: result\nscenario: remote-reboot\nnotes: x\n",
]  # fmt: skip
BAD = [
    "rules: ['*']\nmatch: {device: d}\n",
    "id: a\nmatch: {device: d}\n",
    "id: a\nrules: ['*']\n",
    "id: 'a b'\nrules: ['*']\nmatch: {device: d}\n",
    "id: a\nrules: []\nmatch: {device: d}\n",
    "id: a\nrules: ['*']\nmatch: {devise: d}\n",
    "id: a\nrules: ['*']\nmatch: {device: []}\n",
    "id: a\nrules: ['*']\nmatch: []\n",
    "id: a\nrules: ['*']\nmatch: {device: d}\nstatus: off-duty\n",
    "id: a\nrules: ['*']\nmatch: {device: d}\nscenario: remote\n",
    "id: a\nrules: ['*']\nmatch: {device: d}\nplacement: top\n",
    "id: a\nrules: ['*']\nmatch: {device: d}\nexpiry: 2027-01-01\n",
    "id: a\nrules: ['*']\nmatch: {device: d}\nwindow: {hours: x}\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_loader_takes_the_schema_takes(text):
    exclusion, problems = read_exclusion(text)
    assert exclusion is not None, problems
    assert list(faults(exclusion_schema(), yaml.load(text, Core))) == []


@pytest.mark.parametrize("text", BAD)
def test_what_the_schema_refuses_the_loader_refuses(text):
    assert read_exclusion(text)[0] is None
    assert list(faults(exclusion_schema(), yaml.load(text, Core))) != []


@pytest.mark.parametrize("path", sorted((ROOT / "exclusions").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_worked_exclusions_meet_the_schema(path):
    assert list(faults(exclusion_schema(), yaml.load(path.read_text(encoding="utf-8"), Core))) == []


def test_the_schema_explains_every_key_of_the_models():
    schema = exclusion_schema()
    properties = schema["properties"]
    found = {
        Exclusion: properties,
        Alternative: schema["definitions"]["match"]["properties"],
        Window: properties["window"]["properties"],
        Approval: properties["approval"]["properties"],
    }
    for model, keys in found.items():
        assert list(keys) == list(model.model_fields)
        assert all(key.get("description") for key in keys.values())


def test_a_rule_meets_the_schema_and_its_foreign_keys_are_its_own():
    document = yaml.safe_load(RULE) | {"mine": 1, "triggerOperator": "gt", "triggerThreshold": 0, "techniques": "T1"}
    assert list(faults(rule_schema(), document)) == []
    assert list(faults(rule_schema(), {"id": "x"})) == ["$: no query"]
    assert list(faults(rule_schema(), document | {"triggerOperator": "more"})) == ["$.triggerOperator: not in enum"]


def test_the_schemas_files_are_json(scaffolded):
    for name, made in (("exclusion", exclusion_schema()), ("rule", rule_schema())):
        text = (scaffolded / ".fpctl" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
        assert json.loads(text) == made


# --- shell completion


def completed(fpctl, monkeypatch, words: str, shell: str = "bash") -> list[str]:
    monkeypatch.setenv("_FPCTL_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", words)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    outcome = fpctl()
    assert outcome.code == 0, outcome.err
    return [line.partition("\t")[0] for line in outcome.out.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_verbs_are_completed(fpctl, monkeypatch, shell):
    expected = [verb.name for verb in VERBS if verb.name.startswith("re")]
    assert completed(fpctl, monkeypatch, "fpctl re", shell) == expected
    assert "renew" in expected


def test_options_of_a_verb_are_completed(fpctl, monkeypatch):
    assert completed(fpctl, monkeypatch, "fpctl list --exp") == ["--expiring"]


def test_ids_rules_scenarios_and_lists_are_completed(fpctl, recorded, monkeypatch):
    lists = recorded.parent / "lists"
    lists.mkdir()
    (lists / "agents.txt").write_text("x\n")
    for verb in ("show", "edit", "renew", "retire", "approve"):
        assert completed(fpctl, monkeypatch, f"fpctl {verb} fp-") == ["fp-2026-0001"]
    assert completed(fpctl, monkeypatch, "fpctl add --rule 5a3") == [RULE_ID]
    assert completed(fpctl, monkeypatch, "fpctl add --scenario re") == ["remote-reboot"]
    assert completed(fpctl, monkeypatch, "fpctl lists add a") == ["agents"]


def test_completion_is_silent_where_there_is_nothing(fpctl, repository, monkeypatch):
    (repository / "fpctl.toml").write_text("not toml")
    assert completed(fpctl, monkeypatch, "fpctl show fp-") == []
    assert completed(fpctl, monkeypatch, "fpctl add --rule x") == []


def test_the_completion_script_of_a_shell_is_shown(fpctl, monkeypatch):
    monkeypatch.setenv("_FPCTL_COMPLETE", "source_bash")
    outcome = fpctl()
    assert outcome.code == 0
    assert outcome.out.strip().endswith("complete -o default -F _fpctl_completion fpctl")
