"""Identities of maps that are read at places, and of windows that are laid out as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.battery.identities import EXACT, Bench, Sides, identity
from convcalc.battery.identities.convolutions import convolved
from convcalc.layers import Shape


def _window(config: Any) -> dict[str, Any]:
    return {name: getattr(config, name) for name in ("stride", "padding", "dilation")}


@identity("unfold")
def a_convolution_multiplies_columns(bench: Bench, config: Any, x: Shape) -> Sides:
    """A convolution is the matrix of its filters times the columns of its windows."""
    (a,), filters = bench.entering([x]), 3
    weight = bench.random(filters, x[0], *config.kernel_size)
    ours = np.matmul(weight.reshape(filters, -1), bench.layer(config, {}, a))
    return ours, convolved(bench, a, weight, **_window(config)).reshape(ours.shape)


@identity("fold")
def folding_is_the_adjoint_of_unfolding(bench: Bench, config: Any, x: Shape) -> Sides:
    """<unfold(a), y> = <a, fold(y)>."""
    axes = len(config.output_size)
    (y,) = bench.entering([x])
    back = bench.layer(config, {}, y)
    a = bench.random(*back.shape)
    window: dict[str, Any] = {
        name: tuple(getattr(config, name)) * (axes // len(getattr(config, name)))
        for name in ("kernel_size", "stride", "padding", "dilation")
    }
    window["padding"] = tuple((more, more) for more in window["padding"])
    return np.vdot(bench.run("unfold", a, **window), y), np.vdot(a, back)


@identity("grid_sample")
def an_unmoved_grid_is_the_map(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """A grid with every position at its own place gives the map, whatever the mode."""
    (a,) = bench.entering(shapes[:1])
    axes = a.ndim - 2
    unmoved = np.broadcast_to(np.eye(axes, axes + 1), (2, axes, axes + 1))
    grid = bench.run("affine_grid", unmoved, size=a.shape[2:], align_corners=config.align_corners)
    return bench.layer(config, {}, a, grid), a


@identity("affine_grid")
def grids_of_matrices_add_up(bench: Bench, config: Any, x: Shape) -> Sides:
    """The grid of the sum of two matrices is the sum of their grids."""
    first, second = bench.entering([x, x])
    both = bench.layer(config, {}, first) + bench.layer(config, {}, second)
    return bench.layer(config, {}, first + second), both


@identity("roi_align")
def a_box_of_the_whole_map_is_the_map(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """A box around the map, with a cell and a sample for every position, gives the map."""
    (a,) = bench.entering(shapes[:1])
    box = np.array([0.0, 0.0, a.shape[3], a.shape[2]]) / config.spatial_scale
    boxes = np.broadcast_to(box, (2, 1, 4))
    own = {"output_size": a.shape[2:], "sampling_ratio": 1, "aligned": True, "mode": "avg"}
    return bench.layer(config, {}, a, boxes, **own)[:, 0], a


@identity("max_unpool", tolerance=EXACT)
def what_is_put_back_is_found_there(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """With a place for each element, all of them are at their places, and nothing is anywhere else."""
    (a,), count = bench.entering(shapes[:1]), int(np.prod(config.shape(*shapes)))
    if a[0].size > count:
        return None
    places = np.stack([bench.generator.permutation(count)[: a[0].size] for _ in a])
    y = bench.layer(config, {}, a, places.reshape(a.shape)).reshape(2, -1)
    left = y.copy()
    np.put_along_axis(left, places, 0.0, 1)
    seen = np.take_along_axis(y, places, 1).reshape(a.shape)
    return np.stack([seen, 0 * a + abs(left).max()]), np.stack([a, 0 * a])
