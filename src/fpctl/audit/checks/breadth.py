"""FP6xx, first half: matches that take in too much, or what an attacker can choose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fpctl.audit.always_true import nearly_everything
from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext, alternatives, anchored, at_value, fix_command
from fpctl.audit.finding import Finding
from fpctl.audit.network import half_of_all, too_wide
from fpctl.exclusions.model import Alternative
from fpctl.exclusions.risk.shared_names import SharedNames
from fpctl.fields.registry import FIELDS


def _everything(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            fields = alternative.fields()
            wide = all(_takes_all(field, given, context.shared_names) for field, given in fields.items())
            if wide and (alternative.where is None or nearly_everything(alternative.where)):
                given = [*(f"{field} `{values[0]}`" for field, values in fields.items()), *_where(alternative)]
                yield check.finding(
                    at_value(loaded, number, next(iter(fields), "where")),
                    f"{loaded.id} matches nearly every event: {' and '.join(given)}",
                    exclusion=loaded.id,
                    fix=f"fpctl edit {loaded.id}",
                    subject=str(number),
                )


def _where(alternative: Alternative) -> list[str]:
    return [f"where `{alternative.where}`"] if alternative.where is not None else []


_WITHOUT_MEANING = re.compile(r"\.(?:exe|dll|com|net|org|ps1|bat)\b|[*.\\/:_-]", re.IGNORECASE)


def _takes_all(field: str, given: Sequence[str], known: SharedNames) -> bool:
    """Return whether nearly every event has one of these values."""
    if field == "ip":
        return half_of_all(given)
    if FIELDS[field].is_free_text():
        return any(value.lower().strip("*") in known.commonplace or len(value.strip("* ")) < 3 for value in given)
    if FIELDS[field].pattern_noun:
        return any("*" in value and len(_WITHOUT_MEANING.sub("", value)) < 2 for value in given)
    return False


def _attacker_chooses(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            fields = list(alternative.fields())
            if fields and not anchored(alternative) and alternative.where is None:
                yield check.finding(
                    at_value(loaded, number, fields[0]),
                    f"{loaded.id} matches on {_listed(fields)} alone, which an attacker can choose",
                    exclusion=loaded.id,
                    fix=f"fpctl edit {loaded.id}",
                    subject=str(number),
                )


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _writable_path(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            if alternative.values("hash") or alternative.values("signer"):
                continue
            for path in alternative.values("path"):
                if not context.shared_names.is_allowed(path) and any(
                    folder.match(path) for folder in context.shared_names.folders
                ):
                    yield check.finding(
                        at_value(loaded, number, "path", path),
                        f"every user can write to `{path}` of {loaded.id}, and no hash or signer restricts the file",
                        exclusion=loaded.id,
                        fix=fix_command(loaded, number, "path", path),
                        subject=f"{number} {path}",
                    )


_ENDS = {name: field.pattern_noun for name, field in FIELDS.items() if field.pattern_noun}


def _left_wildcard(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            for field, what in _ENDS.items():
                for value in alternative.values(field):
                    if value.startswith("*") and not context.shared_names.is_allowed(value):
                        ending = value.lstrip("*").rstrip("*")
                        how = "contains" if value.endswith("*") else "ends in"
                        yield check.finding(
                            at_value(loaded, number, field, value),
                            f"`{value}` of {loaded.id} matches every {what} {how} `{ending}`",
                            exclusion=loaded.id,
                            fix=fix_command(loaded, number, field, value),
                            subject=f"{number} {field} {value}",
                        )


def _short_pattern(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            for field in ("device", "process", "parent_process"):
                for value in alternative.values(field):
                    left = _WITHOUT_MEANING.sub("", value)
                    if "*" in value and len(left) < 3 and not context.shared_names.is_allowed(value):
                        yield check.finding(
                            at_value(loaded, number, field, value),
                            f"`{value}` of {loaded.id} is little more than a wildcard",
                            exclusion=loaded.id,
                            fix=fix_command(loaded, number, field, value),
                            subject=f"{number} {field} {value}",
                        )


def _wide_network(context: AuditContext, check: Check) -> Iterator[Finding]:
    policy = context.policy.forbidden
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            for value in alternative.values("ip"):
                limit = too_wide(value, policy.prefix_v4, policy.prefix_v6)
                if limit is not None and not context.shared_names.is_allowed(value):
                    yield check.finding(
                        at_value(loaded, number, "ip", value),
                        f"the network `{value}` of {loaded.id} is wider than /{limit}, the widest that the "
                        "policy allows",
                        exclusion=loaded.id,
                        fix=fix_command(loaded, number, "ip", value),
                        subject=f"{number} {value}",
                    )


def _negated(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            if alternative.where is not None and alternative.fields() and nearly_everything(alternative.where):
                yield check.finding(
                    at_value(loaded, number, "where"),
                    f"`where` of {loaded.id} is true for nearly every event, so it narrows nothing",
                    exclusion=loaded.id,
                    fix=f"fpctl edit {loaded.id}",
                    subject=str(number),
                )


def _broad_in_tables(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        exclusion = loaded.exclusion
        if exclusion.broad and ((exclusion.approved_by or "").strip() or exclusion.status == "draft"):
            continue
        for number, found in context.broad[loaded.id].items():
            fields = list(exclusion.match[number].fields())
            yield check.finding(
                at_value(loaded, number, fields[0]),
                f"{loaded.id} matches on {_listed(fields)}, which does not identify an event of {found.rule.name} "
                f"({', '.join(family.title for family in found.families)}): it is broad there",
                exclusion=loaded.id,
                fix=f"fpctl edit {loaded.id}",
                subject=str(number),
            )


CHECKS = (
    Check(
        "FP601", "matches-everything", "error", "The exclusion matches nearly every event",
        "Every condition of an alternative is true for nearly all events: a pattern of wildcards and one letter, "
        "a text that is in every command line (`.exe`, `C:\\`), networks that together cover half of all "
        "addresses, or a raw condition such as `isnotempty(DeviceName)`, `X == X`, or one that only says what is "
        "*not* the case (`!=`, `!has`, `not(...)`). This switches the rule off. Empty values and bare wildcards "
        "are refused when the file is read.",
        "Name what is benign.",
        _everything, (), "fp-2026-0007 matches nearly every event: command_line `.exe`",
    ),
    Check(
        "FP602", "attacker-chooses", "warning", "The exclusion depends only on what an attacker can choose",
        "The alternative names only the name of a program or its parent, its command line, its path or a port. "
        "Anybody who can start a program can choose these. A device, hash, signer, address or account has to be "
        "compromised first, or cannot be.",
        "Name the devices it runs on, the hash or signer of the program, or the host that it contacts.",
        _attacker_chooses, (), "fp-2026-0007 matches on process and command_line alone, which an attacker can choose",
    ),
    Check(
        "FP603", "writable-path", "warning", "Every user can write to the path",
        "`C:\\Users\\...`, `C:\\ProgramData`, a `Temp` folder, `/tmp`, `/home` and similar. Any program placed "
        "there is excluded. Not reported if the alternative has a hash or signer.",
        "Add the hash or signer, or install the program where only administrators can write.",
        _writable_path, ("forbidden.folders", "forbidden.allowed"),
        "every user can write to `C:\\Users\\Public\\agent` of fp-2026-0007, and no hash or signer restricts the file",
    ),
    Check(
        "FP604", "left-wildcard", "warning", "A name is matched only by its end",
        "`*-agent.exe`, `*.contoso.com`, `**\\tools\\run.exe`: the beginning of a name or path is the easiest "
        "part to choose freely, and new names match without anybody noticing.",
        "List the names, or start with a fixed part.",
        _left_wildcard, ("forbidden.allowed",),
        "`*_agent.exe` of fp-2026-0007 matches every program whose name ends in `_agent.exe`",
    ),
    Check(
        "FP610", "wide-network", "error", "The network is wider than the policy allows",
        "A /8 holds sixteen million addresses, and nobody knows all of them.",
        "Name the intended networks, or the devices.",
        _wide_network, ("forbidden.prefix_v4", "forbidden.prefix_v6", "forbidden.allowed"),
        "the network `10.0.0.0/8` of fp-2026-0007 is wider than /16, the widest that the policy allows",
    ),
    Check(
        "FP611", "short-pattern", "warning", "A pattern is little more than a wildcard",
        "Apart from wildcards it has fewer than three meaningful characters: `a*`, `*x.exe`.",
        "Write more of the name.",
        _short_pattern, ("forbidden.allowed",), "`a*` of fp-2026-0007 is little more than a wildcard",
    ),
    Check(
        "FP612", "idle-condition", "warning", "The raw condition narrows nothing",
        "`where` is true for nearly every event: it compares a column with itself, tests that it is not empty, "
        "or only says what is not the case. The other fields of the alternative decide alone.",
        "State what the event is instead of what it is not, or remove `where`.",
        _negated, (), "`where` of fp-2026-0007 is true for nearly every event, so it narrows nothing",
    ),
    Check(
        "FP614", "broad-in-tables", "error", "The match is broad in the tables of a rule",
        "What identifies an event depends on the table. An account and its address identify a sign-in, but on an "
        "endpoint the address is the other side of a connection, and half the estate talks to it. The "
        "alternative is narrow for some tables, but not for those of this rule ([which "
        "are](identity.md#what-is-narrow)). Such a match needs `broad: true` and an approval, like one "
        "without a device, URL or hash.",
        "Name what identifies an event in these tables, or set `broad: true` and have it approved.",
        _broad_in_tables, (),
        "fp-2026-0007 matches on account and ip, which does not identify an event of RMM connection (endpoints): it is "
        "broad there",
    ),
)  # fmt: skip
