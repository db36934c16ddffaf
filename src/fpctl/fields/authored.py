"""What no field takes for a value: what is empty, matches everything, or stands for something to fill in.

An exclusion's value is a promise about which events are benign; a value that cannot be meant is an
error before anything is rewritten. What is merely unwise (a public cloud domain, `powershell.exe`
alone) is left to the policy checks.
"""

from __future__ import annotations

import re

from fpctl.fields.field import ValueProblem

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# The placeholders of the documented scenarios, and the usual ways to mark a blank to fill in.
_PLACEHOLDER = re.compile(r"RMM_TOOL_NAME|known_deployment_hashes|%%\w+%%|\{\{[^{}]*\}\}", re.IGNORECASE)
_BLANK_TO_FILL = re.compile(r"<[^<>]*>")
_PUNCTUATION = frozenset("*?.\\/:_-")
MOST_WILDCARDS = 32
"""More are never meant, and cost time with every event."""

_EVERYTHING = "it would match everything"


def refused(value: str, free_text: bool) -> ValueProblem | None:
    """Return why no field takes a value, or None.

    Args:
        value: as authored.
        free_text: blanks at the ends and `<...>` inside are part of the value.
    """
    if not value.strip():
        return ValueProblem(f"the value is empty; {_EVERYTHING}", "give a value, or remove the field")
    bad = _CONTROL.search(value)
    if bad:
        return ValueProblem(f"the value holds the control character U+{ord(bad.group()):04X}", "remove it")
    placeholder = _PLACEHOLDER.search(value) or (
        _BLANK_TO_FILL.fullmatch(value) if free_text else _BLANK_TO_FILL.search(value)
    )
    if placeholder:
        return ValueProblem(f"`{placeholder.group()}` is a placeholder", "put the real value in its place")
    if not free_text and value != value.strip():
        return ValueProblem("the value begins or ends with white space", f"write `{value.strip()}`")
    wildcards = len(re.findall(r"\*+", value))
    if wildcards > MOST_WILDCARDS:
        return ValueProblem(
            f"the value has {wildcards:,} wildcards; {MOST_WILDCARDS} are the most", "name what is to match"
        )
    if "*" in value and all(character in _PUNCTUATION or character.isspace() for character in value):
        return ValueProblem(f"`{value}` has nothing but wildcards; {_EVERYTHING}", "name what is to match")
    return None
