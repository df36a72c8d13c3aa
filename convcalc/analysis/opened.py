"""Which parts of an outline are open: those that are asked for by name, and those around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from convcalc.analysis.outline import OutlinePart
from convcalc.visible import short


class NoSuchBlock(Exception):
    """A pattern that no part of the outline fits; the message names it and says which there are."""


MOST_NAMED = 8
"""Parts that an error names."""


def opened(parts: Sequence[OutlinePart], patterns: Iterable[str]) -> tuple[int, ...]:
    """The places of the open parts, in order: ``layer1``, ``layer?.0``, ``*`` for all.

    What is inside of a part that is not open cannot be seen, so that those around a part that fits are open too.

    Raises:
        NoSuchBlock: a pattern fits none.
    """
    places: set[int] = set()
    for pattern in patterns:
        fitting = [place for place, part in enumerate(parts) if fnmatchcase(part.name, pattern)]
        if not fitting and not (pattern == "*" and not parts):
            raise NoSuchBlock(_unfit(parts, pattern))
        for place in fitting:
            at: int | None = place
            while at is not None and at not in places:
                places.add(at)
                at = parts[at].parent
    return tuple(sorted(places))


def _unfit(parts: Sequence[OutlinePart], pattern: str) -> str:
    if not parts:
        return f"there is no block to open, found {pattern!r}"
    names = [part.name for part in parts if part.parent is None]
    listed = ", ".join(map(short, names[:MOST_NAMED])) + (", ..." if len(parts) > MOST_NAMED else "")
    return f"expected the name of a block (such as {listed}), or a pattern of names, found {pattern!r}"
