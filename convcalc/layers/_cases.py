"""Generated numbers and shapes for the test cases of the kinds."""

import random

from convcalc.arithmetic.window import ROUNDING_WORDS, Padding, Rounding

EPS = (1e-5, 0.1)
"""What a normalisation adds to the variance: the usual, or so much that its place in the formula shows."""

FLAG = (False, True)

LEARNED = (False, True, "scale", "shift")
"""What a norm learns."""


def draw_axes(draw: random.Random, rank: int, largest: int, smallest: int = 1) -> tuple[int, ...]:
    """A number for each axis."""
    return tuple(draw.randint(smallest, largest) for _ in range(rank))


def draw_shape(draw: random.Random, least_rank: int = 0, channels: int | None = None) -> tuple[int, ...]:
    """A shape with that many spatial axes, and any number of channels where none is asked for."""
    rank = draw.randint(least_rank, 3)
    return (draw.randint(1, 6) if channels is None else channels, *draw_axes(draw, rank, 7))


def draw_axis(draw: random.Random, x: tuple[int, ...]) -> int:
    """An axis of the tensor, counted from either end."""
    return draw.randint(-len(x), len(x) - 1)


def draw_flag(draw: random.Random) -> bool:
    """True or false."""
    return draw.random() < 0.5


def draw_rounding(draw: random.Random) -> Rounding:
    """How a pool rounds, in any way there is."""
    return draw.choice((False, True, *ROUNDING_WORDS))


def draw_padding(draw: random.Random, kernel: tuple[int, ...]) -> Padding:
    """A word, or any padding up to the kernel."""
    if draw.random() < 0.5:
        return draw.choice(["same", "same", "same_lower", "valid"] + ["causal"] * (len(kernel) == 1))
    return tuple((draw.randint(0, k), draw.randint(0, k)) for k in kernel)
