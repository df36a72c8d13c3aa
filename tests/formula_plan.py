"""A plan whose points are worked out by a formula: what a sweep keeps of them is known another way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from convcalc.sweeping.axes import Axis, Space
from convcalc.sweeping.point_blocks import PointBlock, Refusal

MODULUS = 1_000_003


class FormulaPlan(Struct):
    """Points have two keys. Those that satisfy are not divisible by 3, and one in `every` is refused."""

    points: int = 1_000_000
    objectives: int = 0
    every: int = 50_021
    chunk: int = 2**17
    draws: Any = None
    unmoved: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def space(self) -> Space:
        return Space((Axis("place", range(self.points)),))

    def numbers(self, first: int, count: int) -> tuple[Any, Any]:
        numbers = np.arange(first, first + count)
        is_refused = numbers % self.every == self.every - 1
        return numbers, is_refused

    def block(self, first: int, count: int) -> PointBlock:
        numbers, is_refused = self.numbers(first, count)
        refused = numbers[is_refused]
        refusals = [
            Refusal("CC101", f"layer.{kind}: size {numbers_of[0]} does not fit", int(numbers_of[0]), len(numbers_of))
            for kind in (0, 1)
            if len(numbers_of := refused[refused % 2 == kind])
        ]
        numbers = numbers[~is_refused & (numbers % 3 > 0)]
        return PointBlock(count, numbers, (first_of(numbers), second_of(numbers)), tuple(refusals))

    def rows(self, numbers: Sequence[int]) -> dict[str, list[Any]]:
        array = np.asarray(numbers, dtype=np.int64)
        is_refused = (array % self.every == self.every - 1).tolist()
        macs = [None if refused else value for refused, value in zip(is_refused, first_of(array).tolist(), strict=True)]
        return {"place": list(numbers), "macs": macs, "params": second_of(array).tolist()}

    def reason(self, number: int) -> str:
        return f"layer.{number % 2}: size {number} does not fit" if number % self.every == self.every - 1 else ""

    def point(self, number: int) -> dict[str, Any]:
        return {"place": number}


def first_of(numbers: Any) -> Any:
    return numbers * 7919 % MODULUS // 1000


def second_of(numbers: Any) -> Any:
    return numbers * 104_729 % MODULUS // 1000


def everything(plan: FormulaPlan) -> list[tuple[int, int, int]]:
    """All points that satisfy, with their keys, by Python's own integers."""
    return [
        (number, number * 7919 % MODULUS // 1000, number * 104_729 % MODULUS // 1000)
        for number in range(plan.points)
        if number % 3 and number % plan.every != plan.every - 1
    ]
