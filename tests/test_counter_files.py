"""Files of counters: what good ones say, every mistake in its place, and only told mistakes where they are damaged."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import MANY, draws
from hypothesis import given

from convcalc import counters, layers, steps
from convcalc.analysis.counts import count
from convcalc.analysis.layer_facts import asked_layers
from convcalc.counters import reading
from convcalc.counters.facts import FACTS, asked_as
from convcalc.language import Source, SpecError, loads
from convcalc.language.source import Diagnostic

NETWORK = loads(
    Source(
        "net.yaml",
        """
input: [4, 8, 8]
code: {relu: F.relu, gelu: x.gelu, last: "+", norm: Norm2d(nn.LayerNorm)}
layers:
  - conv: {out_channels: 8, kernel_size: 3, stride: 2}
  - batch_norm
  - relu
  - gelu
  - layer_norm: {name: norm, axes: [1]}
  - max_pool: {kernel_size: 2}
  - add: {name: last, branches: [[], [relu]]}
  - sigmoid
""",
    )
)


def read(text: str) -> counters.Counter:
    return reading.of_text("mine", "mine.yaml", text, checked=True)


def problems_of(text: str) -> list[Diagnostic]:
    try:
        read(text)
    except SpecError as error:
        return error.diagnostics
    return []


# ---- good ones ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", counters.names())
def test_shipped_ones_are_right(name: str) -> None:
    """Names in their rules too, which are not looked up where they are used."""
    text = (counters.FOLDER / f"{name}.yaml").read_text("utf-8")
    counter = reading.of_text(name, name, text, checked=True)
    assert counter.figures.keys() == counters.load(name).figures.keys() != set()
    assert counter.about
    assert counter.package
    assert counter.seen or counter.assumes


def amounts(rule: str) -> list[int | None]:
    """What a rule comes to for each layer."""
    (counted,) = count(
        NETWORK, counters.choices(read(yaml.safe_dump({"figures": {"M": {"unit": "macs", "others": rule}}})))
    )
    return [row.count for row in counted.layers]


def test_every_fact_that_a_rule_may_ask_for_is_given_and_no_other() -> None:
    for layer, node in zip(asked_layers(NETWORK), NETWORK.layers, strict=True):
        fields = {*node.config.__struct_fields__}
        beside = {name for name in layer.facts if name.startswith(("before_", "after_"))}
        assert set(layer.facts) - beside == fields | set(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_has_a_value_in_every_layer(name: str) -> None:
    assert amounts(f"7 if {name} == {name} else 8") == [7] * len(NETWORK.layers)


ORDER = ("exact", "space", "calls exact", "calls space", "any", "others")
"""Where a rule is looked for, from the first on."""


@given(draws)
def test_the_rule_for_a_call_is_the_first_there_is(draw: random.Random) -> None:
    """Each place has an amount of its own, so that the amount says which rule it was."""
    spaces = {"gelu": "x", "sigmoid": "nn", "last": "operator", "norm": "subclass", "relu1": "F"}
    calls = {"gelu": "x.gelu", "sigmoid": "nn", "last": "+", "norm": "Norm2d(nn.LayerNorm)", "relu1": "F.relu"}
    layer = draw.choice([*spaces])
    kind = {"last": "add", "norm": "layer_norm", "relu1": "relu"}.get(layer, layer)
    there = {place: draw.random() < 0.4 for place in ORDER}
    if calls[layer] == spaces[layer]:
        there["exact"] = there["calls exact"] = False
    rule = {calls[layer]: 1} if there["exact"] else {}
    rule |= {spaces[layer]: 2} if there["space"] else {}
    rule |= {"other": 5} if there["any"] else {}
    general = {calls[layer]: 3} if there["calls exact"] else {}
    general |= {spaces[layer]: 4} if there["calls space"] else {}
    figure: dict[str, Any] = {"unit": "macs", "count": {kind: rule} if rule else {}, "calls": general}
    figure |= {"others": 6} if there["others"] else {}
    counter = read(yaml.safe_dump({"figures": {"M": figure}}))
    (counted,) = count(NETWORK, counters.choices(counter))
    name = {"gelu": "gelu1", "sigmoid": "sigmoid1"}.get(layer, layer)
    (amount,) = [row.count for row in counted.layers if row.name == name]
    first = next((place for place, is_there in enumerate(ORDER, 1) if there[ORDER[place - 1]]), None)
    assert amount == first
    assert (name in counted.unknown) == (first is None)


def test_a_file_of_ones_own_with_all_there_is(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    path.write_text(
        """
