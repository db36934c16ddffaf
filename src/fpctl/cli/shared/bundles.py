"""Bundles of options: dataclasses whose fields a command offers as options of its own.

    @dataclass(frozen=True, slots=True)
    class Lookback:
        since: Annotated[str, typer.Option("--since")] = "14d"

    def command(rule: ..., lookback: Lookback) -> int: ...

Typer reads a function's signature, so `expand` gives it one in which each bundle is replaced by its fields. A bundle
whose options are data (one for each field of a match) is an `OptionSet` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Protocol, Self, get_args, get_origin, get_type_hints, runtime_checkable

from typer.models import ParameterInfo

_FIELDS = "json_fields"


@runtime_checkable
class OptionSet(Protocol):
    """A bundle that says itself which options it has."""

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """Return a keyword parameter for each option, annotated for Typer."""

    @classmethod
    def given(cls, values: Mapping[str, Any]) -> Self:
        """Return the bundle with what was given for each parameter."""


def expand(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command as Typer reads it: a parameter for each option, those of its bundles included.

    A parameter whose type is a dataclass is a bundle. Only its fields that are `Annotated` with a Typer option or
    argument are offered; the others keep their default. Bundles with a higher `ORDER` come later in the help.
    """
    hints = get_type_hints(function, include_extras=True)
    own = sorted(signature(function).parameters.values(), key=lambda one: getattr(hints[one.name], "ORDER", 0))
    parameters: list[Parameter] = []
    bundles: dict[str, tuple[Callable[[Mapping[str, Any]], Any], tuple[str, ...]]] = {}
    for parameter in own:
        hint = hints[parameter.name]
        if isinstance(hint, type) and issubclass(hint, OptionSet):
            offered = hint.parameters()
            bundles[parameter.name] = (hint.given, tuple(one.name for one in offered))
            parameters += offered
        elif is_dataclass(hint) and isinstance(hint, type):
            offered = list(_offered(hint))
            bundles[parameter.name] = (_maker(hint), tuple(one.name for one in offered))
            parameters += offered
        else:
            parameters.append(parameter.replace(annotation=hint, kind=Parameter.KEYWORD_ONLY))
    parameters = list(_with_json_fields(parameters))

    @wraps(function)
    def expanded(**values: Any) -> Any:
        values.pop(_FIELDS, None)
        for name, (make, names) in bundles.items():
            values[name] = make({one: values.pop(one) for one in names})
        return function(**values)

    expanded.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    expanded.__annotations__ = {one.name: one.annotation for one in parameters}
    return expanded


def _with_json_fields(parameters: Iterable[Parameter]) -> Iterator[Parameter]:
    """Yield parameters, with `--json` after each `--format` that can be JSON; its callback does what it is for."""
    from fpctl.cli.shared.options import JsonFields

    for one in parameters:
        yield one
        if one.name == "format" and "json" in _choices(one.annotation):
            yield Parameter(_FIELDS, Parameter.KEYWORD_ONLY, default=None, annotation=JsonFields)


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values of `Annotated[Literal[...], ...]`."""
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return get_args(plain)


def _maker(bundle: type) -> Callable[[Mapping[str, Any]], Any]:
    return lambda values: bundle(**values)


def _offered(bundle: type) -> Iterator[Parameter]:
    hints: Mapping[str, Any] = get_type_hints(bundle, include_extras=True)
    for one in fields(bundle):
        hint = hints[one.name]
        if get_origin(hint) is Annotated and any(isinstance(note, ParameterInfo) for note in hint.__metadata__):
            yield Parameter(one.name, Parameter.KEYWORD_ONLY, default=_default(one), annotation=hint)


def _default(one: Field[Any]) -> Any:
    return Parameter.empty if one.default is MISSING else one.default
