"""Makings worked out: from the arrays that a model file stores to the one that a layer uses."""

from __future__ import annotations

from math import prod
from typing import Protocol

import numpy as np

from convcalc.imports.errors import plain
from convcalc.imports.makings import ABSENT, KnownNumbers, MadeNumbers, Making, StoredNumbers
from convcalc.imports.onnx.stored import NoNumbers
from convcalc.layers import Array
from convcalc.reference.loaded.operations import OPERATIONS

_MOST_NUMBERS = 2**31
"""Numbers of an array that is made or read on the way to a weight."""


class StoredArrays(Protocol):
    """Where the stored arrays of makings are: a model's file."""

    def array(self, stored: StoredNumbers) -> Array:
        """The array at a place, in the type that the file has it in."""


class Evaluation:
    """Works out makings of one file.

    What is stored is copied once, to where a processor reads it fast, and layers that use the same have the same.
    Nothing on the way, stored or made, has more than `most_numbers`: a file of some bytes may say so.
    """

    def __init__(self, file: StoredArrays, most_numbers: int = _MOST_NUMBERS) -> None:
        self.file, self.most_numbers = file, most_numbers
        self._stored: dict[tuple[int, int], Array] = {}

    def array(self, making: Making) -> Array:
        """The numbers, in the type that they come out in.

        Raises:
            NoNumbers: the file does not have them, or they are worked out in a way that is not known here.
        """
        if prod(making.shape) > self.most_numbers:
            raise NoNumbers(f"an array of shape {list(making.shape)} is on the way to it, which is too large")
        if isinstance(making, StoredNumbers):
            if making.place not in self._stored:
                self._stored[making.place] = np.array(self.file.array(making))
            return self._stored[making.place]
        if isinstance(making, KnownNumbers):
            return np.array(np.frombuffer(making.packed, making.letter)).reshape(making.shape)
        return self._made(making)

    def _made(self, making: MadeNumbers) -> Array:
        if making.operation == "unmade":
            raise NoNumbers(f"its numbers are {making.settings['reason']}, and not worked out")
        operation = OPERATIONS.get(making.operation)
        if operation is None or making.settings.get("output"):
            raise NoNumbers(f"it is worked out by {plain(making.operation)}, which is not done to weights here")
        operands = [None if operand is ABSENT or operand == ABSENT else self.array(operand) for operand in making.of]
        try:
            with np.errstate(all="ignore"):  # what no number comes of is none in the model either
                array = np.asarray(operation(making.shape, making.settings, *operands))
        except MemoryError:
            raise NoNumbers(f"an array of shape {list(making.shape)} on the way does not fit into memory") from None
        except (ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError, OverflowError):
            raise NoNumbers(f"what {plain(making.operation)} makes of it is not as ONNX has it") from None
        if array.shape != making.shape:
            raise NoNumbers(
                f"{plain(making.operation)} leaves {list(array.shape)}, where {list(making.shape)} was read"
            )
        return array
