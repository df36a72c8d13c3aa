"""`convcalc sweep`: what is printed and written of a sweep, in every format, and what a call means.

The sweeps are made by brute force, a point at a time.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from brute_sweeps import brute_sweep
from command_line import application
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from typer.testing import CliRunner
from view_texts import on_console, piped

from convcalc import steps
from convcalc.analysis.report import Convention
from convcalc.cli import completion
from convcalc.cli.work import progress, targets
from convcalc.cli.work.again import Again
from convcalc.language.source import Source, SpecError
from convcalc.sweeping import values
from convcalc.sweeping.axes import Axis
from convcalc.sweeping.point_blocks import Refusal
from convcalc.sweeping.record import Sweep
from convcalc.views import view, words
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept

SPEC = """name: small
input: [3, 24, 24]
variables: {width: 1, depths: [1, 1], groups: 1}
layers:
  - conv: {name: stem, out_channels: width * 8, kernel_size: 3, groups: groups, bias: false}
  - conv: {name: body, out_channels: 12, kernel_size: 3, repeat: "depths[1]", padding: 1}
"""
WIDTHS = ("width=0.5:2:0.5",)
BOTH = (*WIDTHS, "input=16,24")
CHOICE = ("--where", "macs <= 900K", "--pareto", "macs,-params", "--sort", "-macs")


@pytest.fixture(autouse=True)
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What sweeps are asked for, in a folder with a spec."""
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC, "utf-8")
    asked: list[dict[str, Any]] = []
    module = ModuleType("convcalc.sweeping.run")

    def sweep(source: str, **options: Any) -> Sweep:
        asked.append({"source": source, **options})
        return brute_sweep(source, **options)

    module.sweep = sweep  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(application(), list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, " ".join(result.stderr.replace("│", " ").split())


def swept(*arguments: str, over: tuple[str, ...] = BOTH) -> tuple[int, str, str]:
    return run("sweep", "net.yaml", *(word for text in over for word in ("--over", text)), *arguments)


def made(over: tuple[str, ...] = BOTH, **options: Any) -> Swept:
    sweep = brute_sweep("net.yaml", over=over, **options)
    return Swept(sweep, "net.yaml", ("input",), "convcalc analyze net.yaml")


# ---- rows --------------------------------------------------------------------------------------------------------


def analyzed(*arguments: str) -> dict[str, Any]:
    code, out, _ = run("analyze", "net.yaml", *arguments, "--format", "json")
    assert code == 0
    totals = json.loads(out)["totals"]
    assert isinstance(totals, dict)
    return {name: total for name, total in totals.items() if total is not None and name != "macs_by_format"}


def test_json_and_csv_have_the_totals_of_analyze() -> None:
    document = json.loads(swept("--batch", "2", "--format", "json")[1])
    rows = list(csv.DictReader(io.StringIO(swept("--batch", "2", "--format", "csv")[1])))
    assert len(document["rows"]) == len(rows) == document["points"] == 8
    for row, line in zip(document["rows"], rows, strict=True):
        width, size = row["point"]["width"], row["point"]["input"]
        assert (line["width"], line["input"]) == (str(width), str(size))
        totals = analyzed("--set", f"width={width}", "--input", f"3x{size}x{size}", "--batch", "2")
        assert totals.items() <= row["totals"].items()
        assert {name: int(line[name]) for name in totals} == totals
        assert row["totals"]["output"] == [12, size - 2, size - 2]
        assert line["output"] == f"12x{size - 2}x{size - 2}"
    assert document["axes"][0] == {"name": "width", "count": 4, "first": 0.5, "last": 2}
    assert not document["partial"]


def test_what_is_kept_is_the_same_in_every_format() -> None:
    document = json.loads(swept(*CHOICE, "--format", "json")[1])
    rows = list(csv.DictReader(io.StringIO(swept(*CHOICE, "--format", "csv")[1])))
    table = swept(*CHOICE)[1].splitlines()
    markdown = swept(*CHOICE, "--format", "markdown")[1]
    points = [(str(row["point"]["width"]), str(row["point"]["input"])) for row in document["rows"]]
    assert points == [(row["width"], row["input"]) for row in rows]
    head = next(place for place, line in enumerate(table) if line.split()[:2] == ["width", "input"])
    assert points == [tuple(line.split()[:2]) for line in table[head + 1 : head + 1 + len(points)]]
    assert points == re.findall(r"^\| ([\d.]+) \| (\d+) \|", markdown, re.MULTILINE)
    macs = [row["totals"]["macs"] for row in document["rows"]]
    assert macs == sorted(macs, reverse=True)
    assert all(count <= 900_000 for count in macs)
    assert 1 < len(macs) < 8
    assert document["satisfying"] >= len(macs)
    assert f"8 points   {document['satisfying']} satisfy" in "\n".join(table)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("is_long", [False, True])
def test_the_table_fits_and_cuts_no_number(width: int, is_long: bool) -> None:
    result = made(where="params >= 0 and elementwise_ops >= 0", refused=2)
    if is_long:
        names = {"width": "features.18.conv.1.out_channels", "input": "features.19.conv.1.out_channels"}
        sweep = result.sweep
        axes = tuple(Axis(names[axis.name], axis.values) for axis in sweep.axes)
        columns = {names.get(name, name): cells for name, cells in sweep.columns.items()}
        result = replace(result, sweep=replace(sweep, axes=axes, columns=columns))
    lines = [line.rstrip() for line in on_console(view("sweep", "table"), result, width).splitlines()]
    assert max(cell_len(line) for line in lines if not line.startswith("row 1: ")) <= width
    sweep = result.sweep
    first, second = (axis.name for axis in sweep.axes)
    for number in range(8):
        cells = [values.text(sweep.columns[name][number]) for name in (first, second)]
        line = next(line for line in lines if line.split()[:2] == cells)
        assert words.exact(sweep.columns["params"][number]) in line
        assert words.scaled(sweep.columns["macs"][number]) in line
        is_wide = width >= 80 or (width >= 60 and is_long)
        assert (words.exact(sweep.columns["elementwise_ops"][number]) in line) >= is_wide


def test_what_is_not_asked_for_is_not_shown() -> None:
    header = swept()[1].splitlines()[1].split()
    assert header == ["width", "input", "params", "MACs", "peak"]
    header = swept("--sort", "-receptive_field,weight_bytes")[1].splitlines()[2].split()
    assert header == ["width", "input", "params", "MACs", "weights", "peak", "field"]


def test_on_a_narrow_terminal_what_is_asked_for_stays_longest() -> None:
    def headers(sort: str) -> set[tuple[bool, bool]]:
        """Whether the peak and the operations are shown, on terminals of any width."""
        result = made(sort=sort)
        texts = [on_console(view("sweep", "table"), result, width) for width in range(36, 70)]
        heads = [next(line for line in text.splitlines() if line.startswith("width")) for text in texts]
        return {("peak" in head, "element-wise" in head) for head in heads}

    assert headers("elementwise_ops") == {(False, False), (False, True), (True, True)}
    assert (True, False) in headers("peak_activation_bytes,elementwise_ops")


def test_totals_of_layers_are_shown() -> None:
    result = made()
    columns = {**result.sweep.columns, "macs(body*)": [12_345_678] * 8}
    text = piped(view("sweep", "table"), replace(result, sweep=replace(result.sweep, columns=columns)))
    assert "macs(body*)" in text
    assert "12.3 M" in text


def test_points_that_are_as_good_are_counted() -> None:
    over = ("depths=[1,2],[3,2],[1,1]",)
    text = swept("--pareto", "macs", over=over)[1]
    assert [
        row["alike"] for row in csv.DictReader(io.StringIO(swept("--pareto", "macs", "--format", "csv", over=over)[1]))
    ] == ["0"]
    assert "alike" not in text
    document = json.loads(swept("--pareto", "receptive_field,-macs", "--format", "json", over=over)[1])
    assert [row["alike"] for row in document["rows"]] == [1, 0]
    assert [row["point"]["depths"] for row in document["rows"]] == [[1, 2], [1, 1]]
    assert "+1" in swept("--pareto", "receptive_field,-macs", over=over)[1]


def test_refused_points_are_counted_and_listed_with_their_reason() -> None:
    over = ("groups=1,3,2", "width=1,2")
    text = swept(over=over)[1]
    assert "6 points   4 refused" in text
    assert re.search(r"4 refused: stem: groups 3 does not .*\(first at groups=3, width=1\)", text)
    assert "refused because" not in text
    lines = swept("--refused", over=over)[1].splitlines()
    (head,) = [place for place, line in enumerate(lines) if "refused because" in line]
    points = [["3", "1"], ["3", "2"], ["2", "1"], ["2", "2"]]
    assert [line.split()[:2] for line in lines[head + 1 : head + 5]] == points
    document = json.loads(swept("--refused", "3", "--format", "json", over=over)[1])
    listed = [problem["point"] for problem in document["refused_points"]]
    assert listed == [{"groups": int(groups), "width": int(width)} for groups, width in points[:3]]
    assert [(refusal["first"], refusal["count"]) for refusal in document["refusals"]] == [(listed[0], 4)]
    assert document["refused"] == 4
    assert "| 2 | 2 | stem: groups 2 does not" in swept("--refused", "--format", "markdown", over=over)[1]
    assert "every point is refused" in swept(over=("groups=2,5",))[1]
    assert "no point satisfies it" in swept("--where", "macs < 0")[1]


def test_many_rows_are_written_and_some_are_shown() -> None:
    result = made()
    columns = {name: cells * 400 for name, cells in result.sweep.columns.items()}
    many = replace(result, sweep=replace(result.sweep, columns=columns, points=3200, done=3200))
    document = json.loads(piped(view("sweep", "json"), many))
    assert [row["totals"]["macs"] for row in document["rows"]] == columns["macs"]
    assert len(piped(view("sweep", "csv"), many).splitlines()) == 3201
    for name in ("table", "markdown"):
        text = piped(view("sweep", name), many)
        assert "... and 2,200 more rows: -o FILE writes all" in text
        assert 1000 < len(text.splitlines()) < 1020


def test_numbers_are_exact_however_large_or_fine() -> None:
    widths = (Fraction(1, 3), Fraction(1, 20), Fraction("0.30000000000000004123"), 10**30)
    columns = {"width": list(widths), "params": [2**70, np.int64(1), 2, 3], "macs": np.array([2**62, 1, 2, 3])}
    columns["peak_activation_bytes"] = [1, 2, 3, 4]
    sweep = replace(made().sweep, axes=(Axis("width", widths),), columns=columns, points=4, done=4)
    text = piped(view("sweep", "json"), Swept(sweep, "net.yaml"))
    rows = json.loads(text, parse_float=str)["rows"]
    assert [row["point"]["width"] for row in rows] == ["1 / 3", "0.05", "0.30000000000000004123", 10**30]
    assert '"width":"0.30000000000000004123"' in text  # which no float has
    assert '"width":0.05' in text
    assert rows[0]["totals"] == {"params": 2**70, "macs": 2**62, "peak_activation_bytes": 1}
    lines = piped(view("sweep", "csv"), Swept(sweep, "net.yaml")).splitlines()
    assert json.loads(text)["rows"][1]["totals"]["params"] == 1
    assert lines[1:3] == [f"1 / 3,{2**70},{2**62},1", "0.05,1,1,2"]


@given(st.integers(0, 10**18))
def test_what_is_about_a_number_is_near_it(number: int) -> None:
    text = shared.approximately(number)
    factor = {"T": 10**12, "G": 10**9, "M": 10**6}.get(text[-1], 1)
    near = float(text.rstrip("TGM ").replace(",", "")) * factor
    assert abs(near - number) <= number * (0.005 if number < 10**15 else 0.05)
    assert len(text) <= 8


@given(st.text(st.sampled_from("ab\x1b[\u202e:#|`=\n<"), min_size=1, max_size=8))
def test_no_name_acts_in_any_format(name: str) -> None:
    sweep = Sweep(
        name, (Axis(f"{name}.width", (1,)),), Convention(), "", (), (), 2, 1, 1, 1, (Refusal("CC1", name, 0, 1),),
        (({f"{name}.width": 1}, name),), {f"{name}.width": [1], "params": [1], "macs": [1]}, [0], (name,), 0.1,
    )  # fmt: skip
    for form in ("table", "json", "csv", "markdown"):
        text = piped(view("sweep", form), Swept(sweep, name, (), name))
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not re.search(r"(?m)(^|\s)::|##\[", text)
        if form == "json":
            assert json.loads(text)["network"] == name


# ---- the first row again -----------------------------------------------------------------------------------------


def command_of(*arguments: str, over: tuple[str, ...]) -> str:
    (line,) = [line for line in swept(*arguments, over=over)[1].splitlines() if line.startswith("row 1: ")]
    return line.removeprefix("row 1: ")


@pytest.mark.parametrize(
    ("over", "arguments", "command"),
    [
        (("width=0.75,2", "input=16"), (), "convcalc analyze net.yaml --set width=0.75 --input 3x16x16"),
        (("input=3x20x16",), ("--set", "width=2"), "convcalc analyze net.yaml --input 3x20x16 --set width=2"),
        (("depths=[1,2],[1,3]",), ("--batch", "4"), "convcalc analyze net.yaml --set 'depths=[1,2]' --batch 4"),
        (("width=1",), ("--input", "3x9x9", "--dtype", "int8"),
         "convcalc analyze net.yaml --set width=1 --input 3x9x9 --dtype int8"),
    ],
)  # fmt: skip
def test_the_first_row_is_what_its_command_prints(
    over: tuple[str, ...], arguments: tuple[str, ...], command: str
) -> None:
    assert command_of(*arguments, over=over) == command
    row = json.loads(swept(*arguments, "--format", "json", over=over)[1])["rows"][0]
    assert analyzed(*shlex.split(command)[3:]).items() <= row["totals"].items()


def again(file: str = "net.yaml", **how: Any) -> Again:
    return Again(file, {}, {}, {}, how)


def test_what_analyze_cannot_be_told_is_swept_again() -> None:
    sweep = made().sweep
    columns = {"stem.kernel_size": [(3, 5)], "variant": ["separable"], "macs": [1]}
    axes = (Axis("stem.kernel_size", ((3, 5),)), Axis("variant", ("separable",)))
    sweep = replace(sweep, axes=axes, columns=columns)
    expected = "convcalc sweep net.yaml --over 'stem.kernel_size=[3,5]' --over variant=separable --strict"
    assert again(strict=True, blocks="").command(sweep) == expected
    assert again("-").command(sweep) == ""
    assert again().command(replace(sweep, columns={})) == ""
    assert again("missing.yaml").command(sweep).startswith("convcalc sweep missing.yaml --over ")


# ---- what a call means -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"dask": None, "refused": 0, "top": None, "where": "", "sort": "", "pareto": ""}),
        (("--dask",), {"dask": ""}),
        (("--dask", "tcp://10.0.0.1:8786"), {"dask": "tcp://10.0.0.1:8786"}),
        (("--dask=tls://host:1", "--refused"), {"dask": "tls://host:1", "refused": 20}),
        (("--refused", "7", "--dask", "--top", "3"), {"dask": "", "refused": 7, "top": 3}),
        (("--sort", "-macs", "--pareto", "-params,macs"), {"sort": "-macs", "pareto": "-params,macs"}),
        (("--sample", "2", "--seed", "5"), {"sample": 2, "seed": 5}),
        (("--set", "width=2", "--input", "3x9x9"), {"inputs": {"input": (3, 9, 9)}, "variables": {"width": "2"}}),
    ],
)
def test_options_are_passed_on(
    arguments: tuple[str, ...], expected: dict[str, Any], calls: list[dict[str, Any]]
) -> None:
    for behind in ((*arguments, "net.yaml"), ("net.yaml", *arguments)):
        code, _, err = run("sweep", "--over", "groups=1", *behind)
        assert (code, err) == (0, "")
        assert calls[-1]["source"] == "net.yaml"
        assert calls[-1]["over"] == ["groups=1"]
        assert expected.items() <= calls[-1].items()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("net.yaml",), "Missing option '--over'"),
        (("net.yaml", "--over", "width=1", "--top", "0"), "--top"),
        (("net.yaml", "--over", "width=1", "--format", "xml"), "expected one of table, csv, html, json,"),
        (("net.yaml", "--over", "width=1:2:0"), "--over:1:11: error[CC011]: width: a range from 1 in steps of 0"),
        (("net.yaml", "--over", "width=1", "-o", "a.txt"), "cannot write a.txt: expected a name that ends in one of"),
        (("net.yaml", "--over", "width=1", "-o", "net.json"), "net.json already exists; --force overwrites it"),
        (("net.yaml", "--over", "width=1", "--assert", "count >"), "is neither a number nor an expression"),
        (("net.yaml", "--over", "width=1", "--assert", "1 <= cuont"), "--assert:1:6: error[CC013]: `cuont` has no"),
        (("net.yaml", "--over", "width=1", "--assert", "count + 1"), "expected what is true or false, found 2"),
        (("net.yaml", "--over", "width=1", "--assert", "count < 'a'"), "--assert:1:1: error[CC011]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_ends_with_2(arguments: tuple[str, ...], message: str) -> None:
    Path("net.json").write_text("{}")
    code, out, err = run("sweep", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert Path("net.json").read_text() == "{}"


def test_mistakes_stand_in_json() -> None:
    code, out, err = swept("--format", "json", over=("width=",))
    assert code == 2
    assert json.loads(out)["errors"][0]["message"].startswith("width: expected values behind the =")
    assert "error[CC011]" in err


@pytest.mark.parametrize(
    ("claim", "holds"),
    [("count >= 1", True), ("count == 4", True), ("count < 4", False), ("count >= points / 2 and refused == 0", True),
     ("points - refused != 8", False)],
)  # fmt: skip
def test_what_is_asserted_holds_or_ends_with_1(claim: str, holds: bool) -> None:
    code, out, err = swept("--where", "width <= 1", "--assert", claim)
    assert "8 points   4 satisfy" in out
    assert code == (0 if holds else 1)
    contradiction = f"convcalc: --assert does not hold: {claim} (count 4, points 8, refused 0)"
    assert err == ("" if holds else contradiction)


@pytest.mark.parametrize(("name", "form"), [("a.csv", "csv"), ("a.json", "json"), ("a.md", "markdown")])
def test_a_file_is_what_its_name_says(name: str, form: str) -> None:
    printed = swept("--format", form)[1]
    code, out, err = swept("-o", name)
    assert (code, err) == (0, "")
    assert "row 1: " in out
    assert Path(name).read_text("utf-8") == printed
    assert swept("-o", name)[0] == 2
    assert swept("-o", name, "--force", "--top", "1")[0] == 0
    assert Path(name).read_text("utf-8") != printed
    assert swept("-o", "-")[1] == out


def test_no_file_is_written_where_something_is_wrong() -> None:
    assert swept("-o", "a.csv", over=("width=",))[0] == 2
    assert swept("-o", "net.yaml", "--force")[0] == 2
    assert not Path("a.csv").exists()


@pytest.mark.parametrize("form", ["table", "markdown", "json"])
def test_an_interrupted_sweep_shows_what_is_known(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_ = sys.modules["convcalc.sweeping.run"]
    sweep = replace(made().sweep, points=5_000_000)
    monkeypatch.setattr(run_, "sweep", lambda *_, **__: sweep)
    code, out, err = swept("--format", form, "--assert", "count < 0")
    assert code == 130
    assert err == "convcalc: interrupted after 8 of 5,000,000 points; what is shown is of those alone"
    assert (json.loads(out)["partial"] is True) if form == "json" else "8 of 5,000,000 points" in out


def test_an_interrupt_before_anything_is_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["convcalc.sweeping.run"], "sweep", interrupted)
    assert swept() == (130, "", "convcalc: interrupted before anything was known")


def test_how_fast_it_was_is_told_of_long_runs() -> None:
    sweep = replace(made().sweep, points=2_500_000, done=2_500_000)
    text = piped(view("sweep", "table"), Swept(replace(sweep, seconds=2.0), "net.yaml"))
    assert "2,500,000 points   2.00 s, 1.25 M points/s" in text
    assert "points/s" not in piped(view("sweep", "table"), Swept(replace(sweep, seconds=0.9), "net.yaml"))


def test_bytes_that_are_no_text_are_told() -> None:
    code, _, err = swept(over=("wid\udcffth=1:2:0",))
    assert code == 2
    assert "wid\\udcffth: a range from 1 in steps of 0 never ends" in err


def test_more_work_than_a_run_may_take_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: Any, **__: Any) -> None:
        steps.spend(10**9)

    monkeypatch.setattr(sys.modules["convcalc.sweeping.run"], "sweep", endless)
    code, _, err = swept()
    assert code == 2
    assert "net.yaml: error[CC008]: not finished" in err


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("--dask needs distributed: pip install 'convcalc[dask]'")

    monkeypatch.setattr(sys.modules["convcalc.sweeping.run"], "sweep", lacking)
    assert swept("--dask")[::2] == (2, "convcalc: --dask needs distributed: pip install 'convcalc[dask]'")


def test_totals_are_completed() -> None:
    assert completion.totals("macs,-par") == ["macs,-params"]
    assert completion.totals("-peak") == ["-peak_activation_bytes"]


def test_a_file_that_cannot_be_made_is_refused_before_the_work(
    calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "find_spec", lambda name: None)
    code, out, err = swept("-o", "a.parquet")
    assert (code, out, calls) == (2, "", [])
    assert err.endswith("that takes pyarrow, which is not installed: pip install 'convcalc[parquet]'")


# ---- progress ----------------------------------------------------------------------------------------------------


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock of the bar shows."""
    seconds = [0.0]
    monkeypatch.setattr("convcalc.cli.work.progress.time.perf_counter", lambda: seconds[0])
    return seconds


def test_a_long_run_says_how_far_it_is_on_a_terminal(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "120")
    with progress.points_done() as update:
        assert update is not None
        update(1_000, 10**7, 0)
        assert screen.getvalue() == ""
        clock[0] = 2.0
        update(2_469_000, 10**7, 3)
        time.sleep(0.15)
    text = screen.getvalue()
    assert "2.47 M of 10 M points" in text
    assert "1.23 M/s" in text
    assert "3 refused" in text
    assert "left" in text


def test_a_short_run_or_a_pipe_has_no_bar(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress.points_done() as update:
        assert update is not None
        update(5, 10, 0)
    assert screen.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress.points_done() as update:
        assert update is None


def test_a_mistake_in_the_middle_takes_the_bar_away(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)

    def run_and_fail() -> None:
        with progress.points_done() as update:
            assert update is not None
            clock[0] = 3.0
            update(5, 10, 0)
            raise SpecError([Source("--where", "macs").diagnostic("CC011", 0, 4, "no")])

    with pytest.raises(SpecError):
        run_and_fail()
    assert "5 of 10 points" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")  # the line is empty again
