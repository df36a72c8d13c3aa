"""Scripts in the engine of our own: what they give is what Chromium's gives, what it means, and where it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree as ET

import pytest
from browser import NewPage
from hypothesis import given, settings
from hypothesis import strategies as st

from convcalc import visible
from convcalc.extras import NotInstalled
from convcalc.views.pictures import engine
from convcalc.views.pictures.engine import ScriptEngine, ScriptFailed

GRAPH = """
var trial = {
  layout: (direction, sizes, edges) => {
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: direction, nodesep: 7, edgesep: 3, ranksep: 11 });
    graph.setDefaultEdgeLabel(() => ({}));
    sizes.forEach(([width, height], index) => graph.setNode(String(index), { width, height }));
    edges.forEach(([from, to], index) => graph.setEdge(String(from), String(to), {}, String(index)));
    dagre.layout(graph);
    return {
      nodes: sizes.map((_, index) => graph.node(String(index))),
      edges: edges.map(([from, to], index) => graph.edge(String(from), String(to), String(index)).points),
    };
  },
};
"""
CHART = """
var trial = {
  draw: (option, width, height) => {
    echarts.setPlatformAPI({ measureText: (text) => ({ width: 7 * text.length }) });
    const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
    chart.setOption({ animation: false, ...option });
    const text = chart.renderToSVGString();
    chart.dispose();
    return text;
  },
};
"""
FAULTS = """
var trial = {
  endless: () => { for (;;); },
  stubborn: () => { try { for (;;); } catch { return 1; } },
  greedy: () => { const kept = []; for (;;) kept.push(new Array(1000).fill(1)); },
  long: () => 'a'.repeat(2 ** 29),
  deep: () => trial.deep() + 1,
  chain: (length) => { const next = (left) => (left ? 1 + next(left - 1) : 0); return next(length); },
  thrown: (value) => { throw value; },
  error: () => { throw new RangeError('no node "x"'); },
  echo: (value) => value,
  nothing: () => {},
  big: () => 10n,
  later: () => setTimeout(() => { throw new Error('never'); }, 0),
  count: () => (trial.counted = (trial.counted || 0) + 1),
  clone: (value) => structuredClone(value),
  word: 'x',
};
"""


def engine_of(text: str, *libraries: str, **limits: Any) -> ScriptEngine:
    """An engine with a script that does not ship."""
    shipped = engine.script
    with mock.patch.object(engine, "script", lambda name: text if name == "trial" else shipped(name)):
        return ScriptEngine([*libraries, "trial"], **limits)


@cache
def graphs() -> ScriptEngine:
    return engine_of(GRAPH, "dagre")


@cache
def faults() -> ScriptEngine:
    return engine_of(FAULTS, seconds=0.3, mebibytes=64)


Drawn = tuple[str, list[list[int]], list[list[int]]]


@st.composite
def drawn_graphs(draw: st.DrawFn) -> Drawn:
    """A direction, sizes of nodes, and edges from earlier to later ones, some more than once."""
    count = draw(st.integers(1, 14))
    sizes = draw(st.lists(st.lists(st.integers(1, 90), min_size=2, max_size=2), min_size=count, max_size=count))
    pairs = st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True).map(sorted)
    edges = draw(st.lists(pairs, max_size=2 * count)) if count > 1 else []
    return draw(st.sampled_from(["TB", "LR"])), sizes, edges


CLOSE = 1e-6


@given(drawn_graphs())
def test_nodes_of_a_layout_stand_apart(drawn: Drawn) -> None:
    nodes = graphs().call("trial.layout", *drawn)["nodes"]
    for index, node in enumerate(nodes):
        assert [node["width"], node["height"]] == drawn[1][index]
        for other in nodes[:index]:
            across = abs(node["x"] - other["x"]) - (node["width"] + other["width"]) / 2
            down = abs(node["y"] - other["y"]) - (node["height"] + other["height"]) / 2
            assert max(across, down) > -CLOSE


@given(drawn_graphs())
def test_edges_of_a_layout_lead_on_from_border_to_border(drawn: Drawn) -> None:
    direction, _, edges = drawn
    result = graphs().call("trial.layout", *drawn)
    axis = "y" if direction == "TB" else "x"
    assert len(result["edges"]) == len(edges)
    for (source, target), points in zip(edges, result["edges"], strict=True):
        ends = [result["nodes"][source], result["nodes"][target]]
        assert ends[0][axis] < ends[1][axis]
        for node, point in zip(ends, (points[0], points[-1]), strict=True):
            across = abs(point["x"] - node["x"]) - node["width"] / 2
            down = abs(point["y"] - node["y"]) - node["height"] / 2
            assert max(across, down) == pytest.approx(0, abs=CLOSE)


def test_a_layout_follows_a_long_chain() -> None:
    """Deeper than an ordinary thread's stack lets the interpreter go, and from any thread."""
    count = 2000
    edges = [[index, index + 1] for index in range(count - 1)]
    results: list[Any] = []
    arguments = ("TB", [[10, 10]] * count, edges)
    thread = threading.Thread(target=lambda: results.append(graphs().call("trial.layout", *arguments)))
    thread.start()
    thread.join()
    places = [node["y"] for node in results[0]["nodes"]]
    assert places == [5 + 21 * index for index in range(count)]


