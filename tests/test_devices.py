"""Devices: the files that ship, files of one's own, and what is wrong with one."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from conftest import MANY
from printed import run
from rich.cells import cell_len
from typer.testing import CliRunner
from view_texts import on_console

from convcalc.arithmetic.precision import NAMES
from convcalc.devices import CATEGORIES, FOLDER, Device, load, names
from convcalc.devices.reading import FIGURES, of_text
from convcalc.devices.units import BYTES, BYTES_A_SECOND, OPERATIONS
from convcalc.language import SpecError
from convcalc.views.devices import table
from convcalc.views.devices.shared import ListedDevices

NET = "zoo:resnet18"


def refused(text: str) -> list[str]:
    with pytest.raises(SpecError) as error:
        of_text("board", "board.yaml", text)
    return [f"{d.path}:{d.line}:{d.column}: {d.code}: {d.message}" for d in error.value.diagnostics]


def stderr(*arguments: str) -> str:
    result = CliRunner().invoke(application(), list(arguments))
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return result.stderr


# ---- the files that ship -------------------------------------------------------------------------------------------


def test_devices_of_many_sorts_ship() -> None:
    devices = [load(name) for name in names()]
    assert len(devices) >= 25
    assert {device.category for device in devices} == set(CATEGORIES)


@pytest.mark.parametrize("name", names())
def test_every_figure_has_a_source_with_its_year(name: str) -> None:
    device = load(name)
    figures = {field for field in FIGURES if getattr(device, field)}
    assert set(device.sources) == figures
    assert device.about
    for field, source in device.sources.items():
        dated = re.search(r"\b(19|20)\d\d\b", source)
        assert dated or source.startswith("derived: ") or name in {"axis-dlpu", "qualcomm-htp", "ti-npu"}, field
    assert not any("sparsity" in source and "dense" not in source and "half" not in source
                   for source in device.sources.values())  # fmt: skip


DERIVED = re.compile(r"(\d+(?:\.\d+)?) ?(GHz|MHz|Gb/s|cores|channels|bit [A-Z0-9]+|bit|MT/s|tensor cores)?")
SCALES = {"GHz": 10**9, "MHz": 10**6, "MT/s": 10**6}


@pytest.mark.parametrize("name", [name for name in names() if "derived" in load(name).sources.get("bandwidth", "")])
def test_a_bandwidth_follows_from_what_it_is_derived_from(name: str) -> None:
    """The numbers of its source, multiplied out again: a rate, a width in bits, and how many of them."""
    device = load(name)
    source = device.sources["bandwidth"].removeprefix("derived: ").partition(";")[0].partition(",")[0]
    amount = 1.0
    for number, unit in DERIVED.findall(source.replace("USB 3.0", "USB").replace("of USB", "")):
        amount *= float(number) * {"Gb/s": 10**9 / 8}.get(unit, SCALES.get(unit, 1))
        if unit.startswith("bit"):
            amount /= 8
    if "DDR4" in source:
        amount = _without_names(source)
    assert device.bandwidth is not None
    assert abs(device.bandwidth - amount) <= 0.001 * amount


def _without_names(source: str) -> float:
    """As above, for a text in which a memory's name has a digit."""
    numbers = map(float, re.findall(r"(?<![\w.])\d+(?:\.\d+)?", source))
    amount = 10**6 / 8
    for number in numbers:
        amount *= number
    return amount


# ---- files of one's own --------------------------------------------------------------------------------------------


def drawn(draw: random.Random) -> tuple[str, dict[str, Any]]:
    """A device's file, and what it says."""

    def written(units: dict[str, int]) -> tuple[str, int]:
        unit, whole_part = draw.choice(list(units)), draw.randint(1, 9999)
        decimals = draw.choice(["", "5", "25", "001"])
        number = f"{whole_part}.{decimals}" if decimals else str(whole_part)
        amount = int(f"{whole_part}{decimals}") * units[unit] // 10 ** len(decimals)
        return f"{number} {unit}", amount

    stated: dict[str, Any] = {}
    lines = []
    for field in draw.sample(["about", "peak", "bandwidth", "cache", "sram", "flash", "channels", "sources"], 8):
        if field == "about":
            stated[field] = "2024"
            lines.append("about: 2024")
        elif field == "peak":
            chosen = draw.sample(NAMES, draw.randint(1, 4))
            figures = {name: written(OPERATIONS) for name in chosen}
            stated[field] = {name: amount for name, (_, amount) in figures.items()}
            lines.append("peak: {" + ", ".join(f"{name}: {text}" for name, (text, _) in figures.items()) + "}")
        elif field == "channels":
            stated[field] = {name: draw.randint(1, 64) for name in draw.sample(NAMES, 2)}
            lines += ["channels:", *(f"  {name}: {count}" for name, count in stated[field].items())]
        elif field == "sources":
            stated[field] = {"peak": "data sheet"}
            lines.append("sources: {peak: data sheet}")
        elif draw.random() < 0.6:
            text, stated[field] = written(BYTES_A_SECOND if field == "bandwidth" else BYTES)
            lines.append(f"{field}: {text}")
    return "\n".join(lines), stated


