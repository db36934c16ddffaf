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
_AGAIN = (408, 429, 500, 502, 503, 504)


def check_address(address: str) -> str:
    """Return the host of a webhook's address.

    Raises:
        FpctlError: it is no https address; http is taken for this machine only.
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


def send(address: str, body: dict[str, Any], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Post a message.

    Raises:
        FpctlError: the webhook refuses it, or does not answer.
    """
    import requests

    host = check_address(address)
    problem = ""
    for attempt in range(1, TRIES + 1):
        try:
            answer = requests.post(address.strip(), json=body, timeout=TIMEOUT, allow_redirects=False, stream=True)
            with answer:
                if 200 <= answer.status_code < 300:
                    return
                problem = f"answers {answer.status_code}"
                if answer.status_code not in _AGAIN:
                    break
        except requests.RequestException as error:
            # The error's own text may hold the address.
            problem = f"does not respond ({type(error).__name__})"
        if attempt < TRIES:
            sleep(2.0**attempt)
    raise FpctlError(f"the webhook at {host} {problem}", None, "nothing is marked as sent: the next run tries again")
