"""Nothing that a name, a comment, a path or an argument says acts where it is printed, in any command and format.

What comes out is judged by what others know of it: Unicode's categories, parsers of JSON, CSV, XML and YAML, and the
two forms in which the runner of GitHub Actions takes a line for a command (ActionCommand.cs in actions/runner).
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest
import yaml
from conftest import MANY
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from rich.cells import cell_len
from test_cli import COLOUR, Result, Terminal, run

from convcalc.visible import encodable, in_json, in_yaml, visible

FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u2800\u3164\ufe00\uffa0\U000e0100"
DANGEROUS = (
    "\x00\x07\x08\t\n\v\f\r\x1b\x7f\x85\x9b\xad\u061c\u200b\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff"
    f"\ud800\udc80\ue000\U000e0041{FILLERS}=+-@:#[]{{}}()<>&|\\\"'`*_~$%,;!?^/. aé卷🎉"
)
PIECES = (
    *("::warning::hi", "##[error]x", "##vso[task.x]", "%0A::error::x", "\x1b[31m", "[red]", "[link=x]", ":warning:"),
    *("=1+1", "-1+1", "@me", "](x)", "-->", "]]>", "</failure>", "</details>", "\\input{x}", "$(x)", "{0}"),
)
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(DANGEROUS)), min_size=1, max_size=8).map("".join)
ALL = "::warning::a\n::error::b\r##[e]c\x1b[31m\x9b1m\u202e\u2066\u200b\u2028\x85\ufeff\ud800|`<b>]]>[d](e)@f\\g{h}$i"
"""One text with everything in it."""
LEGAL = "=::warning::a##[error]c|`<b>]]>[d](e)@f\\g$i%0A[red]:warning:\u3164\U000e0100卷🎉é"
"""All of that which the name of a layer may hold."""


def quoted(text: str) -> str:
    """A text as YAML, by code points alone."""
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


# ---- specs ----------------------------------------------------------------------------------------------------------

NET = "layers: [{conv: {out_channels: 4, kernel_size: 3}}, batch_norm, relu]\n"
SIZES = "input: [4, 8, 8]\n"
PLACES: dict[str, Callable[[str], str]] = {
    "name": lambda q: f"name: {q}\nsource: {q}\n{SIZES}{NET}",
    "layer": lambda q: f"{SIZES}layers: [{{conv: {{name: {q}, out_channels: 4, kernel_size: 3}}}}, batch_norm]\n",
    "input": lambda q: f"inputs: {{{q}: [4, 8, 8], b: [4, 8, 8]}}\nlayers: [{{add: {{from: [{q}, b]}}}}]\n",
    "block": lambda q: f"{SIZES}blocks: {{{q}: {{about: {q}, {NET[:-1]}}}}}\nlayers: [{q}, {{{q}: {{repeat: 2}}}}]\n",
    "parameter": lambda q: (
        f"{SIZES}blocks: {{b: {{parameters: {{{q}: 1}}, {NET[:-1]}}}}}\nlayers: [{{b: {{{q}: {q}}}}}]\n"
    ),
    "variable": lambda q: f"variables: {{{q}: 3, b: {q}}}\n{SIZES}{NET}",
    "computed name": lambda q: f'variables: {{b: {q}}}\n{SIZES}layers: [{{relu: {{name: "r{{b}}"}}}}]\n',
    "kind": lambda q: f"{SIZES}layers: [{q}, {{{q}: {{a: 1}}}}]\n",
    "field": lambda q: f"{SIZES}layers: [{{conv: {{out_channels: 4, kernel_size: {q}, {q}: {q}}}}}]\n{q}: {q}\n",
    "reference": lambda q: f"{SIZES}layers: [{{relu: {{from: {q}, share: {q}}}}}]\noutputs: [{q}]\n",
    "expression": lambda q: f"{SIZES}layers: [{{relu: {{when: {q}}}}}, {{linear: {{out_features: {q}}}}}]\n",
    "limits": lambda q: f"{SIZES}{NET}budget: {{{q}: 1}}\nexpect: {{{q}: {q}}}\nlint: {{{q}: [{q}]}}\n",
    "twice": lambda q: f"{SIZES}{q}: 1\n{q}: 1\n{NET}",
}
RAW: dict[str, Callable[[str], str]] = {
    "comment": lambda text: f"{SIZES} # {text}\n{NET}# convcalc: ignore[{text}] {text}\n# {text}\n",
    "plain": lambda text: f"{SIZES}layers:\n  - {text}\n  - linear: {{name: {text}, out_features: 4}}\n",
    "yaml": lambda text: f"{text}\ninput: !{text} [4, 8, 8]\nlayers: *{text}\n",
}
BASE = "base.yaml"
TABLES = ("table", "json", "csv", "markdown")
LINT = ("text", "concise", "json", "sarif", "github", "junit", "markdown")
COMMANDS: list[tuple[str, ...]] = [
    *(("analyze", "--format", name) for name in TABLES),
    *(("analyze", "--by", by) for by in ("block", "kind")),
    *(("explain", "--format", name) for name in ("text", "json", "markdown", "latex")),
    *(("lint", "--format", name) for name in LINT),
    *(("lint", flag) for flag in ("--diff", "--suggest-budget=10%")),
    *(("verify", "--format", name) for name in ("table", "json", "markdown")),
    *(("memory", "--format", name) for name in TABLES),
    *(("analyze", "--training", "--checkpoint", "*", "--format", name) for name in TABLES),
    *(("field", "--seeds", "1", "--format", name) for name in TABLES),
    *(("counts", "--explain", "thop", "--format", name) for name in TABLES),
    *(("counts", "--tool", "thop", "--format", name) for name in TABLES),
    *(("compare", "--variant", "ghost,depthwise", "--format", name) for name in TABLES),
    *(
        ("compare", "base.yaml", "--allow-input-change", "--format", name)
        for name in ("table", "json", "csv", "markdown")
    ),
    ("compare", "--variant", "ghost", "-o", "-"),
    ("export", "--no-weights", "--force", "-o", "out.onnx"),
]
"""Every command that reads a spec, in every format."""
EXACT = {("compare", "--variant", "ghost", "-o", "-"), ("lint", "--diff")}
"""What prints the text of the spec itself, as it was written."""

NAMELESS = {
    *EXACT,
    ("export", "--no-weights", "--force", "-o", "out.onnx"),
    ("lint", "--suggest-budget=10%"),
    ("counts", "--tool", "thop", "--format", "csv"),
    ("compare", "--variant", "ghost,depthwise", "--format", "csv"),
}
"""What prints the name of no layer."""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    Path("base.yaml").write_text(f"input: [4, 8, 8]\n{NET}")
    Path("convcalc.toml").write_text("")


def written(text: str, path: str = "net.yaml") -> str:
    Path(path).write_bytes(text.encode(errors="surrogatepass"))
    return path


# ---- what may come out ----------------------------------------------------------------------------------------------


def is_ordinary(character: str) -> bool:
    return (
        unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and character not in FILLERS
    )


def harmless(text: str, *, commands: bool = False) -> None:
    """Nothing acts or hides, and no line is a command to the runner."""
    assert [character for character in text if character != "\n" and not is_ordinary(character)] == []
    assert not re.search(r"##\w*\[", text)
    if not commands:
        assert [line for line in text.split("\n") if line.lstrip().startswith("::")] == []


def is_formula(cell: str) -> bool:
    return cell.strip()[:1] in set("=+-@") and not re.fullmatch(r"[-+]?[\d./]+(x[-+]?[\d./]+)*", cell)


def cells_of(line: str) -> int:
    """The cells of a line of a table in Markdown: what a backslash stands before divides none."""
    return len(re.sub(r"\\.", "", line).split("|")) - 2


def check(arguments: tuple[str, ...], result: Result) -> None:
    harmless(result.err)
    kind = next((word for word in reversed(arguments) if word in LINT or word in {"csv", "latex", "table"}), "")
    if arguments in EXACT:
        return
    harmless(result.out, commands=kind == "github")
    if not result.out.strip():
        return
    if kind in {"json", "sarif"}:
        json.loads(result.out)
    elif kind == "junit":
        ET.fromstring(result.out)  # noqa: S314  # our own
    elif kind == "csv":
        rows = list(csv.reader(io.StringIO(result.out)))
        assert len(rows) == result.out.count("\n")
        assert len({len(row) for row in rows}) == 1
        assert [cell for row in rows for cell in row if is_formula(cell)] == []
    elif kind == "github":
        assert all(re.match("::(error|warning|notice) title=convcalc ", line) for line in result.out.splitlines())
    elif kind == "markdown":
        for is_table, lines in groupby(result.out.split("\n"), lambda line: line.startswith("|")):
            if is_table:
                assert len(set(map(cells_of, lines))) == 1
        tags = re.findall(r"<(?!!--)/?\w*", re.sub(r"`[^`]*`", "", result.out))
        assert {tag.strip("</") for tag in tags} <= {"details", "summary", "br", "code"}
        assert "@" not in re.sub(r"`[^`]*`|<!--.*?-->", "", result.out)
    elif kind == "latex":
        plain = re.sub(r"\\[\\{}%&#$_]", "", result.out)
        assert plain.count("{") == plain.count("}")
        assert "\\input" not in plain
        assert set("#$&%") & set(re.sub(r"^% needs.*|&?[=:]|\$(?=[A-Za-z\\])|(?<=[}\w])\$", "", plain)) == set()


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_on_every_place_at_once(arguments: tuple[str, ...]) -> None:
    name = quoted(LEGAL)
    spec = f"""\
