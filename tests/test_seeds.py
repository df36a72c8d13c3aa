"""The worked figures of the literature, each with its spec in specs/seeds."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import yaml
from spec_reports import DATA, SPECS, field_of, report_of, report_of_text, unmet

import convcalc

SEEDS: dict[str, dict[str, Any]] = yaml.safe_load((DATA / "seeds.yaml").read_text("utf-8"))
SPECS_OF_SEEDS: dict[str, list[tuple[str, dict[str, str]]]] = {
    "grouped_3x3_64_g2": [("seeds/grouped_3x3_64_g2", {"groups": groups}) for groups in "12"],
    "spatial_separable_kernel": [("seeds/spatial_separable_kernel", {"split": split}) for split in ("false", "true")],
    "dilated_field": [("seeds/dilated_field", {"dilation": dilation}) for dilation in "124"],
    "deformable_v1_v2": [("seeds/deformable_v1_v2", {"version": version}) for version in "12"],
    "transposed_sizes": [("seeds/transposed_sizes", {"padding": padding}) for padding in "01"],
    "full_padding": [("seeds/full_padding", {"transposed": transposed}) for transposed in ("false", "true")],
    "kernel_depth_must_match": [],
}
"""Those whose spec is looked at with other variables than its own; the last is an error, and so no spec."""


def reports(seed: str) -> list[convcalc.Report]:
    return [report_of(path, **variables) for path, variables in SPECS_OF_SEEDS.get(seed, [(f"seeds/{seed}", {})])]


def params_of_layers(report: convcalc.Report) -> list[int]:
    """As Keras lists them: the two parts of a separable convolution are one layer, activations are none."""
    values: dict[str, int] = {}
    for row in report.layers:
        if row.kind not in {"relu", "softmax"}:
            name = row.name.removesuffix(".depthwise").removesuffix(".pointwise")
            values[name] = values.get(name, 0) + row.params
    return list(values.values())


def weights(report: convcalc.Report) -> int:
    """Without biases, of a net of one layer."""
    image, layer = report.network.nodes
    return prod(layer.config.weights(image.shape)["weight"])


OF_A_NET: dict[str, Callable[[convcalc.Report], object]] = {
    "output": lambda report: list(report.layers[-1].output_shape),
    "params": lambda report: report.totals.params,
    "weights": weights,
    "total_params": lambda report: report.totals.params,
    "macs": lambda report: report.totals.macs,
    "total_macs": lambda report: report.totals.macs,
    "field": lambda report: field_of(report)[0],
    "mults_a_position": lambda report: report.totals.macs // (8 * 8),
    "mults_per_position_and_filter": lambda report: report.totals.macs // (256 * 8 * 8),
}
OF_LAYERS: dict[str, Callable[[convcalc.Report], object]] = {
    "outputs": lambda report: [list(row.output_shape) for row in report.layers],
    "params": params_of_layers,
    "macs": lambda report: [row.macs for row in report.layers],
    "field": lambda report: [field_of(report, row.name)[0] for row in report.layers],
}
ELSEWHERE = {"ratio", "offset", "mask", "params_and_macs"}
FIGURES = [
    (seed, name, expected)
    for seed, row in SEEDS.items()
    if row.get("expect", "error") != "error"
    for name, expected in row["expect"].items()
    if name not in ELSEWHERE
]


@pytest.mark.parametrize(("seed", "name", "expected"), FIGURES, ids=lambda value: value if type(value) is str else "")
def test_figure(seed: str, name: str, expected: Any) -> None:
    nets = reports(seed)
    if len(nets) == 1 and isinstance(expected, list) and name in OF_LAYERS:
        assert OF_LAYERS[name](nets[0]) == expected
        return
    items = [OF_A_NET[name](net) for net in nets]
    one_for_each = len(nets) > 1 and isinstance(expected, list) and len(expected) == len(nets)
    assert items == (expected if one_for_each else [expected] * len(nets))


@pytest.mark.parametrize("seed", SEEDS)
def test_input(seed: str) -> None:
    written = SEEDS[seed].get("input", ["any"])
    for report in reports(seed):
        assert "any" in written or report.network.inputs[0].shape == tuple(written)


def test_every_seed_spec_belongs_to_a_seed() -> None:
    named = {path for seed in SEEDS for path, _ in SPECS_OF_SEEDS.get(seed, [(f"seeds/{seed}", {})])}
    assert {f"seeds/{path.stem}" for path in (SPECS / "seeds").glob("*.yaml")} == named


def test_ratio_of_standard_and_separable() -> None:
    standard, separable = report_of("seeds/standard_12x12").totals, report_of("seeds/separable_12x12").totals
    assert (standard.macs, separable.macs) == (1228800, 53952)
    assert round(standard.macs / separable.macs, 2) == SEEDS["separable_12x12"]["expect"]["ratio"]
    assert separable.macs * 256 * 25 == standard.macs * (256 + 25)  # exactly 1/N + 1/K^2
    assert separable.params * 256 * 25 == standard.params * (256 + 25)


def test_dilation_costs_nothing() -> None:
    assert {(report.totals.params, report.totals.macs) for report in reports("dilated_field")} == {(10, 729)}
    plain, dilated = report_of("zoo/unet_keras"), report_of("zoo/unet_keras_dilated")
    assert (plain.totals.params, plain.totals.macs) == (dilated.totals.params, dilated.totals.macs)
    assert field_of(plain)[0] < field_of(dilated)[0]


def test_offset_and_mask() -> None:
    expected = SEEDS["deformable_v1_v2"]["expect"]
    first, second = ({row.name.rpartition(".")[2]: row for row in net.layers} for net in reports("deformable_v1_v2"))
    assert list(first["offset"].output_shape) == list(second["offset"].output_shape) == expected["offset"]
    assert list(second["mask"].output_shape) == expected["mask"]
    assert "mask" not in first
    (_, v1), (_, v2) = (report.network.nodes[0:1] + report.network.nodes[-1:] for report in reports("deformable_v1_v2"))
    assert (len(v1.inputs), len(v2.inputs)) == (2, 3)


def test_batch_of_deformable() -> None:
    batch, positions = SEEDS["deformable_v1_v2"]["batch"], 26 * 26
    for report, guides in zip(reports("deformable_v1_v2"), (18, 27), strict=True):
        assert convcalc.analyze(report.network, batch=batch).totals.macs == batch * positions * 9 * (guides + 16)


def test_kernel_depth_must_match() -> None:
    on_10_channels = "input: [10, 32, 32]\nlayers:\n  - conv: {out_channels: 3, kernel_size: "
    report = report_of_text(on_10_channels + "5}")  # no field says a kernel's depth: it is the input's
    assert report.totals.params == 750 + 3
    with pytest.raises(convcalc.SpecError, match="kernel_size"):
        report_of_text(on_10_channels + "[3, 5, 5]}")
    with pytest.raises(convcalc.SpecError, match="weight 3x3x5x5, bias 3, this layer needs weight 3x10x5x5, bias 3"):
        report_of_text("""
            inputs: {input: [10, 32, 32], image: [3, 32, 32]}
            layers:
              - conv: {name: depth_3, from: image, out_channels: 3, kernel_size: 5}
              - conv: {from: input, share: depth_3}
            """)


@pytest.mark.parametrize("path", sorted(path.stem for path in (SPECS / "seeds").glob("*.yaml")))
def test_spec_meets_its_expectations(path: str) -> None:
    report = report_of(f"seeds/{path}")
    assert report.network.name == path
    assert report.network.source
    assert report.network.expect
    assert unmet(report) == {}
