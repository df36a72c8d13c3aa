"""Specs that a program gives, as a text or as a mapping: the same networks and the same mistakes as in a file.

A mapping is held against PyYAML's text of it, whose own positions say where a mistake stands. CONVCALC_EXAMPLES=10000
tries so many.
"""

from __future__ import annotations

import copy
import datetime
import pickle
import re
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from command_line import application
from conftest import MANY
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

import convcalc
from convcalc import steps
from convcalc.language.given import source_of

ROOT = Path(__file__).parent.parent
SPECS = sorted([*(ROOT / "specs").rglob("*.yaml"), *(ROOT / "convcalc" / "zoo").glob("*.yaml")])
SPEC: dict[str, Any] = {
    "name": "net",
    "input": [3, 12, 12],
    "variables": {"width": 8, "depths": [1, 2], "scale": 0.5},
    "blocks": {"pair": {"parameters": {"channels": "required"}, "layers": [{"conv": ["channels", 3]}, "relu"]}},
    "layers": [
        {"conv": {"name": "stem", "out_channels": "2 * width", "kernel_size": 3, "padding": "same", "bias": False}},
        {"conv": {"out_channels": "width", "kernel_size": (3, 1), "when": "width > 4"}},
        {"add": {"branches": [[], [{"conv": {"out_channels": "width", "kernel_size": 1}}]]}},
        {"relu": None},
        {"linear": {"out_features": 10}},
    ],
    "outputs": ["linear1"],
}
del SPEC["blocks"]


def mistakes(spec: Any) -> list[convcalc.Diagnostic]:
    try:
        convcalc.loads(spec)
    except convcalc.SpecError as error:
        return error.diagnostics
    return []


def nowhere(network: convcalc.Network) -> convcalc.Network:
    """A network with nothing that says where it was written."""
    nodes = tuple(replace(node, line=0) for node in network.nodes)
    groups = tuple(replace(group, line=0) for group in network.groups)
    return replace(network, name="", nodes=nodes, groups=groups)


# ---- networks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_text_and_a_mapping_are_the_network_of_the_file(path: Path) -> None:
    network = convcalc.load(path)
    text = path.read_text("utf-8")
    assert replace(convcalc.loads(text), name=network.name) == network
    assert nowhere(convcalc.loads(yaml.safe_load(text))) == nowhere(network)


def test_inputs_and_variables_replace_those_of_a_mapping() -> None:
    network = convcalc.loads(SPEC, inputs={"input": (3, 20, 20)}, variables={"width": 16})
    written = convcalc.loads({**SPEC, "input": [3, 20, 20], "variables": {**SPEC["variables"], "width": 16}})
    assert network.overridden
    assert network.nodes == written.nodes


def test_numbers_and_lists_of_other_libraries_are_those_of_the_text() -> None:
    plain = convcalc.loads(SPEC).nodes
    layers = copy.deepcopy(SPEC["layers"])
    layers[0]["conv"] |= {"kernel_size": np.int64(3), "bias": np.bool_(False)}
    layers[1]["conv"] |= {"kernel_size": np.array([3, 1], dtype=np.int32)}
    spec = {**SPEC, "input": (3, np.uint8(12), 12), "layers": tuple(layers)}
    assert convcalc.loads(MappingProxyType(spec)).nodes == plain


@pytest.mark.parametrize(
    ("value", "exact"),
    [(0.1, Fraction(1, 10)), (np.float32(0.1), Fraction(1, 10)), (Decimal("0.35"), Fraction(7, 20)),
     (Fraction(1, 3), Fraction(1, 3)), (1e20, 10**20), (1e-7, Fraction(1, 10**7)), (2.0, 2),
     ("2 * 3", 6), ("2", 2), (None, None)],
)  # fmt: skip
def test_a_decimal_is_the_number_that_is_written(value: object, exact: object) -> None:
    spec = {"input": [1], "variables": {"given": value}, "layers": ["relu"]}
    assert convcalc.loads(spec).variables.get("given") == exact


