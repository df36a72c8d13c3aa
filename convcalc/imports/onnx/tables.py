"""Arrays that meet attention scores: masks, which are not learned, and tables of positions that were written out.

An exporter that works out constants writes a table of relative positions as it is gathered: for each pair of positions
a vector of as many numbers as there are heads, the same for all pairs that are as far apart. What is learned is the
table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isinf, prod

from msgspec.structs import replace

from convcalc import steps
from convcalc.imports.arrays import PlainArray
from convcalc.imports.elements import all_of
from convcalc.imports.makings import Making, made
from convcalc.imports.onnx.constants import Constant, is_learned
from convcalc.imports.onnx.nodes import Number

_NEVER = -100.0
"""What a mask adds to a score that is not to count, at most."""

_LEAST_OF_MASK = 16
"""Numbers of a mask; fewer may be two by chance."""


_GLANCE = 256
"""Numbers that tell most arrays from a mask."""


def _numbers(constant: Constant) -> Sequence[Number]:
    return (constant.tensor.view() if constant.tensor is not None else constant.numbers) or ()


_NEVER_LEARNED = -1e30
"""No training ends at so low a number, whatever the size of the array."""


def is_mask(constant: Constant) -> bool:
    """Whether an array holds no more than what leaves a tensor as it is and what takes it away."""
    large = [size for size in constant.shape if size > 1]
    numbers = _numbers(constant)
    if numbers and min(numbers) <= _NEVER_LEARNED and {*numbers} <= {0, min(numbers)}:
        return True
    if len(large) < 2 or prod(large) < _LEAST_OF_MASK:
        return False
    if len(set(numbers[:_GLANCE])) > 2:
        return False
    steps.spend(len(numbers) // 64)
    distinct = set(numbers)
    if len(distinct) != 2:
        return False
    least, most = sorted(distinct)
    return (most == 0 and (least <= _NEVER or isinf(least))) or (least, most) == (0, 1)


def as_table(constant: Constant) -> Constant:
    """A constant with the elements of the table that it was gathered from, where it holds each several times."""
    large = [size for size in constant.shape if size > 1]
    own = constant.elements
    if len(large) < 3 or not is_learned(constant) or own is None or own.count != prod(constant.shape):
        return constant
    heads, pairs = prod(large[:-2]), prod(large[-2:])
    numbers = _numbers(constant)
    steps.spend(min(len(numbers), pairs) // 64)
    if not numbers or len(set(numbers[:pairs])) > pairs // 2:
        return constant
    steps.spend(len(numbers) // 8)
    rows = len(set(zip(*(numbers[head * pairs : (head + 1) * pairs] for head in range(heads)), strict=True)))
    if not 1 < rows <= pairs // 2:
        return constant
    table = all_of(("table", constant.made_of, rows, heads), (rows, heads))
    return replace(constant, elements=replace(table, layout=None))


def table_of(key: object, making_of: Callable[[str], Making | None]) -> PlainArray | None:
    """The table of an identity that `as_table` gave; `making_of` says how the numbers of a stored array come about."""
    if not isinstance(key, tuple) or len(key) != 4 or key[0] != "table":
        return None
    _, made_of, rows, heads = key
    making = made("table", [making_of(name) for name in made_of[:1]], (rows, heads))
    return PlainArray((rows, heads), made_of, all_of(key, (rows, heads)), making=making)
