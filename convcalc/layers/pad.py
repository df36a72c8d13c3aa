"""Padding as a layer of its own.

Example:
    input: [3, 224, 224]
    layers:
      - pad: [[2, 3], [2, 3]]
    # output 3x229x229, params 0, macs 0, field 1

`padding` takes an int, one number an axis or [[before, after], ...]. The mode changes values, never a cost; no
arithmetic. What stands on the padding is outside of the input: the field starts before it.

Source: PyTorch torch.nn.functional.pad, which names the last axis first; ONNX Pad.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.arrivals import padded_reads
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import windowed
from convcalc.arithmetic.window import Pair, Window
from convcalc.fields import Choice, PaddingType, Real
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._cases import draw_shape
from convcalc.layers._checks import has_positions, room_to_pad
from convcalc.layers._onnx import padded
from convcalc.layers._windows import shown_pairs

MODES = ("constant", "reflect", "replicate", "circular")


class Pad(Kind, frozen=True, kw_only=True):
    keeps_axes = True

    padding: Annotated[tuple[Pair, ...], PaddingType("positions added around the input", options=())]
    mode: Annotated[str, Choice("what stands on the padding", options=MODES)] = "constant"
    value: Annotated[float, Real("the constant")] = 0.0

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)
        yield from room_to_pad(self.mode, self.padding, x)

    def shape(self, x: Shape) -> Shape:
        return (x[0], *(size + before + after for size, (before, after) in zip(x[1:], self.padding, strict=True)))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        shifts = [Window(1, before=before, after=after) for before, after in self.padding]
        return windowed(fields[0], shifts, self.shape(*inputs), padded_reads(self.mode, shifts, inputs[0][1:]))

    def cut(self, x: Shape) -> dict[int, tuple[int, int]]:
        return {axis: (-before, -after) for axis, (before, after) in enumerate(self.padding, start=1)}

    def no_op(self, x: Shape) -> str:
        return "pads by nothing" if self.shape(x) == x else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        y = padded(graph, inputs[0], self.padding, self.mode, self.value)
        return graph.node("Identity", y) if y == inputs[0] else y

    def summary(self) -> str:
        return shown_pairs(self.padding)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        padding = tuple((draw.randint(0, size - 1), draw.randint(0, size - 1)) for size in x[1:])
        return cls(padding=padding, mode=draw.choice(MODES), value=draw.choice([0.0, -1.5])), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        mode = "zeros" if fields.mode == "constant" else fields.mode
        return engine.pad(x, fields.padding, mode, fields.value)
