"""What Typer reads from the command line, without the library it converts with, where there is nothing to convert.

From 0.29 on Typer imports pydantic as soon as it reads a parameter, a third of the time of a command. What people
write is nearly always right as it stands: a text, one of some words, a small number. The rest, and every error, is
left to Typer. Typer has no place for this, so its method is replaced; where it has no such method, nothing is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import typer.core


def defer_pydantic() -> None:
    """Have parameters converted by Typer only where their text is not a value as it stands."""
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
        except ValueError:
            return self.build(self.parameter).coerce(value, **context)


def _converted(annotation: Any, value: Any, limits: Any) -> Any:
    """The value of an annotation.

    Raises:
        ValueError: where more than a look is needed, or the value is wrong.
    """
    if get_origin(annotation) is list and isinstance(value, list | tuple):
        return [_converted(get_args(annotation)[0], item, limits) for item in value]
    if annotation is str and isinstance(value, str):
        return value
    if get_origin(annotation) is Literal and value in get_args(annotation):
        return value
    if annotation is int:
        number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        if type(number) is int and (limits.min or 0) <= number and (limits.max is None or number <= limits.max):
            return number
    raise ValueError
