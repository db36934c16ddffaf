"""`fpctl edit`: what is broken is not saved, and nothing is lost."""

from __future__ import annotations

import shlex
import sys

import pytest

from records_support import EXCLUSION, RULE_ID


@pytest.fixture
def editor(repository, monkeypatch):
    """Return a function that makes $EDITOR a program that runs Python on `text`, the file's content."""

    def make(code: str, *, exit_code: int = 0, variable: str = "EDITOR") -> None:
        program = repository / f"editor-{variable}.py"
        program.write_text(
            "import pathlib, sys\n"
            "path = pathlib.Path(sys.argv[-1])\n"
            "text = path.read_bytes().decode('utf-8')\n"
            f"{code}\n"
            "path.write_bytes(text.encode('utf-8', 'surrogateescape'))\n"
            f"sys.exit({exit_code})\n",
            encoding="utf-8",
        )
        monkeypatch.setenv(variable, f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}")

    return make


def test_a_good_edit_is_saved_as_it_was_typed(fpctl, recorded, editor):
    editor("text = text.replace('[msiexec.exe]', '[ msiexec.exe,   setup.exe ]  # both').replace('\\n', '\\r\\n')")
    outcome = fpctl("edit", "fp-2026-0001")
    assert (outcome.code, outcome.err) == (0, "saved exclusions/fp-2026-0001.yaml\n")
    expected = EXCLUSION.replace("[msiexec.exe]", "[ msiexec.exe,   setup.exe ]  # both").replace("\n", "\r\n")
    assert recorded.read_bytes() == expected.encode()


def test_visual_comes_before_editor(fpctl, recorded, editor):
    editor("text = text.replace('Monthly', 'Weekly')", variable="VISUAL")
    editor("text = ''")
    assert fpctl("edit", "fp-2026-0001").code == 0
    assert "Weekly patching" in recorded.read_text(encoding="utf-8")


def test_an_unchanged_text_is_not_written(fpctl, recorded, editor):
    editor("pass")
    before = recorded.stat().st_mtime_ns
    outcome = fpctl("edit", "fp-2026-0001")
    assert (outcome.code, outcome.err) == (0, "nothing was changed\n")
    assert recorded.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("text = text.replace('process:', 'proces:')", "error: unknown key `proces`"),
        ("text = text + 'a: [b'", "error: not valid YAML"),
        ("text = ''", "error: the file contains no exclusion"),
        ("text = text.replace('fp-2026-0001', 'fp-2026-0009')", "error: the exclusion fp-2026-0001 is gone"),
        ("text = text.replace('5a3e1f0c', '5a3e1f0d')", "which does not exist"),
        ("text = text + '---\\n' + text", "error: the id `fp-2026-0001` is in use"),
    ],
)
def test_a_broken_edit_is_kept_beside_and_the_file_stays_byte_for_byte(fpctl, recorded, editor, code, message):
    editor(code)
    outcome = fpctl("edit", "fp-2026-0001")
    assert outcome.code == 2
    assert message in outcome.err
    kept = recorded.with_name("fp-2026-0001.yaml.rej")
    assert outcome.err.endswith(
        "fpctl: exclusions/fp-2026-0001.yaml was not changed: the text has errors; "
        "the edit is kept as exclusions/fp-2026-0001.yaml.rej\n"
    )
    assert recorded.read_text(encoding="utf-8") == EXCLUSION
    scope = {"text": EXCLUSION}
    exec(code, scope)
    assert kept.read_text(encoding="utf-8") == scope["text"]


def test_a_second_rejected_edit_does_not_overwrite_the_first(fpctl, recorded, editor):
    editor("text = 'first: 1'")
    fpctl("edit", "fp-2026-0001")
    editor("text = 'second: 2'")
    fpctl("edit", "fp-2026-0001")
    assert recorded.with_name("fp-2026-0001.yaml.rej").read_text(encoding="utf-8") == "first: 1"
    assert recorded.with_name("fp-2026-0001.yaml.rej2").read_text(encoding="utf-8") == "second: 2"


def test_a_kept_edit_is_no_exclusion(fpctl, recorded, editor):
    editor("text = text.replace('device', 'devise')")
    fpctl("edit", "fp-2026-0001")
    assert fpctl("list", "--format", "json").code == 0


