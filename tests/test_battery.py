"""The battery: that all agrees, that what does not is made small and can be pasted, and what it looks like."""

from __future__ import annotations

import inspect
import json
import random
import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from conftest import MANY
from test_cli import TRACEBACK, run

from convcalc import layers
from convcalc.battery.cases import Case, generated, groups
from convcalc.battery.findings import COLUMNS, checked
from convcalc.battery.identities import Equation, disagreement, identities
from convcalc.battery.run import CASES, Battery, NoSuchKind, battery
from convcalc.battery.shrink import shrunk
from convcalc.cli import verify as command
from convcalc.language import Source, loads, writing
from convcalc.layers.conv import Conv
from convcalc.layers.conv_transpose import ConvTranspose
from convcalc.layers.linear import Linear
from convcalc.layers.max_pool import MaxPool
from convcalc.layers.scale import Scale
from convcalc.reference import verify
from convcalc.tensors.products import Products

EVERY = [name for names in groups().values() for name in names]


def specs(outcome: Battery) -> list[str]:
    return [result.counterexample.spec for result in outcome.results if result.counterexample is not None]


@pytest.mark.parametrize("seed", range(1, 1 + (MANY or 1)))  # 0 is that of the columns
def test_all_agrees(seed: int) -> None:
    outcome = battery(cases=4, seed=seed)
    assert specs(outcome) == []
    assert outcome.agrees
    assert [result.name for result in outcome.results] == EVERY


def test_every_column_has_something_to_check() -> None:
    outcome = battery(cases=6)
    assert specs(outcome) == []
    for column in COLUMNS:
        assert any(result.columns[column].checked == 6 for result in outcome.results), column
    for result in outcome.results:
        assert result.columns["shape"].checked == 6
        assert bool(result.identities) == (result.group != "network")
        assert (result.columns["identities"].checked > 0) == bool(result.identities), result


def test_a_case_depends_on_its_seed_and_nothing_else() -> None:
    first, second = battery(["conv", "linear"], cases=5), battery(["linear"], cases=5)
    assert first.results[1] == second.results[0]
    texts = {generated("conv", random.Random(seed)).text() for seed in range(20)}
    assert len(texts) > 15


def test_what_is_tried_has_a_name() -> None:
    with pytest.raises(NoSuchKind, match=r"conv_transpos.*did you mean `conv_transpose`"):
        battery(["conv_transpos"])


def test_progress_tells_every_name() -> None:
    steps: list[tuple[str, int, int]] = []
    battery(["conv", "gated"], cases=1, progress=lambda *step: steps.append(step))
    assert steps == [("conv", 0, 2), ("gated", 1, 2)]


# Every generated spec can be written, read and made smaller.


@pytest.mark.parametrize("name", layers.names())
def test_a_layer_alone_can_be_written(name: str) -> None:
    for seed in range(MANY or 20):
        kind = layers.load(name)
        assert kind is not None
        config, shapes = kind.case(random.Random(seed))
        text = writing.text(writing.alone(name, config, shapes))
        (node,) = loads(Source("case.yaml", text)).layers
        assert node.config == config, text


@pytest.mark.parametrize("subject", EVERY)
def test_whatever_is_wrong_is_made_small(subject: str) -> None:
    """A spec of which everything is wrong comes down to hardly anything, and is one still."""
    case = generated(subject, random.Random(1))
    small = shrunk(case, lambda candidate: bool(candidate.network().layers))
    network = small.network()
    assert network.layers
    assert len(small.text()) <= len(case.text())
    assert len(small.text()) < 125, small.text()


def test_only_what_stays_wrong_is_taken() -> None:
    case = Case("conv", {"input": [6, 9, 9], "layers": [{"conv": {"out_channels": 4, "kernel_size": 3, "groups": 2}}]})

    def grouped(candidate: Case) -> bool:
        config: Any = candidate.network().layers[0].config
        return isinstance(config, Conv) and config.groups > 1

    assert shrunk(case, grouped).document == {
        "input": [2],
        "layers": [{"conv": {"out_channels": 2, "kernel_size": 1, "groups": 2}}],
    }
    assert shrunk(case, grouped, most_tries=0) == case


# What a counter-example looks like: faults, and the smallest specs that show them.

right_macs: Any = Conv.macs
right_field: Any = Conv.receptive_field
right_analyze: Any = vars(verify)["as_written"]


def in_groups(self: Any, x: Any) -> Any:
    return self.groups * right_macs(self, x)


def unpadded(self: Any, fields: Any, inputs: Any) -> Any:
    return right_field(msgspec.structs.replace(self, padding=((0, 0),) * len(self.kernel_size)), fields, inputs)


def unshared(network: Any, **given: Any) -> Any:
    nodes = tuple(msgspec.structs.replace(node, shared=None) for node in network.nodes)
    return right_analyze(msgspec.structs.replace(network, nodes=nodes), **given)


