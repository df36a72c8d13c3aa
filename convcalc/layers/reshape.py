"""Reshape: the same elements in the same order, under another shape.

Example:
    input: [64, 8, 8]
    layers:
      - reshape: [64, -1]
    # output 64x64, params 0, macs 0, field 1

One entry may be -1: what is left of the elements. No arithmetic. An axis that stays keeps its positions; axes that
become one, or one that becomes several, are no longer lines of positions, so a window on them counts as seeing all.

Source: PyTorch torch.reshape, without the batch axis.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Listed
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._carried import landing, matching, reshaped
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._checks import divisors
from convcalc.layers._onnx import shaped


class Reshape(Kind, frozen=True, kw_only=True):
    is_view = True

    sizes: Annotated[tuple[int, ...], Listed("the shape that leaves, channels first; -1: what is left", minimum=-1)]

    def checks(self, x: Shape) -> Iterator[Check]:
        yield Check(0 not in self.sizes, "CC011", "sizes", _has_zero, (self.sizes,))
        yield Check(self.sizes.count(-1) <= 1, "CC011", "sizes", _has_two_rests, (self.sizes,))
        if 0 in self.sizes or self.sizes.count(-1) > 1:
            return
        given, elements = self._given(), product(x)
        holds = elements % given == 0 if -1 in self.sizes else elements == given
        yield Check(holds, "CC103", "sizes", self._mismatch, (x, elements))

    def _given(self) -> int:
        return product(size for size in self.sizes if size != -1)

    def _mismatch(self, x: Shape, elements: int) -> str:
        problem = f"{list(self.sizes)} does not hold the {elements} elements of a tensor of shape {list(x)}"
        if -1 in self.sizes:
            return f"{problem}: the sizes that are given make {self._given()}; legal here: a divisor of {elements}"
        return f"{problem} but {self._given()}; legal here: as many, or -1 for one of the sizes"

    def shape(self, x: Shape) -> Shape:
        return tuple(product(x) // self._given() if size == -1 else size for size in self.sizes)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        after = self.shape(*inputs)
        return reshaped(fields[0], inputs[0], after, matching(inputs[0], after))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return shaped(graph, inputs[0], self.shape(*shapes))

    def summary(self) -> str:
        return ", ".join(map(str, self.sizes))

    def drops(self, axis: int, inputs: tuple[Shape, ...]) -> bool:
        return self._landing(axis, inputs[0]) is None

    def _landing(self, axis: int, x: Shape) -> int | None:
        after = self.shape(x)
        return landing(axis, x, after, matching(x, after))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return self if axis is None else self._with_rest(axis, inputs[0], self.shape(*inputs))

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        ones = (1,) * len(self.sizes)
        return Reshape(sizes=ones) if axis is None else self._with_rest(axis, inputs[0], ones)

    def _with_rest(self, axis: int, x: Shape, sizes: Shape) -> Kind:
        place = self._landing(axis, x)
        return Reshape(sizes=tuple(-1 if index == place else size for index, size in enumerate(sizes)))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        sizes = list(x)
        for _ in range(draw.randint(0, 3)):
            place = draw.randrange(len(sizes))
            if draw_flag(draw) and place:
                sizes[place - 1 : place + 1] = [sizes[place - 1] * sizes[place]]
            else:
                part = draw.choice(divisors(sizes[place]))
                sizes[place : place + 1] = [part, sizes[place] // part]
        if draw_flag(draw):
            sizes[draw.randrange(len(sizes))] = -1
        return cls(sizes=tuple(sizes)), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return x.reshape(x.shape[0], *fields.sizes)


def _has_zero(sizes: Shape) -> str:
    return f"found 0 in {list(sizes)}; legal here: whole numbers from 1, and -1 once"


def _has_two_rests(sizes: Shape) -> str:
    return f"found -1 more than once in {list(sizes)}; legal here: -1 once"
