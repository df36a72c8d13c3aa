"""Numbers that papers print, in specs: read, refused with a place, and held against what we count."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

import convcalc
from convcalc.analysis.counts import count
from convcalc.analysis.matching import written
from convcalc.counters import choose
from convcalc.language import Source, SpecError, loads, schema
from convcalc.language.publishing import SUFFIXES, unit_of
from convcalc.language.rewrite import unpublished

ZOO = sorted((Path(__file__).parent.parent / "specs" / "zoo").glob("*.yaml"))
LAYERS = "input: [3, 8, 8]\nlayers:\n  - relu\n"

OTHERWISE = {
    ("deeplabv3plus_xception65", "multiply-adds"): "TensorFlow's profiler counts more than convolutions",
    ("mobilenet_v1_standard", "mult-adds"): "without the linear layer",
    ("mobilenet_v2", "MAdds"): "the paper has 300 M, and 300.8 M are counted",
    ("mobilenet_v2", "params"): "the authors' code rounds channels, and counts more",
    ("mobilenet_v3_large", "MAdds"): "the authors' code says 217 M",
    ("mobilenet_v3_large", "params"): "the paper cuts 5.48 M off",
    ("mobilenet_v3_small", "MAdds"): "the paper cuts 56.5 M off",
    ("repvgg_a0", "params"): "the paper cuts 8.309 M off",
    ("resnet50", "FLOPs"): "the paper has the stride in the first 1x1",
    ("seresnet50", "FLOPs"): "with the additions and products of the gates",
    ("shufflenet_v1", "FLOPs"): "what the authors' code defines has 137.46 M",
    ("shufflenet_v2", "FLOPs"): "the paper's own table 5 makes 144.9 M",
    ("swin_t", "params"): "the paper has 29 M, and 28.29 M are counted",
    ("vit_b_16", "params"): "without the linear layer of the head",
    ("alexnet_original", "params"): "the paper says 60 million, and 60.97 M are counted",
}
"""What is printed of networks in the zoo, and is not what these count, with the cause."""


def test_numbers_of_the_zoo_are_what_is_counted_or_the_cause_is_known() -> None:
    printed, differing = 0, set()
    for path in ZOO:
        network = convcalc.load(path)
        if not network.published:
            continue
        counts = {"macs": "paper", "params": "paper:figure=params"}
        for word, amount in network.published.items():
            printed += 1
            (counted,) = count(network, [choose(counts[unit_of(word)])])
            if not written(amount).holds(counted.count):
                differing.add((path.stem, word))
    assert printed > 30
    assert differing == OTHERWISE.keys()


def test_paper_leaves_out_products_of_attention_if_asked() -> None:
    text = "input: [16, 64]\nlayers:\n  - attention: 4\n  - linear: 64\n"
    network = loads(Source("net.yaml", text))
    both = count(network, [choose("paper"), choose("paper:attention=projections")])
    tokens, features = 16, 64
    linear = tokens * features**2
    assert [counted.count for counted in both] == [5 * linear + 2 * tokens**2 * features, 5 * linear]


def test_a_count_agrees_with_what_it_is_rounded_to() -> None:
    """Against Python's own rounding of exact numbers."""
    draw = random.Random(1)
    for _ in range(2000):
        factor_name = draw.choice(list(SUFFIXES))
        factor, decimals = SUFFIXES[factor_name], draw.randrange(4) if factor_name else 0
        number = draw.randrange(1, 2000 * factor)
        scaled = Fraction(number, factor) * 10**decimals
        rounded = int(scaled + Fraction(1, 2))
        for digits in (rounded - 1, rounded, rounded + 1):
            before, behind = divmod(digits, 10**decimals)
            amount = f"{before}.{behind:0{decimals}d}{factor_name}" if decimals else f"{before}{factor_name}"
            is_a_half = abs(scaled - digits) == Fraction(1, 2)
            assert written(amount).holds(number) == (digits == rounded or is_a_half), (number, amount)


def test_digits_are_kept_as_they_are_written() -> None:
    network = loads(Source("net.yaml", f"published: {{FLOPs: 3.80G, params: 25, 'Mult-Adds (M)': 4.10 B}}\n{LAYERS}"))
    assert network.published == {"FLOPs": "3.80G", "params": "25", "Mult-Adds (M)": "4.10 B"}
    assert loads(Source("net.yaml", LAYERS)).published == {}


@pytest.mark.parametrize(
    ("written", "place", "expected"),
    [
        ("3.8G", "1:12", "expected a mapping from words to numbers, found"),
        ("{FLOPs: many}", "1:20", "FLOPs: expected a number as it is printed, with K, M, G, T, B or nothing behind it"),
        ("{FLOPs: 3.8 GFLOPs}", "1:20", "found the text '3.8 GFLOPs'"),
        ("{FLOPs: -1}", "1:20", "expected a number as it is printed"),
        ("{FLOPs: 1e9}", "1:20", "expected a number as it is printed"),
        ("{FLOPs: [1]}", "1:20", "found a list"),
        ("{FLOPs: }", "1:20", "found null"),
        ("{GFLOPs: 4.1}", "1:21", "expected a number as it is printed"),
        ("{FLOPs: 1.0001K}", "1:20", "expected a number as it is printed"),
        (f"{{{'x' * 41}: 1}}", "1:13", "expected a word of 1 to 40 printable characters"),
        ("{' ': 1}", "1:13", "expected a word of 1 to 40 printable characters"),
    ],
)
def test_what_is_no_number_is_refused_in_its_place(written: str, place: str, expected: str) -> None:
    with pytest.raises(SpecError) as refused:
        loads(Source("net.yaml", f"published: {written}\n{LAYERS}"))
    (problem,) = refused.value.diagnostics
    assert f"{problem.line}:{problem.column}" == place
    assert expected in problem.message


def test_the_schema_takes_what_is_read() -> None:
    checked = jsonschema.Draft7Validator(json.loads(json.dumps(schema.schema())))
    spec = {"input": [3, 8, 8], "layers": ["relu"]}
    for amount, is_fine in (
        ("3.8G", True),
        (25, True),
        (1.5, False),
        ("1.5", False),
        ("3.8 GFLOPs", False),
        (-1, False),
        ([1], False),
    ):
        assert checked.is_valid(spec | {"published": {"FLOPs": amount}}) == is_fine, amount


@pytest.mark.parametrize(
    "text", ["published: {params: 224, FLOPs: 1K}\n", "published:\n  params: 224\n  FLOPs: 1K\n", ""]
)
def test_a_variant_is_another_network_than_the_paper_prints(text: str) -> None:
    spec = f"input: [3, 8, 8]\n{text}layers: [conv: {{out_channels: 8, kernel_size: 3}}]\n"
    assert unpublished(Source("net.yaml", spec)).text == spec.replace(text, "")
