"""What `fpctl.toml` and the environment may say, and the message for what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpctl.errors import FpctlError
from fpctl.settings import Settings, find_settings, load_settings


def load(folder: Path, text: str, **environ: str) -> Settings:
    (folder / "fpctl.toml").write_bytes(text.encode())
    return load_settings(folder=folder, environ=environ)


def said(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(FpctlError) as caught:
        load(folder, text, **environ)
    return str(caught.value).replace(str(folder), "ROOT")


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environ={})
    assert settings.file is None
    assert (settings.paths.rules, settings.paths.exclusions) == (Path("rules"), Path("exclusions"))
    assert (settings.paths.out, settings.paths.data, settings.paths.root) == (None, None, Path())
    assert settings.history.url == str(Path(".fpctl/history.db"))
    assert (settings.engine.default, settings.tables.environment) == ("local", "auto")


def test_the_file_is_found_in_a_folder_above_and_its_paths_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "fpctl.toml").write_text('[paths]\nrules = "detections"\nout = "/abs/out"\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    settings = load_settings(folder=below, environ={})
    assert find_settings(below) == tmp_path / "fpctl.toml"
    assert settings.paths.root == tmp_path
    assert settings.paths.rules == tmp_path / "detections"
    assert settings.paths.exclusions == tmp_path / "exclusions"
    assert settings.paths.out == Path("/abs/out")
    assert settings.history.url == str(tmp_path / ".fpctl/history.db")


def test_in_the_working_folder_paths_stay_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fpctl.toml").write_text('[paths]\nrules = "r"\n')
    assert load_settings(environ={}).paths.rules == Path("r")


def test_every_table_is_read(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
[schema]
environment = "xdr"
[fields.MyTable]
device = ["Computer", "Detail.host"]
url = "Address"
[history]
url = "postgresql+psycopg://host/db"
[engine]
default = "kusto"
[engine.local]
threads = 2
memory = "2GB"
timeout = 30
[engine.log-analytics]
additional_workspaces = ["x"]
endpoint = "https://api.loganalytics.us"
[engine.defender]
timeout = 1.5
[engine.kusto]
cluster = "https://c.westeurope.kusto.windows.net"
database = "d"
""".replace("\n", "\r\n"),
    )
    assert settings.tables.environment == "xdr"
    assert settings.fields == {"MyTable": {"device": ["Computer", "Detail.host"], "url": "Address"}}
    assert settings.history.url == "postgresql+psycopg://host/db"
    engine = settings.engine
    assert (engine.default, engine.local.threads, engine.local.memory, engine.local.timeout) == ("kusto", 2, "2GB", 30)
    assert engine.log_analytics.additional_workspaces == ["x"]
    assert engine.log_analytics.endpoint == "https://api.loganalytics.us"
    assert (engine.defender.timeout, engine.kusto.database) == (1.5, "d")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        '[paths]\nrules = "a"\n[history]\nurl = "a.db"\n',
        FPCTL_RULES="b",
        FPCTL_HISTORY_URL="sqlite:///c.db",
        FPCTL_ENGINE="defender",
        FPCTL_KUSTO_DATABASE="d",
        FPCTL_DATA="",
        FPCTL_SOMETHING_ELSE="x",
    )
    assert settings.paths.rules == Path("b")
    assert settings.history.url == "sqlite:///c.db"
    assert (settings.engine.default, settings.engine.kusto.database) == ("defender", "d")
    assert settings.paths.data is None


