"""Sweeps as a page and as a picture: the front, what the page says against the JSON, and how the two are linked.

What a front is, is said by a few lines that compare every point with every other.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import NewPage
from command_line import application
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

import convcalc
from convcalc.cli.work import progress, targets
from convcalc.sweeping.axes import Axis
from convcalc.sweeping.record import Sweep
from convcalc.views.pictures import sweep_record
from convcalc.views.pictures.charts.scatter import scatter
from convcalc.views.pictures.sweep_columns import column_of
from convcalc.views.pictures.sweep_rows import front_of, shown
from convcalc.views.sweep import html, svg
from convcalc.views.sweep.shared import Swept

if TYPE_CHECKING:
    from playwright.sync_api import Page

SPEC = """name: "<i>small</i> & 'co'"
input: [3, 24, 24]
variables: {width: 1, groups: 1}
layers:
  - conv: {name: stem, out_channels: width * 8, kernel_size: 3, groups: groups, bias: false}
  - conv: {name: body, out_channels: 12, kernel_size: 3, padding: 1}
"""
OVER = ("width=0.5:4:0.5", "input=12:24:2", "groups=1,5")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC, "utf-8")


def run(*arguments: str, over: Sequence[str] = OVER) -> tuple[int, str, str]:
    words = [word for text in over for word in ("--over", text)]
    result = CliRunner().invoke(application(), ["sweep", "net.yaml", *words, *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def swept(*, over: Sequence[str] = OVER, **options: Any) -> Swept:
    return Swept(convcalc.sweep("net.yaml", over=list(over), **options), "net.yaml")


def with_columns(columns: dict[str, Any], pareto: tuple[str, ...] = ()) -> Swept:
    """A sweep of a few points whose columns are others."""
    count = len(next(iter(columns.values())))
    sweep = replace(swept(over=["width=1"]).sweep, columns=columns, pareto=pareto, like=np.zeros(count, np.int64))
    return Swept(sweep, "net.yaml")


def brute_front(points: Sequence[tuple[Any, ...]], signs: Sequence[int]) -> set[tuple[Any, ...]]:
    """The places of points that no other beats, not where they stand: several may be at one place."""
    keys = [tuple(sign * number for sign, number in zip(signs, point, strict=True)) for point in points]
    return {
        point
        for point, key in zip(points, keys, strict=True)
        if not any(other != key and all(map(int.__le__, other, key)) for other in keys)
    }


# ---- the front ---------------------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 8) | st.integers(2**63, 2**63 + 4)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30)


@given(POINTS, st.sampled_from([("macs", "params"), ("-macs", "params"), ("macs", "-params"), ("-macs", "-params")]))
def test_the_front_is_that_of_brute_force(points: list[tuple[int, int]], pareto: tuple[str, str]) -> None:
    macs, params = (list(column) for column in zip(*points, strict=True))
    sweep = replace(SMALL, columns={"macs": macs, "params": params}, pareto=pareto, like=np.zeros(len(points)))
    members = [points[row] for row in front_of(sweep, "macs", "params")]
    assert set(members) == brute_front(points, [-1 if key[0] == "-" else 1 for key in pareto])
    assert len(set(members)) == len(members)
    view = shown(Swept(sweep, ""), 1_000)
    assert view is not None
    drawn = [points[view.rows[place]] for place in view.front]
    assert (set(drawn), drawn) == (set(members), sorted(drawn, key=lambda point: point[0]))


def _small() -> Sweep:
    source = convcalc.language.Source("net.yaml", SPEC)
    return convcalc.sweep(source, over=["width=1"])


SMALL = _small()


def test_of_many_rows_some_are_shown_and_all_of_the_front() -> None:
    made = swept(over=["width=0.5:20:0.5", "input=12:24:1"], pareto=())
    of_all = shown(made, 10_000)
    some = shown(made, 50)
    assert of_all is not None
    assert some is not None
    assert len(of_all.rows) == of_all.of_all == 40 * 13
    assert 25 <= len(some.rows) <= 50
    assert [some.rows[place] for place in some.front] == [of_all.rows[place] for place in of_all.front]
    assert "of 520 rows" in sweep_record.left_out(some)
    assert sweep_record.left_out(of_all) == ""
    assert len(scatter(some)["option"]["series"][0]["data"]) == len(some.rows)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("macs", "params")),
        ({"pareto": "-width,peak_activation_bytes,macs"}, ("width", "peak_activation_bytes")),
        ({"pareto": "macs / params,-input"}, ("input", "macs")),
        ({"over": ["input=12:24:2"]}, ("macs", "peak_activation_bytes")),
        ({"over": ["width=1"]}, ("macs", "params")),
        ({"over": ["variant=standard,separable"]}, ("macs", "params")),
    ],
)
def test_the_columns_are_those_asked_for_or_those_that_move(options: dict[str, Any], expected: tuple[str, str]) -> None:
    view = shown(swept(**options), 1_000)
    assert view is not None
    assert (view.x.name, view.y.name) == expected


def test_what_has_no_order_has_an_axis_of_words_and_no_front() -> None:
    made = swept(over=["input=3x12x12,3x16x12"])
    column = column_of(made, "input", [0, 1])
    assert (column.is_numeric, column.linear["data"]) == (False, ["3x12x12", "3x16x12"])
    assert column.logarithmic is None
    assert column_of(made, "output", [0, 1]).is_drawable is False
    view = shown(made, 10)
    assert view is not None
    option = scatter(replace(view, x=column, front=[]))
    assert [point["value"][0] for point in option["option"]["series"][0]["data"]] == [0, 1]
    assert "has no order, so there is no front" in option["text"]


def test_numbers_beyond_those_of_scripts_stay_exact() -> None:
    large = [2**60 + 1, 2**60, None, 2**2000]
    made = with_columns({"width": [Fraction(1, 3), Fraction(1, 2), 1, 2], "macs": large})
    record = column_of(made, "macs", range(4)).record()
    assert record["values"] == large
    assert record["ranks"] == [1, 0, None, 2]
    assert record["texts"][:2] == [f"{2**60 + 1:,}", f"{2**60:,}"]
    assert record["numbers"][3] == 1e308
    widths = column_of(made, "width", range(4)).record()
    assert widths["values"] == ["1 / 3", 0.5, 1, 2]
    assert widths["ranks"] == [0, 1, 2, 3]
    view = shown(made, 10)
    assert view is not None
    json.dumps(scatter(view), allow_nan=False)
    assert "1e+308" in json.dumps(scatter(view))


def parsed(text: str) -> ElementTree.Element:
    """A picture of our own, which is well-formed."""
    return ElementTree.fromstring(text)  # noqa: S314


# ---- the picture -------------------------------------------------------------------------------------------------


def test_a_picture_has_its_points_and_says_what_it_shows() -> None:
    code, out, err = run("--plot", "a.svg", "-o", "a.json", "--pareto", "macs,-params")
    assert (code, err) == (0, "")
    assert "row 1: " in out
    rows = json.loads(Path("a.json").read_text("utf-8"))["rows"]
    tree = parsed(Path("a.svg").read_text("utf-8"))
    space = "{http://www.w3.org/2000/svg}"
    assert tree.tag == f"{space}svg"
    text = tree.findtext(f"{space}desc") or ""
    assert f"{len(rows)} rows by MACs and params" in text
    assert "All rows are on the front of macs, -params." in text
    assert f"{min(row['totals']['macs'] for row in rows):,}" in text
    dots = [node for node in tree.iter() if node.get("ecmeta_series_index") == "0" and node.get("ecmeta_data_index")]
    assert len({node.get("ecmeta_data_index") for node in dots}) == len(rows)


def test_names_stay_texts_in_pictures_and_pages() -> None:
    axis = Axis("</title><script>x</script>", ("<b>", "]]>"))
    columns = {axis.name: list(axis.values), "macs": [1, 2], "params": [2, 1]}
    made = Swept(replace(SMALL, axes=(axis,), columns=columns, like=[0, 0], pareto=(axis.name, "macs")), "<x>&.yaml")
    text = written(svg, made)
    tree = parsed(text)
    assert "<script" not in text
    assert any("</title><script>" in (node.text or "") for node in tree.iter())
    page = written(html, made)
    assert page.count("</script>") == len(html.SCRIPTS) + len(html.OF_ROWS) + 2
    assert "<x>" not in page
    assert "&lt;x&gt;" in page


def written(writer: Any, made: Swept) -> str:
    """What a view writes."""
    import io

    from convcalc.views.output import Output

    kept = io.BytesIO()
    out = Output(io.TextIOWrapper(kept, "utf-8"))
    writer.write(made, out)
    out.end()
    return kept.getvalue().decode()


def test_a_picture_says_which_front_it_is() -> None:
    view = shown(swept(over=["width=1,2,4", "input=12,16"], pareto="macs,-width"), 10)
    assert view is not None
    macs = [column_of(view.swept, "macs", [row]).cells[0] for row in view.rows]
    assert scatter(view)["text"] == (
        "3 rows by MACs and width. The front for small MACs and large width has 3 rows, "
        f"from MACs {min(macs):,} with width 1 to MACs {max(macs):,} with width 4. "
        "All rows are on the front of macs, -width."
    )


@pytest.mark.parametrize(
    ("over", "options"),
    [
        (["width=1"], ()),
        (["input=12:24:2"], ()),
        (["input=3x12x12,3x16x12"], ()),
        (["variant=standard,separable"], ("--pareto", "macs,params")),
        (["width=1,2"], ("--device", "cortex-m7", "--pareto", "bound_ms")),
        (["width=10000000,20000000"], ("--batch", "1000000")),
    ],
)
def test_every_kind_of_sweep_can_be_drawn(over: list[str], options: tuple[str, ...]) -> None:
    code, out, err = run("--plot", "-", *options, over=over)
    assert (code, err) == (0, "")
    assert parsed(out).get("role") == "img"


def test_an_interrupted_sweep_is_drawn_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    partial = replace(swept().sweep, points=5_000_000)
    monkeypatch.setattr("convcalc.sweeping.run.sweep", lambda *_, **__: partial)
    code, _, err = run("--plot", "a.svg", "-o", "a.html")
    assert code == 130
    assert "interrupted after 112 of 5,000,000 points" in err
    assert "Partial: interrupted after 112 of 5,000,000 points" in Path("a.svg").read_text("utf-8")
    assert "partial: interrupted after 112 of 5,000,000 points" in Path("a.html").read_text("utf-8")


def test_files_are_written_whole_or_not_at_all() -> None:
    assert run("--plot", "a.svg")[0] == 0
    before = Path("a.svg").read_text("utf-8")
    code, out, err = run("--plot", "a.svg", "-o", "a.html")
    assert (code, out) == (2, "")
    assert "a.svg already exists; --force overwrites it" in err
    assert not Path("a.html").exists()
    assert run("--plot", "a.svg", "--force", "--top", "1")[0] == 0
    assert Path("a.svg").read_text("utf-8") != before
    code, out, err = run("--plot", "b.svg", "-o", "b.svg")
    assert (code, out) == (2, "")
    assert "-o and --plot name the same file" in err
    assert "-o and --plot name the same file" in run("--plot", "./b.svg", "-o", "b.svg")[2]
    code, out, err = run("--plot", "b.png")
    assert (code, out) == (2, "")
    assert "--plot writes SVG: expected a name that ends in .svg, or -, found b.png" in err
    assert run("--plot", "D.SVG", "-o", "D.HTML")[0] == 0
    code, _, err = run("--plot", "c.svg", "--where", "macs < 0")
    assert code == 2
    assert "cannot write c.svg: there is nothing to draw, as no point satisfies it" in err
    assert not Path("c.svg").exists()
    code, out, err = run("--plot", "-", "--where", "macs < 0")
    assert (code, out) == (2, "")
    assert "cannot write standard output: there is nothing to draw" in err


@pytest.mark.parametrize(("option", "name"), [("--plot", "quickjs-ng"), ("-o", "Jinja2")])
def test_what_is_not_installed_is_told_before_the_work(option: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "find_spec", lambda _: None)
    monkeypatch.setattr("convcalc.sweeping.run.sweep", lambda *_, **__: pytest.fail("it was worked out"))
    code, out, err = run(option, "a.svg" if option == "--plot" else "a.html")
    assert (code, out) == (2, "")
    assert f"that takes {name}, which is not installed: pip install 'convcalc[report]'" in err


def test_a_page_of_no_rows_says_why() -> None:
    assert run("-o", "a.html", "--where", "macs < 0")[0] == 0
    text = Path("a.html").read_text("utf-8")
    assert "no point satisfies it" in text
    assert "echarts" not in text


def test_long_work_has_a_spinner_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "_LONG", 0)
    spinner = progress._Spinner("writing \x1ba.html")
    spinner.timer.join()
    spinner.stop()
    assert "writing \\x1ba.html" in screen.getvalue()
    monkeypatch.setattr(screen, "isatty", lambda: False)
    before = screen.getvalue()
    with progress.working("writing b.html"):
        pass
    assert screen.getvalue() == before


# ---- in a browser ------------------------------------------------------------------------------------------------


def opened(page: Page, *arguments: str, over: Sequence[str] = OVER) -> list[dict[str, Any]]:
    """The page of a sweep in a browser, and the rows that the JSON has of the same."""
    code, out, err = run("-o", "a.html", "--format", "json", "--force", *arguments, over=over)
    assert (code, err) == (0, "")
    page.goto(Path("a.html").resolve().as_uri())
    assert page.evaluate("document.documentElement.dataset.ready") == "true"
    rows: list[dict[str, Any]] = json.loads(out)["rows"]
    return rows


def cells(page: Page) -> list[list[str]]:
    """The texts of the rows that are shown."""
    texts: list[list[str]] = page.evaluate(
        "[...document.querySelectorAll('tr[data-row]')].map((line) => [...line.cells].map((cell) => cell.textContent))"
    )
    return texts


def number(text: str) -> int | float:
    plain = text.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def test_the_page_has_the_numbers_of_the_json(page: Page) -> None:
    rows = opened(page, "--where", "receptive_field > 0", "--device", "cortex-m7")
    assert len(rows) == 56
    for place, (row, texts) in enumerate(zip(rows, cells(page), strict=True)):
        assert texts[0] == str(place + 1)
        values = {**row["point"], **row["totals"]}
        numbers = [number(text) for text, name in zip(texts[1:], values, strict=True) if name != "output"]
        assert numbers == [value for name, value in values.items() if name != "output"]
        assert "x".join(map(str, row["totals"]["output"])) in texts
    assert page.inner_text("#totals").split() == ["points", "112", "satisfy", "56", "refused", "56"]
    refusals = page.inner_text("#refusals tbody").split("\t")
    assert refusals[1:] == ["56", "width=0.5, input=12, groups=5"]
    assert page.inner_text("#again").startswith("convcalc analyze net.yaml --set width=0.5 --input 3x12x12")
    assert page.inner_text("h1") == "<i>small</i> & 'co'"


def test_the_front_of_any_two_columns_is_that_of_brute_force(page: Page) -> None:
    rows = opened(page)
    names = [*rows[0]["point"], *rows[0]["totals"]]
    values = [{**row["point"], **row["totals"]} for row in rows]
    for first, second in (("macs", "width"), ("input", "params"), ("peak_activation_bytes", "macs")):
        for more in ((False, False), (False, True), (True, False), (True, True)):
            asked = [names.index(first), names.index(second), *more]
            front = page.evaluate("(asked) => convcalc.states[0].sweep.front(...asked)", asked)
            members = [(values[row][first], values[row][second]) for row in front]
            points = [(Fraction(str(row[first])), Fraction(str(row[second]))) for row in values]
            signs = [-1 if side else 1 for side in more]
            keys = {tuple(sign * part for sign, part in zip(signs, point, strict=True)) for point in points}
            best = {key for key in keys if not any(a <= key[0] and b <= key[1] and (a, b) != key for a, b in keys)}
            assert {(Fraction(str(x)) * signs[0], Fraction(str(y)) * signs[1]) for x, y in members} == best
            assert members == sorted(members, key=lambda member: member[0])
            assert len(members) == len(best)


def test_a_click_on_a_point_selects_its_row(page: Page) -> None:
    rows = opened(page)
    place = page.evaluate(
        "(() => { const dot = [...document.querySelectorAll('.picture path[ecmeta_data_index], .picture path')]"
        ".map((path) => path.getBoundingClientRect()).filter((box) => Math.abs(box.width - 7) < 1.5 && "
        "Math.abs(box.height - 7) < 1.5).sort((left, right) => right.x - left.x)[0]; "
        "return [dot.x + dot.width / 2, dot.y + dot.height / 2]; })()"
    )
    page.mouse.click(*place)
    row = page.evaluate("convcalc.states[0].selected")
    assert rows[row]["totals"]["macs"] == max(row["totals"]["macs"] for row in rows)
    line = page.locator("tr[aria-selected=true]")
    assert line.get_attribute("data-row") == str(row)
    box, frame = line.bounding_box(), page.locator(".rows").bounding_box()
    assert box is not None
    assert frame is not None
    assert frame["y"] <= box["y"] <= frame["y"] + frame["height"] - box["height"] / 2
    assert f"{rows[row]['totals']['macs']:,}" in page.inner_text("[data-sweep=row]")
    ring = page.locator(".ring").bounding_box()
    assert ring is not None
    assert abs(ring["x"] + ring["width"] / 2 - place[0]) <= 1.5
    assert abs(ring["y"] + ring["height"] / 2 - place[1]) <= 1.5


def test_a_row_is_chosen_by_click_and_key_and_marks_its_point(page: Page) -> None:
    opened(page)
    assert page.locator(".ring").is_hidden()
    page.click("tr[data-row='3']")
    assert page.locator(".ring").is_visible()
    assert page.inner_text("[data-sweep=row] .heading") == "Row 4"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("[convcalc.states[0].selected, document.activeElement.dataset.row]") == [4, "4"]
    page.keyboard.press("End")
    assert page.evaluate("convcalc.states[0].selected") == 55
    page.keyboard.press("Escape")
    assert page.evaluate("convcalc.states[0].selected") is None
    page.focus(".picture")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("convcalc.states[0].front.includes(convcalc.states[0].selected)")
    first = page.evaluate("convcalc.states[0].selected")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("convcalc.states[0].selected") != first


def test_rows_are_sorted_and_searched(page: Page) -> None:
    rows = opened(page)
    place = ["row", *rows[0]["point"], *rows[0]["totals"]].index("macs")
    macs = [row["totals"]["macs"] for row in rows]
    header = page.locator(".rows thead th").nth(place)
    for order in (sorted(macs, reverse=True), sorted(macs), macs):
        header.locator("button").click()
        assert [number(texts[place]) for texts in cells(page)] == order
    assert header.get_attribute("aria-sort") is None
    page.fill("#search", "0.5 24")
    expected = [row for row in rows if row["point"] == {"width": 0.5, "input": 24, "groups": 1}]
    matches = [texts for texts in cells(page) if texts[1:3] == ["0.5", "24"]]
    assert len(matches) == len(expected) == 1
    page.fill("#search", "nothing of it")
    assert page.inner_text("#shown") == "0 of 56 rows"
    page.press("#search", "Escape")
    assert page.inner_text("#shown") == "56 rows"


def test_other_columns_can_be_drawn(page: Page) -> None:
    rows = opened(page)
    page.select_option("#x-column", label="width")
    assert page.input_value("#x-better") == "more"
    page.select_option("#y-column", label="MACs")
    about = page.inner_text("#about")
    best: dict[float, int] = {}
    for row in rows:
        width, macs = row["point"]["width"], row["totals"]["macs"]
        best[width] = min(macs, best.get(width, macs))
    front = [width for width in best if not any(other > width and best[other] <= best[width] for other in best)]
    assert f"The front for large width and small MACs has {len(front)} rows" in about
    assert f"from width 0.5 with MACs {best[0.5]:,} to width 4 with MACs {best[4]:,}" in about
    page.select_option("#x-better", "less")
    assert "The front for small width and small MACs has 1 row: " in page.inner_text("#about")
    page.check("#x-log")
    assert page.evaluate("convcalc.states[0].axes.x.log") is True
    assert page.locator(".picture svg").count() == 1


def test_the_address_names_what_is_chosen(page: Page) -> None:
    opened(page)
    page.click("tr[data-row='3']")
    page.select_option("#x-column", label="width")
    assert page.evaluate("location.hash") == "#row=4&x=width"
    address = page.evaluate("location.href")
    page.goto("about:blank")
    page.goto(address)
    assert page.evaluate("convcalc.states[0].selected") == 3
    assert page.evaluate("document.querySelector('#x-column').selectedOptions[0].textContent") == "width"
    for unknown in ("#row=99999&x=nothing", "#%", "#row=1.5&y=output"):
        page.goto("about:blank")
        page.goto(address.partition("#")[0] + unknown)
        assert page.evaluate("convcalc.states[0].selected") is None
        assert page.evaluate("document.querySelector('#x-column').selectedOptions[0].textContent") == "MACs"


def test_it_prints_to_two_pages(page: Page) -> None:
    opened(page)
    assert page.locator(".printed").is_hidden()
    for size in ("A4", "Letter"):
        assert len(re.findall(rb"/Type /Page\b", page.pdf(format=size))) == 2
    page.emulate_media(media="print")
    assert page.locator(".axes, #search").first.is_hidden()
    assert page.locator(".printed").is_visible()
    assert page.inner_text(".printed") == "The first 40 of 56 rows."
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("tr[data-row]").count() == 40
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("tr[data-row]").count() == 56


def test_who_does_not_see_the_page_is_told_what_is_there(page: Page) -> None:
    rows = opened(page)
    page.click("tr[data-row='3']")
    grid = page.get_by_role("grid", name="the rows of the sweep")
    assert grid.get_attribute("aria-rowcount") == str(len(rows) + 1)
    assert grid.get_by_role("row", selected=True).get_attribute("aria-rowindex") == "5"
    assert page.get_by_role("combobox", name="across", exact=True).count() == 1
    assert page.get_by_role("combobox", name="which side is better up").count() == 1
    picture = page.get_by_role("application")
    assert picture.get_attribute("aria-label") == page.inner_text("#about")
    page.get_by_role("columnheader", name="MACs").get_by_role("button").click()
    assert page.get_by_role("columnheader", name="MACs").get_attribute("aria-sort") == "descending"


def test_in_the_dark_the_picture_has_the_colours_of_the_page(new_page: NewPage) -> None:
    drawn = {}
    for scheme in ("light", "dark"):
        page = new_page(color_scheme=scheme, viewport={"width": 375, "height": 700})
        opened(page)
        drawn[scheme] = page.evaluate("document.querySelector('.picture svg').outerHTML")
        colours = page.evaluate("convcalc.colours()")
        assert colours["accent"] in drawn[scheme]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert drawn["light"] != drawn["dark"]


def test_a_large_sweep_makes_the_rows_in_sight_alone(page: Page) -> None:
    over = ["width=0.5:400:0.125", "input=12,24"]
    code, _, _ = run("-o", "a.html", over=over)
    assert code == 0
    page.goto(Path("a.html").resolve().as_uri())
    of_all = page.evaluate("convcalc.states[0].sweep.count")
    assert of_all == 2 * 3197
    assert page.locator("tr[data-row]").count() < 200
    page.evaluate(f"convcalc.states[0].select({of_all - 1})")
    page.wait_for_function(f"document.querySelector('tr[data-row=\"{of_all - 1}\"][aria-selected=true]')")
    assert page.locator("tr[data-row]").count() < 200
    assert page.evaluate("document.querySelectorAll('.picture path').length") < 500
    box = page.locator(".picture").bounding_box()
    assert box is not None


def test_hostile_names_are_texts_on_the_page(page: Page) -> None:
    axis = Axis("</script><img src=x onerror=alert(1)>", ("<b>", "]]>"))
    columns = {axis.name: list(axis.values), "macs": [1, 2], "params": [2**70, 1]}
    sweep = replace(SMALL, axes=(axis,), columns=columns, like=np.zeros(2), pareto=("macs", axis.name))
    Path("a.html").write_text(written(html, Swept(sweep, "net.yaml")), "utf-8")
    page.goto(Path("a.html").resolve().as_uri())
    assert page.locator("img, tr[data-row] b").count() == 0
    assert page.locator(".rows thead th").nth(1).inner_text() == axis.name
    assert [texts[3] for texts in cells(page)] == [f"{2**70:,}", "1"]
    assert re.search("has no order", page.inner_text("#about"))
    page.click("tr[data-row='0']")
    assert axis.name in page.inner_text("[data-sweep=row]")
