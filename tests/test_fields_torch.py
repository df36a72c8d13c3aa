"""What a position of stacked convolutions looks at, against a closed form and against PyTorch (Luo et al. 2016).

`data/gradients/fields.json` has, of a run in PyTorch, the derivative of one output by every pixel over draws of weights
(see torch_fields.py): the executor's own is held against it, and both against the convolution of boxes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import MANY

from convcalc.language import Source, loads
from convcalc.network import Network
from convcalc.reference.gradients import gradients
from convcalc.tensors.engine import Array, Engine

FIGURES: dict[str, Any] = json.loads((Path(__file__).parent / "data/gradients/fields.json").read_text("utf-8"))
STACKS: dict[tuple[int, str], dict[str, Any]] = {(row["depth"], row["form"]): row for row in FIGURES["stacks"]}
DEPTHS = (5, 10, 20, 40)
DRAWS = 30


def stack(depth: int, channels: int, *, relu: bool = False) -> Network:
    """Convolutions that lose the border, on an input of just their field, so that one position leaves."""
    side = 2 * depth + 1
    convolution = {"out_channels": channels, "kernel_size": 3, "bias": False}
    layers: list[Any] = []
    for _ in range(depth - 1):
        layers += [{"conv": convolution}, *(["relu"] if relu else [])]
    layers.append({"conv": {**convolution, "out_channels": 1}})
    return loads(Source("stack.yaml", yaml.safe_dump({"input": [1, side, side], "layers": layers})))


class Filters:
    """Weights of a network's convolutions: normal with mean 0, by a seed, or without one all alike."""

    def __init__(self, network: Network, seed: int | None, gain: float = 1) -> None:
        self._network, self._gain = network, gain
        self._draw = None if seed is None else np.random.default_rng(seed)

    def of(self, index: int, inputs: Sequence[Array] = ()) -> Mapping[str, Array]:
        """The weight of a convolution, of such a size that what leaves is as large as what enters."""
        shapes = self._network.arrays_of(self._network.nodes[index])
        fans = {name: math.prod(shape[1:]) for name, shape in shapes.items()}
        if self._draw is None:
            return {name: np.full(shape, 1 / fans[name]) for name, shape in shapes.items()}
        return {name: self._draw.normal(0, math.sqrt(self._gain / fans[name]), shape) for name, shape in shapes.items()}

    def done(self, index: int) -> None:
        """No array is kept."""


def derivative(network: Network, weights: Filters, x: Array) -> Array:
    """Of what leaves by every pixel."""
    end = network.outputs[0]
    result = gradients(network, {"input": x}, weights, Engine(), of=end, seed=np.ones_like)
    return result.inputs["input"][0, 0]


def profile(amounts: Array) -> Array:
    """A map as one axis has it, with sum 1."""
    return np.asarray(amounts.sum(0) / amounts.sum())


def spread(amounts: Array) -> float:
    """The standard deviation on an axis, over both."""
    places = np.arange(len(amounts)) - (len(amounts) - 1) / 2
    return math.sqrt(sum((profile(map_) * places**2).sum() for map_ in (amounts, amounts.T)) / 2)


def boxes(depth: int) -> Array:
    """A box of three convolved with itself so many times: in how many ways the taps lead to a pixel, as a share."""
    along = np.ones(1)
    for _ in range(depth):
        along = np.convolve(along, np.full(3, 1 / 3))
    return along


@pytest.mark.parametrize("depth", DEPTHS)
def test_equal_weights_make_a_box_convolved_with_itself(depth: int) -> None:
    network = stack(depth, 1)
    side = 2 * depth + 1
    drawn = derivative(network, Filters(network, None), np.ones((1, 1, side, side)))
    assert drawn == pytest.approx(np.outer(boxes(depth), boxes(depth)), rel=1e-9)
    row = STACKS[depth, "uniform"]
    assert profile(drawn) == pytest.approx(np.array(row["absolute"]), rel=1e-4)
    assert spread(drawn) == pytest.approx(row["closed_form"], rel=1e-9)
    assert row["spread"]["absolute"] == pytest.approx(math.sqrt(depth * (3**2 - 1) / 12), rel=1e-6)


@pytest.mark.parametrize("form", ["normal", "relu"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_what_pytorch_sees_of_random_weights_grows_with_the_root_of_the_depth(depth: int, form: str) -> None:
    """Squared, it has the spread of the boxes, and as an absolute value that is nearly Gaussian sqrt(2) times as much.

    Of few layers it is less: a theoretical field of 11 has no room for the tails.
    """
    row = STACKS[depth, form]
    assert row["spread"]["squared"] == pytest.approx(row["closed_form"], rel=0.03)
    assert row["spread"]["absolute"] == pytest.approx(
        math.sqrt(2) * row["closed_form"], rel=0.12 if depth < 10 else 0.06
    )
    assert row["side"] < row["theory"]


@pytest.mark.parametrize("form", ["normal", "relu"])
@pytest.mark.parametrize("depth", DEPTHS if MANY else DEPTHS[:2])
def test_random_weights_look_as_far_as_in_pytorch(depth: int, form: str) -> None:
    network = stack(depth, FIGURES["channels"], relu=form == "relu")
    side = 2 * depth + 1
    squared, absolute = np.zeros((side, side)), np.zeros((side, side))
    for seed in range(DRAWS):
        x = np.random.default_rng(1000 + seed).standard_normal((1, 1, side, side))
        drawn = derivative(network, Filters(network, seed, 2 if form == "relu" else 1), x)
        squared += drawn**2
        absolute += np.abs(drawn)
    row = STACKS[depth, form]
    assert spread(squared) == pytest.approx(row["closed_form"], rel=0.05)
    assert spread(squared) == pytest.approx(row["spread"]["squared"], rel=0.05)
    assert spread(absolute) == pytest.approx(row["spread"]["absolute"], rel=0.05)
