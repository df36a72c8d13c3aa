"""Every kind run backwards: its gradients are those that differences of its own runs have, and say nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import MANY, load
from differences import extrapolated
from test_reference import NAMES, arrays_of, entering, having_values

from convcalc.layers import Kind, Wanted
from convcalc.layers._indices import CHOOSES
from convcalc.reference.execution import run_layer
from convcalc.reference.gradients import LayerGradients, run_traced
from convcalc.reference.measured import BUFFERS
from convcalc.tensors.engine import Engine

CASES = MANY or 6
PLACES = 6
"""Elements of an array whose derivatives are looked at; all that there are in long searches."""

TAKEN_AS_GIVEN = {"roi_align", "opaque"}
"""Kinds that give no gradient where there is a slope, and say why."""


class Drawn(NamedTuple):
    """A generated layer with the arrays that it is run on, and the gradient of what leaves."""

    config: Kind
    arrays: dict[str, Any]
    inputs: list[Any]
    gradient: Any

    def run(self, engine: Engine | None = None) -> Any:
        """What leaves, whose gradient is known."""
        with np.errstate(all="ignore"):
            output, _ = run_layer(engine or Engine(), self.config, self.arrays, self.inputs)
        return output

    def pulled(self, gradient: Any, engine: Engine | None = None) -> LayerGradients:
        """The gradients of all that entered."""
        wanted = Wanted((True,) * len(self.inputs), weights=True)
        with np.errstate(all="ignore"):
            return run_traced(engine or Engine(), self.config, self.arrays, self.inputs, wanted).pull(gradient)

    def operands(self, gradients: LayerGradients) -> Iterator[tuple[str, Any, Any]]:
        """Every array that may have a gradient, by a name, with what came to it: None if nothing did."""
        for place, (x, gradient) in enumerate(zip(self.inputs, gradients.inputs, strict=True)):
            yield f"input {place}", x, gradient
        for name, array in self.arrays.items():
            if name not in BUFFERS:
                yield name, array, gradients.arrays.get(name)


def drawn_case(name: str, seed: int, dtype: str = "float64") -> Drawn:
    """A case of a kind, with numbers for which its functions have values."""
    config, shapes = load(name).case(random.Random(seed))
    drawn = Drawn(
        config, arrays_of(config, shapes), placed(config, having_values(config, entering(shapes, batch=2))), None
    )
    gradient = np.random.default_rng(seed).standard_normal(drawn.run().shape)
    cast = {key: array.astype(dtype) for key, array in drawn.arrays.items()}
    return Drawn(config, cast, [x.astype(dtype) for x in drawn.inputs], gradient.astype(dtype))


def placed(config: Kind, inputs: list[Any]) -> list[Any]:
    """Inputs that say which places are meant name some of them twice, and do not stand where a step is."""
    chooses = [config.no_gradient(place) == CHOOSES for place in range(len(inputs))]
    return [np.floor(2 * abs(x)) + 0.3 if is_place else x for x, is_place in zip(inputs, chooses, strict=True)]


def of_element(drawn: Drawn, array: Any, at: tuple[int, ...]) -> Any:
    """The derivative of the output, weighed with the gradient, with regard to one element, by running the layer."""
    before = array[at]

    def moved(step: float) -> Any:
        array[at] = before + step
        with np.errstate(all="ignore"):
            total = (drawn.gradient * np.nan_to_num(drawn.run())).sum()
        array[at] = before
        return total

    return extrapolated(moved, 0.004)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_differences(name: str) -> None:
    compared = doubtful = 0
    for seed in range(CASES):
        drawn = drawn_case(name, seed)
        for operand, array, gradient in drawn.operands(drawn.pulled(drawn.gradient)):
            if gradient is None and name in TAKEN_AS_GIVEN:
                continue
            places = list(np.ndindex(array.shape))
            for at in places if MANY else random.Random(seed).sample(places, min(PLACES, len(places))):
                difference = of_element(drawn, array, at)
                if difference.doubt > 1e-6 * (1 + abs(difference.value)):
                    doubtful += 1
                    continue
                ours = 0.0 if gradient is None else gradient[at]
                assert ours == pytest.approx(difference.value, rel=1e-5, abs=1e-5), (drawn.config, operand, at)
                compared += 1
    assert doubtful <= compared


@pytest.mark.parametrize("name", NAMES)
def test_where_no_gradient_comes_the_kind_says_why(name: str) -> None:
    for seed in range(CASES):
        drawn = drawn_case(name, seed)
        gradients = drawn.pulled(drawn.gradient)
        for place, gradient in enumerate(gradients.inputs):
            reason = drawn.config.no_gradient(place)
            assert (gradient is None or not gradient.any()) >= bool(reason), (drawn.config, place)
            assert gradient is not None or reason, (drawn.config, place)
        learned = set(drawn.arrays) - set(BUFFERS)
        assert set(gradients.arrays) == learned


@pytest.mark.parametrize("name", NAMES)
def test_the_way_back_is_linear_and_keeps_shapes_and_formats(name: str) -> None:
    """J'(a u + b v) = a J'u + b J'v, in single precision, and close to what double precision has."""
    for seed in range(CASES):
        drawn, exact = drawn_case(name, seed, "float32"), drawn_case(name, seed)
        other = np.random.default_rng(seed + 1).standard_normal(drawn.gradient.shape).astype("float32")
        results = [drawn.pulled(u) for u in (drawn.gradient, other, 2 * drawn.gradient - 3 * other)]
        for (operand, array, first), *rest in zip(*(drawn.operands(result) for result in results), strict=True):
            second, both = (gradient for _, _, gradient in rest)
            if first is None:
                assert second is None
                assert both is None
                continue
            assert first.shape == array.shape, (drawn.config, operand)
            assert first.dtype == np.float32, (drawn.config, operand)
            scale = 1e-4 * float(1 + np.abs(first).max(initial=0) + np.abs(second).max(initial=0))
            assert both == pytest.approx(2 * first - 3 * second, rel=1e-4, abs=scale), (drawn.config, operand)
        for (operand, _, single), (_, _, double) in zip(
            drawn.operands(results[0]), exact.operands(exact.pulled(exact.gradient)), strict=True
        ):
            if double is not None:
                scale = 1e-3 * float(1 + np.abs(double).max(initial=0))
                assert single == pytest.approx(double, rel=1e-3, abs=scale), (drawn.config, operand)


