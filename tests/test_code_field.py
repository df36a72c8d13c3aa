"""`code` of a spec: what it names, in which order, what is wrong with it, and that writers of specs keep it."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from conftest import draws
from hypothesis import given
from lint_runs import command, lint_text, marked
from typer.testing import CliRunner

import convcalc
from convcalc.counters.calls import USUAL, calls_of
from convcalc.language import Source, SpecError, loads
from convcalc.language.coding import SPACES, calls_said, entries_of, is_call, space_of, without_layers
from convcalc.language.document import examine

KINDS = ("relu", "gelu", "batch_norm", "conv", "dropout")
NAMES = ("a", "ab", "b1", "relu", "norm")
FIELDS = {"conv": "out_channels: 4, kernel_size: 1"}


class Written:
    """A drawn spec, with the names of every layer in it: its own, and that without the number of a repetition."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.blocks: dict[str, list[str]] = {}
        self.layers: list[tuple[str, str, str | None]] = []
        self.lines = self.sequence("", depth=0)

    @property
    def text(self) -> str:
        blocks = "".join(f"  {name}:\n    layers:\n{''.join(lines)}" for name, lines in self.blocks.items())
        return f"input: [4, 8, 8]\n{f'blocks:{chr(10)}{blocks}' if blocks else ''}layers:\n{''.join(self.lines)}"

    def sequence(self, prefix: str, depth: int) -> list[str]:
        lines = []
        for name in self.draw.sample(NAMES, self.draw.randint(1, 3)):
            times = self.draw.choice((None, None, 1, 3))
            repeat = "" if times is None else f", repeat: {times}"
            if depth < 2 and self.draw.random() < 0.3:
                block = f"block{len(self.blocks)}"
                self.blocks[block] = []
                kept = self.layers
                self.layers = []
                self.blocks[block] = [f"    {line}" for line in self.sequence("", depth + 1)]
                inner, self.layers = self.layers, kept
                for place in [""] if times is None else [f".{index}" for index in range(times)]:
                    around = f"{prefix}{name}{place}."
                    self.layers += [(f"{around}{own}", kind, bare and f"{around}{bare}") for own, kind, bare in inner]
                lines.append(f"  - {block}: {{name: {name}{repeat}}}\n")
            else:
                kind = self.draw.choice(KINDS)
                fields = f", {FIELDS[kind]}" if kind in FIELDS else ""
                lines.append(f"  - {kind}: {{name: {name}{repeat}{fields}}}\n")
                own = prefix + name
                if times is None:
                    self.layers.append((own, kind, None))
                else:
                    self.layers += [(f"{own}.{index}", kind, own) for index in range(times)]
        return lines

    def key(self) -> str:
        """A kind, a name, or a pattern that fits at least one layer."""
        own, kind, bare = self.draw.choice(self.layers)
        name = self.draw.choice([own, bare or own])
        start = self.draw.randrange(len(name))
        end = self.draw.randint(start, len(name))
        patterns = [f"{name[:start]}*{name[end:]}", f"{name[:start]}?{name[start + 1 :]}", f"*{name[start:]}*"]
        sign = name[start]
        patterns.append(f"{name[:start]}[{sign}z]{name[start + 1 :]}")
        return self.draw.choice([kind, name, *patterns])


