"""Sizes that are worked out from those of what enters, as newer files write them: `*(0w,2),-1`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import ceil, floor, isfinite, sqrt, trunc

from convcalc.imports.errors import Inexpressible, plain
from convcalc.layers import Shape

_LONGEST = 1000
_TOKEN = re.compile(r"\d+[whdc](?![\w.])|-?\d+(?:\.\d+)?|[a-z_]+(?=\()|//|[-+*/%^](?=\()|[(),]")

Operation = Callable[..., float]

_OPERATIONS: dict[str, tuple[int, Operation]] = {
    "+": (2, lambda x, y: x + y),
    "-": (2, lambda x, y: x - y),
    "*": (2, lambda x, y: x * y),
    "/": (2, lambda x, y: x / y),
    "//": (2, lambda x, y: x // y),
    "fmod": (2, lambda x, y: x % y),
    "max": (2, max),
    "min": (2, min),
    "abs": (1, abs),
    "ceil": (1, ceil),
    "floor": (1, floor),
    "neg": (1, lambda x: -x),
    "round": (1, round),
    "sqrt": (1, sqrt),
    "square": (1, lambda x: x * x),
    "trunc": (1, trunc),
}
"""What is worked out, with how many numbers it is of."""


def worked_out(text: str, shapes: Sequence[Shape]) -> list[int]:
    """The numbers that a text says, separated by commas.

    Raises:
        Inexpressible: it says what is not known here.
    """
    if len(text) > _LONGEST:
        raise Inexpressible(f"sizes that are worked out in {len(text)} characters")
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise Inexpressible(f"sizes that are worked out as {plain(text)}")
    stack: list[float] = []
    try:
        for token in reversed([token for token in tokens if token not in ("(", ")", ",")]):
            if token in _OPERATIONS:
                count, operation = _OPERATIONS[token]
                stack.append(operation(*(stack.pop() for _ in range(count))))
            elif token[-1] in "whdc":
                stack.append(_size(token, shapes))
            else:
                stack.append(float(token))
        if not stack or not all(isfinite(number) and abs(number) < 2**31 for number in stack):
            raise ValueError
        return [int(number) for number in reversed(stack)]
    except (ArithmeticError, IndexError, ValueError):
        raise Inexpressible(f"sizes that are worked out as {plain(text)}") from None


def _size(token: str, shapes: Sequence[Shape]) -> float:
    """The size of what enters at a place: `1h` is the height of the second."""
    shape = shapes[int(token[:-1])]
    axes = {1: "w", 2: "hw", 3: "chw", 4: "cdhw"}[len(shape)]
    return shape[axes.index(token[-1])] if token[-1] in axes else 1