def test_on_a_terminal_one_goes_back_to_the_editor_with_the_text_typed(fpctl, recorded, editor, monkeypatch):
    import io

    from fpctl.cli.shared import terminal

    editor(
        "text = text.replace('Monthly', 'Weekly').replace('device:', 'devise:') if 'Monthly' in text"
        " else text.replace('devise:', 'device:')"
    )
    monkeypatch.setattr(terminal, "may_ask", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    outcome = fpctl("edit", "fp-2026-0001")
    assert outcome.code == 0, outcome.err
    assert "Go back to the editor? [Y/n]" in outcome.err
    assert recorded.read_text(encoding="utf-8") == EXCLUSION.replace("Monthly", "Weekly")


def test_an_editor_that_fails_changes_nothing_and_loses_nothing(fpctl, recorded, editor):
    editor("text = text.replace('Monthly', 'Weekly')", exit_code=3)
    outcome = fpctl("edit", "fp-2026-0001")
    assert outcome.code == 2
    assert "was not changed: the editor ended with code 3; the edit is kept as" in outcome.err
    assert recorded.read_text(encoding="utf-8") == EXCLUSION
    assert "Weekly" in recorded.with_name("fp-2026-0001.yaml.rej").read_text(encoding="utf-8")


def test_a_file_that_somebody_else_changed_meanwhile_is_left_alone(fpctl, recorded, editor):
    editor(
        f"pathlib.Path({str(recorded)!r}).write_text('id: other\\n')\ntext = text.replace('Monthly', 'Weekly')",
    )
    outcome = fpctl("edit", "fp-2026-0001")
    assert outcome.code == 2
    assert "the file was changed while it was being edited" in outcome.err
    assert recorded.read_text(encoding="utf-8") == "id: other\n"
    assert "Weekly" in recorded.with_name("fp-2026-0001.yaml.rej").read_text(encoding="utf-8")


def test_what_is_no_utf8_is_kept_as_it_is(fpctl, recorded, editor):
    editor("text = 'id: \\udcff'")
    outcome = fpctl("edit", "fp-2026-0001")
    assert outcome.code == 2
    assert "the edited text cannot be read: byte 0xff is not UTF-8" in outcome.err
    assert recorded.read_text(encoding="utf-8") == EXCLUSION
    assert recorded.with_name("fp-2026-0001.yaml.rej").read_bytes() == b"id: \xff"


def test_a_broken_file_can_be_mended(fpctl, recorded, editor):
    recorded.write_text(EXCLUSION.replace("process:", "proces:"), encoding="utf-8")
    editor("text = text.replace('proces:', 'process:')")
    assert fpctl("edit", "fp-2026-0001").code == 0
    assert recorded.read_text(encoding="utf-8") == EXCLUSION


def test_an_approval_of_what_was_there_before_is_pointed_out(fpctl, recorded, editor):
    fpctl("approve", "fp-2026-0001", "--by", "m.weber@contoso.com")
    editor("text = text.replace('[msiexec.exe]', '[msiexec.exe, setup.exe]')")
    outcome = fpctl("edit", "fp-2026-0001")
    assert outcome.err.endswith("note: m.weber@contoso.com approved the previous version: fpctl approve fp-2026-0001\n")
    editor("text = text.replace('Monthly', 'Weekly')")
    assert "approved it as it was before" not in fpctl("edit", "fp-2026-0001").err


def test_an_editor_that_is_not_there_is_said(fpctl, recorded, monkeypatch):
    monkeypatch.setenv("EDITOR", "no-such-editor --wait")
    outcome = fpctl("edit", "fp-2026-0001")
    assert (outcome.code, outcome.err) == (
        2,
        "fpctl: cannot start the editor `no-such-editor --wait`: No such file or directory\n"
        "  hint: set VISUAL or EDITOR to an editor that is installed\n",
    )


def test_an_unknown_id_is_said_before_any_editor_opens(fpctl, recorded, monkeypatch):
    monkeypatch.setenv("EDITOR", "no-such-editor")
    outcome = fpctl("edit", "fp-2026-0002")
    assert outcome.err == "fpctl: no exclusion has the id `fp-2026-0002`\n  hint: did you mean `fp-2026-0001`?\n"


PAYROLL = "Payroll_CL\n| where Action_s == 'export'\n| project TimeGenerated, UserName_s, ClientIp_s\n"


def test_a_match_that_could_never_match_is_not_saved(fpctl, recorded, repository, editor):
    (repository / "rules" / "payroll.kql").write_text(PAYROLL, encoding="utf-8")
    editor(f"text = text.replace('{RULE_ID}', 'payroll.kql')")
    outcome = fpctl("edit", "fp-2026-0001")
    assert outcome.code == 2
    assert "fp-2026-0001 in payroll.kql: nothing shows which column of Payroll_CL holds device" in outcome.err
    assert "[fields.Payroll_CL]" in outcome.err
    assert recorded.read_text(encoding="utf-8") == EXCLUSION


def test_what_never_matched_before_can_be_edited(fpctl, recorded, repository, editor):
    (repository / "rules" / "payroll.kql").write_text(PAYROLL, encoding="utf-8")
    recorded.write_text(EXCLUSION.replace(RULE_ID, "payroll.kql"), encoding="utf-8")
    editor("text = text.replace('Monthly', 'Weekly')")
    assert fpctl("edit", "fp-2026-0001").code == 0
