"""Where an address is: from a database of addresses that the user has."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.registry import special
from fpctl.compiler.sql import Cast, func
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

GEO_FUNCTION = "kql_geo_info"
"""The SQL function that who has a database makes: text of an address -> JSON bag, null where it is not known."""


@special("geo_info_from_ip_address")
def geo_info_from_ip_address(expressions: Expressions, node: tree.Call) -> Value:
    """`geo_info_from_ip_address(address)`: country, state, city, latitude, longitude."""
    if not expressions.data.locates_addresses():
        expressions.refuse(
            "geo_info_from_ip_address", "geo_info_from_ip_address() needs a database of addresses", node,
            'name one that you have, as `geo = "GeoLite2-City.mmdb"` in [engine.local]',
        )  # fmt: skip
    text = expressions.as_text(node.args[0])
    return Value(Cast(func(GEO_FUNCTION, text.sql), "JSON"), "dynamic")
