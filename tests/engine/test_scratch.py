"""The scratch folder of the local engine: nothing of it is left, whenever a signal comes."""

from __future__ import annotations

import contextlib
import gc
import stat
from pathlib import Path

import pytest

from fpctl.engine.local.scratch import ScratchFolder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def begin_and_forget() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        ScratchFolder()
    gc.collect()


def test_it_is_its_owners_and_goes_with_what_is_in_it(place: Path) -> None:
    scratch = ScratchFolder()
    assert scratch.path.parent == place
    assert stat.S_IMODE(scratch.path.stat().st_mode) == 0o700
    (scratch.path / "rows").write_text("x")
    scratch.remove()
    scratch.remove()
    assert list(place.iterdir()) == []


def test_an_interrupt_as_soon_as_the_folder_is_there_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Path.mkdir

    def interrupted(self: Path, mode: int = 0o777) -> None:
        made(self, mode)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.warns(ResourceWarning, match="not removed by its owner"):
        begin_and_forget()
    assert list(place.iterdir()) == []


def test_the_folder_of_another_is_left_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "taken")
    (place / "fpctl-taken").mkdir()
    with pytest.raises(FileExistsError):
        ScratchFolder()
    gc.collect()
    assert (place / "fpctl-taken").is_dir()
