"""Conditions that several kinds share, with the words that say how to meet them."""

from collections.abc import Iterator, Sequence

from convcalc.arithmetic.number import greatest_common_divisor
from convcalc.arithmetic.window import Pair, Window
from convcalc.layers import Check, Shape


def fits(windows: Sequence[Window], x: Shape) -> Iterator[Check]:
    """A window must fit its padded axis at least once (CC101)."""
    for axis, (window, size) in enumerate(zip(windows, x[1:], strict=True)):
        padded = size + window.before + window.after
        yield Check(window.extent <= padded, "CC101", "kernel_size", _too_wide, (window, padded, size, axis))


def _too_wide(window: Window, padded: int, size: int, axis: int) -> str:
    spans = "" if window.dilation == 1 else f" at dilation {window.dilation} spans {window.extent} positions and"
    sum_ = f" = {window.before} + {size} + {window.after}" if padded != size else ""
    legal = (padded - 1) // window.dilation + 1
    return (
        f"kernel_size {window.kernel}{spans} does not fit spatial axis {axis} of {padded}{sum_}; legal here: "
        f"kernel_size up to {legal}, or an axis of at least {window.extent - window.before - window.after} entering"
    )


def room_to_pad(mode: str, padding: Sequence[Pair], x: Shape) -> Iterator[Check]:
    """Padding copied from the axis itself must find enough of it there (CC101)."""
    if mode not in {"reflect", "circular"}:
        return
    room = 1 if mode == "reflect" else 0
    for pair, size in zip(padding, x[1:], strict=True):
        for pad in pair:
            yield Check(pad <= size - room, "CC101", "padding", _too_padded, (mode, pad, room, size))


def _too_padded(mode: str, pad: int, room: int, size: int) -> str:
    return (
        f"{mode} padding of {pad} needs an axis of at least {pad + room}, found {size}; legal here: 0 to {size - room}"
    )


def has_positions(x: Shape) -> Check:
    """There must be an axis beside the channels (CC013)."""
    return Check(len(x) > 1, "CC013", "", _channels_alone, (x,))


def _channels_alone(x: Shape) -> str:
    return f"works on positions, and a tensor of shape {list(x)} has channels alone; legal here: 2 axes or more"


def one_of_two(first: object, second: object, names: tuple[str, str]) -> Check:
    """Of two fields that say the same thing, one must be given (CC012)."""
    return Check((first is None) != (second is None), "CC012", names[0], _not_one, (first is None, *names))


def _not_one(is_neither: bool, first: str, second: str) -> str:
    count, verb = ("neither", "is") if is_neither else ("both", "are")
    return f"{count} of {first} and {second} {verb} given; legal here: exactly one of them"


def divides(divisor: int, dividend: int, field: str, what: str) -> Check:
    """`divisor`, the value of `field`, must divide `dividend` (CC102)."""
    return Check(dividend % divisor == 0, "CC102", field, _undivided, (divisor, dividend, field, what))


def _undivided(divisor: int, dividend: int, field: str, what: str) -> str:
    return f"{field} {divisor} does not divide {what} {dividend}; legal here: {_listed(divisors(dividend))}"


def grouped(groups: int, in_channels: int, out_channels: int) -> Check:
    """Groups must divide the channels on both sides (CC102)."""
    divide_both = (in_channels % groups == 0) & (out_channels % groups == 0)
    return Check(divide_both, "CC102", "groups", _ungrouped, (groups, in_channels, out_channels))


def _ungrouped(groups: int, in_channels: int, out_channels: int) -> str:
    legal = _listed(divisors(greatest_common_divisor(in_channels, out_channels)))
    return (
        f"groups {groups} does not divide both in_channels {in_channels} and out_channels {out_channels}; "
        f"legal here: {legal}"
    )


def projection(x: Shape, channels: int) -> str:
    """What gives a tensor other channels."""
    layer = f"conv: {{out_channels: {channels}, kernel_size: 1}}" if len(x) > 1 else f"linear: {channels}"
    return f"axis 0 is channels: `{layer}` makes {channels} of {x[0]}"


def axes_exist(axes: Sequence[int], x: Shape, field: str) -> Iterator[Check]:
    """Every axis must be one that the tensor has, and named once (CC011)."""
    rank = len(x)
    for axis in axes:
        yield Check(-rank <= axis < rank, "CC011", field, _no_axis, (axis, rank))
    yield Check(len({axis % rank for axis in axes}) == len(axes), "CC011", field, _named_twice, (axes,))


def _named_twice(axes: Sequence[int]) -> str:
    return f"an axis is named twice in {list(axes)}"


def _no_axis(axis: int, rank: int) -> str:
    return f"axis {axis} does not exist in a tensor of {rank} axes; legal here: {-rank} to {rank - 1}"


def divisors(number: int) -> list[int]:
    """The divisors of a number, ascending."""
    low = [divisor for divisor in range(1, min(int(number**0.5) + 1, 100_000)) if number % divisor == 0]
    return low + [number // divisor for divisor in reversed(low) if divisor * divisor != number]


def _listed(numbers: list[int]) -> str:
    if len(numbers) <= 12:
        return ", ".join(map(str, numbers))
    return ", ".join([*map(str, numbers[:8]), "...", *map(str, numbers[-3:])])
