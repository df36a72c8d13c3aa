"""What can be built and is seldom meant: unused names, linear layers on maps, axes of inputs in another order.

Lint says it, and so does every command that loads a spec.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import application
from lint_runs import UNCONFIGURED, lint_text
from typer.testing import CliRunner

import convcalc
from convcalc.language import library
from convcalc.language.document import examine
from convcalc.language.source import Source
from convcalc.language.unused import unused_parameters

CODES = ("CC113", "CC114", "CC115", "CC116", "CC117", "CC118")


def places_of(text: str, **options: object) -> list[tuple[str, int]]:
    """Code and line of what is found, mistakes among it."""
    findings = lint_text(text, **options).findings
    return [
        (finding.code, finding.line) for finding in findings if finding.code in CODES or finding.severity == "error"
    ]


def block(parameters: str, *layers: str, call: str = "{p: 2}") -> str:
    """A spec with a block whose first parameter is p, in line 5, and one call of it."""
    written = "".join(f"      - {layer}\n" for layer in layers)
    head = "input: [8, 32, 32]\nvariables: {v: 8}\nblocks:\n  b:\n"
    body = f"    parameters: {{{parameters}}}\n    layers:\n{written}"
    return f"{head}{body}layers:\n  - conv: {{out_channels: v, kernel_size: 1}}\n  - b: {call}\n"


CONV = "conv: {out_channels: 8, kernel_size: 3, padding: 1}"


def test_a_stride_that_a_block_forgets_costs_four_times_as_much() -> None:
    forgotten = block("p: 1", CONV)
    meant = block("p: 1", "conv: {out_channels: 8, kernel_size: 3, padding: 1, stride: p}")
    macs = [convcalc.analyze(examined(text)).layers[-1].macs for text in (forgotten, meant)]
    assert macs == [9 * 64 * 32 * 32, 9 * 64 * 16 * 16]
    assert places_of(forgotten) == [("CC113", 5)]
    assert places_of(meant) == []


def examined(text: str) -> convcalc.Network:
    network = examine(Source("net.yaml", text)).network
    assert network is not None
    return network


@pytest.mark.parametrize(
    "layer",
    [
        "relu: {when: p > 1}",
        "relu: {repeat: p}",
        "conv: {out_channels: '[8, 16][p - 1]', kernel_size: 1}",
        "conv: {out_channels: 8, kernel_size: [1, p], padding: same}",
        "add: {branches: [[], [relu, {conv: {out_channels: 8, kernel_size: 1, dilation: p}}]]}",
        "conv_bn_relu: {out_channels: 8, kernel_size: p, padding: same}",
        "conv: {out_channels: 8, kernel_size: 3, padding: 'max(p, 1)'}",
    ],
)
def test_where_a_parameter_is_used(layer: str) -> None:
    assert places_of(block("p: 1", layer)) == []


@pytest.mark.parametrize(
    ("parameters", "flagged"),
    [("p: required, q: 2 * p", []), ("p: required, q: 2", ["p"]), ("p: v, q: 1", ["p"]), ("v: v, q: v, p: 1", ["p"])],
)
def test_defaults_use_parameters(parameters: str, flagged: list[str]) -> None:
    text = block(parameters, "conv: {out_channels: 8, kernel_size: 1, dilation: q}")
    messages = [finding.message for finding in lint_text(text).findings if finding.code == "CC113"]
    assert [message.split("`")[1] for message in messages] == flagged


def test_a_default_uses_the_variable_of_its_own_name() -> None:
    text = block("v: v, p: 1", "conv: {out_channels: v, kernel_size: 1, stride: p}")
    assert places_of(text.replace("{out_channels: v, kernel_size: 1}\n", "{out_channels: 8, kernel_size: 1}\n")) == []


def test_where_a_parameter_may_belong_is_said() -> None:
    (finding,) = lint_text(block("stride: 1", "relu", CONV, call="{stride: 2}"), select=("CC113",)).findings
    assert finding.help == "conv in line 8 has a field of that name: write `stride: stride` there"


VARIABLE = """input: [8, {0}, 32]
variables: {{v: 8, w: {1}}}
layers:
  - conv: {{out_channels: {2}, kernel_size: 3}}
