"""Layers whose weights are rounded to int8, as a parameter of theirs says."""

from __future__ import annotations

from convcalc.arithmetic.precision import FLOAT32, Format, format_of, is_bias
from convcalc.imports.ncnn.nodes import NcnnLayer

_TERMS = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise", "Convolution1D", "InnerProduct"), 8),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), 8),
    **dict.fromkeys(("Gemm", "MultiHeadAttention", "Embed", "SDPA"), 18),
}
"""The parameter that says that there are scales, by the type of a layer."""

_REQUANTISED = 100
"""From which the scale of what leaves is there too, so that whole numbers leave."""

_INT8 = format_of("int8")


def is_rounded(node: NcnnLayer) -> bool:
    """Whether a layer's weights are int8 in the file."""
    return _term(node) > 0


def _term(node: NcnnLayer) -> int:
    place = _TERMS.get(node.line.type)
    return 0 if place is None else node.integer(place)


def leaving(node: NcnnLayer) -> Format:
    """The format of what leaves a layer: whole numbers only where the layer behind it takes them."""
    return _INT8 if _term(node) > _REQUANTISED else FLOAT32


def of_array(node: NcnnLayer, array: str) -> Format:
    """The format of an array of a layer; a bias stays as it was."""
    return _INT8 if is_rounded(node) and not is_bias(array) else FLOAT32
