"""The sections of a .cfg as they are being written, and where among them each tensor of the network is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from convcalc.layers import Shape
from convcalc.network import Network, Node

ALEXEYAB, PJREDDIE = "AlexeyAB", "pjreddie"
"""The families of Darknet."""

INPUT = -1
"""Where what enters the network is: before the first section."""


class NoSection(ValueError):
    """A layer in the form it has here, of which a .cfg has nothing; the message says why."""


class SectionPlace(NamedTuple):
    """The section that a tensor leaves, and its shape for a section that reads maps, None where it is a row."""

    section: int
    image: Shape | None


class WrittenSection(msgspec.Struct):
    """A section: its type, its options in order, and the layers that it stands for.

    `activated`: it takes no activation. `needs_norm` is the layer without a bias, which the section would have unless a
    norm follows.
    """

    type: str
    options: dict[str, object]
    layers: list[str]
    activated: bool = True
    needs_norm: Node | None = None


class CfgPlan:
    """What is written so far. `families` are what only one of the two programs knows, by program."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.sections: list[WrittenSection] = []
        self.families: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.readers: Counter[int] = Counter(source for node in network.layers for source in node.inputs)
        self.places: list[SectionPlace] = []
        self._name = ""

    def at(self, index: int) -> SectionPlace:
        """Where the tensor of a node is."""
        return self.places[index]

    def begin(self, node: Node) -> None:
        """The layer that the sections to come stand for."""
        self._name = node.name

    def section(self, kind: str, options: dict[str, object], image: Shape | None) -> SectionPlace:
        """Another section, behind those that there are."""
        self.sections.append(WrittenSection(kind, options, [self._name]))
        return SectionPlace(len(self.sections) - 1, image)

    def only(self, family: str, what: str) -> None:
        """Note that one of the programs alone knows something."""
        self.families[family][what] += 1

    def read(self, place: SectionPlace) -> None:
        """Make a tensor the one that the next section reads."""
        if place.section == len(self.sections) - 1:
            return
        self.section("route", {"layers": self.back(place)}, place.image)

    def back(self, place: SectionPlace) -> int:
        """How a section that comes next names the section of a tensor."""
        if place.section == INPUT:
            raise NoSection("what enters is read again behind other layers")
        return place.section - len(self.sections)

    def follows_alone(self, index: int) -> WrittenSection | None:
        """The last section if a node's tensor leaves it and nobody but one layer reads that."""
        place = self.at(index)
        is_last = place.section == len(self.sections) - 1 != INPUT
        alone = self.readers[index] == 1 and index not in self.network.outputs
        return self.sections[-1] if is_last and alone else None

    def joined(self, section: WrittenSection) -> None:
        """The layer becomes part of a section that is there."""
        section.layers.append(self._name)

    def lines(self, head: Sequence[str]) -> Iterator[str]:
        """The text of all sections, with comments that say for which layers they stand."""
        yield from head
        for section in self.sections:
            yield ""
            yield f"# {', '.join(dict.fromkeys(section.layers))}"
            yield f"[{section.type}]"
            yield from (f"{key}={value}" for key, value in section.options.items())
