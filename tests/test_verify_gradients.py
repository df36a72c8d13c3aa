"""`verify --gradients`: what is said of gradients that are right, and of those that are not."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from conftest import MANY
from test_cli import run as invoked
from test_planning import network_of
from test_verify import SMALL

import convcalc
from convcalc import steps
from convcalc.battery.cases import generated
from convcalc.battery.run import battery
from convcalc.layers.linear import Linear
from convcalc.reference.gradients import _WayBack
from convcalc.reference.memory import bytes_needed
from convcalc.reference.network_gradients import check_network
from convcalc.reference.verify import verify
from convcalc.tensors import tape
from convcalc.tensors.engine import Array, Engine
from convcalc.tensors.tape import Pull

NET = """
input: [3, 12, 12]
layers:
  - conv: {name: stem, out_channels: 4, kernel_size: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - conv: {name: shared, out_channels: 4, kernel_size: 1}
  - conv: {name: again, out_channels: 4, kernel_size: 1, share: shared}
  - max_pool: {kernel_size: 2, stride: 2}
  - global_avg_pool
  - linear: {name: head, out_features: 5}
"""


def run(*arguments: str) -> tuple[int, str, str]:
    result = invoked(*arguments)
    return result.code, result.out, result.err


def spec(folder: Path, text: str = NET) -> str:
    path = folder / "net.yaml"
    path.write_text(text)
    return str(path)


@pytest.fixture
def doubled_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of a convolution's filters, twice as large as it is."""
    right: Any = tape._ADJOINTS[Engine.convolve]

    def wrong(*given: Any) -> Any:
        of_x, of_weight = right(*given)
        return [of_x, Pull(lambda *kept: 2 * of_weight.function(*kept), *of_weight.kept)]

    monkeypatch.setitem(tape._ADJOINTS, Engine.convolve, wrong)


def test_all_that_comes_back_is_as_differences_have_it(tmp_path: Path) -> None:
    verification = verify(convcalc.load(spec(tmp_path)), gradients=True)
    assert verification.agrees
    checks = {layer.name: layer.gradients for layer in verification.layers}
    assert all(check is not None and check.agrees and check.compared for check in checks.values())
    assert verification.gradients is not None
    assert verification.gradients.values_agree
    stem, head = 4 * 27 * 144, 4 * 5
    check = checks["stem"]
    assert check is not None
    assert check.macs_of_inputs.measured == check.macs_of_weights.measured == stem
    total = stem + 2 * 16 * 144 + head
    assert {name: figure.measured for name, figure in verification.gradient_macs.items()} == {
        "macs_of_inputs": total,
        "macs_of_weights": total,
    }


def test_they_are_not_looked_at_unless_they_are_asked_for(tmp_path: Path) -> None:
    verification = verify(convcalc.load(spec(tmp_path)))
    assert [layer.gradients for layer in verification.layers] == [None] * 8
    code, out, _ = run("verify", spec(tmp_path))
    assert code == 0
    assert "gradient" not in out


def test_a_table_has_marks_and_macs(tmp_path: Path) -> None:
    code, out, _ = run("verify", spec(tmp_path), "--gradients")
    assert code == 0
    assert "gradients" in out
    assert "their MACs" in out
    assert "gradient MACs 20,180 ✓" in out.replace("of weights 20,180 ✓", "")
    assert "of weights 20,180 ✓" in out
    assert "every gradient compared is as differences have it" in out


def test_a_gradient_that_is_wrong_is_placed(doubled_filters: None, tmp_path: Path) -> None:
    code, out, _ = run("verify", spec(tmp_path), "--gradients")
    assert code == 1
    assert "stem (line 4): gradients: along a random direction: the derivative is" in out
    assert "head (line" not in out
    assert "gradients of the whole network: along a random direction" in out
    record = json.loads(run("verify", spec(tmp_path), "--gradients", "--format", "json")[1])
    assert record["agrees"] is False
    assert record["gradients"]["agrees"] is False
    wrong = {layer["name"] for layer in record["layers"] if layer["gradients"]["agrees"] is False}
    assert wrong == {"stem", "shared", "again"}


def test_macs_that_are_claimed_wrongly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Linear, "gradient_macs", lambda self, wanted, *inputs: (7, 20))
    code, out, _ = run("verify", spec(tmp_path), "--gradients")
    assert code == 1
    assert "gradients: MACs of gradients of what enters: 7 claimed, 20 executed" in out


def test_markdown_and_json_have_them(tmp_path: Path) -> None:
    text = run("verify", spec(tmp_path), "--gradients", "--format", "markdown")[1]
    assert "| gradients | their MACs |" in text
    record = json.loads(run("verify", spec(tmp_path), "--gradients", "--format", "json")[1])
    assert record["gradients"]["macs_of_inputs"] == {"claimed": 20180, "measured": 20180, "agrees": True}
    assert record["layers"][0]["gradients"]["compared"] > 10


def test_what_no_gradient_comes_to_is_named_with_why(tmp_path: Path) -> None:
    text = """
inputs: {map: [2, 6, 6], boxes: [3, 4]}
layers:
  - roi_align: {from: [map, boxes], output_size: 2}
"""
    code, out, _ = run("verify", spec(tmp_path, text), "--gradients")
    assert code == 0
    assert "gradients not compared at roi_align1: of an input alone: where boxes lie is taken as given" in out


