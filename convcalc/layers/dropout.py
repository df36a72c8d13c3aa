"""Dropout: some elements set to zero in training; at inference the input as it is, and no work.

Example:
    input: [4096]
    layers:
      - dropout: {p: 0.3}
    # output 4096, params 0, macs 0

Source: Srivastava et al. 2014; PyTorch nn.Dropout.
"""

from typing import Annotated, ClassVar

from convcalc.arithmetic.number import product
from convcalc.fields import Real
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted


class Dropout(Kind, frozen=True, kw_only=True):
    is_inert = True
    samples: ClassVar = {"p": (0.0, 0.2, 0.5, 1.0)}

    p: Annotated[float, Real("share of the elements set to zero in training", minimum=0, maximum=1)] = 0.5

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """In training a mask of what is dropped, if anything is."""
        return Kept(bytes=(self.p > 0) * product(x)).if_(wanted.of_inputs)

    @property
    def dropped(self) -> float:
        return self.p

    def no_op(self, x: Shape) -> str:
        return "drops a share of 0" if self.p == 0 else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        if self.p == 1:  # beyond what ONNX's operator takes
            return graph.node("Identity", inputs[0])
        return graph.node("Dropout", inputs[0], graph.constant(self.p))

    def summary(self) -> str:
        return f"{self.p:g}"

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        if not engine.training or fields.p == 0:
            return x
        np, kept = engine.numpy, engine.kept_at_random(x.shape, fields.p)
        return engine.chained([np.multiply, np.multiply], x, kept, 1 / (1 - fields.p) if fields.p < 1 else 0.0)
