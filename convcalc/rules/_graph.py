"""Walks over the graph of a network that several rules share, and the families of kinds they go through."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache

from convcalc.arithmetic.field import at_input
from convcalc.arithmetic.number import product
from convcalc.layers import Kind, Shape
from convcalc.layers.families.activations import KINDS
from convcalc.rules._subject import Subject

ACTIVATIONS = frozenset(KINDS)
NORMS = frozenset({"batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm"})
QUIET = NORMS | {"dropout", "identity"}
"""What changes neither a layer's linearity nor its channels to the eye: the step between a convolution and what it
really meets."""

POOLS = frozenset({"max_pool", "avg_pool"})
CONVOLUTIONS = frozenset({"conv", "conv_transpose", "deform_conv"})
LEARNED = CONVOLUTIONS | {"linear", "attention"}
"""Layers that multiply and add up with learned weights."""


def keeps_field(config: Kind, shapes: tuple[Shape, ...]) -> bool:
    """Whether every position of the output sees what that position of the one input sees, and nothing more."""
    return type(config).receptive_field is Kind.receptive_field or _field_stays(config, shapes)


@lru_cache(maxsize=256)
def _field_stays(config: Kind, shapes: tuple[Shape, ...]) -> bool:
    field = at_input(len(shapes[0]) - 1)
    return len(shapes) == 1 and config.receptive_field((field,), shapes) == field


def is_depthwise(subject: Subject, index: int) -> bool:
    """Whether a layer is a convolution that filters each of several channels alone."""
    node = subject.network.nodes[index]
    groups = getattr(node.config, "groups", 1)
    return node.kind in {"conv", "deform_conv"} and groups > 1 and groups == subject.shapes(index)[0][0]


def reached(subject: Subject, index: int, passed: Collection[str]) -> list[int | None]:
    """The first layers behind a node that are not of the kinds passed through; None stands for an output."""
    nodes = subject.network.nodes
    found: list[int | None] = []
    waiting, seen = [index], {index}
    while waiting:
        here = waiting.pop()
        if subject.is_output(here):
            found.append(None)
        for consumer in subject.consumers(here):
            if consumer in seen:
                continue
            seen.add(consumer)
            if nodes[consumer].kind in passed:
                waiting.append(consumer)
            else:
                found.append(consumer)
    return found


def only_next(subject: Subject, index: int, passed: Collection[str]) -> int | None:
    """The one layer that alone uses a node, past those of the kinds given; None where the way forks, ends or leaves."""
    while not subject.is_output(index):
        consumers = subject.consumers(index)
        if len(consumers) != 1:
            return None
        (index,) = consumers
        if subject.network.nodes[index].kind not in passed:
            return index
    return None


def before(subject: Subject, index: int, passed: Collection[str]) -> int:
    """The node whose output enters a layer, past those of the kinds given; of several inputs the first."""
    nodes = subject.network.nodes
    source = nodes[index].inputs[0]
    while nodes[source].kind in passed:
        source = nodes[source].inputs[0]
    return source


def some_behind(subject: Subject, holds: Callable[[int], bool]) -> list[bool]:
    """For every node, whether a condition holds for any layer behind it."""
    nodes = subject.network.nodes
    found = [False] * len(nodes)
    for index in range(len(nodes) - 1, subject.network.input_count - 1, -1):
        if found[index] or holds(index):
            for source in nodes[index].inputs:
                found[source] = True
    return found


def some_before(subject: Subject, holds: Callable[[int], bool]) -> list[bool]:
    """For every node, whether a condition holds for any layer before it."""
    found: list[bool] = []
    for node in subject.network.nodes:
        found.append(any(found[source] or holds(source) for source in node.inputs))
    return found


@lru_cache(maxsize=1)
def users(subject: Subject) -> dict[int, list[int]]:
    """The layers that use the weights of each layer that has some of its own, it among them."""
    found: dict[int, list[int]] = {}
    for index, node in enumerate(subject.network.layers, subject.network.input_count):
        found.setdefault(index if node.shared is None else node.shared, []).append(index)
    return found


@lru_cache(maxsize=1)
def _lent(subject: Subject) -> frozenset[tuple[int, str]]:
    return subject.network.lent


def is_tied(subject: Subject, index: int, array: str) -> bool:
    """Whether an array of a layer that has weights of its own is also another layer's, which may use it otherwise."""
    return array in subject.network.nodes[index].borrowed_names or (index, array) in _lent(subject)


def positions(shape: tuple[int, ...]) -> int:
    """Positions of a map: the product of its axes after the channels."""
    return product(shape[1:])


def classifies(subject: Subject) -> bool:
    """Whether no output of the network has positions: it says one thing of its whole input."""
    nodes = subject.network.nodes
    return bool(subject.network.outputs) and all(
        positions(nodes[index].shape) == 1 for index in subject.network.outputs
    )
