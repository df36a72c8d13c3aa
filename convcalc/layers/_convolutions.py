"""What the convolutions share: the window of two of them, and the learned arrays of all."""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.meeting import merged
from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Padding, Window, windows
from convcalc.fields import Channels, Flag, PaddingType, PerAxis, Sizes
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, Shape, StandIn, Wanted, Weights
from convcalc.layers._cases import draw_axes, draw_flag
from convcalc.layers._checks import fits, grouped
from convcalc.layers._windows import shown_window


class Filtering(Kind, frozen=True, kw_only=True):
    """A map and a weight, own or entering, that meet in products, each of which comes back once to either."""

    def kept(self, wanted: Wanted, x: Shape, *given: Shape) -> Kept:
        """The map for the gradient of the weight, and a weight that enters for the map's; padding is made again."""
        own, entering = self._weight_wanted(wanted, x, given)
        return Kept(inputs=(0,) * (own or entering) + (1,) * (wanted.inputs[0] and len(given) > 0))

    def gradient_macs(self, wanted: Wanted, x: Shape, *given: Shape) -> tuple[int, int]:
        """As many as forwards, for the map and for the weight, which is own or enters."""
        own, entering = self._weight_wanted(wanted, x, given)
        macs = self.macs(x, *given)
        return macs * (wanted.inputs[0] + entering), macs * own

    def _weight_wanted(self, wanted: Wanted, x: Shape, given: Sequence[Shape]) -> tuple[bool, bool]:
        """Whether the gradient of a weight of its own is wanted, and whether that of one that enters is."""
        return wanted.weights and not given, len(given) > 0 and wanted.inputs[1]


