"""What a kind says that it is, against what its reference does."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np
import pytest
from conftest import MANY, draws, load
from hypothesis import given, settings

from convcalc import layers
from convcalc.arithmetic.window import rounded_outputs
from convcalc.layers import Kind
from convcalc.reference.execution import run_layer
from convcalc.tensors.engine import Engine


def saying(method: str) -> list[str]:
    """The kinds that say something else than kinds in general."""
    return [name for name in COSTED if getattr(load(name), method) is not getattr(Kind, method)]


COSTED = [name for name in layers.names() if load(name).costed]
few = settings(max_examples=MANY or 15)


def arrays(config: Any, shapes: Any) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    claimed = {**config.weights(*shapes), **config.buffers(*shapes)}
    return {name: np.abs(generator.standard_normal(shape)) + 0.5 for name, shape in claimed.items()}


def output(config: Kind, shapes: Any, entering: list[Any]) -> Any:
    with np.errstate(all="ignore"):
        return run_layer(Engine(), config, arrays(config, shapes), entering)[0]


def numbers(shapes: Any) -> list[Any]:
    generator = np.random.default_rng(1)
    return [3 * generator.standard_normal((2, *x)) for x in shapes]


@pytest.mark.parametrize("name", COSTED)
@few
@given(draw=draws)
def test_what_leaves_lies_within_the_bounds_and_is_what_enters_where_a_kind_says_so(
    name: str, draw: random.Random
) -> None:
    config, shapes = load(name).case(draw)
    entering = numbers(shapes)
    y = output(config, shapes, entering)
    least, most = config.bounds()
    assert not np.any((y < least) | (y > most))
    if config.is_inert or config.no_op(shapes[0]):
        np.testing.assert_array_equal(y, entering[0])
    if config.is_clamp:
        np.testing.assert_array_equal(y, np.clip(entering[0], least, most))


@pytest.mark.parametrize("name", saying("cut"))
@few
@given(draw=draws)
def test_ends_are_cut_by_as_much_as_a_kind_says(name: str, draw: random.Random) -> None:
    config, shapes = load(name).case(draw)
    y, x = output(config, shapes, numbers(shapes)).shape[1:], shapes[0]
    for axis, (before, after) in config.cut(x).items():
        step = getattr(config, "step", 1)
        assert y[axis] == -(-(x[axis] - before - after) // step)


@pytest.mark.parametrize("name", saying("centres_channels"))
@few
@given(draw=draws)
def test_a_number_added_to_a_channel_is_subtracted_where_a_kind_says_so(name: str, draw: random.Random) -> None:
    config, shapes = load(name).case(draw)
    if "eps" in config.__struct_fields__:
        config = msgspec.structs.replace(config, eps=0.5)
    measured = not getattr(config, "track_running_stats", False)
    if not config.centres_channels(shapes[0]) or not measured:
        return
    (x,) = numbers(shapes)
    shift = np.arange(x.shape[1], dtype=float).reshape(-1, *[1] * (x.ndim - 2))
    np.testing.assert_allclose(output(config, shapes, [x + shift]), output(config, shapes, [x]), atol=1e-9)


@pytest.mark.parametrize("name", [name for name in COSTED if load(name).is_elementwise or load(name).is_pool])
@few
@given(draw=draws)
def test_channels_are_apart_in_pools_and_in_what_works_on_elements(name: str, draw: random.Random) -> None:
    """Another first channel leaves the others as they are; nothing is learned by pools."""
    config, shapes = load(name).case(draw)
    if len({x[0] for x in shapes}) > 1:
        return
    entering = numbers(shapes)
    changed = [np.concatenate([x[:, :1] + 1, x[:, 1:]], axis=1) for x in entering]
    left, right = (output(config, shapes, inputs) for inputs in (entering, changed))
    np.testing.assert_array_equal(left[:, 1:], right[:, 1:])
    assert not (config.is_pool and config.weights(*shapes))


@pytest.mark.parametrize("name", [name for name in COSTED if load(name).is_windowed])
@few
@given(draw=draws)
def test_windows_are_where_outputs_read(name: str, draw: random.Random) -> None:
    """The outputs of every window are those of the shape."""
    config, shapes = load(name).case(draw)
    windows = config.windows(shapes[0])  # type: ignore[attr-defined]  # which all of these have
    counts = rounded_outputs(windows, shapes[0][1:], getattr(config, "ceil_mode", False))
    assert output(config, shapes, numbers(shapes)).shape[2:] == counts


@pytest.mark.parametrize("name", [name for name in COSTED if load(name).mixes_channels])
@few
@given(draw=draws)
def test_all_channels_are_mixed_where_a_kind_says_so(name: str, draw: random.Random) -> None:
    """With positive weights and one group, more of the first channel changes every channel that leaves."""
    config, shapes = load(name).case(draw)
    if getattr(config, "groups", 1) > 1:
        return
    axis = 1 if config.is_convolution else -1
    entering = [x / 50 for x in numbers(shapes)]  # so small that no gate of a recurrent layer is all open or shut
    moved = entering[0].copy()
    np.moveaxis(moved, axis, 0)[0] += 0.02
    left, right = output(config, shapes, entering), output(config, shapes, [moved, *entering[1:]])
    differs = np.moveaxis(left != right, axis, 0)
    assert all(np.any(channel) for channel in differs) or not np.any(differs)


@pytest.mark.parametrize("name", [name for name in COSTED if load(name).is_view])
@few
@given(draw=draws)
def test_elements_of_a_view_leave_in_the_order_in_which_they_enter(name: str, draw: random.Random) -> None:
    config, shapes = load(name).case(draw)
    entering = numbers(shapes)
    np.testing.assert_array_equal(output(config, shapes, entering).ravel(), entering[0].ravel())
