"""Every rule on whatever comes: generated nets, the mutants of the loader's test, and its attacks.

CONVCALC_EXAMPLES=20000 tries so many, CONVCALC_SEED=1 others.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
from typing import Any

import pytest
from conftest import MANY
from fuzz.checks import bounded, check_diagnostic
from fuzz.mutations import mutant
from lint_runs import UNCONFIGURED
from test_mutants import ATTACKS, MOST_STEPS

from convcalc import layers, rules, steps
from convcalc.language import Source
from convcalc.language.library import block_names
from convcalc.linting.options import Options
from convcalc.linting.records import Linted
from convcalc.linting.run import Linter

SEED = int(os.environ.get("CONVCALC_SEED", "0"))
NETS, MUTANTS = MANY or 300, MANY or 1000
ALL = ("CC", *rules.codes())
"""Those that are off by default among them."""
DEVICES = (None, "a100", "ti-npu")


def checked(text: str, draw: random.Random, **options: Any) -> Linted:
    """What all rules find: none raises, every place is in the text."""
    linter = Linter(Options(select=ALL, device=draw.choice(DEVICES), dtype="int8", config=UNCONFIGURED, **options))
    with bounded():
        linted = linter.file("net.yaml", Source("net.yaml", text))
    assert linter.finished([linted]).crashed == ()
    lines = io.StringIO(text, newline=None).read().split("\n")
    for finding in linted.findings:
        check_diagnostic(finding, "net.yaml", lines)
        assert finding.name == rules.names()[finding.code]
        assert finding.severity in rules.SEVERITIES[1:]
    return linted


# ---- generated nets -------------------------------------------------------------------------------------------------

ONE_INPUT = [name for name in layers.names() if name not in {"add", "mul", "concat", "attention"}]
WIDTHS = (1, 2, 3, 4, 6, 8, 16, 30, 64)


def a_net(draw: random.Random) -> dict[str, Any]:
    """Layers in a row, in branches, in blocks and repeats, far references, several outputs; mostly ones that fit."""
    rank = draw.choice([1, 2, 2, 2, 3])
    spec: dict[str, Any] = {"input": [draw.choice(WIDTHS), *(draw.choice((1, 2, 7, 8, 14, 33)) for _ in range(rank))]}
    if draw.random() < 0.3:
        spec["blocks"] = {"unit": {"parameters": {"channels": 8}, "layers": some_layers(draw, 2)}}
        spec["layers"] = [*some_layers(draw, 2), {"unit": {"repeat": draw.randint(0, 4)}}, *some_layers(draw, 1)]
    else:
        spec["layers"] = some_layers(draw, 3)
    if draw.random() < 0.3:
        spec["budget"] = {
            draw.choice(["params", "macs", "peak_activation_bytes", "min_receptive_field"]): draw.randint(0, 999)
        }
    if draw.random() < 0.2:
        spec["expect"] = {"macs": draw.randint(0, 999), "receptive_field": 3}
    return spec


def some_layers(draw: random.Random, depth: int) -> list[Any]:
    return [a_layer(draw, depth) for _ in range(draw.randint(1, 5))]


def a_layer(draw: random.Random, depth: int) -> Any:
    if depth and draw.random() < 0.25:
        merge = draw.choice(["add", "mul", "concat"])
        branches = [some_layers(draw, depth - 1) if draw.random() < 0.7 else [] for _ in range(draw.randint(1, 3))]
        return {merge: {"branches": branches} | common(draw)}
    fields: dict[str, Any] = common(draw)
    if draw.random() < 0.5:
        kind = draw.choice(["conv", "conv", "conv", "conv_transpose", "max_pool", "avg_pool"])
        kernel = draw.choice((1, 2, 3, 3, 5, 7))
        fields |= {
            "kernel_size": kernel,
            "stride": draw.choice((1, 1, 2, 3)),
            "padding": draw.choice((0, kernel // 2, 1)),
        }
        if kind.startswith("conv"):
            dilation = draw.choice((1, 1, 2, 6, 18))
            groups = draw.choice((1, 1, 2, "in_channels"))
            padding = dilation * (kernel // 2) if draw.random() < 0.8 else 0
            fields |= {"out_channels": "in_channels" if groups == "in_channels" else draw.choice(WIDTHS)}
            fields |= {"dilation": dilation, "groups": groups, "padding": padding, "bias": draw.random() < 0.5}
        return {kind: fields}
    kind = draw.choice([*ONE_INPUT, *block_names()])
    defaults = {"out_channels": 8, "kernel_size": 3, "padding": 1, "channels": 4, "out_features": 3, "num_groups": 1}
    defaults |= {"scale_factor": 2, "upscale_factor": 1, "output_size": 2, "groups": 1, "size": 3, "cropping": 0}
    network = layers.load(kind)
    known = layers.field_types(network) if network is not None else defaults
    needed = layers.required(network) if network is not None else ["out_channels", "kernel_size"]
    fields |= {name: value for name, value in defaults.items() if name in known and name in needed}
    return {kind: fields} if fields else kind


def common(draw: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if draw.random() < 0.1:
        values["repeat"] = draw.randint(0, 3)
    if draw.random() < 0.08:
        values["from"] = draw.choice(["input", "previous", "conv1"])
    if draw.random() < 0.08:
        values["lint"] = {"ignore": draw.sample([*rules.codes(), "CC2", "dead-taps", "nothing"], 2)}
    if draw.random() < 0.08:
        values["budget"] = {draw.choice(["params", "flops", "activation_bytes"]): draw.randint(0, 9999)}
    return values


def test_generated_nets() -> None:
    draw = random.Random(SEED)
    result: set[str] = set()
    full = 0
    for number in range(NETS):
        text = json.dumps(a_net(draw), indent=draw.choice([None, 1]))
        try:
            linted = checked(text, draw, object_size=draw.choice([None, 9]))
        except BaseException as error:
            pytest.fail(f"CONVCALC_SEED={SEED}, net {number}: {error!r}\n{text[:3000]}")
        result |= {finding.code for finding in linted.findings}
        full += not any(finding.severity == "error" for finding in linted.findings)
    assert full > NETS / 20
    assert len(result) > 25, "nets that make rules speak"


# ---- mutants and attacks --------------------------------------------------------------------------------------------

COMMENTS = [
    "# convcalc: ignore[CC2]",
    "# convcalc: file-ignore[CC301, dead-taps]",
    "# convcalc: ignore[",
    "# convcalc: ignore",
]


def test_mutants() -> None:
    draw = random.Random(SEED)
    for number in range(MUTANTS):
        text = mutant(draw)
        if draw.random() < 0.3:
            place = draw.choice([match.end() for match in re.finditer(r"(?m)^|$| ", text)] or [0])
            text = f"{text[:place]} {draw.choice(COMMENTS)}{text[place:]}"
        try:
            checked(text, draw)
        except BaseException as error:
            pytest.fail(f"CONVCALC_SEED={SEED}, mutant {number}: {error!r}\n{text[:3000]}")


SOME = ["aliases as layers", "merge keys as fields", "brackets", "repeats within repeats", "many equal names", "a NUL"]
SOME += [name for name in ATTACKS if "again" in name or "axes" in name or name.startswith("a transposed")]


@pytest.mark.parametrize("name", ATTACKS if MANY else SOME)
def test_attacks(name: str) -> None:
    with steps.run(MOST_STEPS):
        checked(f"{ATTACKS[name]}\n# convcalc: ignore[CC2]\n", random.Random(0))
