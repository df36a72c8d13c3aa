"""A layer that changes nothing.

What it gives is what it gets: it costs a copy in most runtimes and a line to every reader.

Flagged is pooling of one position at stride 1, upsampling by 1 or to the size that is there, dropout of 0, relu on
what is not negative (relu, relu6, sigmoid, hard_sigmoid, softplus or softmax directly before), padding or cropping by
nothing, a slice or a split that keeps everything, a permutation into the same order, flatten of a single axis,
shuffling by 1. `--fix` takes the layer out.

Not flagged: identity, which says so itself and is there for its name; adaptive pooling, cropping and slicing to
a size, which are there for inputs of another.

False positives: a template in which a width or a rate makes the layer one that does something elsewhere.

Source: the definitions of the layers.

Flagged:
    input: [8, 16, 16]
    layers:
      - relu
      - relu # <- CC303
      - conv: {out_channels: 8, kernel_size: 3}

Allowed:
    input: [8, 16, 16]
    layers:
      - relu
      - identity: {name: stem}
      - max_pool: {kernel_size: 1, stride: 2}
      - dropout: 0.1
      - upsample: {scale_factor: 2}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcalc.network import Node
from convcalc.rules._subject import Fix, Problem, Subject

SEVERITY = "info"

NOT_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "softmax"})
AT_MOST_ONE = frozenset({"sigmoid", "hard_sigmoid", "softmax", "relu6"})
SAME_SHAPE = {
    "flatten": "flattens a single axis",
    "pad": "pads by nothing",
    "pixel_shuffle": "shuffles by 1",
    "pixel_unshuffle": "shuffles by 1",
    "split": "keeps everything",
}
"""Kinds that do nothing wherever the shape stays, and what they then do."""


def check(subject: Subject) -> Iterator[Problem]:
    """Layers whose output is their input."""
    nodes = subject.network.nodes
    found = {
        index: why
        for index, node in subject.layers
        if len(node.inputs) == 1 and (why := _why(node, nodes[node.inputs[0]]))
    }
    useful = (
        {id(subject.places.written(index)) for index, _ in subject.layers if index not in found} if found else set()
    )
    for index, why in found.items():
        subject.at = index
        yield subject.problem(
            index, f"{nodes[index].name}: {why}: it changes nothing", "remove it", fix=_fix(subject, index, useful)
        )


def _why(node: Node, source: Node) -> str:
    config: Any = node.config
    if node.kind in SAME_SHAPE and node.shape == source.shape:
        return SAME_SHAPE[node.kind]
    if node.kind in {"max_pool", "avg_pool"} and node.shape == source.shape:
        return "pools single positions" if set(config.kernel_size) == {1} else ""
    if node.kind in {"adaptive_avg_pool", "adaptive_max_pool"}:
        return "pools no axis" if set(config.output_size) == {None} else ""
    if node.kind == "upsample":
        by_one = set(config.scale_factor or ()) <= {(1, 1)} and node.shape == source.shape
        return "resizes to the size that is there" if by_one else ""
    if node.kind == "crop":
        return "crops nothing" if config.size is None and node.shape == source.shape else ""
    if node.kind == "slice":
        return "keeps everything" if config.end is None and node.shape == source.shape else ""
    if node.kind == "dropout":
        return "drops a share of 0" if config.p == 0 else ""
    if node.kind == "permute":
        kept = [axis % len(node.shape) for axis in config.axes] == list(range(len(node.shape)))
        return "leaves the axes in their order" if kept else ""
    if node.kind == "channel_shuffle":
        return "deals all channels to one group" if config.groups in {1, node.shape[0]} else ""
    if node.kind == "relu" and source.kind in NOT_NEGATIVE:
        return f"{source.name} gives nothing negative"
    if node.kind == "relu6" and source.kind in AT_MOST_ONE:
        return f"{source.name} gives nothing outside 0 to 6"
    return ""


def _fix(subject: Subject, index: int, useful: set[int]) -> Fix | None:
    """`useful` are written layers from which one that does something is built."""
    from convcalc.rules._fixes import removal

    if id(subject.places.written(index)) in useful:
        return None
    node = subject.network.nodes[index]
    return removal(subject, index, because=node.inputs if node.kind in {"relu", "relu6"} else ())
