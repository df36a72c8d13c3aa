"""Arrays cut into blocks that stay in cache, and threads that work on several blocks at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

Block = tuple[slice, ...]
"""A slice of every axis."""

CACHED = 1 << 17
"""Elements that are worked on at a time, so that what is read again is still in cache."""

WORTH_A_THREAD = 1 << 17
"""Elements below which work is not divided for the sake of a thread."""


def blocks(shape: Sequence[int], most: int) -> Iterator[Block]:
    """`shape` cut into blocks of about equal size, of at most `most` elements; the first axes are cut first.

    In a block every axis before the last that is cut has one position, so that a block of a contiguous array is
    contiguous.
    """
    if not shape:
        yield ()
        return
    size, *rest = shape
    inner = math.prod(rest)
    if inner > most:
        for start in range(size):
            yield from ((slice(start, start + 1), *cut) for cut in blocks(rest, most))
        return
    longest = max(1, most // max(inner, 1))
    step = -(-size // max(1, -(-size // longest)))
    whole = (slice(None),) * len(rest)
    for start in range(0, size, max(1, step)):
        yield (slice(start, min(start + step, size)), *whole)


class Crew:
    """Threads that share out blocks; the one that asks works along. NumPy lets go of the interpreter in the work."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._helpers = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def share(
        self,
        work: Callable[[Block], object],
        shape: Sequence[int],
        inner: int = 1,
        most: int | None = None,
        least: int | None = None,
    ) -> None:
        """Do `work` on every block of `shape`, each position of which stands for `inner` units of it.

        A block is of at most `most` units (unless a position alone has more), and of fewer, but not below `least`,
        where a thread would have nothing to do.
        """
        total = math.prod(shape) * inner
        each = max(WORTH_A_THREAD if least is None else least, -(-total // self.threads))
        waiting = deque(blocks(shape, max(1, min(each if most is None else most, each) // max(inner, 1))))
        if self._helpers is None or len(waiting) < 2:
            _empty(waiting, work)
            return
        handling = np.geterr()  # each thread has its own

        def help_out() -> None:
            with np.errstate(**handling):
                _empty(waiting, work)

        helpers = [self._helpers.submit(help_out) for _ in range(min(self.threads, len(waiting)) - 1)]
        try:
            _empty(waiting, work)
        finally:
            for helper in helpers:
                helper.result()

    def copy(self, target: np.ndarray, source: np.ndarray) -> None:
        """Fill `target` with what `source`, of the same shape, holds."""

        def work(block: Block) -> None:
            np.copyto(target[block], source[block])

        self.share(work, target.shape)


def _empty(waiting: deque[Block], work: Callable[[Block], object]) -> None:
    try:
        while (block := _next(waiting)) is not None:
            work(block)
    finally:
        waiting.clear()  # where a thread is stopped, the others stop too


def _next(waiting: deque[Block]) -> Block | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None
