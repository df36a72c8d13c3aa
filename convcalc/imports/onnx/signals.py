"""Tables that the processing of signals begins with: windows and the weights of mel bands, of sizes that are known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import cos, pi

from convcalc.imports.arrays import checked
from convcalc.imports.onnx import arithmetic
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.reading import FLOAT, MOST_NUMBERS
from convcalc.imports.onnx.values import Call


def _window(call: Call, weights: tuple[float, ...]) -> list[Constant]:
    """Cosines of whole periods, weighed; a window that is not periodic has its end in it."""
    size = call.constant(0, "a size").integers()[0]
    element_type = call.attributes.integer("output_datatype", FLOAT)
    shape = checked((size,))
    if size > MOST_NUMBERS:
        return [Constant(shape, element_type)]
    length = size if call.flag("periodic", 1) else max(size - 1, 1)
    numbers = [
        sum(weight * cos(2 * pi * periods * place / length) for periods, weight in enumerate(weights))
        for place in range(size)
    ]
    return [Constant(shape, element_type, arithmetic.stored(numbers, element_type))]


def _mel_weights(call: Call) -> list[Constant]:
    """What each frequency of a spectrum adds to each band; the numbers are not worked out."""
    bands, length = (call.constant(index, "a size").integers()[0] for index in (0, 1))
    return [Constant(checked((length // 2 + 1, bands)), call.attributes.integer("output_datatype", FLOAT))]


SIGNALS: dict[str, Callable[[Call], list[Constant]]] = {
    "HannWindow": partial(_window, weights=(0.5, -0.5)),
    "HammingWindow": partial(_window, weights=(25 / 46, -21 / 46)),
    "BlackmanWindow": partial(_window, weights=(0.42, -0.5, 0.08)),
    "MelWeightMatrix": _mel_weights,
}
