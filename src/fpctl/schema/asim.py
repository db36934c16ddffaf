"""The names under which an ASIM schema is queried.

A schema has unifying parsers, built in (`_Im_WebSession` with parameters, `_ASim_WebSession`
without) or deployed in the workspace (`imWebSession`, `ASimWebSession`), and a parser per source
(`_Im_WebSession_SquidProxy`, `vimWebSessionSquidProxy`, `ASimWebSessionSquidProxy`).
Source: https://learn.microsoft.com/azure/sentinel/normalization-about-parsers
"""

from __future__ import annotations

_WORDS = {
    "AlertEvent": "AlertEvent",
    "AuditEvent": "AuditEvent",
    "Authentication": "Authentication",
    "Dhcp": "DhcpEvent",
    "DhcpEvent": "DhcpEvent",
    "Dns": "Dns",
    "FileEvent": "FileEvent",
    "NetworkSession": "NetworkSession",
    "Process": "ProcessEvent",
    "ProcessCreate": "ProcessEvent",
    "ProcessEvent": "ProcessEvent",
    "ProcessEventCreate": "ProcessEvent",
    "ProcessEventTerminate": "ProcessEvent",
    "ProcessTerminate": "ProcessEvent",
    "Registry": "RegistryEvent",
    "RegistryEvent": "RegistryEvent",
    "UserManagement": "UserManagement",
    "WebSession": "WebSession",
}
"""The word for a schema in a parser's name -> the schema."""

_BUILT_IN = ("_Im_", "_ASim_")
_DEPLOYED = ("vim", "im", "ASim")


def asim_schema(name: str) -> str | None:
    """Return the ASIM schema a function or table is named after (`_Im_Dns` -> `Dns`), or None.

    The prefix and the schema's word are matched as KQL matches names, with case. After the word
    may be the source: after `_` in a built-in parser, with a capital letter in a deployed one.
    """
    for prefix in _BUILT_IN:
        if name.startswith(prefix):
            return _WORDS.get(name[len(prefix) :].split("_", 1)[0])
    for prefix in _DEPLOYED:
        if name.startswith(prefix):
            rest = name[len(prefix) :]
            if prefix == "im":
                return _WORDS.get(rest)
            for word in sorted(_WORDS, key=len, reverse=True):
                if rest.startswith(word):
                    following = rest[len(word) :]
                    if not following or following[0].isupper() or following[0] in "0123456789_":
                        return _WORDS[word]
            return None
    return None