def test_what_is_read_again_from_a_mapping_is_what_it_says() -> None:
    network = convcalc.loads(SPEC)
    file = convcalc.loads(yaml.safe_dump(msgspec.to_builtins(SPEC)))
    sides, others = (convcalc.variants(of, "separable") for of in (network, file))
    assert sides.candidates[0].report.totals == others.candidates[0].report.totals  # type: ignore[union-attr]
    report = convcalc.analyze(network)
    assert {row.line for row in report.layers} == {0}
    assert report.to_dict()["spec"] == "<mapping>"
    assert convcalc.analyze(file).to_dict()["spec"] == "<text>"


# ---- mistakes ----------------------------------------------------------------------------------------------------


def part_of(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


def way(text: str, line: int, column: int) -> str:
    """The innermost entry of a document of PyYAML at a place, as a program would reach it."""
    place, path, node = (line - 1, column - 1), "", yaml.compose(text, Loader=yaml.SafeLoader)
    while True:
        if isinstance(node, yaml.MappingNode):
            entries = [(key.start_mark, part_of(key.value), value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            entries = [(item.start_mark, f"[{index}]", item) for index, item in enumerate(node.value)]
        else:
            return path.removeprefix(".")
        before = [entry for entry in entries if (entry[0].line, entry[0].column) <= place]
        at_collection = (node.start_mark.line, node.start_mark.column) == place and node.flow_style
        if not before or at_collection:
            return path.removeprefix(".")
        _, part, node = before[-1]
        path += part


WORDS = (
    *(
        "conv",
        "relu",
        "add",
        "stride",
        "kernal_size",
        "width",
        "2 * width",
        "nothing",
        "same",
        "no",
        "1e3",
        "0x10",
        "a b",
    ),
    *("", " x", "#", "a: b", "- a", "{", "[1, 2]", "'", '"', "\\", "é", "\u202e", "\x00", "\n", "<<", "*a", "&a", "!t"),
    *("~", "null", "true", "010", "2020-01-01", "1:30", "=", "%", "@", "`", "|", ">", "?", "::set", "😀"),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.sampled_from([0.5, 0.125, 10**12, -2.5])
    | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=6,
)


def entries(value: Any) -> list[tuple[Any, Any]]:
    """Every place in lists and mappings: what holds it, and its key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *entries(value[key])]]


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """The spec with other values in some places, with entries added and left out."""
    spec: dict[str, Any] = msgspec.to_builtins(SPEC)
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(entries(spec)))
        change = draw(st.sampled_from(["value", "value", "more", "less"]))
        if change == "less":
            del holder[key]
        elif change == "value":
            holder[key] = draw(VALUES)
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(WORDS))] = draw(VALUES)
        else:
            holder.insert(key, draw(VALUES))
        if not spec:
            break
    return spec


def flow(value: Any) -> str:
    """The text of a value, in which a text is in quotes where PyYAML cannot write it without."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)


@settings(max_examples=MANY or 150, deadline=None)
@given(damaged())
def test_a_mapping_has_the_mistakes_of_its_text(spec: dict[str, Any]) -> None:
    text = flow(spec)
    with steps.run():
        of_mapping = mistakes(spec)
    with steps.run():
        of_text = mistakes(text)
    if yaml.safe_load(text) != spec:  # as with "=", which PyYAML writes and does not read
        return
    problems = sorted((d.code, d.message, d.help) for d in of_mapping)
    expected = []
    for problem in of_text:
        place = way(text, problem.line, problem.column)
        message = re.sub(r"in line \d+", "", problem.message)
        expected.append((problem.code, f"{place}: {message}" if place else message))
    assert sorted((code, re.sub(r" at [\w.\[\]']+", " ", message)) for code, message, _ in problems) == sorted(
        (code, re.sub(r" at [\w.\[\]']+", " ", message)) for code, message in expected
    )
    assert all((d.path, d.line, d.text) == ("<mapping>", 0, "") for d in of_mapping)


@settings(max_examples=MANY or 300, deadline=None)
@given(VALUES)
def test_the_text_of_a_mapping_says_what_is_in_it(value: Any) -> None:
    """Read by PyYAML, which wrote none of it; to its YAML 1.1 `no` is false, and some texts are dates."""
    source = source_of({"value": value})
    read = yaml.safe_load(source.text)

    def of_yaml_1_1(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {str(of_yaml_1_1(key)): of_yaml_1_1(inner) for key, inner in item.items()}
        if isinstance(item, list | tuple):
            return [of_yaml_1_1(inner) for inner in item]
        return item

    assert of_yaml_1_1(read) == of_yaml_1_1({"value": value}) or re.search(r"\bno\b|2020", source.text)
    assert source.places is not None
    for line, written in enumerate(source.text.split("\n"), 1):
        name = re.match(r'("?)([A-Za-z ]+)\1: ', written)
        if name:
            assert name[2] in source.places.of(line)


def conv(**fields: object) -> dict[str, Any]:
    return {"input": [3, 8, 8], "layers": [{"conv": {"out_channels": 4, "kernel_size": 3, **fields}}]}


def nested(depth: int) -> list[Any]:
    layers: list[Any] = []
    for _ in range(depth):
        layers = [layers]
    return layers


def shared(depth: int) -> list[Any]:
    layers: list[Any] = []
    for _ in range(depth):
        layers = [layers, layers]
    return layers


REFUSED: dict[str, tuple[Any, str]] = {
    "nan": (conv(stride=float("nan")), "CC011: layers[0].conv.stride: expected text, a number, true, false, null"),
    "infinity": (conv(stride=float("-inf")), "CC011: layers[0].conv.stride: "),
    "decimal nan": (conv(stride=Decimal("nan")), "CC011: layers[0].conv.stride: "),
    "date": (conv(stride=datetime.date(2020, 1, 1)), "found a date"),
    "set": (conv(stride={1}), "found a set"),
    "object": (conv(stride=object()), "found an object"),
    "complex": (conv(stride=1j), "found a complex"),
    "large": (conv(stride=10**40), "CC011: layers[0].conv.stride: a number of more than 40 digits is not meant here"),
    "enormous": (conv(stride=10**5000), "a number of more than 40 digits"),
    "fraction": (conv(stride=0.5), "layers[0].conv.stride: stride: expected a whole number from 1, found 0.5"),
    "misspelt": (conv(kernal_size=3), "CC010: layers[0].conv.kernal_size: conv has no field `kernal_size`"),
    "tuple key": ({**conv(), (1, 2): 3}, "CC007: expected a name as key, found a tuple"),
    "inner key": (conv(padding={b"a": 3}), "CC007: layers[0].conv.padding: expected a name as key, found a bytes"),
    "number key": ({**conv(), 1: 3}, "['1']: a spec has no field `1`"),
    "twice": ({**conv(), "variables": {1: 3, "1": 4}}, "CC002: variables: key '1' stands here twice"),
    "half": ({**conv(), "name": "\ud800"}, "CC001: name: half a surrogate pair"),
    "deep": ({**conv(), "layers": nested(3000)}, "nested more than 64 deep, the most a spec may be"),
    "many": ({**conv(), "layers": shared(60)}, "is larger than 16 MiB, the most a spec may be"),
    "empty": ({}, "a spec needs `input`"),
    "name given twice": (
        {"input": [4], "layers": [{"relu": {"name": "a"}}, {"relu": {"name": "a"}}]},
        "layers[1].relu.name: the name `a` is given twice, first at layers[0].relu",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_spec_can_say_is_a_mistake_at_its_place(name: str) -> None:
    spec, expected = REFUSED[name]
    problems = mistakes(spec)
    assert any(expected in f"{d.code}: {d.message}" for d in problems), problems
    assert all(d.path == "<mapping>" for d in problems)


def test_what_contains_itself_is_a_mistake() -> None:
    spec: dict[str, Any] = conv()
    spec["layers"].append({"add": {"branches": [[], [spec["layers"]]]}})
    assert [d.message for d in mistakes(spec)] == [
        "layers[1].add.branches[1][0]: this contains itself, and so has no end"
    ]
    spec = conv()
    spec["blocks"] = {"b": spec}
    assert [d.message for d in mistakes(spec)] == ["blocks.b: this contains itself, and so has no end"]


def test_one_list_in_two_places_is_not_within_itself() -> None:
    sizes = [3, 3]
    spec = conv(kernel_size=sizes, stride=sizes, padding=[1, 1])
    assert mistakes(spec) == []


@pytest.mark.parametrize("spec", [3, None, b"layers: [relu]", ["relu"], object(), 1.5])
def test_what_is_neither_text_nor_mapping_is_refused(spec: Any) -> None:
    with pytest.raises(TypeError, match=r"expected the text of a spec, or a mapping that says the same, found an? "):
        convcalc.loads(spec)


@pytest.mark.parametrize("name", ["net.yaml", "zoo:resnet50", "models/net.onnx"])
def test_the_name_of_a_file_is_not_its_text(name: str) -> None:
    [problem] = mistakes(name)
    assert "found the text" in problem.message
    assert problem.help == "convcalc.load reads a file, or a network of the zoo, by its name"


def test_half_a_surrogate_pair_in_a_text_is_a_mistake_at_its_place() -> None:
    [problem] = mistakes("input: [3, 8, 8]\nname: \ud800\nlayers: [relu]")
    assert (problem.path, problem.line, problem.column, problem.code) == ("<text>", 2, 7, "CC001")
    assert problem.message == "half a surrogate pair is no character, and stands in no text"
    assert problem.text == "name: ?"


# ---- how mistakes are shown --------------------------------------------------------------------------------------

WRONG = 'input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 64, kernal_size: 3}\n  - "reluu\\x1b[31m"\n'


def test_an_error_prints_as_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(WRONG, "utf-8")
    with pytest.raises(convcalc.SpecError) as caught:
        convcalc.load("net.yaml")
    printed = CliRunner().invoke(application(), ["analyze", "net.yaml"]).stderr
    assert f"{caught.value}\n" == printed
    assert "^^^^^^^^^^^ did you mean `kernel_size`?" in printed
    assert len(repr(caught.value)) < 300


def test_an_error_of_many_mistakes_prints_the_first() -> None:
    with pytest.raises(convcalc.SpecError) as caught:
        convcalc.loads({"input": [3], "layers": ["nothing"] * 60})
    assert str(caught.value).count("error[") == 50
    assert str(caught.value).endswith("\n10 more findings not shown")
    assert len(caught.value.diagnostics) == 60
    assert repr(caught.value).startswith("SpecError(60 mistakes, <mapping>: CC013: layers[0]: ")


def test_an_error_goes_to_another_process() -> None:
    with pytest.raises(convcalc.SpecError) as caught:
        convcalc.loads(WRONG)
    for again in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):  # noqa: S301  # ours
        assert type(again) is convcalc.SpecError
        assert again.diagnostics == caught.value.diagnostics
        assert str(again) == str(caught.value)
        assert again.network is None


PROGRAM = f"import convcalc\nconvcalc.loads({WRONG!r})\n"


def test_python_prints_a_traceback_that_ends_in_the_mistakes() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert "\nconvcalc.SpecError: <text>:3:30: error[CC010]: conv has no field `kernal_size`\n    3 | " in done.stderr
    assert "\x1b[31m" not in done.stderr


def test_ipython_prints_the_mistakes_alone() -> None:
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    program = (
        f"from IPython.core.interactiveshell import InteractiveShell as Shell;Shell.instance().run_cell({PROGRAM!r})"
    )
    assert InteractiveShell is not None
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    printed = done.stdout.splitlines()
    assert printed[:2] == ["convcalc.SpecError:", "<text>:3:30: error[CC010]: conv has no field `kernal_size`"]
    assert "Traceback" not in done.stdout
    assert "document.py" not in done.stdout
