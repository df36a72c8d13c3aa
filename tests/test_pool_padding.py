"""Pools over padding: what is refused, what ONNX Runtime makes of the rest, and pools that look only back."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import load
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from convcalc import explain
from convcalc.analysis.analyze import analyze
from convcalc.imports.onnx.walk import of_bytes
from convcalc.language import SpecError
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.layers.avg_pool import AvgPool
from convcalc.layers.max_pool import MaxPool
from convcalc.tensors.engine import Engine
from convcalc.views.formulas import formula_text

CASES = list(product(range(1, 6), range(1, 5), range(1, 4), range(6), range(6), (False, True)))
"""Size, kernel, stride, padding before and after, ceil_mode."""


def starts(size: int, kernel: int, stride: int, before: int, after: int, ceil_mode: bool) -> list[int]:
    """Where the windows start, counted from the first position of the input, with ceil_mode none behind the input."""
    end = min(size, size + after - kernel + stride) if ceil_mode else size + after - kernel + 1
    return list(range(-before, end, stride))


@pytest.mark.parametrize("dilation", [1, 2])
def test_a_pool_is_refused_where_a_window_holds_padding_alone_and_only_there(dilation: int) -> None:
    codes = []
    for size, kernel, stride, before, after, ceil_mode in CASES:
        config = MaxPool(
            kernel_size=(kernel,),
            stride=(stride,),
            padding=((before, after),),
            dilation=(dilation,),
            ceil_mode=ceil_mode,
        )
        extent = dilation * (kernel - 1) + 1
        windows = starts(size, extent, stride, before, after, ceil_mode)
        is_beside = any(start + extent <= 0 or start >= size for start in windows)
        wanted = "CC101" if not windows else "CC104" if is_beside else ""
        code = next((check.code for check in config.checks((1, size)) if not check.holds), "")
        assert code == wanted, (config, size, windows)
        codes.append(code)
        if not code:
            assert config.shape((1, size)) == (1, len(windows)), (config, size)
    assert {"", "CC101", "CC104"} == set(codes)


@pytest.mark.parametrize(
    ("pool", "most"),
    [
        ("{kernel_size: 3, padding: 3}", 2),
        ("{kernel_size: 3, padding: [[0, 0], [3, 0]]}", 2),
        ("{kernel_size: 3, stride: 1, padding: [[0, 0], [0, 4]]}", 2),
        ("{kernel_size: 3, stride: 3, padding: [[0, 0], [0, 4]]}", 3),
        ("{kernel_size: 3, stride: 5, padding: [[0, 0], [0, 5]]}", 4),
    ],
)
def test_the_padding_that_the_message_calls_legal_is_the_most_that_is(pool: str, most: int) -> None:
    def problems(text: str) -> list[str]:
        try:
            loads(Source("net.yaml", f"input: [1, 8, 8]\nlayers: [max_pool: {text}]\n"))
        except SpecError as error:
            return [problem.message for problem in error.diagnostics]
        return []

    (message,) = problems(pool)
    assert f"legal here: 0 to {most} " in message
    padding = pool[pool.index("padding: ") :]
    wrong = max(int(digit) for digit in padding if digit.isdigit())
    assert not problems(pool.replace(padding, padding.replace(str(wrong), str(most))))
    assert problems(pool.replace(padding, padding.replace(str(wrong), str(most + 1))))


KINDS = {"MaxPool": "max_pool", "AveragePool": "avg_pool"}


def model(op: str, sizes: tuple[int, ...], **attributes: Any) -> onnx.ModelProto:
    node = helper.make_node(op, ["x"], ["y"], name="pool", **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, *sizes])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    made = helper.make_model(helper.make_graph([node], "g", [x], [y]), opset_imports=[helper.make_opsetid("", 19)])
    made.ir_version = 9
    return made


def runtime_shape(file: onnx.ModelProto) -> tuple[int, ...]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(file.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ones = np.ones([axis.dim_value for axis in file.graph.input[0].type.tensor_type.shape.dim], np.float32)
    return tuple(session.run(None, {"x": ones})[0].shape[1:])


@pytest.mark.parametrize("op", KINDS)
def test_asymmetric_pads_of_a_file_give_the_shape_that_onnx_runtime_gives(op: str) -> None:
    draw = random.Random(op)
    files: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((5, 5), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 2, 2], "ceil_mode": 1})
    ]
    for _ in range(40):
        kernel = [draw.randint(1, 4) for _ in range(2)]
        attributes = {
            "kernel_shape": kernel,
            "strides": [draw.randint(1, 4) for _ in range(2)],
            "pads": [draw.randint(0, k - 1) for k in kernel * 2],
            "ceil_mode": draw.randint(0, 1),
        }
        files.append((tuple(draw.randint(k, 9) for k in kernel), attributes))
    for sizes, attributes in files:
        for counted in [{}] if op == "MaxPool" else [{"count_include_pad": 0}, {"count_include_pad": 1}]:
            file = model(op, sizes, **attributes, **counted)
            (pool,) = of_bytes(file.SerializeToString(), "pool.onnx").layers
            assert pool.kind == KINDS[op]
            assert pool.shape == runtime_shape(file), (sizes, attributes)


@pytest.mark.parametrize("op", [*KINDS, "LpPool"])
def test_padding_by_a_word_with_taps_that_are_apart_is_as_onnx_runtime_has_it(op: str) -> None:
    """It pads as if they were not apart, and so has fewer windows than ONNX's text."""
    draw = random.Random(op)
    for _ in range(40):
        kernel = draw.randint(1, 4)
        attributes = {
            "kernel_shape": [kernel],
            "strides": [draw.randint(1, kernel)],
            "dilations": [draw.randint(1, 3)],
            "auto_pad": draw.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]),
        }
        file = model(op, (draw.randint(10, 20),), **attributes)
        (pool,) = of_bytes(file.SerializeToString(), "pool.onnx").layers
        assert pool.shape == runtime_shape(file), attributes


