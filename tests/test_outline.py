"""The outline of a network: every layer once, under what it is in, and no level too long to be looked at."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.outline import MOST_PARTS, SECTION, OutlinePart, outline
from convcalc.language import Source
from convcalc.language import loads as built
from convcalc.layers import kind_of
from convcalc.network import Group, Network, Node, input_node

ROOT = Path(__file__).parent.parent
ZOO = sorted((ROOT / "specs" / "zoo").glob("*.yaml"))


def chain(names: list[str], groups: tuple[Group, ...] = ()) -> Network:
    """A network of activations one behind the other, with an input before them."""
    relu = kind_of("relu")()
    nodes = [input_node("input", (4,), 1)]
    nodes += [Node(name, "relu", relu, (place,), (4,), place + 2) for place, name in enumerate(names)]
    return Network("chain", "", tuple(nodes), 1, (len(nodes) - 1,), groups, {}, {}, {})


def levels(network: Network, parts: tuple[OutlinePart, ...]) -> Counter[int | None]:
    """How many layers and parts stand directly in each part; None for the outermost level."""
    innermost: dict[int, int | None] = dict.fromkeys(range(network.input_count, len(network.nodes)))
    for place, part in enumerate(parts):
        innermost.update(dict.fromkeys(range(part.first, part.last), place))
    return Counter([*innermost.values(), *(part.parent for part in parts)])


def check(network: Network, most: int = MOST_PARTS) -> tuple[OutlinePart, ...]:
    """Whether an outline is one: its parts nest, every group is among them, and no level has more than so many."""
    parts = outline(network, most)
    for place, part in enumerate(parts):
        assert network.input_count <= part.first < part.last <= len(network.nodes)
        around = [outer for outer in parts[:place] if outer.first <= part.first and part.last <= outer.last]
        crossing = [other for other in parts[:place] if other.first < part.first < other.last < part.last]
        assert crossing == []
        if part.parent is None:
            assert around == []
        else:
            assert part.parent < place
            assert parts[part.parent] is around[-1]
    assert max(levels(network, parts).values(), default=0) <= most
    blocks = [(part.name, part.kind, part.first, part.last, part.times, part.line) for part in parts
              if part.kind != SECTION or part.times is not None or part.line]  # fmt: skip
    groups = [(group.name, group.kind, group.first, group.last, group.times, group.line) for group in network.groups
              if group.last > group.first]  # fmt: skip
    assert sorted(blocks, key=str) == sorted(groups, key=str)
    return parts


WORDS = st.sampled_from(["a", "b", "stage1", "stage2", "conv", "relu", "0", "1", "x y", "é", "", "…", " … "])
NAMES = st.builds(
    lambda words, joint: joint.join(words), st.lists(WORDS, min_size=1, max_size=4), st.sampled_from("._/")
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any names, unlike each other by a number; groups that nest and are in the order in which they end."""
    names = draw(st.lists(NAMES, max_size=120))
    repeat = draw(st.integers(1, 8))
    names = [f"{name}{place // repeat}.{place}" for place, name in enumerate(names)]
    groups: list[Group] = []

    def divide(first: int, last: int, depth: int) -> None:
        at = first
        while at < last and depth < 6:
            end = draw(st.integers(at, last))
            if draw(st.booleans()):
                divide(at, end, depth + 1)
                times = draw(st.sampled_from([None, 1, 3]))
                groups.append(Group(draw(NAMES), draw(st.sampled_from(["block", "relu"])), at, end, times, at))
            at = max(end, at + 1)

    divide(1, len(names) + 1, 0)
    return chain(names, tuple(groups))


@settings(deadline=None)
@given(networks(), st.sampled_from([2, 3, 5, MOST_PARTS]))
def test_every_layer_is_in_its_innermost_part_and_no_level_is_long(network: Network, most: int) -> None:
    check(network, most)


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_published_networks(path: Path) -> None:
    check(convcalc.load(path))


def test_an_empty_network_has_no_parts() -> None:
    assert outline(chain([])) == ()


def test_a_repeat_of_nothing_is_no_part() -> None:
    spec = "input: [4, 8, 8]\nlayers:\n  - relu: {repeat: 3, name: gone, when: index > 5}\n  - relu\n"
    network = built(Source("empty.yaml", spec))
    assert [(group.name, group.first, group.last) for group in network.groups] == [("gone", 1, 1)]
    assert check(network) == ()


@pytest.mark.parametrize("count", [41, 1_600, 1_601, 10_000])
def test_many_layers_of_one_level(count: int) -> None:
    """Sections of equal size, and as few levels of them as there can be."""
    network = chain([f"relu{place}" for place in range(count)])
    parts = check(network)
    sizes = [part.last - part.first for part in parts if part.parent is None]
    assert max(sizes) - min(sizes) <= 1
    depth = 1 + max(
        sum(1 for outer in parts if outer.first <= part.first and part.last <= outer.last) for part in parts
    )
    assert MOST_PARTS ** (depth - 1) < count <= MOST_PARTS**depth


def test_layers_are_put_together_by_the_words_of_their_names() -> None:
    names = [f"stage{stage}.{branch}.conv{place}" for stage in range(3) for branch in range(4) for place in range(5)]
    parts = check(chain(names))
    assert [part.name for part in parts if part.parent is None] == ["stage0", "stage1", "stage2"]


def test_blocks_may_be_in_each_other_deeper_than_python_calls() -> None:
    depth = 3_000
    groups = tuple(Group(f"g{place}", "block", 1, 2, None, place + 1) for place in range(depth))
    parts = outline(chain(["a"], groups))
    assert [part.parent for part in parts] == [None, *range(depth - 1)]


def test_sections_are_named_by_what_is_first_and_last_in_them() -> None:
    parts = outline(chain([f"relu{place}" for place in range(50)]))
    for part in parts:
        assert re.fullmatch(r"relu\d+ … relu\d+", part.name)
        assert part.name == f"relu{part.first - 1} … relu{part.last - 2}"


def test_a_section_with_nearly_all_layers_is_left_away() -> None:
    """Exported models call all but the head `features`: a page that showed only that would show nothing."""
    names = [f"features.{block}.conv{place}" for block in range(8) for place in range(10)]
    parts = check(chain([*names, "pool", "classifier"]))
    assert [part.name for part in parts] == [f"features.{block}" for block in range(8)]


MODELS = ROOT / "tests" / "data" / "onnx"


@pytest.mark.parametrize("name", ["densenet121", "efficientnet_b0", "resnet50", "timm_legacy_xception"])
def test_a_flat_model_is_shown_by_its_stages(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(gzip.decompress((MODELS / f"{name}.onnx.gz").read_bytes()))
    network = convcalc.load(path)
    parts = check(network)
    assert max(part.last - part.first for part in parts) <= len(network.layers) / 2
