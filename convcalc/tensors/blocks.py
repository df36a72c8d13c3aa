"""Arrays cut into blocks that stay in cache, and threads that work on several blocks at a time."""

from __future__ import annotations

import itertools
import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import numpy as np

Block = tuple[slice, ...]
"""A slice of every axis."""

CACHED = 1 << 17
"""Elements that are worked on at a time, so that what is read again is still in cache."""

WORTH_A_THREAD = 1 << 18
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
    everything = (slice(None),) * len(rest)
    for start in range(0, size, max(1, step)):
        yield (slice(start, min(start + step, size)), *everything)


def part_of(array: Any, block: Block) -> Any:
    """A view of a block of an array that broadcasts and has all axes: every position of those along which it is 1."""
    return array[tuple(slice(None) if size == 1 else cut for size, cut in zip(array.shape, block, strict=True))]


class Crew:
    """Threads that share out blocks; the one that asks works along. NumPy lets go of the interpreter in the work."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._started = False

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
        rounds = -(-total // (self.threads * most)) if most else 1
        size = max(WORTH_A_THREAD if least is None else least, -(-total // (self.threads * max(rounds, 1))))
        size = min(size, most) if most else size
        task = _Task(work, list(blocks(shape, max(1, size // max(inner, 1)))))
        helpers = min(self.threads, len(task.blocks)) - 1
        if helpers > 0 and not self._started:
            self._start()
        for _ in range(helpers):
            self._tasks.put(task)
        task.run()
        while len(task.done) < len(task.blocks):
            time.sleep(1e-5)  # sooner over than being woken, and leaves the interpreter to the others
        if task.errors:
            raise task.errors[0]

    def _start(self) -> None:
        """The threads run until there is no crew any more."""
        self._started = True
        for _ in range(self.threads - 1):
            threading.Thread(target=_help, args=(self._tasks,), daemon=True).start()
            weakref.finalize(self, self._tasks.put, None)

    def copy(self, target: np.ndarray, source: np.ndarray) -> None:
        """Fill `target` with what `source`, of the same shape, holds."""

        def work(block: Block) -> None:
            np.copyto(target[block], source[block])

        self.share(work, target.shape)


class _Task:
    """Blocks to work on: each is taken by one thread, and dropped once something went wrong in any."""

    def __init__(self, work: Callable[[Block], object], blocks: list[Block]) -> None:
        self.work = work
        self.blocks = blocks
        self.done: list[int] = []
        self.errors: list[BaseException] = []
        self._next = itertools.count()
        self._handling = np.geterr()  # each thread has its own

    def run(self) -> None:
        """Work on blocks until none is left."""
        while (place := next(self._next)) < len(self.blocks):
            try:
                if not self.errors:
                    self.work(self.blocks[place])
            except BaseException as error:  # raised where the work was asked for
                self.errors.append(error)
            self.done.append(place)

    def help(self) -> None:
        """Run in a thread that was not asked for the work, and so has settings for floating point of its own."""
        with np.errstate(**self._handling):
            self.run()


def _help(tasks: SimpleQueue[_Task | None]) -> None:
    while (task := tasks.get()) is not None:
        task.help()
        del task  # holds arrays
