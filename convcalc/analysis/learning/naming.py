"""Layers named by patterns: by their own name as ``analyze --expand`` prints it, or by the path of a block around them.

``layer1.0.conv2`` is named by itself, by ``layer1.0``, by ``layer1`` and by patterns such as ``layer?.*.conv*``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from convcalc import steps
from convcalc.language.suggestions import did_you_mean
from convcalc.network import Network
from convcalc.visible import short


class NoSuchLayers(ValueError):
    """A pattern that no layer and no block fits; the message names it, and `advice` says what to do."""

    def __init__(self, option: str, pattern: str, advice: str) -> None:
        super().__init__(
            f"{option}: expected the name of a layer or block, or a pattern of names, found {short(pattern)!r}"
        )
        self.advice = advice


NamedBy = tuple[int, str]
"""How a layer was named: the place of the pattern, and the path of the outermost block that fits, or nothing."""


def named(network: Network, patterns: Sequence[str], option: str) -> dict[int, NamedBy]:
    """The layers that patterns name, by their place among the nodes, each with the first pattern that names it.

    Raises:
        NoSuchLayers: a pattern names none.
        OutOfSteps: there are so many layers and patterns that they cannot be compared.
    """
    paths = {index: list(_paths(network.nodes[index].name)) for index in range(network.input_count, len(network.nodes))}
    steps.spend(len(patterns) * sum(map(len, paths.values())))
    chosen: dict[int, NamedBy] = {}
    for place, pattern in enumerate(patterns):
        fits: dict[str, bool] = {}
        is_any = False
        for index, (*around, own) in paths.items():
            block = next((path for path in around if _fits(fits, path, pattern)), None)
            if block is None and not _fits(fits, own, pattern):
                continue
            is_any = True
            chosen.setdefault(index, (place, block or ""))
        if not is_any:
            raise NoSuchLayers(option, pattern, _advice(pattern, paths.values()))
    return chosen


def _paths(name: str) -> Iterator[str]:
    """The paths of the blocks around a layer, the outermost first, and its own name."""
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)
    yield name


def _fits(known: dict[str, bool], path: str, pattern: str) -> bool:
    """Whether a path fits; of thousands of layers, many have a block in common."""
    if path not in known:
        known[path] = path == pattern or fnmatchcase(path, pattern)
    return known[path]


def _advice(pattern: str, paths: Iterable[Iterable[str]]) -> str:
    names = sorted({path for layer in paths for path in layer})
    return did_you_mean(pattern, names) or "`convcalc analyze --expand` prints the names there are"
