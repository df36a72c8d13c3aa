"""What records show of themselves: a line, a page, a dict and a data frame, each beside what commands print."""

from __future__ import annotations

import csv
import io
import json
import math
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from fractions import Fraction
from functools import cache, partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from printed import run

import convcalc
from convcalc import frames
from convcalc.presenting import Presented, Printed
from convcalc.views.notebook import markup

ROOT = Path(__file__).parent.parent
HOSTILE = "</td><script>alert(1)</script>&amp;<b onload='x'>\"\u202e\x1b[31m\n" + "long" * 200
SPEC = """\
name: {name}
input: [3, 12, 12]
blocks:
  pair: {{layers: [conv: {{out_channels: 8, kernel_size: 3, padding: same}}, relu]}}
layers:
  - conv: {{name: stem, out_channels: 8, kernel_size: 3, stride: 2}}
  - pair: {{repeat: 3}}
  - global_avg_pool
  - linear: 10
"""
NETS = ("zoo:resnet50", "zoo:unet", "zoo:mobilenet_v2@width=0.5,input=3x96x96", "specs/zoo/resnet50.yaml")
SMALL = "net.yaml"
IMAGES: dict[Any, Any] = {(3, size, size): np.linspace(0, 1, 3 * size**2).reshape(3, size, size) for size in (12, 224)}
"""An image for each shape of inputs."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small network, one with a hostile name, and the specs of the project."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / SMALL).write_text(SPEC.format(name="small"), "utf-8")
    (tmp_path / "hostile.yaml").write_text(SPEC.format(name=json.dumps(HOSTILE)), "utf-8")
    (tmp_path / "specs").symlink_to(ROOT / "specs", target_is_directory=True)
    return tmp_path


def records(file: str) -> dict[str, Any]:
    network = convcalc.load(file)
    other = convcalc.load("zoo:resnet18")
    return {
        "network": network,
        "report": convcalc.analyze(network),
        "on a device": convcalc.analyze(network, device="t4", fused=True),
        "comparison": convcalc.compare(network, other, allow_input_change=True),
        "memory": convcalc.memory(network),
        "training": convcalc.training(network, optimizer="adam", checkpoint=["*"]),
        "saliency": convcalc.saliency(network, IMAGES[network.inputs[0].shape], seed=0),
        "sweep": convcalc.sweep(file, over={"input": [8, 10, 12]}, sort="macs"),
        "variants": convcalc.variants(network, "separable,ghost"),
        "lint": convcalc.lint(file),
        "verification": convcalc.verify(network),
    }


SHOWN = [*records("zoo:resnet18")]


@cache
def of_hostile() -> dict[str, Any]:
    return records("hostile.yaml")


@pytest.mark.parametrize("what", SHOWN)
def test_a_record_prints_as_a_line(what: str) -> None:
    for found_in in (of_hostile(), records(SMALL)):
        record = found_in[what]
        text = repr(record)
        assert len(text) < 500
        assert text.isprintable()
        assert text.startswith(f"<{type(record).__name__} ")
        assert str(record) == text == f"{record}"


def test_a_line_says_the_totals() -> None:
    totals = json.loads(run("analyze", "zoo:resnet50", "--format", "json"))["totals"]
    network = convcalc.load("zoo:resnet50")
    for record in (network, convcalc.analyze(network), convcalc.compare(network, network), convcalc.verify(network)):
        text = repr(record)
        assert "resnet50" in text
        assert f"{totals['params']:,}" in text
        assert f"{totals['macs']:,}" in text


def test_all_that_users_get_prints_as_a_line() -> None:
    network = convcalc.load("zoo:resnet50")
    for name in (None, "stem", "layer1"):
        assert len(repr(convcalc.explain(network, name))) < 500
    for record in (*convcalc.counts(network), *convcalc.zoo(), *convcalc.lint("zoo:resnet50").files):
        assert len(repr(record)) < 500
    sides = convcalc.variants(network, "separable,ghost")
    assert len(repr(sides.candidates[0])) < 500
    assert f"{sides.candidates[0].report.totals.macs:,}" in repr(sides)  # type: ignore[union-attr]


def test_what_a_record_shows_changes_nothing_of_what_it_is() -> None:
    network = convcalc.load(SMALL)
    report = convcalc.analyze(network)
    assert report == convcalc.analyze(network)
    assert replace(network, name="other") != network
    assert hash(convcalc.memory(network).peak) == hash(convcalc.memory(convcalc.load(SMALL)).peak)
    assert not hasattr(report, "__dict__")
    sweep = convcalc.sweep(SMALL, over={"input": [8]})
    assert repr(pickle.loads(pickle.dumps(sweep))) == repr(sweep)  # noqa: S301  # ours
    assert issubclass(type(report), Presented)
    assert issubclass(Presented, Printed)


def test_rich_prints_the_line_too() -> None:
    from rich.pretty import pretty_repr

    report = convcalc.analyze(convcalc.load("zoo:resnet50"))
    assert pretty_repr(report, max_width=1000) == repr(report)


def test_views_are_imported_when_something_is_shown() -> None:
    code = (
        "import sys, convcalc; report = convcalc.analyze(convcalc.load('zoo:resnet50'));"
        "print([name for name in sys.modules if 'notebook' in name or 'importlib.metadata' in name]);"
        "repr(report); print([name for name in sys.modules if name == 'convcalc.views.notebook.report'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['convcalc.views.notebook.report']"]


# ---- the document ------------------------------------------------------------------------------------------------


def same(record: Any, *command: str, drop: str = "") -> None:
    document = json.loads(run(*command, "--format", "json"))
    own = record.to_dict()
    if drop:
        del document[drop], own[drop]
    assert own == document
    assert json.loads(json.dumps(own)) == own


@pytest.mark.parametrize("net", NETS)
def test_the_document_is_that_of_the_command(net: str) -> None:
    network = convcalc.load(net)
    same(convcalc.analyze(network), "analyze", net)
    same(network, "analyze", net)
    same(convcalc.memory(network), "memory", net)
    trained = ("--training", "--batch", "4", "--optimizer", "adam", "--freeze", "stem*", "--checkpoint", "*")
    if any(node.name.startswith("stem") for node in network.layers):
        costs = convcalc.training(network, batch=4, optimizer="adam", freeze=["stem*"], checkpoint=["*"])
        same(costs, "analyze", net, *trained)
    options = ("--batch", "4", "--dtype", "int8", "--device", "t4")
    same(convcalc.analyze(network, batch=4, dtype="int8", device="t4"), "analyze", net, *options)
    same(convcalc.analyze(network, fused=True), "analyze", net, "--fused")


def test_the_document_of_two_is_that_of_the_command() -> None:
    before, after = map(convcalc.load, ("zoo:resnet18", "zoo:resnet50"))
    same(convcalc.compare(before, after), "compare", "zoo:resnet18", "zoo:resnet50")
    same(convcalc.variants(before, "separable,ghost"), "compare", "zoo:resnet18", "--variant", "separable,ghost")


def test_the_document_of_what_was_run_is_that_of_the_command() -> None:
    for net in (SMALL, "zoo:alexnet"):
        same(convcalc.verify(convcalc.load(net)), "verify", net)


def test_the_document_of_a_sweep_is_that_of_the_command() -> None:
    over = ["width=0.35,0.5,0.75", "input=96,128,3x64x96"]
    sweep = convcalc.sweep("zoo:mobilenet_v2", over=over, where="macs <= 100M", pareto="macs,-params")
    arguments = [word for text in over for word in ("--over", text)]
    asked = ("--where", "macs <= 100M", "--pareto", "macs,-params")
    same(sweep, "sweep", "zoo:mobilenet_v2", *arguments, *asked, drop="seconds")


def test_the_document_of_findings_is_that_of_the_command() -> None:
    same(convcalc.lint("zoo:resnet50"), "lint", "zoo:resnet50")


def test_a_model_file_is_named_as_it_was() -> None:
    path = next(iter(sorted((ROOT / "tests/data/formats").rglob("*.cfg"))))
    shutil.copy(path, "model.cfg")
    same(convcalc.analyze(convcalc.load("model.cfg")), "analyze", "model.cfg")


# ---- the page ----------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tables as rows of texts, what stands below them, and whether every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.tables: list[list[list[str]]] = []
        self.below = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {*attrs}
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif "p" in self.open:
            self.below += data


@pytest.mark.parametrize("what", SHOWN)
def test_a_page_is_a_table_without_scripts_and_colours(what: str) -> None:
    text = of_hostile()[what]._repr_html_()
    page = Page(text)
    pictures = {"img"} if what == "saliency" else set()
    assert page.tags - pictures <= {
        *("div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p", "b", "small", "br"),
    }
    names = {name for name, _ in page.attributes}
    assert names - ({"src", "alt"} if pictures else set()) <= {"style", "scope", "colspan"}
    sources = [value or "" for name, value in page.attributes if name == "src"]
    assert [source.partition(",")[0] for source in sources] == ["data:image/png;base64"] * len(pictures)
    styles = {part.strip() for name, value in page.attributes if name == "style" for part in (value or "").split(";")}
    assert {style for style in styles if "color" in style or "background" in style} == {"color:inherit"}
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text) < 30_000


def test_the_lines_of_a_page_add_up_to_the_document() -> None:
    document = json.loads(run("analyze", "zoo:resnet50", "--format", "json"))
    page = Page(convcalc.load("zoo:resnet50")._repr_html_())
    [[header, *rows]] = page.tables
    places = {name: header.index(name) for name in ("layer", "params", "MACs")}
    for row in rows:
        name = row[places["layer"]].partition(" ")[0]
        layers = [layer for layer in document["layers"] if layer["name"].partition(".")[0] == name]
        for column, total in (("params", "params"), ("MACs", "macs")):
            assert row[places[column]] == f"{sum(layer[total] for layer in layers):,}", name
    assert len(rows) == len({layer["name"].partition(".")[0] for layer in document["layers"]}) == 10
    assert f"{document['totals']['macs']:,}" in page.below
    assert document["convention"]["macs"] in page.below


def test_the_lines_of_a_comparison_are_those_that_changed() -> None:
    document = json.loads(run("compare", "zoo:resnet18", "zoo:resnet50", "--format", "json"))
    change = convcalc.compare(convcalc.load("zoo:resnet18"), convcalc.load("zoo:resnet50"))
    totals, (header, *rows) = Page(change._repr_html_()).tables
    of_macs = next(row for row in totals if row[0] == "MACs")
    assert of_macs[1:3] == [f"{document['diff']['totals']['macs'][side]:,}" for side in ("base", "head")]
    changed = {(layer["head"] or layer["base"])["name"].partition(".")[0] for layer in document["diff"]["layers"]}
    assert {row[0] for row in rows} == changed
    place = header.index("MACs")
    signed = sum(int(row[place].replace(",", "") or 0) for row in rows)
    assert signed == document["diff"]["totals"]["macs"]["delta"]


def test_a_page_of_many_layers_shows_the_first_and_the_last(here: Path) -> None:
    count = 5_000
    layers = "".join(f"  - relu: {{name: r{number}}}\n" for number in range(count))
    (here / "deep.yaml").write_text(f"input: [1, 4, 4]\nlayers:\n{layers}", "utf-8")
    text = convcalc.load("deep.yaml")._repr_html_()
    [[_, *rows]] = Page(text).tables
    assert len(rows) == markup.MOST_ROWS + 1
    assert (rows[0][0], rows[-1][0]) == ("r0", f"r{count - 1}")
    assert rows[markup.MOST_ROWS // 2] == [f"… {count - markup.MOST_ROWS:,} more …"]


def test_a_hostile_name_is_text() -> None:
    page = Page(convcalc.load("hostile.yaml")._repr_html_())
    assert "script" not in page.tags
    text = of_hostile()["network"]._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize("background", ["white", "black"])
def test_a_browser_shows_it_in_the_colours_of_the_page(background: str) -> None:
    """And runs nothing: a page that would, has another title."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    colour = "black" if background == "white" else "white"
    body = "".join(record._repr_html_() for record in of_hostile().values())
    page_text = f"<!doctype html><body style='background:{background};color:{colour}'>{body}"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        dialogs: list[object] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog))  # noqa: PLW0108  # it marks what it is given
        page.set_content(page_text)
        colours = page.evaluate(
            "[...document.querySelectorAll('td, th, caption, p, b, small')].map(e => getComputedStyle(e).color)"
        )
        sides = page.evaluate(
            "[...document.querySelectorAll('td')].filter(e => /^[0-9,]+$/.test(e.textContent) && e.style.textAlign)"
            ".map(e => getComputedStyle(e).textAlign)"
        )
        assert page.evaluate("document.scripts.length") == 0
        browser.close()
    assert dialogs == []
    assert {*colours} == {"rgb(0, 0, 0)" if colour == "black" else "rgb(255, 255, 255)"}
    assert len(sides) > 50
    assert sides.count("left") < len(sides) / 4  # shapes of one size