def fits(pattern: str, name: str) -> bool:
    """Whether a pattern fits a name, character by character."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(fits(pattern[1:], name[start:]) for start in range(len(name) + 1))
    if not name:
        return False
    if pattern[0] == "[" and "]" in pattern:
        signs, _, rest = pattern[1:].partition("]")
        return name[0] in signs and fits(rest, name[1:])
    return pattern[0] in ("?", name[0]) and fits(pattern[1:], name[1:])


@given(draws)
def test_the_last_entry_that_fits_holds(draw: random.Random) -> None:
    spec = Written(draw)
    keys = list(dict.fromkeys(spec.key() for _ in range(draw.randint(1, 5))))
    code = {key: f"F.call{place}" for place, key in enumerate(keys)}
    written = "".join(f"  {key!r}: {call}\n" for key, call in code.items())
    reading = examine(Source("net.yaml", f"code:\n{written}{spec.text}"))
    network = reading.network
    assert network is not None
    assert (network.code, reading.problems) == (code, [])
    expected: list[str | None] = []
    for own, kind, bare in spec.layers:
        fitting = [key for key in keys if key == kind or fits(key, own) or (bare is not None and fits(key, bare))]
        expected.append(fitting[-1] if fitting else None)
    assert [node.name for node in network.layers] == [own for own, _, _ in spec.layers]
    assert entries_of(network) == expected
    assert calls_said(network) == [None if key is None else code[key] for key in expected]
    unused = [key for key in keys if key not in expected]
    assert list(without_layers(network)) == unused
    warned = [warning for warning in reading.warnings if warning.code == "CC119"]
    assert [warning.text[warning.column - 1 : warning.end_column - 1].strip("'") for warning in warned] == unused


def test_what_is_not_said_is_called_as_usual() -> None:
    text = "input: [4, 8, 8]\ncode: {relu2: F.relu}\nlayers: [relu, relu, add: {branches: [[], [relu]]}, softmax]\n"
    network = loads(Source("net.yaml", text))
    assert calls_of(network) == ["nn", "F.relu", "nn", USUAL["add"], "nn"]


# ---- what is wrong -----------------------------------------------------------------------------------------------

CALLS = {
    "nn.Relu": "nn.ReLU",
    "nn.Conv2D": "nn.Conv2d",
    "nn.relu": "nn.ReLU",
    "torch.nn.ReLU": "nn.ReLU",
    "torch.nn.functional.relu": "F.relu",
    "nn.functional.gelu": "F.gelu",
    "functional.relu": "F.relu",
    "F.ReLU": "nn.ReLU",
    "torch.Tensor.mean": "x.mean",
    "nn.ReLU(inplace=True)": "nn.ReLU",
    "F.relu(x)": "F.relu",
    "relu": "F.relu",
    "ReLU": "nn.ReLU",
    "LayerNorm2d(LayerNorm)": "LayerNorm2d(nn.LayerNorm)",
    "Mine(torch.nn.Linear)": "Mine(nn.Linear)",
    "Mine(nn.linear)": "Mine(nn.Linear)",
    "nn.adaptive_avg_pool2d": "nn.AdaptiveAvgPool2d",
}


@pytest.mark.parametrize(("written", "meant"), CALLS.items(), ids=CALLS)
def test_what_a_call_was_meant_to_be_is_asked(written: str, meant: str) -> None:
    text = f"input: [4, 8, 8]\nlayers: [relu]\ncode: {{relu: {written!r}}}\n"
    with pytest.raises(SpecError) as caught:
        loads(Source("net.yaml", text))
    (problem,) = caught.value.diagnostics
    assert (problem.code, text.splitlines()[2][problem.column :].startswith(written)) == ("CC011", True)
    asked = re.search(r"did you mean (.*)\?", problem.help)
    assert asked is not None
    assert meant in asked[1].split(", or the function ")
    again = text.replace(repr(written), meant)
    assert loads(Source("net.yaml", again)).code == {"relu": meant}


GOOD = ["nn.ReLU", "nn.Mine", "F.scaled_dot_product_attention", "torch.cat", "x.mean", "LayerNorm2d(nn.LayerNorm)"]
GOOD += ["Frozen(nn.Module)", "+", "-", "*", "/", "@", "**", "nn.quantized.Linear", "torch.ops.aten.mm"]


@pytest.mark.parametrize("call", GOOD)
def test_what_is_called_is_taken(call: str) -> None:
    text = f"input: [4, 8, 8]\nlayers: [relu]\ncode: {{relu: {call!r}}}\n"
    assert calls_of(loads(Source("net.yaml", text))) == [call]
    assert is_call(call)
    spaces = {"nn", "F", "torch", "x"} & {call.partition(".")[0]} or {"subclass" if "(" in call else "operator"}
    assert space_of(call) in spaces <= set(SPACES)


MISTAKES = {
    "a list": ("«[»relu]", "code: expected a mapping from kinds or layers to calls, found a list"),
    "a word": ("«F.relu»", "code: expected a mapping from kinds or layers to calls"),
    "nothing": ("«~»", "code: expected a mapping from kinds or layers to calls, found null"),
    "no call": ("{relu: «what is this»}", "code: relu: expected what is called"),
    "a call of nothing": ("{relu: «F.»}", "code: relu: expected what is called"),
    "a number": ("{relu: «3»}", "found 3"),
    "a list of calls": ("{relu: «[»F.relu]}", "found a list"),
    "no value": ("{relu: «null», gelu: F.gelu}", "found null"),
    "a long call": (f"{{relu: «F.{'a' * 300}»}}", "code: relu: expected what is called"),
    "a key twice": ("{relu: F.relu, «relu»: F.relu}", "key 'relu' stands here twice"),
}


@pytest.mark.parametrize(("written", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told_in_their_place(written: str, message: str) -> None:
    spec = f"input: [4, 8, 8]\nlayers: [relu, gelu]\ncode: {written}\n"
    before, _, rest = spec.partition("«")
    text = before + rest.replace("»", "")
    with pytest.raises(SpecError) as caught:
        loads(Source("net.yaml", text))
    problem = caught.value.diagnostics[0]
    assert (problem.line, problem.column) == (3, len(before.splitlines()[-1]) + 1)
    assert message in problem.message


NOTHING = {
    "a misspelt kind": ("reluu", "no kind or layer is named `reluu`", "did you mean `relu`?"),
    "a misspelt layer": ("stage.0.actt", "no kind or layer is named `stage.0.actt`", "did you mean `stage.0.act`?"),
    "a kind that is not there": ("gelu", "no layer is of the kind gelu", ""),
    "a block": ("unit", "`unit` is a block, and no layer", "stage.0.conv1"),
    "a call of a block": ("stage.1", "`stage.1` is a block, and no layer", "stage.1.conv1"),
    "a pattern": ("stage.*.gelu?", "no name fits `stage.*.gelu?`", "analyze --expand"),
    "one that another replaces": (
        "stage.1.act",
        "what `stage.1.act` says is never so: ... `*.act`",
        "general ones first",
    ),
}


@pytest.mark.parametrize(("key", "message", "advice"), NOTHING.values(), ids=NOTHING)
def test_an_entry_about_no_layer_is_told(key: str, message: str, advice: str) -> None:
    text = f"""input: [4, 8, 8]
