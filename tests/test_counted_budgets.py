"""Budgets that are held by another tool's count: `as` in a spec, on a layer or block, in the configuration.

What a tool counts is worked out here from shapes, for rules that are drawn; what a real one prints is from its run.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import draws
from hypothesis import given
from lint_runs import UNCONFIGURED, command, lint_text, marked
from test_lint_budgets import CODES, net

import convcalc
from convcalc.counters import names
from convcalc.language import Source, SpecError, loads
from convcalc.network import Node

ZOO = Path(__file__).parent.parent / "specs" / "zoo"
KINDS = ("conv", "batch_norm", "add", "relu", "linear")
PLACES = ("stem", "stage", "shipped", "head", "")
NETWORK = loads(Source("net.yaml", net()))


def in_and_out(node: Node) -> tuple[int, int]:
    """Elements of the first tensor that enters a layer, and of the one that leaves."""
    return math.prod(NETWORK.nodes[node.inputs[0]].shape), math.prod(node.shape)


class DrawnCounter:
    """A counter that nobody has: of each kind a rule `a * in_elements + b * out_elements`, or none."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.factors = {kind: (draw.randint(0, 3), draw.randint(0, 9)) for kind in KINDS if draw.random() < 0.8}
        self.unit = draw.choice(("macs", "flops", "params"))
        self.per_sample = draw.random() < 0.3

    def text(self) -> str:
        rules = {kind: f"{a} * in_elements + {b} * out_elements" for kind, (a, b) in self.factors.items()}
        figure = {"unit": self.unit, "count": rules, "per_sample": self.per_sample}
        return yaml.safe_dump({"package": "mine 1.2", "figures": {"Work": figure}})

    def counted(self, nodes: Sequence[Node], batch: int) -> tuple[int, list[str]]:
        """What it counts of some layers, and those that it does not know."""
        known = [node for node in nodes if node.kind in self.factors]
        times = 1 if self.per_sample or self.unit == "params" else batch
        amounts = [zip(self.factors[node.kind], in_and_out(node), strict=True) for node in known]
        total = sum(factor * size for pairs in amounts for factor, size in pairs)
        return total * times, [node.name for node in nodes if node.kind not in self.factors]


def within(place: str) -> list[Node]:
    return [node for node in NETWORK.layers if not place or node.name == place or node.name.startswith(f"{place}.")]


@given(draws)
def test_a_limit_is_held_by_the_count_of_the_tool(draw: random.Random) -> None:
    mine, place, batch = DrawnCounter(draw), draw.choice(PLACES), draw.choice((1, 3))
    count, unknown = mine.counted(within(place), batch)
    limit = max(0, count + draw.choice((-2, -1, 0, 1)))
    with CounterFile(mine.text()) as path:
        written = f'budget: {{{mine.unit}: {limit}, as: "{path}"}}'
        text = net(**{place: f", {written}"}) if place else f"{written}\n{net()}"
        findings = lint_text(text, select=("CC5",), batch=batch).findings
    if count <= limit and not unknown:
        assert findings == ()
        return
    (finding,) = findings
    assert (finding.code, marked(text, finding), finding.layer) == (CODES[mine.unit], mine.unit, place)
    least, layers = ("at least ", f"{len(unknown)} layer") if unknown else ("", "")
    assert f"{least}{count:,} {mine.unit} counted by mine 1.2 (" in finding.message
    assert "printed as Work" in finding.message
    assert layers in finding.message
    assert ("batch 3" in finding.message) == (batch == 3 and not mine.per_sample and mine.unit != "params")
    if count > limit:
        assert finding.severity == "error"
        assert f"are {least}{count - limit:,}" in finding.message
        assert finding.message.endswith(f"over the budget of {limit:,}")
    else:
        assert finding.severity == "info"
        assert finding.help.startswith(f"nobody has seen what {path.stem} counts for {', '.join(unknown[:3])}")


