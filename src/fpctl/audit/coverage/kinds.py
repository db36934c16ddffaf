"""How the values of each field cover one another.

A value is read as the clauses read it (`rewrite.predicate`), so that what is decided here is what they
match. A kind answers two questions: does one value cover another, and which values without wildcards
could cover this one (`above`), so that coverers are looked up instead of tried.
"""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from fpctl.audit.coverage.pattern import ANY, ONE, folded, holds, leads, literal, plain, shown
from fpctl.exclusions.values import ValueProblem
from fpctl.rewrite.predicate.account import Account
from fpctl.rewrite.predicate.device import Device
from fpctl.rewrite.predicate.digest import Digest
from fpctl.rewrite.predicate.match import parse_value
from fpctl.rewrite.predicate.name import Signer
from fpctl.rewrite.predicate.url import Url

Key: TypeAlias = tuple[Any, ...]
"""A value of a field in its one form: equal keys match the same events."""


class Kind(ABC):
    """A field's values."""

    @abstractmethod
    def key(self, parsed: Any) -> Key:
        """Return the one form of a value as `parse_value` gives it."""

    @abstractmethod
    def above(self, key: Key) -> Iterator[Key]:
        """Yield keys that cover a key: itself, and every one without wildcards that does."""

    def is_pattern(self, key: Key) -> bool:
        """Tell whether a key may cover others in which `above` does not find it."""
        return False

    def covers(self, wide: Key, narrow: Key) -> bool:
        """Tell whether every event that `narrow` matches, `wide` matches too."""
        return wide in self.above(narrow)

    def piece(self, key: Key) -> str:
        """Return a text that stands in `text` of every key that a pattern covers."""
        return ""

    def text(self, key: Key) -> str:
        """Return the text in which the pieces of the patterns that cover a key stand."""
        return ""


class _Device(Kind):
    """`(kind, text)`, kind `id`, `short` or `full`. A short name is compared with what is before the first dot."""

    def key(self, parsed: Device) -> Key:
        return ("id" if parsed.id else "short" if parsed.short else "full", plain(folded(parsed.text)))

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        kind, text = key
        first = text.partition(".")[0]
        if kind == "full" and first and "*" not in first:
            yield ("short", first)

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[1]

    def covers(self, wide: Key, narrow: Key) -> bool:
        if wide[0] == narrow[0]:
            return wide == narrow or (wide[0] != "id" and holds(wide[1], narrow[1]))
        if (wide[0], narrow[0]) != ("short", "full"):
            return False
        # A `*` of a full name may span dots: the first part is then all before it, and anything.
        first = narrow[1].partition(".")[0]
        return holds(wide[1], first.partition("*")[0] + "*" if "*" in first else first)

    def piece(self, key: Key) -> str:
        return literal(key[1])

    def text(self, key: Key) -> str:
        return shown(key[1])


_HOST_LABEL = re.compile("[a-z0-9_-]+")
_NOT_IN_A_STAR = "/?#\\"


class _Url(Kind):
    """`(host, port, path, subdomains)`."""

    def key(self, parsed: Url) -> Key:
        return (folded(parsed.host), parsed.port, folded(parsed.path), parsed.subdomains)

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        host, port, path, subdomains = key
        for wide_port in (port, "") if port else ("",):
            if not subdomains:
                yield (host, wide_port, "", False)
                for at in [at for at, c in enumerate(path) if c == "/" and at] + [len(path)]:
                    if path and not re.search(r"\*", path[:at]):
                        yield (host, wide_port, path[:at], False)
            yield (host, wide_port, "", True)
            rest: str = host
            while not host.startswith("[") and "." in rest:
                label, _, rest = rest.partition(".")
                if not _HOST_LABEL.fullmatch(label):
                    break
                yield (rest, wide_port, "", True)

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[2]

    def covers(self, wide: Key, narrow: Key) -> bool:
        if not self.is_pattern(wide):
            return wide in self.above(narrow)
        same = wide[0] == narrow[0] and not narrow[3] and wide[1] in ("", narrow[1]) and narrow[2] != ""
        return same and leads(wide[2], shown(narrow[2], double=True), _NOT_IN_A_STAR, "/")

    def piece(self, key: Key) -> str:
        return literal(key[2])

    def text(self, key: Key) -> str:
        return shown(key[2], double=True)


class _Equal(Kind):
    """Values that match what is equal to them, and nothing else."""

    def key(self, parsed: Any) -> Key:
        if isinstance(parsed, Digest | Signer):
            return (folded(parsed.text),)
        return (parsed,)

    def above(self, key: Key) -> Iterator[Key]:
        yield key


class _Account(Kind):
    """`(kind, name, domain)`."""

    def key(self, parsed: Account) -> Key:
        return (parsed.kind, folded(parsed.text), folded(parsed.domain))

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        if key[0] == "domain-name":
            yield ("name", key[1], "")


class _Address(Kind):
    """`(version, network address as a number, prefix length)`."""

    def key(self, parsed: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Key:
        return (parsed.version, int(parsed.network_address), parsed.prefixlen)

    def above(self, key: Key) -> Iterator[Key]:
        version, address, prefix = key
        bits = 32 if version == 4 else 128
        for length in range(prefix, 0, -1):
            yield (version, address >> (bits - length) << (bits - length), length)


class _Whole(Kind):
    """Names of files, whole: `(text,)`; `*` is any text."""

    def key(self, parsed: str) -> Key:
        return (plain(folded(parsed)),)

    def above(self, key: Key) -> Iterator[Key]:
        yield key

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[0]

    def covers(self, wide: Key, narrow: Key) -> bool:
        return holds(wide[0], narrow[0])

    def piece(self, key: Key) -> str:
        return literal(key[0])

    def text(self, key: Key) -> str:
        return shown(key[0])


class _Contained(_Whole):
    """Texts that a command line contains: `(*text*,)`."""

    def key(self, parsed: str) -> Key:
        return (plain(f"*{folded(parsed).strip('*')}*"),)


_SEPARATORS = "\\/"


class _Path(Kind):
    """`(path,)`, which is also what is below it; `*` is any text in one part, `**` any text."""

    def key(self, parsed: str) -> Key:
        return (re.sub(r"\*\*+", "**", folded(parsed)),)

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        path = key[0]
        for at, character in enumerate(path):
            if character == "*":
                return
            if at and character == ("\\" if "\\" in path[:at] else "/"):
                yield (path[:at],)

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[0]

    def covers(self, wide: Key, narrow: Key) -> bool:
        if not self.is_pattern(wide):
            return wide in self.above(narrow)
        return leads(wide[0], shown(narrow[0], double=True), _SEPARATORS, _SEPARATORS)

    def piece(self, key: Key) -> str:
        return literal(key[0])

    def text(self, key: Key) -> str:
        return shown(key[0], double=True)


KINDS: Mapping[str, Kind] = {
    "hash": _Equal(), "url": _Url(), "device": _Device(), "ip": _Address(), "account": _Account(), "path": _Path(),
    "command_line": _Contained(), "parent_process": _Whole(), "process": _Whole(), "signer": _Equal(), "port": _Equal(),
}  # fmt: skip
"""By field, in the order in which fields tell exclusions apart."""


@lru_cache(maxsize=1 << 17)
def key_of(field: str, value: str) -> Key | None:
    """Return the one form of an authored value; None for one that cannot be read, or holds a stand-in letter."""
    if ONE in value or ANY in value:
        return None
    parsed = parse_value(field, value)
    return None if isinstance(parsed, ValueProblem) else KINDS[field].key(parsed)
