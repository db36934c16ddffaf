"""Mathematics beyond the plain: logarithms, arcs, bits, special functions."""

from __future__ import annotations

import math

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import arrow_function, macro
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Cast, Real, Sql, func
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

macro("kql_floor_div", "a, b", "(a - ((a % b + b) % b)) // b")

for _name, _base in (("log", "ln(r)"), ("log2", "log2(r)"), ("log10", "log10(r)")):
    macro(f"kql_{_name}", "r", f"CASE WHEN r > 0 THEN {_base} WHEN r = 0 THEN '-inf'::DOUBLE WHEN r IS NULL THEN NULL "
          "ELSE 'nan'::DOUBLE END")  # fmt: skip

    def _logarithm(number: Sql, name: str = _name) -> Sql:
        return func(f"kql_{name}", number)

    scalar(_name, "real", returns="real")(_logarithm)

for _name in ("asin", "acos"):
    # Null outside -1 to 1 (seen on Kusto's emulator, as duckdb-kql's sources tell; no page says).
    macro(f"kql_{_name}", "r", f"CASE WHEN isnan(r) THEN r WHEN r BETWEEN -1 AND 1 THEN {_name}(r) END")

    def _arc(number: Sql, name: str = _name) -> Sql:
        return func(f"kql_{name}", number)

    scalar(_name, "real", returns="real")(_arc)


@scalar("atan2", "real", "real", returns="real")
def atan2(y: Sql, x: Sql) -> Sql:
    """`atan2(y, x)`."""
    return func("atan2", y, x)


@scalar("pi", returns="real")
def pi() -> Sql:
    """`pi()`."""
    return Real(math.pi)


@scalar("exp2", "real", returns="real")
def exp2(number: Sql) -> Sql:
    """`exp2(x)`."""
    return func("pow", Real(2.0), number)


@scalar("exp10", "real", returns="real")
def exp10(number: Sql) -> Sql:
    """`exp10(x)`."""
    return func("pow", Real(10.0), number)


@scalar("sign", "real", returns="real")
def sign(number: Sql) -> Sql:
    """`sign(x)`: 0 of null too (seen on Kusto's emulator, as duckdb-kql's sources tell; no page says)."""
    return func("kql_sign", number)


macro("kql_sign", "r", "CASE WHEN r > 0 AND NOT isnan(r) THEN 1::DOUBLE WHEN r < 0 THEN -1::DOUBLE ELSE 0::DOUBLE END")


@special("ceiling")
def ceiling(expressions: Expressions, node: tree.Call) -> Value:
    """`ceiling(x)`: of whole numbers themselves."""
    value = expressions.value(node.args[0])
    if value.type in ("int", "long"):
        number = converted(value, "long")
        assert number is not None
        return number
    number = converted(value, "real") if value.type in ("real", "dynamic") else None
    if number is None:
        expressions.refuse("ceiling", f"ceiling() does not take a {value.type}", node)
    return Value(func("ceil", number.sql), "real")


for _name, _function in {
    "gamma": math.gamma, "loggamma": math.lgamma, "erf": math.erf, "erfc": math.erfc,
}.items():  # fmt: skip

    def _special_function(number: float, function: object = _function) -> float:
        try:
            return function(number)  # type: ignore[operator, no-any-return]
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    arrow_function(f"kql_{_name}", ["double"], "double")(_special_function)

    def _called(number: Sql, name: str = _name) -> Sql:
        return func(f"kql_{name}", number)

    scalar(_name, "real", returns="real")(_called)


# --------------------------------------------------------------------------- bits

macro("kql_wrapped", "n", "CAST(CASE WHEN n >= 9223372036854775808::HUGEINT "
      "THEN n - 18446744073709551616::HUGEINT ELSE n END AS BIGINT)")  # fmt: skip
macro("kql_shift_left", "a, n", "CASE WHEN n >= 0 THEN kql_wrapped((a::HUGEINT % 18446744073709551616::HUGEINT + "
      "18446744073709551616::HUGEINT) % 18446744073709551616::HUGEINT % (1::HUGEINT << (64 - (n % 64)::INTEGER)) * "
      "(1::HUGEINT << (n % 64)::INTEGER)) END")  # fmt: skip
