"""Global Lp pooling: the p-norm of each channel over all positions.

Example:
    input: [512, 7, 7]
    layers:
      - global_lp_pool
    # output 512, params 0, macs 0

The sum of the absolute values to the power of `norm_type`, and of that the root. The axes after the channels are gone,
or with `keepdim` stay with one position each. An element that enters takes an operation to be raised, and one as
lp_pool's taps do: the additions and the root. What follows sees the whole input.

Source: ONNX GlobalLpPool (keepdim).
"""

from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.number import product
from convcalc.fields import Whole
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, OnnxFields, OnnxGraph, Shape, Wanted
from convcalc.layers._cases import FLAG
from convcalc.layers._elements import root
from convcalc.layers._onnx import shaped
from convcalc.layers._pools import GlobalPool


def _one_window_is_global(bench: Any, config: Any, x: Shape) -> tuple[Array, Array]:
    """It is Lp pooling by a window as large as the input."""
    (a,) = bench.entering([x])
    ours = bench.layer(config, {}, a)
    windowed = bench.run("lp_pool", a, kernel_size=x[1:], norm_type=config.norm_type)
    return ours, windowed.reshape(ours.shape)


class GlobalLpPool(GlobalPool, frozen=True, kw_only=True):
    identities = (_one_window_is_global,)
    samples: ClassVar = {"keepdim": FLAG, "norm_type": (1, 2, 3, 4)}
    onnx_operators: ClassVar[OnnxFields] = {"GlobalLpPool": {"norm_type": ("p", 2)}}

    norm_type: Annotated[int, Whole("the power, and the root", minimum=1)] = 2

    def elementwise_ops(self, x: Shape) -> int:
        return 2 * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and the sums before the root."""
        return Kept(inputs=(0,), numbers=product(self.shape(x))).if_(wanted.of_inputs)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        y = graph.node("GlobalLpPool", *inputs, p=self.norm_type)
        return y if self.keepdim else shaped(graph, y, self.shape(*shapes))

    def summary(self) -> str:
        return f"L{self.norm_type}"

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        p, axes, np = fields.norm_type, tuple(range(2, x.ndim)), engine.numpy
        raised = engine.elementwise(lambda x: np.abs(x) ** p, x)
        ones = (1,) * len(axes)
        sums = engine.reduced(np.add, raised, x.shape[2:], ones, ones)
        norms = engine.elementwise(lambda sums: root(np, sums, p), sums)
        return norms if fields.keepdim else norms.squeeze(axes)
