"""A network as it is written, in blocks and layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from convcalc.language.writing import quoted
from convcalc.readable.layout import LayerText, laid_out, mapping
from convcalc.readable.slots import BlockText


class Folded:
    """Its blocks, the inner ones first, its layers, and its outputs.

    Outputs are texts; there are none where what the last layer yields is the one output.
    """

    def __init__(self, blocks: Sequence[BlockText], layers: Sequence[LayerText], outputs: Sequence[str]) -> None:
        self.blocks, self.layers, self.outputs = blocks, layers, outputs

    @cached_property
    def block_lines(self) -> list[str]:
        """From the empty line above on; none where there are no blocks."""
        lines = ["", "blocks:"] if self.blocks else []
        for place, block in enumerate(self.blocks):
            lines += [""] * (place > 0)
            lines.append(f"  {block.name}:")
            if block.parameters:
                defaults = {
                    name: "required" if text is None else quoted(text) for name, text in block.parameters.items()
                }
                lines += mapping(4, "parameters", defaults)
            lines += ["    layers:", *laid_out(block.layers, 6)]
        return lines

    @cached_property
    def lines(self) -> list[str]:
        """What a reader has to read: all but the head and the outputs."""
        return [
            *self.block_lines,
            *("", "layers:" if self.layers else "layers: []"),
            *laid_out(self.layers, 2),
        ]

    def every_layer(self) -> Iterator[LayerText]:
        """In no order, those of branches too."""
        waiting = [*self.layers, *(layer for block in self.blocks for layer in block.layers)]
        while waiting:
            layer = waiting.pop()
            yield layer
            waiting += [inner for branch in layer.branches or () for inner in branch]
