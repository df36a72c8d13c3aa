"""Scale: each channel times a learned number, as ConvNeXt's layer scale, and if told plus another.

Example:
    input: [8, 16, 16]
    layers:
      - scale
    # output 8x16x16, params 8, macs 0, field 1

An element takes one multiplication, whose product is added to no sum (so it is no MAC), and one addition with a bias.

Source: Touvron et al. 2021 (LayerScale); Caffe Scale for the bias.
"""

from typing import Annotated, ClassVar

from convcalc.arithmetic.number import product
from convcalc.fields import Flag
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._cases import FLAG
from convcalc.layers._norms import scale_and_shift
from convcalc.layers._onnx import per_channel


class Scale(Kind, frozen=True, kw_only=True):
    is_elementwise = scales_channels = True
    samples: ClassVar = {"bias": FLAG}

    bias: Annotated[bool, Flag("one learned number added to each channel")] = False

    def weights(self, x: Shape) -> Weights:
        return scale_and_shift((x[0],), affine=True, bias=self.bias)

    def elementwise_ops(self, x: Shape) -> int:
        return (1 + self.bias) * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, for the gradient of the factor."""
        return Kept(inputs=(0,) if wanted.weights else ())

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        y = graph.node("Mul", inputs[0], per_channel(graph, graph.weight("weight"), shapes[0]))
        return graph.node("Add", y, per_channel(graph, graph.weight("bias"), shapes[0])) if self.bias else y

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        factor = engine.per_channel(weights["weight"], x)
        if not fields.bias:
            return engine.elementwise(engine.numpy.multiply, x, factor)
        addend = engine.per_channel(weights["bias"], x)
        return engine.chained([engine.numpy.multiply, engine.numpy.add], x, factor, addend)
