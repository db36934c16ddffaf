"""Predicates: what an exclusion matches, as a KQL expression that is never null.

One `Predicate` gives the text inside `not(...)` of a clause and the text inside `countif(...)` of
the counting query, so that what is counted is what is suppressed.

Matching, per field. Case never counts. A value is compared with every column of the field that can
hold such a value (its role, see `schema.fields.ROLES`); any of them may match.

device        A value without a dot is compared with the short name, which is what stands before the
              first dot: `build01` matches `build01` and `build01.contoso.com`, not `build010`. A value
              with a dot is compared with the whole name: `build01.contoso.com` matches nothing else,
              so not a column that holds only `build01`. `*` is any text in what is compared: `build*`,
              `*.contoso.com`. 40 hexadecimal digits or a GUID are a device id.
url           A domain matches that host and its subdomains, whatever the scheme, port and path. A value
              with a scheme or a path matches that host alone, whatever the scheme, and paths at or
              below that path. A port, where given, must stand in the URL. Never matched: a URL with
              user info (`https://contoso.com@evil.net/`), with anything but plain host characters
              before the domain, and, by a value with a path, one that contains `..` or `%2e`. In the
              path `*` is any text up to the next `/`, `**` any text.
hash          MD5, SHA-1 or SHA-256 by its length, in columns of that algorithm.
process       The whole file name; where a column holds a full path, its last part. `*` is any text.
command_line  Contains the text; `*` is any text in between.
path          That path, or anything below it at a `\\` or `/`. `*` is any text within one folder
              name, `**` any text.
account       `name` in columns of names, also after `DOMAIN\\`; `DOMAIN\\name` where domain and name are
              both known; `user@domain`, SIDs and GUIDs in columns of these.
ip            An address or a CIDR range, IPv4 or IPv6. An IPv4 value also matches the same address
              in its IPv6 form (`::ffff:10.0.0.5`), as sensors write it.
signer, port  Equal.
where         A raw predicate; a null counts as false.

A time guard (`expires`, `starts`) on a row whose time is null is false: the row is not suppressed.
"""

from __future__ import annotations

from fpctl.exclusions.values import ValueProblem
from fpctl.rewrite.predicate.build import Predicate, PredicateError, Untested, build
from fpctl.rewrite.predicate.match import BoundColumn, check_value, usable_roles
from fpctl.rewrite.predicate.render import Dialect, DialectError
from fpctl.rewrite.predicate.window import UtcRange, utc_intervals

__all__ = [
    "BoundColumn",
    "Dialect",
    "DialectError",
    "Predicate",
    "PredicateError",
    "Untested",
    "UtcRange",
    "ValueProblem",
    "build",
    "check_value",
    "usable_roles",
    "utc_intervals",
]
