"""Pools over padding: what is refused, what ONNX Runtime makes of the rest, and pools that look only back."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from convcalc.analysis.analyze import analyze
from convcalc.imports.onnx.walk import of_bytes
from convcalc.language import SpecError
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.layers.avg_pool import AvgPool
from convcalc.layers.max_pool import MaxPool
from convcalc.tensors.engine import Engine

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
