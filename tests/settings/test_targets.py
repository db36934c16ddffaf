"""Named targets: whose workspace, tenant, rules and exclusions a command works with."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpctl.deploy_targets import with_target
from fpctl.errors import FpctlError
from fpctl.settings import Settings, load_settings

OWN = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/own"
TEXT = f"""
workspace = '{OWN}'
[paths]
rules = "rules"
[engine]
credential = "cli"
[engine.log-analytics]
additional_workspaces = ["other"]
[engine.defender]
tenant = "home"
[deploy.targets.fabrikam]
workspace = "fabrikam-soc"
tenant = "fabrikam"
credential = "managed-identity"
exclusions = "customers/fabrikam"
[deploy.targets.fabrikam-xdr]
service = "defender"
tenant = "fabrikam"
rules = "detections"
history = "fabrikam.db"
"""


def loaded(folder: Path, text: str = TEXT) -> Settings:
    (folder / "fpctl.toml").write_text(text)
    return load_settings(folder=folder, environ={})


def test_a_target_is_laid_over_the_other_settings(tmp_path: Path) -> None:
    found = with_target(loaded(tmp_path), "fabrikam")
    assert (found.target, found.service, found.workspace) == ("fabrikam", "sentinel", "fabrikam-soc")
    assert found.paths.rules == tmp_path / "rules"
    assert found.paths.exclusions == tmp_path / "customers" / "fabrikam"
    assert found.engine.default == "log-analytics"
    own = found.engine.log_analytics
    assert (own.tenant, own.credential, own.additional_workspaces) == ("fabrikam", "managed-identity", [])
    assert (found.deploy.tenant, found.deploy.credential) == ("fabrikam", "managed-identity")


def test_each_target_has_a_history_of_its_own(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert with_target(settings, "fabrikam").history.url == str(tmp_path / ".fpctl/targets/fabrikam/history.db")
    assert with_target(settings, "fabrikam-xdr").history.url == str(tmp_path / "fabrikam.db")
    assert with_target(settings, "sentinel").history.url == settings.history.url
    assert with_target(settings, "fabrikam").state == Path(".fpctl/targets/fabrikam")
    assert settings.state == Path(".fpctl")


def test_a_target_of_defender_is_hunted_in(tmp_path: Path) -> None:
    found = with_target(loaded(tmp_path), "fabrikam-xdr")
    assert (found.service, found.engine.default, found.engine.defender.tenant) == ("defender", "defender", "fabrikam")
    assert found.paths.rules == tmp_path / "detections"
    assert found.workspace == OWN


def test_the_two_services_are_targets_without_a_name(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert with_target(settings, None) is settings
    assert with_target(settings, "defender").service == "defender"
    assert with_target(settings, "defender").engine.defender.tenant == "home"
    assert with_target(settings, "sentinel").engine.log_analytics.additional_workspaces == ["other"]


def test_a_target_that_is_not_there_is_met_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(FpctlError, match="no target 'fabricam'") as caught:
        with_target(loaded(tmp_path), "fabricam")
    assert "`fabrikam`" in str(caught.value.hint)


def test_hits_of_targets_do_not_meet_in_one_database(tmp_path: Path) -> None:
    settings = loaded(tmp_path, TEXT + "[history]\nurl = 'postgresql://host/db'\n")
    with pytest.raises(FpctlError, match="no history of its own") as caught:
        with_target(settings, "fabrikam")
    assert caught.value.at is not None
    assert caught.value.at.line == 11


@pytest.mark.parametrize("name", ["sentinel", "'a/b'", "'..'"])
def test_a_name_that_cannot_be_a_folder_or_is_taken_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(FpctlError, match="cannot be the name of a target"):
        loaded(tmp_path, f"[deploy.targets.{name}]\nworkspace = 'soc-main'\n")


@pytest.mark.parametrize("workspace", ["soc-main", OWN, "99999999-aaaa-bbbb-cccc-dddddddddddd"])
def test_a_workspace_has_three_names(workspace: str, tmp_path: Path) -> None:
    text = f"workspace = '{workspace}'\n[deploy.targets.t]\nworkspace = '{workspace}'\n"
    settings = loaded(tmp_path, text)
    assert settings.workspace == with_target(settings, "t").workspace == workspace


@pytest.mark.parametrize("workspace", ["w", "/x/y", "a b", "https://host"])
def test_what_is_none_of_them_is_refused(workspace: str, tmp_path: Path) -> None:
    with pytest.raises(FpctlError, match="`workspace` is"):
        loaded(tmp_path, f"workspace = '{workspace}'\n")
