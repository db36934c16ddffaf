"""A new repository of rules and exclusions: its folders and files. What is there already is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from fpctl.errors import FpctlError, Location
from fpctl.files import write_text
from fpctl.repository.json_schema import exclusion_schema, rule_schema, schema_text

IGNORE = ".gitignore"
_FILES = {
    "fpctl.toml": "fpctl.toml",
    IGNORE: "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".githooks/pre-commit": "pre-commit",
    ".github/workflows/fpctl.yml": "workflow.yml",
    ".vscode/settings.json": "vscode-settings.json",
    "exclusions/README.md": "exclusions.md",
    "exclusions/lists/.gitkeep": "gitkeep",
    "rules/.gitkeep": "gitkeep",
    "tuned/.gitkeep": "gitkeep",
}
"""Files of the repository, and the packaged files they are copies of (packaging leaves hidden files out)."""

_EXECUTABLE = frozenset((".githooks/pre-commit",))


@dataclass(frozen=True, slots=True)
class Scaffolded:
    """Paths below the repository's root, sorted: those written, and those that were there and were kept."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    unignored: tuple[str, ...] = ()
    """What a `.gitignore` that was there already does not name, and should."""


def contents() -> dict[str, str]:
    """Return the text of every scaffolded file by its path, sorted."""
    data = resources.files("fpctl.repository") / "data" / "scaffold"
    found = {path: (data / name).read_text("utf-8") for path, name in _FILES.items()}
    found[".fpctl/schemas/exclusion.schema.json"] = schema_text(exclusion_schema())
    found[".fpctl/schemas/rule.schema.json"] = schema_text(rule_schema())
    return dict(sorted(found.items()))


def scaffold(root: Path) -> Scaffolded:
    """Make a repository in a folder, which is made too; a file that is there is never overwritten.

    Raises:
        FpctlError: the folder is a file, or something cannot be written; what was written before stays.
    """
    if root.exists() and not root.is_dir():
        raise FpctlError("this is a file, not a folder", Location(str(root)), "give the folder of the repository")
    written: list[str] = []
    kept: list[str] = []
    found = contents()
    for relative, text in found.items():
        path = root / relative
        if path.exists() or path.is_symlink():
            kept.append(relative)
            continue
        write_text(path, text)
        if relative in _EXECUTABLE:
            path.chmod(path.stat().st_mode | 0o111)
        written.append(relative)
    ignored = (root / IGNORE).read_text("utf-8", "replace").splitlines() if (root / IGNORE).is_file() else ()
    wanted = [line for line in found[IGNORE].splitlines() if line and not line.startswith("#")]
    return Scaffolded(tuple(written), tuple(kept), tuple(line for line in wanted if line not in ignored))