def come_back(config: Kind, inputs: list[Any], gradient: Any = None) -> list[Any]:
    """The gradients of all that enters a layer without arrays, by that of what leaves, else by ones."""
    run = run_traced(Engine(), config, {}, inputs, Wanted((True,) * len(inputs), weights=False))
    return list(run.pull(np.ones(run.output.shape) if gradient is None else gradient).inputs)


GRIDS = json.loads((Path(__file__).parent / "data" / "pytorch_grid_sample.json").read_text("utf-8"))
"""Gradients of torch.nn.functional.grid_sample of `sin(0, 1, 2, ...)` as [1, 2, 4, 5], on a grid of all pairs of
`places`, positions and ends among them, where what leaves is weighed with `cos(0, 1, 2, ...)`."""


@pytest.mark.parametrize(
    "row", GRIDS["rows"], ids=lambda row: f"{row['mode']}-{row['padding_mode']}-{row['align_corners']}"
)
def test_a_grid_on_positions_and_ends_has_the_gradients_of_pytorch(row: dict[str, Any]) -> None:
    places = np.array(GRIDS["places"])
    x = np.sin(np.arange(40.0)).reshape(1, 2, 4, 5)
    grid = np.stack(np.meshgrid(places, places, indexing="ij"), -1)[None]
    config = load("grid_sample")(**{name: row[name] for name in ("mode", "padding_mode", "align_corners")})
    weights = np.cos(np.arange(2.0 * len(places) ** 2)).reshape(1, 2, *grid.shape[1:3])
    of_x, of_grid = come_back(config, [x, grid], weights)
    assert of_x.ravel() == pytest.approx(np.array(row["of_x"]), abs=1e-8)
    assert of_grid.ravel() == pytest.approx(np.array(row["of_grid"]), abs=1e-8)


def test_offsets_of_nothing_have_the_slope_behind_them() -> None:
    """Where an offset is 0 a tap stands on a position: what comes to the offset is the step to the next, as floor has
    it, and is known here by hand, also on padding."""
    x = np.array([1.0, 4.0, 9.0]).reshape(1, 1, 3)
    config = load("deform_conv")(out_channels=1, kernel_size=(3,), padding=((1, 1),), bias=False)
    offset, weight = np.zeros((1, 3, 3)), {"weight": np.array([[[1.0, 10.0, 100.0]]])}
    run = run_traced(Engine(), config, weight, [x, offset], Wanted((True, True), weights=True))
    result = run.pull(np.ones(run.output.shape))
    steps = np.array([[1, 3, 5], [3, 5, -9], [5, -9, 0]])  # of 0, 1, 4, 9, 0, 0: from where each tap stands
    assert result.inputs[1] is not None
    assert result.inputs[1][0] == pytest.approx(steps * [[1], [10], [100]])
    assert result.arrays["weight"].ravel() == pytest.approx([5, 14, 13])


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("reduce", {"axes": (0,), "operation": "l2"}),
        ("reduce", {"axes": (0,), "operation": "l1"}),
        *[("lp_pool", {"kernel_size": (2,), "stride": (2,), "norm_type": p}) for p in (1, 2, 3)],
        *[("global_lp_pool", {"norm_type": p}) for p in (1, 2, 3)],
    ],
)
def test_a_norm_of_nothing_has_slope_0(kind: str, fields: dict[str, Any]) -> None:
    """As torch.linalg.vector_norm has it; an infinite slope of the root, times 0, would be no number."""
    (gradient,) = come_back(load(kind)(**fields), [np.zeros((1, 3, 4))])
    assert np.array_equal(gradient, np.zeros((1, 3, 4)))


def test_a_length_of_nothing_is_held_at_eps() -> None:
    """x / max(norm, eps), as torch.nn.functional.normalize: at 0 the slope is 1 / eps."""
    (gradient,) = come_back(load("normalize")(eps=0.25), [np.zeros((1, 3))])
    assert np.array_equal(gradient, [[4.0, 4.0, 4.0]])
