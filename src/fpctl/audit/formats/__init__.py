"""How findings are written: one module per format, each a function from findings to text."""

from __future__ import annotations
