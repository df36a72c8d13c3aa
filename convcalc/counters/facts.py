"""What a rule of a counter's file may ask for by name: other names are told where they are written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from keyword import iskeyword

from convcalc.language.expressions import Expression
from convcalc.layers import field_types, kind_of
from convcalc.layers import names as kind_names

FACTS = {
    "params": "numbers that are learned",
    "buffers": "numbers that are kept beside them",
    "macs": "multiply-adds",
    "elementwise_ops": "all other arithmetic",
    "in_elements": "elements of the first tensor that enters",
    "in_channels": "its channels",
    "in_positions": "elements of a channel of it",
    "in_sizes": "its sizes behind the channels",
    "out_elements": "elements of the tensor that leaves",
    "out_channels": "its channels",
    "out_positions": "elements of a channel of it",
    "out_sizes": "its sizes behind the channels",
    "entering": "elements of all tensors that enter",
    "inputs": "how many tensors enter",
    "shapes": "the shapes of all tensors that enter",
    "taps": "taps of a kernel",
    "pads": "positions padded before and behind on each axis, or cropped where a convolution is transposed",
    "is_framed": "whether PyTorch pads or crops beside the layer, by F.pad",
    "framed_elements": "elements of the tensor between the two, or else of the one that is padded or cropped",
    "features": "the last size of the first tensor that enters",
    "rows": "how many rows of so many features it has",
    "rank": "spatial axes",
    "batch": "how many samples run at once",
    "callee": "the name of the class or function that the code calls, or 'nn'",
    "gradients": "for each tensor that enters 1 if it depends on something learned, else 0",
    "before": "the kind of the layer before that this one alone reads, or ''",
    "after": "the kind of the only layer that reads this one, or ''",
}
"""Of every layer, beside its fields: see `convcalc.analysis.layer_facts`."""

_SIDES = ("before_", "after_")
"""Before the name of a field: that of the layer before, or behind."""


def asked_as(option: str) -> str:
    """The name by which a rule asks for an option: `pass` is a word of the language, and so it is `pass_`."""
    return f"{option}_" if iskeyword(option) else option


def not_given(expression: Expression, kinds: Iterable[str], options: Collection[str]) -> list[str]:
    """The names in a rule for some kinds that none of them has a value for."""
    asked = {node.id for node in expression.names} - FACTS.keys() - set(map(asked_as, options))
    if not asked:
        return []
    fields = {field for kind in kinds for field in field_types(kind_of(kind))}
    left = asked - fields
    if any(name.startswith(_SIDES) for name in left):
        left = {name for name in left if not name.startswith(_SIDES) or name.partition("_")[2] not in _every_field()}
    return sorted(left)


def hidden(expression: Expression, kinds: Iterable[str], options: Collection[str]) -> list[str]:
    """The options that a rule asks for where a layer of one of the kinds has a field of that name, and gives that."""
    asked = {node.id for node in expression.names}.intersection(options)
    return sorted(asked.intersection(field for kind in kinds for field in field_types(kind_of(kind)))) if asked else []


@cache
def _every_field() -> frozenset[str]:
    return frozenset(field for kind in kind_names() for field in field_types(kind_of(kind)))


def names_for(kinds: Iterable[str], options: Collection[str]) -> list[str]:
    """Every name that a rule for some kinds may have, but for those of the layers beside."""
    fields = {field: None for kind in kinds for field in field_types(kind_of(kind))}
    return [*fields, *map(asked_as, options), *(name for name in FACTS if name not in fields)]
