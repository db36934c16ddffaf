"""The history of runs and hits: `History` in `repository`, its values in `records`.

Importing this package loads no database driver: import `fpctl.history.history` where it is used.
"""

from __future__ import annotations