about: what we print
package: house 3
seen: read in its source
assumes: [one sample]
options: {mode: [eval, train], way: [forward, backward]}
figures:
  Ops: {unit: flops, count: {conv: "2 * macs if mode == 'eval' else 6 * macs", add: "1 if way == 'forward' else 2"}}
  P: {unit: params, others: params + buffers, once: true, per_sample: true, zero: [relu], parts: {batch_norm: counts}}
faults:
  - {kinds: [conv], when: "stride != [1, 1]", what: strides are lost, finding: strides}
""",
        "utf-8",
    )
    chosen = counters.choose(f"{path}:mode=Train,way=backward")
    assert str(chosen) == "house:mode=train,way=backward"
    (counted,) = count(NETWORK, [chosen])
    macs = 8 * 4 * 9 * 9
    assert {row.name: row.count for row in counted.layers if row.count} == {"conv1": 6 * macs, "last": 2}
    assert counted.layers[0].faults == ("strides are lost",)
    (counted,) = count(NETWORK, [counters.choose(f"{path}:figure=p")])
    assert (counted.count, counted.unknown) == (sum(row.count or 0 for row in counted.layers), ())


# ---- mistakes ----------------------------------------------------------------------------------------------------

LEAST = "figures: {M: {unit: macs, count: {conv: macs}}}\n"
MISTAKES = {
    "nothing": ("«»", "CC011", "expected a counter: a mapping of about, package"),
    "a list": ("«[»1]", "CC011", "expected a counter ... found a list"),
    "an unknown field": (f"«figurs»: 3\n{LEAST}", "CC010", "a counter has no field `figurs`"),
    "no figures": ("«about: x»\n", "CC012", "a counter needs `figures`"),
    "empty figures": ("figures: «{»}\n", "CC012", "expected what the tool prints, found none"),
    "figures that are a list": ("figures: «[»1]\n", "CC011", "figures: expected a mapping, found a list"),
    "a figure that is none": ("figures: {M: «3»}\n", "CC011", "M: expected a mapping, found 3"),
    "no unit": (
        "figures: {«M»: {count: {conv: macs}}}\n",
        "CC012",
        "expected a unit of macs, flops, params; found none",
    ),
    "another unit": ("figures: {M: {unit: «mac»}}\n", "CC012", "M: expected a unit of macs ... found `mac`"),
    "an unknown kind": ("figures: {M: {unit: macs, count: {«Conv2d»: 1}}}\n", "CC013", "no kind `Conv2d` ... `conv`?"),
    "an unknown kind in zero": ("figures: {M: {unit: macs, zero: [«reluu»]}}\n", "CC013", "zero: ... `relu`?"),
    "a kind twice": ("figures: {M: {unit: macs, zero: [relu, «relu»]}}\n", "CC010", "`relu` stands there twice"),
    "zero and counted": (
        "figures: {M: {unit: macs, zero: [relu], count: {«relu»: 1}}}\n",
        "CC010",
        "nothing by `zero`",
    ),
    "a part of no kind": ("figures: {M: {unit: macs, parts: {«cnv»: x}}}\n", "CC013", "parts: there is no kind `cnv`"),
    "no expression": ("figures: {M: {unit: macs, others: «in_elements +»}}\n", "CC011", "neither a number nor an expr"),
    "a list of amounts": (
        "figures: {M: {unit: macs, others: «[»1]}}\n",
        "CC011",
        "expected an expression, found a list",
    ),
    "an amount of nothing": ("figures: {M: {unit: macs, others: «null»}}\n", "CC011", "found null ... leave it out"),
    "a function that is none": (
        "figures: {M: {unit: macs, others: «prod»(in_sizes)}}\n",
        "CC013",
        "no function `prod`",
    ),
    "a layer by name": ("figures: {M: {unit: macs, others: «size_of(conv1)»}}\n", "CC011", "about one layer"),
    "a name of nothing": (
        "figures: {M: {unit: macs, others: 2 * «in_elemnts» + 1}}\n",
        "CC013",
        "nothing gives `in_elemnts` ... `in_elements`?",
    ),
    "a field of another kind": (
        "figures: {M: {unit: macs, count: {relu: {F: «stride»}}}}\n",
        "CC013",
        "relu.F: nothing gives `stride`",
    ),
    "a text without quotes": (
        "options: {mode: [eval]}\nfigures: {M: {unit: macs, others: mode == «eval»}}\n",
        "CC013",
        "in quotes: 'eval'",
    ),
    "a kind without quotes": ("figures: {M: {unit: macs, others: before == «conv»}}\n", "CC013", "in quotes: 'conv'"),
    "no call": ("figures: {M: {unit: macs, calls: {«f»: 0}}}\n", "CC010", "`f` is no way to call it"),
    "a class that is misspelt": ("figures: {M: {unit: macs, calls: {«nn.Relu»: 0}}}\n", "CC010", "mean nn.ReLU?"),
    "no flag": ("figures: {M: {unit: macs, once: «yes»}}\n", "CC011", "once: expected true or false"),
    "a word twice": ("figures: {M: {unit: macs}, «m»: {unit: macs}}\n", "CC010", "`m` stands there twice"),
    "a word with a comma": ("figures: {«'a,b'»: {unit: macs}}\n", "CC011", "cannot be written behind figure="),
    "an option that is taken": (f"options: {{«figure»: [a]}}\n{LEAST}", "CC011", "`figure` is taken"),
    "an option that is a fact": (f"options: {{«macs»: [a]}}\n{LEAST}", "CC011", "`macs` is taken"),
    "an option that is a field": (
        "options: {bias: [on, off]}\nfigures: {M: {unit: macs, count: {conv: «bias» == 'on'}}}\n",
        "CC013",
        "conv: `bias` is the layer's own field here, which goes before the option ... another name",
    ),
    "an option that is no name": (f"options: {{«a b»: [a]}}\n{LEAST}", "CC011", "small letters and digits"),
    "an option without values": (f"options: {{mode: «[»]}}\n{LEAST}", "CC011", "mode: expected a list of texts"),
    "a value twice": (f"options: {{mode: [a, «A»]}}\n{LEAST}", "CC011", "the value `A` stands there twice"),
    "a value with a sign": (f"options: {{mode: [«a=b»]}}\n{LEAST}", "CC011", "behind a ="),
    "faults that are a word": (f"faults: «x»\n{LEAST}", "CC011", "faults: expected a list of faults"),
    "a fault of nothing": (f"faults: [«{{»what: x}}]\n{LEAST}", "CC012", "a fault needs `kinds` and `what`"),
    "a fault of no kind": (f"faults: [{{kinds: [«c0»], what: x}}]\n{LEAST}", "CC013", "kinds: there is no kind `c0`"),
    "a fault when nothing is": (
        f"faults: [{{kinds: [relu], what: x, when: «stride» != 1}}]\n{LEAST}",
        "CC013",
        "when: nothing gives `stride`",
    ),
    "a key twice": (f"about: x\n«about»: y\n{LEAST}", "CC002", "key 'about' stands here twice"),
}


@pytest.mark.parametrize(("written", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told_in_their_place(written: str, code: str, message: str) -> None:
    before, _, rest = written.partition("«")
    marked, _, after = rest.partition("»")
    (problem,) = problems_of(before + marked + after)
    assert problem.code == code
    assert (problem.path, problem.line) == ("mine.yaml", before.count("\n") + 1)
    assert problem.column == len(before.rpartition("\n")[2]) + 1
    if marked and "\n" not in marked and code != "CC012":
        assert problem.text[problem.column - 1 : problem.end_column - 1] == marked
    text = f"{problem.message} | {problem.help}"
    for part in message.split(" ... "):
        assert part in text
        text = text.partition(part)[2]


def test_every_mistake_is_told_at_once() -> None:
    text = "abuot: x\nfigures:\n  M: {unit: mac, count: {cnv: 1, relu: x.y}, zero: [gelluu], once: 3}\nfaults: [1]\n"
    assert [problem.line for problem in problems_of(text)] == [1, 3, 3, 3, 3, 3, 4]


WHEN_COUNTED = {
    "no whole number": ("macs / 7", "M for conv, macs / 7: gives", "where a whole number from 0 is expected"),
    "less than nothing": ("0 - macs", "gives -", "where a whole number from 0"),
    "a list": ("kernel_size", "gives [3, 3]", "where a whole number"),
    "true": ("macs > 0", "gives true", "where a whole number"),
    "lists against numbers": ("1 if stride > 1 else 0", "cannot be compared", ""),
    "a division by nothing": ("1 // (rank - rank)", "M for conv", ""),
    "too large": ("2 ** 200 * 2 ** 200", "M for conv", ""),
}


@pytest.mark.parametrize(("rule", "message", "more"), WHEN_COUNTED.values(), ids=WHEN_COUNTED)
def test_what_only_counting_shows_is_told_too(rule: str, message: str, more: str) -> None:
    counter = read(f'figures: {{M: {{unit: macs, count: {{conv: "{rule}"}}}}}}')
    with pytest.raises(SpecError) as caught:
        count(NETWORK, counters.choices(counter))
    (problem,) = caught.value.diagnostics
    assert (problem.path, message in problem.message, more in problem.message) == ("mine", True, True)


def test_a_condition_of_a_fault_that_has_no_value_is_told() -> None:
    counter = read(f'{LEAST}faults: [{{kinds: [conv], when: "stride > 1", what: x}}]\n')
    with pytest.raises(SpecError, match="the fault of conv, stride > 1"):
        count(NETWORK, counters.choices(counter))


# ---- damaged and hostile ones ------------------------------------------------------------------------------------

WHOLE = """\
about: what we print
package: house 3
options: {mode: [eval, train]}
figures:
  Ops:
    unit: flops
    calls: {F: 0, x: 0, subclass: 0}
    count:
      conv: 2 * macs if mode == 'eval' else 6 * macs
      layer_norm: {nn: "4 * in_elements", F.layer_norm: 0, other: in_elements}
    zero: [relu, "gelu"]
    others: 0
    once: true
    parts: {conv: bias}
  P: {unit: params, others: params}
