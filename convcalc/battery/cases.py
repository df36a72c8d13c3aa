"""Generated cases for the battery: specs of one layer, one block, or a small network.

A case is a spec as plain values, so that whatever is found wrong is a spec by construction, and can be made smaller
without knowing what it is about.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec

from convcalc import layers
from convcalc.battery.networks import NETWORKS
from convcalc.language import Source, SpecError, library, loads, writing
from convcalc.language.template import Block
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
    kind, block = layers.load(subject), library.block(subject)
    if kind is not None:
        config, shapes = kind.case(draw)
        return Case(subject, dict(writing.alone(subject, config, shapes, MAPS.get(subject, ()))))
    reason = ""
    for _ in range(MOST_TRIES):
        case = Case(subject, _of_network(subject, draw) if block is None else _of_block(block, draw))
        try:
            case.network()
        except SpecError as error:
            reason = error.diagnostics[0].message
            continue
        return case
    raise _NothingFits(reason)


MAPS = {"deform_conv": ("input", "offset", "mask")}
"""What the inputs of a kind are called, where each is something else."""


def _of_block(block: Block, draw: random.Random) -> dict[str, Any]:
    rank = draw.randint(1, 3)
    fields = {
        name: _parameter(name, rank, draw)
        for name, default in block.parameters.items()
        if default is None or draw.random() < 0.5
    }
    sizes = (draw.randint(2, 7) for _ in range(rank))
    return {"input": [draw.randint(1, 6), *sizes], "layers": [{block.name: fields} if fields else block.name]}


_MOST = {
    "kernel_size": 3,
    "stride": 2,
    "dilation": 2,
    "groups": 3,
    "ratio": 3,
    "depth_multiplier": 3,
    "offset_groups": 2,
}
"""The largest numbers that are drawn for parameters of blocks; for others it is 4."""


def _parameter(name: str, rank: int, draw: random.Random) -> Any:
    """A value for a parameter of a block."""
    if name == "bias":
        return draw.random() < 0.5
    if name == "padding":
        pairs = [[draw.randint(0, 2), draw.randint(0, 2)] for _ in range(rank)]
        return draw.choice(["same", "same_lower", "valid", draw.randint(0, 2), pairs])
    per_axis = name in ("kernel_size", "stride", "dilation")
    numbers = [draw.randint(1, _MOST.get(name, 4)) for _ in range(rank if per_axis else 1)]
    return numbers if per_axis and draw.random() < 0.3 else numbers[0]


def _of_network(subject: str, draw: random.Random) -> dict[str, Any]:
    template = NETWORKS[subject]
    rank, channels = draw.randint(*template.axes), draw.randint(*template.channels)
    shape = [channels, *(draw.randint(*template.sizes) for _ in range(rank))]
    variables = {name: draw.randint(*range_) for name, range_ in template.variables.items()}
    entering = {"input": shape} if len(template.inputs) == 1 else {"inputs": dict.fromkeys(template.inputs, shape)}
    return {**entering, "variables": variables, "layers": template.layers}
