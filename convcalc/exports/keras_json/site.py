"""What the functions that write the kinds are given, and where they are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import msgspec

from convcalc.exports.keras_json.graph import CannotSay, KerasGraph, KerasTensor
from convcalc.layers import Shape

Layout = Literal["last", "first", "any"]
"""Where a layer needs the channels of what enters: behind the positions, as a spec has them, or wherever they are."""


class LayerSite(msgspec.Struct, frozen=True):
    """A layer with the tensors that enter it; `name` is what it is called, or the one whose weights it uses."""

    graph: KerasGraph
    name: str
    own_name: str
    config: Any
    entering: tuple[KerasTensor, ...]
    shape: Shape
    is_positive: bool

    @property
    def x(self) -> KerasTensor:
        """The first tensor that enters."""
        return self.entering[0]

    @property
    def rank(self) -> int:
        """The spatial axes of the first tensor."""
        return len(self.x.shape) - 1

    def layer(
        self, class_name: str, x: KerasTensor | None = None, shape: Shape | None = None, **stated: Any
    ) -> KerasTensor:
        """The layer itself, called with one tensor."""
        entering = [self.x if x is None else x]
        return self.graph.call(class_name, self.name, entering, self.shape if shape is None else shape, **stated)

    def beside(self, class_name: str, what: str, x: KerasTensor, shape: Shape, **stated: Any) -> KerasTensor:
        """Call a layer that no spec names, which pads or turns what this one takes or gives."""
        return self.graph.call(class_name, self.graph.free(f"{self.own_name}_{what}"), [x], shape, **stated)


def axes_named(rank: int, what: str) -> str:
    """The ending of a class that is for so many spatial axes.

    Raises:
        CannotSay: there is none.
    """
    if rank not in (1, 2, 3):
        raise CannotSay(f"Keras has {what} for 1 to 3 axes, not for {rank}")
    return f"{rank}D"


KerasWriter = Callable[[LayerSite], KerasTensor]


@cache
def keras_writers() -> dict[str, tuple[Layout, KerasWriter]]:
    """What writes the kinds, and in which layout, by kind: all that the files in `kinds` list."""
    from convcalc.exports.keras_json import kinds

    written: dict[str, tuple[Layout, KerasWriter]] = {}
    for file in pkgutil.iter_modules(kinds.__path__):
        written |= importlib.import_module(f"{kinds.__name__}.{file.name}").KINDS
    return written
