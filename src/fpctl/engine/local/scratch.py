"""The folder in which a query's rows are put that have no room in memory."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import warnings
import weakref
from pathlib import Path


class ScratchFolder:
    """A folder that only this user can read, removed by `remove`, and at the latest when the process ends.

    It is registered for removal before it is made: `tempfile.TemporaryDirectory` does so afterwards, and a signal in
    between leaves the folder behind.

    Attributes:
        path: where it is.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.gettempdir()) / f"fpctl-{secrets.token_hex(8)}"
        self._registered = weakref.finalize(self, _remove_forgotten, self.path)
        try:
            self.path.mkdir(mode=0o700)
        except FileExistsError:
            self._registered.detach()  # it belongs to another
            raise

    def remove(self) -> None:
        """Remove the folder with all that is in it, as far as the system allows."""
        if self._registered.detach() is not None:
            shutil.rmtree(self.path, ignore_errors=True)


def _remove_forgotten(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path, ignore_errors=True)
        warnings.warn(f"the scratch folder {path} was not removed by its owner", ResourceWarning, stacklevel=2)