# ---- the data frame ----------------------------------------------------------------------------------------------


def written(cell: Any) -> str:
    """A cell of a data frame as the CSV of a command has it."""
    kind = type(cell).__name__
    if cell is None or kind == "NAType" or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, list):
        return "x".join(map(size, cell))
    if kind in ("bool", "bool_"):
        return str(cell).lower()
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)


def size(number: float | None) -> str:
    return "" if number is None else str(Fraction(number))


def pandas_cells(record: Any) -> tuple[list[str], list[list[Any]]]:
    frame = record.to_dataframe()
    return list(frame.columns), [list(row) for row in frame.astype(object).itertuples(index=False)]


def polars_cells(record: Any) -> tuple[list[str], list[list[Any]]]:
    frame = record.to_dataframe()
    return list(frame.columns), [list(row) for row in frame.rows()]


@pytest.fixture(params=["pandas", "polars"])
def cells(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """What is in a data frame of either package: the names of columns, and rows."""
    pytest.importorskip(request.param)
    if request.param == "polars":
        monkeypatch.setattr(frames, "find_spec", lambda name: None if name == "pandas" else name)
        return polars_cells
    return pandas_cells


def of_csv(*command: str) -> tuple[list[str], list[list[str]]]:
    header, *rows = csv.reader(io.StringIO(run(*command, "--format", "csv")))
    return header, [[re.sub("^'(?=[-+=@])", "", cell) for cell in row] for row in rows]  # what keeps spreadsheets off


def report_of(net: str) -> convcalc.Report:
    return convcalc.analyze(convcalc.load(net))


def frame_commands() -> Iterator[tuple[str, Callable[[], Any], tuple[str, ...]]]:
    for net in NETS:
        yield f"report {net}", partial(report_of, net), ("analyze", net, "--expand")
    yield (
        "on a device",
        lambda: convcalc.analyze(convcalc.load("zoo:resnet18"), device="t4", fused=True),
        ("analyze", "zoo:resnet18", "--expand", "--device", "t4", "--fused"),
    )
    yield (
        "comparison",
        lambda: convcalc.compare(convcalc.load("zoo:resnet18"), convcalc.load("zoo:resnet50")),
        ("compare", "zoo:resnet18", "zoo:resnet50"),
    )
    yield "memory", lambda: convcalc.memory(convcalc.load("zoo:unet")), ("memory", "zoo:unet")
    yield (
        "training",
        lambda: convcalc.training(convcalc.load("zoo:unet"), batch=2),
        ("analyze", "zoo:unet", "--training", "--batch", "2", "--expand"),
    )
    yield (
        "variants",
        lambda: convcalc.variants(convcalc.load("zoo:resnet18"), "separable,ghost,grouped:groups=3"),
        ("compare", "zoo:resnet18", "--variant", "separable,ghost,grouped:groups=3"),
    )


FRAMES = {name: (record, command) for name, record, command in frame_commands()}


@pytest.mark.parametrize("name", FRAMES)
def test_a_data_frame_has_the_cells_of_the_csv(name: str, cells: Callable[[Any], Any]) -> None:
    record, command = FRAMES[name]
    header, rows = cells(record())
    assert header == of_csv(*command)[0]
    assert [[written(cell) for cell in row] for row in rows] == of_csv(*command)[1]
    assert rows


def test_a_data_frame_of_what_was_run_has_the_numbers_of_the_document(cells: Callable[[Any], Any]) -> None:
    document = json.loads(run("verify", SMALL, "--format", "json"))
    header, rows = cells(convcalc.verify(convcalc.load(SMALL)))
    assert len(rows) == len(document["layers"])
    for row, layer in zip(rows, document["layers"], strict=True):
        by_name = dict(zip(header, row, strict=True))
        assert (by_name["name"], by_name["agrees"]) == (layer["name"], layer["agrees"])
        for figure in ("output_shape", "params", "buffers", "macs", "elementwise_ops"):
            assert [by_name[f"{figure}_{what}"] for what in ("claimed", "measured", "agrees")] == [
                layer[figure][what] for what in ("claimed", "measured", "agrees")
            ]
        assert by_name["field_agrees"] == layer["receptive_field"]["agrees"]


def test_a_data_frame_of_findings_has_those_of_the_document(cells: Callable[[Any], Any]) -> None:
    document = json.loads(run("lint", "zoo:resnet50", "--format", "json"))
    header, rows = cells(convcalc.lint("zoo:resnet50"))
    assert [dict(zip(header, row, strict=True)) for row in rows] == [
        {name: ("" if value is None else value) for name, value in finding.items() if name in header}
        for finding in document["findings"]
    ]


NUMBERS = st.integers(-(2**70), 2**70) | st.integers(-5, 5)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS | st.none(), st.lists(st.integers(0, 9), max_size=3).map(tuple) | st.none()))
)
def test_integers_of_any_size_stay_exact(rows: list[Any]) -> None:
    pytest.importorskip("pandas")
    forms = {"whole": frames.Form.WHOLE, "some": frames.Form.WHOLE, "sizes": frames.Form.SIZES}
    columns = frames.typed(forms, rows)
    frame = frames.dataframe(columns)
    other = frames._in_polars(columns)
    for place, row in enumerate(rows):
        for name, value in zip(forms, row, strict=True):
            for cell in (frame[name].iloc[place], other[name].to_list()[place]):
                if value is None:
                    assert cell is None or type(cell).__name__ == "NAType"
                elif isinstance(value, tuple):
                    assert [*cell] == [*value]
                else:
                    assert int(cell) == value
    assert len(frame) == len(rows)


def test_without_either_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install pandas"):
        convcalc.analyze(convcalc.load(SMALL)).to_dataframe()


def test_a_record_from_no_file_has_no_path() -> None:
    report = convcalc.analyze(replace(convcalc.load(SMALL), origin=None))
    assert report.to_dict()["spec"] == ""
    with chdir(ROOT):
        assert convcalc.analyze(convcalc.load("specs/zoo/resnet50.yaml")).to_dict()["spec"] == "specs/zoo/resnet50.yaml"