macro("kql_shift_right", "a, n", "CASE WHEN n >= 0 THEN "
      "CAST(kql_floor_div(a::HUGEINT, 1::HUGEINT << (n % 64)::INTEGER) AS BIGINT) END")  # fmt: skip
macro("kql_bits", "a", "CAST(bit_count(CAST(a AS BIGINT)) AS BIGINT)")


@scalar("binary_shift_left", "long", "long", returns="long")
def binary_shift_left(number: Sql, by: Sql) -> Sql:
    """`binary_shift_left(a, n)`: what leaves the 64 bits is gone."""
    return func("kql_shift_left", number, by)


@scalar("binary_shift_right", "long", "long", returns="long")
def binary_shift_right(number: Sql, by: Sql) -> Sql:
    """`binary_shift_right(a, n)`: the sign stays."""
    return func("kql_shift_right", number, by)


@scalar("binary_not", "long", returns="long")
def binary_not(number: Sql) -> Sql:
    """`binary_not(a)`."""
    return func("kql_complement", number)


macro("kql_complement", "a", "-1 - a")


@scalar("bitset_count_ones", "long", returns="long")
def bitset_count_ones(number: Sql) -> Sql:
    """`bitset_count_ones(a)`."""
    return func("kql_bits", number)


@scalar("gcd", "long", "long", returns="long")
def gcd(first: Sql, second: Sql) -> Sql:
    """`gcd(a, b)`."""
    return Cast(func("greatest_common_divisor", first, second), "BIGINT")


_FACTORS = {
    "convert_angle": {"Radian": 1.0, "Degree": math.pi / 180,
                      "Arcminute": math.pi / 10800, "Arcsecond": math.pi / 648000,
                      "Centiradian": 0.01, "Deciradian": 0.1, "Gradian": math.pi / 200, "Microradian": 1e-6,
                      "Milliradian": 1e-3, "Nanoradian": 1e-9, "Microdegree": math.pi / 180e6,
                      "Millidegree": math.pi / 180e3, "Nanodegree": math.pi / 180e9, "Revolution": 2 * math.pi},
    "convert_length": {"Meter": 1.0, "Kilometer": 1000.0, "Centimeter": 0.01, "Millimeter": 0.001, "Micrometer": 1e-6,
                       "Nanometer": 1e-9, "Decimeter": 0.1, "Inch": 0.0254, "Foot": 0.3048, "Yard": 0.9144,
                       "Mile": 1609.344, "NauticalMile": 1852.0, "Hectometer": 100.0},
    "convert_mass": {"Gram": 1.0, "Kilogram": 1000.0, "Milligram": 0.001, "Microgram": 1e-6, "Nanogram": 1e-9,
                     "Centigram": 0.01, "Decagram": 10.0, "Decigram": 0.1, "Hectogram": 100.0, "Tonne": 1e6,
                     "Kilotonne": 1e9, "Megatonne": 1e12, "Pound": 453.59237,
                     "Ounce": 28.349523125, "Grain": 0.06479891,
                     "Stone": 6350.29318, "ShortTon": 907184.74, "LongTon": 1016046.9088},
    "convert_speed": {"MeterPerSecond": 1.0, "KilometerPerHour": 1 / 3.6, "MilePerHour": 0.44704, "Knot": 1852 / 3600,
                      "FootPerSecond": 0.3048, "KilometerPerSecond": 1000.0, "CentimeterPerSecond": 0.01,
                      "MillimeterPerSecond": 0.001, "MeterPerMinute": 1 / 60, "MeterPerHour": 1 / 3600,
                      "KilometerPerMinute": 1000 / 60, "FootPerMinute": 0.3048 / 60, "FootPerHour": 0.3048 / 3600,
                      "InchPerSecond": 0.0254, "YardPerSecond": 0.9144,
                      "CentimeterPerMinute": 0.01 / 60, "CentimeterPerHour": 0.01 / 3600, "DecimeterPerSecond": 0.1,
                      "DecimeterPerMinute": 0.1 / 60, "InchPerMinute": 0.0254 / 60, "InchPerHour": 0.0254 / 3600,
                      "MillimeterPerMinute": 0.001 / 60, "MillimeterPerHour": 0.001 / 3600,
                      "MicrometerPerSecond": 1e-6, "NanometerPerSecond": 1e-9, "YardPerMinute": 0.9144 / 60,
                      "YardPerHour": 0.9144 / 3600},
    "convert_force": {"Newton": 1.0, "Kilonewton": 1e3, "Meganewton": 1e6, "Millinewton": 1e-3, "Micronewton": 1e-6,
                      "Decanewton": 10.0, "Dyn": 1e-5, "KilogramForce": 9.80665, "KiloPond": 9.80665,
                      "PoundForce": 4.4482216152605, "OunceForce": 0.27801385095378125, "Poundal": 0.138254954376,
                      "TonneForce": 9806.65, "ShortTonForce": 8896.443230521},
    "convert_energy": {"Joule": 1.0, "Kilojoule": 1e3, "Megajoule": 1e6, "Gigajoule": 1e9, "Millijoule": 1e-3,
                       "WattHour": 3600.0, "KilowattHour": 3.6e6, "MegawattHour": 3.6e9, "GigawattHour": 3.6e12,
                       "Calorie": 4.184, "Kilocalorie": 4184.0, "Megacalorie": 4.184e6, "WattDay": 86400.0,
                       "KilowattDay": 8.64e7, "Erg": 1e-7, "FootPound": 1.3558179483314,
                       "ElectronVolt": 1.602176565e-19, "BritishThermalUnit": 1055.05585262,
                       "KilobritishThermalUnit": 1055055.85262},
    "convert_volume": {"CubicMeter": 1.0, "Liter": 1e-3, "Milliliter": 1e-6, "Centiliter": 1e-5, "Deciliter": 1e-4,
                       "Hectoliter": 0.1, "Kiloliter": 1.0, "CubicCentimeter": 1e-6, "CubicDecimeter": 1e-3,
                       "CubicMillimeter": 1e-9, "CubicKilometer": 1e9, "CubicFoot": 0.028316846592,
                       "CubicInch": 1.6387064e-5, "CubicYard": 0.764554857984, "CubicMile": 4168181825.440579584},
}  # fmt: skip
"""By function: units, in multiples of one of them. Of those that the pages list, the ones that are defined exactly."""


