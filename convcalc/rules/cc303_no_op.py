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

import math
from collections.abc import Iterator

from convcalc.network import Node
from convcalc.rules._subject import Fix, Problem, Subject

SEVERITY = "info"


def check(subject: Subject) -> Iterator[Problem]:
    """Layers whose output is their input."""
    nodes = subject.network.nodes
    reasons = {
        index: why
        for index, node in subject.layers
        if len(node.inputs) == 1 and (why := _why(node, nodes[node.inputs[0]]))
    }
    if not reasons:
        return
    useful = {id(subject.places.written(index)) for index, _ in subject.layers if index not in reasons}
    for index, why in reasons.items():
        subject.at = index
        yield subject.problem(
            index, f"{nodes[index].name}: {why}: it changes nothing", "remove it", fix=_fix(subject, index, useful)
        )


def _why(node: Node, source: Node) -> str:
    kind = node.config
    if not kind.is_clamp:
        return kind.no_op(source.shape)
    (least, most), bounds = kind.bounds(), source.config.bounds()
    if not least <= bounds[0] <= bounds[1] <= most:
        return ""
    return f"{source.name} gives nothing {'negative' if most == math.inf else f'outside {least:g} to {most:g}'}"


def _fix(subject: Subject, index: int, useful: set[int]) -> Fix | None:
    """`useful` are written layers from which one that does something is built."""
    from convcalc.rules._fixes import removal

    if id(subject.places.written(index)) in useful:
        return None
    node = subject.network.nodes[index]
    return removal(subject, index, because=node.inputs if node.config.is_clamp else ())
