"""What the kinds with windows share: how a window is written in a table, and generated windows."""

import random

from convcalc.arithmetic.window import Padding


def shown_sizes(sizes: tuple[int, ...]) -> str:
    """7x7, or 3x1."""
    return "x".join(map(str, sizes))


def shown_window(kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> str:
    """7x7 /2, dilation 2: stride and dilation only where they are not 1, once where the axes agree."""
    text = shown_sizes(kernel)
    if set(stride) - {1}:
        text += f" /{_once(stride)}"
    if set(dilation) - {1}:
        text += f", dilation {_once(dilation)}"
    return text


def _once(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else shown_sizes(numbers)


def draw_axes(draw: random.Random, rank: int, largest: int, smallest: int = 1) -> tuple[int, ...]:
    """A number for each axis."""
    return tuple(draw.randint(smallest, largest) for _ in range(rank))


def draw_padding(draw: random.Random, kernel: tuple[int, ...]) -> Padding:
    """A word, or any padding up to the kernel."""
    if draw.random() < 0.4:
        return draw.choice(["same", "same_lower", "valid"] + ["causal"] * (len(kernel) == 1))
    return tuple((draw.randint(0, k), draw.randint(0, k)) for k in kernel)
