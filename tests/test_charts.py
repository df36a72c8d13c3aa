"""Charts: their numbers against the JSON of the commands and against fields that are walked tap by tap."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from hypothesis import given
from hypothesis import strategies as st
from made_networks import made_network
from test_planning import network_of
from typer.testing import CliRunner

import convcalc
from convcalc.analysis.report import Report
from convcalc.planning.plan import memory
from convcalc.views.formats.json import embedded
from convcalc.views.pictures.charts import charts, field, field_drawing, roofline
from convcalc.views.pictures.charts import memory as memory_chart
from convcalc.views.pictures.charts.shared import MOST_POINTS, binary_step, thinned

NETWORKS = ("zoo:resnet50", "zoo:unet", "zoo:wavenet", "zoo:mobilenet_v3_large", "zoo:vit_b_16")
DEVICES = ("a100", "jetson-orin-nano", "raspberry-pi-5")


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(application(), [*map(str, arguments), "--format", "json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def loaded(text: str, path: Path) -> Path:
    path.write_text(text, "utf-8")
    return path


def chain(count: int) -> str:
    """A spec of many layers, of which one in the middle has much more alive than the others."""
    layers = ["  - conv: {out_channels: 4, kernel_size: 3, padding: 1}", "  - relu"] * (count // 2)
    layers[count // 2] = "  - conv: {name: wide, out_channels: 64, kernel_size: 1}"
    return "\n".join(["input: [4, 8, 8]", "layers:", *layers])


def points(chart: dict[str, Any], *series: str) -> list[dict[str, Any]]:
    """The points of some series, or of all that have layers."""
    drawn = [line for line in chart["option"]["series"] if not series or line["id"] in series]
    return [point for line in drawn for point in line["data"] if "id" in point]


def by_layer(chart: dict[str, Any], report: Report, *series: str) -> dict[str, list[Any]]:
    """The value of the point that stands for a layer, by its name."""
    names = [node.name for node in report.network.nodes]
    return {
        names[int(name[1:])]: point["value"]
        for point in points(chart, *series)
        for name in (point["id"], *point.get("also", ()))
    }


def keys(value: Any) -> set[str]:
    """All names of fields within."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list | tuple) else set()


@pytest.mark.parametrize("order", ["written", "best"])
@pytest.mark.parametrize("network", [*NETWORKS, "zoo:densenet121"])
def test_memory_has_the_bytes_of_the_command(network: str, order: Any) -> None:
    document = run("memory", network, "--order", order)
    planned = memory(convcalc.load(network), order=order)
    chart = memory_chart.drawn(planned.timeline)
    assert chart is not None
    values = by_layer(chart, convcalc.analyze(planned.network))
    assert values == {layer["layer"]: [place, layer["alive_bytes"]] for place, layer in enumerate(document["layers"])}
    peak = document["peak_activation"]
    marked = chart["option"]["series"][0]["markPoint"]["data"][0]
    assert marked["coord"] == values[peak["layer"]] == [marked["coord"][0], peak["bytes"]]
    assert f"({peak['bytes']:,} bytes) at {peak['layer']}" in chart["text"]
    (noted,) = (point for point in points(chart) if "notes" in point)
    assert noted["value"] == marked["coord"]
    assert {note.rpartition(" ")[0].rpartition(" ")[0] for note in noted["notes"]} == set(peak["tensors"])
    assert all(note in chart["text"] for note in noted["notes"][:5])
    assert chart["option"]["yAxis"]["max"] >= peak["bytes"]


def test_memory_of_a_report_is_that_of_the_written_order() -> None:
    report = convcalc.analyze(convcalc.load("zoo:densenet121"), fused=True, dtype="int8", batch=3)
    chart = memory_chart.chart(report)
    assert chart is not None
    assert max(point["value"][1] for point in points(chart)) == report.totals.peak_activation_bytes
    document = run("memory", "zoo:densenet121", "--fused", "--dtype", "int8", "--batch", 3)
    assert [value for _, value in sorted(by_layer(chart, report).values())] == [
        layer["alive_bytes"] for layer in document["layers"]
    ]