class Fault(NamedTuple):
    """What is changed, the subject that is tried, and the spec that must come out."""

    owner: Any
    name: str
    wrong: Any
    subject: str
    spec: str


FAULTS = {
    "groups": Fault(Conv, "macs", in_groups, "conv", """\
# conv, MACs: 4 claimed, 2 measured
input: [2]
layers:
  - conv: {out_channels: 2, kernel_size: 1, groups: 2}
"""),
    "bias": Fault(Linear, "params", lambda self, x: x[-1] * self.out_features, "linear", """\
# linear, params: 1 claimed, 2 measured
input: [1]
layers:
  - linear: 1
"""),
    "output padding": Fault(ConvTranspose, "_added", lambda self, windows: (0,) * len(windows), "conv_transpose", """\
# conv_transpose, shape: 1x1 claimed, 1x2 measured
input: [1, 1]
layers:
  - conv_transpose: {out_channels: 1, kernel_size: 1, output_padding: 1, dilation: 2}
"""),
    "sharing": Fault(verify, "as_written", unshared, "recurrent", """\
# recurrent, params of conv2: 2 claimed, 0 measured
input: [1]
layers:
  - conv: {name: step, out_channels: 1, kernel_size: 1}
  - conv: {share: step}
"""),
    "padding": Fault(Conv, "receptive_field", unpadded, "conv", """\
# conv, receptive field: output position 0 sees input -1, claimed input 0
input: [1, 1]
layers:
  - conv: {out_channels: 1, kernel_size: 1, padding: 1}
"""),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_comes_down_to_a_few_lines(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, subject, spec = FAULTS[fault]
    monkeypatch.setattr(owner, name, wrong)
    assert specs(battery([subject], cases=20)) == [spec]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_counterexample_can_be_pasted(fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Verify says of it what the battery said."""
    owner, name, wrong, _, spec = FAULTS[fault]
    path = tmp_path / "small.yaml"
    path.write_text(spec, "utf-8")
    assert run("verify", str(path)).code == 0
    monkeypatch.setattr(owner, name, wrong)
    done = run("verify", str(path))
    assert done.code == 1
    assert re.search(r"claimed", done.out)
    assert not TRACEBACK.search(done.out + done.err)


@pytest.mark.parametrize("name", ["shape", "weights", "macs", "receptive_field", "reference", "checks"])
@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, KeyError, TypeError, RecursionError])
def test_what_raises_is_a_disagreement(name: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: Any, **named: Any) -> Any:
        raise error("no such thing")

    monkeypatch.setattr(Linear, name, staticmethod(fails) if name == "reference" else fails)
    (result,) = battery(["linear"], cases=2).results
    assert result.counterexample is not None
    assert "no such thing" in result.counterexample.message
    assert result.counterexample.spec.startswith("# linear, ")


def test_a_configuration_that_is_refused_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Any, x: Any) -> Any:
        yield layers.Check(False, "CC101", "", lambda: "not today")

    monkeypatch.setattr(MaxPool, "checks", refused)
    (result,) = battery(["max_pool"], cases=2).results
    assert result.counterexample is not None
    assert result.counterexample.message == "a configuration that fits is refused: max_pool1: not today"
    (result,) = battery(["skips"], cases=1).results  # a pool among others: nothing that is drawn fits
    assert result.columns["shape"].disagreements == 1
    assert result.counterexample is not None
    assert "no configuration can be generated" in result.counterexample.message
    assert "not today" in result.counterexample.message


# What the engine reports, and arrays that are read and not used, show on small layers alone.


def test_a_count_that_the_engine_invents_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formula and engine agree, and both are wrong: the numbers count for themselves."""
    right = Products._make

    def twice(self: Products, *operands: Any) -> None:
        before = self.multiplications
        right(self, *operands)
        self.multiplications += self.multiplications - before

    monkeypatch.setattr(Products, "_make", twice)
    monkeypatch.setattr(Conv, "macs", lambda self, x: 2 * right_macs(self, x))
    (result,) = battery(["conv"], cases=20).results
    assert result.columns["macs"].disagreements > 0
    assert "products seen by the numbers" in str(result.counterexample)


def test_an_element_that_is_not_used_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def lazy(engine: Any, fields: Any, weights: Any, x: Any) -> Any:
        weight = weights["weight"].copy()
        weight[-1] = 1.0
        return x * weight.reshape(-1, *(1,) * (x.ndim - 2)) + (weights["bias"].sum() if fields.bias else 0)

    monkeypatch.setattr(Scale, "reference", staticmethod(lazy))
    (result,) = battery(["scale"], cases=5).results
    assert result.columns["params"].disagreements == 5
    assert result.counterexample is not None
    assert result.counterexample.message == "element weight[0] reaches no output"


def test_a_tap_that_is_cropped_away_is_no_fault() -> None:
    text = "input: [1, 1]\nlayers:\n  - conv_transpose: {out_channels: 1, kernel_size: 3, padding: 1}\n"
    result = checked(loads(Source("cropped.yaml", text)), "conv_transpose", 0)
    assert result.findings == ()
    assert set(COLUMNS) == result.columns


# Identities


def test_every_kind_and_block_has_identities_and_they_are_all_about_one() -> None:
    known = groups()
    assert set(identities()) == {*known["kind"], *known["block"]}
    for identity_ in identities().values():
        assert len({identity.claim for identity in identity_}) == len(identity_)
        assert all(identity.claim and 0 <= identity.tolerance <= 1e-11 for identity in identity_)


@pytest.mark.parametrize("sides", [(np.ones(3), np.ones(2)), (np.ones(2), np.array([1.0, np.nan])),
                                   (np.zeros(2), np.array([0.0, 1e-9]))])  # fmt: skip
def test_sides_that_differ_are_a_disagreement(sides: Any) -> None:
    identity = Equation("one", "One is another", ("relu",), 1e-11, lambda bench: sides)
    assert str(disagreement(identity, 0)).startswith("One is another: ")


def test_sides_that_are_alike_are_none() -> None:
    identity = Equation("one", "One is another", ("relu",), 1e-11, lambda bench: (np.ones(2), np.ones(2) + 1e-13))
    assert disagreement(identity, 0) == ""
    assert disagreement(msgspec.structs.replace(identity, compare=lambda bench: None), 0) is None


# The command


def test_the_command_prints_a_row_for_each() -> None:
    done = run("verify", "--cases", "1", "--seed", "5")
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[0] == ["kind", "cases", "shape", "params", "MACs", "ops", "field", "identities"]
    assert next(row for row in rows if row[0] == "conv")[:6] == ["conv", "1", "✓", "✓", "✓", "0"]
    assert next(row for row in rows if row[0] == "relu")[:6] == ["relu", "1", "✓", "0", "0", "✓"]
    names = " ".join(line.partition("  ")[0] for line in done.out.splitlines())
    assert all(name in names for name in EVERY)
    assert re.search(rf"^\d+ kinds, \d+ blocks, \d+ networks, {len(EVERY)} cases, seed 5, ", done.out.splitlines()[-1])


def test_what_is_wrong_stands_below_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, _, spec = FAULTS["bias"]
    monkeypatch.setattr(owner, name, wrong)
    done = run("verify", "--cases", "3")
    assert done.code == 1
    assert spec in done.out
    assert re.search(r"^linear +3 +✓ +✗ [123] ", done.out, re.MULTILINE)
    assert re.search(r"linear\b[^\n]*\Z", done.out.rstrip())


def test_json_has_stable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, _, spec = FAULTS["bias"]
    monkeypatch.setattr(owner, name, wrong)
    done = run("verify", "--cases", "2", "--format", "json")
    document = json.loads(done.out)
    assert done.code == 1
    assert list(document) == ["schema_version", "convcalc_version", "agrees", "seed", "cases", "results"]
    result = next(item for item in document["results"] if item["name"] == "linear")
    assert list(result) == ["name", "group", "agrees", "cases", "columns", "identities", "counterexample"]
    assert list(result["columns"]) == list(COLUMNS)
    assert set(result["columns"]["params"]) == {"checked", "disagreements"}
    assert result["counterexample"]["spec"] == spec
    assert list(result["counterexample"]) == ["case", "column", "layer", "message", "spec"]


def test_markdown_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, _, spec = FAULTS["bias"]
    monkeypatch.setattr(owner, name, wrong)
    done = run("verify", "--cases", "2", "--format", "markdown")
    assert done.code == 1
    rows = [line for line in done.out.splitlines() if line.startswith("|")]
    assert len(rows) == len(EVERY) + 2
    assert {row.count("|") for row in rows} == {10}
    assert f"```yaml\n{spec}```" in done.out


def test_the_defaults_are_the_same() -> None:
    assert command.CASES == CASES
    assert inspect.signature(verify.verify).parameters["dtype"].default == command.DTYPE
    for default in (CASES, command.DTYPE):
        assert f"by default {default}" in re.sub(r"[\s│]+", " ", run("verify", "--help").out)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--layer", "conv1"),
        ("--dtype", "float32"),
        ("--threads", "1"),
        ("--max-memory", "1GiB"),
        ("--input", "3x8x8"),
        ("--set", "width=8"),
    ],
)
def test_options_for_specs_say_nothing_of_the_battery(option: str, value: str) -> None:
    done = run("verify", option, value)
    assert done.code == 2
    assert f"Invalid value for {option}: it is for specs, and none is named" in re.sub(r"[\s│]+", " ", done.err)
