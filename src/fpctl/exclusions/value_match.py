"""Whether a value at hand (a host, a URL, a hash ...) is one that an exclusion names, for looking exclusions up.

The rules are those of the clauses (docs/exclusions.md, "How fields match"), applied to one value
instead of to an event.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

from fpctl.exclusions.model import Exclusion


def matching_fields(exclusion: Exclusion, value: str) -> tuple[str, ...]:
    """Return the fields of an exclusion of which a value says that it would match; `where` if its text has it."""
    found: list[str] = []
    for alternative in exclusion.match:
        for field, patterns in alternative.fields().items():
            if field not in found and any(names(field, pattern, value) for pattern in patterns):
                found.append(field)
        if alternative.where is not None and value.casefold() in alternative.where.casefold() and "where" not in found:
            found.append("where")
    return tuple(found)


def names(field: str, pattern: str, value: str) -> bool:
    """Tell whether an exclusion's value `pattern` of a field matches the value."""
    given = value.strip()
    return bool(given) and _TESTS[field](pattern.casefold(), given.casefold())


def _device(pattern: str, value: str) -> bool:
    # A short name stands for any full name of that host, in the value looked for as in the exclusion.
    if "." not in pattern or "." not in value:
        return _glob(pattern.partition(".")[0], value.partition(".")[0], r"[^.]*")
    return _glob(pattern, value, ".*")


def _url(pattern: str, value: str) -> bool:
    wanted_host, wanted_path = _host_and_path(pattern)
    host, path = _host_and_path(value)
    if wanted_path or "://" in pattern:
        below = wanted_path.rstrip("/")
        return host == wanted_host and (path == below or bool(_regex(below, "[^/]*").match(path + "/")))
    return host == wanted_host or host.endswith(f".{wanted_host}")


def _host_and_path(url: str) -> tuple[str, str]:
    rest = url.partition("://")[2] or url
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0][1:], f"/{path}" if path else ""
    return host.partition(":")[0].rstrip("."), f"/{path}" if path else ""


def _regex(pattern: str, star: str) -> re.Pattern[str]:
    parts = (star if part == "*" else ".*" if part == "**" else re.escape(part) for part in re.split(r"(\*+)", pattern))
    return re.compile("".join(parts) + "/", re.DOTALL)


def _glob(pattern: str, value: str, star: str = ".*") -> bool:
    if "*" not in pattern:
        return pattern == value
    text = star.join(re.escape(part) for part in re.split(r"\*+", pattern))
    return re.fullmatch(text, value, re.DOTALL) is not None


def _file_name(pattern: str, value: str) -> bool:
    return _glob(pattern, re.split(r"[\\/]", value)[-1])


def _command_line(pattern: str, value: str) -> bool:
    return _glob(f"*{pattern.strip('*')}*", value)


def _path(pattern: str, value: str) -> bool:
    parts = (
        r"[^\\/]*" if part == "*" else ".*" if part == "**" else re.escape(part)
        for part in re.split(r"(\*+)", pattern.rstrip("\\/"))
    )
    return re.match("".join(parts) + r"(?:[\\/]|\Z)", value, re.DOTALL) is not None


def _account(pattern: str, value: str) -> bool:
    if "\\" in pattern and "\\" in value:
        return pattern == value
    return pattern.rpartition("\\")[2] == value.rpartition("\\")[2]


def _ip(pattern: str, value: str) -> bool:
    try:
        network = ipaddress.ip_network(pattern, strict=False)
        other = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.version == other.version and other.subnet_of(network)  # type: ignore[arg-type]


def _equal(pattern: str, value: str) -> bool:
    return pattern == value


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "device": _device, "url": _url, "hash": _equal, "process": _file_name, "parent_process": _file_name,
    "command_line": _command_line, "path": _path, "account": _account, "ip": _ip, "signer": _equal, "port": _equal,
}  # fmt: skip