def test_memory_has_what_the_device_has_where_it_is_near() -> None:
    network = convcalc.load("zoo:mobilenet_v2")
    near, far = (
        memory_chart.chart(convcalc.analyze(network, dtype="int8", device="stm32n6", batch=batch)) for batch in (1, 8)
    )
    assert near is not None
    assert far is not None
    (device,) = (line for line in near["option"]["series"] if line["id"] == "device")
    assert device["markLine"]["data"][0]["yAxis"] == 4_200_000 <= near["option"]["yAxis"]["max"]
    assert "fit into the 4.0 MiB (4,200,000 bytes) of stm32n6" in near["text"]
    assert "do not fit into the 4.0 MiB" in far["text"]


def test_the_most_of_many_layers_is_drawn(tmp_path: Path) -> None:
    path = loaded(chain(4_000), tmp_path / "long.yaml")
    report = convcalc.analyze(convcalc.load(str(path)))
    for chart in (memory_chart.chart(report), field.chart(report)):
        assert chart is not None
        assert len(points(chart)) <= MOST_POINTS + 1
        assert set(by_layer(chart, report)) == {row.name for row in report.layers}
    lived, seen = memory_chart.chart(report), field.chart(report)
    assert lived is not None
    assert seen is not None
    assert report.peak is not None
    assert by_layer(lived, report)[report.peak.layer][1] == report.totals.peak_activation_bytes
    assert "Of every 3 layers" in lived["text"]
    assert max(value for _, value in by_layer(seen, report).values()) == max(
        size or 0 for row in report.layers for size in row.receptive_field.size or ()
    )


@given(st.lists(st.integers(0, 99)), st.integers(1, 12))
def test_what_is_drawn_stands_for_all_and_has_the_largest(sizes: list[int], most: int) -> None:
    numbered = list(enumerate(sizes))
    chosen = thinned(numbered, lambda item: item[1], most)
    assert len(chosen) <= most
    assert [item for _, run in chosen for item in run] == numbered
    assert all(item in run and item[1] == max(size for _, size in run) for item, run in chosen)
    if sizes:  # the first of the largest, which is where a peak is
        assert max((item for item, _ in chosen), key=lambda item: item[1]) == max(numbered, key=lambda item: item[1])


@given(st.integers(1, 2**63))
def test_steps_of_bytes_are_round_and_few(largest: int) -> None:
    step = binary_step(largest)
    assert largest / step <= 5 < largest / step * 5 or step == 1
    while step % 1024 == 0:
        step //= 1024
    assert str(step).strip("0") in {"1", "2", "5", "256", "512"}


@pytest.mark.parametrize("network", NETWORKS)
def test_fields_are_those_of_the_command(network: str) -> None:
    document = run("analyze", network)
    report = convcalc.analyze(convcalc.load(network))
    chart = field.chart(report)
    assert chart is not None
    extent = max(max(shape[1:], default=1) for shape in document["inputs"].values())
    local, everywhere = (by_layer(chart, report, name) for name in ("layer", "sees all of the input"))
    for place, layer in enumerate(document["layers"]):
        seen = layer["receptive_field"]
        largest = max((size for size in seen["size"] or () if size is not None), default=0)
        if seen["global"]:
            assert everywhere[layer["name"]] == [place, max(largest, extent)]
        elif largest:
            assert local[layer["name"]] == [place, largest]
        assert (layer["name"] in local) == (not seen["global"] and largest > 0)
    growth = next(line["data"] for line in chart["option"]["series"] if line["id"] == "largest")
    sizes = [size for _, size in sorted((local or everywhere).values())]
    assert [size for _, size in growth[:-1]] == sorted(
        {size for place, size in enumerate(sizes) if size > max([0, *sizes[:place]])}
    )
    axis = chart["option"]["yAxis"]
    assert axis["min"] <= min(sizes) <= max(sizes) <= axis.get("max", max(sizes))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("network", ["zoo:resnet50", "zoo:mobilenet_v2"])
