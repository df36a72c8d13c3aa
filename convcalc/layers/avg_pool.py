"""Average pooling: the mean of the elements under a window.

Example:
    input: [64, 56, 56]
    layers:
      - avg_pool: 2
    # output 64x28x28, params 0, macs 0, field 2

The output's size is max_pool's. An output element takes an operation for every tap: the additions and one division.
`count_include_pad` says whether positions on padding count in the mean; it changes values, never a cost. What a window
reads behind the padding never counts, and a window of nothing else has no mean: it gives no number.

Source: PyTorch nn.AvgPool2d and pooling_output_shape (Pool.h), which ONNX follows; ONNX AveragePool (19) for dilation,
which PyTorch lacks; TensorFlow for same; Caffe's pooling_layer.cpp and ncnn's pooling.cpp for ceil_mode's words.
"""

from functools import partial
from typing import Annotated, ClassVar

from convcalc.arithmetic.number import product
from convcalc.fields import Flag, PerAxis, Sizes
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, OnnxGraph, Shape, Wanted
from convcalc.layers._cases import FLAG
from convcalc.layers._onnx import ones, padded
from convcalc.layers._pools import Pool, placed


class AvgPool(Pool, frozen=True, kw_only=True):
    count_include_pad: Annotated[bool, Flag("count positions on padding in the mean")] = True

    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)

    samples: ClassVar = {"count_include_pad": FLAG}

    def elementwise_ops(self, x: Shape) -> int:
        return product(self.kernel_size) * product(self.shape(x))

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """How many positions each window averages, once for all channels and samples."""
        return Kept(shared_numbers=product(self.shape(x)[1:])).if_(wanted.of_inputs)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        counted = int(self.count_include_pad)
        write = partial(self.pooled, graph, "AveragePool", shape=shapes[0], dilations=self.dilation)
        y = write(x=inputs[0], count_include_pad=counted)
        if self.count_include_pad and self.starts_behind(shapes[0]):
            return graph.node("Div", y, self._share_counted(graph, shapes[0]))
        if self.count_include_pad or not self.pads_apart(shapes[0]):
            return y
        # Padding that is an operator of its own counts as input does: what counts is the mean of ones, padded likewise.
        return graph.node("Div", y, write(x=ones(graph, [1, 1, *shapes[0][1:]])))

    def _share_counted(self, graph: OnnxGraph, shape: Shape) -> str:
        """Of every window the share that lies on the input and its padding, and not behind them."""
        axes, _ = self.as_read(shape)
        sizes = [window.before + size + window.after for window, size, _ in axes]
        behind = [(0, window.span(outputs) - size) for (window, _, outputs), size in zip(axes, sizes, strict=True)]
        counted = padded(graph, ones(graph, [1, 1, *sizes]), behind)
        window = {"kernel_shape": self.kernel_size, "strides": self.steps(), "dilations": self.dilation}
        return graph.node("AveragePool", counted, **window)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, dilation = engine.numpy, fields.dilation
        stride, pads, reached = placed(engine, fields, x, dilation)
        beyond = [(0, end - after) for (_, after), (_, end) in zip(pads, reached, strict=True)]
        ones = engine.pad(np.ones_like(x[:1, :1]), pads, fill=float(fields.count_include_pad))
        counted = engine.windows(engine.pad(ones, beyond), fields.kernel_size, stride, dilation)
        counts = counted.sum(tuple(range(x.ndim, counted.ndim)))
        sums = engine.reduced(np.add, engine.pad(x, reached), fields.kernel_size, stride, dilation)
        with np.errstate(invalid="ignore"):  # the mean of nothing is no number
            return engine.elementwise(np.divide, sums, counts)
