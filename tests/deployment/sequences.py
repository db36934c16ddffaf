"""How many seeded sequences the tests of trouble run: a few by default, all of them where the environment says so.

FPCTL_SEQUENCES=200 FPCTL_ESTATE_RULES=300 python -m pytest tests/deployment
"""

from __future__ import annotations

import os

SEEDS = range(int(os.environ.get("FPCTL_SEQUENCES", "20")))
"""Of sequences of faults, for each kind of thing that is deployed."""
ESTATE_RULES = int(os.environ.get("FPCTL_ESTATE_RULES", "20"))
"""Rules of the estate that is deployed, changed and rolled back."""
