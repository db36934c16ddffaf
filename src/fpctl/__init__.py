"""fpctl: the false-positive exclusions of KQL detection rules, kept as reviewed records.

The command line is `fpctl.cli`; everything it does can be done from Python through the packages
below it (`kql`, `schema`, `rules`, `exclusions`, `rewrite`, `engine`, `history`). Importing this package loads
nothing else.
"""

from __future__ import annotations

__version__ = "0.1.0"
