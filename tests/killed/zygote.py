"""A process with fpctl imported that runs commands in forked children, and kills them where it is told to.

A child is there in milliseconds, so that many moments can be tried. Requests and answers are lines of JSON on
stdin and stdout; the other end is `Commands` in conftest.py.

A child counts its steps: every operation by which a file or the database may change, and the end. With `step`
it kills itself before the step of that number; with `after` it is killed so many seconds after its start.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

STEPS = ("os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "sqlite3.connect")
"""Audit events that change the disk, beside `os.mkdir` of what is not there and `open` for writing."""
READS = ("SELECT", "PRAGMA")


class Steps:
    """The steps of this process as (seconds since its start, what is about to happen)."""

    def __init__(self, kill_at: int | None) -> None:
        self.kill_at = kill_at
        self.taken: list[tuple[float, str]] = []
        self.began = time.monotonic()
        self.open = True

    def take(self, what: str) -> None:
        """Count a step, and die before it if it is the one."""
        if not self.open:
            return
        self.taken.append((time.monotonic() - self.began, what))
        if len(self.taken) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Take part in every operation of this process that changes a file or the database."""
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from sqlalchemy.engine.default import DefaultDialect

        def audited(name: str, arguments: tuple[Any, ...]) -> None:
            made = name == "os.mkdir" and not Path(arguments[0]).is_dir()
            writes = name == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if name in STEPS or made or (writes and arguments[0] != os.devnull):
                self.take(f"{name} {arguments[0]}")
                # What is written to an open file is no audit event.
                sys.setprofile(called if writes and not arguments[2] & os.O_APPEND else None)

        def called(_frame: object, event: str, function: Any) -> None:
            of_file = event == "c_call" and isinstance(function.__self__, io.BufferedWriter | io.TextIOWrapper)
            if of_file and function.__name__ in ("write", "writelines", "flush", "close"):
                self.take(function.__name__)

        def statement(_c: object, _cursor: object, text: str, *_rest: object) -> None:
            if not text.lstrip().upper().startswith(READS):
                self.take(f"SQL {text.split('(')[0].strip()}")

        sync = os.fsync

        def fsync(handle: int) -> None:
            self.take("fsync")
            sync(handle)

        commit = DefaultDialect.do_commit

        def committed(dialect: DefaultDialect, connection: Any) -> None:
            self.take("SQL COMMIT")
            commit(dialect, connection)
            self.take("committed")

        sys.addaudithook(audited)
        event.listen(Engine, "before_cursor_execute", statement)
        DefaultDialect.do_commit = committed
        os.fsync = fsync


def child(request: dict[str, Any]) -> None:
    """Run one command and end the process with its exit code."""
    code = 70
    gc.disable()
    try:
        from fpctl.cli import app
        from fpctl.cli.shared import options
        from records_support import NOW

        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        for place, stream in (("out", 1), ("err", 2)):
            os.dup2(os.open(request[place], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        options.now = lambda: NOW
        steps = Steps(request.get("step"))
        steps.watch()
        code = app.run(request["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        steps.take("end")
        steps.open = False
        told = {"steps": steps.taken, "modules": sorted(sys.modules)}
        Path(request["told"]).write_text(json.dumps(told), encoding="utf-8")
    finally:
        os._exit(code)


def warm(folder: str) -> None:
    """Parse the rules of a folder in this process."""
    from fpctl.cli import app

    with contextlib.chdir(folder), contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        app.run(["apply"])


def main() -> None:
    """Serve requests until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "warm" in request:
            warm(request["warm"])
            print("{}", flush=True)
            continue
        began = time.monotonic()
        gc.freeze()
        process = os.fork()
        if process == 0:
            child(request)
        after = request.get("after")
        if after is not None:
            time.sleep(max(0.0, began + after - time.monotonic()))
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        told = Path(request["told"])
        answer = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {"steps": [], "modules": []}
        # What this child had to import, the next ones have from the start.
        for name in answer.pop("modules"):
            if name != "__main__" and name not in sys.modules:
                with contextlib.suppress(ImportError):
                    import_module(name)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), **answer}), flush=True)
    os._exit(0)  # nobody has an eye on what frozen objects would leave behind


if __name__ == "__main__":
    main()
