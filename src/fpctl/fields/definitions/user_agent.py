"""User agents: what a client says that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fpctl.fields.field import Attack, ValueProblem
from fpctl.fields.kinds.whole_text import WholeTextField


class UserAgentField(WholeTextField):
    """A whole user agent; `*` is any text."""

    name = "user_agent"
    help = "Complete user agent of the client. `*` matches any text."
    question = "Which user agents? (whole, or with a `*` for what differs: python-requests/2.*)"
    meaning = "the user agent that the client sends"
    matches = "the complete user agent; `python-requests/2.*`: one that starts with this text"
    spares = "user agents that only contain the text"
    synonyms = ("useragent", "agent", "browser")
    roles = telling = ("user-agent",)
    assumed = (("UserAgent", "user-agent"), ("HttpUserAgent", "user-agent"), ("UserAgentHeader", "user-agent"))
    verbatim = "user-agent"
    test_rank = 95
    tell_rank = 75
    chosen = "the client chooses its user agent"
    # A user agent has commas: "Mozilla/5.0 (...) AppleWebKit/537.36 (KHTML, like Gecko)".
    separator = "||"
    pattern_noun = "client whose user agent"
    ecs = ("user_agent.original",)
    sigma_read = (("c-useragent", "user_agent.original"), ("cs-user-agent", "user_agent.original"))
    sigma_written = (("user_agent.original", "c-useragent"),)

    def check(self, value: str) -> ValueProblem | None:
        if "*" in value and value.strip("* /").lower() in ("mozilla", "mozilla/5.0", "mozilla/4.0"):
            return ValueProblem(f"`{value}` is nearly every browser", "name the part that identifies the client")
        if len(re.sub(r"[\W_]", "", value)) < 3:
            return ValueProblem(f"`{value}` names no client", "give a longer part of the user agent")
        return None

    def attacks(self, value: str) -> Iterator[Attack]:
        yield Attack("a longer user agent", {"user_agent": f"{value} x"})
        yield Attack("another user agent", {"user_agent": "sqlmap/1.8"})


FIELD = UserAgentField()