class CounterFile:
    """A counter's file, gone at the end."""

    def __init__(self, text: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "mine.yaml"
        self.path.write_text(text, "utf-8")

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()


@pytest.mark.parametrize("limit", [4_133_742_591, 4_133_742_592])
def test_what_thop_prints_of_resnet50(limit: int) -> None:
    """Its run on torchvision's network printed 4,133,742,592."""
    text = f"budget: {{macs: {limit}, as: thop}}\n{(ZOO / 'resnet50.yaml').read_text('utf-8')}"
    findings = lint_text(text, select=("CC502",)).findings
    if limit == 4_133_742_592:
        assert findings == ()
        return
    assert "4,133,742,592 macs counted by thop 0.1.1" in findings[0].message
    assert findings[0].help.startswith("largest: stem ")


def test_nothing_is_told_of_a_file_that_a_spec_names(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yaml"
    path.write_text("token of somebody\n", "utf-8")
    (finding,) = lint_text(f'budget: {{macs: 1, as: "{path}"}}\n{net()}', select=("CC502",)).findings
    assert "is no counter's file" in finding.message
    assert "token" not in finding.message + finding.help


def test_other_amounts_are_ours() -> None:
    limits = "macs: 1T, activation_bytes: 1, elementwise_ops: 1, as: thop"
    findings = lint_text(f"budget: {{{limits}}}\n{net()}", select=("CC502", "CC503")).findings
    assert sorted(finding.message.split()[1] for finding in findings if finding.severity == "error") == [
        "activation_bytes",
        "elementwise_ops",
    ]
    assert all("thop" not in finding.message for finding in findings if finding.severity == "error")


def test_shared_layers_count_once_where_the_tool_counts_them_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = "input: [4, 8, 8]\nlayers:\n  - conv: {name: a, out_channels: 4, kernel_size: 1}\n  - conv: {share: a}\n"
    for is_once, expected in ((True, 20), (False, 40)):
        path.write_text(f"figures: {{P: {{unit: params, others: params, once: {str(is_once).lower()}}}}}\n", "utf-8")
        (finding,) = lint_text(f'budget: {{params: 1, as: "{path}"}}\n{text}', select=("CC501",)).findings
        assert finding.message.startswith(f"{expected} params counted by mine")


def test_a_layer_of_which_nothing_is_known_is_not_counted_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("figures: {P: {unit: params, others: params}}\n", "utf-8")
    text = f'input: [4, 8, 8]\nbudget: {{params: 10, as: "{path}"}}\nlayers: [opaque: [4, 8, 8]]\n'
    network = loads(Source("net.yaml", text))
    assert network.uncosted == ("opaque1",)
    (finding,) = lint_text(text, select=("CC501",)).findings
    assert (finding.severity, "at least 0 params" in finding.message) == ("info", True)


# ---- what is wrong -----------------------------------------------------------------------------------------------

WRONG = {
    "an unknown tool": ("macs: 1, as: «thpo»", "macs as thpo: there is no counter `thpo`", "did you mean `thop`?"),
    "one unlike any": ("params: 1, as: «zzzz»", "there is no counter `zzzz`", "there are "),
    "no option": ("macs: 1, as: «thop:mode=train»", "thop has no option `mode`", "it has figure"),
    "no value": ("macs: 1, as: «thop:figure=GMACs»", "thop has figure=", ""),
    "no such unit": (
        "flops: 1, as: «thop»",
        "thop prints no flops",
        "it prints MACs (macs), params (params): write `macs`",
    ),
    "no file": ("macs: 1, as: «mine.yaml»", "`mine.yaml` is no counter's file", "counts --rules mine.yaml"),
}


@pytest.mark.parametrize("place", ["spec", "layer", "block", "own block"])
@pytest.mark.parametrize(("limits", "message", "advice"), WRONG.values(), ids=WRONG)
def test_a_tool_that_cannot_be_asked_is_told_in_its_place(limits: str, message: str, advice: str, place: str) -> None:
    tool = limits.partition("«")[2].rstrip("»")
    written = f"budget: {{{limits.replace('«', '').replace('»', '')}}}"
    name = {"layer": "stem", "block": "shipped", "own block": "inner"}.get(place, "")
    text = net(**{name: f", {written}"}) if name else f"{written}\n{net()}"
    findings = lint_text(text, select=("CC5",)).findings
    for finding in findings:
        assert (finding.severity, marked(text, finding)) == ("error", tool)
        assert message in finding.message
        assert advice in finding.help
    assert len(findings) == (3 if place == "own block" else 1) or findings[0].more == 2
    if message.startswith("there is no counter"):
        assert all(known in findings[0].help for known in names())


FORMS = {
    "no limit": ("{«as»: thop, sram: 3}", "CC012", "a tool counts macs, flops, params, and none of these is limited"),
    "nothing": ("{macs: 3, as: «null»}", "CC011", "as: expected the name of a tool that counts, found null"),
    "a number": ("{macs: 3, as: «3»}", "CC011", "as: expected the name of a tool that counts, found 3"),
    "a list": ("{macs: 3, as: «[»thop]}", "CC011", "as: expected the name of a tool that counts, found a list"),
    "an empty text": ("{macs: 3, as: «''»}", "CC011", "as: expected the name of a tool that counts"),
    "another word": ("{macs: 3, «ass»: thop}", "CC010", "budget has no field `ass`"),
}


@pytest.mark.parametrize("at_layer", [False, True])
@pytest.mark.parametrize(("limits", "code", "message"), FORMS.values(), ids=FORMS)
def test_what_is_wrong_with_the_form_is_told_as_it_is_read(
    limits: str, code: str, message: str, at_layer: bool
) -> None:
    before, _, rest = limits.partition("«")
    written = before + rest.replace("»", "", 1)
    first = "  - relu: {budget: " if at_layer else "budget: "
    line = f"{first}{written}{'}' if at_layer else ''}"
    text = f"input: [4]\nlayers:\n{line}\n" if at_layer else f"input: [4]\nlayers: [relu]\n{line}\n"
    with pytest.raises(SpecError) as caught:
        loads(Source("net.yaml", text))
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.line, problem.column) == (code, 3, len(first) + len(before) + 1)
    assert message in problem.message


# ---- configured, suggested, written ------------------------------------------------------------------------------

MINE = "package: mine 7\nfigures: {Work: {unit: macs, others: in_elements}, P: {unit: params, others: 2}}\n"


def test_it_is_configured_for_the_limits_beside_it_alone(tmp_path: Path) -> None:
    config = tmp_path / "lint.toml"
    (tmp_path / "mine.yaml").write_text(MINE, "utf-8")
    tables = '"*" = {macs = 1, params = 1, buffers = 1, as = "mine.yaml"}\n"net*" = {params = 2}\n'
    config.write_text(f"[lint.budgets]\n{tables}", "utf-8")
    findings = {finding.message for finding in lint_text(net(), config=str(config), select=("CC5",)).findings}
    macs = sum(math.prod(NETWORK.nodes[node.inputs[0]].shape) for node in NETWORK.layers)
    totals = convcalc.analyze(NETWORK).totals
    assert sorted(message.split(" are ")[0] for message in findings) == sorted(
        [
            f"{macs:,} macs counted by mine 7 (printed as Work)",
            f"{totals.params:,} params",
            f"{totals.buffers} buffers",
        ]
    )
    assert all(message.endswith(f" of {config}") for message in findings)


CONFIGURED = {
    "an unknown tool": ('macs = 1\nas = "thpo"', "as: there is no counter `thpo`", "did you mean `thop`?"),
    "no unit": ('flops = 1\nas = "thop"', "flops: thop prints no flops", "write `macs`"),
    "no limit": ('sram = 1\nas = "thop"', "as: a tool counts macs, flops, params, and none", ""),
    "a number": ("macs = 1\nas = 3", "as: expected the name of a tool that counts, found 3", ""),
    "a table": ("macs = 1\nas = {a = 1}", "as: expected the name of a tool that counts, found a table", ""),
}


@pytest.mark.parametrize(("table", "message", "advice"), CONFIGURED.values(), ids=CONFIGURED)
def test_what_is_wrong_with_the_configuration(table: str, message: str, advice: str, tmp_path: Path) -> None:
    config = tmp_path / "lint.toml"
    config.write_text(f'[lint.budgets."*"]\n{table}\n', "utf-8")
    with pytest.raises(SpecError) as caught:
        lint_text(net(), config=str(config))
    (problem,) = caught.value.diagnostics
    assert message in problem.message
    assert advice in problem.help
    assert problem.line == (2 if message.startswith("flops") else 3)


@pytest.mark.parametrize("in_spec", [True, False])
def test_the_budget_that_is_suggested_is_the_tools_and_is_met(in_spec: bool, tmp_path: Path) -> None:
    path, kept, config = tmp_path / "net.yaml", tmp_path / "kept.yaml", tmp_path / "lint.toml"
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE, "utf-8")
    config.write_text("[lint]\n" if in_spec else '[lint.budgets]\n"*" = {macs = 1, as = "mine.yaml"}\n', "utf-8")
    path.write_text(f'budget: {{macs: 1, as: "{mine}"}}\n{net()}' if in_spec else net(), "utf-8")
    for percent in ("0%", "10%"):
        result = command(str(path), "--suggest-budget", percent, "--config", str(config))
        budget = yaml.safe_load(result.out)["budget"]
        assert set(budget) == {"as", "macs", "params", "peak_activation_bytes", "min_receptive_field"}
        assert (budget["as"], "# mine 7" in result.out) == (str(mine), True)
        kept.write_text(result.out + net(), "utf-8")
        assert "CC5" not in command(str(kept), "--config", UNCONFIGURED).out
    assert budget["params"] == math.ceil(2 * len(NETWORK.layers) * 1.1)


def test_a_suggestion_by_an_unknown_tool_is_refused_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"budget: {{macs: 1, as: thpo}}\n{net()}", "utf-8")
    result = command(str(path), "--suggest-budget", "10%", "--config", UNCONFIGURED)
    assert (result.code, f"{path}:1:23: error[CC013]: there is no counter `thpo`" in result.err) == (2, True)


def _sarif(document: Any) -> list[str]:
    return [result["message"]["text"] for result in document["runs"][0]["results"]]


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_documents_say_whose_number_it_is(format: str, tmp_path: Path) -> None:  # noqa: A002  # the option's name
    path = tmp_path / "net.yaml"
    path.write_text(f"budget: {{params: 1, as: thop}}\n{net()}", "utf-8")
    result = command(str(path), "--select", "CC501", "--format", format, "--config", UNCONFIGURED)
    document = json.loads(result.out)
    texts = _sarif(document) if format == "sarif" else [finding["message"] for finding in document["findings"]]
    assert len(texts) == 1
    assert "params counted by thop 0.1.1" in texts[0]
