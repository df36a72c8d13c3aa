"""What is said of the terms of a report: kernels, formats, a device, what a spec deploys; and of two that differ."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from msgspec.structs import replace
from typer.testing import CliRunner
from view_texts import analyzed, piped

import convcalc
from convcalc.analysis.compare import UnlikeTerms
from convcalc.arithmetic.precision import PartialPrecision, integer, precision
from convcalc.language import Source, loads
from convcalc.network import Deployment, Network
from convcalc.views import words
from convcalc.views.analyze import table

CONV = "input: [4, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3, padding: same}\n"
PLAIN = f"{CONV}  - max_pool: {{kernel_size: 2}}\n"
MERGED = f"{CONV}  - batch_norm\n  - relu\n  - dropout\n  - linear: {{out_features: 3}}\n"


def network(text: str, **deployed: Any) -> Network:
    return replace(loads(Source("net.yaml", text)), deployment=Deployment(**deployed))


def in_four_bits(net: Network, kind: str) -> Network:
    """The network with the weights of one kind in four bits."""
    low = PartialPrecision(weights=integer(4))
    nodes = (replace(node, precision=low if node.kind == kind else None) for node in net.nodes)
    return replace(net, nodes=tuple(nodes))


def printed(report: convcalc.Report) -> list[str]:
    return piped(table, analyzed(report, "net.yaml")).splitlines()


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(application(), list(arguments), env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def account(report: convcalc.Report) -> str:
    return next(line for line in printed(report) if line.startswith("fused: "))


def test_fusing_where_there_is_nothing_says_so() -> None:
    assert "nothing can be folded" in account(convcalc.analyze(network(PLAIN), fused=True))
    assert not any(line.startswith("fused") for line in printed(convcalc.analyze(network(PLAIN))))


def layers_of(name: str) -> Iterator[tuple[str, int]]:
    """The kinds of a network of the zoo by their number, counted in what is printed of it layer by layer."""
    text = run("analyze", f"zoo:{name}", "--by", "kind", "--format", "csv").stdout
    yield from ((line.split(",")[2], int(line.split(",")[5])) for line in text.splitlines()[1:])


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50", "densenet121", "vgg16"])
def test_every_layer_is_in_the_account(name: str) -> None:
    """Kernels and what is not one are all of the layers; no more of a kind is merged than there is of it."""
    report = convcalc.analyze(convcalc.load(f"zoo:{name}"), fused=True)
    text = account(report).removeprefix("fused: ")
    kernels, _, rest = text.partition(" kernels; ")
    counted = Counter[str]()
    for part in rest.split("; "):
        if not part.endswith(" in place"):
            counted.update({kind: int(count) for count, kind in re.findall(r"(\d+) (\w+)", part)})
    there = dict(layers_of(name))
    assert int(kernels) == len(report.layers)
    assert int(kernels) + counted.total() == sum(there.values())
    assert all(count <= there[kind] for kind, count in counted.items())


def test_the_totals_and_the_convention_say_that_it_is_fused() -> None:
    report = convcalc.analyze(network(MERGED), fused=True, dtype="weights=int8,activations=int8,bias=int32", batch=2)
    text = printed(report)
    assert any("conv 3x3 + relu" in line for line in text)
    assert any("   fused peak activations " in line for line in text)
    formats = "weights int8, activations int8, bias int32"
    assert text[-1].endswith(f"· batch 2 · {formats} · kernels: norms folded, activations and sums in place")


def test_macs_are_told_by_format_where_they_are_not_all_float32() -> None:
    net = network(MERGED)
    text = "\n".join(printed(convcalc.analyze(in_four_bits(net, "conv"), dtype="int8")))
    conv, linear = 4 * 4 * 9 * 64, 3 * 8 * 32
    assert f"MACs by weight x activation: int4 x int8 {conv:,}, int8 x int8 {linear:,}" in text
    assert f"bit operations {conv * 32 + linear * 64:,}" in text
    assert "bit operations" not in "\n".join(printed(convcalc.analyze(net)))


@pytest.mark.parametrize(
    ("deployed", "asked", "expected"),
    [
        ({}, {"batch": 2, "fused": True}, ""),
        ({"batch": 2}, {}, "batch 2"),
        ({"batch": 2, "fused": True, "precision": precision("int8")}, {}, "batch 2, int8, fused"),
        ({"batch": 2, "fused": True}, {"fused": False}, "batch 2"),
        ({"batch": 2}, {"batch": 3}, ""),
        ({"precision": precision("int8")}, {"dtype": "int8"}, "int8"),
    ],
)
def test_what_a_spec_deploys_is_told(deployed: dict[str, Any], asked: dict[str, Any], expected: str) -> None:
    text = printed(convcalc.analyze(network(MERGED, **deployed), **asked))
    lines = [line.removesuffix(": as the spec's `deploy` says") for line in text if line.endswith("`deploy` says")]
    assert lines == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"batch": 3}, "batch 1 against batch 3"),
        ({"fused": True, "batch": 2}, "batch 1 against batch 2, not fused against fused"),
    ],
)
def test_networks_on_unlike_terms_are_not_compared(terms: dict[str, Any], expected: str) -> None:
    plain, deployed = network(MERGED), network(MERGED, **terms)
    with pytest.raises(UnlikeTerms, match=expected):
        convcalc.compare(plain, deployed)
    same = convcalc.compare(deployed, deployed)
    assert not same.changes


def test_formats_of_a_layer_are_edited() -> None:
    net = network(MERGED)
    (change,) = convcalc.compare(net, in_four_bits(net, "conv")).changes
    assert (change.mark, change.name) == ("edited", "conv1")


def test_compare_takes_all_terms(tmp_path: Path) -> None:
    """The command's totals are those of `analyze` on the same terms, of either side and of variants."""
    (tmp_path / "a.yaml").write_text(MERGED, "utf-8")
    (tmp_path / "b.yaml").write_text(MERGED.replace("out_channels: 4", "out_channels: 6"), "utf-8")
    files = [str(tmp_path / name) for name in ("a.yaml", "b.yaml")]
    options = ("--fused", "--dtype", "weights=int4,activations=int8", "--batch", "3")
    alone = [json.loads(run("analyze", file, *options, "--format", "json").stdout)["totals"] for file in files]
    document = json.loads(run("compare", *files, *options, "--format", "json").stdout)
    for name, total in document["diff"]["totals"].items():
        assert (total["base"], total["head"]) == (alone[0][name], alone[1][name])
    text = run("compare", *files, *options).stdout
    assert "bit operations" in text
    assert "kernels: norms folded" in text.splitlines()[-1]
    variant = json.loads(run("compare", files[0], "--variant", "separable", *options, "--format", "json").stdout)
    assert variant["base"]["totals"] == alone[0]


def test_a_spec_of_nothing_has_words() -> None:
    """Neither a MAC nor a byte: nothing is divided by nothing."""
    report = convcalc.analyze(network("input: [2]\nlayers:\n  - identity\n"), fused=True)
    assert words.totals(report)
    assert account(report)


@pytest.mark.parametrize("command", ["analyze", "memory", "compare"])
def test_that_nothing_folds_is_told_by_every_view_of_kernels(command: str, tmp_path: Path) -> None:
    for name, text in (("plain", "[max_pool: 1]"), ("other", "[max_pool: 2]")):
        (tmp_path / f"{name}.yaml").write_text(f"input: [3, 8, 8]\nlayers: {text}\n", "utf-8")
    files = [str(tmp_path / f"{name}.yaml") for name in ("plain", "other")][: 2 if command == "compare" else 1]
    done = CliRunner().invoke(application(), [command, *files, "--fused"])
    assert done.exit_code == 0, done.output
    assert "kernels: nothing folds, merges or runs in place" in " ".join(done.stdout.split())
