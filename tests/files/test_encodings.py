"""Files in other encodings: read where a program's output may have them, named where a person has to act."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpctl.errors import FpctlError
from fpctl.files import read_text

TEXT = "DeviceName,Café\nbuild01,1\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_is_read_and_a_mark_is_kept(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT.encode(encoding))
    assert read_text(tmp_path / "a.csv").removeprefix("\ufeff") == TEXT


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_named(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT.encode(encoding))
    with pytest.raises(FpctlError, match="this is UTF-16, not UTF-8") as caught:
        read_text(tmp_path / "a.csv")
    assert caught.value.hint == "save the file as UTF-8"


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_the_output_of_another_program_may_be_utf16_with_a_mark(tmp_path: Path, mark: str) -> None:
    (tmp_path / "a.csv").write_bytes(f"\ufeff{TEXT}".encode(mark))
    assert read_text(tmp_path / "a.csv", utf16=True) == TEXT


def test_half_a_character_of_utf16_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfea\x00\x00")
    with pytest.raises(FpctlError, match="begins as UTF-16"):
        read_text(tmp_path / "a.csv", utf16=True)


def test_a_letter_of_windows_1252_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT.encode("cp1252"))
    with pytest.raises(FpctlError, match="byte 0xe9 is not UTF-8") as caught:
        read_text(tmp_path / "a.csv")
    assert caught.value.at is not None
    assert (caught.value.at.line, caught.value.at.column) == (1, 15)
    assert caught.value.hint == "it is `é` in Windows-1252 (Latin-1): save the file as UTF-8"


def test_a_zero_byte_alone_is_not_taken_for_utf16(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a long line with one zero byte\x00 in it")
    assert "\0" in read_text(tmp_path / "a.txt")