@special(" ".join(_FACTORS))
def convert_unit(expressions: Expressions, node: tree.Call) -> Value:
    """`convert_length(x, from, to)` and its kin."""
    name = node.name.value
    value = converted(expressions.value(node.args[0]), "real")
    units = [expressions.constant_of(arg, "a unit").constant for arg in node.args[1:3]]
    known = _FACTORS[name]
    if value is None or len(units) != 2 or any(unit not in known for unit in units):
        expressions.refuse(name, f"{name}() between {' and '.join(map(str, units))} is not supported here", node)
    return Value(func("kql_times_by", value.sql, Real(known[units[0]] / known[units[1]])), "real")


macro("kql_times_by", "a, b", "a * b")

_TEMPERATURES = {
    "Kelvin": (1.0, 0.0), "DegreeCelsius": (1.0, 273.15), "DegreeFahrenheit": (5 / 9, 459.67 * 5 / 9),
    "DegreeRankine": (5 / 9, 0.0),
}  # fmt: skip


@special("convert_temperature")
def convert_temperature(expressions: Expressions, node: tree.Call) -> Value:
    """`convert_temperature(x, from, to)`."""
    value = converted(expressions.value(node.args[0]), "real")
    units = [expressions.constant_of(arg, "a unit").constant for arg in node.args[1:3]]
    if value is None or len(units) != 2 or any(unit not in _TEMPERATURES for unit in units):
        expressions.refuse(
            "convert_temperature",
            f"convert_temperature() between {' and '.join(map(str, units))} is not supported here",
            node,
        )
    (factor, start), (divisor, origin) = _TEMPERATURES[units[0]], _TEMPERATURES[units[1]]
    return Value(func("kql_linear", value.sql, Real(factor / divisor), Real((start - origin) / divisor)), "real")


macro("kql_linear", "x, a, b", "x * a + b")
