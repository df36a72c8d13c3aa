"""Quotient of two tensors, element by element.

Example:
    inputs: {first: [64, 14, 14], second: [64, 1, 1]}
    layers:
      - div: {from: [first, second]}
    # output 64x14x14, params 0, macs 0, field 1

Shapes are equal, or 1 where a tensor is repeated; a tensor of fewer axes is aligned at the channels, so (C) meets
(C, ...). An output element takes one division. Each output sees what either input sees; a tensor repeated along an
axis makes it global there.

Source: PyTorch and NumPy broadcasting, but for the alignment at the channels instead of the last axis; ONNX Div.
"""

import random
from typing import ClassVar

from convcalc.layers import Array, Arrays, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._merges import Elementwise
from convcalc.layers.sub import Sub


class Div(Elementwise, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return self.chained(graph, "Div", inputs, shapes)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return Sub().unbounded(axis, inputs)  # which sees the same places, and divides nothing by zero

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return Sub()

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        config, inputs = super().case(draw)
        return config, inputs[:2]

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, y: Array) -> Array:
        return engine.elementwise(engine.numpy.divide, *engine.aligned(x, y))
