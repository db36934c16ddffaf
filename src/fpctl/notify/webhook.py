"""Sending a message to a webhook: one POST, tried again a few times, never redirected.

The address holds a secret (who knows it can post), so it comes from the environment, and no message shows more of it
than its host.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from fpctl.errors import FpctlError

TRIES = 3
TIMEOUT = 15.0
LONGEST_WAIT = 120.0
"""Seconds; a webhook that asks for more is left to the next run."""
_AGAIN = (408, 429, 500, 502, 503, 504)


def check_address(address: str) -> str:
    """Return the host of a webhook's address.

    Raises:
        FpctlError: it is not an https address; http is taken for this machine only.
    """
    from fpctl.engine.remote.endpoint import is_loopback

    try:
        parts = urlsplit(address.strip())
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        raise FpctlError("the webhook's address is not a URL", None, "copy it whole: https://...")
    if parts.scheme == "http" and not is_loopback(host):
        raise FpctlError(f"the webhook at {host} is not https", None, "the address is a secret: use https")
    return host


def send(address: str, body: dict[str, Any], *, sleep: Callable[[float], None] | None = None) -> None:
    """Post a message, again where the webhook is busy or does not respond.

    A webhook that took a message and did not say so in time gets it again: twice is better than never.

    Args:
        sleep: waits so many seconds: as long as the webhook asks for, else 2 and then 4.

    Raises:
        FpctlError: the webhook refuses it, asks for a longer wait, or does not answer.
    """
    import requests

    from fpctl.engine.remote.errors import retry_after

    host = check_address(address)
    problem = ""
    for attempt in range(1, TRIES + 1):
        wait = 2.0**attempt
        try:
            answer = requests.post(address.strip(), json=body, timeout=TIMEOUT, allow_redirects=False, stream=True)
            with answer:
                if 200 <= answer.status_code < 300:
                    return
                problem = f"answers {answer.status_code}"
                if answer.status_code not in _AGAIN:
                    break
                wait = retry_after(answer.headers) or wait
        except requests.RequestException as error:
            # The error's own text may hold the address.
            problem = f"does not respond ({type(error).__name__})"
        if wait > LONGEST_WAIT:
            problem += f" and asks to wait for {wait:,.0f} seconds"
            break
        if attempt < TRIES:
            (sleep or time.sleep)(wait)
    raise FpctlError(f"the webhook at {host} {problem}", None, "nothing is marked as sent: the next run tries again")
