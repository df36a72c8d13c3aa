"""Generated cases for the battery: specs of one layer, one block, or a small network.

A case is a spec as plain values, so that whatever is found wrong is a spec by construction, and can be made smaller
without knowing what it is about.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec

from convcalc import layers
from convcalc.battery.networks import NETWORKS, Range
from convcalc.language import Source, SpecError, library, loads, writing
from convcalc.language.parsing import parse
from convcalc.language.tree import Mapping, Node, Scalar, Sequence
from convcalc.network import Network

MOST_TRIES = 200
"""Values drawn for a block or a network until they fit each other."""


class Case(msgspec.Struct, frozen=True):
    """A spec as plain values. `subject` is the kind, the block, or the network of `NETWORKS`."""

    subject: str
    document: dict[str, Any]

    def text(self) -> str:
        """The spec as a file has it."""
        return writing.text(self.document)

    def network(self) -> Network:
        """What the spec describes.

        Raises:
            SpecError: it is refused.
        """
        return loads(Source(f"{self.subject}.yaml", self.text()))


class _NothingFits(Exception):
    """No values were found that a block or a network accepts; the message is why the last were refused."""


def groups() -> dict[str, list[str]]:
    """Everything there is to try: layer kinds, blocks, networks."""
    return {"kind": layers.names(), "block": [*library.block_names()], "network": list(NETWORKS)}


def generated(subject: str, draw: random.Random) -> Case:
    """A case of a kind, a block or a network.

    Raises:
        _NothingFits: after `MOST_TRIES` tries.
    """
    kind = layers.load(subject)
    if kind is not None:
        return Case(subject, _of_kind(subject, kind, draw))
    make, reason = _of_network if subject in NETWORKS else _of_block, ""
    for _ in range(MOST_TRIES):
        case = Case(subject, make(subject, draw))
        try:
            case.network()
        except SpecError as error:
            reason = error.diagnostics[0].message
            continue
        return case
    raise _NothingFits(reason)


MAPS = {"deform_conv": ("input", "offset", "mask")}
"""What the inputs of a kind are called, where each is something else."""


def _of_kind(subject: str, kind: type[layers.Kind], draw: random.Random) -> dict[str, Any]:
    config, shapes = kind.case(draw)
    return dict(writing.alone(subject, config, shapes, MAPS.get(subject, ())))


def _of_block(subject: str, draw: random.Random) -> dict[str, Any]:
    block = library.block(subject)
    assert block is not None  # noqa: S101  # for the type checker: it is one of the shipped
    rank = draw.randint(1, 3)
    fields = {
        name: PARAMETERS.get(name, _number)(draw, rank)
        for name, default in block.parameters.items()
        if default is None or draw.random() < 0.5
    }
    sizes = (draw.randint(2, 7) for _ in range(rank))
    return {"input": [draw.randint(1, 6), *sizes], "layers": [{subject: fields} if fields else subject]}


_Draw = Callable[[random.Random, int], Any]


def _number(draw: random.Random, rank: int) -> int:
    return draw.randint(1, 4)


def _per_axis(least: int, most: int) -> _Draw:
    """A number for all axes, or one for each."""

    def drawn(draw: random.Random, rank: int) -> Any:
        numbers = [draw.randint(least, most) for _ in range(rank)]
        return numbers if draw.random() < 0.3 else numbers[0]

    return drawn


def _padding(draw: random.Random, rank: int) -> Any:
    pairs = [[draw.randint(0, 2), draw.randint(0, 2)] for _ in range(rank)]
    return draw.choice(["same", "same_lower", "valid", draw.randint(0, 2), pairs])


def _flag(draw: random.Random, rank: int) -> bool:
    return draw.random() < 0.5


PARAMETERS: dict[str, _Draw] = {
    "kernel_size": _per_axis(1, 3),
    "stride": _per_axis(1, 2),
    "dilation": _per_axis(1, 2),
    "padding": _padding,
    "bias": _flag,
    "groups": lambda draw, rank: draw.randint(1, 3),
    "ratio": lambda draw, rank: draw.randint(1, 3),
    "depth_multiplier": lambda draw, rank: draw.randint(1, 3),
    "offset_groups": lambda draw, rank: draw.randint(1, 2),
}
"""How the parameters of blocks are drawn that are not a number from 1 to 4."""


def _of_network(subject: str, draw: random.Random) -> dict[str, Any]:
    template = NETWORKS[subject]
    rank, channels = draw.randint(*template.axes), draw.randint(*template.channels)
    shape = [channels, *(draw.randint(*template.sizes) for _ in range(rank))]
    inputs = {name: list(shape) for name in template.inputs}
    variables = {name: _within(draw, range_) for name, range_ in template.variables.items()}
    entering = {"inputs": inputs} if len(inputs) > 1 else {"input": shape}
    root = parse(Source(subject, template.layers)).root
    assert root is not None  # noqa: S101  # for the type checker: the templates are written here
    return {**entering, "variables": variables, "layers": plain(root)}


def _within(draw: random.Random, range_: Range) -> int:
    return draw.randint(*range_)


def plain(node: Node) -> Any:
    """A tree of a spec as plain values."""
    if isinstance(node, Mapping):
        return {str(key.value): plain(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)  # noqa: S101  # for the type checker
    return node.value