def test_what_the_steps_do_not_last_for_is_named(tmp_path: Path) -> None:
    with steps.run(6000):
        verification = verify(convcalc.load(spec(tmp_path)), gradients=True)
    assert verification.agrees
    assert any(layer.gradients is None for layer in verification.layers)
    code, out, _ = run("verify", spec(tmp_path), "--gradients", "--max-steps", "6000")
    assert code == 0
    assert "gradients not compared at" in out
    assert "--max-steps" in out


def test_tensors_that_always_tie_stand_at_no_kink(tmp_path: Path) -> None:
    text = "input: [2, 5, 5]\nlayers:\n  - gelu\n  - min: {from: [previous, previous, previous]}\n"
    assert verify(convcalc.load(spec(tmp_path, text)), gradients=True).agrees


def test_memory_is_estimated_with_them(tmp_path: Path) -> None:
    path = spec(tmp_path, "input: [64, 512, 512]\nlayers:\n  - relu\n")
    limit = str(bytes_needed(convcalc.load(path), "float32"))
    assert run("verify", path, "--max-memory", limit, "--max-steps", "3000")[0] == 0
    code, _, err = run("verify", path, "--gradients", "--max-memory", limit, "--max-steps", "3000")
    assert code == 2
    assert "is not run: it needs about" in err


def test_kernels_have_none(tmp_path: Path) -> None:
    code, _, err = run("verify", spec(tmp_path), "--gradients", "--fused")
    assert code == 2
    assert "leave out --fused" in err.replace("\n", " ")


def test_a_spec_that_runs_fused_is_taken_as_it_is_written(tmp_path: Path) -> None:
    verification = verify(convcalc.load(spec(tmp_path, f"{NET}deploy: {{fused: true}}\n")), gradients=True)
    assert verification.fusion is None
    assert verification.agrees


def test_the_battery_has_a_column_of_them() -> None:
    result = battery(["conv", "relu", "gather", "residual"], 4, gradients=True)
    assert result.agrees
    assert result.columns[-1] == "gradients"
    assert [kind.columns["gradients"].checked for kind in result.results] == [4, 4, 4, 4]


def test_the_battery_shows_the_smallest_network_that_is_wrong(doubled_filters: None) -> None:
    (result,) = battery(["conv"], 2, gradients=True).results
    assert result.counterexample is not None
    assert result.counterexample.column == "gradients"
    assert "kernel_size: 1" in result.counterexample.spec


@pytest.mark.parametrize("name", SMALL if MANY else ())
def test_zoo_has_the_gradients_that_differences_have(name: str) -> None:
    network = convcalc.load(f"zoo:{name}@input={'x'.join(map(str, SMALL[name]))}")
    verification = verify(network, gradients=True)
    assert verification.agrees, [layer.name for layer in verification.disagreements]


def test_of_many_elements_some_stand_at_a_kink_and_nothing_is_wrong() -> None:
    text = "input: [32, 64, 64]\nlayers:\n  - conv: {out_channels: 32, kernel_size: 3, padding: 1}\n  - relu\n"
    check = check_network(network_of(text), seed=0, threads=1)
    assert check is not None
    assert (check.compared, check.wrong) == (1, "")


def test_what_overflows_is_not_called_wrong_nor_right() -> None:
    powers = "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - pow: 300\n"
    check = check_network(network_of(powers + "  - elementwise: exp\n" * 3), seed=0, threads=1)
    assert check is not None
    assert (check.compared, check.values_agree) == (0, None)
    assert "overflow" in check.reason


def test_what_leaves_nothing_that_is_a_number_is_not_called_right() -> None:
    text = "input: [4, 4, 4]\nlayers: [elementwise: abs, affine: {factor: -1, addend: -1}, elementwise: log]\n"
    verification = verify(network_of(text), gradients=True)
    last = verification.layers[-1].gradients
    assert last is not None
    assert (last.compared, last.values_agree, last.reason) == (0, None, "nothing that leaves is a number")
    assert verification.gradients is not None
    assert verification.gradients.reason == last.reason


def test_a_network_without_layers_has_nothing_to_go_back_through() -> None:
    check = check_network(network_of("input: [1, 1, 1]\nlayers: []\n"), seed=0, threads=1)
    assert check is not None
    assert check.reason == "no layer gives an output"


def test_an_array_that_no_gradient_comes_back_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    add = _WayBack._add

    def forgetful(self: _WayBack, index: int, name: str, arrived: Array) -> None:
        if self.network.nodes[index].name != "head":
            add(self, index, name, arrived)

    monkeypatch.setattr(_WayBack, "_add", forgetful)
    check = check_network(network_of(NET), seed=0, threads=1)
    assert check is not None
    assert check.wrong.startswith("along a random direction")


def test_a_box_that_reads_nothing_passes_nothing_back_and_is_right() -> None:
    network = generated("roi_align", random.Random("roi_align5")).network()
    check = check_network(network, seed=5, threads=1)
    assert check is not None
    assert check.values_agree


def test_what_was_not_compared_is_not_counted_among_what_is_right(tmp_path: Path) -> None:
    text = "input: [3, 6, 6]\nlayers:\n  - conv: {out_channels: 2, kernel_size: 3}\n  - opaque: [4]\n  - linear: 3\n"
    _, out, _ = run("verify", "--gradients", spec(tmp_path, text))
    assert "gradients not compared at opaque1" in out
    assert "every gradient compared is as differences have it" in " ".join(out.split())


def test_a_network_that_passes_no_gradient_is_not_called_right() -> None:
    check = check_network(network_of("input: [2, 3, 3]\nlayers: [elementwise: sign]\n"), seed=0, threads=1)
    assert check is not None
    assert (check.compared, check.values_agree) == (0, None)
