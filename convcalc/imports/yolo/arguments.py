"""The arguments of a row: what their texts stand for, and whether a module takes them."""

from __future__ import annotations

import inspect
import re
from ast import literal_eval
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from convcalc.fields import LARGEST, shown
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.yolo.modules import KnownModule

_LITERAL = re.compile(r"None|True|False|[-+]?[\d.]+(e[-+]?\d+)?|'[^']*'|\"[^\"]*\"|[\[(][-+\d., ]*[\])]")
"""Texts that a program reads as values: nothing that nests or calls."""


def value(argument: Any, names: Mapping[str, Any]) -> Any:
    """What an argument stands for: a text may be the name of a value of the file, or a value that is written out."""
    if not isinstance(argument, str):
        return argument
    if argument in names:
        return names[argument]
    if _LITERAL.fullmatch(argument) and len(argument) <= 200:
        try:
            return literal_eval(argument)
        except (ValueError, SyntaxError):
            return argument
    return argument


def checked(module: KnownModule, name: str, arguments: Sequence[Any]) -> list[Any]:
    """The arguments, if the module takes so many and these.

    Raises:
        CannotImport: it does not; the message says what it takes.
    """
    parameters, any_more = _parameters(module)
    least = sum(default is inspect.Parameter.empty for _, _, default in parameters)
    if len(arguments) < least or (len(arguments) > len(parameters) and not any_more):
        taken = ", ".join(
            parameter if default is inspect.Parameter.empty else f"{parameter}={default}"
            for parameter, _, default in parameters
        )
        raise CannotImport(f"{name} takes ({taken}), found {len(arguments)} arguments")
    for argument, (parameter, types, _) in zip(arguments, parameters, strict=False):
        if not any(_FITS[word](argument) for word in types):
            expected = " or ".join(_WORDS[word] for word in types)
            raise CannotImport(f"{name}: {parameter} is {expected}, found {described(argument)}")
    return list(arguments)


def described(value: Any) -> str:
    """A value of the file, for "found ..."."""
    if isinstance(value, dict):
        return "a mapping"
    return f"the list {plain(str(value))}" if isinstance(value, list | tuple) else shown(value)


def _is_whole(argument: Any) -> bool:
    return isinstance(argument, int) and not isinstance(argument, bool) and abs(argument) <= LARGEST


def _is_list(argument: Any) -> bool:
    return isinstance(argument, list | tuple) and len(argument) <= 64 and all(map(_is_whole, argument))


_FITS: dict[str, Any] = {
    "int": _is_whole,
    "float": lambda argument: _is_whole(argument) or isinstance(argument, float),
    "bool": lambda argument: isinstance(argument, bool) or argument in (0, 1),
    "str": lambda argument: isinstance(argument, str),
    "None": lambda argument: argument is None,
    "list[int]": _is_list,
    "tuple[int, ...]": _is_list,
    "list[float]": lambda argument: isinstance(argument, list) and all(map(_FITS["float"], argument)),
    "Kernels": lambda argument: (
        isinstance(argument, list | tuple) and all(_is_whole(item) or _is_list(item) for item in argument)
    ),
    "list[Any]": lambda argument: isinstance(argument, list) and all(map(_is_list, argument)),
    "object": lambda argument: True,
}
"""Whether an argument is of a type, as annotations write it."""

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "None": "None",
    "list[int]": "a list of whole numbers",
    "tuple[int, ...]": "a list of whole numbers",
    "list[float]": "a list of numbers",
    "Kernels": "a list of kernels",
    "list[Any]": "a list of lists of whole numbers",
    "object": "anything",
}
_ALIASES = {"Act": "bool | str | None", "Kernel": "int | list[int]", "Any": "object"}


@cache
def _parameters(module: KnownModule) -> tuple[list[tuple[str, list[str], Any]], bool]:
    """The name, types and default of each argument behind the place and what enters; and whether it takes any more."""
    _, _, *parameters = inspect.signature(module.build).parameters.values()
    kept = [parameter for parameter in parameters if parameter.kind is not inspect.Parameter.VAR_POSITIONAL]
    taken = []
    for parameter in kept:
        words = [_ALIASES.get(word.strip(), word.strip()) for word in str(parameter.annotation).split("|")]
        types = list(dict.fromkeys(word.strip() for words_ in words for word in words_.split("|")))
        taken.append((parameter.name, types, parameter.default))
    return taken, len(kept) < len(parameters)


@cache
def takes_many(module: KnownModule) -> bool:
    """Whether a list of tensors enters, however many there are."""
    _, entering, *_ = inspect.signature(module.build).parameters.values()
    return str(entering.annotation).startswith("list[")


@cache
def takes_lists(module: KnownModule) -> bool:
    """Whether what enters may be several tensors that one row makes."""
    _, entering, *_ = inspect.signature(module.build).parameters.values()
    return str(entering.annotation) == "list[Draft | list[Draft]]"
