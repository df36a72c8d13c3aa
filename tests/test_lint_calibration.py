"""What the rules say of published nets: no warning at their own resolution, and what is known at too small ones.

Frozen: healthy nets are the measure of a rule's condition. Counts are of layers.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from rule_findings import findings
from spec_reports import SPECS

import convcalc
from convcalc import rules

ARCHITECTURE = [code for code in rules.codes() if code == "CC106" or code == "CC108" or "CC200" < code < "CC400"]
OFF = [code for code in ARCHITECTURE if (rule := rules.load(code)) is not None and rule.severity == "off"]


def zoo(name: str, side: int = 224) -> str:
    """A spec of the zoo; at another size what it expects does not hold."""
    text = (SPECS / "zoo" / f"{name}.yaml").read_text("utf-8")
    assert "input: [3, 224, 224]" in text
    text = text.replace("input: [3, 224, 224]", f"input: [3, {side}, {side}]")
    return text if side == 224 else without_expectations(text)


def without_expectations(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("expect:"))


PAPER = {
    "stride3: 1": "stride3: 2",
    "dilation3: [1, 2, 2, 2, 2, 2]": "dilation3: [1, 1, 1, 1, 1, 1]",
    "dilation4: [2, 4, 4]": "dilation4: [2, 4, 8]",
    "rates: [12, 24, 36]": "rates: [6, 12, 18]",
}


def deeplabv3(side: int) -> str:
    """As in the paper, at output stride 16."""
    text = (SPECS / "zoo" / "deeplabv3_resnet50.yaml").read_text("utf-8")
    for ours, theirs in {"[3, 520, 520]": f"[3, {side}, {side}]", **PAPER}.items():
        assert ours in text
        text = text.replace(ours, theirs)
    return without_expectations(text)


def unet_encoder() -> str:
    """The U-Net up to where it begins to grow again."""
    text = (SPECS / "zoo" / "unet.yaml").read_text("utf-8")
    encoder, result, _ = text.partition("\n\n  - conv_transpose")
    assert result
    return without_expectations(encoder + "\n").replace("variables: {classes: 2}\n", "")


HEALTHY = {
    "vgg16": zoo("vgg16"),
    "resnet18": zoo("resnet18"),
    "resnet50": zoo("resnet50"),
    "resnet50 at 225": zoo("resnet50", 225),
    "mobilenet_v2": zoo("mobilenet_v2"),
    "efficientnet_b0": zoo("efficientnet_b0"),
    "convnext_tiny": zoo("convnext_tiny"),
    "unet encoder": unet_encoder(),
    "deeplabv3": deeplabv3(513),
}
TOO_SMALL = {
    "vgg16 at 32": zoo("vgg16", 32),
    "resnet18 at 32": zoo("resnet18", 32),
    "deeplabv3 at 224": deeplabv3(224),
}
NETS = HEALTHY | TOO_SMALL

WARNED = {
    "vgg16 at 32": {"CC208": 7},
    "resnet18 at 32": {"CC206": 4, "CC208": 3},
    "deeplabv3 at 224": {"CC206": 1},
}
SAID = {
    "vgg16": {"CC306": 1},
    "vgg16 at 32": {"CC207": 3, "CC306": 1},
    "resnet18": {"CC204": 3},
    "resnet18 at 32": {"CC204": 3, "CC207": 7, "CC208": 4},
    "resnet50": {"CC204": 3},
    "resnet50 at 225": {"CC204": 3},
    "convnext_tiny": {"CC208": 3},
    "deeplabv3": {"CC204": 2, "CC207": 1, "CC307": 1},
    "deeplabv3 at 224": {"CC204": 2, "CC207": 3, "CC307": 1},
    "unet encoder": {"CC210": 1},
}
UNEVEN = {"resnet18": 5, "resnet18 at 32": 5, "resnet50": 5, "deeplabv3 at 224": 4, "mobilenet_v2": 5,
          "efficientnet_b0": 5}  # fmt: skip


@pytest.mark.parametrize("net", NETS)
def test_warnings(net: str) -> None:
    counts = Counter(
        code
        for code in ARCHITECTURE
        if code not in OFF
        for finding in findings(code, NETS[net])
        if _is_loud(finding.severity)
    )
    assert counts == WARNED.get(net, {})


@pytest.mark.parametrize("net", NETS)
def test_infos(net: str) -> None:
    counts = Counter(
        code
        for code in ARCHITECTURE
        if code not in OFF
        for finding in findings(code, NETS[net])
        if finding.severity == "info"
    )
    assert counts == SAID.get(net, {})


def _is_loud(severity: str) -> bool:
    return severity in {"warning", "error"}


@pytest.mark.parametrize("net", NETS)
def test_what_is_off_by_default(net: str) -> None:
    """A ResNet's padding is uneven at 224, and at 225 it is not."""
    assert len(findings("CC203", NETS[net])) == UNEVEN.get(net, 0)


@pytest.mark.parametrize(
    ("net", "count"),
    [("resnet50", 29), ("mobilenet_v2", 30), ("efficientnet_b0", 27), ("convnext_tiny", 36), ("vgg16", 0)],
)
def test_pointwise_convolutions_of_unequal_width(net: str, count: int) -> None:
    assert len(findings("CC403", NETS[net])) == count


def test_the_numbers_that_are_said() -> None:
    dead = findings("CC206", NETS["deeplabv3 at 224"])
    assert "8 of 9 taps only ever multiply padding: 4,194,304 dead weights" in dead[0].message
    mostly = findings("CC207", NETS["deeplabv3"])
    assert "40 % of its taps fall on the map of 33x33" in mostly[0].message
    heavy = findings("CC306", NETS["vgg16"])
    assert "(89.4 %)" in heavy[0].message
    uneven = findings("CC203", NETS["resnet50"])
    assert all("with an input of 225 no layer has any" in result.help for result in uneven)


@pytest.mark.parametrize("net", HEALTHY)
def test_all_rules_together_are_silent_on_healthy_nets(net: str, tmp_path: Path) -> None:
    """As a user runs them: everything that is on by default, what the loader finds and budgets among it."""
    path = tmp_path / "net.yaml"
    path.write_text(HEALTHY[net], "utf-8")
    run = convcalc.lint(path)
    assert run.crashed == ()
    assert [finding for finding in run.findings if _is_loud(finding.severity)] == []


@pytest.mark.parametrize("net", TOO_SMALL)
def test_layers_in_a_block_are_counted(net: str, tmp_path: Path) -> None:
    """What stands at one place is one finding, with the number of further layers."""
    path = tmp_path / "net.yaml"
    path.write_text(TOO_SMALL[net], "utf-8")
    counts: Counter[str] = Counter()
    for finding in convcalc.lint(path).findings:
        if finding.code in WARNED[net] and _is_loud(finding.severity):
            counts[finding.code] += 1 + finding.more
    assert counts == WARNED[net]


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_spec_is_clean(path: Path) -> None:
    """What is flagged in a published net on purpose is suppressed there, with the reason."""
    run = convcalc.lint(path)
    assert run.crashed == ()
    assert [(finding.line, finding.code) for finding in run.findings if _is_loud(finding.severity)] == []
