"""The checks, one module per family. `fpctl.audit.registry` lists them."""

from __future__ import annotations
