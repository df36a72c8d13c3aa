"""Conditions that several kinds share, with the words that say how to meet them."""

from collections.abc import Iterator, Sequence

from convcalc.arithmetic.number import greatest_common_divisor
from convcalc.arithmetic.window import Window
from convcalc.layers import Check, Shape


def fits(windows: Sequence[Window], x: Shape) -> Iterator[Check]:
    """A window must fit its padded axis at least once (CC101)."""
    for axis, (window, size) in enumerate(zip(windows, x[1:], strict=True)):
        yield Check(
            window.extent <= size + window.before + window.after,
            "CC101",
            "kernel_size",
            _too_wide,
            (window, size, axis),
        )


def _too_wide(window: Window, size: int, axis: int) -> str:
    padded = size + window.before + window.after
    spans = "" if window.dilation == 1 else f" at dilation {window.dilation} spans {window.extent} positions and"
    sum_ = f" = {window.before} + {size} + {window.after}" if padded != size else ""
    legal = (padded - 1) // window.dilation + 1
    return (
        f"kernel_size {window.kernel}{spans} does not fit spatial axis {axis} of {padded}{sum_}; legal here: "
        f"kernel_size up to {legal}, or an axis of at least {window.extent - window.before - window.after} entering"
    )


def divides(divisor: int, dividend: int, field: str, what: str) -> Check:
    """`divisor`, the value of `field`, must divide `dividend` (CC102)."""
    return Check(
        dividend % divisor == 0,
        "CC102",
        field,
        lambda: f"{field} {divisor} does not divide {what} {dividend}; legal here: {_listed(divisors(dividend))}",
    )


def grouped(groups: int, in_channels: int, out_channels: int) -> Check:
    """Groups must divide the channels on both sides (CC102)."""
    return Check(
        (in_channels % groups == 0) & (out_channels % groups == 0),
        "CC102",
        "groups",
        lambda: (
            f"groups {groups} does not divide both in_channels {in_channels} and out_channels {out_channels}; "
            f"legal here: {_listed(divisors(greatest_common_divisor(in_channels, out_channels)))}"
        ),
    )


def axes_exist(axes: Sequence[int], x: Shape, field: str) -> Iterator[Check]:
    """Every axis must be one that the tensor has, and named once (CC011)."""
    rank = len(x)
    for axis in axes:
        yield Check(
            -rank <= axis < rank,
            "CC011",
            field,
            lambda axis=axis: (
                f"axis {axis} does not exist in a tensor of {rank} axes; legal here: {-rank} to {rank - 1}"
            ),
        )
    yield Check(
        len({axis % rank for axis in axes}) == len(axes),
        "CC011",
        field,
        lambda: f"an axis is named twice in {list(axes)}",
    )


def divisors(number: int) -> list[int]:
    """The divisors of a number, ascending."""
    low = [divisor for divisor in range(1, min(int(number**0.5) + 1, 100_000)) if number % divisor == 0]
    return low + [number // divisor for divisor in reversed(low) if divisor * divisor != number]


def _listed(numbers: list[int]) -> str:
    if len(numbers) <= 12:
        return ", ".join(map(str, numbers))
    return ", ".join([*map(str, numbers[:8]), "...", *map(str, numbers[-3:])])