@pytest.mark.parametrize("seed", range(MANY or 40))
def test_a_file_says_what_it_says(seed: int) -> None:
    text, stated = drawn(random.Random(f"device {seed}"))
    assert of_text("board", "board.yaml", text) == Device(name="board", **stated), text


def test_a_file_is_named_by_its_ending_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "peak: {float32: 1 TFLOP/s}\n"
    for name in ("board.yaml", "a100.yml", "board"):
        Path(name).write_text(text, "utf-8")
    assert [load(name).name for name in ("board.yaml", "./board.yaml", "./board")] == ["board"] * 3
    assert load("a100.yml").peak == {"float32": 10**12}
    assert load("a100").peak != {"float32": 10**12}
    assert f"at least 3.63 ms on {load('board.yaml').name}" in run("analyze", NET, "--device", "board.yaml")
    with pytest.raises(SpecError, match="there is no device `board`"):
        load("board")


MISTAKES = {
    "peak: {float32: 19.5}": "board.yaml:1:17: CC011: peak.float32: expected a unit behind the number, as "
    "19.5 TFLOP/s, found 19.5",
    "peak: {int8: 624}": "board.yaml:1:14: CC011: peak.int8: expected a unit behind the number, as 19.5 TOP/s, "
    "found 624",
    "peak: {float32: 0}": "board.yaml:1:17: CC011: peak.float32: expected more than nothing, as 19.5 TFLOP/s, found 0",
    "peak: {float32: -1 TFLOP/s}": "board.yaml:1:17: CC011: peak.float32: expected a number with a unit, as "
    "19.5 TFLOP/s, found the text '-1 TFLOP/s'",
    "peak: {float32: 0.0 TFLOP/s}": "board.yaml:1:17: CC011: peak.float32: expected more than nothing, found "
    "0.0 TFLOP/s",
    "peak: {float32: 3 TFLOPS}": "board.yaml:1:17: CC011: peak.float32: expected a number with a unit, as "
    "19.5 TFLOP/s, found 3 TFLOPS; write 3 TFLOP/s",
    "peak: {fp16: 3 TFLOP/s}": "board.yaml:1:8: CC011: peak: expected one of float64, float32, tf32, float16, "
    "bfloat16, fp8, fp4, int32, int16, int8, int4, int2, int1, found fp16; did you mean float16?",
    "peak: {'': 3 TFLOP/s}": "board.yaml:1:8: CC011: peak: expected one of float64, float32, tf32, float16, "
    "bfloat16, fp8, fp4, int32, int16, int8, int4, int2, int1, found nothing",
    "peak: 3 TFLOP/s": "board.yaml:1:7: CC011: peak: expected figures by format, as "
    "{float32: 19.5 TFLOP/s, int8: 624 TOP/s}, found the text '3 TFLOP/s'",
    "peak: {}": "board.yaml:1:7: CC011: peak: expected figures by format, found an empty mapping",
    "bandwidth: 3 Gbps": "board.yaml:1:12: CC011: bandwidth: expected a number with a unit, as 1555 GB/s, found "
    "3 Gbps; of bits a second, an eighth are bytes",
    "bandwidth: [3 GB/s]": "board.yaml:1:12: CC011: bandwidth: expected a number with a unit, as 1555 GB/s, found "
    "a list",
    "bandwith: 3 GB/s": "board.yaml:1:1: CC010: a device has no field `bandwith`",
    "cache: 40": "board.yaml:1:8: CC011: cache: expected a unit behind the number, as 512 KiB, found 40",
    "channels: {int8: 0}": "board.yaml:1:18: CC011: channels.int8: expected a whole number from 1 to 1048576, found 0",
    "sources: {pek: x}": "board.yaml:1:11: CC010: sources: there is no figure `pek`",
    "about: [a]": "board.yaml:1:8: CC011: about: expected a text, found a list",
    "about: x": "board.yaml:1:1: CC012: a device needs `peak`, `bandwidth` or `channels`",
    "[a]": "board.yaml:1:1: CC011: expected a device: a mapping of about, category, peak, bandwidth, cache, sram, "
    "flash, channels, sources; found a list",
    "": "board.yaml:1:1: CC011: expected a device: a mapping of about, category, peak, bandwidth, cache, sram, "
    "flash, channels, sources; found nothing",
    "peak: {float32: 1 TFLOP/s}\npeak: {int8: 1 TOP/s}": "board.yaml:2:1: CC002: key 'peak' stands here twice, "
    "first in line 1",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_its_place(text: str) -> None:
    assert refused(text) == [MISTAKES[text]]


def test_all_mistakes_are_told_from_top_to_bottom() -> None:
    places = [re.match(r"board.yaml:(\d+)", line) for line in refused("peak: 3\nbandwith: 1\ncache: x\nsram: 0 KiB")]
    assert [int(place[1]) for place in places if place] == [1, 2, 3, 4]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"peak: {", b"\t", b"a: &a [*a]", b"x" * 70_000, b"- - -" * 3000])
