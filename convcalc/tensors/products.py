"""Matrix products of windows: columns gathered, or products scattered, a block at a time in a buffer of a few MB.

BLAS has threads of its own, so it never runs while a crew works.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from convcalc.tensors.blocks import Block, Crew, blocks

Array = Any

BUFFERED = 1 << 20
"""Elements of the buffer for a product that BLAS spreads over its threads."""

BUFFERED_A_THREAD = 1 << 17
"""Elements of the buffer of a thread that multiplies on its own."""


def gathered(crew: Crew, rows: Array, columns: Array, output: Array) -> None:
    """Rows [groups, m, taps] times a view [batch, groups, *taps, *positions], into [batch, groups, m, *positions].

    Groups of one row are too little for BLAS: then every thread gathers and multiplies blocks of its own.
    """
    taps = rows.shape[2]
    alone = rows.shape[1] == 1 and object not in (rows.dtype, columns.dtype)

    def work(block: Block) -> None:
        samples, groups, *positions = block
        part = columns[(samples, groups, ..., *positions)]
        buffer = np.empty(part.shape, part.dtype)
        target = _flat(output[(samples, groups, slice(None), *positions)], 3)
        if alone:
            np.copyto(buffer, part)
            np.einsum("bgkn,gk->bgn", buffer.reshape(*part.shape[:2], taps, -1), rows[groups, 0], out=target[:, :, 0])
        else:
            crew.copy(buffer, part)
            np.matmul(rows[groups], buffer.reshape(*part.shape[:2], taps, -1), out=target)

    shape = (*output.shape[:2], *output.shape[3:])
    if alone:
        crew.share(work, shape, taps, BUFFERED_A_THREAD)
    else:
        for block in blocks(shape, BUFFERED // max(taps, 1)):
            work(block)


def scattered(crew: Crew, rows: Array, x: Array, output: Array, stride: Sequence[int], dilation: Sequence[int]) -> None:
    """Rows [groups, m, *kernel, in] times x [batch, groups, in, *positions], into [batch, groups, m, *places].

    A position and a tap meet at the place stride·position + dilation·tap.
    """
    rank = len(stride)
    kernel, sizes = rows.shape[2 : 2 + rank], x.shape[3:]
    for block in blocks((*output.shape[:3], *sizes), BUFFERED // max(math.prod(kernel), 1)):
        samples, groups, members, *positions = block
        chosen = rows[groups, members]
        part = _flat(x[(samples, groups, slice(None), *positions)], 3)
        product = np.matmul(chosen.reshape(chosen.shape[0], -1, chosen.shape[-1]), part)
        spans = [range(*span.indices(size)) for span, size in zip(positions, sizes, strict=True)]
        product = product.reshape(part.shape[0], *chosen.shape[:-1], *map(len, spans))
        _add(
            crew,
            product,
            output[samples, groups, members],
            [_places(*axis) for axis in zip(spans, kernel, stride, dilation, strict=True)],
        )


def _places(span: range, taps: int, stride: int, dilation: int) -> list[slice]:
    """Where each tap of an axis puts a span of positions."""
    first, last = span[0] * stride, span[-1] * stride
    return [slice(first + dilation * tap, last + dilation * tap + 1, stride) for tap in range(taps)]


def _add(crew: Crew, product: Array, target: Array, places: list[list[slice]]) -> None:
    """Add product [batch, groups, m, *kernel, *positions] to target, for each tap at its places."""
    taps = list(zip(np.ndindex(*map(len, places)), itertools.product(*places), strict=True))

    def work(block: Block) -> None:
        for tap, where in taps:
            target[(*block, *where)] += product[(*block, *tap)]

    crew.share(work, target.shape[:3], math.prod(target.shape[3:]))


def _flat(block: Array, axes: int) -> Array:
    """All axes after the first `axes` as one; of a block (see `blocks`) that is a view."""
    return block.reshape(*block.shape[:axes], -1)
