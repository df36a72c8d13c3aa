"""`convcalc analyze --training`: every column of every format against a step that is run and measured."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from trained_networks import Macs, executed, run_step
from typer.testing import CliRunner
from view_texts import on_console

import convcalc
from convcalc.analysis.learning.lines import training_lines
from convcalc.language import Source, loads
from convcalc.views.training import table
from convcalc.views.training.shared import Trained

SPEC = """\
name: small
input: [3, 12, 12]
blocks:
  pair:
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: same}
      - batch_norm
      - relu
layers:
  - conv: {name: stem, out_channels: 8, kernel_size: 3, stride: 2}
  - relu: {name: act}
  - pair: {name: body, repeat: 3}
  - global_avg_pool: {name: pool}
  - linear: {name: head, out_features: 10}
"""
OPTIONS = ("--training", "--batch", "2", "--optimizer", "adam", "--freeze", "stem", "--checkpoint", "body.*")
NAMES = ("forward", "inputs", "arrays", "recompute")


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "net.yaml").write_text(SPEC, "utf-8")
    monkeypatch.chdir(tmp_path)
    return "net.yaml"


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(application(), ["analyze", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


class Ran:
    """What a step of the network that is run shows: MACs by layer, bytes by moment, and how many are of what."""

    def __init__(self) -> None:
        step = run_step(loads(Source("net.yaml", SPEC)), ["stem"], ["body.*"])
        self.macs: dict[str, Macs] = executed(step)
        self.moments = [(moment.phase, moment.layer, moment.alive) for moment in step.moments]
        self.alive = {(phase, layer): alive.bytes for phase, layer, alive in self.moments}
        self.gradients: dict[str, int] = {}
        for (owner, _), array in step.gradients.items():
            name = step.network.nodes[owner].name
            self.gradients[name] = self.gradients.get(name, 0) + array.nbytes
        self.kept: dict[str, int] = {}
        before = 0
        for phase, layer, alive in self.moments:
            if phase == "forward":
                self.kept[layer], before = alive.kept - before, alive.kept


@pytest.fixture(scope="module")
def ran() -> Ran:
    return Ran()


def test_json_has_what_a_step_shows(spec: str, ran: Ran) -> None:
    document: dict[str, Any] = json.loads(run(spec, *OPTIONS, "--format", "json"))
    layers = document["layers"]
    amounts = ("macs", "input_gradient_macs", "weight_gradient_macs", "recomputed_macs")
    for layer in layers:
        assert tuple(layer[amount] for amount in amounts) == ran.macs[layer["name"]]
        assert layer["gradient_bytes"] == ran.gradients.get(layer["name"], 0)
        assert layer["state_bytes"] == 2 * layer["gradient_bytes"]
        assert layer["kept_bytes"] == ran.kept[layer["name"]]
        assert layer["frozen"] == (layer["name"] == "stem")
    moments = [(moment["phase"], moment["layer"], moment["bytes"]) for moment in document["moments"]]
    assert moments == [(phase, layer, alive.bytes) for phase, layer, alive in ran.moments]
    for moment, (_, _, alive) in zip(document["moments"], ran.moments, strict=True):
        assert moment["bytes"] == sum(moment["alive"].values())
        assert all(getattr(alive, name) == size for name, size in moment["alive"].items())
    totals, peak = document["totals"], document["peak"]
    for amount in (*amounts, "params", "kept_bytes", "gradient_bytes", "state_bytes"):
        assert totals[amount] == sum(layer[amount] for layer in layers)
    assert totals["step_macs"] == sum(map(sum, ran.macs.values()))
    assert totals["peak_bytes"] == peak["bytes"] == max(ran.alive.values())
    assert peak == next(moment for moment in document["moments"] if moment["bytes"] == totals["peak_bytes"])
    assert (document["convention"]["batch"], document["convention"]["optimizer"]) == (2, "adam")
    parts = document["checkpointing"]["parts"]
    assert [(part["name"], part["layers"]) for part in parts] == [(f"body.{number}", 3) for number in range(3)]
    assert sum(part["macs"] for part in parts) == totals["recomputed_macs"]
    plain = json.loads(run(spec, *OPTIONS[:-2], "--format", "json"))
    assert "checkpointing" not in plain
    assert document["checkpointing"]["peak_bytes_without"] == plain["totals"]["peak_bytes"]
    assert document["checkpointing"]["kept_bytes_without"] == plain["totals"]["kept_bytes"]


def test_csv_has_a_line_for_each_layer(spec: str, ran: Ran) -> None:
    rows = list(csv.DictReader(io.StringIO(run(spec, *OPTIONS, "--format", "csv", "--expand"))))
    shapes = {node.name: node.shape for node in loads(Source("net.yaml", SPEC)).layers}
    assert [row["name"] for row in rows] == list(ran.macs)
    for row in rows:
        name = row["name"]
        macs = [row[f"{amount}macs"] for amount in ("", "input_gradient_", "weight_gradient_")]
        assert [*macs, row["recomputed_macs"]] == [str(count) for count in ran.macs[name]]
        assert row["output_shape"] == "x".join(map(str, shapes[name]))
        assert (row["model"], row["spec"], row["layers"]) == ("small", "net.yaml", "1")
        assert row["kept_bytes"] == str(ran.kept[name])
        assert row["gradient_bytes"] == str(ran.gradients.get(name, 0))
        for phase in ("forward", "recompute", "backward"):
            alive = ran.alive.get((phase, name))
            assert row[f"{phase}_alive_bytes"] == ("" if alive is None else str(alive))


@pytest.mark.parametrize("options", [(), ("--by", "block"), ("--by", "kind"), ("--top", "3"), ("--expand",)])
def test_lines_add_up_layers(spec: str, ran: Ran, options: tuple[str, ...]) -> None:
    rows = list(csv.DictReader(io.StringIO(run(spec, *OPTIONS, "--format", "csv", *options))))
    expanded = list(csv.DictReader(io.StringIO(run(spec, *OPTIONS, "--format", "csv", "--expand"))))
    for row in rows:
        by_kind = options == ("--by", "kind")
        inside = [
            layer
            for layer in expanded
            if (layer["kind"] == row["name"] if by_kind else (layer["name"] + ".").startswith(row["name"] + "."))
        ]
        assert int(row["layers"]) == len(inside)
        for amount in ("params", "macs", "kept_bytes", "gradient_bytes", "weight_gradient_macs", "frozen"):
            assert int(row[amount]) == sum(int(layer[amount]) for layer in inside)
        most = max((int(layer["backward_alive_bytes"] or 0) for layer in inside), default=0)
        assert row["backward_alive_bytes"] == (str(most) if most else "")
    if options == ("--top", "3"):
        kept = sorted((int(row["kept_bytes"]) for row in rows), reverse=True)
        assert [int(row["kept_bytes"]) for row in rows] == kept
        assert len(rows) == 3
    else:
        assert sum(int(row["layers"]) for row in rows) == len(expanded)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_markdown_has_all_digits(spec: str) -> None:
    document = json.loads(run(spec, *OPTIONS, "--format", "json"))
    lines = run(spec, *OPTIONS, "--format", "markdown", "--expand").splitlines()
    header = cells(lines[2])
    assert header == [
        *("layer", "kind", "output", "", "MACs", "of inputs", "of weights", "again", "kept", "gradients", "state")
    ]
    amounts = {
        "MACs": "macs",
        "of inputs": "input_gradient_macs",
        "of weights": "weight_gradient_macs",
        "again": "recomputed_macs",
        "kept": "kept_bytes",
        "gradients": "gradient_bytes",
        "state": "state_bytes",
    }
    for line, layer in zip(lines[4:], document["layers"], strict=False):
        shown = dict(zip(header, cells(line), strict=True))
        assert shown["layer"] == layer["name"]
        assert shown[""] == ("frozen" if layer["frozen"] else "")
        for column, amount in amounts.items():
            assert shown[column].replace(",", "") == (str(layer[amount]) if layer[amount] else "")
    text = "\n".join(lines)
    totals, alive = document["totals"], document["peak"]["alive"]
    words = {
        "kept": "kept for the way back",
        "tensors": "tensors still to be read",
        "tensor_gradients": "gradients of tensors",
        "weights": "weights",
        "gradients": "gradients of weights",
        "state": "state of the optimiser",
        "buffers": "buffers",
    }
    for name, size in alive.items():
        assert (f"| {words[name]} | {size:,} |" in text) == bool(size)
    assert f"({totals['peak_bytes']:,} bytes) at " in text
    assert f"MACs {totals['step_macs']:,} = {totals['macs']:,} forward" in text


def test_the_table_says_what_is_in_memory_at_the_peak(spec: str) -> None:
    document = json.loads(run(spec, *OPTIONS, "--format", "json"))
    text = run(spec, *OPTIONS)
    peak, totals = document["peak"], document["totals"]
    assert peak["phase"] == "recompute"
    when = f"at forward of {peak['layer']} once more"
    assert f"peak {totals['peak_bytes'] / 1024:.1f} KiB ({totals['peak_bytes']:,} bytes) {when}" in text
    assert f"params {totals['params']:,}, trained {totals['trained_params']:,}: " in text
    assert "adam keeps 2 numbers a parameter" in text
    assert "checkpoints: 3 parts, 9 layers run again" in text
    assert "batch 2 · float32 · adam" in text
    assert re.search(r"^body +x3 +pair +8x5x5 +", text, re.MULTILINE)
    assert re.search(r"^stem +conv +8x5x5 +frozen +", text, re.MULTILINE)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("name", ["resnet50", "densenet121", "vit_b_16"])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    costs = convcalc.training(convcalc.load(f"zoo:{name}"), optimizer="adam", batch=256, checkpoint=["*"])
    for expand in (False, True):
        shown = Trained("net.yaml", costs, training_lines(costs, expand=expand))
        text = on_console(table, shown, width, is_terminal=True)
        assert max(map(len, text.splitlines())) <= width
        assert "kept" in text


def test_two_files_share_a_header_and_an_array(spec: str) -> None:
    rows = list(csv.reader(io.StringIO(run(spec, spec, "--training", "--format", "csv"))))
    assert [row[0] for row in rows].count("model") == 1
    documents = json.loads(run(spec, spec, "--training", "--format", "json"))
    assert [document["model"] for document in documents] == ["small", "small"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--optimizer", "adam"), "speaks of training: it goes with --training"),
        (("--freeze", "stem"), "speaks of training: it goes with --training"),
        (("--checkpoint", "stem"), "speaks of training: it goes with --training"),
        (("--training", "--fused"), "does not go with --training"),
        (("--training", "--device", "t4"), "does not go with --training"),
        (("--training", "--show", "params"), "does not go with --training"),
        (("--training", "--count-as", "thop"), "does not go with --training"),
        (("--training", "--signatures"), "does not go with --training"),
        (("--training", "--freeze", "steam"), "freeze: expected the name of a layer or block, or a pattern of names"),
        (("--training", "--checkpoint", "steam"), "did you mean `stem`?"),
        (("--training", "--dtype", "int8"), "training takes a format with fractions, such as float32 or bfloat16"),
        (("--training", "--optimizer", "lion"), "Invalid value for '--optimizer'"),
        (("--training", "--batch", "0"), "Invalid value for '--batch'"),
    ],
)
def test_what_cannot_be(spec: str, options: tuple[str, ...], message: str) -> None:
    shown = re.sub(r"[│╭╮╰╯─\s]+", " ", run(spec, *options, code=2))
    assert message in shown
    assert "Traceback" not in shown


def test_a_file_that_fails_does_not_stop_the_next(spec: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("input: [3, 4, 4]\nlayers: [konv: 3]\n", "utf-8")
    result = CliRunner().invoke(application(), ["analyze", "bad.yaml", spec, "--training", "--format", "json"])
    assert result.exit_code == 2
    first, second = json.loads(result.stdout)
    assert (first["totals"], first["errors"][0]["line"]) == (None, 2)
    assert second["model"] == "small"
    assert "bad.yaml:2:" in result.stderr


def test_at_least_where_not_all_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.yaml").write_text(SPEC + "  - opaque: {name: odd, output_shape: [10]}\n", "utf-8")
    text = run("odd.yaml", "--training")
    assert re.search(r"^odd +opaque +10 .*\?", text, re.MULTILINE)
    assert re.search(r"peak at least .* KiB", text)
    assert "the cost of odd is not known" in text
    document = json.loads(run("odd.yaml", "--training", "--format", "json"))
    assert (document["at_least"], document["uncosted_layers"]) == (True, ["odd"])


def test_plain_analyze_knows_nothing_of_training() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "convcalc", "analyze", "zoo:resnet18"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "convcalc.analysis.report" in loaded
    assert "learning" not in loaded
    assert "training" not in loaded
