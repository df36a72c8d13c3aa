"""Recurrent layers: values in every configuration, what reads their outputs, and a convolutional LSTM as a block."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from conftest import MANY, draws, load
from hypothesis import given, settings
from msgspec.structs import replace
from spec_reports import report_of_text
from test_onnx_write import network_of

from convcalc.exports.onnx.write import with_arrays
from convcalc.language.document import loads
from convcalc.language.source import Source, SpecError
from convcalc.layers._functions import FUNCTIONS, numbers_of
from convcalc.reference.execution import execute, run_layer
from convcalc.tensors.engine import Engine

KINDS = ["lstm", "gru", "rnn"]
BOUNDED = ["sigmoid", "tanh", "softsign", "hard_sigmoid"]


def drawn(draw: random.Random, names: list[str]) -> Any:
    """A function, with numbers of its own now and then."""
    name = draw.choice(names)
    numbers = [draw.choice([0.1, 0.3, 0.7]) for _ in numbers_of(name)[1]]
    return (name, *numbers) if numbers and draw.random() < 0.7 else name


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=MANY or 40)
@given(draw=draws)
def test_every_function_bound_and_gate_is_the_runtimes(name: str, draw: random.Random) -> None:
    """Beyond the generated cases: functions that hold nothing apart, bounds that hold, one gate for two."""
    config, shapes = load(name).case(draw)
    changed: dict[str, Any] = {"clip": draw.choice([None, 0.3, 1.0])}
    for field in ("gate_activation", "activation", "cell_activation"):
        if field in config.__struct_fields__:  # gates that are not bounded make states that float32 does not hold
            changed[field] = drawn(draw, BOUNDED if field == "gate_activation" else list(FUNCTIONS))
    if name == "lstm":
        changed["input_forget"] = draw.random() < 0.3
    config = replace(config, **changed)
    generator = np.random.default_rng(draw.randrange(2**32))
    arrays = {name: np.float32(generator.normal(0, 0.5, shape)) for name, shape in config.arrays(*shapes).items()}
    entering = [np.float32(generator.standard_normal((2, *x))) for x in shapes]
    parts = with_arrays(network_of(name, (config, shapes)), lambda place: arrays, batch="n")
    session = onnxruntime.InferenceSession(b"".join(map(bytes, parts)), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, dict(zip([item.name for item in session.get_inputs()], entering, strict=True)))
    output, _ = run_layer(Engine(), config, arrays, entering)
    np.testing.assert_allclose(output, expected, 1e-4, 1e-4 * max(1.0, float(np.abs(expected).max())))


def test_a_mistake_in_the_states_is_told() -> None:
    for text, message in (
        (
            "inputs: {x: [5, 4], h: [3]}\nlayers:\n  - gru: {from: [x, h], hidden_size: 2}\n",
            "the hidden state has shape",
        ),
        ("input: [5]\nlayers:\n  - rnn: 2\n", "needs an axis of steps and one of features"),
    ):
        with pytest.raises(SpecError, match=message):
            loads(Source("net.yaml", text))


def conv_lstm() -> str:
    """The spec of the manual."""
    page = (Path(__file__).parent.parent / "docs" / "language.md").read_text("utf-8")
    match = re.search(r"# conv_lstm.yaml\n(.*?)```", page, re.DOTALL)
    assert match
    return match[1]


def test_a_convolutional_lstm_costs_a_convolution_to_four_gates_at_every_step() -> None:
    totals = report_of_text(conv_lstm()).totals
    assert totals.macs == 4 * (16 * 16) * (3 * 3) * (3 + 8) * (4 * 8)
    assert totals.params == 3 * 3 * (3 + 8) * (4 * 8) + 4 * 8


def test_a_convolutional_lstm_of_one_position_is_an_lstm() -> None:
    text = (
        re.sub(r"expect: .*\n", "", conv_lstm()).replace("16, 16]", "1, 1]").replace("kernel_size: 3", "kernel_size: 1")
    )
    network = loads(Source("net.yaml", text))
    generator = np.random.default_rng(0)
    weight, bias = generator.standard_normal((32, 11)), generator.standard_normal(32)
    frames, state = generator.standard_normal((2, 12)), generator.standard_normal((2, 16))
    arrays = {
        "weight_ih": weight[None, :, :3], "weight_hh": weight[None, :, 3:],
        "bias_ih": bias[None], "bias_hh": np.zeros((1, 32)),
    }  # fmt: skip
    entering = [frames.reshape(2, 4, 3), state[:, :8], state[:, 8:]]
    expected, _ = run_layer(Engine(), load("lstm")(hidden_size=8, output="last"), arrays, entering)

    class Same:
        def of(self, index: int, inputs: Any = ()) -> dict[str, Any]:
            return {"weight": weight[..., None, None], "bias": bias}

        def done(self, index: int) -> None:
            pass

    inputs = {"frames": frames[..., None, None], "state": state[..., None, None]}
    *_, last = execute(network, inputs, Same(), Engine())
    assert last.output is not None
    np.testing.assert_allclose(last.output[..., 0, 0], expected, 1e-9)
