"""Fully connected layer on the last axis, whatever axes are before it.

Example:
    input: [512]
    layers:
      - linear: 1000
    # output 1000, params 513000, macs 512000

Every place on the other axes multiplies all of the last with the whole weight. Where the last axis holds
positions (after a flatten, on a map) each output sees all of them.

Source: PyTorch nn.Linear.
"""

from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Channels, Flag
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._cases import FLAG
from convcalc.layers._convolutions import learned


class Linear(Kind, frozen=True, kw_only=True):
    is_linear = mixes_channels = True
    samples: ClassVar = {"out_features": range(1, 10), "bias": FLAG}

    out_features: Annotated[int, Channels("size of the last axis that leaves", minimum=1)]
    bias: Annotated[bool, Flag("one learned number added to each output feature")] = True

    def shape(self, x: Shape) -> Shape:
        return (*x[:-1], self.out_features)

    def weights(self, x: Shape) -> Weights:
        return learned((self.out_features, x[-1]), self.out_features, self.bias)

    def macs(self, x: Shape) -> int:
        return product((*self.weights(x)["weight"], *x[:-1]))

    def elementwise_ops(self, x: Shape) -> int:
        return product(self.shape(x)) if self.bias else 0

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, for the gradient of the weight."""
        return Kept(inputs=(0,) if wanted.weights else ())

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        last = len(inputs[0]) - 1
        if inputs[0][last] == 1:  # all of one position is what that position sees
            return fields[0].carrying((*fields[0].carries[:last], ()))
        return fields[0].collapsed([last])

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        weight, bias = graph.weight("weight"), graph.weight("bias") if self.bias else ""
        if len(shape) == 1:
            return graph.node("Gemm", x, weight, bias, transB=1)
        y = graph.node("MatMul", x, graph.node("Transpose", weight, perm=[1, 0]))
        return graph.node("Add", y, bias) if self.bias else y

    def summary(self) -> str:
        return f"{self.out_features} features"

    def drops(self, axis: int, inputs: tuple[Shape, ...]) -> bool:
        return axis == len(inputs[0]) - 1 and inputs[0][axis] == 1

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        weight = engine.fitting(weights["weight"], (fields.out_features, x.shape[-1]))
        y = engine.matmul(x, weight.T)
        if not fields.bias:
            return y
        return engine.elementwise(engine.numpy.add, y, engine.fitting(weights["bias"], y.shape[-1:]))