def test_the_roofline_has_the_bounds_of_the_command(network: str, device: str) -> None:
    document = run("analyze", network, "--device", device)
    report = convcalc.analyze(convcalc.load(network), device=device)
    chart = roofline.chart(report)
    assert chart is not None
    drawn = {by: by_layer(chart, report, by) for by in ("compute", "memory")}
    for layer in document["layers"]:
        bound = layer["bound"]
        moved = layer["input_bytes"] + layer["weight_bytes"] + layer["output_bytes"]
        if not bound["ps"] or not layer["flops"]:
            assert not any(layer["name"] in values for values in drawn.values())
            continue
        intensity, rate, time = drawn[bound["by"]][layer["name"]]
        assert intensity == pytest.approx(layer["flops"] / moved, rel=1e-12)
        assert rate == pytest.approx(layer["flops"] / (bound["ps"] / 10**12), rel=1e-12)
        assert time == bound["ps"]
    shipped = next(known for known in run("devices")["devices"] if known["name"] == device)
    roofs = [line for line in chart["option"]["series"] if line["id"].startswith("roof")]
    for line in roofs:
        (_, low), (ridge, peak), (_, flat) = line["data"]
        assert peak == flat == shipped["peak"][line["name"]]
        assert ridge == pytest.approx(peak / shipped["bandwidth"])
        assert low < peak
    assert [line["name"] for line in roofs] == ["float32"]


def test_every_format_in_use_has_a_roof() -> None:
    report = convcalc.analyze(convcalc.load("zoo:vit_b_16"), device="a100", dtype="weights=float32,activations=int8")
    chart = roofline.chart(report)
    assert chart is not None
    roofs = [line["name"] for line in chart["option"]["series"] if line["id"].startswith("roof")]
    assert roofs == ["int8", "float32"]
    assert "624.00 T operations a second in int8, 19.50 T operations a second in float32" in chart["text"]


@pytest.mark.parametrize("device", [None, "stm32n6"])
def test_without_a_peak_and_a_bandwidth_there_is_no_roofline(device: str | None) -> None:
    report = convcalc.analyze(convcalc.load("zoo:mobilenet_v2"), device=device, dtype="int8")
    assert [chart["id"] for chart in charts(report)] == ["memory", "field", "drawing"]


