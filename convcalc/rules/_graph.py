"""Walks over the graph of a network that several rules share, and what they ask of the kinds on the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from convcalc.analysis.report import Row
from convcalc.arithmetic.field import at_input
from convcalc.arithmetic.number import product
from convcalc.layers import Kind, Shape
from convcalc.rules._subject import Subject

Passes = Callable[[Kind], bool]
"""Whether a walk goes on through a layer of this kind."""


def is_quiet(kind: Kind) -> bool:
    """Whether a layer is a step between a convolution and what it really meets: its channels are still the same."""
    return kind.is_normalisation or kind.is_inert


def keeps_channels(kind: Kind) -> bool:
    """Whether a layer is such a step, or a learned scale of each channel."""
    return is_quiet(kind) or kind.scales_channels


def is_fixed_convolution(kind: Kind) -> bool:
    """Whether it is a convolution whose windows stand on the input, with taps that stay where they are."""
    return kind.is_convolution and has_fixed_window(kind)


def has_fixed_window(kind: Kind) -> bool:
    """Whether the windows say exactly what is read: no input moves their taps."""
    return kind.is_windowed and not kind.moves_taps


def keeps_field(config: Kind, shapes: tuple[Shape, ...]) -> bool:
    """Whether every position of the output sees what that position of the one input sees, and nothing more."""
    return type(config).receptive_field is Kind.receptive_field or _field_stays(config, shapes)


@lru_cache(maxsize=256)
def _field_stays(config: Kind, shapes: tuple[Shape, ...]) -> bool:
    field = at_input(len(shapes[0]) - 1)
    return len(shapes) == 1 and config.receptive_field((field,), shapes) == field


def groups_of(subject: Subject, index: int) -> int:
    """The groups of a convolution whose windows stand on the input; 1 for any other layer."""
    kind = subject.network.nodes[index].config
    groups: int = getattr(kind, "groups", 1)
    return groups if kind.is_convolution and kind.is_windowed else 1


def is_depthwise(subject: Subject, index: int) -> bool:
    """Whether a layer is a convolution that filters each of several channels alone."""
    groups = groups_of(subject, index)
    return groups > 1 and groups == subject.shapes(index)[0][0]


def is_grouped(subject: Subject, index: int) -> bool:
    """Whether a layer is a convolution in groups of several channels each."""
    groups = groups_of(subject, index)
    return groups > 1 and groups < subject.shapes(index)[0][0]


def reached(subject: Subject, index: int, passes: Passes) -> list[int | None]:
    """The first layers behind a node that the walk does not pass through; None stands for an output."""
    nodes = subject.network.nodes
    ends: list[int | None] = []
    waiting, seen = [index], {index}
    while waiting:
        here = waiting.pop()
        if subject.is_output(here):
            ends.append(None)
        for consumer in subject.consumers(here):
            if consumer in seen:
                continue
            seen.add(consumer)
            if passes(nodes[consumer].config):
                waiting.append(consumer)
            else:
                ends.append(consumer)
    return ends


def only_next(subject: Subject, index: int, passes: Passes) -> int | None:
    """The layer that alone uses a node, past those passed through; None where the way forks, ends or leaves."""
    while not subject.is_output(index):
        consumers = subject.consumers(index)
        if len(consumers) != 1:
            return None
        (index,) = consumers
        if not passes(subject.network.nodes[index].config):
            return index
    return None


def before(subject: Subject, index: int, passes: Passes) -> int:
    """The node whose output enters a layer, past those passed through; of several inputs the first."""
    nodes = subject.network.nodes
    source = nodes[index].inputs[0]
    while passes(nodes[source].config):
        source = nodes[source].inputs[0]
    return source


def some_behind(subject: Subject, holds: Callable[[int], bool]) -> list[bool]:
    """For every node, whether a condition holds for any layer behind it."""
    nodes = subject.network.nodes
    answers = [False] * len(nodes)
    for index in range(len(nodes) - 1, subject.network.input_count - 1, -1):
        if answers[index] or holds(index):
            for source in nodes[index].inputs:
                answers[source] = True
    return answers


def some_before(subject: Subject, holds: Callable[[int], bool]) -> list[bool]:
    """For every node, whether a condition holds for any layer before it."""
    answers: list[bool] = []
    for node in subject.network.nodes:
        answers.append(any(answers[source] or holds(source) for source in node.inputs))
    return answers


@lru_cache(maxsize=1)
def users(subject: Subject) -> dict[int, list[int]]:
    """The layers that use the weights of each layer that has some of its own, it among them."""
    uses: dict[int, list[int]] = {}
    for index, node in enumerate(subject.network.layers, subject.network.input_count):
        uses.setdefault(index if node.shared is None else node.shared, []).append(index)
    return uses


@lru_cache(maxsize=1)
def _lent(subject: Subject) -> frozenset[tuple[int, str]]:
    return subject.network.lent


def is_tied(subject: Subject, index: int, array: str) -> bool:
    """Whether an array of a layer that has weights of its own is also another layer's, which may use it otherwise."""
    return array in subject.network.nodes[index].borrowed_names or (index, array) in _lent(subject)


def positions(shape: tuple[int, ...]) -> int:
    """Positions of a map: the product of its axes after the channels."""
    return product(shape[1:])


def moved(row: Row) -> int:
    """Elements that a layer reads and writes: what enters, what leaves, and the weights, each once."""
    return sum(map(product, row.input_shapes)) + product(row.output_shape) + row.params


def classifies(subject: Subject) -> bool:
    """Whether no output of the network has positions: it says one thing of its whole input."""
    nodes = subject.network.nodes
    return bool(subject.network.outputs) and all(
        positions(nodes[index].shape) == 1 for index in subject.network.outputs
    )
