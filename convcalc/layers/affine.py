"""Every element times one fixed number, plus another: a scaling, a shift, what an exporter leaves of a formula.

Example:
    input: [3, 224, 224]
    layers:
      - affine: {factor: 2, addend: -1}
    # output 3x224x224, params 0, macs 0, field 1

Nothing is learned. An element takes one operation for the factor unless it is 1, and one for the addend unless it is 0;
the product is added to no sum, so it is no MAC.

Source: ONNX Add, Sub, Mul and Div with a constant; torchvision.transforms.Normalize with numbers.
"""

from typing import Annotated, ClassVar

from convcalc.arithmetic.number import product
from convcalc.fields import Real
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted


class Affine(Kind, frozen=True, kw_only=True):
    is_elementwise = True
    samples: ClassVar = {"factor": (1.0, 0.5, -2.0), "addend": (0.0, 3.0, -0.5)}

    factor: Annotated[float, Real("what every element is multiplied by")] = 1.0
    addend: Annotated[float, Real("what is then added")] = 0.0

    def elementwise_ops(self, x: Shape) -> int:
        return ((self.factor != 1) + (self.addend != 0)) * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Nothing: the factor is a field."""
        return Kept()

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        y = inputs[0] if self.factor == 1 else graph.node("Mul", inputs[0], graph.constant(self.factor))
        y = y if self.addend == 0 else graph.node("Add", y, graph.constant(self.addend))
        return graph.node("Identity", y) if y == inputs[0] else y

    def summary(self) -> str:
        factor = f"x{self.factor:g}" if self.factor != 1 else ""
        return factor + (f"{self.addend:+g}" if self.addend != 0 else "")

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        y = x if fields.factor == 1 else engine.chained([engine.numpy.multiply], x, fields.factor)
        return y if fields.addend == 0 else engine.chained([engine.numpy.add], y, fields.addend)
