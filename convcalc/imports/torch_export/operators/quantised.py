"""Tensors that are rounded to few bits and brought back: they stay as they are, and are held in so many bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.arithmetic.precision import MOST_BITS, Format, integer
from convcalc.imports.onnx.reading import FLOAT

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall

_BYTE = 255
"""The distance of the least and the most that a number of eight bits may be."""


def _held(given: TorchCall) -> Format:
    """The whole numbers of as many bits as tell the least from the most; tensors of bytes where neither is a number."""
    least, most = given.argument("quant_min"), given.argument("quant_max")
    distance = most - least if isinstance(least, int) and isinstance(most, int) and most > least else _BYTE
    return integer(min(distance.bit_length(), MOST_BITS))


def _rounded(given: TorchCall) -> None:
    """A tensor that is rounded is held so from where it is made; a weight is, as training leaves it."""
    translation, x = given.translation, given.x
    (translation.held if x in translation.stored else translation.rounded)[x] = _held(given)
    given.leaves("Identity", x)


def _brought_back(given: TorchCall) -> None:
    """What was rounded as numbers with fractions; an array that the file has rounded is a weight."""
    translation, x = given.translation, given.x
    if x in translation.stored:
        shape, _, numbers = translation.stored[x]
        translation.stored[x] = shape, FLOAT, numbers
        translation.held[x] = _held(given)
        translation.graph.learned[x] = True
    given.leaves("Identity", x)


_WHERE = ("per_tensor", "per_channel", "per_token", "per_channel_group")

RULES = {
    **{f"quantized_decomposed.quantize_{where}.{form}": _rounded for where in _WHERE for form in ("default", "tensor")},
    **{
        f"quantized_decomposed.dequantize_{where}.{form}": _brought_back
        for where in _WHERE
        for form in ("default", "tensor")
    },
    "fake_quantize_per_tensor_affine": _rounded,
    "fake_quantize_per_channel_affine": _rounded,
}
