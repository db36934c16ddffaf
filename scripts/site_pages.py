"""What the site has beside docs/: the README, CONTRIBUTING and CHANGELOG as pages, and the commands in the navigation.

A hook of MkDocs (`hooks:` in mkdocs.yml).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""A file of the root, and the page that it becomes."""

_LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")
_COMMANDS = re.compile(r"^\| (?:&nbsp;)*\[fpctl ([^\]]+)\]\(([\w-]+\.md)\)", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Put a page for each command into the navigation, in the order of the help."""
    index = (ROOT / "docs" / "commands" / "README.md").read_text(encoding="utf-8")
    commands = [{f"fpctl {name}": f"commands/{page}"} for name, page in _COMMANDS.findall(index)]
    for group in config.nav:
        for entry in next(iter(group.values())):
            if entry == {"Commands": "commands/"}:
                entry["Commands"] = ["commands/README.md", *commands]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand in the root of the repository."""
    from mkdocs.structure.files import File

    for name, page in PAGES.items():
        text = _LINK.sub(lambda found: _linked(found, files), (ROOT / name).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead links to files of the root to their pages."""
    up = "../" * (page.file.src_uri.count("/") + 1)
    for name, target in PAGES.items():
        markdown = markdown.replace(f"]({up}{name}", f"]({up[3:]}{target}")
    return markdown


def on_post_page(html: str, page: Any, config: Any) -> str:
    """Take the script by which search works from the disk from the site itself, not from a network."""
    return _without_network(html, "../" * page.url.count("/"))


def on_post_template(html: str, template_name: str, config: Any) -> str:
    """Do the same for pages that are no document, such as 404.html."""
    return _without_network(html, "")


def _without_network(html: str, up: str) -> str:
    return html.replace('src="https://unpkg.com/iframe-worker/shim"', f'src="{up}assets/search-from-disk.js"')


def _linked(found: re.Match[str], files: Any) -> str:
    """Return a link of a page of the root as it is in the site; text alone where the site does not have the file."""
    text, target = found.groups()
    name, hash, anchor = target.partition("#")
    if re.match(r"[a-z]+:", target) or not name:
        return found[0]
    inside = PAGES.get(name, name.removeprefix("docs/"))
    if inside.endswith("/"):
        inside += "README.md"
    known = inside in PAGES.values() or files.get_file_from_path(inside) is not None
    return f"{text}({inside}{hash}{anchor})" if known else text.removeprefix("!")[1:-1]
