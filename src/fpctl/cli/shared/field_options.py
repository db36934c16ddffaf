"""An option for each field of a match: `--device`, `--url`, `--hash` ..."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, Self

import typer

from fpctl.exclusions.values import FIELDS

HELP = {
    "device": "Host name; build01 also matches build01.contoso.com.",
    "url": "Domain (and its subdomains) or URL (and everything below its path).",
    "hash": "MD5, SHA-1 or SHA-256 of a file or process.",
    "process": "File name of the process.",
    "parent_process": "File name of the parent process.",
    "command_line": "Text that the command line contains.",
    "path": "Full path of a file or folder, and everything below it.",
    "account": "name, DOMAIN\\name, user@domain or SID.",
    "ip": "Address or CIDR.",
    "signer": "Name in the code-signing certificate.",
    "port": "Port number.",
}


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """The values given for each field, and a raw condition under `where`; fields that are not given are left out."""

    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """Return a parameter for each field."""
        fields = [_parameter(name, list[str] | None, _option(name)) for name in FIELDS]
        where = typer.Option("--where", metavar="KQL", help="A KQL condition that must be true as well.")
        return [*fields, _parameter("where", str | None, where)]

    @classmethod
    def given(cls, values: Mapping[str, Any]) -> Self:
        """Return the values that were given."""
        return cls({name: (one,) if isinstance(one, str) else tuple(one) for name, one in values.items() if one})


def _option(name: str) -> Any:
    return typer.Option(f"--{name.replace('_', '-')}", metavar="VALUE", help=HELP.get(name, f"Value of {name}."))


def _parameter(name: str, type: Any, option: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[type, option])
