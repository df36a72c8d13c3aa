"""Which numbers of a class differ from use to use, and what they are called as arguments of its constructor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from convcalc.exports.pytorch.identifiers import unique
from convcalc.exports.pytorch.items import ModuleItem, Name
from convcalc.exports.pytorch.syntax import REQUIRED, LiteralValue

_ENTER = ("in_channels", "num_features", "in_features", "num_channels", "embed_dim", "input_size")
_LEAVE = ("out_channels", "num_features", "out_features", "num_channels", "embed_dim", "hidden_size")
SIZES = {*_ENTER, *_LEAVE, "groups", "size", "num_parameters", "normalized_shape"}
"""Labels of what counts channels, which is one number under all of them."""
_BASES = ("out_channels", "in_channels", "channels")
MOST_DERIVED = 64
"""The largest ratio of two numbers that is written as one."""


class ConstructorArgument(msgspec.Struct, frozen=True):
    """An argument of a constructor, with what it is in each use."""

    name: str
    values: tuple[Any, ...]
    default: Any = REQUIRED

    @property
    def annotation(self) -> str:
        """Its type."""
        kinds = {type(value) for value in self.values}
        names = [_typed(kind) for kind in (bool, int, float, str, tuple) if kind in kinds]
        return " | ".join(names)


def _typed(kind: type) -> str:
    return "tuple[int, ...]" if kind is tuple else kind.__name__


class Constructor(msgspec.Struct, frozen=True):
    """The arguments of a class, what is worked out of them first, and what stands for each of its numbers."""

    arguments: tuple[ConstructorArgument, ...]
    derived: tuple[tuple[str, str], ...]
    bindings: tuple[Any, ...]


def parameters(uses: Sequence[Sequence[ModuleItem]]) -> Constructor:
    """What differs between the uses of a class, each given by its items."""
    columns = list(zip(*([*_numbers(items)] for items in uses), strict=True))
    clusters: dict[Any, list[int]] = {}
    for place, column in enumerate(columns):
        values = [value.value for _, value in column]
        if any(_key(value) != _key(values[0]) for value in values):
            label = column[0][1].label
            clusters.setdefault((_is_size(label) or label, tuple(map(_key, values))), []).append(place)
    names = _names([*clusters.values()], columns, uses[0])
    values_of = {name: tuple(value.value for _, value in columns[places[0]]) for name, places in names.items()}
    derived = _derived(values_of)
    required: list[ConstructorArgument] = []
    optional: list[ConstructorArgument] = []
    for name, places in names.items():
        if name in derived:
            continue
        default = _default(columns[places[0]], values_of[name])
        (required if default is REQUIRED else optional).append(ConstructorArgument(name, values_of[name], default))
    bindings: list[Any] = [column[0][1].value for column in columns]
    for name, places in names.items():
        for place in places:
            bindings[place] = Name(name)
    return Constructor((*required, *optional), tuple(derived.items()), tuple(bindings))


def _is_size(label: str) -> bool:
    return label in SIZES or label.endswith("channels")


def _numbers(items: Sequence[ModuleItem]) -> list[tuple[int, LiteralValue]]:
    return [(place, value) for place, item in enumerate(items) for value in item.numbers()]


def _key(value: Any) -> Any:
    return type(value), value


def _default(column: Sequence[tuple[int, LiteralValue]], values: Sequence[Any]) -> Any:
    default = column[0][1].default
    return default if default is not REQUIRED and any(_key(value) == _key(default) for value in values) else REQUIRED


def _names(
    clusters: list[list[int]], columns: Sequence[Sequence[tuple[int, LiteralValue]]], items: Sequence[ModuleItem]
) -> dict[str, list[int]]:
    """A name for each set of numbers that are always equal, in the order in which they first stand."""
    entering = next((place for place, column in enumerate(columns) if column[0][1].label in _ENTER), None)
    leaving = next((place for place in reversed(range(len(columns))) if columns[place][0][1].label in _LEAVE), None)
    sizes = [places for places in clusters if _is_size(columns[places[0]][0][1].label)]
    inner = [places for places in sizes if entering not in places and leaving not in places]
    names: dict[str, list[int]] = {}
    for places in clusters:
        item, value = columns[places[0]][0]
        if entering in places and places in sizes:
            name = "in_channels" if leaving not in places else "channels"
        elif leaving in places and places in sizes:
            name = "out_channels"
        elif places in inner and value.label != "groups":
            name = "hidden_channels" if len(inner) == 1 else f"{items[item].attribute}_channels"
        else:
            name = value.label if value.label not in names else f"{items[item].attribute}_{value.label}"
        names[unique(name, names)] = places
    return names


def _derived(values_of: dict[str, tuple[Any, ...]]) -> dict[str, str]:
    """The sizes that are a multiple or a part of those that enter or leave, with how."""
    derived: dict[str, str] = {}
    for name, values in values_of.items():
        if not name.endswith("_channels") or name in _BASES:
            continue
        for base in _BASES:
            ratio = _ratio(values, values_of.get(base, ()))
            if ratio:
                derived[name] = f"{base} {ratio}"
                break
    return derived


def _ratio(values: Sequence[Any], bases: Sequence[Any]) -> str:
    if not bases or not all(isinstance(value, int) for value in (*values, *bases)):
        return ""
    top, bottom = values[0], bases[0]
    if bottom and top % bottom == 0 and 1 < top // bottom <= MOST_DERIVED:
        factor = top // bottom
        return f"* {factor}" if all(v == b * factor for v, b in zip(values, bases, strict=True)) else ""
    if top and bottom % top == 0 and 1 < bottom // top <= MOST_DERIVED:
        factor = bottom // top
        return f"// {factor}" if all(v * factor == b for v, b in zip(values, bases, strict=True)) else ""
    return ""
