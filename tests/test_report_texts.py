"""The graph of a network as text that others draw: a flowchart of Mermaid, and the language of Graphviz."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import NewPage
from command_line import application
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins
from msgspec.structs import replace
from typer.testing import CliRunner

import convcalc
from convcalc.analysis.outline import outline
from convcalc.analysis.report import Report
from convcalc.language import Source
from convcalc.language import loads as built
from convcalc.views import view
from convcalc.views.formats import dot as dot_text
from convcalc.views.formats import mermaid as mermaid_text
from convcalc.views.formats.json import readable
from convcalc.views.output import Output
from convcalc.views.pictures.engine import script
from convcalc.views.pictures.labels import cluster_label, edge_label, node_label
from convcalc.views.pictures.record import record
from convcalc.views.pictures.visible import VisibleGraph, seen
from convcalc.views.report.shared import Depicted, TooLargeToDraw
from convcalc.visible import visible

ROOT = Path(__file__).parent.parent
ZOO = ROOT / "specs" / "zoo"
MERMAID = os.environ.get("CONVCALC_MERMAID")
"""A file ``mermaid.min.js`` of the package mermaid, with whose help flowcharts are drawn as GitHub draws them."""

HOSTILE = [
    *("end", "click", 'click n0 callback "x"', "subgraph x", "style n0 fill:#f00", "n0:::cls", "graph TD;", "---"),
    *('a"b', "a]b[", "a|b", "a --> b", "{{{", "@{shape: x}", "a@b.c", "it's", "`a`", '"`**b**`"', "$$x^2$$"),
    *("#quot;", "#35;", "&lt;b&gt;", "&amp;", "&#60;", "a&b;", "<b>x</b>", "<script>alert(1)</script>", "<br/>"),
    *("<img src=x onerror=alert(1)>", '%%{init: {"theme": "dark"}}%%', "%% comment", "fa:fa-car", "javascript:0"),
    *("1. list", "2) list", "- list", "+ list", "* x *", "# head", "_x_ __y__", "~~x~~", "https://x.invalid/a"),
    *("line\nbreak", "\u202eevil", "\\", '\\"', "\\n", "\\N", "\\G \\L", "a\tb", "\x1b[31m", "ﬂ°°35¶ß", "ﬂ°35¶ß"),
    *("<b>a</b>", "digraph", "node", "strict", "//", "/* a */", "日本 ünï", "a  b", " a ", "", "x" * 300),
]
"""Names with which text breaks out of a label, or becomes something else in it; a model may have any."""


def hostile() -> Report:
    """A chain of blocks and layers with such names, the first half of them in a block."""
    items = "\n".join(f"      - relu: {{name: l{place}}}" for place in range(len(HOSTILE)))
    layers = "  - b: {name: x}\n  - conv: {out_channels: 2, kernel_size: 1}\n"
    spec = f"input: [4, 8, 8]\nblocks:\n  b:\n    layers:\n{items}\nlayers:\n{layers}"
    network = built(Source("net.yaml", spec))
    nodes = [replace(node, name=name) for node, name in zip(network.layers, [*HOSTILE, '"]'], strict=True)]
    group = replace(network.groups[0], name='<u>"]; end', kind="b&amp;\\N")
    changed = replace(network, name='"]\n<i>', nodes=(*network.inputs, *nodes), groups=(group,))
    return convcalc.analyze(changed)


def text_of(depicted: Depicted, form: str) -> str:
    """What a view writes."""
    kept = io.BytesIO()
    with io.TextIOWrapper(kept, "utf-8", newline="") as stream:
        out = Output(stream)
        view("report", form).write(depicted, out)
        out.end()
        stream.flush()
        return kept.getvalue().decode()


def graphs() -> dict[str, Depicted]:
    """Networks, with none, some and all of their parts open."""
    shown: dict[str, Depicted] = {}
    for name in ("resnet50", "unet", "densenet121"):
        report = convcalc.analyze(convcalc.load(ZOO / f"{name}.yaml"))
        count = len(outline(report.network))
        shown[f"{name} closed"] = Depicted(f"{name}.yaml", report)
        shown[f"{name} half"] = Depicted(f"{name}.yaml", report, tuple(range(0, count, 2)))
        if name != "densenet121":  # of which GitHub draws no more
            shown[f"{name} open"] = Depicted(f"{name}.yaml", report, tuple(range(count)))
    report = hostile()
    shown["hostile"] = Depicted('"net".yaml', report, (0, 1, 2))
    return shown


GRAPHS = graphs()
OF_EACH = pytest.mark.parametrize("depicted", GRAPHS.values(), ids=GRAPHS.keys())


class Drawn(msgspec.Struct):
    """What a picture shows: the lines of every node and cluster by id, and the edges with their label."""

    nodes: dict[str, list[str]]
    clusters: dict[str, list[str]]
    edges: list[tuple[str, str, str]]


def expected(depicted: Depicted) -> Drawn:
    """What a picture of a network has to show, with blanks as browsers show them."""
    network = record(depicted.report, depicted.path)
    graph = seen(network, depicted.open)
    return Drawn(
        {node.id: node_label(network, node) for node in graph.nodes},
        {cluster.id: [cluster_label(network, cluster.id)] for cluster in graph.clusters},
        sorted((edge.source, edge.target, edge_label(edge)) for edge in graph.edges),
    )


def single(texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """With blanks as browsers show them, and without the lines that are empty."""
    return {name: [" ".join(line.split()) for line in lines if line.strip()] for name, lines in texts.items()}


# ---- what is seen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet50", "unet", "googlenet", "densenet121", "swin_t"])
@settings(deadline=None, max_examples=20)
@given(draws=st.randoms(use_true_random=False))
def test_python_sees_what_the_scripts_see(name: str, draws: random.Random) -> None:
    network = known(name)
    parts = [place for place in range(len(network["parts"])) if draws.random() < 0.6]
    script = scripts()(json.dumps(readable(network)), json.dumps(parts))
    assert as_scripts_have_it(seen(network, parts)) == json.loads(script)


@cache
def known(name: str) -> dict[str, Any]:
    """The record of a published network."""
    return record(convcalc.analyze(convcalc.load(ZOO / f"{name}.yaml")), name)


@cache
def scripts() -> Any:
    """A function of the scripts that say what is seen: from texts of JSON to such a text."""
    quickjs = pytest.importorskip("quickjs", reason="the extra `report` is not installed")
    context = quickjs.Context()
    context.eval("\n".join(script(name) for name in ("state", "visible")) + "\n;0")
    return context.eval(
        "(network, parts) => JSON.stringify(convcalc.visible(JSON.parse(network), new Set(JSON.parse(parts))))"
    )


def as_scripts_have_it(graph: VisibleGraph) -> dict[str, Any]:
    nodes = [{"id": node.id, "parent": node.parent, "output": node.is_output} for node in graph.nodes]
    edges = [{"from": edge.source, "to": edge.target, "shapes": list(edge.shapes)} for edge in graph.edges]
    return {"nodes": nodes, "clusters": [to_builtins(cluster) for cluster in graph.clusters], "edges": edges}


@OF_EACH
def test_costs_of_what_is_seen_add_up(depicted: Depicted) -> None:
    """Every layer is in one node, whatever is open."""
    network = record(depicted.report, depicted.path)
    graph = seen(network, depicted.open)
    items = [network["nodes" if node.id[0] == "n" else "parts"][int(node.id[1:])] for node in graph.nodes]
    for place, name in enumerate(network["columns"][:3]):
        assert sum(item["costs"][place] for item in items if "costs" in item) == getattr(depicted.report.totals, name)


# ---- Mermaid -----------------------------------------------------------------------------------------------------

LABEL = r'"([^"]*)"'
NODE = re.compile(rf" *([np]\d+)(?:\(\[{LABEL}\]\)|\[\[{LABEL}\]\]|\[{LABEL}\])")
CLUSTER = re.compile(rf" *subgraph (p\d+)\[{LABEL}\]")
EDGE = re.compile(rf" *([np]\d+) -->\|{LABEL}\| ([np]\d+)")


def of_mermaid(text: str) -> Drawn:
    """A flowchart as Mermaid reads it, which takes numbers of characters for these."""

    def lines(label: str) -> list[str]:
        return [re.sub(r"#(\d+);", lambda match: chr(int(match[1])), line) for line in label.split("\n")]

    drawn = Drawn({}, {}, [])
    statements = re.sub(rf"{LABEL}", lambda match: match[0].replace("\n", "\x00"), text).split("\n")
    assert statements[0] == "flowchart TB"
    assert statements[-1] == ""
    depth = 0
    for statement in [part.replace("\x00", "\n") for part in statements[3:-1]]:
        if match := CLUSTER.fullmatch(statement):
            drawn.clusters[match[1]] = lines(match[2])
            depth += 1
        elif match := EDGE.fullmatch(statement):
            drawn.edges.append((match[1], match[3], lines(match[2])[0]))
        elif match := NODE.fullmatch(statement):
            drawn.nodes[match[1]] = lines(next(part for part in match.groups()[1:] if part is not None))
        else:
            assert statement.strip() == "end", statement
            depth -= 1
    assert depth == 0
    return drawn


@OF_EACH
def test_a_flowchart_says_all_that_is_seen(depicted: Depicted) -> None:
    drawn, wanted = of_mermaid(text_of(depicted, "mermaid")), expected(depicted)
    assert {name: [spelt(line) for line in lines] for name, lines in wanted.nodes.items()} == drawn.nodes
    assert wanted.clusters == drawn.clusters
    assert sorted(drawn.edges) == wanted.edges


def spelt(text: str) -> str:
    """Without what Mermaid takes for its own."""
    return text.replace("ﬂ", "fl").replace("¶ß", "¶ss")


@given(st.text())
def test_a_label_holds_nothing_that_means_something(text: str) -> None:
    label = mermaid_text.escaped(text)
    shown = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label)
    assert shown == spelt(visible(text))
    assert not set(re.sub(r"#\d+;", "", label)) & set("\"'`#;<>[]{}|&%$@:*~\\^=+-!?\n\r")


def test_a_graph_that_github_does_not_draw_is_refused(tmp_path: Path) -> None:
    spec, output = tmp_path / "net.yaml", tmp_path / "a.mmd"
    spec.write_text("input: [4]\nlayers:\n  - relu: {name: x, repeat: 600}\n", "utf-8")
    command = ["report", str(spec), "-o", str(output)]
    done = CliRunner().invoke(application(), [*command, "--open", "*"])
    assert done.exit_code == 2
    message = " ".join(done.output.split())
    assert "GitHub draws a graph of at most 500 edges, and this one has 600" in message
    assert "--open" in message
    assert not output.exists()
    assert CliRunner().invoke(application(), command).exit_code == 0


def test_letters_are_counted_too() -> None:
    """Fewer edges than GitHub draws, and names too long."""
    network = built(Source("a.yaml", "input: [4]\nlayers:\n" + "  - relu\n" * 100))
    nodes = [replace(node, name=f"{place}" + "*" * 500) for place, node in enumerate(network.layers)]
    report = convcalc.analyze(replace(network, nodes=(*network.inputs, *nodes)))
    opened = tuple(range(len(outline(report.network))))
    with pytest.raises(TooLargeToDraw, match="50,000 characters"):
        text_of(Depicted("a.yaml", report, opened), "mermaid")


RENDER = """async (text) => {
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
  const holder = document.getElementById("holder");
  holder.innerHTML = (await mermaid.render("graph", text)).svg;
  const lines = (element) => element.innerText.split("\\n");
  const of = (selector) => Object.fromEntries([...holder.querySelectorAll(selector)].map((element) => [
    element.id.replace(/^graph-/, "").replace(/^flowchart-/, "").replace(/-\\d+$/, ""),
    lines(element.querySelector(".nodeLabel"))]));
  return { nodes: of("g.node"), clusters: of("g.cluster"),
    strange: holder.querySelectorAll("script, img, a, u, i").length,
    edges: [...holder.querySelectorAll("span.edgeLabel")].map((element) => element.innerText.trim()),
    title: holder.querySelector("title").textContent };
}"""


@pytest.mark.skipif(not MERMAID, reason="CONVCALC_MERMAID names no mermaid.min.js")
@OF_EACH
def test_mermaid_draws_it(depicted: Depicted, new_page: NewPage, tmp_path: Path) -> None:
    """As GitHub does: in its strict mode, in which nothing of a label may act, and what stands there is text."""
    page = new_page()
    (tmp_path / "a.html").write_text("<!doctype html><div id=holder></div>", "utf-8")
    page.goto((tmp_path / "a.html").as_uri())
    page.add_script_tag(content=Path(str(MERMAID)).read_text("utf-8"))
    drawn, wanted = page.evaluate(RENDER, text_of(depicted, "mermaid")), expected(depicted)
    nodes = {name: [spelt(line) for line in lines] for name, lines in wanted.nodes.items()}
    assert single(drawn["nodes"]) == single(nodes)
    assert single(drawn["clusters"]) == single(wanted.clusters)
    assert sorted(drawn["edges"]) == sorted(label for _, _, label in wanted.edges)
    assert drawn["strange"] == 0


# ---- Graphviz ----------------------------------------------------------------------------------------------------


def of_graphviz(text: str) -> Drawn:
    """What Graphviz draws: the texts of its drawing operations, which are what stands in a picture."""
    done = subprocess.run(["dot", "-Tjson"], input=text, capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr == ""
    graph = json.loads(done.stdout)
    drawn, names = Drawn({}, {}, []), {item["_gvid"]: item["name"] for item in graph["objects"]}
    for item in graph["objects"]:
        texts = [step["text"] for step in item.get("_ldraw_", []) if step["op"] == "T"]
        if "nodes" in item or item["name"].startswith("cluster_"):
            drawn.clusters[item["name"].removeprefix("cluster_")] = texts
        else:
            drawn.nodes[item["name"]] = texts
    for edge in graph.get("edges", []):
        (label,) = [step["text"] for step in edge["_ldraw_"] if step["op"] == "T"]
        drawn.edges.append((names[edge["tail"]], names[edge["head"]], label))
    drawn.edges.sort()
    return drawn


NEEDS_DOT = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz is not installed (apt-get install graphviz)"
)


@NEEDS_DOT
@OF_EACH
def test_graphviz_draws_it(depicted: Depicted) -> None:
    drawn, wanted = of_graphviz(text_of(depicted, "dot")), expected(depicted)
    assert drawn.nodes == wanted.nodes
    assert drawn.clusters == wanted.clusters
    assert drawn.edges == wanted.edges


@NEEDS_DOT
@settings(deadline=None, max_examples=15)
@given(st.lists(st.text(min_size=1).filter(lambda text: visible(text).strip()), min_size=20, max_size=60))
def test_graphviz_draws_any_text_as_it_is(texts: list[str]) -> None:
    """Many in a graph, since starting it takes longest."""
    lines = [f"n{place} [label={dot_text.quoted(text, 'below')}]" for place, text in enumerate(texts)]
    drawn = of_graphviz("\n".join(["digraph a {", 'charset="UTF-8"', *lines, "}"]))
    assert drawn.nodes == {f"n{place}": [visible(text), "below"] for place, text in enumerate(texts)}


# ---- the command -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "first"), [("mmd", "flowchart TB"), ("dot", "digraph"), ("gv", "digraph")])
def test_the_ending_says_the_format(ending: str, first: str, tmp_path: Path) -> None:
    output = tmp_path / f"net.{ending}"
    done = CliRunner().invoke(application(), ["report", str(ZOO / "resnet18.yaml"), "-o", str(output)])
    assert done.exit_code == 0, done.output
    assert output.read_text("utf-8").startswith(first)


def test_a_flowchart_may_be_printed() -> None:
    arguments = ["report", str(ZOO / "resnet18.yaml"), "--format", "mermaid", "-o", "-", "--open", "layer4"]
    done = CliRunner().invoke(application(), arguments)
    assert done.exit_code == 0, done.output
    assert [*of_mermaid(done.stdout).clusters.values()] == [["layer4 (basic_block ×2)"]]