OPTION: dict[str, Any] = {
    "xAxis": {"type": "log", "name": "intensity"},
    "yAxis": {"type": "log"},
    "legend": {},
    "tooltip": {},
    "aria": {"enabled": True},
    "dataZoom": [{"type": "inside"}],
    "series": [
        {
            "type": "line",
            "name": "roof",
            "data": [[0.1, 1], [7.3, 73], [900, 73]],
            "markLine": {"data": [{"xAxis": 7.3}], "label": {"formatter": "ridge"}},
            "markArea": {"data": [[{"xAxis": 0.1}, {"xAxis": 7.3}]]},
        },
        {
            "type": "scatter",
            "name": "layers",
            "data": [[0.5, 2], [33, 41.7]],
            "markPoint": {"data": [{"coord": [33, 41.7], "value": 41.7}]},
        },
    ],
}


@cache
def charts() -> ScriptEngine:
    return engine_of(CHART, "echarts")


def drawn_chart(option: object, width: int, height: int) -> ET.Element:
    return ET.fromstring(charts().call("trial.draw", option, width, height))  # noqa: S314 - it was written here


def test_a_chart_has_all_that_was_asked_for() -> None:
    tree = drawn_chart(OPTION, 640, 360)
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert (tree.get("width"), tree.get("height")) == ("640", "360")
    texts = {text.strip() for text in tree.itertext()}
    assert {"intensity", "roof", "layers", "ridge", "41.7", "100"} <= texts


@settings(max_examples=15)
@given(st.text(min_size=1, max_size=30), st.text(max_size=20))
def test_text_in_a_chart_stays_text(first: str, more: str) -> None:
    """Where it is made visible first, since a chart keeps characters that XML cannot hold."""
    names = [
        visible.visible(text) for text in (first + more, f"<script>{more}</script>", f"\"'&amp;]]>{more}", "{a|b}")
    ]
    series = [{"type": "line", "name": name, "data": [[1, 2], [2, 3]]} for name in dict.fromkeys(names)]
    option = {"xAxis": {}, "yAxis": {}, "legend": {"width": 9000}, "series": series, "aria": {"enabled": True}}
    tree = drawn_chart(option, 9000, 300)
    shown = {" ".join(text.split()) for text in tree.itertext()}
    assert {" ".join(name.split()) for name in names} - {""} <= shown
    drawn = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert drawn <= {"svg", "rect", "path", "text", "g", "style", "defs", "clipPath"}


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        ("trial.endless", (), "it took more than 0.3 seconds"),
        ("trial.stubborn", (), "it took more than 0.3 seconds"),
        ("trial.greedy", (), "it took more than 64 MiB of memory"),
        ("trial.long", (), "it took more than 64 MiB of memory"),
        ("trial.deep", (), "its functions call each other too deep"),
        ("trial.error", (), 'RangeError: no node "x" (in error < apply)'),
        ("trial.thrown", (None,), "Error: it threw null"),
        ("trial.thrown", ("words",), "Error: it threw words"),
        ("trial.big", (), "TypeError: BigInt are forbidden in JSON.stringify (in stringify)"),
        ("trial.none", (), "TypeError: there is no function trial.none"),
        ("trial.none.x", (), "TypeError: there is no function trial.none.x"),
        ("trial.word", (), "TypeError: there is no function trial.word"),
        ("nothing", (), "TypeError: there is no function nothing"),
    ],
)
def test_what_goes_wrong_has_its_reason_and_the_engine_goes_on(
    function: str, arguments: tuple[Any, ...], reason: str
) -> None:
    with pytest.raises(ScriptFailed) as raised:
        faults().call(function, *arguments)
    assert str(raised.value) == f"{function} failed: {reason}"
    assert faults().call("trial.echo", 1) == 1


def test_a_script_that_is_no_script_is_told_by_its_name() -> None:
    with pytest.raises(ScriptFailed, match=r"^trial\.js failed: SyntaxError"):
        engine_of("var = 1")
    with pytest.raises(FileNotFoundError, match=r"no script \.\./nothing\.js ships"):
        ScriptEngine(["../nothing"])


