"""The layout of graphs, as the command line and the page have it: nothing lies on anything else, and all is there."""

from __future__ import annotations

import random
from itertools import combinations, pairwise
from typing import Any

import pytest
from conftest import draws
from graph_scenes import Graph, drawn, engine, seen_edges, stand_in
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.analyze import analyze
from convcalc.views.formats.json import readable
from convcalc.views.pictures.record import record

Box = dict[str, float]
Point = tuple[float, float]
ROOMS = st.sampled_from([(300, 200), (800, 400), (1200, 500)])


def scene(graph: Graph, opened: set[int], room: tuple[int, int]) -> Any:
    size = {"width": room[0], "height": room[1]}
    return engine().call("convcalc.scene", graph, sorted(opened), size)


def crosses(box: Box, other: Box, by: float = 0.01) -> bool:
    """Whether two boxes have more in common than their borders."""
    wide = min(box["x"] + box["width"], other["x"] + other["width"]) - max(box["x"], other["x"])
    high = min(box["y"] + box["height"], other["y"] + other["height"]) - max(box["y"], other["y"])
    return wide > by and high > by


def holds(box: Box, other: Box) -> bool:
    right, bottom = other["x"] + other["width"], other["y"] + other["height"]
    is_right = right <= box["x"] + box["width"] + 0.01 and bottom <= box["y"] + box["height"] + 0.01
    return box["x"] <= other["x"] + 0.01 and box["y"] <= other["y"] + 0.01 and is_right


def way(edge: Any) -> list[Point]:
    """Points along an edge as it is drawn, many of them where it bends."""
    points: list[Point] = []
    for piece in edge["pieces"]:
        places = [(point["x"], point["y"]) for point in piece["points"]]
        for (x, y), (right, below) in pairwise(places):
            steps = [step / 12 for step in range(13)]
            if piece["bent"]:
                points += [(x + (right - x) * step, y + (below - y) * step) for step in steps]
            else:  # the cubic curve that the picture has there
                eased = [(step * step * (3 - 2 * step), step) for step in steps]
                points += [(x + (right - x) * part, _between(y, below, step)) for part, step in eased]
    return points


def _between(start: float, end: float, step: float) -> float:
    middle, rest = (start + end) / 2, 1 - step
    return rest**3 * start + 3 * rest * step * middle + step**3 * end


def check(graph: Graph, opened: set[int], room: tuple[int, int]) -> None:
    made = scene(graph, opened, room)
    seen, layout = made["seen"], made["layout"]
    boxes: dict[str, Box] = layout["boxes"]
    nodes = [node["id"] for node in seen["nodes"]]
    assert nodes == list(dict.fromkeys(stand_in(graph, opened, place) for place in range(len(graph["nodes"]))))
    edges = {(edge["from"], edge["to"]): set(edge["shapes"]) for edge in layout["edges"]}
    assert edges == seen_edges(graph, opened)
    picture = {"x": 0, "y": 0, "width": layout["width"], "height": layout["height"]}
    assert all(holds(picture, box) for box in boxes.values())
    for node, other in combinations(nodes, 2):
        assert not crosses(boxes[node], boxes[other]), (node, other)
    _check_clusters(seen, boxes, nodes)
    for edge in layout["edges"]:
        _check_edge(edge, boxes, nodes, picture)


def _check_clusters(seen: Any, boxes: dict[str, Box], nodes: list[str]) -> None:
    """A block holds what is in it, its title left free, and nothing else."""
    parents = {item["id"]: item["parent"] for item in (*seen["nodes"], *seen["clusters"])}
    for cluster in (item["id"] for item in seen["clusters"]):
        title = {**boxes[cluster], "height": 22}
        for other in (*nodes, *(item["id"] for item in seen["clusters"])):
            around, at = [], other
            while at is not None:
                around.append(at)
                at = parents[at]
            if other == cluster or other in around[1:]:
                continue
            if cluster in around:
                assert holds(boxes[cluster], boxes[other])
                assert not crosses(title, boxes[other])
            elif other in nodes:
                assert not crosses(boxes[cluster], boxes[other]), (cluster, other)


