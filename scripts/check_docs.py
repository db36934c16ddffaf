"""Check the documentation against the tree: links, dependencies, layers, generated pages.

Prints what is wrong; exit code 1 if anything.

Run by `make check` from the root of the repository.
"""

from __future__ import annotations

import re
import runpy
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)

INSTALLED_BY_NAME = re.compile(r"(?:pip|uv tool|pipx|uvx?)\s+(?:install|run)?\s*(?:-\S+ )*['\"]?fpctl\b(?![-/])")
"""The name is free in package registries: whoever took it could run code on the machines of our readers."""


def pages() -> list[Path]:
    """Return every Markdown page of the project."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made as code hosts make them."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(prose)}


def broken_links() -> Iterator[str]:
    """Yield each relative link that leads nowhere."""
    for page in pages():
        for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.exists():
                yield f"{page.relative_to(ROOT)}: the link to {target} leads nowhere"
            elif anchor and file.suffix == ".md" and anchor not in anchors(file):
                yield f"{page.relative_to(ROOT)}: {name or page.name} has no heading #{anchor}"


def unexplained_dependencies() -> Iterator[str]:
    """Yield each dependency that docs/dependencies.md does not explain."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for requirement in sorted(wanted):
        name = re.match(r"[\w.-]+", requirement)
        if name and f"`{name[0]}`" not in page:
            yield f"docs/dependencies.md: {name[0]} is not explained"


def unpinned_dependencies() -> Iterator[str]:
    """Yield each dependency without a tested version, and each line of the pins that is more than that."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    for line in pins:
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_]+", line):
            yield f"constraints.txt: {line!r} is not name==version"
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for group in (project["dependencies"], *project["optional-dependencies"].values()):
        for requirement in group:
            name = re.match(r"[\w.-]+", requirement)
            if name and re.sub(r"[-_.]+", "-", name[0]).lower() not in pinned:
                yield f"constraints.txt: {name[0]} has no tested version"


def untold_folders() -> Iterator[str]:
    """Yield each package that docs/architecture.md does not list."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for folder in sorted((ROOT / "src" / "fpctl").iterdir()):
        if (folder / "__init__.py").exists() and f"`{folder.name}/`" not in page:
            yield f"docs/architecture.md: {folder.name}/ is not in any layer"


def installed_by_name() -> Iterator[str]:
    """Yield each page, message or workflow that installs fpctl by its name from a registry."""
    source = ROOT / "src" / "fpctl"
    texts = [
        *pages(),
        *source.rglob("*.py"),
        *(source / "repository/data/scaffold").iterdir(),
        *(ROOT / ".ci").iterdir(),
    ]
    for path in texts:
        found = INSTALLED_BY_NAME.search(path.read_text(encoding="utf-8"))
        if found:
            yield f"{path.relative_to(ROOT)}: `{found[0]}` installs whatever has that name in a registry"


def stale_pages() -> Iterator[str]:
    """Yield each generated page that is not what its generator makes of the code."""
    wanted: dict[str, str] = runpy.run_path(str(ROOT / "scripts" / "command_docs.py"))["pages"]()
    there = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "commands").glob("*.md")}
    for name in sorted(wanted.keys() | there.keys()):
        if wanted.get(name) != there.get(name):
            yield f"docs/commands/{name} is not up to date: make docs"
    findings = runpy.run_path(str(ROOT / "scripts" / "generate_findings.py"))
    if findings["PAGE"].read_text(encoding="utf-8") != findings["page"]():
        yield "docs/findings.md is not up to date: make docs"
    reference = runpy.run_path(str(ROOT / "scripts" / "generate_field_reference.py"))
    if reference["PAGE"].read_text(encoding="utf-8") != reference["page"]():
        yield "docs/fields.md is not up to date: make docs"
    text = reference["EXCLUSIONS"].read_text(encoding="utf-8")
    if text != reference["exclusions_page"](text):
        yield "docs/exclusions.md is not up to date: make docs"
    reasons = runpy.run_path(str(ROOT / "scripts" / "generate_reasons.py"))
    if reasons["PAGE"].read_text(encoding="utf-8") != reasons["page"]():
        yield "docs/reasons.md is not up to date: make docs"
    described = runpy.run_path(str(ROOT / "scripts" / "generate_scenarios.py"))
    if described["PAGE"].read_text(encoding="utf-8") != described["page"]():
        yield "docs/scenarios.md is not up to date: make docs"


def main() -> int:
    """Print what is wrong and return the exit code."""
    faults = [
        *broken_links(),
        *unexplained_dependencies(),
        *unpinned_dependencies(),
        *untold_folders(),
        *installed_by_name(),
        *stale_pages(),
    ]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
