"""Arrays cut into blocks that stay in cache, and threads that work on several blocks at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

Block = tuple[slice, ...]
"""Slices of the leading axes; the axes after them are whole."""


def blocks(shape: Sequence[int], most: int) -> Iterator[Block]:
    """`shape` cut into blocks of about equal size, of at most `most` elements; the first axes are cut first.

    In each block the axes before the last that is cut have one position, so that its elements lie in one piece of a
    contiguous array.
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
    step = max(1, -(-size // -(-size // longest))) if size else 1
    for start in range(0, size, step):
        yield (slice(start, min(start + step, size)),)


class Crew:
    """Threads that share out blocks; the one that asks works along. NumPy lets go of the interpreter in the work."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._helpers = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def share(self, work: Callable[[Block], object], shape: Sequence[int], most: int, least: int = 8192) -> None:
        """Do `work` on every block of `shape`, of at most `most` elements, on fewer where that keeps a thread busy."""
        elements = math.prod(shape)
        each = max(least, -(-elements // self.threads))
        waiting = deque(blocks(shape, min(most, each)))
        if self._helpers is None or len(waiting) < 2:
            for block in waiting:
                work(block)
            return
        handling = np.geterr()  # each thread has its own

        def help_out() -> None:
            with np.errstate(**handling):
                _empty(waiting, work)

        helpers = [self._helpers.submit(help_out) for _ in range(min(self.threads, len(waiting)) - 1)]
        try:
            _empty(waiting, work)
        finally:
            waiting.clear()  # where this thread was stopped, the others stop too
            for helper in helpers:
                helper.result()


def _empty(waiting: deque[Block], work: Callable[[Block], object]) -> None:
    while waiting:
        try:
            block = waiting.popleft()
        except IndexError:  # another thread was faster
            return
        work(block)