class Convolution(Filtering, frozen=True, kw_only=True):
    """A window on the input, whose taps are multiplied with learned weights, or with those that another layer makes."""

    inputs: ClassVar[tuple[int, int | None]] = (1, 3)
    is_windowed = is_convolution = mixes_channels = is_map = True

    out_channels: Annotated[int, Channels("filters: channels that leave", minimum=1)]
    kernel_size: Annotated[Sizes, PerAxis("taps on each axis")]
    stride: Annotated[Sizes, PerAxis("positions the window moves")] = (1,)
    padding: Annotated[Padding, PaddingType("positions added around the input")] = ((0, 0),)
    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)
    groups: Annotated[int, Channels("parts the channels are split into, each convolved alone", minimum=1)] = 1
    bias: Annotated[bool, Flag("one learned number added to each output channel")] = True

    def windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x[1:], self.kernel_size, self.stride, self.dilation, self.padding)

    def checks(self, x: Shape, *given: Shape) -> Iterator[Check]:
        yield grouped(self.groups, x[0], self.out_channels)
        if len(x) > 1:
            yield from fits(self.windows(x), x)
        yield from given_fit(self.all_arrays(x), given)

    def shape(self, x: Shape, *given: Shape) -> Shape:
        moved = zip(self.windows(x), x[1:], strict=True)
        return (self.out_channels, *(window.outputs(size) for window, size in moved))

    def all_arrays(self, x: Shape) -> Weights:
        """The weight and, where there is one, the bias, whether they are learned or made by another layer."""
        return learned((self.out_channels, x[0] // self.groups, *self.kernel_size), self.out_channels, self.bias)

    def weights(self, x: Shape, *given: Shape) -> Weights:
        return not_given(self.all_arrays(x), given)

    def macs(self, x: Shape, *given: Shape) -> int:
        return product(self.all_arrays(x)["weight"]) * product(self.shape(x)[1:])

    def elementwise_ops(self, x: Shape, *given: Shape) -> int:
        return product(self.shape(x)) if self.bias else 0

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        """As they enter, but of the map what lies on its channels, which every filter looks at together."""
        return (fields[0].collapsed([0]), *fields[1:])

    def summary(self) -> str:
        return shown_window(self.kernel_size, self.stride, self.dilation, self.groups)


ARRAYS = ("weight", "bias")
"""What a convolution multiplies with and adds, in the order in which they enter where other layers make them."""


def learned(weight: Shape, features: int, bias: bool) -> Weights:
    """The weight and, where there is one, the bias of each feature that leaves."""
    return {"weight": weight, "bias": (features,)} if bias else {"weight": weight}


def not_given(arrays: Weights, given: Sequence[Any]) -> Weights:
    """The arrays that are left to be learned where some enter as tensors."""
    return {name: shape for name, shape in arrays.items() if name not in ARRAYS[: len(given)]}


def given_fit(arrays: Weights, given: Sequence[Shape]) -> Iterator[Check]:
    """Tensors that enter as weight and bias have their shapes (CC103)."""
    if len(given) == len(ARRAYS):
        yield Check("bias" in arrays, "CC011", "bias", _bias_unasked)
    for (name, legal), shape in zip(arrays.items(), given, strict=False):
        yield Check(len(shape) == len(legal), "CC103", "", _misfit, (name, shape, legal))
        for size, needed in zip(shape, legal, strict=False):
            yield Check(size == needed, "CC103", "", _misfit, (name, shape, legal))


def _bias_unasked() -> str:
    return "bias is false, and a bias enters as the last tensor; legal here: true"


def _misfit(name: str, shape: Shape, legal: Shape) -> str:
    return f"the tensor that enters as the {name} has shape {list(shape)}; legal here: {list(legal)}"


def seen_with(seen: Field, given: Sequence[Field], output: Shape) -> Field:
    """What is seen through the window, and of the tensors that are its weights all."""
    if not given:
        return seen
    nowhere: Sequence[tuple[int, ...]] = [()] * len(output)
    wholes = [field.whole(range(len(field.carries))).carrying(tuple(nowhere)) for field in given]
    return merged((seen, *wholes), output)


def all_seen(of: Kind, given: int) -> Kind:
    """A convolution for the probe, where the last `given` tensors that enter are its weights: a change in them shows.

    They are lengthened and cut down as maps are, and so no longer fit; ones stand for them, and their sum is added.
    """
    return StandIn(of=of, run=partial(_beside_all_of, given), own=partial(_of_maps, given)) if given else of


def _beside_all_of(given: int, engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
    y, tensors = _of_maps(given, engine, fields, weights, *inputs), inputs[len(inputs) - given :]
    return y + sum(x.sum(tuple(range(1, x.ndim))).reshape(-1, *(1,) * (y.ndim - 1)) for x in tensors)


def _of_maps(given: int, engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
    """What it sees through the window alone, where a map and the weights come from one input."""
    maps = inputs[: len(inputs) - given]
    arrays = fields.all_arrays(maps[0].shape[1:])
    ones = {name: engine.numpy.full(shape, name == "weight", maps[0].dtype) for name, shape in arrays.items()}
    return fields.reference(engine, fields, ones, *maps)


def by_sample(
    engine: Engine, run: Callable[..., Array], weights: Arrays, given: Sequence[Array], *maps: Array
) -> Array:
    """`run(arrays, *maps)` with the layer's own arrays, or on every sample with those that came with it."""
    if not given:
        return run(weights, *maps)
    samples = []
    for sample in range(len(maps[0])):
        entered = dict(zip(ARRAYS, (array[sample] for array in given), strict=False))
        own = {name: weights[name] for name in weights if name not in entered}
        samples.append(run({**own, **entered}, *(array[sample : sample + 1] for array in maps)))
    return engine.numpy.concatenate(samples)


def draw_convolution(draw: random.Random, largest_kernel: int) -> tuple[dict[str, Any], int]:
    """Fields of a convolution, but for its padding, and the channels that enter it."""
    rank, groups = draw.choice([0, 1, 1, 2, 2, 2, 3]), draw.randint(1, 3)
    window = {"kernel_size": largest_kernel, "stride": 3, "dilation": 2}
    fields: dict[str, Any] = {name: draw_axes(draw, rank, largest) for name, largest in window.items()}
    fields |= {"groups": groups, "out_channels": groups * draw.randint(1, 3), "bias": draw_flag(draw)}
    return fields, groups * draw.randint(1, 3)


def filters(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """The weight [out_channels, in_channels / groups, *kernel], held to that shape."""
    shape = (fields.out_channels, x.shape[1] // fields.groups, *fields.kernel_size)
    return engine.fitting(weights["weight"], shape)


def biased(engine: Engine, fields: Fields, weights: Arrays, y: Array) -> Array:
    """The output with its channel's bias added, where there is one."""
    return engine.elementwise(engine.numpy.add, y, engine.per_channel(weights["bias"], y)) if fields.bias else y