# ---- causal --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MaxPool, AvgPool])
@pytest.mark.parametrize("counted", [True, False])
def test_a_causal_pool_takes_the_positions_up_to_its_own(kind: Any, counted: bool) -> None:
    for size, kernel, stride in product((1, 4, 7), (1, 2, 3, 5), (1, 2, 3)):
        extra = {"count_include_pad": counted} if kind is AvgPool else {}
        config = kind(kernel_size=(kernel,), stride=(stride,), padding="causal", **extra)
        assert all(check.holds for check in config.checks((2, size)))
        x = np.random.default_rng(size).normal(size=(1, 2, size))
        rows = []
        for row in x[0]:
            seen = [row[max(last - kernel + 1, 0) : last + 1] for last in range(0, size, stride)]
            if kind is MaxPool:
                rows.append([max(values) for values in seen])
            else:
                rows.append([sum(values) / (kernel if counted else len(values)) for values in seen])
        y = kind.reference(Engine(), config, {}, x)
        assert np.allclose(y[0], rows)
        assert y.shape[1:] == config.shape((2, size))


def test_a_causal_pool_keeps_the_size_at_stride_1_and_sees_what_came_before() -> None:
    pool = "max_pool: {kernel_size: 3, stride: 1, dilation: 4, padding: causal}"
    row = analyze(loads(Source("net.yaml", f"input: [4, 100]\nlayers: [{pool}]\n"))).layers[-1]
    assert row.output_shape == (4, 100)
    assert (row.receptive_field.size, row.receptive_field.start) == ((9,), (-8,))


# ---- how the outputs are rounded -----------------------------------------------------------------------------------


DISAGREEMENTS = json.loads((Path(__file__).parent / "data" / "pool_rounding.json").read_text())
"""Geometries of one axis of which Caffe, ncnn and PyTorch's ceil_mode make different sizes."""

RULES = {"caffe": "caffe", "full": "ncnn", True: "torch_ceil"}


@pytest.mark.parametrize("rule", RULES)
def test_pools_have_the_sizes_that_three_frameworks_give_them(rule: Any) -> None:
    assert len(DISAGREEMENTS) == 63
    for case in DISAGREEMENTS:
        fields: dict[str, Any] = {
            "kernel_size": (case["k"],),
            "stride": (case["s"],),
            "padding": ((case["p"], case["p"]),),
        }
        config = MaxPool(**fields, ceil_mode=rule)
        assert [check.message for check in config.checks((1, case["H"])) if not check.holds] == []
        assert config.shape((1, case["H"])) == (1, case[RULES[rule]]), case
        x = np.ones((1, 1, case["H"]))
        assert MaxPool.reference(Engine(), config, {}, x).shape == (1, *config.shape((1, case["H"])))


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "sizes"), [
    (12, 2, 3, 0, (4, 5, 5)),
    (13, 2, 2, 1, (7, 7, 8)),
    (13, 2, 3, 1, (5, 5, 6)),
    (12, 1, 2, 0, (6, 7, 7)),
    (13, 3, 2, 0, (6, 6, 6)),
])  # fmt: skip
def test_the_rules_differ_where_a_last_window_starts_behind_the_input(
    size: int, kernel: int, stride: int, padding: int, sizes: tuple[int, ...]
) -> None:
    fields: dict[str, Any] = {"kernel_size": (kernel,), "stride": (stride,), "padding": ((padding, padding),)}
    assert tuple(MaxPool(**fields, ceil_mode=rule).shape((1, size))[1] for rule in (True, "caffe", "full")) == sizes


