"""An option for each field of a match: `--device`, `--url`, `--hash` ..."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, Self

import typer

from fpctl.fields.field import Field
from fpctl.fields.registry import FIELDS


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """The values given for each field, and a raw condition under `where`; fields that are not given are left out."""

    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """Return a parameter for each field."""
        fields = [_parameter(field.name, list[str] | None, _option(field)) for field in FIELDS.values()]
        where = typer.Option("--where", metavar="KQL", help="KQL condition that must also be true.")
        return [*fields, _parameter("where", str | None, where)]

    @classmethod
    def given(cls, values: Mapping[str, Any]) -> Self:
        """Return the values that were given."""
        return cls({name: (one,) if isinstance(one, str) else tuple(one) for name, one in values.items() if one})


def _option(field: Field[Any]) -> Any:
    return typer.Option(f"--{field.name.replace('_', '-')}", metavar="VALUE", help=field.help.replace("`", ""))


def _parameter(name: str, type: Any, option: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[type, option])
