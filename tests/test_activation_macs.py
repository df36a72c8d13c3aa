"""Which products are of two tensors and which of a tensor and an array of the layer's own, as running the layer shows.

A layer is run again with other tensors, and again with other arrays. What a product is made of is of the arrays alone
where it is the same the first time and another the second.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from conftest import MANY, draws, load
from hypothesis import assume, given, settings

from convcalc import layers
from convcalc.arithmetic.precision import is_bias
from convcalc.reference.execution import run_layer
from convcalc.reference.weights import drawn
from convcalc.tensors.engine import Engine

MULTIPLYING = [name for name in layers.names() if load(name).macs is not layers.Kind.macs]


class Factors(Engine):
    """An engine that keeps what its products are made of, and how many multiplications each took."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Any, Any, int]] = []
        self._is_within = False

    def _kept(self, primitive: Any, a: Any, b: Any, *others: Any) -> Any:
        if self._is_within:
            return primitive(a, b, *others)
        factors, before, self._is_within = (a.copy(), b.copy()), self.multiplications, True
        try:
            return primitive(a, b, *others)
        finally:
            self._is_within = False
            self.seen.append((*factors, self.multiplications - before))

    def matmul(self, a: Any, b: Any) -> Any:
        return self._kept(super().matmul, a, b)

    def convolve(self, x: Any, weight: Any, *others: Any) -> Any:
        return self._kept(super().convolve, x, weight, *others)

    def contract(self, columns: Any, weight: Any, *others: Any) -> Any:
        return self._kept(super().contract, columns, weight, *others)

    def convolve_transposed(self, x: Any, weight: Any, *others: Any) -> Any:
        return self._kept(super().convolve_transposed, x, weight, *others)


def products(config: Any, inputs: Any, seed: int, of_arrays: int) -> list[tuple[Any, Any, int]]:
    shapes, generator = config.arrays(*inputs), np.random.default_rng(of_arrays)
    arrays = {name: drawn(generator, name, shape, np.dtype("float64")) for name, shape in shapes.items()}
    entering = np.random.default_rng(seed)
    engine = Factors()
    run_layer(engine, config, arrays, [entering.uniform(0.1, 1, (1, *x)) for x in inputs])
    return engine.seen


@pytest.mark.parametrize("name", MULTIPLYING)
@settings(max_examples=MANY or 8)
@given(draw=draws)
def test_products_of_two_tensors_are_those_that_no_array_has_a_part_in(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    assume(config.macs(*inputs) < 2_000_000)
    between = total = 0
    runs = [products(config, inputs, 1, 0), products(config, inputs, 2, 0), products(config, inputs, 1, 3)]
    for first, with_tensors, with_arrays in zip(*runs, strict=True):
        factors = zip(first[:2], with_tensors[:2], with_arrays[:2], strict=True)
        are_arrays = [
            np.array_equal(factor, same) and not np.array_equal(factor, other) for factor, same, other in factors
        ]
        total += first[2]
        between += 0 if any(are_arrays) else first[2]
    assert (config.activation_macs(*inputs), config.macs(*inputs)) == (between, total)


def test_attention_multiplies_queries_with_keys_and_what_these_choose() -> None:
    attention = load("attention")(num_heads=4)
    assert attention.macs((16, 64)) == 4 * 16 * 64 * 64 + 2 * 16 * 16 * 64
    assert attention.activation_macs((16, 64)) == 2 * 16 * 16 * 64


def test_arrays_that_are_added_are_biases_in_whichever_part_of_a_layer_they_are() -> None:
    names = {name for name in load("attention")(num_heads=4).weights((16, 64)) if is_bias(name)}
    assert names == {"in_proj_bias", "out_proj.bias"}