"""


@pytest.mark.parametrize(
    ("used", "flagged"),
    [
        ((32, 1, "v + w"), []),
        ((32, 1, "v"), ["w"]),
        ((32, "2 * v", 8), ["v", "w"]),
        ((32, "2 * v", "w"), []),
        (("v", 1, "w"), []),
    ],
)
def test_variables(used: tuple[object, ...], flagged: list[str]) -> None:
    findings = lint_text(VARIABLE.format(*used), select=("CC114",)).findings
    assert [finding.message.split("`")[1] for finding in findings] == flagged


def test_variables_of_figures_and_blocks_are_used() -> None:
    text = "input: [4]\nvariables: {v: 4}\nexpect: {output: [v]}\nlayers: [relu]\n"
    assert places_of(text) == []
    inner = "input: [4]\nvariables: {v: 4}\nblocks: {b: {layers: [linear: v]}}\nlayers: [b]\n"
    assert places_of(inner) == []
    assert places_of(inner.replace("layers: [b]", "layers: [relu]")) == [("CC115", 3)]


def test_a_variable_that_is_set_and_changes_nothing_is_said_where_it_is_set() -> None:
    (finding,) = lint_text(VARIABLE.format(32, 1, "v"), variables={"w": "4"}, select=("CC114",)).findings
    assert (finding.path, finding.text, finding.severity) == ("--set", "w=4", "warning")
    assert lint_text(VARIABLE.format(32, 1, "v"), variables={"v": "2 * 8"}, ignore=("CC2",)).findings[0].path != "--set"


def test_a_value_that_is_set_uses_variables() -> None:
    assert places_of(VARIABLE.format(32, 1, "w"), variables={"w": "3 * v"}) == []


def test_nothing_is_unused_while_there_are_mistakes() -> None:
    text = block("p: 1", "conv: {out_channels: 8, kernel_size: 3, strid: p}")
    assert [code for code, _ in places_of(text)] == ["CC010"]


@pytest.mark.parametrize(
    ("layers", "shape", "flagged"),
    [
        ("conv: {out_channels: 8, kernel_size: 3}, linear: 10", [3, 32, 32], True),
        ("conv: {out_channels: 8, kernel_size: 3}, batch_norm, relu, dropout, linear: 10", [3, 32, 32], True),
        ("conv: {out_channels: 8, kernel_size: 32}, linear: 10", [3, 32, 32], True),
        ("conv: {out_channels: 1, kernel_size: 32}, linear: 10", [3, 32, 32], False),
        ("conv: {out_channels: 8, kernel_size: 3}, linear: 10", [3, 100], True),
        ("adaptive_avg_pool: 1, linear: 10", [512, 7, 7], True),
        ("global_avg_pool, linear: 10", [512, 7, 7], False),
        ("max_pool: 2, flatten, linear: 10", [512, 8, 8], False),
        ("max_pool: 2, flatten: {start_dim: 1}, permute: [1, 0], linear: 10", [512, 8, 8], False),
        ("max_pool: 2, permute: [1, 2, 0], layer_norm, linear: 10", [512, 8, 8], False),
        ("add: {branches: [[], [{conv: {out_channels: 3, kernel_size: 1}}]]}, linear: 10", [3, 9, 7], True),
        ("linear: 10", [3, 32, 32], True),
        ("linear: 10, relu, linear: 10", [1, 28, 28], True),
        ("linear: 10", [50, 512], False),
        ("linear: 10", [8, 50, 512], False),
        ("linear: 10", [1, 1, 5], False),
        ("linear: 10", [784], False),
    ],
)
def test_linear_layers_on_maps(layers: str, shape: list[int], flagged: bool) -> None:
    findings = lint_text(f"input: {shape}\nlayers: [{layers}]\n", select=("CC116",)).findings
    assert len(findings) == flagged


def test_what_a_linear_layer_on_a_map_costs_is_not_what_is_meant() -> None:
    text = "input: [8, 6, 5]\nlayers:\n  - max_pool: {kernel_size: 1}\n  - linear: 10\n"
    (finding,) = lint_text(text, select=("CC116",)).findings
    assert "of 5 positions, in each of 48 rows of this map of 8x6x5" in finding.message
    counts = [convcalc.analyze(examined(text.replace("  - linear", f"{extra}  - linear"))).totals.macs
              for extra in ("", "  - flatten\n")]  # fmt: skip
    assert counts == [8 * 6 * 5 * 10] * 2  # the MACs are even alike; the weights are 5 times 10 against 240 times 10
    assert examined(text).nodes[-1].shape == (8, 6, 10)


READS = "conv: {out_channels: 8, kernel_size: 3, padding: 1}"


@pytest.mark.parametrize(
    ("shape", "layer", "code"),
    [
        ([1, 3, 224, 224], READS, "CC117"),
        ([8, 3, 64, 64], READS, "CC117"),
        ([32, 1, 28, 28], READS, "CC117"),
        ([32, 1, 28, 28], "flatten", "CC117"),
        ([1, 3, 224, 224], "conv: {out_channels: 8, kernel_size: [1, 3, 3], padding: [0, 1, 1]}", None),
        ([1, 64, 64, 64], READS, None),
        ([3, 16, 112, 112], READS, None),
        ([1, 3, 1000], READS, "CC117"),
        ([1, 28, 28], READS, None),
        ([1, 3, 1000], "conv: {out_channels: 8, kernel_size: [3, 9]}", None),
        ([224, 224, 3], READS, "CC118"),
        ([480, 640, 3], READS, "CC118"),
        ([224, 224, 3], f"batch_norm, {READS}", "CC118"),
        ([28, 28, 1], READS, "CC118"),
        ([64, 64, 4], "max_pool: 2", "CC118"),
        ([16, 112, 112, 3], READS, "CC118"),
        ([16000, 1], READS, "CC118"),
        ([224, 224, 3], "flatten", None),
        ([512, 1], "conv_transpose: {out_channels: 8, kernel_size: 1}", None),
        ([512, 7, 7], READS, None),
        ([512, 4, 4], READS, None),
        ([128, 64, 1], "conv: {out_channels: 8, kernel_size: [3, 1]}", None),
        ([64, 1024, 1], "conv: {out_channels: 8, kernel_size: 1}", None),
        ([3, 224, 224], READS, None),
    ],
)
def test_the_order_of_axes(shape: list[int], layer: str, code: str | None) -> None:
    findings = lint_text(f"input: {shape}\nlayers: [{layer}]\n", select=("CC117", "CC118")).findings
    assert [(finding.code, finding.line) for finding in findings] == ([(code, 1)] if code else [])
    if code == "CC117":
        assert findings[0].help == f"write {shape[1:]}"


def test_the_input_that_is_meant_is_the_one_marked() -> None:
    text = f"inputs:\n  image: [64, 64, 3]\n  more: [3, 64, 64]\nlayers:\n  - conv: {{from: image, {READS[7:-1]}}}\n"
    assert [(finding.line, finding.column) for finding in lint_text(text, select=("CC118",)).findings] == [(2, 10)]
    (finding,) = lint_text(f"input: [3, 64, 64]\nlayers: [{READS}]\n", inputs={"input": (64, 64, 3)},
                         select=("CC118",)).findings  # fmt: skip
    assert (finding.path, finding.text, finding.help) == ("--input", "input=64x64x3", "write [3, 64, 64]")


def test_shipped_blocks_use_their_parameters() -> None:
    for name in library.block_names():
        shipped = library.block(name)
        assert shipped is not None
        assert list(unused_parameters(shipped.source, {name: shipped})) == []


# ---- the commands ------------------------------------------------------------------------------------------------


FORGOTTEN = block("p: 1", CONV)


def run(*arguments: str, given: str = "") -> tuple[int, str]:
    """The exit code and what is on standard error."""
    result = CliRunner().invoke(application(), arguments, input=given)
    return result.exit_code, result.stderr


@pytest.mark.parametrize("command", [["analyze"], ["explain"], ["verify"], ["compare", "--variant", "separable"]])
def test_commands_that_load_a_spec_warn(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(FORGOTTEN, "utf-8")
    code, err = run(command[0], str(path), *command[1:])
    assert code == 0
    assert err.count("warning[CC113]") == 1
    assert "net.yaml:5:18" in err


def test_a_variable_that_is_set_in_vain_is_warned_of() -> None:
    text = "input: [8, 9, 9]\nvariables: {v: 1}\nlayers: [relu]\n"
    code, err = run("analyze", "-", "--set", "v=2", given=text)
    assert (code, "--set:1:1: warning[CC114]" in err) == (0, True)
    code, err = run("analyze", "-", given=text.replace("relu", "{conv: {out_channels: v, kernel_size: 1}}"))
    assert (code, err) == (0, "")


def test_what_lint_is_told_to_ignore_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    ignored = FORGOTTEN.replace("{p: 1}", "{p: 1}  # convcalc: ignore[CC113] for the caller")
    path.write_text(ignored, "utf-8")
    assert run("analyze", str(path)) == (0, "")
    path.write_text(FORGOTTEN, "utf-8")
    (tmp_path / "convcalc.toml").write_text('[lint]\nignore = ["CC113"]\n', "utf-8")
    assert run("analyze", str(path)) == (0, "")
    (tmp_path / "convcalc.toml").write_text("[lint]\nnothing = 1\n", "utf-8")
    assert "warning[CC113]" in run("analyze", str(path))[1]


def test_a_model_that_exists_is_not_doubted(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    x, y = (onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", [1, 8, 3, 5]), ("y", None)))
    weights = [onnx.helper.make_tensor(name, 1, shape, [0.0] * size)
               for name, shape, size in (("w", [8, 8, 1, 1], 64), ("m", [5, 2], 10))]  # fmt: skip
    nodes = [onnx.helper.make_node("Conv", ["x", "w"], ["c"]), onnx.helper.make_node("MatMul", ["c", "m"], ["y"])]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [x], [y], weights))
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    linted = convcalc.lint(path, config=UNCONFIGURED)
    assert [finding.code for finding in linted.findings if finding.code in CODES] == []


# ---- nets as they were published ---------------------------------------------------------------------------------

PUBLISHED = sorted((Path(__file__).parent / "data" / "published").glob("*.yaml"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published_nets_have_no_warning(path: Path) -> None:
    """Written from their papers; `source` has the params that are published, and `expect` those that were counted here.

    They agree in all digits that are published; of the nets without `expect` nothing is published, or only a part is
    written. Whoever made them would object to a warning.
    """
    linted = convcalc.lint(path, config=UNCONFIGURED)
    assert linted.crashed == ()
    assert [(finding.line, finding.code) for finding in linted.findings if finding.severity != "info"] == []
    assert "look at different places" not in CliRunner().invoke(application(), ["analyze", str(path)]).stdout
