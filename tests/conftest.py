"""What the tests generate, and how much of it: with CONVCALC_EXAMPLES=1000 every property draws so many examples.

Without it a property draws the same examples in every run, so that a change is judged by what it changes and not by
luck; the long searches draw others each time.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import chromium as chromium
from browser import new_page as new_page
from browser import page as page
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from convcalc import layers
from convcalc.arithmetic.window import ROUNDING_WORDS
from convcalc.layers import Kind, Shape
from convcalc.network import Network

if sys.dont_write_bytecode:  # no compiled file is wanted beside its source, and no process need compile all once more
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parent.parent / ".pytest_cache" / "bytecode")
    sys.dont_write_bytecode, sys.pycache_prefix = False, os.environ["PYTHONPYCACHEPREFIX"]

pytest.register_assert_rewrite("witnesses", "witnesses_compare", "witnesses_explain", "witnesses_lint")

MANY = int(os.environ.get("CONVCALC_EXAMPLES", "0"))

settings.register_profile(
    "convcalc",
    deadline=None,
    derandomize=not MANY,
    max_examples=MANY or 40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("convcalc")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of collected tests live until the end: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


COVERING = {
    "alexnet",
    "alexnet_original",
    "convnext_tiny",
    "deformable_v1_v2",
    "duc_resnet101",
    "efficientnet_b0",
    "fcn_resnet50",
    "keras_separable_classifier",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "resnet18",
    "separable_12x12",
    "separable_block_mobilenet",
    "shufflenet_v1",
    "shufflenet_v2",
    "small_classifier",
    "spatial_separable_7x7_256",
    "squeeze_excite",
    "ssd300_vgg16",
    "swin_t",
    "unet",
    "vit_b_16",
    "wavenet",
}
"""Specs in which every kind and block is that any of ours has: what takes long on a spec is done on these."""


def covering(paths: Sequence[Path]) -> list[Path]:
    """Those of some specs that are enough; with CONVCALC_EXAMPLES all of them."""
    return [path for path in paths if MANY or path.stem in COVERING]


Case = tuple[Any, tuple[Shape, ...]]
"""A kind with its fields, and the shapes that enter."""

draws = st.randoms(use_true_random=True)


def exported(network: Network, arrays: Any, **options: Any) -> Any:
    """A network as an ONNX model with its arrays in it."""
    import onnx

    from convcalc.exports.onnx.write import with_arrays

    return onnx.load_model_from_string(b"".join(with_arrays(network, arrays, **options)))


def load(name: str) -> type[Kind]:
    kind = layers.load(name)
    assert kind is not None
    return kind


@st.composite
def convolutions(draw: st.DrawFn, transposed: bool = False) -> Case:
    """Any geometry, on axes long enough for one output."""
    rank, groups = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    axes: list[tuple[int, ...]] = []
    for _ in range(rank):
        kernel, stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
        before, after, more = draw(st.integers(0, 5)), draw(st.integers(0, 5)), draw(st.integers(0, 6))
        least = 1 + (before + after if transposed else max((kernel - 1) * dilation - before - after, 0))
        added = draw(st.integers(0, max(stride, dilation) - 1))
        axes.append((kernel, stride, dilation, before, after, least + more, added))
    kernels, strides, dilations, befores, afters, sizes, addeds = zip(*axes, strict=True)
    padding: Any = tuple(zip(befores, afters, strict=True))
    words = ["same", "same_lower", "valid"] + ["causal"] * (rank == 1)
    if not transposed and draw(st.booleans()):
        word = draw(st.sampled_from(words))
        if word != "valid" or all((k - 1) * d < size for k, d, size in zip(kernels, dilations, sizes, strict=True)):
            padding = word
    fields = {"kernel_size": kernels, "stride": strides, "dilation": dilations, "padding": padding, "groups": groups}
    fields |= {"out_channels": groups * draw(st.integers(1, 2)), "bias": draw(st.booleans())}
    x = (groups * draw(st.integers(1, 2)), *sizes)
    if transposed:
        fields["output_padding"] = addeds
    return load("conv_transpose" if transposed else "conv")(**fields), (x,)


@st.composite
def pools(draw: st.DrawFn, name: str) -> Case:
    """Any window that stands somewhere, padded by at most half of itself."""
    axes = []
    for _ in range(draw(st.integers(1, 2))):
        kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 5))
        dilation = draw(st.integers(1, 3)) if "dilation" in load(name).__struct_fields__ else 1
        extent = (kernel - 1) * dilation + 1
        axes.append((kernel, stride, dilation, draw(st.integers(0, extent // 2)), draw(st.integers(0, extent // 2)),
                     extent + draw(st.integers(0, 6))))  # fmt: skip
    kernels, strides, dilations, befores, afters, sizes = zip(*axes, strict=True)
    padding = draw(st.sampled_from([tuple(zip(befores, afters, strict=True)), "same", "same_lower", "valid"]))
    rounding = draw(st.sampled_from([False, True, *ROUNDING_WORDS]))
    fields: dict[str, Any] = {"kernel_size": kernels, "padding": padding, "ceil_mode": rounding}
    fields |= {"stride": draw(st.sampled_from([strides, None]))}
    fields |= {"dilation": dilations} if "dilation" in load(name).__struct_fields__ else {}
    return load(name)(**fields), ((draw(st.integers(1, 2)), *sizes),)


GEOMETRIES = {
    "conv": convolutions(),
    "conv_transpose": convolutions(transposed=True),
    **{name: pools(name) for name in layers.names() if (kind := load(name)).is_pool and kind.is_windowed},
}
"""Kinds with a window, each with cases of any geometry."""