faults:
  - {kinds: [conv], when: "groups > 1", what: groups}
"""
PIECES = ["", "\n", " ", ":", "{", "}", "[", "]", ",", "'", '"', "- ", "#", "&a ", "*a", "null", "0", "-1", "x", "\t"]
PIECES += ["2 ** 9999", "1e30", "conv", "macs", "true", "é", "\x00", "!!t ", "? ", "|", "<<: "]


def damaged(draw: random.Random) -> str:
    text = WHOLE
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(text) + 1)
        end = min(len(text), start + draw.choice((0, 0, 1, 3, 20)))
        text = text[:start] + draw.choice(PIECES) + text[end:]
    return text


@given(draws)
def test_a_damaged_file_is_read_or_told(draw: random.Random) -> None:
    for _ in range(5):
        text = damaged(draw)
        problems = problems_of(text)
        if problems:
            lines = re.split("\r\n|\r|\n", text)
            assert all(problem.message and problem.line <= len(lines) for problem in problems)
            continue
        try:
            counted = count(NETWORK, counters.choices(read(text)))
        except SpecError as error:  # a rule that has no value
            sentences = [problem.message for problem in error.diagnostics]
        else:
            sentences = []
            assert all(figure.count >= 0 and len(figure.layers) == len(NETWORK.layers) for figure in counted)
        assert all(sentence.startswith(("the rule of ", "the fault of ")) for sentence in sentences)


def large(kind: str) -> str:
    """A file as long as one may be, with the same mistake again and again."""
    lines = {
        "kinds": "      k{}: 1",
        "names": "      F.k{}: zz{}",
        "calls": "      k{}: 1",
    }
    head = "figures:\n  M:\n    unit: macs\n    count:\n"
    head += "" if kind == "kinds" else "     conv:\n"
    line = lines[kind]
    number = 62_000 // (len(line) + 6)
    return head + "\n".join(line.replace("{}", str(place)) for place in range(number))


@pytest.mark.parametrize("kind", ["kinds", "names", "calls"] if MANY else ["names"])
def test_a_long_file_of_mistakes_ends(kind: str) -> None:
    assert problems_of(large(kind))


def test_reading_takes_steps_of_its_own() -> None:
    """Whoever comes first does not pay for it, and what is too much is told."""
    with steps.run(1000):
        assert read(WHOLE).figures
    text = "figures: {M: {unit: macs, others: " + "x" * 70_000 + "}}"
    (problem,) = problems_of(text)
    assert "an expression of more than" in problem.message


def test_a_file_that_is_too_large_or_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("#" * 70_000 + "\n", "utf-8")
    with pytest.raises(SpecError, match="larger than 64 KiB"):
        counters.load(str(path))
    with pytest.raises(SpecError, match="cannot be read"):
        counters.load(str(tmp_path / "other.yaml"))


@pytest.mark.parametrize("word", ["thpo", "", "../thop", "THOP", "thop.", "a" * 500, "thop\n", "тhop"])
def test_no_other_name_is_a_counter(word: str) -> None:
    with pytest.raises(SpecError) as caught:
        counters.choose(word)
    (problem,) = caught.value.diagnostics
    assert "there is no counter" in problem.message or "cannot be read" in problem.message
    if "cannot be read" not in problem.message:
        assert all(name in problem.help for name in counters.names())


# ---- names -------------------------------------------------------------------------------------------------------


def test_names_of_fields_and_facts_do_not_collide_but_where_they_mean_the_same() -> None:
    """A fact goes before no field: the layer's own field of that name would be hidden."""
    fields = {field for name in layers.names() for field in layers.field_types(layers.kind_of(name))}
    assert fields & set(FACTS) <= {"out_channels"}