floats = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | floats | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_what_goes_in_comes_out(value: object) -> None:
    """Half characters and NUL too, at which the interpreter would end a text; an object's keys in any order."""
    assert faults().call("trial.echo", value) == json.loads(json.dumps(value))
    assert faults().call("trial.clone", value) == json.loads(json.dumps(value))


def test_whole_numbers_are_exact_as_far_as_doubles_are() -> None:
    numbers = [2**53 - 1, 2**53, 2**53 + 1, 2**60 + 1, -(2**63), 10**400 // 10**380]
    results = faults().call("trial.echo", numbers)
    assert results == [2**53 - 1, *map(float, numbers[1:])]
    assert [type(number) for number in results] == [int, int, int, float, float, float]


def test_what_json_has_no_word_for_is_refused_or_null() -> None:
    assert faults().call("trial.nothing") is None
    with pytest.raises(ValueError, match="JSON compliant"):
        faults().call("trial.echo", float("nan"))


def test_there_is_no_later() -> None:
    assert faults().call("trial.later") == 0
    assert faults().call("trial.echo", 2) == 2


def test_an_engine_keeps_what_it_is_given_and_another_has_nothing_of_it() -> None:
    first, second = engine_of(FAULTS), engine_of(FAULTS)
    assert [first.call("trial.count"), first.call("trial.count"), second.call("trial.count")] == [1, 2, 1]


def test_other_threads_have_the_stack_that_they_had() -> None:
    before = threading.stack_size()
    assert faults().call("trial.chain", 20_000) == 20_000
    assert threading.stack_size() == before


INTERRUPTED = """
import os, signal, threading
from unittest import mock
from convcalc.views.pictures import engine

text = "var trial = { endless: () => { for (;;); }, answer: () => 42 };"
shipped = engine.script
with mock.patch.object(engine, "script", lambda name: text if name == "trial" else shipped(name)):
    interpreter = engine.ScriptEngine(["trial"], seconds=5)
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    interpreter.call("trial.endless")
except KeyboardInterrupt:
    print("interrupted, and then", interpreter.call("trial.answer"))
"""


@pytest.mark.skipif(os.name != "posix", reason="sends itself a signal")
def test_an_interrupt_is_heard_and_the_next_call_waits() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=True)
    assert done.stdout == "interrupted, and then 42\n"


def test_calls_from_many_threads_wait_for_each_other() -> None:
    interpreter = engine_of(FAULTS)
    threads = [threading.Thread(target=interpreter.call, args=("trial.count",)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert interpreter.call("trial.count") == 51


def test_without_memory_for_a_stack_it_is_said() -> None:
    before = threading.stack_size()
    reason = r"^no script can run: there are no 128 MiB of memory for its stack$"
    refused = mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread"))
    started = faults()
    with refused, pytest.raises(ScriptFailed, match=reason):
        started.call("trial.echo", 1)
    assert threading.stack_size() == before


def test_without_the_interpreter_it_is_said_what_to_install() -> None:
    with mock.patch("convcalc.extras.find_spec", return_value=None), pytest.raises(NotInstalled) as raised:
        ScriptEngine([])
    assert "pip install 'convcalc[report]'" in str(raised.value)


@pytest.fixture
def in_chromium(new_page: NewPage, tmp_path: Path) -> Callable[..., Any]:
    """A function that calls what a script defines, in a page in which it stands behind the libraries."""

    def start(text: str, *libraries: str) -> Any:
        scripts = [*(engine.script(name) for name in libraries), text]
        elements = "".join(f"<script>{script}</script>" for script in scripts)
        (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8><title>a</title>{elements}", "utf-8")
        page = new_page()
        page.goto((tmp_path / "page.html").as_uri())

        def call(function: str, *arguments: object) -> Any:
            return json.loads(page.evaluate(f"(given) => JSON.stringify({function}(...given))", list(arguments)))

        return call

    return start


def test_layouts_are_those_of_a_browser_to_the_bit(in_chromium: Any) -> None:
    call = in_chromium(GRAPH, "dagre")

    @given(drawn_graphs())
    def same(drawn: Drawn) -> None:
        assert graphs().call("trial.layout", *drawn) == call("trial.layout", *drawn)

    same()


def test_charts_are_those_of_a_browser_to_the_letter(in_chromium: Any) -> None:
    """Where text is measured alike: a browser measures its font, and the engine has none."""
    assert engine_of(CHART, "echarts").call("trial.draw", OPTION, 640, 360) == in_chromium(CHART, "echarts")(
        "trial.draw", OPTION, 640, 360
    )
