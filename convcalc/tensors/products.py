"""Matrix products, a block a thread: windows are gathered, or products scattered, in buffers that stay in cache."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from convcalc.tensors.blocks import Block, Crew, blocks
from convcalc.tensors.memory import Memory

Array = Any

BUFFERED = 1 << 18
"""Elements of the buffer of a thread."""

ROWS = 256
"""Rows of a matrix that are enough for a product to run at full speed."""

WIDE = 512
"""Columns of a matrix that are enough for a product to run at full speed, and few enough to stay in cache."""

SIDE_BY_SIDE = 64
"""Channels that are enough for a run of them to be worked on at full speed."""

WORTH_A_THREAD = 1 << 22
"""Multiplications below which a product is not divided for the sake of a thread."""

SCALED_WORTH_A_THREAD = 1 << 19
"""The same, where each is made by itself and no matrices are."""


class Products:
    """Makes matrix products, and counts what each multiplies where it is made, block by block, in whatever thread."""

    def __init__(self, memory: Memory) -> None:
        self.multiplications = 0
        self._counting = threading.Lock()
        self._memory = memory

    def _make(self, a: Array, b: Array, output: Array) -> None:
        """One product, m x k by k x n for each of a stack: every element that is written takes k multiplications."""
        if a.shape[-1] == 1:  # each row is a multiple of the same: nothing for a library of matrices
            np.multiply(a, b, out=output)
        else:
            np.matmul(a, b, out=output)
        with self._counting:
            self.multiplications += output.size * a.shape[-1]

    def _scale(self, a: Array, factors: Array, output: Array) -> None:
        """Elements times the factors of their channels, which lie last; each is one multiplication."""
        np.multiply(a, factors, out=output)
        with self._counting:
            self.multiplications += output.size

    def multiplied(self, crew: Crew, a: Array, b: Array, output: Array) -> None:
        """Matrices a times matrices b, those before the last two axes broadcast; the longer side is shared out."""
        *stack, m, n = output.shape
        if output.size * a.shape[-1] < 2 * WORTH_A_THREAD:
            self._make(a, b, output)
            return
        a = np.broadcast_to(a, (*stack, *a.shape[-2:]))
        b = np.broadcast_to(b, (*stack, *b.shape[-2:]))

        def work(block: Block) -> None:
            *matrices, longer, shorter = block
            rows, columns = (longer, shorter) if m >= n else (shorter, longer)
            self._make(a[(*matrices, rows)], b[(*matrices, slice(None), columns)], output[(*matrices, rows, columns)])

        crew.share(work, (*stack, max(m, n), min(m, n)), a.shape[-1], least=WORTH_A_THREAD)

    def gathered(self, crew: Crew, rows: Array, columns: Array, output: Array) -> None:
        """Rows [groups, m, taps] times a view [batch, groups, *taps, *positions], into [batch, groups, m, *places]."""
        taps = rows.shape[2]

        def work(block: Block) -> None:
            samples, groups, *positions = block
            part = columns[(samples, groups, ..., *positions)]
            target, rank = _flat(output[(samples, groups, slice(None), *positions)], 3), len(positions)
            if last := _longest_run(part.shape[2 : part.ndim - rank]) > _longest_run(part.shape[part.ndim - rank :]):
                part = part.transpose(0, 1, *range(-rank, 0), *range(2, part.ndim - rank))  # taps last
            buffer = self._memory.empty(part.shape, part.dtype)
            np.copyto(buffer, part)
            matrices = buffer.reshape(*part.shape[:2], *((-1, taps) if last else (taps, -1)))
            self._make(rows[groups], matrices.swapaxes(2, 3) if last else matrices, target)

        least = WORTH_A_THREAD // rows.shape[1]  # of columns: each is multiplied with every row
        crew.share(work, (*output.shape[:2], *output.shape[3:]), taps, most=BUFFERED, least=least)

    def correlated(self, crew: Crew, gradient: Array, columns: Array, output: Array) -> None:
        """What the rows of `gathered` get back: gradient [batch, groups, m, *positions] times a view of columns.

        The view is [batch, groups, *taps, *positions], the output [groups, m, *taps]; samples and positions are summed.
        Taps are shared out, so that no two threads write the same memory.
        """
        if len(gradient) == 1 and columns.flags.c_contiguous:
            flat = columns.reshape(len(output), -1, math.prod(gradient.shape[3:]))
            self.multiplied(crew, _flat(gradient[0], 2), flat.swapaxes(1, 2), _flat(output, 2))
            return
        rank = gradient.ndim - 3
        sizes, groups_at = (gradient.shape[0], *gradient.shape[3:]), gradient.swapaxes(0, 1)
        taken = columns.transpose(1, *range(2, columns.ndim - rank), 0, *range(columns.ndim - rank, columns.ndim))

        def work(block: Block) -> None:
            groups, *taps = block
            target = _flat(output[(groups, slice(None), *taps)], 2)  # a view, as taps of a block lie side by side
            width = target.shape[2]
            for number, places in enumerate(blocks(sizes, max(1, BUFFERED // max(1, width * target.shape[0])))):
                part = taken[(*block, *places)]
                buffer = self._memory.empty(part.shape, part.dtype)
                np.copyto(buffer, part)
                samples, *positions = places
                rows = _flat(np.moveaxis(groups_at[(groups, samples, slice(None), *positions)], 1, 2), 2)
                matrices = buffer.reshape(buffer.shape[0], width, -1).swapaxes(1, 2)
                if number:
                    product = self._memory.empty(target.shape, output.dtype)
                    self._make(rows, matrices, product)
                    target += product
                else:
                    self._make(rows, matrices, target)

        shape = (output.shape[0], *output.shape[2:])
        least = max(1, WORTH_A_THREAD // output.shape[1])  # of columns: each is multiplied with every row
        crew.share(work, shape, math.prod(sizes), most=max(BUFFERED, WIDE * math.prod(sizes)), least=least)

    def scattered(
        self, crew: Crew, rows: Array, x: Array, output: Array, stride: Sequence[int], dilation: Sequence[int]
    ) -> None:
        """Rows [groups, m, *kernel, in] times x [batch, groups, in, *positions], into [batch, groups, m, *places].

        A position and a tap meet at the place stride·position + dilation·tap, where all that meet there is added up.
        """
        *kernel, members = rows.shape[2:]
        sizes, taps = x.shape[3:], math.prod(kernel)
        if rows.shape[1] == members == 1:
            self._scattered_apart(crew, rows[:, 0, ..., 0], x[:, :, 0], output[:, :, 0], stride, dilation)
            return
        if taps == 1 and output.shape[3:] == sizes:  # one to one, whatever the stride
            self.multiplied(crew, rows.reshape(*rows.shape[:2], members), _flat(x, 3), _flat(output, 3))
            return

        def work(block: Block) -> None:
            samples, groups, chosen = block
            part = rows[groups, chosen]
            matrix, target = part.reshape(part.shape[0], -1, members), output[block]
            target[...] = 0
            for positions in blocks(sizes, max(1, BUFFERED // math.prod(target.shape[:3]) // taps)):
                spans = [range(*span.indices(size)) for span, size in zip(positions, sizes, strict=True)]
                product = self._memory.empty((*target.shape[:3], *kernel, *map(len, spans)), output.dtype)
                entering = _flat(x[(samples, groups, slice(None), *positions)], 3)
                self._make(matrix, entering, product.reshape(*target.shape[:2], matrix.shape[1], -1))
                places = [_places(*axis) for axis in zip(spans, kernel, stride, dilation, strict=True)]
                for tap, place in zip(np.ndindex(*kernel), itertools.product(*places), strict=True):
                    target[(..., *place)] += product[(slice(None), slice(None), slice(None), *tap)]

        cost = taps * members * math.prod(sizes)
        crew.share(work, output.shape[:3], cost, most=cost * ROWS // taps, least=WORTH_A_THREAD)

    def _scattered_apart(
        self, crew: Crew, rows: Array, x: Array, output: Array, stride: Sequence[int], dilation: Sequence[int]
    ) -> None:
        """As `scattered`, where every channel is alone: rows [channels, *kernel], x [batch, channels, *positions].

        Channels lie last on the way, so that what is multiplied and added up are long runs however few positions are.
        """
        sizes, places, kernel = x.shape[2:], output.shape[2:], rows.shape[1:]
        factors = np.ascontiguousarray(np.moveaxis(rows, 0, -1))

        def work(block: Block) -> None:
            channels = block[1]
            for sample in range(len(x))[block[0]]:
                entering = np.moveaxis(x[sample, channels], 0, -1)
                target = self._memory.empty((*places, entering.shape[-1]), output.dtype)
                target[...] = 0
                for positions in blocks(sizes, max(1, BUFFERED // entering.shape[-1])):
                    part = entering[tuple(positions)]
                    buffer, product = (self._memory.empty(part.shape, dtype) for dtype in (x.dtype, output.dtype))
                    np.copyto(buffer, part)
                    spans = [range(*span.indices(size)) for span, size in zip(positions, sizes, strict=True)]
                    axes = [_places(*axis) for axis in zip(spans, kernel, stride, dilation, strict=True)]
                    for tap, place in zip(np.ndindex(*kernel), itertools.product(*axes), strict=True):
                        self._scale(buffer, factors[(*tap, channels)], product)
                        target[place] += product
                output[sample, channels] = np.moveaxis(target, -1, 0)

        cost = math.prod(kernel) * math.prod(sizes)
        most = max(SIDE_BY_SIDE, 4 * BUFFERED // math.prod(places))
        crew.share(work, x.shape[:2], cost, most=cost * most, least=SCALED_WORTH_A_THREAD)


def _places(span: range, taps: int, stride: int, dilation: int) -> list[slice]:
    """Where each tap of an axis puts a span of positions."""
    first, last = span[0] * stride, span[-1] * stride
    return [slice(first + dilation * tap, last + dilation * tap + 1, stride) for tap in range(taps)]


def _longest_run(sizes: Sequence[int]) -> int:
    """How many elements of these axes, the last of them innermost, are copied in one go."""
    return next((size for size in reversed(sizes) if size > 1), 1)


def _flat(block: Array, axes: int) -> Array:
    """All axes after the first `axes` as one; of a block of a contiguous array that is a view."""
    return block.reshape(*block.shape[:axes], -1)