code: {{relu: F.relu, "{key}": F.gelu, "*.act": x.relu}}
blocks: {{unit: {{layers: [conv: {{out_channels: 4, kernel_size: 1}}, relu: {{name: act}}]}}}}
layers: [unit: {{name: stage, repeat: 2}}, relu]
"""
    (finding,) = lint_text(text, select=("CC119",)).findings
    assert (finding.severity, finding.line, marked(text, finding)) == ("warning", 2, f'"{key}"')
    first, _, rest = message.partition(" ... ")
    assert [part in finding.message for part in (first, rest)] == [True, True]
    assert advice in finding.help
    assert not lint_text(text.replace(f'"{key}"', f'"{key}" # convcalc: ignore[CC119]\n'), select=("CC119",)).findings


def test_other_values_than_the_specs_own_leave_entries_unused() -> None:
    text = "input: [4]\nvariables: {deep: true}\ncode: {act: F.relu}\nlayers: [relu: {name: act, when: deep}, gelu]\n"
    assert lint_text(text, select=("CC119",)).findings == ()
    assert lint_text(text, select=("CC119",), variables={"deep": "false"}).findings == ()
    assert len(lint_text(text.replace("deep: true", "deep: false"), select=("CC119",)).findings) == 1


def test_analyze_says_that_an_entry_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: [4]\ncode: {reluu: F.relu}\nlayers: [relu]\n", "utf-8")
    result = CliRunner().invoke(application(), ["analyze", str(path)])
    assert (result.exit_code, "warning[CC119]" in result.stderr) == (0, True)


# ---- writers of specs --------------------------------------------------------------------------------------------

FIXED = """\
input: [3, 8, 8]
code: {CODE}
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
  - batch_norm
  - dropout: 0
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
  - batch_norm
  - dropout: 0.5
"""


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("{batch_norm1: F.batch_norm}", []),
        ("{dropout: F.dropout}", []),
        ("{dropout1: F.dropout}", ["CC303"]),
        ("{dropout2: F.dropout}", ["CC303"]),
        ("{'dropout[13]': F.dropout}", ["CC303"]),
        ("{'dropout*': F.dropout}", []),
    ],
)
def test_a_fix_that_would_take_its_layer_from_an_entry_is_refused(code: str, left: list[str], tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(FIXED.replace("{CODE}", code), "utf-8")
    before = convcalc.load(path)
    result = command(str(path), "--fix", "--select", "CC3")
    after = convcalc.load(path)
    assert after.code == before.code
    assert re.findall(r"(CC\d+) is not fixed: `\S+ of `code`", result.err.replace("` of", " of")) == left
    kept = [
        call for node, call in zip(before.layers, calls_said(before), strict=True) if left or node.name != "dropout1"
    ]
    assert calls_said(after) == kept
    assert not without_layers(after)


def test_a_variant_keeps_it_and_says_what_is_about_no_layer_any_more(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(FIXED.replace("{CODE}", "{conv2: nn.Linear, batch_norm1: F.batch_norm}"), "utf-8")
    result = CliRunner().invoke(application(), ["compare", str(path), "--variant", "separable", "-o", "-"])
    assert result.exit_code == 0, result.output
    written = loads(Source("written.yaml", result.stdout))
    assert written.code == {"conv2": "nn.Linear", "batch_norm1": "F.batch_norm"}
    assert "what it says of `conv2` is kept, and is about no layer" in result.stderr
    assert "batch_norm1" not in result.stderr
    entries = dict(zip([node.name for node in written.layers], entries_of(written), strict=True))
    assert {name: key for name, key in entries.items() if key} == {"batch_norm1": "batch_norm1"}


def test_parameters_are_trimmed_around_it() -> None:
    """What takes parameters out of a written spec compares what `code` says too."""
    from convcalc.language import trimming

    text = FIXED.replace("{CODE}", "{batch_norm1: F.batch_norm}")
    network, other = (loads(Source("net.yaml", written)) for written in (text, text.replace("norm1", "norm2")))
    assert trimming._alike(network, network)
    assert not trimming._alike(network, other)


def network_of(**fields: Any) -> convcalc.Network:
    return loads(Source("net.yaml", "".join(f"{key}: {value}\n" for key, value in fields.items())))


def test_it_lies_in_the_network_and_changes_no_figure() -> None:
    layers = "[conv: {out_channels: 4, kernel_size: 1}, relu]"
    plain, coded = (
        network_of(input="[3, 8, 8]", layers=layers, **code) for code in ({}, {"code": "{relu: F.relu, conv1: x.c}"})
    )
    assert coded.code == {"relu": "F.relu", "conv1": "x.c"}
    assert convcalc.analyze(plain).totals == convcalc.analyze(coded).totals
    assert coded.nodes == plain.nodes
