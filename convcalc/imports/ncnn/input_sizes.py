"""The sizes of what enters: those asked for, those of the file, and what is said where one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from convcalc.imports import Sizes
from convcalc.imports.arrays import checked
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.ncnn.nodes import NcnnLayer, hinted
from convcalc.layers import Shape

_CONVOLUTIONS = {"Convolution": 2, "ConvolutionDepthWise": 2, "Convolution1D": 1, "ConvolutionDepthWise1D": 1}
"""Layers from which the channels that enter can be told, with the axes of their kernel."""

_USUAL = 224
"""Positions on an axis, for an example."""


class EnteringBlobs:
    """The blobs that enter: those of `Input` layers, and those that are read and made by none."""

    def __init__(self, nodes: Sequence[NcnnLayer], sizes: Sizes) -> None:
        self.nodes = nodes
        made = {name for node in nodes for name in node.line.tops}
        self._of_file: dict[str, Shape | None] = {}
        for node in nodes:
            if node.line.type == "Input":
                self._of_file |= {name: _stated(node, place) for place, name in enumerate(node.line.tops)}
        for node in nodes:
            self._of_file |= {name: None for name in node.line.bottoms if name not in made}
        self.sizes = self._asked_for(sizes)

    @property
    def are_other(self) -> bool:
        """Whether sizes were asked for that are not those of the file."""
        return any(tuple(size) != self._of_file[name] for name, size in self.sizes.items())

    def _asked_for(self, sizes: Sizes) -> Sizes:
        names = list(self._of_file)
        if not names:
            raise CannotImport("nothing enters the network: there is no layer of type Input")
        if "" in sizes and len(names) == 1:
            return {names[0]: sizes[""]}
        unknown = set(sizes) - set(names)
        if unknown:
            stated = ", ".join(sorted(unknown - {""})) or "no input"
            inputs = ", ".join(f"{plain(name)} {_shown(shape)}" for name, shape in self._of_file.items())
            raise CannotImport(f"--input names {stated}; the network's are {inputs}")
        return sizes

    def shapes(self) -> dict[str, Shape]:
        """The size of everything that enters.

        Raises:
            CannotImport: the file has none, and none was asked for.
        """
        shapes: dict[str, Shape] = {}
        missing = []
        for name, of_file in self._of_file.items():
            shape = tuple(self.sizes[name]) if name in self.sizes else of_file
            if shape is None:
                missing.append(name)
            else:
                shapes[name] = checked(shape)
                if not shape or min(shape) < 1:
                    raise CannotImport(f"input {plain(name)} of shape {list(shape)}, which holds nothing")
        if missing:
            options = " ".join(f"--input {quote(f'{plain(name)}={self._example(name)}')}" for name in missing)
            names = ", ".join(f"input {plain(name)}" for name in missing)
            which = "its" if len(missing) == 1 else "their"
            raise CannotImport(f"the file has no sizes for {names}: give {which} sizes, as in {options}")
        return shapes

    def _example(self, name: str) -> str:
        """Sizes that could be meant: the channels of the first convolution that reads it, and usual positions."""
        for node in self.nodes:
            rank = _CONVOLUTIONS.get(node.line.type)
            if rank and node.line.bottoms[:1] == (name,):
                width = node.integer(1)
                kernel = width * (node.integer(11, width) if rank == 2 else 1)
                filters = max(node.integer(0) * kernel // max(node.integer(7, 1), 1), 1)
                return "x".join(map(str, (max(node.integer(6) // filters, 1), *(_USUAL,) * rank)))
        return f"3x{_USUAL}x{_USUAL}"


def _stated(node: NcnnLayer, place: int) -> Shape | None:
    """The size that an `Input` layer has, or that is noted beside it; None where neither is there."""
    sizes = [node.integer(key) for key in (2, 11, 1, 0)]
    shape = tuple(size for size in sizes if size > 0)
    return shape or hinted(node, place)


def _shown(shape: Shape | None) -> str:
    return "of no stated size" if shape is None else str(list(shape))
