"""Points drawn from a space: by number, so that any run of them can be worked out by itself, and each once."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from convcalc.sweeping.evaluation import Array

_LARGEST = 2**62
"""Points of a space of which each is drawn at most once; of larger ones hardly any is met twice."""
_ROUNDS = 4


class Draws:
    """A random order of the points of a space of which axes have `lengths`.

    The number of a point is scrambled by a Feistel network over the next even power of two, again and again until it
    is one of a point (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
    """

    def __init__(self, lengths: Sequence[int], seed: int) -> None:
        self.lengths = tuple(lengths)
        self.size = prod(lengths)
        self._half = max((self.size - 1).bit_length() + 1, 2) // 2
        self._keys = np.random.default_rng(seed).integers(2**63, size=max(_ROUNDS, len(lengths)), dtype=np.uint64)

    def places_of(self, draws: Array) -> list[Array]:
        """The place on every axis of draws, by number."""
        if self.size > _LARGEST:
            keys = self._keys[: len(self.lengths)]
            drawn = (_mixed(draws, key) % np.uint64(length) for key, length in zip(keys, self.lengths, strict=True))
            return [places.astype(np.int64) for places in drawn]  # as NumPy 1 takes no others for places
        return places_of(self._scrambled(draws), self.lengths)

    def _scrambled(self, draws: Array) -> Array:
        numbers = self._once(draws.astype(np.uint64))
        outside = numbers >= self.size
        while outside.any():
            numbers[outside] = self._once(numbers[outside])
            outside = numbers >= self.size
        return numbers.astype(np.int64)

    def _once(self, numbers: Array) -> Array:
        bits = np.uint64(self._half)
        mask = np.uint64(2**self._half - 1)
        left, right = numbers >> bits, numbers & mask
        for key in self._keys[:_ROUNDS]:
            left, right = right, left ^ (_mixed(right, key) & mask)
        return (left << bits) | right


def _mixed(numbers: Array, key: Any) -> Array:
    """Numbers of 64 bits, each in a place of its own that looks random (the finaliser of SplitMix64, Steele 2014)."""
    mixed = numbers.astype(np.uint64) ^ key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def places_of(numbers: Array, lengths: Sequence[int]) -> list[Array]:
    """The place on every axis of points by number, the last axis moving fastest."""
    places = []
    for length in reversed(lengths):
        numbers, place = np.divmod(numbers, length)
        places.append(place)
    return places[::-1]