def test_an_option_or_a_variable_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('[engine]\ndefault = "kusto"\n')
    (tmp_path / "two.toml").write_text('[engine]\ndefault = "defender"\n')
    variable = {"FPCTL_CONFIG": str(tmp_path / "two.toml")}
    assert load_settings(tmp_path / "one.toml", folder=tmp_path, environ=variable).engine.default == "kusto"
    assert load_settings(folder=tmp_path, environ=variable).engine.default == "defender"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[paths]\nrulez = 'a'\n", "ROOT/fpctl.toml:2:1: unknown key `rulez` in [paths]\n"
         "  hint: did you mean `rules`?"),
        ("x = 1\n[path]\n", "ROOT/fpctl.toml:1:1: unknown table or key `x`\n"
         "  hint: known names: clauses, console, deploy, engine, fields, history, paths, policy, risk, schema, "
         "workspace"),
        ("\n[path]\n", "ROOT/fpctl.toml:2:1: unknown table or key `path`\n  hint: did you mean `paths`?"),
        ("[engine.log_analytics]\n", "ROOT/fpctl.toml:1:1: unknown key `log_analytics` in [engine]\n"
         "  hint: did you mean `log-analytics`?"),
        ("[engine.local]\n  thread = 1\n", "ROOT/fpctl.toml:2:3: unknown key `thread` in [engine.local]\n"
         "  hint: did you mean `threads`?"),
        ("engine.local.thread = 1\n", "ROOT/fpctl.toml:1:1: unknown key `thread` in [engine.local]\n"
         "  hint: did you mean `threads`?"),
        ("[paths]\nroot = 'x'\n", "ROOT/fpctl.toml:2:1: unknown key `root` in [paths]\n"
         "  hint: known names: data, exclusions, out, rules"),
        ("file = 'x'\n", "ROOT/fpctl.toml:1:1: unknown table or key `file`\n  hint: did you mean `fields`?"),
        ("[engine]\ndefault = 'kust'\n",
         "ROOT/fpctl.toml:2:1: `default` is `kust`; it must be one of `local`, `log-analytics`, `defender`, `kusto`\n"
         "  hint: did you mean `kusto`?"),
        ("[engine.local]\nmemory = '2 gigs'\n",
         "ROOT/fpctl.toml:2:1: `memory` is `2 gigs`, which it cannot be\n  hint: write it as in `2GB`"),
        ("[engine.kusto]\ncluster = 'c'\n",
         "ROOT/fpctl.toml:2:1: `cluster` is `c`, which it cannot be\n  hint: write it as in `https://host`"),
        ("[deploy]\nworkspace = '/main'\n",
         "ROOT/fpctl.toml:2:1: `workspace` is `/main`, which it cannot be\n"
         "  hint: write it as in `/subscriptions/.../workspaces/NAME`, as the workspace's id (a GUID), or as its name, "
         "`soc-main`"),
        ("[engine.local]\nthreads = 0\n",
         "ROOT/fpctl.toml:2:1: `threads`: input should be greater than or equal to 1"),
        ("[engine.local]\nthreads = '2'\n", "ROOT/fpctl.toml:2:1: `threads` takes a valid integer"),
        ("[paths]\nrules = ''\n", "ROOT/fpctl.toml:2:1: `rules` is empty\n  hint: give a value, or remove the key"),
        ("[paths]\nrules = 3\n", "ROOT/fpctl.toml:2:1: `rules` takes text"),
        ("paths = 3\n", "ROOT/fpctl.toml:1:1: `paths` takes a table"),
        ("[fields.T]\ndevice = 3\n", "ROOT/fpctl.toml:2:1: `device` takes text or a list of texts"),
        ("a = = 2\n", "ROOT/fpctl.toml:1:5: not valid TOML: invalid value"),
        ("[paths]\nrules = 'a'\nrules = 'b'\n", "ROOT/fpctl.toml:3:12: not valid TOML: cannot overwrite a value"),
    ],
)  # fmt: skip
def test_a_fault_of_the_file_is_one_message_at_its_line(tmp_path: Path, text: str, expected: str) -> None:
    assert said(tmp_path, text) == expected


def test_a_fault_of_a_variable_names_the_variable(tmp_path: Path) -> None:
    assert said(tmp_path, "", FPCTL_ENVIRONMENT="xrd") == (
        "the environment variable FPCTL_ENVIRONMENT: `environment` is `xrd`; it must be one of "
        "`auto`, `xdr`, `loganalytics`\n  hint: did you mean `xdr`?"
    )


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FpctlError, match="cannot read the file: No such file or directory"):
        load_settings(tmp_path / "gone.toml", environ={})
