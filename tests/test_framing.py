"""Where PyTorch pads or crops beside a layer: what is said of it, against the code that is exported of the layer."""

from __future__ import annotations

import random
import re

import pytest
from conftest import draws, load
from hypothesis import given

from convcalc.analysis.framing import framed, pads_of
from convcalc.exports import pytorch
from convcalc.exports.errors import CannotWrite
from convcalc.network import Network, Node, input_node

KINDS = ("conv", "conv_transpose", "max_pool", "avg_pool")
CALL = re.compile(r"F\.pad\( ?(?:x|self\.layer\(x\)), \(([-\d, ]+)\)")


def exported(name: str, draw: random.Random) -> tuple[Node, tuple[int, ...], str] | None:
    """A layer, the shape that enters it, and what is exported of it on one line; None where PyTorch cannot say it."""
    kind, shapes = load(name).case(draw)
    if len(shapes) != 1:
        return None
    node = Node("layer", name, kind, (0,), kind.shape(*shapes), 0)
    network = Network(name, "", (input_node("input", shapes[0], 0), node), 1, (1,), (), {}, {}, {})
    try:
        return node, shapes[0], " ".join(pytorch.write(network).split())
    except CannotWrite:
        return None


@pytest.mark.parametrize("name", KINDS)
@given(draw=draws)
def test_what_is_padded_beside_a_layer_is_what_its_code_pads(name: str, draw: random.Random) -> None:
    case = exported(name, draw)
    if case is None:
        return
    node, x, code = case
    between = framed(node.config, x, node.shape)
    assert (between is not None) == ("F.pad(" in code), code
    if between is None:
        return
    ends = [int(end) for end in CALL.search(code)[1].split(",") if end.strip()]  # type: ignore[index]
    added = [before + behind for before, behind in zip(ends[::2], ends[1::2], strict=True)][::-1]
    padded, shape = (between, node.shape) if name == "conv_transpose" else (x, between)
    assert [size + more for size, more in zip(padded[1:], added, strict=True)] == list(shape[1:]), code


def test_pads_are_told_axis_by_axis() -> None:
    kind = load("conv")(out_channels=4, kernel_size=(4, 3), padding="same", stride=(1, 1), dilation=(1, 1))
    assert pads_of(kind, (3, 8, 8)) == [(1, 2), (1, 1)]
    assert framed(kind, (3, 8, 8), (4, 8, 8)) is None, "PyTorch has a word for it"
    assert pads_of(load("relu")(), (3, 8, 8)) == []