def test_padding_on_any_axis_makes_caffe_drop_the_window_on_all() -> None:
    """`if (pad_h_ || pad_w_)` stands before both."""
    window: dict[str, Any] = {"kernel_size": (2, 2), "stride": (3, 3), "dilation": (1, 1), "ceil_mode": "caffe"}
    assert MaxPool(**window, padding=((0, 0), (0, 0))).shape((1, 12, 12)) == (1, 5, 5)
    assert MaxPool(**window, padding=((1, 1), (0, 0))).shape((1, 12, 12)) == (1, 5, 4)


LOWEST = np.finfo(np.float64).min


def meets(size: int, kernel: int, stride: int, padding: int, rule: str) -> tuple[list[list[int]], list[int]]:
    """What each window of an axis reads, found by moving it, and how many places of the padded axis it lies on."""
    read, counted = [], []
    for start in range(-padding, size + padding + stride, stride):
        taps = range(start, start + kernel)
        before = start - stride + kernel  # where the window before this one ends
        if start > -padding and before >= size + padding:
            break  # nothing is left over
        if rule != "full" and padding and start >= size:
            break
        read.append([tap for tap in taps if 0 <= tap < size])
        counted.append(sum(tap < size + padding for tap in taps))
    return read, counted


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 5), st.data(), st.sampled_from(["caffe", "full"]))
def test_words_for_rounding_read_what_windows_moved_by_hand_read(
    size: int, kernel: int, stride: int, data: st.DataObject, rule: str
) -> None:
    padding = data.draw(st.integers(0, kernel - 1))
    if size + 2 * padding < kernel:
        return
    fields: dict[str, Any] = {"kernel_size": (kernel,), "stride": (stride,), "padding": ((padding, padding),)}
    read, counted = meets(size, kernel, stride, padding, rule)
    x = np.random.default_rng(size).normal(size=(1, 1, size))
    largest = [max((x[0, 0, place] for place in places), default=LOWEST) for places in read]
    sums = np.array([sum(x[0, 0, place] for place in places) for places in read])
    with np.errstate(invalid="ignore"):
        means = {True: sums / counted, False: sums / [len(places) for places in read]}
        assert MaxPool.reference(Engine(), MaxPool(**fields, ceil_mode=rule), {}, x)[0, 0].tolist() == largest
        for included, mean in means.items():
            config = AvgPool(**fields, ceil_mode=rule, count_include_pad=included)
            np.testing.assert_allclose(AvgPool.reference(Engine(), config, {}, x)[0, 0], mean)
            assert config.shape((1, size)) == (1, len(read))


def test_what_reads_nothing_has_no_largest_no_mean_and_no_length() -> None:
    fields: dict[str, Any] = {"kernel_size": (1,), "stride": (2,), "ceil_mode": "full"}
    x = np.ones((1, 1, 2))
    values = {}
    for name in ("max_pool", "avg_pool", "lp_pool", "max_pool_indices"):
        config = load(name)(**fields)
        values[name] = str(config.reference(Engine(), config, {}, x)[0, 0, 1])
        assert not config.no_op((1, 2))
    assert values == {"max_pool": str(LOWEST), "avg_pool": "nan", "lp_pool": "0.0", "max_pool_indices": "0.0"}


@pytest.mark.parametrize(("rule", "formula"), [
    ("caffe", "min(ceil((i + 2·p - d·(k - 1) - 1) / s) + 1, (i + p - 1) // s + 1 + max(1 - p, 0))"),
    ("full", "ceil((i + 2·p - d·(k - 1) - 1) / s) + 1"),
])  # fmt: skip
def test_explain_shows_the_rule(rule: str, formula: str) -> None:
    pool = f"max_pool: {{name: pool, kernel_size: 2, stride: 3, padding: 1, ceil_mode: {rule}}}"
    explained: Any = explain(loads(Source("net.yaml", f"input: [1, 13, 13]\nlayers: [{pool}]\n")), "pool")
    assert formula in [formula_text(part.term) for part in explained.formulas]


@pytest.mark.parametrize("word", ["ceil", "Caffe", "valid", "yes"])
def test_another_word_for_rounding_is_refused(word: str) -> None:
    with pytest.raises(SpecError, match=r"true, false or one of caffe, full|YAML 1\.2 reads yes"):
        loads(Source("net.yaml", f"input: [1, 8, 8]\nlayers: [max_pool: {{kernel_size: 2, ceil_mode: {word}}}]\n"))
