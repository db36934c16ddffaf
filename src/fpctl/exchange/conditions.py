"""A match as conditions of the documented notation, for formats that compare one field with values at a time.

The way back is `fpctl.exclusions.filter_syntax.to_match`; here the alternatives of a field (a short name and its
full names, a domain and its subdomains) become comparisons that are joined with OR.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import product

from fpctl.exclusions.filter_syntax import Comparison
from fpctl.exclusions.filter_syntax.expression import Operator
from fpctl.exclusions.model import Alternative

MAX_GROUPS = 64
"""An alternative that comes to more conditions is left out."""

Group = tuple[Comparison, ...]
"""Comparisons that must all hold."""

_DEVICE_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SID = re.compile(r"S-1-\d+(?:-\d+)+", re.IGNORECASE)
_HASH = {32: "md5", 40: "sha1", 64: "sha256"}


class NotExpressibleError(Exception):
    """What a comparison cannot say; the text is the reason."""


def groups_of(alternative: Alternative) -> list[Group]:
    """Return groups of comparisons of which one holds exactly when the alternative matches.

    Raises:
        NotExpressibleError: comparisons cannot say it.
    """
    if alternative.where is not None:
        raise NotExpressibleError("`where` is a KQL condition, which means nothing there")
    choices = [_OPTIONS[field](values) for field, values in alternative.fields().items()]
    count = 1
    for options in choices:
        count *= len(options)
    if count > MAX_GROUPS:
        raise NotExpressibleError(f"it comes to {count} combinations of conditions, more than {MAX_GROUPS}")
    return [tuple(group) for group in product(*choices)]


def _compare(name: str, operator: Operator, values: Sequence[str]) -> list[Comparison]:
    return [Comparison(name, operator, tuple(values), 0, 0)] if values else []


def _device(values: Sequence[str]) -> list[Comparison]:
    ids = [value for value in values if _DEVICE_ID.fullmatch(value)]
    plain = [value for value in values if "*" not in value and value not in ids]
    short = [f"{value}." for value in plain if "." not in value]
    found = [*_compare("host.id", "==", ids), *_compare("host.name", "==", plain)]
    found += _compare("host.name", "STARTSWITH", short)
    for value in values:
        if "*" in value:
            operator, text = _affix(value)
            if operator != "STARTSWITH" and "." not in text:
                raise NotExpressibleError(f"the pattern `{value}` is compared with the short name alone")
            found += _compare("host.name", operator, [text])
    return found


def _affix(pattern: str) -> tuple[Operator, str]:
    """Return a pattern with `*` at its ends alone as an operator and the text between."""
    text = pattern.strip("*")
    if "*" in text or not text:
        raise NotExpressibleError(f"`*` stands inside of `{pattern}`")
    if pattern.startswith("*") and pattern.endswith("*"):
        return "CONTAINS", text
    return ("STARTSWITH", text) if pattern.endswith("*") else ("ENDSWITH", text)


def _named(name: str) -> Callable[[Sequence[str]], list[Comparison]]:
    def options(values: Sequence[str]) -> list[Comparison]:
        found = _compare(name, "==", [value for value in values if "*" not in value])
        by_operator: dict[Operator, list[str]] = {}
        for value in values:
            if "*" in value:
                operator, text = _affix(value)
                by_operator.setdefault(operator, []).append(text)
        for operator, texts in by_operator.items():
            found += _compare(name, operator, texts)
        return found

    return options


def _url(values: Sequence[str]) -> list[Comparison]:
    for value in values:
        if re.search(r"[/:\[]", value) or re.fullmatch(r"[\d.]+", value):
            raise NotExpressibleError(
                f"`{value}` is more than a domain: a comparison of texts cannot be held to its host"
            )
    hosts = [value.removesuffix(".") for value in values]
    return [
        *_compare("url.domain", "==", hosts),
        *_compare("url.domain", "ENDSWITH", [f".{host}" for host in hosts]),
    ]


def _hash(values: Sequence[str]) -> list[Comparison]:
    found: list[Comparison] = []
    for length, kind in _HASH.items():
        same = [value for value in values if len(value) == length]
        found += _compare(f"file.hash.{kind}", "==", same)
        found += _compare(f"process.hash.{kind}", "==", same)
    return found


def _command_line(values: Sequence[str]) -> list[Comparison]:
    for value in values:
        if "*" in value:
            raise NotExpressibleError(f"`*` stands in the command line `{value}`")
    return _compare("process.command_line", "CONTAINS", values)


def _path(values: Sequence[str]) -> list[Comparison]:
    found: list[Comparison] = []
    for value in values:
        if "*" in value:
            raise NotExpressibleError(f"`*` stands in the path `{value}`")
    stems = [value.rstrip("\\/") for value in values]
    below = [stem + ("/" if "/" in stem and "\\" not in stem else "\\") for stem in stems]
    for name in ("file.path", "process.executable"):
        found += [*_compare(name, "==", stems), *_compare(name, "STARTSWITH", below)]
    return found


def _account(values: Sequence[str]) -> list[Comparison]:
    ids = [value for value in values if _SID.fullmatch(value) or _DEVICE_ID.fullmatch(value)]
    mails = [value for value in values if "@" in value]
    names = [value for value in values if value not in ids and value not in mails]
    return [
        *_compare("user.id", "==", ids), *_compare("user.email", "==", mails), *_compare("user.name", "==", names),
    ]  # fmt: skip


def _both(*names: str) -> Callable[[Sequence[str]], list[Comparison]]:
    return lambda values: [one for name in names for one in _compare(name, "==", values)]


_OPTIONS: dict[str, Callable[[Sequence[str]], list[Comparison]]] = {
    "device": _device,
    "url": _url,
    "hash": _hash,
    "process": _named("process.name"),
    "parent_process": _named("process.parent.name"),
    "command_line": _command_line,
    "path": _path,
    "account": _account,
    "ip": _both("source.ip", "destination.ip"),
    "signer": _both("process.code_signature.subject_name", "file.code_signature.subject_name"),
    "port": _both("destination.port"),
}
