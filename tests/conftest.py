"""What all tests share: what the marks need, and how hypothesis runs."""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import threading
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import new_histories
from fpctl.history import migrate
from oracle.bridge import Oracle
from servers.postgres import missing_postgres

ROOT = Path(__file__).resolve().parent.parent

GC_THRESHOLD = 50_000

# A shell that starts the tests in the background has Ctrl-C ignored, and all their processes would inherit
# that: the tests that interrupt would wait for ever.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What a command prints in continuous integration, such as the head of the trail, is for the tests of that.
for variable in ("CI", "GITHUB_ACTIONS", "TF_BUILD"):
    os.environ.pop(variable, None)

# Every run of a commit tries the same examples, so that a red run can be repeated; `deep` is for looking for more.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "deep", deadline=None, max_examples=2_000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("FPCTL_HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle", type=int, metavar="SEED", help="Run the tests in a random order: none may need another one."
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("--shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)


@cache
def missing_node() -> str | None:
    """Return what the tests marked `node` lack on this machine, or None."""
    if shutil.which("node") is None:
        return "node is not installed"
    folder = Path(os.environ.get("FPCTL_NODE_MODULES", ROOT / "node_modules"))
    if not (folder / "@kusto" / "language-service-next").is_dir():
        return f"no @kusto/language-service-next in {folder} (make node)"
    return None


@cache
def missing_chromium() -> str | None:
    """Return what the tests marked `chromium` lack on this machine, or None."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return None
    return "no headless Chromium is installed"


NEEDS = {
    "node": (missing_node, "FPCTL_REQUIRE_NODE"),
    "chromium": (missing_chromium, "FPCTL_REQUIRE_CHROMIUM"),
    "postgres": (missing_postgres, "FPCTL_REQUIRE_POSTGRES"),
}
"""Mark -> (what is missing, the variable under which a skip is a failure)."""


def pytest_collection_finish(session: pytest.Session) -> None:
    # Eleven thousand tests and the modules they are in never go away: not looking through them again and again for
    # garbage saves a sixth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, (missing, _) in NEEDS.items():
        if item.get_closest_marker(mark) and (reason := missing()):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI says that a tool must be there, a test skipped for want of it has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        for mark, (_, variable) in NEEDS.items():
            if item.get_closest_marker(mark) and os.environ.get(variable) == "1":
                reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
                report.outcome = "failed"
                report.longrepr = f"{variable}=1, so this must not be skipped: {reason}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _new_histories_are_copies() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "upgrade", new_histories.upgrade)
        yield


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """Microsoft's parser and binder, one node process for all tests (which carry the mark `node`)."""
    with Oracle() as running:
        yield running
