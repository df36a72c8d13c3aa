"""Where max pooling finds the largest element under a window, for max_unpool.

Example:
    input: [64, 112, 112]
    layers:
      - max_pool: {name: largest, kernel_size: 2}
      - max_pool_indices: {name: places, from: input, kernel_size: 2}
      - max_unpool: {from: [largest, places], kernel_size: 2}
    # output 64x112x112, params 0, macs 0

The fields are those of the max_pool beside it, and each number is the place of an element of its output, counted
through the whole tensor that enters, channel by channel; of several equal ones the first, and 0 where a window reads
nothing. It is found by max_pool's comparisons, which are counted there, so it takes no operation of its own.

Source: ONNX MaxPool, whose second output it is; PyTorch's `return_indices` counts within each channel.
"""

from math import inf
from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.number import product
from convcalc.fields import PerAxis, Sizes
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, NoOnnxForm, OnnxGraph, Shape, Wanted
from convcalc.layers._indices import IS_PLACE
from convcalc.layers._onnx import beginnings, element_type, ends
from convcalc.layers._pools import Pool, placed


def _what_is_there_is_the_largest(bench: Any, config: Any, x: Shape) -> tuple[Array, Array] | None:
    """The elements at the places are those that max pooling leaves, unless a window may read none."""
    if config.starts_behind(x):
        return None
    (a,) = bench.entering([x])
    places = bench.layer(config, {}, a).astype(int)
    taken = bench.engine.numpy.take_along_axis(a.reshape(len(a), -1), places.reshape(len(a), -1), 1)
    fields = {name: getattr(config, name) for name in ("kernel_size", "stride", "padding", "dilation", "ceil_mode")}
    return taken.reshape(places.shape), bench.run("max_pool", a, **fields)


class MaxPoolIndices(Pool, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {0: IS_PLACE}
    is_pool = False
    identities = (_what_is_there_is_the_largest,)

    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Nothing: no gradient passes."""
        return Kept()

    def no_op(self, x: Shape) -> str:
        return ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        axes, rounds_up = self.as_read(shape)
        if self.pads_apart(shape) or (rounds_up and self.cuts_unread(shape)):
            raise NoOnnxForm("its windows read no part of the map, which runtimes are not asked to count through")
        pads = ends([(window.before, window.after) for window, _, _ in axes])
        window = {"kernel_shape": self.kernel_size, "strides": self.steps(), "dilations": self.dilation}
        places = graph.several("MaxPool", x, count=2, **window, pads=pads, ceil_mode=int(rounds_up))[1]
        own = graph.node("Sub", places, beginnings(graph, x, shape, product(shape)))
        return graph.node("Cast", own, to=element_type(graph))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, rank = engine.numpy, x.ndim - 2
        stride, _, reached = placed(engine, fields, x, fields.dilation)
        count = x[0].size
        numbered = np.arange(count).reshape(1, *x.shape[1:])
        seen, places = (
            engine.windows(padded, fields.kernel_size, stride, fields.dilation)
            for padded in (engine.pad(x, reached, fill=-inf), engine.pad(numbered, reached))
        )
        seen = seen.reshape(*seen.shape[: 2 + rank], -1)
        first = engine.aside(lambda seen: seen.argmax(-1)[..., None], seen)
        chosen = np.take_along_axis(np.broadcast_to(places.reshape(1, *seen.shape[1:]), seen.shape), first, -1)
        unknown = engine.aside(np.isnan, np.take_along_axis(seen, first, -1))
        return np.where(unknown, np.nan, chosen)[..., 0].astype(x.dtype)
