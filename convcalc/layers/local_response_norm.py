"""Local response normalisation: each element divided by a power of its channel neighbours' energy.

Example:
    input: [96, 55, 55]
    layers:
      - local_response_norm: 5
    # output 96x55x55, params 0, macs 0, field 1

An element takes size + 3 operations: its square, the size - 1 additions of its neighbours', the scaling of the sum with
its shift as one, the power, and the division. Neighbours beyond the first and last channel are counted, but of neither
side more than there are channels beside the element's own.

Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3; PyTorch nn.LocalResponseNorm.
"""

from typing import Annotated, ClassVar

from convcalc.arithmetic.axes import through_window
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import minimum, product
from convcalc.arithmetic.window import Window
from convcalc.fields import Real, Whole
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted
from convcalc.layers._onnx import shaped


class LocalResponseNorm(Kind, frozen=True, kw_only=True):
    is_normalisation = True
    samples: ClassVar = {"size": range(1, 8), "alpha": (1e-4, 0.5), "beta": (0.75, 1.0), "k": (1.0, 2.0)}

    size: Annotated[int, Whole("channels summed over, the element's own among them", minimum=1)]
    alpha: Annotated[float, Real("factor of the mean square")] = 1e-4
    beta: Annotated[float, Real("exponent")] = 0.75
    k: Annotated[float, Real("added to the scaled mean square")] = 1.0

    def elementwise_ops(self, x: Shape) -> int:
        neighbours = minimum(self.size // 2, x[0] - 1) + minimum((self.size - 1) // 2, x[0] - 1)
        return (neighbours + 4) * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and for each element the sum of its neighbours' squares, that scaled, and its power."""
        return Kept(inputs=(0,), numbers=3 * product(x)).if_(wanted.of_inputs)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        neighbours = Window(self.size, before=self.size // 2)
        channels = inputs[0][0]
        return fields[0].along({0: (through_window, neighbours, channels, neighbours.sources)})

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        channels, elements = shape[0], product(shape[1:])
        if self.size % 2:
            attributes = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "bias": self.k}
            if len(shape) == 3:
                return graph.node("LRN", x, **attributes)
            return shaped(graph, graph.node("LRN", shaped(graph, x, [channels, elements, 1]), **attributes), shape)
        # Of an even size PyTorch's odd neighbour is before the channel, ONNX's behind it.
        squares = shaped(graph, graph.node("Mul", x, x), [1, channels, elements])
        before, after = self.size // 2, (self.size - 1) // 2
        window = {"kernel_shape": [self.size, 1], "pads": [before, 0, after, 0], "count_include_pad": 1}
        mean = shaped(graph, graph.node("AveragePool", squares, **window), shape)
        energy = graph.node("Add", graph.node("Mul", mean, graph.constant(self.alpha)), graph.constant(self.k))
        return graph.node("Div", x, graph.node("Pow", energy, graph.constant(self.beta)))

    def summary(self) -> str:
        return f"{self.size} channels"

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        others, size, np = x.ndim - 2, fields.size, engine.numpy
        before, after = (min(neighbours, x.shape[1] - 1) for neighbours in (size // 2, (size - 1) // 2))
        squares = engine.pad(engine.elementwise(np.square, x)[:, None], [(before, after), *[(0, 0)] * others])
        ones = (1,) * (1 + others)
        sums = engine.reduced(np.add, squares, (before + 1 + after, *ones[1:]), ones, ones)[:, 0]
        scaled = engine.elementwise(lambda sums: sums * (fields.alpha / size) + fields.k, sums)
        return engine.elementwise(np.divide, x, engine.elementwise(lambda scaled: scaled**fields.beta, scaled))
