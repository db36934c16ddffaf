"""Families of tables: which fields identify an event in them.

The one source for `add`, `tune`, `redteam`, policy and risk; the data is `data/families.yaml`. What an exclusion must
name to be narrow depends on the rule's tables: an account and its address identify a sign-in, and say nothing of a
program on an endpoint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from fpctl.fields.registry import NAMES, NARROW
from fpctl.schema.asim import asim_schema

CUSTOM = "custom"
"""The family of the tables that no other lists."""


def _known(name: str) -> str:
    if name not in NAMES:
        raise PydanticCustomError("field", "{message}", {"message": f"there is no field `{name}`"})
    return name


_Field = Annotated[str, AfterValidator(_known)]


class Family(BaseModel):
    """A family of tables.

    Attributes:
        tables: names or globs.
        together: fields that are narrow together, where each alone is broad.
        ask: fields that `fpctl add` asks for, in order.
        profile: fields by which `fpctl tune` groups events that show no program.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    id: str
    title: str
    tables: tuple[str, ...]
    together: tuple[tuple[_Field, ...], ...]
    ask: tuple[_Field, ...]
    profile: tuple[_Field, ...]

    def has(self, table: str) -> bool:
        """Return whether a table is of this family."""
        return any(fnmatchcase(table, glob) for glob in self.tables)

    def narrow(self, fields: Collection[str]) -> bool:
        """Return whether a match of these fields is narrow here."""
        return any(name in fields for name in NARROW) or any(
            all(name in fields for name in together) for together in self.together
        )


@cache
def families() -> tuple[Family, ...]:
    """Return the families in the documented order, `custom` last."""
    import yaml

    text = (Path(__file__).parent / "data" / "families.yaml").read_text(encoding="utf-8")
    data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tuple(Family.model_validate(one) for one in data)


@cache
def _of(table: str) -> tuple[Family, ...]:
    schema = asim_schema(table)
    found = tuple(one for one in families() if one.has(table) or (schema is not None and one.has(f"_Im_{schema}")))
    return found or tuple(one for one in families() if one.id == CUSTOM)


def families_of(tables: Iterable[str]) -> tuple[Family, ...]:
    """Return the families of some tables, in the documented order; `custom` for a table that none lists."""
    found = {family.id for table in tables for family in _of(table)}
    return tuple(family for family in families() if family.id in found)


def is_narrow(fields: Collection[str], among: Sequence[Family] = ()) -> bool:
    """Return whether a match of these fields is narrow enough not to be called broad.

    Args:
        among: the families of the rule's tables; without them it is asked whether it is narrow in any.
    """
    return any(name in fields for name in NARROW) or any(family.narrow(fields) for family in among or families())


def identifying(among: Sequence[Family] = ()) -> str:
    """Return in words what identifies: `a device, url or hash, or account and ip, or account and app`."""
    pairs = dict.fromkeys(together for family in among or families() for together in family.together)
    alone = f"a {', '.join(NARROW[:-1])} or {NARROW[-1]}"
    return ", or ".join([alone, *(" and ".join(together) for together in pairs)])