def test_words_of_the_language_are_asked_for_with_a_line_behind() -> None:
    assert [asked_as(name) for name in ("mode", "pass", "class")] == ["mode", "pass_", "class_"]


def test_facts_are_what_they_are_called() -> None:
    """Counted from the shapes here."""
    nodes = NETWORK.layers
    entering = [NETWORK.shapes_into(node) for node in nodes]
    expected = {
        "in_elements": [math.prod(shapes[0]) for shapes in entering],
        "in_channels": [shapes[0][0] for shapes in entering],
        "in_channels * in_positions": [math.prod(shapes[0]) for shapes in entering],
        "sum(in_sizes)": [sum(shapes[0][1:]) for shapes in entering],
        "out_elements": [math.prod(node.shape) for node in nodes],
        "out_positions": [math.prod(node.shape[1:]) for node in nodes],
        "sum(out_sizes)": [sum(node.shape[1:]) for node in nodes],
        "entering": [sum(map(math.prod, shapes)) for shapes in entering],
        "inputs": [len(shapes) for shapes in entering],
        "features": [shapes[0][-1] for shapes in entering],
        "rows * features": [math.prod(shapes[0]) for shapes in entering],
        "rank": [len(shapes[0]) - 1 for shapes in entering],
        "1 if before == 'conv' else 0": [int(node.name == "batch_norm1") for node in nodes],
        "1 if after == 'gelu' else 0": [int(node.name == "relu1") for node in nodes],
    }
    assert {rule: amounts(rule) for rule in expected} == expected
