"""Memory for arrays, used again when nothing stands on it any more: fresh pages cost more than most layers."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any

WORTH_KEEPING_BYTES = range(1 << 16, 1 << 23)
"""Below, the allocator of the process is as good; above, NumPy asks the system for huge pages, which are few."""


MOST_TIMES_LARGER = 2
"""A piece of memory for an array, at most: a small array that stays would hold all of a large piece."""


class Memory:
    """Where large arrays come from. What is free is kept until an array comes that none of it is right for.

    So memory never exceeds what lived at one time, but by what pieces are larger than the arrays that stand on them.
    """

    def __init__(self) -> None:
        self._free: list[Array] = []
        self._taking = threading.Lock()

    def empty(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        """An array that is not filled. Its memory is free again when it and all views of it are gone."""
        size = math.prod(shape) * dtype.itemsize
        if size not in WORTH_KEEPING_BYTES or dtype.hasobject:
            return np.empty(shape, dtype)
        lease = _Lease(self._taken(size), self._free)
        return np.asarray(lease)[:size].view(dtype).reshape(shape)

    def _taken(self, size: int) -> Array:
        with self._taking:
            right = range(size, MOST_TIMES_LARGER * size + 1)
            fitting = [place for place, piece in enumerate(self._free) if piece.size in right]
            if fitting:
                return self._free.pop(min(fitting, key=lambda place: self._free[place].size))
            self._free.clear()
        return np.empty(size, np.uint8)


class _Lease:
    """Holds memory for the arrays that have this as their base, and gives it back after them."""

    def __init__(self, memory: Array, home: list[Array]) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._memory, self._home = memory, home

    def __del__(self) -> None:
        self._home.append(self._memory)
