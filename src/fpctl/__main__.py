"""`python -m fpctl`."""

from __future__ import annotations

from fpctl.cli.app import main

if __name__ == "__main__":
    main()
