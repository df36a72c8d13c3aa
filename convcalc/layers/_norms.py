"""What the normalisations share: their operations an element, their weights, and the normalising itself."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Flag, FlagOrWord, Real
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._cases import EPS, FLAG, LEARNED
from convcalc.layers._onnx import onnx_axis
from convcalc.layers.identity import Identity

KNOWN_STATISTICS = 2
"""Operations an element where mean and variance are known: a scale and a shift, into which any weights fold."""

MEASURED_STATISTICS = 4
"""Operations an element where mean and variance are of the input: their two sums, the difference, the quotient."""


Learned = bool | str
"""Whether a norm learns a scale and a shift: both, neither, or the one of `LEARNED_WORDS`."""

LEARNED_WORDS = ("scale", "shift")


class Normalisation(Kind, frozen=True, kw_only=True):
    """The base of what sees, beside its own place, all over which it measures."""

    is_normalisation = True

    def own_path(self) -> Kind:
        return Identity()


def learns_scale(affine: Learned) -> bool:
    """Whether a norm has a learned factor."""
    return affine in (True, "scale")


def learns_shift(affine: Learned) -> bool:
    """Whether a norm has a learned addend."""
    return affine in (True, "shift")


def scale_and_shift(shape: Shape, affine: Learned, bias: bool = True) -> Weights:
    """The learned factor and, unless there is no bias beside it, the learned addend of `shape`."""
    scale: Weights = {"weight": shape} if learns_scale(affine) else {}
    has_shift = learns_shift(affine) and (bias or not scale)
    return {**scale, "bias": shape} if has_shift else scale


def running_statistics(x: Shape, tracked: bool) -> Weights:
    """Mean and variance of each channel as training left them; the count of batches is not counted."""
    return {"running_mean": (x[0],), "running_var": (x[0],)} if tracked else {}


def operations(affine: Learned, tracked: bool = False) -> int:
    """Operations an element at inference."""
    return KNOWN_STATISTICS if tracked else MEASURED_STATISTICS + bool(affine)


def kept_of_measured(wanted: Wanted, affine: Learned, learned: int, measured: int) -> Kept:
    """What a norm keeps that measures: its input, and a mean and a variance for each of so many parts.

    An addend that is `learned` alone, of so many numbers, has ones beside it as factors; its gradient needs nothing.
    """
    is_asked = wanted.of_inputs or (wanted.weights and learns_scale(affine))
    ones = learned * (wanted.of_inputs and affine == "shift")
    return Kept(inputs=(0,), numbers=2 * measured, shared_numbers=ones).if_(is_asked)


def named(affine: Learned, bias: bool = True) -> list[str]:
    """What a norm learns, by name."""
    if affine is False:
        return []
    if affine is True:
        return ["weight", "bias"] if bias else ["weight"]
    return ["weight"] if affine == "scale" else ["bias"]


def with_neutral(engine: Engine, affine: Learned, laid: list[Array]) -> list[Array]:
    """A factor before a learned addend that stands alone: one that changes nothing."""
    return [engine.numpy.ones_like(laid[0]), *laid] if affine == "shift" else laid


def learned(engine: Engine, affine: Learned, weights: Arrays, x: Array) -> list[Array]:
    """The learned factor and addend laid along the channels, where there are any."""
    laid = [engine.per_channel(weights[name], x) for name in named(affine)]
    return with_neutral(engine, affine, laid)


def laid_along(engine: Engine, axes: Sequence[int], arrays: Sequence[Array], x: Array) -> list[Array]:
    """Arrays with the sizes of some axes of x, in the order these are named, laid along them; the batch is axis 0."""
    sizes = [x.shape[axis] if axis in axes else 1 for axis in range(1, x.ndim)]
    ascending = [axes.index(axis) for axis in sorted(axes)]
    fitting = (engine.fitting(array, [x.shape[axis] for axis in axes]) for array in arrays)
    return [array.transpose(ascending).reshape(sizes) for array in fitting]


def on_last_axes(graph: OnnxGraph, x: str, shape: Shape, axes: Sequence[int], normalise: Callable[[str], str]) -> str:
    """The ONNX form of what works on any axes by an operator on the last ones, those named coming in their order."""
    along = [onnx_axis(axis, shape) for axis in axes]
    order = [*(axis for axis in range(len(shape) + 1) if axis not in along), *along]
    if order == list(range(len(shape) + 1)):
        return normalise(x)
    y = normalise(graph.node("Transpose", x, perm=order))
    return graph.node("Transpose", y, perm=[order.index(axis) for axis in range(len(order))])


def channels_normalised(engine: Engine, fields: Fields, weights: Arrays, x: Array, axes: Iterable[int]) -> Array:
    """Each channel normalised by the statistics that were kept, or else, and in training, by those of x along axes."""
    scale_and_shift = learned(engine, fields.affine, weights, x)
    if engine.training or not fields.track_running_stats:
        return engine.normalised(x, axes, fields.eps, *scale_and_shift)
    mean, variance = (engine.per_channel(weights[name], x) for name in ("running_mean", "running_var"))
    scale, shift = (variance + fields.eps) ** -0.5, 0
    if scale_and_shift:
        scale = scale * scale_and_shift[0]
        shift = scale_and_shift[1] if len(scale_and_shift) > 1 else 0
    return engine.chained([engine.numpy.multiply, engine.numpy.add], x, scale, shift - mean * scale)


LEARNED_FIELD = FlagOrWord("learn a scale and a shift for each channel, or one of them", options=LEARNED_WORDS)


class ChannelNorm(Normalisation, frozen=True, kw_only=True):
    """Each channel brought to mean 0 and variance 1, by statistics that training kept or by those of the input."""

    eps: Annotated[float, Real("added to the variance", minimum=0)] = 1e-5
    momentum: Annotated[float, Real("weight of a new batch in the running statistics", minimum=0, maximum=1)] = 0.1
    affine: Annotated[Learned, LEARNED_FIELD] = True
    track_running_stats: Annotated[bool, Flag("keep a mean and a variance for each channel")] = True

    samples: ClassVar = {"eps": EPS, "affine": LEARNED, "track_running_stats": FLAG}

    def weights(self, x: Shape) -> Weights:
        return scale_and_shift((x[0],), self.affine)

    def buffers(self, x: Shape) -> Weights:
        return running_statistics(x, self.track_running_stats)

    def elementwise_ops(self, x: Shape) -> int:
        return operations(self.affine, self.track_running_stats) * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """In training the input, and mean and variance of each channel."""
        return kept_of_measured(wanted, self.affine, x[0], x[0])

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0] if self.track_running_stats else fields[0].with_global(range(1, len(inputs[0])))

    def centres_channels(self, x: Shape) -> bool:
        return True