def taps(windows: list[tuple[int, int, int, int]], position: int) -> set[int]:
    """Positions of the input that one of the output depends on, walked back tap by tap; padding is among them."""
    seen = {position}
    for kernel, stride, padding, dilation in reversed(windows):
        seen = {place * stride - padding + tap * dilation for place, tap in product(seen, range(kernel))}
    return seen


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)),
        min_size=1,
        max_size=4,
    )
)
def test_a_window_is_where_the_middle_position_looks(windows: list[tuple[int, int, int, int]]) -> None:
    layers = [
        f"  - conv: {{out_channels: 2, kernel_size: {kernel}, stride: {stride}, "
        f"padding: {padding}, dilation: {dilation}}}"
        for kernel, stride, padding, dilation in windows
    ]
    report = convcalc.analyze(network_of("\n".join(["input: [1, 211, 173]", "layers:", *layers])))
    chart = field_drawing.chart(report)
    if chart is None:
        assert all(size == 1 for row in report.layers for size in row.receptive_field.size or ())
        return
    drawing = chart["drawing"]
    for place, row in enumerate(report.layers):
        window = drawing["windows"][drawing["of"][place + 1]]
        for axis, count in enumerate(row.output_shape[1:]):
            seen = taps(windows[: place + 1], (count - 1) // 2)
            assert (window[axis], window[axis] + window[2 + axis] - 1) == (min(seen), max(seen))


@pytest.mark.parametrize("network", [*NETWORKS, "zoo:densenet121"])
def test_a_drawing_has_the_sizes_of_the_command_and_names_few(network: str) -> None:
    document = run("analyze", network)
    report = convcalc.analyze(convcalc.load(network))
    chart = field_drawing.chart(report)
    assert chart is not None
    drawing, start = chart["drawing"], report.network.input_count
    rank = len(drawing["frame"])
    assert list(drawing["frame"]) in [shape[1:] for shape in document["inputs"].values()]
    for place, layer in enumerate(document["layers"]):
        number, seen = drawing["of"][start + place], layer["receptive_field"]["size"]
        assert (number < 0) == (not seen or None in seen or 0 in seen)
        assert number < 0 or drawing["windows"][number][rank:] == seen
    named = drawing["named"]
    assert 1 <= len(named) <= field_drawing.MOST_NAMED
    assert len(drawing["drawn"]) <= 2 * field_drawing.MOST_DRAWN
    assert {entry["window"] for entry in named} <= set(drawing["drawn"])
    assert all(drawing["of"][int(entry["id"][1:])] == entry["window"] for entry in named)
    sizes = [max(drawing["windows"][entry["window"]][rank:]) for entry in named]
    assert sizes == sorted(sizes)
    assert sizes[-1] == max(max(window[rank:]) for window in drawing["windows"])


@pytest.mark.parametrize("network", NETWORKS)
def test_a_chart_is_json_without_colours(network: str) -> None:
    for chart in charts(convcalc.analyze(convcalc.load(network), device="a100")):
        assert json.loads(embedded(chart))["title"] == chart["title"]
        assert not {name for name in keys(chart) if "color" in name.lower()}
        assert {"id", "title", "text"} < set(chart)
        assert ("option" in chart) != ("drawing" in chart)


@pytest.mark.parametrize(
    ("spec", "ids"),
    [
        ("input: [5]\nlayers:\n  - linear: 3\n", ["memory"]),
        ("input: [3, 4, 4]\nlayers:\n  - conv: {out_channels: 2, kernel_size: 1}\n", ["memory"]),
        ("input: [3, 9]\nlayers:\n  - conv: {out_channels: 2, kernel_size: 3}\n", ["memory", "field", "drawing"]),
    ],
)
def test_there_is_no_chart_of_nothing(spec: str, ids: list[str]) -> None:
    drawn = [chart["id"] for chart in charts(convcalc.analyze(network_of(spec)))]
    assert drawn == ids


@given(st.integers(0, 10**6), st.sampled_from([None, "a100", "raspberry-pi-5"]), st.booleans())
def test_whatever_is_drawn_has_the_numbers_of_the_report(seed: int, device: str | None, is_fused: bool) -> None:
    _, network = made_network(random.Random(seed))
    report = convcalc.analyze(network, device=device, fused=is_fused)
    drawn = {chart["id"]: chart for chart in charts(report)}
    json.loads(embedded(drawn), parse_constant=pytest.fail)  # infinite, or no number
    names = {row.name: row for row in report.layers}
    assert ("memory" in drawn) == (report.peak is not None)
    if report.peak is not None:
        values = by_layer(drawn["memory"], report)
        assert set(values) == set(names)
        assert values[report.peak.layer] == [list(names).index(report.peak.layer), report.peak.bytes]
    for name, (_, size) in by_layer(drawn["field"], report, "layer").items() if "field" in drawn else ():
        assert size == max(known for known in names[name].receptive_field.size or () if known is not None)
    for name, (_, rate, time) in by_layer(drawn["roofline"], report).items() if "roofline" in drawn else ():
        bound = names[name].bound
        assert bound is not None
        assert (time, rate) == (bound.ps, pytest.approx(names[name].flops * 10**12 / time))
