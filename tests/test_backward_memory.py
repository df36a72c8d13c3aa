"""What is said of memory on the way back, against what NumPy really allocates in a run."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

import convcalc
from convcalc.network import Network
from convcalc.reference.backward_memory import bytes_to_check_gradients, bytes_to_differentiate
from convcalc.reference.fields.effective import effective_field
from convcalc.reference.layer_gradients import check_layers
from convcalc.reference.memory import WORKSPACE_BYTES, TooLarge
from convcalc.reference.network_gradients import check_network
from convcalc.reference.weights import RandomWeights

NETWORKS = ["zoo:squeezenet1_1", "zoo:mobilenet_v2"]


def of_size(net: str, size: int) -> Network:
    return convcalc.load(net, inputs={"input": (3, size, size)})


def peak(run: Callable[[], object]) -> int:
    """The most bytes that are allocated at once in a run."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("net", NETWORKS)
def test_of_checks_of_gradients(net: str) -> None:
    network = of_size(net, 64)
    needed = bytes_to_check_gradients(network) - WORKSPACE_BYTES
    used = peak(lambda: check_network(network, 0, 1))
    assert used <= needed <= 2 * used


def test_of_checks_of_single_layers() -> None:
    """A layer that is large by itself: and so large that the buffers of a product do not count."""
    network = convcalc.loads("input: [8, 256, 256]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3}\n  - relu\n")
    needed = bytes_to_check_gradients(network) - WORKSPACE_BYTES
    used = peak(lambda: check_layers(network, 0, 1))
    assert used <= needed <= 3 * used


@pytest.mark.parametrize(("net", "layer"), [("zoo:squeezenet1_1", "fire9"), ("zoo:resnet18", "layer4")])
def test_of_effective_fields(net: str, layer: str) -> None:
    network = of_size(net, 64)
    with pytest.raises(TooLarge) as error:
        effective_field(network, layer, most_bytes=1)
    needed = error.value.needed - WORKSPACE_BYTES
    used = peak(lambda: effective_field(network, layer, runs=1))
    assert used <= needed <= 2 * used


def test_weights_that_are_given_count_for_all_layers() -> None:
    """A field of the first layer takes little of its own, but the weights of all are there."""
    network = of_size("zoo:squeezenet1_1", 64)
    amounts = []
    for weights in (None, RandomWeights(network, 0)):
        with pytest.raises(TooLarge) as error:
            effective_field(network, network.layers[0].name, most_bytes=1, weights=weights)
        amounts.append(error.value.needed)
    params = convcalc.analyze(network).totals.params
    of_first = convcalc.analyze(network).layers[0].params
    assert amounts[1] - amounts[0] == 4 * (params - of_first)


def test_gradients_of_arrays_take_as_much_as_they_and_what_is_added() -> None:
    network = convcalc.loads("input: [6]\nlayers:\n  - linear: {out_features: 5, bias: false}\n")
    without = bytes_to_differentiate(network, 1)
    kept_input, gradient, added = 6 * 4, 30 * 4, 30 * 4
    assert bytes_to_differentiate(network, 1, with_arrays=True) - without == kept_input + gradient + added
