"""FP6xx, second half: single values that mean more than they look."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext, alternatives, at_value, fix_command
from fpctl.audit.finding import Finding
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.risk.shared_names import SharedNames
from fpctl.fields.definitions.url import Url
from fpctl.fields.field import ValueProblem
from fpctl.fields.matching.containment import holds, plain
from fpctl.fields.registry import parse_value


def _urls(context: AuditContext) -> Iterator[tuple[LoadedExclusion, int, str, Url]]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            for value in alternative.values("url"):
                parsed = parse_value("url", value)
                if not isinstance(parsed, ValueProblem) and not context.shared_names.is_allowed(value):
                    yield loaded, number, value, parsed


def _shared_host(context: AuditContext, check: Check) -> Iterator[Finding]:
    parents = _parents(context.shared_names)
    for loaded, number, value, url in _urls(context):
        shared = _shared(context.shared_names, parents, url)
        if shared is not None:
            yield check.finding(
                at_value(loaded, number, "url", value),
                f"anyone can put content on {shared}, which `{value}` of {loaded.id} takes in",
                exclusion=loaded.id,
                fix=fix_command(loaded, number, "url", value),
                subject=f"{number} {value}",
            )


def _parents(known: SharedNames) -> dict[str, str]:
    """Return every domain above a shared one, with the first such one."""
    found: dict[str, str] = {}
    for domain in sorted(known.by_subdomain | known.by_path):
        rest = domain.partition(".")[2]
        while rest:
            found.setdefault(rest, domain)
            rest = rest.partition(".")[2]
    return found


def _shared(known: SharedNames, parents: dict[str, str], url: Url) -> str | None:
    if url.subdomains and url.host in parents and url.host not in known.by_path:
        return parents[url.host] if url.host not in known.by_subdomain else url.host
    if url.host in known.by_subdomain and url.subdomains:
        return url.host
    return url.host if url.host in known.by_path and not url.path else None


def _raw_address(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded, number, value, url in _urls(context):
        try:
            address = ipaddress.ip_address(url.host.strip("[]"))
        except ValueError:
            continue
        if address.is_global:
            yield check.finding(
                at_value(loaded, number, "url", value),
                f"the URL `{value}` of {loaded.id} is a public address: its owner can change at any time",
                exclusion=loaded.id,
                fix=fix_command(loaded, number, "url", value),
                subject=f"{number} {value}",
            )


def _look_alike(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded, number, value, url in _urls(context):
        encoded = any(label.startswith("xn--") for label in url.host.split("."))
        if encoded or not url.host.isascii():
            shown = f" (`{_decoded(url.host)}`)" if encoded else f" (`{_encoded(url.host)}` on the wire)"
            yield check.finding(
                at_value(loaded, number, "url", value),
                f"the host of `{value}` of {loaded.id} has letters that resemble others{shown}",
                exclusion=loaded.id,
                fix=fix_command(loaded, number, "url", value),
                subject=f"{number} {value}",
            )


def _decoded(host: str) -> str:
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return "not readable"


def _encoded(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return "not expressible"


def _tool_hash(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            if not alternative.values("hash") or alternative.values("device"):
                continue
            shared = context.shared_names
            known = [h for h in alternative.values("hash") if h.lower() in shared.hashes and not shared.is_allowed(h)]
            for value in known:
                yield check.finding(
                    at_value(loaded, number, "hash", value),
                    f"`{value}` of {loaded.id} is a hash of {shared.hashes[value.lower()]}, on every device",
                    exclusion=loaded.id,
                    fix=fix_command(loaded, number, "hash", value),
                    subject=f"{number} {value.lower()}",
                )
            for value in alternative.values("process") if not known else ():
                program = _program(context.shared_names, value)
                if program is not None:
                    yield check.finding(
                        at_value(loaded, number, "process", value),
                        f"the hashes of {loaded.id} are of {program[0]}, {program[1]}, on every device: "
                        "it runs whatever it is given",
                        exclusion=loaded.id,
                        fix=fix_command(loaded, number, "process", value),
                        subject=f"{number} {value.lower()}",
                    )


def _tool_anywhere(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            if alternative.values("hash") or alternative.values("device"):
                continue
            for value in alternative.values("process"):
                program = _program(context.shared_names, value)
                if program is not None:
                    covers = "" if program[0] == value.lower() else f"covers {program[0]}, "
                    yield check.finding(
                        at_value(loaded, number, "process", value),
                        f"`{value}` of {loaded.id} {covers or 'is '}{program[1]}, and no device is named",
                        exclusion=loaded.id,
                        fix=fix_command(loaded, number, "process", value),
                        subject=f"{number} {value.lower()}",
                    )


def _program(known: SharedNames, value: str) -> tuple[str, str] | None:
    """Return a program that a process value matches and that runs what it is given, with its kind."""
    name = value.lower()
    if known.is_allowed(value):
        return None
    if "*" not in name:
        return (name, known.programs[name]) if name in known.programs else None
    pattern = plain(name)
    return next(((program, what) for program, what in sorted(known.programs.items()) if holds(pattern, program)), None)


CHECKS = (
    Check(
        "FP605", "shared-host", "error", "Anyone can put content on the host",
        "A domain of a cloud provider, a code host, a file or paste service, a tunnel or a link shortener, or a "
        "domain above such a one. Traffic to it does not show who is at the other end; attackers use these hosts "
        "because they are allowed. A customer's own name below it (`contoso.blob.core.windows.net`) or own path "
        "(`github.com/contoso`) is not reported. The list is data "
        "(`src/fpctl/exclusions/risk/data/shared_names.yaml`) and never complete; add to it in the settings.",
        "Name your own host or path. If you really mean the whole host, add the value to `policy.forbidden.allowed`.",
        _shared_host, ("forbidden.domains", "forbidden.allowed"),
        "anyone can put content on blob.core.windows.net, which `blob.core.windows.net` of fp-2026-0007 takes in",
    ),
    Check(
        "FP606", "raw-address", "warning", "The URL is a public address",
        "Addresses of clouds and providers change hands within hours, and neither a certificate nor a name shows "
        "who is using them. Private addresses are not reported.",
        "Name the host.",
        _raw_address, ("forbidden.allowed",),
        "the URL `http://198.18.0.7/agent` of fp-2026-0007 is a public address: its owner can change at any time",
    ),
    Check(
        "FP607", "look-alike", "warning", "The host has letters that resemble others",
        "A host with non-ASCII letters, or one that starts with `xn--`, which is the encoded form of such hosts. "
        "A Cyrillic а looks exactly like a Latin a.",
        "Compare the encoded form with the one that the owner of the host gives.",
        _look_alike, ("forbidden.allowed",),
        "the host of `xn--pple-43d.com` of fp-2026-0007 has letters that resemble others (`аpple.com`)",
    ),
    Check(
        "FP608", "tool-hash", "error", "The hash is of a program that runs whatever it is given",
        "The hash of `powershell.exe` is the same on every machine and does not show what it runs; the hash of "
        "PsExec does not show who uses it. Reported if no device is named and the hash is a known one, or the "
        "alternative has such a program with the hash. The list of known hashes cannot be complete, because "
        "every build has its own: add the process to the hash, or add your builds to the settings.",
        "Name the device, or the script (`command_line`) together with the device.",
        _tool_hash, ("forbidden.hashes", "forbidden.processes", "forbidden.allowed"),
        "`9f914d42706fe215501044acd85a32d58aaef1419d404fddfa5d3b48f66ccd9f` of fp-2026-0007 is a hash of "
        "powershell.exe of "
        "Windows 10, on every device",
    ),
    Check(
        "FP609", "tool-anywhere", "error", "A script host or admin tool without a device",
        "`powershell.exe`, `cmd.exe`, `rundll32.exe`, `psexec.exe` and similar programs run any command that they "
        "are given. Without a device the exclusion applies on every machine, and an attacker's command differs only "
        "in its text, which the attacker chooses. A pattern that matches such a program counts too.",
        "Name the devices. If the tool is allowed everywhere, add it to `policy.forbidden.allowed`.",
        _tool_anywhere, ("forbidden.processes", "forbidden.allowed"),
        "`powershell.exe` of fp-2026-0007 is a script host, and no device is named",
    ),
)  # fmt: skip
