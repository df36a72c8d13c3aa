"""Which block of a text does not say what is there, where the whole of it does not say the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convcalc.language.document import loads
from convcalc.language.source import Source, SpecError
from convcalc.language.writing import quoted, value_text
from convcalc.layers import Shape
from convcalc.network import Network, Node
from convcalc.readable.folded import Folded
from convcalc.readable.occurrences import is_there
from convcalc.readable.parts import Module
from convcalc.readable.regions import LayerGraph
from convcalc.readable.slots import BlockText
from convcalc.readable.templates import Template

_MOST_CALLS = 100
"""Calls of blocks that are held against what is there."""


def wrong_block(graph: LayerGraph, network: Network, blocks: Mapping[Template, BlockText]) -> Template | None:
    """The first block of which a call, alone behind an input of its shape, is not what its occurrence is."""
    called: list[BlockText] = []
    left = _MOST_CALLS
    for template, block in blocks.items():
        called.append(block)
        head = "\n".join(Folded(called, [], []).block_lines)
        calls: dict[tuple[str, Shape], Module] = {}
        for occurrence in template.occurrences:
            calls.setdefault((_arguments(occurrence), graph.shape(occurrence.entry)), occurrence)
        for (arguments, shape), occurrence in calls.items():
            left -= 1
            text = f"input: {value_text(shape)}\n{head}\nlayers:\n  - {block.name}: {{{arguments}}}\n"
            if left < 0 or not is_there(graph, network.layers, occurrence, _layers(text)):
                return template
    return None


def _arguments(occurrence: Module) -> str:
    return ", ".join(f"{name}: {quoted(value_text(value))}" for name, value in occurrence.arguments.items())


def _layers(text: str) -> Sequence[Node]:
    try:
        return loads(Source("a block", text)).layers
    except SpecError:
        return ()
