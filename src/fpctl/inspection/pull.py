"""A workspace's tables and saved functions as files of the repository, so that planning knows them.

Tables go to `schema/pulled.yaml`, each function to a file of its own in `functions/`, whose first line
says that it was pulled. Files that people wrote are never touched, and what they declare is not pulled.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fpctl.errors import FpctlError
from fpctl.files import read_text, write_text
from fpctl.schema.repository import KUSTO_TYPES, load_repository
from fpctl.schema.tables import Tables

TABLES_FILE = Path("schema") / "pulled.yaml"
FUNCTIONS_FOLDER = Path("functions")
MARK = "// Pulled by `fpctl schema pull`; the next pull replaces this file."
_TABLES_MARK = "# Pulled by `fpctl schema pull`; the next pull replaces this file.\n"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True)
class Pulled:
    """What a pull did.

    Attributes:
        tables: names of the tables now in `schema/pulled.yaml`, sorted.
        documented: how many tables are as documented, and so need no file.
        functions: names of the functions that now have a pulled file, sorted.
        removed: files of functions that are gone from the workspace, taken away.
        left: what was not pulled, and why.
    """

    tables: list[str] = field(default_factory=list)
    documented: int = 0
    functions: list[str] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def pull(
    tables: Mapping[str, Mapping[str, str]],
    functions: Mapping[str, str],
    root: Path,
    documented: Tables,
    *,
    everything: bool = False,
) -> Pulled:
    """Write a workspace's tables and functions into a repository.

    Args:
        tables, functions: see `EngineSchema`.
        root: the folder with `schema/` and `functions/`.
        documented: the packaged tables.
        everything: also the tables that are as documented.

    Raises:
        FpctlError: a file cannot be read or written.
    """
    done = Pulled()
    own = _declared_by_people(root)
    kept: dict[str, Mapping[str, str]] = {}
    for name, columns in sorted(tables.items()):
        known = documented.table(name)
        if name in own:
            done.left.append(f"the table {name} is declared in {own[name]}")
        elif not everything and known is not None and all(known.get(c) == kind for c, kind in columns.items()):
            done.documented += 1
        else:
            kept[name] = {column: KUSTO_TYPES.get(kind, "dynamic") for column, kind in columns.items()}
    done.tables = sorted(kept)
    path = root / TABLES_FILE
    if kept:
        write_text(path, _TABLES_MARK + "".join(_table_text(name, columns) for name, columns in kept.items()))
    elif path.exists():
        path.unlink()
        done.removed.append(path)
    _pull_functions(functions, root / FUNCTIONS_FOLDER, done)
    return done


def _pull_functions(functions: Mapping[str, str], folder: Path, done: Pulled) -> None:
    mine = {path.stem: path for path in _files(folder, (".kql",)) if read_text(path).startswith(MARK)}
    others = {path.stem for path in _files(folder, (".kql", ".csl", ".kusto", ".yaml", ".yml"))} - mine.keys()
    for name, text in sorted(functions.items()):
        if name in others:
            done.left.append(f"the function {name} has a file that people wrote")
            continue
        fault = _fault(name, text)
        if fault is not None:
            done.left.append(f"the function {name}: {fault}")
            continue
        write_text(folder / f"{name}.kql", f"{MARK}\n{text.rstrip()}\n", durable=False)
        done.functions.append(name)
    for name, path in sorted(mine.items()):
        if name not in done.functions:
            path.unlink()
            done.removed.append(path)


def _fault(name: str, text: str) -> str | None:
    """Return why a function cannot be a file of the repository: a broken file there would stop every command."""
    if not _NAME.fullmatch(name):
        return "its name cannot be used as a file name"
    with tempfile.TemporaryDirectory(prefix="fpctl-") as place:
        path = Path(place) / FUNCTIONS_FOLDER / f"{name}.kql"
        write_text(path, f"{MARK}\n{text.rstrip()}\n", durable=False)
        problems = load_repository(Path(place)).problems
    return problems[0].message if problems else None


def _declared_by_people(root: Path) -> dict[str, Path]:
    """Return the tables that other files of `schema/` declare, and in which."""
    import yaml

    found: dict[str, Path] = {}
    for path in _files(root / TABLES_FILE.parent, (".yaml", ".yml")):
        if path == root / TABLES_FILE:
            if not read_text(path).startswith(_TABLES_MARK.rstrip()):
                raise FpctlError(f"{path} was not pulled: people wrote it", None, "give it another name")
            continue
        try:
            declared = yaml.safe_load(read_text(path))
        except (yaml.YAMLError, ValueError):
            continue  # a broken file declares nothing, and every command says so
        if isinstance(declared, dict):
            found |= {str(name): path for name in declared}
    return found


def _table_text(name: str, columns: Mapping[str, str]) -> str:
    from fpctl.documents.yaml_text import scalar

    return f"{scalar(name)}:\n" + "".join(f"  {scalar(column)}: {kind}\n" for column, kind in columns.items())


def _files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    endings = tuple(suffixes)
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in endings)
