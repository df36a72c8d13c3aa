"""One layer's numbers under the symbols of the field: its own fields, the sizes that enter, the fields that enter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc.arithmetic.axes import Reach
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import TracedNumber, Vocabulary, traced_axes
from convcalc.layers import Kind, Shape, field_types

_LETTERS = {
    "out_channels": "C_out",
    "kernel_size": "k",
    "stride": "s",
    "padding": "p",
    "dilation": "d",
    "groups": "g",
}
"""The field's letters; a field of a kind that is not here goes by its own name."""

FUNCTIONS = ("max", "min", "gcd", "ceil")
REACH = {"size": ("r", "size"), "stride": ("j", "stride"), "start": ("a", "start")}
"""Symbol and word for the parts of a receptive field: r, j (the jump) and a."""


class Symbol(msgspec.Struct, frozen=True):
    """A symbol that formulas use, what it stands for, and its value."""

    symbol: str
    meaning: str
    value: int


class TracedLayer:
    """A layer whose numbers remember how they are used.

    `config` and `inputs` have a symbol for every number in them, `legend` says what each stands for. `choices` are the
    fields that are no numbers of a formula.
    """

    def __init__(self, config: Kind, shapes: tuple[Shape, ...]) -> None:
        self.vocabulary = Vocabulary()
        self.legend: dict[str, Symbol] = {}
        self.choices: dict[str, Any] = {}
        self.names = {*field_types(type(config)), *FUNCTIONS}
        self.config = self._traced_config(config)
        self.inputs = self._traced_inputs(shapes)

    def free(self, symbol: str) -> str:
        """The symbol, or one like it, which nothing else goes by."""
        while any(_is_like(symbol, name) for name in self.names):
            symbol = symbol[0] + symbol
        return symbol

    def _traced_config(self, config: Kind) -> Kind:
        values = {}
        for field, type_ in field_types(type(config)).items():
            value = getattr(config, field)
            letter = _LETTERS.get(field, field)
            symbol = field if letter == field else self.free(letter)
            values[field] = type_.traced(value, symbol, self.vocabulary)
            symbols = list(_numbers(values[field]))
            for number in symbols:
                self._note(number, _meaning(field, number.term.symbol.removeprefix(symbol)))
            if not symbols and not isinstance(value, float):
                self.choices[field] = value
        return replace(config, **values)

    def _note(self, number: TracedNumber, meaning: str) -> None:
        symbol = number.term.symbol
        self.names.add(symbol)
        self.legend[symbol] = Symbol(symbol, meaning, number.value)

    def _traced_inputs(self, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Channels and spatial sizes of every tensor; those of several under one symbol where they all agree."""
        channels = self._by_input("C_in", "channels", [shape[:1] for shape in shapes])
        sizes = self._by_input("i", "size", [shape[1:] for shape in shapes])
        return tuple((*first, *rest) for first, rest in zip(channels, sizes, strict=True))

    def _by_input(self, symbol: str, word: str, sizes: Sequence[Sequence[int | None]]) -> list[Any]:
        symbol = self.free(symbol)
        agree = all(tuple(own) == tuple(sizes[0]) for own in sizes)
        by_input = []
        for number, own in enumerate(sizes, start=1):
            base, which = (symbol, "the input") if agree else (f"{symbol}{number}", f"input {number}")
            by_input.append(traced_axes(own, base, self.vocabulary))
            for size in _numbers(by_input[-1]):
                self._note(size, f"{_meaning(word, size.term.symbol.removeprefix(base))} of {which}")
        return by_input

    def entering(self, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        """The fields of the inputs, those that are regular with a symbol for size, stride and start."""
        parts = {}
        for part, (symbol, word) in REACH.items():
            values = [[getattr(axis, part, None) for axis in field.axes] for field in fields]
            parts[part] = self._by_input(f"{symbol}_in", f"field {word}", values)
        same = all(field.axes == fields[0].axes for field in fields)
        axes: list[Any] = []
        for number, field in enumerate(fields):
            own = [
                Reach(*(parts[part][number][place] for part in REACH)) if isinstance(axis, Reach) else axis
                for place, axis in enumerate(field.axes)
            ]
            axes.append(axes[0] if same and axes else tuple(own))
        return tuple(replace(field, axes=own) for field, own in zip(fields, axes, strict=True))


def _is_like(symbol: str, name: str) -> bool:
    """Whether a name is that symbol, or it with the number of an axis: ``p`` and ``p_0``, not ``p_before``."""
    return name.startswith(symbol) and (name == symbol or re.fullmatch(r"_\d+", name[len(symbol) :]) is not None)


def _numbers(value: Any) -> Iterable[TracedNumber]:
    if isinstance(value, TracedNumber):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)


def _meaning(word: str, suffix: str) -> str:
    """`padding`, `_before_0`: padding before on axis 0."""
    parts = [f"on axis {part}" if part.isdigit() else part for part in suffix.split("_") if part]
    return " ".join([word, *parts])
