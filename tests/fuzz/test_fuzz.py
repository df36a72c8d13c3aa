"""2,000 inputs of the fuzzer, the same ones every time, and every input that ever failed.

CONVCALC_FUZZ=100000 tries so many; CONVCALC_SEED=word other ones. `fuzz.run` measures time and memory as well.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from work import counted

from fuzz import commands
from fuzz.checks import bounded
from fuzz.inputs import KINDS, Input, numbered
from fuzz.shrink import shrunk

INPUTS = int(os.environ.get("CONVCALC_FUZZ", "2000"))
SEED = os.environ.get("CONVCALC_SEED", "")
SHARES = {"specs": 0.7, "models": 0.26, "configurations": 0.02, "baselines": 0.02}
CHUNKS = {"specs": 20, "models": 20, "configurations": 1, "baselines": 1}
"""Tests that the inputs of a kind are spread over, so that several processes share them."""
COUNTED = 100
"""One input of so many is tried with its calls counted, which doubles its time."""
MOST_CALLS = 12_000_000
"""Calls of functions that any command may take: what takes more is not ended by the budget of steps."""
CASES = Path(__file__).parent / "cases"
ARGUMENTS: dict[str, list[str]] = json.loads((CASES / "arguments.json").read_text("utf-8"))
"""The command line by which each case failed."""


@pytest.mark.parametrize(("kind", "chunk"), [(kind, chunk) for kind in KINDS for chunk in range(CHUNKS[kind])])
def test_inputs(kind: str, chunk: int, tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    with commands.folder(tmp_path):
        for number in range(chunk, int(INPUTS * SHARES[kind]), CHUNKS[kind]):
            fuzzed = numbered(kind, number, SEED)
            fuzzed.put()
            with bounded():
                arguments = fuzzed.arguments()
                if number % COUNTED < 1:
                    with counted() as work:
                        outcome, failure = fuzzed.tried(arguments)
                    assert work.calls < MOST_CALLS, (kind, number, arguments)
                else:
                    outcome, failure = fuzzed.tried(arguments)
            outcomes[" ".join(outcome.split()[:2])] += 1
            if failure is not None:
                pytest.fail(f"CONVCALC_SEED={SEED}, {kind} {number}: {failure.kind}\n{arguments}\n{failure.detail}")
    right = sum(count for outcome, count in outcomes.items() if outcome.endswith((" 0", " 1")))
    assert right > 0.1 * outcomes.total(), f"too few {kind} are right for the commands to get far: {outcomes}"


@pytest.mark.parametrize("name", ARGUMENTS)
def test_cases(name: str, tmp_path: Path) -> None:
    file = next(file for file, _ in KINDS.values() if Path(file).suffix == Path(name).suffix)
    with commands.folder(tmp_path), counted() as work, bounded():
        case = Input(file, (CASES / name).read_bytes(), random.Random(0))
        case.put()
        _, failure = case.tried(ARGUMENTS[name])
    assert failure is None, (failure.kind, failure.detail)
    assert work.calls < MOST_CALLS


def test_every_case_has_its_command() -> None:
    assert set(ARGUMENTS) | {"arguments.json"} == set(os.listdir(CASES))


# ---- the fuzzer itself ----------------------------------------------------------------------------------------------


def test_a_number_is_an_input() -> None:
    for kind in KINDS:
        first, again, next_one = numbered(kind, 7), numbered(kind, 7), numbered(kind, 8)
        assert (first.data, first.arguments()) == (again.data, again.arguments())
        assert first.data != next_one.data


def test_the_long_run_reports_what_it_did(tmp_path: Path) -> None:
    words = ["--specs", "6", "--models", "2", "--workers", "2", "--failures", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "fuzz.run", *words]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    assert "'specs': 6, 'models': 2" in output
    assert "16 commands" in output
    assert len(re.findall(r"(?m)^worst: .* (?:s|MB), ", output)) == 10


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ("raise ValueError('a\\x1b[0m')", "ValueError in the fuzzer"),
        ("raise SystemExit(3)", "analyze: exit code 3"),
        ("print('a\\x1b[31m')", "analyze: a control character in the csv output"),
        ("print('a,=1+1')", "analyze: a cell of the CSV begins a formula"),
        ("print('a\\na,b')", "analyze: rows of the CSV differ in length"),
        ("raise SystemExit(2)", "analyze: it fails without a word"),
        ("Path('written.yaml').write_text('input: [')", "analyze: what is written does not load"),
    ],
)
def test_what_is_wrong_is_found(broken: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def main(**_: object) -> None:
        exec(broken)  # noqa: S102  # a fault of the command

    monkeypatch.setattr(commands, "_command", lambda: type("Command", (), {"main": staticmethod(main)}))
    with commands.folder(tmp_path):
        commands.put("net.yaml", b"input: [1]\nlayers: [relu]\n")
        _, failure = commands.tried("net.yaml", b"", ["analyze", "net.yaml", "--format", "csv"])
    assert failure is not None
    assert failure.kind == kind


def test_what_fails_is_made_small() -> None:
    text = (
        b"name: net\ninput: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 64, kernel_size: 3}\n  - relu\n  - softmax\n"
    )
    kept: list[bytes] = []
    small = shrunk("net.yaml", text, lambda data: b"64" in data and b"relu" in data, kept.append)
    assert kept[-1] == small
    assert len(small) < 10


def test_a_model_that_fails_is_made_small() -> None:
    from google.protobuf.message import DecodeError
    from onnx import ModelProto, helper

    nodes = [helper.make_node(op, [op], ["y"], alpha=1.0, beta=float("nan")) for op in ("Relu", "Elu", "Tanh")]
    model = helper.make_model(helper.make_graph(nodes, "g", [], []))

    def fails(data: bytes) -> bool:
        try:
            parsed = ModelProto.FromString(data)
        except DecodeError:
            return False
        return any(node.op_type == "Elu" and len(node.attribute) > 0 for node in parsed.graph.node)

    small = ModelProto.FromString(shrunk("net.onnx", model.SerializeToString(), fails, lambda data: None))
    assert [node.op_type for node in small.graph.node] == ["Elu"]
    assert len(small.graph.node[0].attribute) == 1
    assert not small.graph.name
