"""The demo's rule repository: the shipped rule and exclusions, copied to where the demo works."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from fpctl.errors import FpctlError
from fpctl.files import read_text, write_text

PARTS = ("rules", "exclusions")


def write_repository(folder: Path) -> None:
    """Copy the shipped rules and exclusions below a folder; files of the same names are replaced.

    Raises:
        FpctlError: the folder cannot be written, or the installation has no shipped files.
    """
    for part in PARTS:
        for source, relative in _shipped(part):
            write_text(folder / part / relative, read_text(source), durable=False)


def _shipped(part: str) -> Iterator[tuple[Path, str]]:
    """Yield the shipped files of a part: beside this module in a wheel, at the root of a checkout."""
    for root in (Path(str(files("fpctl.demo"))) / "shipped" / part, Path(__file__).parents[3] / part):
        if root.is_dir():
            for path in sorted(root.rglob("*.yaml")):
                yield path, str(path.relative_to(root))
            return
    raise FpctlError(f"this installation has no shipped {part}", None, "install fpctl from its wheel or a checkout")
