"""Notices as the bodies that webhooks take: a Teams adaptive card, Slack blocks, plain JSON.

Texts come from files and services: what would be markup in a card is escaped.

Sources: Teams workflows take an adaptive card as an attachment of a message
(https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using); Slack takes
blocks of at most 3,000 characters, 50 of them (https://docs.slack.dev/reference/block-kit/blocks).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from fpctl.notify.notices import TITLES, Notice

FormatName = Literal["teams", "slack", "json"]
MOST = 40
"""Notices in one message; the others are counted in it."""
_LONGEST = 500


def teams(found: Sequence[Notice]) -> dict[str, Any]:
    """Return the message for a Teams workflow."""
    blocks: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _heading(found), "weight": "Bolder", "size": "Medium", "wrap": True}
    ]
    for one in found[:MOST]:
        text = f"**{_markdown(one.about)}** {TITLES[one.kind]}: {_markdown(one.message)}"
        blocks.append({"type": "TextBlock", "text": text, "wrap": True, "spacing": "Small"})
        if one.command:
            code = {"type": "TextBlock", "text": _short(one.command), "fontType": "Monospace", "wrap": True}
            blocks.append({**code, "spacing": "None", "isSubtle": True})
    if len(found) > MOST:
        blocks.append({"type": "TextBlock", "text": f"and {len(found) - MOST} more: fpctl report", "wrap": True})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "body": blocks,
    }  # fmt: skip
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def slack(found: Sequence[Notice]) -> dict[str, Any]:
    """Return the message for a Slack webhook."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": _heading(found)[:150]}}]
    for one in found[:MOST]:
        command = f"\n`{_mrkdwn(one.command)}`" if one.command else ""
        text = f"*{_mrkdwn(one.about)}* {TITLES[one.kind]}: {_mrkdwn(one.message)}{command}"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}})
    if len(found) > MOST:
        text = f"and {len(found) - MOST} more: `fpctl report`"
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": text}]})
    return {"text": _heading(found), "blocks": blocks}


def plain(found: Sequence[Notice]) -> dict[str, Any]:
    """Return the documented JSON, for whatever takes it."""
    return {
        "text": _heading(found),
        "notices": [
            {"key": one.key, "kind": one.kind, "about": one.about, "message": one.message, "fix": one.command}
            for one in found
        ],
    }


FORMATS: Mapping[FormatName, Callable[[Sequence[Notice]], dict[str, Any]]] = {
    "teams": teams,
    "slack": slack,
    "json": plain,
}


def _heading(found: Sequence[Notice]) -> str:
    return f"fpctl: {len(found):,} thing{'' if len(found) == 1 else 's'} to look at"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _markdown(text: str) -> str:
    return "".join(f"\\{one}" if one in "\\`*_{}[]()#+-!|<>" else one for one in _short(text))


def _mrkdwn(text: str) -> str:
    escaped = _short(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join("\u200b" + one if one in "*_~`" else one for one in escaped)
