"""What Typer reads from the command line, without the library it converts with.

From 0.29 on Typer imports pydantic as soon as it reads a parameter, a third of the time of a command, and its errors
do not name what was found. Texts, one of some words, whole numbers, and lists of them are read here; anything else is
left to Typer. Typer has no place for this, so its method is replaced; where it has no such method, nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import typer
import typer.core


def defer_pydantic() -> None:
    """Have parameters converted by Typer only where they are not among the types that are read here."""
    parameter = getattr(typer.core, "_TyperParameter", None)
    if parameter is not None and hasattr(parameter, "get_runtime_param"):
        build = parameter.get_runtime_param
        parameter.get_runtime_param = lambda self: _Conversion(self, build)


class _Conversion:
    """Stands for Typer's own conversion of a parameter, which `build` makes of it."""

    def __init__(self, parameter: Any, build: Callable[[Any], Any]) -> None:
        self.parameter = parameter
        self.build = build

    def coerce(self, value: Any, **context: Any) -> Any:
        if value is None:
            return () if self.parameter.multiple or self.parameter.nargs == -1 else None
        described = self.parameter.type_descriptor
        try:
            return _converted(described.annotation, value, described.parameter_info)
        except _UnknownType:
            return self.build(self.parameter).coerce(value, **context)
        except ValueError as error:
            raise typer.BadParameter(str(error), **context) from None


class _UnknownType(Exception):
    """A type that is not read here."""


def _converted(annotation: Any, value: Any, limits: Any) -> Any:
    """The value of an annotation.

    Raises:
        _UnknownType: it is left to Typer.
        ValueError: the value is wrong; the message says what was expected and what was found.
    """
    if get_origin(annotation) is list and isinstance(value, list | tuple):
        return [_converted(get_args(annotation)[0], item, limits) for item in value]
    if annotation is str and isinstance(value, str):
        return value
    if get_origin(annotation) is Literal:
        if value in get_args(annotation):
            return value
        raise ValueError(f"expected one of {', '.join(get_args(annotation))}, found {value!r}")
    if annotation is int:
        number = int(value) if re.fullmatch(r"-?[0-9]{1,1000}", str(value)) else None
        if number is not None and (limits.min is None or limits.min <= number):
            return number
        least = "" if limits.min is None else f" from {limits.min}"
        raise ValueError(f"expected a whole number{least}, found {value!r}")
    raise _UnknownType
