"""L2 normalisation: the channels of each position divided by their length, as SSD has it before its first detector.

Example:
    input: [512, 38, 38]
    layers:
      - l2_norm
      - scale
    # output 512x38x38, params 512, macs 0, field 1

An element takes three operations: its square, its part of the sum, the division. The learned factor of each channel
that follows in SSD is a `scale`.

Source: Liu, Rabinovich and Berg, ParseNet (2015), section 3.3; Caffe's Normalize; ONNX LpNormalization.
"""

from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Real
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, OnnxGraph, Shape, Wanted
from convcalc.layers._cases import EPS
from convcalc.layers._norms import Normalisation


class L2Norm(Normalisation, frozen=True, kw_only=True):
    samples: ClassVar = {"eps": EPS}

    eps: Annotated[float, Real("added to the sum of squares", minimum=0)] = 1e-10

    def elementwise_ops(self, x: Shape) -> int:
        return 3 * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and the sum of squares of each position."""
        return Kept(inputs=(0,), numbers=product(x[1:])).if_(wanted.of_inputs)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].with_global((0,))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,) = inputs
        squares = graph.node("ReduceSumSquare", x, graph.constant([1]), keepdims=1)
        return graph.node("Div", x, graph.node("Sqrt", graph.node("Add", squares, graph.constant(self.eps))))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        squares = engine.elementwise(engine.numpy.square, x)
        total = engine.taken_in(engine.numpy.sum, squares, [1])
        return engine.elementwise(lambda x, s: x / (s + fields.eps) ** 0.5, x, total)