@pytest.mark.parametrize("command", ["analyze", "devices"])
def test_no_file_breaks_a_command(content: bytes, command: str, tmp_path: Path) -> None:
    path = tmp_path / "board.yaml"
    path.write_bytes(content)
    arguments = ["devices", str(path)] if command == "devices" else ["analyze", NET, "--device", str(path)]
    assert "board.yaml" in stderr(*arguments)


@pytest.mark.parametrize("name", ["a10", "", "../a100", "a100.yaml", "zoo:resnet18", "-", "/", "A100", "nul\0.yaml"])
def test_a_device_that_there_is_not(name: str) -> None:
    if name == "-":  # an option's value cannot be one
        return
    message = stderr("analyze", NET, f"--device={name}")
    assert "error[CC0" in message
    if name in {"a10", "A100"}:
        assert "did you mean `a100`? `convcalc devices` lists them" in message


@pytest.mark.parametrize("command", [["analyze", NET], ["compare", NET, "zoo:resnet50"], ["analyze", NET, "--fused"]])
def test_a_format_that_a_device_has_not(command: list[str]) -> None:
    message = stderr(*command, "--device", "cortex-m7", "--dtype", "fp8")
    assert "cortex-m7 has no fp8; it has int8, int16, float32" in message


def test_json_holds_the_mistake_too() -> None:
    arguments = ["analyze", NET, "--device", "cortex-m7", "--dtype", "fp8", "--format", "json"]
    result = CliRunner().invoke(application(), arguments)
    document = json.loads(result.stdout)
    assert document["totals"] is None
    assert document["errors"][0]["message"] == "cortex-m7 has no fp8; it has int8, int16, float32"


# ---- the command ---------------------------------------------------------------------------------------------------


def test_the_list_has_every_device_by_category() -> None:
    lines = run("devices").splitlines()[1:-2]
    listed = [line.split()[0] for line in lines]
    assert sorted(listed) == names()
    places = [CATEGORIES.index(load(name).category) for name in listed]
    assert places == sorted(places)


def test_a_page_has_every_figure_with_its_source() -> None:
    text = run("devices", "cortex-m7", "a100")
    for device in (load("cortex-m7"), load("a100")):
        assert f"{device.name}   {device.about}   {device.category}" in text
        for source in device.sources.values():
            assert source in text
    assert "peak float32      19.5 TFLOP/s" in text
    assert "sram          320 KiB" in text


def test_json_has_raw_numbers() -> None:
    (device,) = json.loads(run("devices", "cortex-m7", "--format", "json"))["devices"]
    assert device["peak"] == {"int8": 864_000_000, "int16": 864_000_000, "float32": 432_000_000}
    assert device["sram"] == 320 * 1024
    assert len(json.loads(run("devices", "--format", "json"))["devices"]) == len(names())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_list_fits_and_cuts_no_number(width: int) -> None:
    devices = [load(name) for name in names()]
    shown = on_console(table, ListedDevices(devices, False), width, is_terminal=False)
    lines = shown.splitlines()[:-2]
    assert max(map(cell_len, lines)) <= width
    assert "624 T" in next(line for line in lines if line.startswith("a100 "))


def test_several_unknown_names_are_all_told() -> None:
    assert stderr("devices", "a10", "a100", "nothing").count("there is no device") == 2


def test_devices_are_packed_with_the_package() -> None:
    project = (FOLDER.parent.parent / "pyproject.toml").read_text("utf-8")
    assert '"devices/*.yaml"' in project
