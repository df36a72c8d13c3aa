"""A tensor of the network's own, the same for every input: a position embedding, a class token, a constant.

Example:
    input: [196, 768]
    layers:
      - parameter: {name: token, from: input, sizes: [1, 768]}
      - concat: {from: [token, input]}
      - parameter: {name: positions, from: input, sizes: [197, 768]}
      - add: {from: [concat1, positions]}
    # output 197x768, params 152064, macs 0, field 1

The input is there for its batch alone; nothing of it is seen. What is not learned, such as a mean to subtract, counts
as buffers. It is no activation. No arithmetic.

Source: PyTorch nn.Parameter; ONNX initialisers that enter element-wise operators.
"""

import random
from typing import Annotated, ClassVar

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.fields import Flag, Listed
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._cases import draw_flag, draw_shape


class Parameter(Kind, frozen=True, kw_only=True):
    sizes: Annotated[tuple[int, ...], Listed("the shape of the tensor, channels first", minimum=1)]
    learned: Annotated[bool, Flag("counted as parameters, else as buffers")] = True

    holds_output: ClassVar[bool] = True
    without_gradient: ClassVar[dict[int, str]] = {0: "what leaves is the layer's own, whatever enters"}

    def shape(self, x: Shape) -> Shape:
        return self.sizes

    def weights(self, x: Shape) -> Weights:
        return {"weight": self.sizes} if self.learned else {}

    def buffers(self, x: Shape) -> Weights:
        return {} if self.learned else {"constant": self.sizes}

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Nothing: the array is its own."""
        return Kept()

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        nothing = (None,) * len(fields[0].axes)
        return Field(nothing, nothing, ((),) * len(self.sizes), fields[0].arrivals, fields[0].sizes)

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return replace(self, sizes=(1,) * len(self.sizes))  # nothing of an input is in it, wherever it meets positions

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        batch = graph.node("Slice", graph.node("Shape", inputs[0]), graph.constant([0]), graph.constant([1]))
        sizes = graph.node("Concat", batch, graph.constant(list(self.sizes)), axis=0)
        return graph.node("Expand", graph.weight("weight" if self.learned else "constant"), sizes)

    def summary(self) -> str:
        return "" if self.learned else "not learned"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        return cls(sizes=draw_shape(draw), learned=draw_flag(draw)), (draw_shape(draw),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        array = engine.fitting(weights["weight" if fields.learned else "constant"], fields.sizes)
        return engine.numpy.broadcast_to(array, (x.shape[0], *fields.sizes))
