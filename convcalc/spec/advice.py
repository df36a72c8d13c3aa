"""Input sizes that fit, found by trying: what a shape error cannot know by itself.

A skip connection that meets a map of another size, or a window that no longer fits, far from the input, says little
about which inputs would do. Here the network is built again at other sizes, so that what is advised is known to work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from convcalc.layers import Shape
from convcalc.spec.source import Diagnostic

SIZES = {"CC101", "CC103"}
"""Codes of the mistakes that another input size may mend."""
LARGEST_POWER = 10
"""Multiples of up to 2^10, and inputs up to 2^10 times as large, are tried."""
FURTHEST_SHIFT = 32
"""Positions that all axes together are made shorter or longer by, where no multiple fits."""


def advised(problem: Diagnostic, shape: Shape, problems_at: Callable[[Shape], list[Diagnostic]]) -> Diagnostic:
    """The problem, with input sizes at which it is gone, where it is one of sizes.

    `problems_at` builds the network at another input shape.
    """
    if problem.help or problem.code not in SIZES:
        return problem

    def left(at: Shape) -> list[Diagnostic]:
        return [found for found in problems_at(at) if found.code in SIZES]

    def is_gone(at: Shape) -> bool:
        return all((found.line, found.column) != (problem.line, problem.column) for found in left(at))

    advise = smallest_input if problem.code == "CC101" else fitting_inputs
    whole = advise(shape, lambda at: not left(at))
    layer = "" if whole else advise(shape, is_gone)
    return replace(problem, help=whole or (layer and f"this layer {layer}"))


def fitting_inputs(shape: Shape, fits: Callable[[Shape], bool]) -> str:
    """Input shapes near `shape` at which the network fits, in words; nothing where none was found."""
    if len(shape) < 2:
        return ""
    for multiple, near in _multiples(shape):
        found = [candidate for candidate in near if fits(candidate)]
        if len(found) == len(near):
            return f"fits with --input {_either(found)}, axes that are multiples of {multiple}"
    shifted = [next((s for s in _shifted(shape, sign) if fits(s)), None) for sign in (-1, 1)]
    if any(shifted):
        return f"fits with --input {_either([candidate for candidate in shifted if candidate])}"
    return ""


def smallest_input(shape: Shape, fits: Callable[[Shape], bool]) -> str:
    """The smallest input of these proportions, or larger by as much on all axes, at which every window fits."""
    too_small = 0
    for power in range(LARGEST_POWER + 1):
        grown = 2**power
        if fits(_plus(shape, grown)):
            while grown - too_small > 1:
                middle = (grown + too_small) // 2
                too_small, grown = (too_small, middle) if fits(_plus(shape, middle)) else (middle, grown)
            return f"fits with --input {_text(_plus(shape, grown))}"
        too_small = grown
    return ""


def _multiples(shape: Shape) -> Iterator[tuple[int, list[Shape]]]:
    """The shapes below and above whose axes are all multiples of 2, 4, 8, ..."""
    for power in range(1, LARGEST_POWER + 1):
        multiple = 2**power
        below = (shape[0], *(size // multiple * multiple for size in shape[1:]))
        above = (shape[0], *(-(-size // multiple) * multiple for size in shape[1:]))
        if above == shape:
            continue
        yield multiple, [candidate for candidate in (below, above) if min(candidate) > 0]


def _shifted(shape: Shape, sign: int) -> Iterator[Shape]:
    for shift in range(1, FURTHEST_SHIFT + 1):
        candidate = _plus(shape, sign * shift)
        if min(candidate) > 0:
            yield candidate


def _plus(shape: Shape, positions: int) -> Shape:
    return (shape[0], *(size + positions for size in shape[1:]))


def _either(shapes: list[Shape]) -> str:
    return " or ".join(_text(shape) for shape in shapes)


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape))