name: {quoted(ALL.replace(chr(0xD800), ""))}
source: {quoted(ALL.replace(chr(0xD800), ""))}
inputs: {{{name}: [4, 8, 8], b: [4, 8, 8]}}
blocks:
  {quoted("[red]" + LEGAL)}:
    about: {quoted(ALL.replace(chr(0xD800), ""))}
    layers:
      - conv: {{name: {name}, out_channels: 4, kernel_size: 3, padding: 1}}  # {LEGAL}
      - batch_norm
layers:
  - {quoted("[red]" + LEGAL)}: {{name: {quoted("b" + LEGAL)}, from: {name}}}
  - {quoted("[red]" + LEGAL)}: {{name: {quoted(":" + LEGAL)}, repeat: 2}}
"""
    result = run(*arguments, written(spec, "::error::a.yaml"))
    assert result.code in {0, 1}, result
    check(arguments, result)
    assert "卷🎉é" in result.out or arguments in NAMELESS


@pytest.mark.parametrize("place", [*PLACES, *RAW])
def test_every_place_in_turn(place: str) -> None:
    text = PLACES[place](quoted(ALL)) if place in PLACES else RAW[place](ALL)
    path = written(text)
    for name in LINT:
        check(("lint", "--format", name), run("lint", "--format", name, path))
    for arguments in (COMMANDS[0], COMMANDS[1], COMMANDS[6], COMMANDS[-2]):
        check(arguments, run(*arguments, path))


@settings(max_examples=MANY or 60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data(), TEXTS)
def test_any_text_in_any_place_to_any_command(data: st.DataObject, text: str) -> None:
    place = data.draw(st.sampled_from([*PLACES, *RAW]))
    arguments = data.draw(st.sampled_from(COMMANDS))
    path = written(PLACES[place](quoted(text)) if place in PLACES else RAW[place](text))
    check(arguments, run(*arguments, path))


PATHS = ["::warning::x.yaml", "a\n::error::b.yaml", "\x1b[31m.yaml", "=1+1.yaml", "\u202ea.yaml", "##[error]x.yaml",
         "[red]|`@me`.yaml", os.fsdecode(b"\xff\x9b1m.yaml"), "a@b=\x1b[1m", "-->.yaml"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_paths(path: str) -> None:
    for spec in (f"input: [4, 8, 8]\n{NET}", f"input: [4, 8, 8]\n{NET}oops: 1\n", None):
        if spec is not None:
            written(spec, path)
        else:
            Path(path).unlink()
        for arguments in COMMANDS:
            if arguments not in EXACT or spec is None:
                check(arguments, run(*arguments, "--", path))


@pytest.mark.parametrize("name", TABLES)
def test_paths_and_revisions_of_git(name: str) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    written(f"{SIZES}{NET}", "a\n::error::b.yaml")
    written(f"{SIZES}{NET}", "::warning::x.yaml")
    moved = ["mv", "a\n::error::b.yaml", "=\x1b[31m.yaml"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], moved):
        subprocess.run([*git, *words], check=True, capture_output=True)
    written(f"{SIZES}{PLACES['layer'](quoted(LEGAL)).removeprefix(SIZES)}", "::warning::x.yaml")
    result = run("compare", "--base", "HEAD", "--format", name, "::warning::x.yaml", "=\x1b[31m.yaml")
    assert result.code == 0
    check(("compare", name), result)
    harmless(run("compare", "--base", f"HEAD{ALL[:-1]}".replace("\ud800", ""), "::warning::x.yaml").err)


ARGUMENTS: list[Callable[[str], tuple[str, ...]]] = [
    lambda text: (text,),
    lambda text: ("analyze", f"--{text}"),
    lambda text: ("analyze", "--format", text, "net.yaml"),
    lambda text: ("analyze", "--batch", text, "net.yaml"),
    lambda text: ("analyze", "net.yaml", "--set", text),
    lambda text: ("analyze", "net.yaml", "--set", f"{text}=1"),
    lambda text: ("analyze", "net.yaml", "--set", f"v={text}"),
    lambda text: ("analyze", "net.yaml", "--input", text),
    lambda text: ("analyze", "net.yaml", "--input", f"{text}=4x8x8"),
    lambda text: ("analyze", f"net.yaml@{text}"),
    lambda text: ("analyze", f"net.yaml@v={text}"),
    lambda text: ("analyze", f"zoo:{text}"),
    lambda text: ("explain", "net.yaml", text),
    lambda text: ("explain", "--kind", text),
    lambda text: ("compare", "net.yaml", "--variant", text),
    lambda text: ("compare", "net.yaml", "--variant", "ghost", "--layer", text),
    lambda text: ("compare", "net.yaml", "--base", text),
    lambda text: ("compare", "net.yaml", "--base", text, "--format", "markdown"),
    lambda text: ("compare", "net.yaml", "--variant", "ghost", "-o", f"{text}/x"),
    lambda text: ("verify", "net.yaml", "--layer", text),
    lambda text: ("verify", "net.yaml", "--max-memory", text),
    lambda text: ("lint", "net.yaml", "--select", text),
    lambda text: ("lint", "net.yaml", "--format", text),
    lambda text: ("lint", "net.yaml", "--format", f"json={text}/x"),
    lambda text: ("lint", "net.yaml", "--device", text),
    lambda text: ("lint", "net.yaml", "--config", text),
    lambda text: ("lint", "net.yaml", "--baseline", text),
    lambda text: ("lint", "net.yaml", "--base", text),
    lambda text: ("lint", "net.yaml", "--max-regression", text),
    lambda text: ("lint", "net.yaml", "--suggest-budget", text),
    lambda text: ("export", "net.yaml", "-o", "x.onnx", "--batch", text),
    lambda text: ("export", "net.yaml", "-o", f"{text}/x"),
    lambda text: ("import", text),
    lambda text: ("zoo", text),
    lambda text: ("kinds", text),
    lambda text: ("rules", text),
]


@pytest.mark.parametrize("place", range(len(ARGUMENTS)), ids=lambda place: " ".join(ARGUMENTS[place]("TEXT")))
def test_arguments(place: int) -> None:
    written(f"variables: {{v: 3}}\ninput: [4, 8, 8]\n{NET}")
    for text in (ALL.replace("\ud800", "\udcff"), "::warning::x", "\x1b[31m"):
        result = run(*ARGUMENTS[place](text))
        harmless(result.out)
        harmless(result.err)
        assert result.code, "it means nothing"


CONFIGURATIONS: dict[str, Callable[[str], str]] = {
    "key": lambda q: f"[lint]\n{q} = 1\n",
    "rule": lambda q: f"[lint]\nselect = [{q}]\n",
    "severity": lambda q: f"[lint.severity]\n{q} = {q}\n",
    "file": lambda q: f"[lint.per-file]\n{q} = [{q}]\n",
    "broken": lambda q: f"[lint]\n= {q}\n",
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configurations(name: str) -> None:
    text = ALL.replace("\ud800", "")
    written(CONFIGURATIONS[name](quoted(text)), "convcalc.toml")
    check(("lint",), run("lint", "base.yaml"))
    written(
        json.dumps({"version": text, "findings": [{"code": text, "path": text, "layer": text}], text: 1}), "base.json"
    )
    check(("lint",), run("lint", "base.yaml", "--config", "base.json"))
    check(("lint",), run("lint", "base.yaml", "--baseline", "base.json"))


def test_the_name_of_a_block_has_no_control_characters() -> None:
    result = run("lint", "--format", "concise", written(PLACES["block"](quoted("x\x1b[31m\n::warning::hi\n"))))
    place, message = result.out.splitlines()[0].split(" error[CC011]: ")
    assert place.startswith("net.yaml:2:")
    assert message == r"blocks: expected a name without control characters, found 'x\x1b[31m\n::warning::hi\n'"


# ---- models ---------------------------------------------------------------------------------------------------------


def model(text: str, operator: str = "Relu", domain: str = "") -> bytes:
    """A model in which everything that has a name has this one."""
    value = helper.make_tensor_value_info(text, TensorProto.FLOAT, [1, 4, 8, 8])
    weight = helper.make_tensor(f"w{text}", TensorProto.FLOAT, [4, 4, 1, 1], [0.0] * 16)
    unused = helper.make_tensor(f"u{text}", TensorProto.FLOAT, [4], [0.0] * 4)
    nodes = [
        helper.make_node("Conv", [text, f"w{text}"], [f"a{text}"], text, doc_string=text),
        helper.make_node(operator, [f"a{text}"], [f"y{text}"], text, domain=domain),
    ]
    output = helper.make_tensor_value_info(f"y{text}", TensorProto.FLOAT, [1, 4, 8, 8])
    graph = helper.make_graph(nodes, text, [value], [output], [weight, unused], doc_string=text)
    opsets = [helper.make_opsetid("", 21), *([helper.make_opsetid(domain, 1)] if domain else [])]
    made_by = {"producer_name": text, "producer_version": text, "doc_string": text}
    return bytes(helper.make_model(graph, opset_imports=opsets, **made_by).SerializeToString())


@pytest.mark.parametrize("operator", ["Relu", "unknown"])
def test_models(operator: str) -> None:
    text = ALL.replace("\ud800", "")
    content = model(text) if operator == "Relu" else model(text, f"Op{text}", f"com.{text}")
    Path("a\n::error::\x1b[31m.onnx").write_bytes(content)
    imports = (("import",), ("import", "--flat"), ("import", "--strict"))
    for arguments in (*imports, *COMMANDS[:4], ("lint", "--format", "github"), ("explain",)):
        result = run(*arguments, "a\n::error::\x1b[31m.onnx")
        check(arguments, result)
        if arguments[0] == "import" and result.code == 0:
            yaml.safe_load(result.out)
            written(result.out)
            assert run("analyze", "net.yaml").code == 0
    assert result.code == 0


# ---- what is legal in a name ----------------------------------------------------------------------------------------


def test_names_of_any_script_are_as_they_are() -> None:
    names = ["卷积", "übung_é", "नमस्ते", "🎉❤️", "a-b c", "x::y", "torch::nn", "#1", "naïve", "ʻokina"]
    for name in names:
        assert visible(name) == name
    result = run(
        "analyze", written("name: 卷积🎉\ninput: [4, 8, 8]\nlayers: [{relu: {name: übung}}, {relu: {name: 卷}}]\n")
    )
    assert "卷积🎉" in result.out
    assert "übung" in result.out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m", "a\\x1b[31m"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u202ea\u2028", "\\u202ea\\u2028"),
        ("\ud800\x85", "\\ud800\\x85"),
        ("a\u3164\U000e0100", "a\\u3164\\U000e0100"),
        ("::warning::x", "\\x3a:warning::x"),
        (" ::a ::b c::d", " \\x3a:a \\x3a:b c::d"),
        ("##[error] ###vso[a]", "#\\x23[error] ##\\x23vso[a]"),
        ("C:\\new # [x]", "C:\\new # [x]"),
    ],
)
def test_what_acts_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(TEXTS)
@example(ALL)
def test_texts_as_they_are_written_in_files(text: str) -> None:
    harmless(visible(text))
    assert visible(visible(text)) == visible(text)
    sound = encodable(text)
    assert yaml.safe_load(in_yaml(sound)) == sound
    assert json.loads(in_json(json.dumps(text, ensure_ascii=False))) == text
    for file in (in_yaml(sound), in_json(json.dumps(text, ensure_ascii=False))):
        harmless(file)


def test_json_holds_the_names_themselves() -> None:
    name = ALL.replace("\ud800", "")
    path = written(f"name: {quoted(name)}\n{SIZES}layers: [{{relu: {{name: {quoted(LEGAL)}}}}}]\n")
    document = json.loads(run("analyze", "--format", "json", path).out)
    assert document["model"] == name
    assert document["layers"][0]["name"] == LEGAL


def test_csv_marks_what_would_be_a_formula() -> None:
    path = written("input: [4, 8, 8]\nlayers: [{relu: {name: '=1+1'}}, {relu: {name: '-1'}}, {relu: {name: '@a'}}]\n")
    rows = list(csv.DictReader(io.StringIO(run("analyze", "--format", "csv", path).out)))
    assert [row["name"] for row in rows] == ["'=1+1", "-1", "'@a"]


def test_xml_gives_back_what_is_shown() -> None:
    result = run("lint", "--format", "junit", written(PLACES["layer"](quoted(LEGAL))))
    failure = next(iter(ET.fromstring(result.out).iter("failure")))  # noqa: S314  # our own
    assert f" {visible(LEGAL)}: " in f" {failure.get('message')}"


# ---- a terminal -----------------------------------------------------------------------------------------------------


def test_on_a_terminal() -> None:
    spec = written(PLACES["block"](quoted("[red]" + LEGAL)) + f"name: {quoted('{0}' + ALL.replace(chr(0xD800), ''))}\n")
    path = str(Path(spec).absolute())
    terminals = [Terminal(110, *words, path) for words in (["analyze"], ["lint"], ["explain"], ["verify"])]
    for terminal in terminals:
        text = terminal.text()
        text = re.sub(r"\x1b\[(\?25[lh]|\d*[AK])|\r", "", COLOUR.sub("", text))
        assert "\\u3164" in text
        assert "[red]" in text
        harmless(text.replace("\u2066", ""))


OVERLONG: list[tuple[str, ...]] = [("analyze",), ("explain",), ("verify",), ("compare", BASE), COMMANDS[3], COMMANDS[8]]


@pytest.mark.parametrize("arguments", OVERLONG, ids=" ".join)
def test_overlong_names_leave_tables_readable(arguments: tuple[str, ...]) -> None:
    name = "n" * 20_000
    path = written(f"name: {name}\n{SIZES}layers: [{{relu: {{name: {name}}}}}, {{linear: {{out_features: 4}}}}]\n")
    lines = run(*arguments, path).out.splitlines()
    assert max(map(cell_len, lines)) < 500
    assert any("…" in line for line in lines)
    assert name in run("analyze", "--format", "csv", path).out
    assert json.loads(run("analyze", "--format", "json", path).out)["layers"][0]["name"] == name


def test_a_difference_in_a_log_runs_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = f"name: |-\n  a\n  ::error::b\n{SIZES}{NET}"
    path = written(spec)
    plain = run("lint", "--diff", path).out
    assert "\n   ::error::b\n" in plain
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    first, *lines, last = run("lint", "--diff", path).out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert last == f"::{token}::"
    assert "\n".join(lines) + "\n" == plain
    Path("change.diff").write_text("\n".join([first, *lines, last, ""]))
    subprocess.run(["git", "apply", "-p0", "change.diff"], check=True)
    assert Path(path).read_text() != spec
