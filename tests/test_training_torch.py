"""What training costs against PyTorch: its own counter of FLOPs forward and backward, and the tensors that it keeps.

The figures are of a run of the versions that the files name: see tests/torch_flops.py and tests/torch_saved.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import convcalc
from convcalc import Network
from convcalc.arithmetic.number import product
from convcalc.layers import Kept, Kind, Shape, Wanted, kind_of

DATA = Path(__file__).parent / "data/training"
COUNTED: dict[str, Any] = json.loads((DATA / "flops.json").read_text("utf-8"))["networks"]
SAVED: dict[str, Any] = json.loads((DATA / "saved.json").read_text("utf-8"))["networks"]

FROZEN = {
    "alexnet": ("conv[12]",),
    "convnext_tiny": ("stem", "layer_norm1", "stage1"),
    "deeplabv3_resnet50": ("stem*", "layer?"),
    "densenet121": ("stem", "dense1"),
    "efficientnet_b0": ("stem", "stage[12]"),
    "fcn_resnet50": ("stem*", "layer?"),
    "googlenet": ("conv*",),
    "inception_v3": ("Conv2d_[12]a_3x3",),
    "mobilenet_v2": ("stem", "stage[12]"),
    "mobilenet_v3_large": ("stem", "batch_norm1", "row1"),
    "mobilenet_v3_small": ("stem", "batch_norm1", "row1"),
    "r3d_18": ("stem", "batch_norm1", "layer1"),
    "resnet18": ("stem", "batch_norm1", "layer1"),
    "resnet50": ("stem", "batch_norm1", "layer[12]"),
    "resnext50_32x4d": ("stem", "layer1"),
    "shufflenet_v2_x1_0": ("stem", "stage2*"),
    "squeezenet1_0": ("conv1", "fire2"),
    "squeezenet1_1": ("conv1", "fire2"),
    "swin_t": ("patches", "norm_of_patches", "stage1"),
    "vgg16": ("conv1",),
    "vit_b_16": ("patches",),
}
"""By the names that layers have here, what the counter's run has frozen: the first modules of torchvision's network."""


def network_of(name: str, figures: dict[str, Any]) -> Network:
    shape = "x".join(map(str, figures["shape"]))
    return convcalc.load(f"zoo:{name.removesuffix('_x1_0')}@input={shape}")


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("way", ["all", "frozen"])
def test_the_counter_of_pytorch(name: str, way: str) -> None:
    """Where it is wrong, of weights of grouped convolutions, by as much as the count by hand beside it says."""
    figures, counted = COUNTED[name], COUNTED[name]["ways"][way]
    totals = convcalc.training(network_of(name, figures), freeze=FROZEN[name] if way == "frozen" else ()).totals
    assert totals.macs == figures["forward"]
    assert totals.input_gradient_macs == counted["of_inputs"]
    assert totals.weight_gradient_macs == counted["of_weights"]
    assert totals.step_macs == counted["counted"] - counted["wrong"]


def test_the_counter_is_wrong_where_convolutions_are_grouped_and_only_there() -> None:
    grouped = {name for name, figures in COUNTED.items() if figures["ways"]["all"]["wrong"]}
    assert grouped == {
        name
        for name, figures in COUNTED.items()
        if any(getattr(node.config, "groups", 1) > 1 for node in network_of(name, figures).layers)
    }


def _its_output(self: Kind, wanted: Wanted, *inputs: Shape) -> Kept:
    """As PyTorch has it for ReLU: what leaves, where here it is a mask."""
    return Kept(output=wanted.inputs[0])


def _its_input(self: Kind, wanted: Wanted, *inputs: Shape) -> Kept:
    return Kept(inputs=(0,) if wanted.inputs[0] else ())


def _input_and_places(self: Kind, wanted: Wanted, *inputs: Shape) -> Kept:
    """What enters, and places of eight bytes each, where here it is which tap."""
    return Kept(inputs=(0,), bytes=8 * product(self.shape(*inputs))) if wanted.inputs[0] else Kept()


def _numbers(self: Kind, wanted: Wanted, *inputs: Shape) -> Kept:
    """A mask of numbers of the network's format, where here it is of bytes."""
    return Kept(numbers=product(inputs[0])) if wanted.inputs[0] and self.dropped > 0 else Kept()


OTHERWISE: dict[str, Callable[..., Kept]] = {
    "relu": _its_output,
    "relu6": _its_input,
    "max_pool": _input_and_places,
    "dropout": _numbers,
    "avg_pool": _its_input,
    "adaptive_avg_pool": _its_input,
}
"""Kinds of which PyTorch keeps something else than convcalc says, as docs/training.md has it."""


@pytest.mark.parametrize(
    "name", ["alexnet", "densenet121", "mobilenet_v2", "resnet18", "resnet50", "squeezenet1_0", "vgg16"]
)
def test_what_pytorch_keeps(name: str) -> None:
    """With the few kinds that it does otherwise done as there, all tensors that it holds, to the byte."""
    network = network_of(name, SAVED[name])
    with ExitStack() as there:
        for kind, kept in OTHERWISE.items():
            there.enter_context(mock.patch.object(kind_of(kind), "kept", kept))
        totals = convcalc.training(network).totals
    assert totals.kept_bytes == SAVED[name]["bytes"]