def _check_edge(edge: Any, boxes: dict[str, Box], nodes: list[str], picture: Box) -> None:
    start, end = boxes[edge["from"]], boxes[edge["to"]]
    points = way(edge)
    assert points[0][1] == pytest.approx(start["y"] + start["height"])
    assert start["x"] <= points[0][0] <= start["x"] + start["width"]
    assert points[-1][1] == pytest.approx(end["y"])
    assert end["x"] <= points[-1][0] <= end["x"] + end["width"]
    for before, after in pairwise(edge["pieces"]):
        assert before["points"][-1] == after["points"][0]
    for node in nodes:
        within = [point for point in points if _is_inside(boxes[node], point)]
        assert not within, (edge["from"], edge["to"], node)
    assert all(_is_inside(picture, point, -1) for point in points)
    if edge["label"]:
        wide = engine().call("convcalc.textWidth", edge["label"], 11)
        label = {"x": edge["at"]["x"] - wide / 2, "y": edge["at"]["y"] - 6, "width": wide, "height": 12}
        assert not [node for node in nodes if crosses(label, boxes[node])]
        assert holds(picture, label)


def _is_inside(box: Box, point: Point, by: float = 0.5) -> bool:
    x, y = point
    is_below = box["y"] + by < y < box["y"] + box["height"] - by
    return is_below and box["x"] + by < x < box["x"] + box["width"] - by


@given(draws, ROOMS)
def test_nothing_lies_on_anything_else(draw: random.Random, room: tuple[int, int]) -> None:
    graph = drawn(draw)
    opened = {place for place in range(len(graph["parts"])) if draw.random() < 0.6}
    check(graph, opened, room)


@pytest.mark.parametrize("name", ["resnet50", "unet", "densenet121", "googlenet", "ssd300_vgg16"])
@pytest.mark.parametrize("depth", [0, 1])
def test_networks_of_the_zoo_are_laid_out_so(name: str, depth: int) -> None:
    graph = readable(record(analyze(convcalc.load(f"zoo:{name}")), name))
    opened = {place for place, part in enumerate(graph["parts"]) if depth and part.get("parent") is None}
    check(graph, opened, (800, 400))


def test_a_chain_is_put_into_columns_that_the_room_has_the_width_for() -> None:
    nodes = [{"name": f"n{at}", "kind": "relu", "shape": "1", "inputs": [at - 1] if at else []} for at in range(40)]
    graph = {"name": "chain", "columns": [], "nodes": nodes, "parts": [], "outputs": [39]}
    heights = []
    for width, columns in ((300, 1), (800, 3), (1300, 5)):
        layout = scene(graph, set(), (width, 400))["layout"]
        assert len({box["x"] for box in layout["boxes"].values()}) == columns
        assert layout["width"] <= width
        heights.append(layout["height"])
    assert heights[0] > 2 * heights[1] > 3 * heights[2]


def test_a_graph_that_is_not_high_stays_in_one_column() -> None:
    nodes = [{"name": f"n{at}", "kind": "relu", "shape": "1", "inputs": [at - 1] if at else []} for at in range(4)]
    graph = {"name": "chain", "columns": [], "nodes": nodes, "parts": [], "outputs": [3]}
    assert len({box["x"] for box in scene(graph, set(), (1300, 400))["layout"]["boxes"].values()}) == 1


@pytest.mark.parametrize("seed", [3086665])
def test_ways_pass_by_what_is_higher_than_the_rest_of_its_rank(seed: int) -> None:
    draw = random.Random(seed)
    graph = drawn(draw)
    opened = {place for place in range(len(graph["parts"])) if draw.random() < 0.6}
    check(graph, opened, (300, 200))
