"""FP4xx: exclusions, values and lists of which there are more than needed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext, alternatives, at_value, fix_command
from fpctl.audit.coverage.extent import Extent, Values
from fpctl.audit.coverage.extent import values as as_values
from fpctl.audit.coverage.search import overlaps
from fpctl.audit.finding import Finding
from fpctl.errors import Location
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.value_lists.list_file import FOLDER, SUFFIX, find_lists
from fpctl.fields.field import Key
from fpctl.fields.registry import FIELDS, key_of


def _duplicate(context: AuditContext, check: Check) -> Iterator[Finding]:
    for wide, narrow, both in context.covered:
        if both:
            spare = wide if _approved(narrow) and not _approved(wide) else narrow
            kept = narrow if spare is wide else wide
            yield check.finding(
                narrow.loaded.at,
                f"{narrow.id} is the same as {wide.id}: the same rules, days, hours and match",
                exclusion=narrow.id,
                fix=f'fpctl retire {spare.id} --reason "the same as {kept.id}"',
                subject=wide.id,
                related=wide.loaded.at,
            )


def _subsumed(context: AuditContext, check: Check) -> Iterator[Finding]:
    for wide, narrow, both in context.covered:
        if not both:
            yield check.finding(
                narrow.loaded.at,
                f"everything that {narrow.id} suppresses, {wide.id} suppresses too{_how(wide, narrow)}",
                exclusion=narrow.id,
                fix=_retire_one(wide, narrow),
                subject=wide.id,
                related=wide.loaded.at,
            )


def _approved(extent: Extent) -> bool:
    return bool((extent.loaded.exclusion.approved_by or "").strip())


def _retire_one(wide: Extent, narrow: Extent) -> str:
    """Return the command that retires the wider of two exclusions, or the one that nobody approved."""
    if _approved(wide) and not _approved(narrow):
        return f'fpctl retire {narrow.id} --reason "covered by {wide.id}"'
    return f'fpctl retire {wide.id} --reason "{narrow.id} is narrower"'


def _how(wide: Extent, narrow: Extent) -> str:
    """Return in words how one exclusion is wider than another, as far as a few words can say it."""
    if narrow.matches_all_of(wide):
        return ", in these and other rules" if wide.rules != narrow.rules else ", and at other times too"
    pairs = ((given, covered) for covered in narrow.shapes for given in wide.shapes if given.covers(covered))
    for given, covered in pairs:
        for field, values in sorted(given.fields.items()):
            for key in sorted(covered.fields[field].keys - values.keys):
                cover = next(k for k in sorted(values.keys) if FIELDS[field].covers(k, key))
                return f": its {field} {_written(wide, field, cover)} covers {_written(narrow, field, key)}"
        fewer = sorted(set(covered.fields) - set(given.fields))
        if fewer:
            return f", whatever the {fewer[0]}"
        for field, values in sorted(given.fields.items()):
            if values.keys != covered.fields[field].keys:
                return f": its {field} list holds every value of the other"
    return ""


def _written(extent: Extent, field: str, key: Key) -> str:
    """Return a value as its exclusion writes it."""
    for alternative in extent.loaded.exclusion.match:
        for value in alternative.fields().get(field, ()):
            if key_of(field, value) == key:
                return f"`{value}`"
    raise LookupError(key)


def _overlapping(context: AuditContext, check: Check) -> Iterator[Finding]:
    told = {covered.narrow.id for covered in context.covered}
    for extent, others, holder, field, key in overlaps([one for one in context.extents if one.id not in told]):
        more = f" and {len(others) - 3:,} more" if len(others) > 3 else ""
        yield check.finding(
            _at(extent, field, key),
            f"{extent.id} and {', '.join(other.id for other in others[:3])}{more} can suppress the same events, "
            f"such as those of {field} {_written(holder, field, key)}",
            exclusion=extent.id,
            fix=f"fpctl show {extent.id}",
            subject=" ".join(other.id for other in others),
            related=others[0].loaded.at,
        )


def _at(extent: Extent, field: str, key: Key) -> Location:
    """Return where an exclusion names a value, or the field where it names a wider one."""
    first: Location | None = None
    for number, alternative in alternatives(extent.loaded):
        for value in alternative.fields().get(field, ()):
            if key_of(field, value) == key:
                return at_value(extent.loaded, number, field, value)
            first = first or at_value(extent.loaded, number, field)
    return first or extent.loaded.at


_SCATTERED = ("url", "hash", "ip")
"""Fields whose values name a thing that is benign or not. It is normal for a device to be in many exclusions."""


def _repeated(context: AuditContext, check: Check) -> Iterator[Finding]:
    holders: dict[tuple[str, Key], dict[str, tuple[LoadedExclusion, int, str]]] = {}
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            for field in _SCATTERED:
                for value in alternative.fields().get(field, ()):
                    # A value that comes from a list is where it should be.
                    written = f"match.{number}.{field}={value}" in loaded.places
                    key = key_of(field, value) if written else None
                    if key is not None:
                        holders.setdefault((field, key), {}).setdefault(loaded.id, (loaded, number, value))
    for (field, key), found in sorted(holders.items()):
        if len(found) >= context.policy.usage.repeated:
            loaded, number, value = next(iter(found.values()))
            ids = sorted(found)
            shown = ", ".join(ids[:4]) + (f" and {len(ids) - 4:,} more" if len(ids) > 4 else "")
            yield check.finding(
                at_value(loaded, number, field, value),
                f"the {field} `{value}` is in {len(ids):,} exclusions: {shown}",
                fix=f"fpctl list --matches {shlex.quote(value)}",
                subject=f"{field} {' '.join(map(str, key))}",
            )


def _dead_value(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for number, alternative in alternatives(loaded):
            for field, given in alternative.fields().items():
                if len(given) < 2:
                    continue
                keys = {key: value for value in given if (key := key_of(field, value)) is not None}
                whole = as_values(field, keys)
                dead = [(key, wide) for key in keys if (wide := _other(field, key, whole)) is not None]
                for key, wide in sorted(dead)[:10]:
                    yield check.finding(
                        at_value(loaded, number, field, keys[key]),
                        f"the {field} `{keys[key]}` of {loaded.id} is covered by `{keys[wide]}` next to it",
                        exclusion=loaded.id,
                        fix=fix_command(loaded, number, field, keys[key]),
                        subject=f"{number} {field} {keys[key]}",
                    )


def _other(field: str, key: Key, whole: Values) -> Key | None:
    """Return another value of a list that covers this one."""
    kind = FIELDS[field]
    for wide in kind.above(key):
        if wide != key and wide in whole.keys:
            return wide
    return next((wide for wide in whole.patterns if wide != key and kind.covers(wide, key)), None)


def _unused_list(context: AuditContext, check: Check) -> Iterator[Finding]:
    folder = context.root / FOLDER if context.root is not None else None
    if context.root is None or folder is None or not folder.is_dir():
        return
    in_use = {name for loaded in context.kept for name in loaded.lists}
    files = {path.relative_to(context.root).as_posix() for path in folder.rglob(f"*{SUFFIX}")}
    if files <= in_use:
        return
    over = {loaded.id for loaded in context.repository.exclusions.exclusions} - context.by_id.keys()
    # Exclusions that could not be read use lists too: their files are looked through as text.
    for use in find_lists(context.root).values():
        if use.name in in_use or set(use.exclusions) - over or not use.path.is_file():
            continue
        verb = "is" if len(use.exclusions) == 1 else "are"
        users = f": {', '.join(use.exclusions)} {verb} over" if use.exclusions else ""
        yield check.finding(
            Location(str(use.path), 1, 1),
            f"no active exclusion uses the list {use.name}{users}",
            fix=f"fpctl lists check {shlex.quote(use.name)}" if users else f"rm {shlex.quote(str(use.path))}",
            subject=use.name,
        )


CHECKS = (
    Check(
        "FP401", "duplicate", "warning", "Two exclusions are the same",
        "They match the same events in the same rules on the same days, apart from order, case and spelling. "
        "When one is changed, the other will be forgotten.",
        "Retire one of them.",
        _duplicate, (), "fp-2026-0009 is the same as fp-2026-0007: the same rules, days, hours and match",
    ),
    Check(
        "FP402", "subsumed", "warning", "Another exclusion covers this one",
        "The other exclusion suppresses every event that this one suppresses from today on: through a broader "
        "device pattern, a parent domain, a network that contains the address, a list with more values, fewer "
        "conditions, more rules, or more days. This one adds nothing, and retiring it changes nothing.\n\nThis "
        "is proved: field by field and value by value, over every kind of column that can hold the field; for "
        "its days, hours and rules; and in the plan of each rule, where the other exclusion must have a clause "
        "in the same pipeline. What cannot be proved is not reported: windows in different time zones, or raw "
        "conditions that are not the same text.",
        "Retire the broader one if what the narrower one suppresses is all that is meant. Otherwise retire the "
        "one that is not approved.",
        _subsumed, (),
        "everything that fp-2026-0009 suppresses, fp-2026-0007 suppresses too: its url `contoso.com` covers "
        "`deploy.contoso.com`",
    ),
    Check(
        "FP403", "overlapping", "note", "Exclusions can suppress the same events",
        "They share a device, URL or hash, nothing else separates them, and neither covers the other. Both count "
        "hits on the same event, and retiring one may change less than its hits suggest (see its *unique* hits). "
        "Of the exclusions that share a value, the first 40 are compared.",
        "Nothing, if both are intended. Otherwise merge them.",
        _overlapping, (),
        "fp-2026-0009 and fp-2026-0007 can suppress the same events, such as those of device `build01`",
    ),
    Check(
        "FP404", "repeated-value", "note", "A value is used in several exclusions",
        "The same URL, hash or address is used in at least as many exclusions as the policy says. If it turns "
        "out to be malicious, or changes with the next version, each of them has to be found. Devices are not "
        "counted, because it is normal for a host to have several exclusions.",
        "Keep the value in a list (`@lists/name.txt`), or in one exclusion for several rules.",
        _repeated, ("usage.repeated",),
        "the hash `2f4d94d2c7a287785e87423f456ac41968e54a7d65c9d82bea217c26c33340ae` is in 3 exclusions: "
        "fp-2026-0003, fp-2026-0007, fp-2026-0009",
    ),
    Check(
        "FP405", "unused-list", "note", "No active exclusion uses a list",
        "A file in `lists/` to which no exclusion refers, or only expired or retired ones. Somebody may keep "
        "maintaining it, believing that it has an effect.",
        "Remove the file, or refer to it.",
        _unused_list, (), "no active exclusion uses the list lists/old_agents.txt",
    ),
    Check(
        "FP406", "dead-value", "note", "A value is covered by another value next to it",
        "Examples are `build01.contoso.com` next to `build01`, `deploy.contoso.com` next to `contoso.com`, and "
        "`10.1.2.3` next to `10.1.0.0/16`. The value has no effect. It may be the one that was intended, and the "
        "broader one a mistake.",
        "Remove one of the two. The first ten in a list are reported.",
        _dead_value, (), "the url `deploy.contoso.com` of fp-2026-0007 is covered by `contoso.com` next to it",
    ),
)  # fmt: skip
