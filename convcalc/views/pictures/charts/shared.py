"""What charts have in common: names that can be read, an axis of places, round numbers, and as many points as help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from convcalc.analysis.outline import SECTION, outline
from convcalc.network import Network
from convcalc.views.formats.json import LARGEST_OF_SCRIPTS, Record
from convcalc.visible import short, visible

MOST_POINTS = 1_500
"""Points of a line; a screen has no more columns for them."""
LONGEST_NAME = 60
"""Characters of a name in a chart."""
LONGEST_TICK = 16
"""Characters of a name below an axis."""

T = TypeVar("T")


def called(name: str) -> str:
    """A layer's name as it may stand in a picture."""
    return visible(short(name, LONGEST_NAME))


def point(value: Sequence[object], layers: Sequence[int], **further: object) -> Record:
    """A point at which some layers lie, all by their place among the nodes; the first is what it stands for."""
    first, *also = (f"n{layer}" for layer in layers)
    return {"value": list(value), "id": first, **({"also": also} if also else {}), **further}


def drawable(number: int) -> int | float:
    """A number where it only says how long something is drawn: beyond those of scripts, the nearest that they have."""
    return number if abs(number) <= LARGEST_OF_SCRIPTS else float(number)


def thinned(items: Sequence[T], size: Callable[[T], int], most: int = MOST_POINTS) -> list[tuple[T, Sequence[T]]]:
    """As many items as are drawn, each with those that it stands for: of neighbours, the largest, the first of equals.

    So the largest of all is among them, and what is between them is nowhere larger.
    """
    width = -(-len(items) // most) if items else 1
    runs = (items[first : first + width] for first in range(0, len(items), width))
    return [(max(run, key=size), run) for run in runs]


def place_axis(count: int, ticks: Record) -> Record:
    """An axis of layers in the order in which they run, from 0; `ticks` are names for some of these places."""
    return {
        "type": "value",
        "min": -0.5,
        "max": count - 0.5,
        "axisLabel": {"hideOverlap": True, **({"customValues": list(map(int, ticks))} if ticks else {})},
        "axisTick": {"customValues": list(map(int, ticks))} if ticks else {},
        "axisLine": {"onZero": False},
        "splitLine": {"show": False},
        "axisPointer": {"snap": True},
    }


def block_ticks(network: Network) -> Record:
    """The outermost blocks of a network by the place of their first layer, for an axis of layers as they are written.

    Places are texts, as names of a JSON object are. Sections have no names of their own, and are left out.
    """
    outermost = (part for part in outline(network) if part.parent is None and part.kind != SECTION)
    return {str(part.first - network.input_count): visible(short(part.name, LONGEST_TICK)) for part in outermost}


def binary_step(largest: int, most: int = 5) -> int:
    """A round number of bytes, KiB, MiB ..., of which no more than `most` fit into the largest."""
    unit = 1 << (max(largest, 1).bit_length() - 1) // 10 * 10
    parts = [unit // 4, unit // 2] if unit > 1 else []
    steps = [*parts, *(unit * factor * power for power in (1, 10, 100, 1_000) for factor in (1, 2, 5))]
    return next(step for step in steps if step * most >= largest)


def listed(texts: Iterable[str], most: int = 5) -> str:
    """Some texts with commas, and how many more there are."""
    shown = list(texts)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def plural(count: int, noun: str) -> str:
    """A count with its noun: 1 layer, 1,200 layers."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
