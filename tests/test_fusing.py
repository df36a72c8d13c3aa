"""Fused networks against a graph that is rewritten step by step, in any order, and run in blocks of memory."""

from __future__ import annotations

import random
from math import prod
from typing import Any

from conftest import MANY, draws
from hypothesis import given, settings
from made_networks import PIECES, Item, Made
from msgspec.structs import replace

from convcalc import Network
from convcalc.analysis.analyze import analyze
from convcalc.arithmetic.precision import PartialPrecision, format_of
from convcalc.fusing import Fusion, fuse
from convcalc.network import Node

# ---- rewriting, by the names of kinds and what docs/fused.md says of them ------------------------------------------

ACTIVATIONS = {"relu", "relu6", "prelu", "sigmoid", "hard_sigmoid", "leaky_relu"}
MOVERS = {"concat", "flatten", "reshape", "permute", "slice", "pad", "crop", "channel_shuffle", "pixel_shuffle"}
MOVERS |= {"pixel_unshuffle", "dropout", "identity", "opaque"}
ELEMENTWISE = {*ACTIVATIONS, "add", "mul", "max", "sub", "div", "affine", "scale"}
HELD = {"input", "parameter"}
VIEWS = {"flatten", "reshape"}
WEIGHED = {"conv", "conv_transpose", "deform_conv", "linear"}


class Box:
    """A kernel in the rewritten graph; `last` is the node that its output was, `reads` are boxes."""

    def __init__(self, index: int, node: Node, reads: list[Box]) -> None:
        self.index, self.node, self.reads, self.last = index, node, reads, index
        self.config: Any = node.config
        self.folded: list[int] = []
        self.then: list[int] = []


