"""Which number of a network is the score of a class: before a softmax, and where the output is a map, at a position."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from convcalc.language.suggestions import did_you_mean
from convcalc.layers import Shape
from convcalc.layers._elements import Activation
from convcalc.layers.families.activations import LogSoftmax, Softmax
from convcalc.layers.families.activations_plain import LogSigmoid, Sigmoid
from convcalc.network import Network
from convcalc.tensors.engine import Array

SQUASHING = (Softmax, LogSoftmax, Sigmoid, LogSigmoid)
"""What makes probabilities of scores at the end of a network; a score is taken before it."""


class NoScore(ValueError):
    """There is no such score in the network; the message says what was expected, what was found and what to do."""


class Scores(NamedTuple):
    """A tensor of scores: the node that it leaves, the axis of its classes, and what made probabilities of it.

    `squashing` has the nodes behind it that were passed over, the nearest first; empty where it is the output itself.
    """

    node: int
    shape: Shape
    axis: int
    squashing: tuple[int, ...]

    @property
    def classes(self) -> int:
        return self.shape[self.axis]

    @property
    def positions(self) -> Shape:
        """The sizes of the axes that are not those of classes."""
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]

    def at(self, position: Sequence[int]) -> tuple[int | slice, ...]:
        """The index of all classes at a position, in a tensor without its batch."""
        return (*position[: self.axis], slice(None), *position[self.axis :])


def scores_of(network: Network, layer: str | None = None) -> Scores:
    """The scores that become an output, or a layer, of that name; None is for the only output.

    Behind a softmax or sigmoid, and what only gives its result another shape, the tensor that enters it is taken.
    Of several softmax or sigmoid, one on another, it is that of the last. Classes are along the axis of the softmax,
    else along the only one with a size, else along that which a linear layer makes, the last, else along the first.

    Raises:
        NoScore: there is no layer of that name, there are several outputs and none is named, or it has no size.
    """
    node = last = _named(network, layer)
    passed: list[int] = []
    squashed = None
    while not network.nodes[last].is_input:
        config = network.nodes[last].config
        if isinstance(config, SQUASHING):
            if squashed is not None:  # what a second one makes its probabilities of are no scores of a class's own
                break
            squashed = config
            passed.append(last)
            last = network.nodes[last].inputs[0]
            node = last
        elif config.is_inert or (config.is_view and _keeps_classes(network, last)):
            passed.append(last)
            last = network.nodes[last].inputs[0]
        else:
            break
    if squashed is None:
        passed = []
    shape = network.nodes[node].shape
    if 0 in shape:
        raise NoScore(f"nothing is known of the size of what leaves `{network.nodes[node].name}`")
    axis = squashed.axis % len(shape) if isinstance(squashed, Softmax) and shape else _axis_of_classes(network, node)
    squashing = [place for place in reversed(passed) if place > node]
    return Scores(node, shape or (1,), axis, tuple(squashing))


def _keeps_classes(network: Network, index: int) -> bool:
    """Whether a layer gives a tensor another shape, and classes are the only axis with a size before and after."""
    source = network.nodes[network.nodes[index].inputs[0]]
    sizes = [[size for size in shape if size != 1] for shape in (source.shape, network.nodes[index].shape)]
    return sizes[0] == sizes[1]


def _axis_of_classes(network: Network, index: int) -> int:
    """The axis along which classes are where no softmax says so."""
    shape = network.nodes[index].shape
    sized = [axis for axis, size in enumerate(shape) if size != 1]
    if len(sized) == 1:
        return sized[0]
    node = network.nodes[index]
    while not node.is_input and (node.config.is_inert or isinstance(node.config, Activation)):
        node = network.nodes[node.inputs[0]]
    return len(shape) - 1 if node.kind == "linear" else 0


def _named(network: Network, name: str | None) -> int:
    names = [node.name for node in network.nodes]
    outputs = [names[index] for index in network.outputs]
    if name is None:
        if len(outputs) != 1:
            raise NoScore(f"expected --layer NAME, as there are {len(outputs)} outputs: {', '.join(outputs)}")
        return network.outputs[0]
    if name not in names[network.input_count :]:
        advice = did_you_mean(name, names[network.input_count :]) or f"outputs are {', '.join(outputs)}"
        raise NoScore(f"--layer: there is no output or layer `{name}`; {advice}")
    return names.index(name)


def checked_position(scores: Scores, network: Network, position: Sequence[int] | None) -> tuple[int, ...]:
    """The position at which classes are scored, of a map; where there is only the one, it need not be said.

    Raises:
        NoScore: it is missing, or outside of the map.
    """
    sizes, name = scores.positions, network.nodes[scores.node].name
    words = "Y,X" if len(sizes) == 2 else ",".join("YXZ"[:1] if len(sizes) == 1 else map(str, range(len(sizes))))
    if position is None:
        if prod(sizes) == 1:
            return (0,) * len(sizes)
        middle = ",".join(str(size // 2) for size in sizes)
        shape = "x".join(map(str, scores.shape))
        raise NoScore(
            f"`{name}` is a map of scores, {shape}: expected --position {words}, below "
            f"{' and '.join(map(str, sizes))}; --position {middle} is its middle"
        )
    if len(position) != len(sizes):
        expected = f"{len(sizes)} numbers below {', '.join(map(str, sizes))}" if sizes else "none, as it is no map"
        raise NoScore(f"--position: expected {expected}, found {','.join(map(str, position))}")
    for index, size in zip(position, sizes, strict=True):
        if not 0 <= index < size:
            raise NoScore(f"--position: expected numbers from 0 to {size - 1} there, found {index}")
    return tuple(position)


def checked_class(scores: Scores, network: Network, index: int) -> int:
    """The class, which there is.

    Raises:
        NoScore: it is not among the scores.
    """
    if not 0 <= index < scores.classes:
        name = network.nodes[scores.node].name
        raise NoScore(
            f"--class: expected a number from 0 to {scores.classes - 1}, as `{name}` has {scores.classes} scores, "
            f"found {index}"
        )
    return index


def probabilities(scores: Scores, network: Network, values: Array) -> Any:
    """What the network makes of scores of all classes at one position, from 0 to 1; None where they stay as they are.

    Classes are on the last axis of `values`.
    """
    import numpy as np

    kinds = [network.nodes[index].config for index in scores.squashing]
    exact = values.astype(np.float64)
    if any(isinstance(kind, Softmax) for kind in kinds):
        powers = np.exp(exact - exact.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)
    if any(isinstance(kind, Sigmoid | LogSigmoid) for kind in kinds):
        return np.exp(-np.logaddexp(0, -exact))
    return None
