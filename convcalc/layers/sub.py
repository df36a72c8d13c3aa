"""Difference of two tensors, element by element.

Example:
    inputs: {first: [64, 14, 14], second: [64, 1, 1]}
    layers:
      - sub: {from: [first, second]}
    # output 64x14x14, params 0, macs 0, field 1

Shapes are equal, or 1 where a tensor is repeated; a tensor of fewer axes is aligned at the channels, so (C) meets
(C, ...). An output element takes one subtraction. Each output sees what either input sees; a tensor repeated along an
axis makes it global there.

Source: PyTorch and NumPy broadcasting, but for the alignment at the channels instead of the last axis; ONNX Sub.
"""

import random
from typing import ClassVar

from convcalc.layers import Array, Arrays, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._merges import Elementwise


class Sub(Elementwise, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return self.chained(graph, "Sub", inputs, shapes)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        config, inputs = super().case(draw)
        return config, inputs[:2]

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, y: Array) -> Array:
        return engine.elementwise(engine.numpy.subtract, *engine.aligned(x, y))
