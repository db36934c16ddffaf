"""docs/fields.md says what the packaged mapping says."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_its_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "generate_field_reference.py"))
    written = (ROOT / "docs" / "fields.md").read_text(encoding="utf-8")
    assert written == script["page"](), "run: python scripts/generate_field_reference.py"
