"""Public suffixes: domains under which anyone can register, by the Public Suffix List that a package brings along.

Only the part of the list that registries keep is asked. The part of private owners (`github.io`) names hosts
that people also mean by themselves; whether that is wise is a question for the policy checks.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=1 << 14)
def is_public_suffix(host: str) -> bool:
    """Return whether a domain, in lower case and without a dot at its end, is a public suffix.

    A single label of two ASCII letters is a country's, whether or not the list has it.
    """
    if len(host) == 2 and host.isascii() and host.isalpha():
        return True
    written = _unicode(host)
    return _listed().publicsuffix(written) == written


def _unicode(host: str) -> str:
    """Return a host as the list spells it; one with labels that are not IDNA as it is."""
    try:
        return host.encode("ascii").decode("idna") if "xn--" in host else host
    except UnicodeError:
        return host


@cache
def _listed() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    # Without the ASCII form of each entry, which would take five times as long to read.
    return PublicSuffixList(accept_unknown=False, accept_encoded_idn=False, only_icann=True)
