"""Arrays that were folded, held against what the layers that were folded make of them.

What a layer gives for an impulse is its weights of that tap, and for no input its bias. So the layers behind it, run on
these by their own references, give the weights and the bias that the kernel must have: all but what is rounded, however
little it shows in a tensor. It is done in float64, some taps at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from convcalc.fusing import Fusion
from convcalc.reference.against import ValueCheck, apart
from convcalc.reference.execution import run_layer
from convcalc.reference.folded import Arrays, KernelWeights
from convcalc.tensors.engine import Array, Engine

_ROUNDINGS = 4
"""What is rounded on the way to a number, in units of its precision, with room."""

_DOUBLE = 64 * float(np.finfo(np.float64).eps)
"""What rounding in float64 comes to, as a share of the largest number there is."""

_TOGETHER = 1 << 17
"""Weights that are worked on at a time."""


def check_folded(fusion: Fusion, index: int, weights: KernelWeights) -> ValueCheck | None:
    """The arrays of a kernel; differences are relative to the number that is right. None where nothing is folded."""
    part, network = fusion.parts[index], fusion.original
    if not part.folded:
        return None
    layers = [(network.nodes[place].config, weights.weights.of(place)) for place in part.folded]
    head, config, arrays = weights.weights.of(part.first), network.nodes[part.first].config, weights.of(index)
    weight, made = _responses(config, head["weight"]), _responses(config, arrays["weight"])
    nothing = _through(layers, np.zeros((weight.shape[0], 1)))
    bias = _through(layers, head["bias"][:, None]) if "bias" in head else nothing
    exact, beside = _ROUNDINGS * float(np.finfo(weight.dtype).eps), float(np.abs(nothing).max(initial=0.0))
    made_bias = arrays["bias"][:, None] if "bias" in arrays else np.zeros_like(bias)
    differences = [_relative(bias, made_bias, exact, beside)]
    for taps in _some(weight):
        right = _through(layers, weight[:, taps]) - nothing
        differences.append(_relative(right, made[:, taps], exact, beside))
    return ValueCheck(index, tuple(weight.shape), max(differences), exact)


def _responses(config: Any, weight: Array) -> Array:
    """The weights as [channels that leave, taps]."""
    if not config.is_transposed:
        return weight.reshape(weight.shape[0], -1)
    of_groups = weight.reshape(config.groups, weight.shape[0] // config.groups, weight.shape[1], -1)
    return of_groups.transpose(0, 2, 1, 3).reshape(config.groups * weight.shape[1], -1)


def _some(weight: Array) -> Iterator[slice]:
    step = max(_TOGETHER // max(weight.shape[0], 1), 1)
    return (slice(start, start + step) for start in range(0, weight.shape[1], step))


def _through(layers: list[tuple[Any, Arrays]], x: Array) -> Array:
    """What layers make of [channels, samples]."""
    x = x[None].astype(np.float64)
    for config, arrays in layers:
        x, _ = run_layer(Engine(), config, {name: np.asarray(a, np.float64) for name, a in arrays.items()}, [x])
    return x[0]


def _relative(right: Array, made: Array, exact: float, beside: float) -> float:
    """The largest difference, as a share of the number that is right; `beside` was taken from it, and rounded with it.

    What float64 does not resolve is no difference.
    """
    size = np.abs(right)
    unresolved = _DOUBLE / exact * max(beside, float(size.max(initial=0.0)))
    return (
        apart(right, made) if not unresolved else float((np.abs(right - made) / (size + unresolved)).max(initial=0.0))
    )