class Rewriting:
    """Boxes of a network that are put together as long as a rule fits, in whatever order it is drawn."""

    def __init__(self, network: Network, draw: random.Random) -> None:
        self.network, self.draw = network, draw
        self.boxes: list[Box] = []
        for index, node in enumerate(network.nodes):
            self.boxes.append(Box(index, node, [self.boxes[source] for source in node.inputs]))
        self.outputs = [self.boxes[index] for index in network.outputs]
        self._without_inert()
        for rule in (self._folds, self._merges):
            while fitting := [pair for pair in self._pairs() if rule(*pair)]:
                self._join(*draw.choice(fitting), folds=rule == self._folds)

    def readers(self, box: Box) -> list[Box | None]:
        reading: list[Box | None] = [reader for reader in self.boxes for before in reader.reads if before is box]
        return reading + [None for output in self.outputs if output is box]

    def bits(self, index: int) -> int:
        own = self.network.nodes[index].precision
        return own.activations.bits if own and own.activations else 32

    def is_shared(self, index: int) -> bool:
        nodes = self.network.nodes
        others = {node.shared for node in nodes} | {array.owner for node in nodes for array in node.borrowed}
        return index in others or nodes[index].shared is not None or bool(nodes[index].borrowed)

    def _without_inert(self) -> None:
        for box in list(self.boxes):
            if box.node.kind not in ("dropout", "identity") or self.bits(box.index) != self.bits(box.reads[0].index):
                continue
            before = box.reads[0]
            leaves = any(output is box for output in self.outputs)
            earlier = [output for output in self.outputs if output.index < box.index]
            if leaves and (before.node.kind in HELD or before in earlier):
                continue
            for other in self.boxes:
                other.reads = [before if read is box else read for read in other.reads]
            self.outputs = [before if output is box else output for output in self.outputs]
            self.boxes.remove(box)

    def _pairs(self) -> list[tuple[Box, Box]]:
        alone = [box for box in self.boxes if len(box.reads) == 1 and self.readers(box.reads[0]) == [box]]
        return [(box.reads[0], box) for box in alone if self.bits(box.index) == self.bits(box.reads[0].last)]

    def _folds(self, first: Box, second: Box) -> bool:
        kind, weights = second.node.kind, [*first.reads][1 if first.node.kind != "deform_conv" else 2 :]
        known = kind in ("scale", "affine") or (kind == "batch_norm" and second.config.track_running_stats)
        meets = first.node.kind != "linear" or len(first.node.shape) == 1 or kind == "affine"
        apart = not (self.is_shared(first.index) or self.is_shared(second.index))
        return known and meets and apart and first.node.kind in WEIGHED and not weights

    def _merges(self, first: Box, second: Box) -> bool:
        if second.node.kind not in ACTIVATIONS or first.node.kind in MOVERS | HELD:
            return False
        return second.node.kind != "prelu" or not (self.is_shared(first.index) or self.is_shared(second.index))

    def _join(self, first: Box, second: Box, folds: bool) -> None:
        (first.folded if folds else first.then).extend([second.index, *second.then])
        first.last = second.last
        for other in self.boxes:
            other.reads = [first if read is second else read for read in other.reads]
        self.outputs = [first if output is second else output for output in self.outputs]
        self.boxes.remove(second)

    def biases(self, box: Box) -> int:
        """Elements of the bias that a layer has since something was folded into it."""
        nodes: list[Any] = [self.network.nodes[index] for index in box.folded]
        shifts = [node for node in nodes if node.kind == "batch_norm"]
        shifts += [node for node in nodes if node.kind == "scale" and node.config.bias]
        shifts += [node for node in nodes if node.kind == "affine" and node.config.addend]
        if not shifts or box.config.bias:
            return 0
        return int(getattr(box.config, "out_channels", 0) or box.config.out_features)

    def peak(self) -> int:
        """Run with blocks of memory: what is written into another block's place is no new one."""
        blocks: dict[int, Box] = {}
        place = {box.index: box.index for box in self.boxes}
        size = {box.index: prod(box.node.shape) * self.bits(box.last) // 8 for box in self.boxes}
        left = {box.index: len(self.readers(box)) for box in self.boxes}
        size |= {box.index: 0 for box in self.boxes if box.node.kind == "parameter"}
        most = 0
        blocks = {box.index: box for box in self.boxes if box.node.kind == "input" and left[box.index]}
        for box in self.boxes:
            if box.node.kind == "input":
                continue
            over = self._written_over(box, place, left)
            if over is None:
                blocks[box.index] = box
            else:
                place[box.index] = place[over.index]
            most = max(most, sum(size[index] for index in blocks))
            for before in box.reads:
                left[before.index] -= 1
            for ended in {id(before): before for before in [*box.reads, box]}.values():
                if not left[ended.index] and not (over is not None and ended is over):
                    blocks.pop(place[ended.index], None)
        return most

    def _written_over(self, box: Box, place: dict[int, int], left: dict[int, int]) -> Box | None:
        kind, nodes = box.node.kind, self.network.nodes
        writes = kind in ELEMENTWISE or (kind == "batch_norm" and box.config.track_running_stats)
        for before in box.reads:
            if left[before.index] != sum(read is before for read in box.reads) or before.node.kind == "parameter":
                continue
            same = before.node.shape == box.node.shape or kind in VIEWS
            same = same and self.bits(before.last) == self.bits(box.index)
            if same and (kind in VIEWS or (writes and nodes[place[before.index]].kind not in HELD)):
                return before
        return None


# ---- drawn networks -----------------------------------------------------------------------------------------------


def _weighed(made: Made, x: str) -> Any:
    """A layer that norms fold into, mostly, and what may run in its kernel, with an open end here and there."""
    draw, (channels, *sizes) = made.draw, made.shapes[x]
    kind = draw.choice(["conv", "conv", "conv_transpose", "linear", "max_pool", "batch_norm"])
    fields: dict[str, Any] = {"kernel_size": 1, "out_channels": channels, "bias": draw.random() < 0.5}
    if kind == "linear":
        fields = {"out_features": (*sizes, channels)[0] if sizes else channels, "bias": draw.random() < 0.5}
    elif kind in ("max_pool", "batch_norm"):
        fields = {"kernel_size": 1} if kind == "max_pool" else {}
    yield made.named(kind, [x], fields)
    last = made.last
    for _ in range(draw.randint(1, 4)):
        yield _behind(made, last)
        last = made.last if draw.random() < 0.85 else last


def _behind(made: Made, x: str) -> Item:
    draw = made.draw
    kinds = ["batch_norm", "batch_norm", "scale", "affine", "relu", "relu6", "prelu", "dropout", "identity", "flatten"]
    kind = draw.choice(kinds)
    fields: dict[str, Any] = {"scale": {"bias": draw.random() < 0.5}}.get(kind, {})
    if kind == "affine":
        fields = {"factor": draw.choice([1, 3]), "addend": draw.choice([0, 2])}
    elif kind == "batch_norm":
        fields = {"track_running_stats": draw.random() < 0.8}
    elif kind in ("prelu", "batch_norm") and draw.random() < 0.3:
        owners = [str(inner["name"]) for item in made.items for name, inner in item.items() if name == kind]
        fields = {"share": draw.choice(owners)} if owners else {}
    return made.named(kind, [x], fields)


def _sum(made: Made, x: str) -> Any:
    draw = made.draw
    if draw.random() < 0.3:
        yield made.named("parameter", [x], {"sizes": list(made.shapes[x])})
    others = [name for name, shape in made.shapes.items() if shape == made.shapes[x]]
    other = draw.choice([*others, made.last if made.items and draw.random() < 0.3 else x])
    yield made.named(draw.choice(["add", "add", "mul"]), draw.sample([x, other], 2), {})


def drawn(draw: random.Random) -> Network:
    """A network in which layers fuse; some of its tensors are of fewer bits, and some are outputs besides."""
    made = Made(draw)
    pieces = [*PIECES, *[_weighed] * len(PIECES), *[_sum] * (len(PIECES) // 3)]
    while made.network is None:
        for _ in range(draw.randint(2, 7)):
            names = list(made.shapes)
            made.grown(list(draw.choice(pieces)(made, draw.choice([names[-1], names[-1], draw.choice(names)]))))
    if draw.random() < 0.5:
        made.grown([], draw.sample(list(made.shapes), min(len(made.shapes), draw.randint(1, 4))))
    network = made.network
    if draw.random() < 0.4:
        formats = [
            None,
            PartialPrecision(activations=format_of("float32")),
            PartialPrecision(activations=format_of("int8")),
        ]
        share = draw.choice([0.1, 0.5])
        layers = [
            replace(node, precision=draw.choice(formats) if draw.random() < share else None) for node in network.layers
        ]
        network = replace(network, nodes=(*network.inputs, *layers))
    return network


@settings(max_examples=MANY or 80)
@given(draw=draws)
def test_drawn_networks_fuse_to_what_rewriting_leaves(draw: random.Random) -> None:
    network = drawn(draw)
    fusion, rewritten = fuse(network), Rewriting(network, draw)
    made = [(parts.first, list(parts.folded), list(parts.then)) for parts in fusion.parts]
    assert made == [(box.index, box.folded, box.then) for box in rewritten.boxes]
    assert [fusion.parts[place].first for place in fusion.network.outputs] == [box.index for box in rewritten.outputs]
    _has_totals(network, fusion, rewritten)
    again = fuse(fusion.network)
    assert [node.config for node in again.network.nodes] == [node.config for node in fusion.network.nodes]
    assert [node.in_place for node in again.network.nodes] == [node.in_place for node in fusion.network.nodes]


def _has_totals(network: Network, fusion: Fusion, rewritten: Rewriting) -> None:
    before, after = analyze(network), analyze(network, fused=True)
    rows = dict(zip(range(network.input_count, len(network.nodes)), before.layers, strict=True))
    folded = [rows[index] for box in rewritten.boxes for index in box.folded]
    biases = {box.index: rewritten.biases(box) for box in rewritten.boxes}
    added = sum(biases.values())
    adds = sum(prod(box.node.shape) for box in rewritten.boxes if biases[box.index])
    assert after.totals.macs == before.totals.macs
    assert after.totals.params == before.totals.params - sum(row.params for row in folded) + added
    assert after.totals.buffers == before.totals.buffers - sum(row.buffers for row in folded)
    saved = sum(row.elementwise_ops for row in folded)
    assert after.totals.elementwise_ops == before.totals.elementwise_ops - saved + adds
    assert after.totals.peak_activation_bytes == rewritten.peak()
    assert after.totals.peak_activation_bytes <= before.totals.peak_activation_bytes
    for row, box in zip(after.layers, [box for box in rewritten.boxes if box.node.kind != "input"], strict=True):
        assert (row.output_shape, row.receptive_field) == (rows[box.last].output_shape, rows[box.last].receptive_field)
        assert row.fused == tuple(network.nodes[index].name for index in sorted([*box.folded, *box.then]))


@given(draw=draws)
def test_every_layer_is_a_kernel_or_gone(draw: random.Random) -> None:
    fusion = fuse(drawn(draw))
    gone = [*fusion.folded, *fusion.merged, *fusion.vanished]
    assert len(set(gone)) == len(gone) == len(fusion.original.nodes) - len(fusion.network.nodes)
    assert len(fusion.overwriting) == sum(node.in_place is not None for node in fusion.network.nodes)
    assert fusion.changes_nothing == (not gone and not fusion.overwriting)
