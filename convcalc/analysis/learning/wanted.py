"""Which gradients a step of training asks for, and of which arrays.

A gradient is asked of a tensor where something that is learned and not frozen is upstream of it, and the loss depends
on it. So the first layer needs none of its input, and a frozen beginning needs none at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from convcalc.layers import Shape, Wanted
from convcalc.network import Network
from convcalc.visible import short

ArrayKey = tuple[int, str]
"""An array by the node that has its elements, and its name there."""


class UnevenFreeze(ValueError):
    """Layers that use the same array, some frozen and some not; the message names two, and `advice` what to do."""

    def __init__(self, frozen: str, free: str) -> None:
        super().__init__(f"freeze: `{short(frozen)}` is frozen, and `{short(free)}` uses the same weights and is not")
        self.advice = f"freeze `{short(free)}` as well, or neither"


class AskedGradients(msgspec.Struct, frozen=True):
    """What is asked of every node, inputs of the network among them, by place.

    `of_output` says whether the gradient of what a node gives is asked for. `trained` has the shapes of the arrays that
    the step moves. `unreached` are the layers that are not frozen and whose arrays no gradient comes to.
    """

    wanted: tuple[Wanted, ...]
    of_output: tuple[bool, ...]
    trained: dict[ArrayKey, Shape]
    unreached: tuple[int, ...]


def asked(network: Network, frozen: Collection[int] = ()) -> AskedGradients:
    """What a step of training asks of each layer, where the layers at the places of `frozen` learn nothing.

    Raises:
        UnevenFreeze: a layer is frozen, and another that uses the same arrays is not.
    """
    nodes = network.nodes
    learned = [dict(learned_arrays(network, index)) for index in range(len(nodes))]
    _check_even(network, learned, frozen)
    needs: list[bool] = []
    for index, node in enumerate(nodes):
        upstream = any(needs[source] and not node.config.no_gradient(at) for at, source in enumerate(node.inputs))
        needs.append(upstream or bool(learned[index] and index not in frozen))
    arrives = [False] * len(nodes)
    for index in network.outputs:
        arrives[index] = needs[index]
    wanted = [Wanted((), weights=False)] * len(nodes)
    for index in reversed(range(network.input_count, len(nodes))):
        node, comes = nodes[index], arrives[index]
        inputs = tuple(
            comes and needs[source] and not node.config.no_gradient(at) for at, source in enumerate(node.inputs)
        )
        for source, is_wanted in zip(node.inputs, inputs, strict=True):
            arrives[source] = arrives[source] or is_wanted
        wanted[index] = Wanted(inputs, weights=comes and bool(learned[index]) and index not in frozen)
    trained = {
        key: shape for index in range(len(nodes)) if wanted[index].weights for key, shape in _own(learned[index])
    }
    return AskedGradients(
        wanted=tuple(wanted),
        of_output=tuple(arrives),
        trained=dict(sorted(trained.items())),
        unreached=tuple(i for i in range(len(nodes)) if learned[i] and i not in frozen and not wanted[i].weights),
    )


class LearnedArray(msgspec.Struct, frozen=True):
    """An array that a layer learns: whose it is, the shape that it has there, and the shape in which it is read."""

    key: ArrayKey
    shape: Shape
    read_as: Shape
    is_borrowed: bool


def learned_arrays(network: Network, index: int) -> Iterator[tuple[str, LearnedArray]]:
    """The arrays that the node at `index` reads and that are learned, by the name that they have for it."""
    node = network.nodes[index]
    if node.is_input:
        return
    for name, shape in node.config.weights(*network.shapes_into(node)).items():
        key = owner_of(network, index, name)
        owner = network.nodes[key[0]]
        own = owner.config.weights(*network.shapes_into(owner)).get(key[1])
        if own is not None:
            is_borrowed = key != (index if node.shared is None else node.shared, name)
            yield name, LearnedArray(key, own, shape, is_borrowed)


def owner_of(network: Network, index: int, name: str) -> ArrayKey:
    """Whose elements an array of a layer is: the node that has them, and what they are called there."""
    node = network.nodes[index]
    if node.shared is not None:
        return owner_of(network, node.shared, name)
    lent = next((array for array in node.borrowed if array.name == name), None)
    return (index, name) if lent is None else owner_of(network, lent.owner, lent.array)


def _own(learned: dict[str, LearnedArray]) -> Iterator[tuple[ArrayKey, Shape]]:
    for array in learned.values():
        yield array.key, array.shape


def _check_even(network: Network, learned: list[dict[str, LearnedArray]], frozen: Collection[int]) -> None:
    frozen_by = {array.key: index for index in frozen for array in learned[index].values()}
    for index, arrays in enumerate(learned):
        for array in arrays.values():
            if index not in frozen and array.key in frozen_by:
                raise UnevenFreeze(network.nodes[frozen_by[array.key]].name, network.nodes[index].name)
