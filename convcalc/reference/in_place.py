"""Layers run in memory that is there: over a tensor that enters, or over what the layer before in the kernel made.

Nothing here takes the network's word that this can be done. A layer runs on a piece of its tensors after the other, and
each piece is written back before the next is read: what looks beyond its own place reads numbers that are no longer
there, and the values show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from convcalc.layers import Kind
from convcalc.tensors.engine import Array, Engine

_PIECES = 8
"""So many pieces a tensor is cut into at most: what is held beside it is one of them."""

Arrays = Mapping[str, Array]


def run_over(engine: Engine, config: Kind, fields: Any, arrays: Arrays, inputs: Sequence[Array], place: int) -> Array:
    """What a layer makes of its inputs, written over the one at `place`.

    One that is made of more than the elements at its place writes over nothing: what it gives is a view of what it
    read, or a tensor of its own.
    """
    target, reference = inputs[place], type(config).reference
    if not (config.is_elementwise or config.scales_channels):
        return reference(engine, fields, arrays, *inputs)
    for piece in _pieces(target.shape):
        target[piece] = reference(engine, fields, arrays, *(_part(array, piece, target.shape) for array in inputs))
    return target


def _pieces(shape: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Parts of a tensor, cut across its longest axis behind the channels, along which arrays lie; or all of it."""
    before = (slice(None),) * 2
    if len(shape) < 3:
        yield before[: len(shape)]
        return
    axis = max(range(2, len(shape)), key=shape.__getitem__)
    size = shape[axis]
    count = max(min(_PIECES, size), 1)
    for start, stop in pairwise(size * number // count for number in range(count + 1)):
        yield (*before, *(slice(None) for _ in range(2, axis)), slice(start, stop))


def _part(array: Array, piece: tuple[slice, ...], shape: Sequence[int]) -> Array:
    """What of an array that broadcasts to `shape` stands at a piece."""
    axis = len(piece) - 1
    is_cut = array.ndim > axis and array.shape[axis] == shape[axis]
    return array[piece] if is_cut else array


def own(array: Array, others: Sequence[Array]) -> Array:
    """The array, in memory that can be written to and that none of the others stands on."""
    if array.flags.writeable and array.flags.c_contiguous and not any(np.may_share_memory(array, o) for o in others):
        return array
    return array.copy()
