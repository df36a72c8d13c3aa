"""What linting prints: each format read back by something that knows it, with names and messages meant to break it."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema  # type: ignore[import-untyped]
import pytest
from command_line import application
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from test_cli import Result, Terminal, check_golden
from typer.testing import CliRunner
from view_texts import on_console, piped

from convcalc.language import Source
from convcalc.language.source import Edit
from convcalc.linting.records import Crash, Finding, Linted, Run
from convcalc.rules._subject import Fix
from convcalc.views.diagnostics import MOST
from convcalc.views.lint import concise, github, junit, markdown, sarif, shared, text
from convcalc.views.lint import json as as_json

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-schema-2.1.0.json").read_text("utf-8"))
"""As the JSON Schema Store publishes it."""
VALIDATOR = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
SPEC = """\
input: [3, 32, 32]
layers:
  - conv: {name: stem, out_channels: 16, kernel_size: 3, padding: 1}
  - batch_norm
  - relu
"""


# ---- runs, made up ------------------------------------------------------------------------------------------------

HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("\ud800\n\r\t\x00\x1b\x85\u2028%:,|<>&\"'`#@[](){}*_\\卷é👩\u0301"))
)
WORDS = st.one_of(HOSTILE, st.sampled_from(["]]>", "::error::x", "-->", "{0}", "[a](b)", "&#0;", "%0A", "</failure>"]))
BLANKS = [chr(code) for code in (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)]
BLANKS += [chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0))]
"""What Python counts as printable, and nobody sees."""
RULES = {"CC001": "yaml-syntax", "CC206": "dead-taps", "CC301": "bias-before-norm", "CC303": "no-op"}


@st.composite
def findings(draw: st.DrawFn, path: str, source: Source) -> Finding:
    code = draw(st.sampled_from(sorted(RULES)))
    start = draw(st.integers(0, len(source.text)))
    place = source.diagnostic(code, start, start + draw(st.integers(0, 9)), draw(WORDS), draw(WORDS))
    fields = {name: getattr(place, name) for name in place.__struct_fields__}
    if draw(st.integers(0, 5)) == 0:
        fields |= {"line": 0, "column": 0, "end_column": 0, "text": ""}
    fields |= {"path": path, "severity": draw(st.sampled_from(["error", "warning", "info"]))}
    fix = Fix(draw(WORDS), (Edit(start, len(source.text), draw(WORDS)),)) if draw(st.booleans()) else None
    return Finding(
        **fields, name=RULES[code], layer=draw(WORDS), others=tuple(draw(st.lists(WORDS, max_size=3))), fix=fix
    )


@st.composite
def files(draw: st.DrawFn) -> Linted:
    path = draw(WORDS.filter(bool))
    source = Source(path, draw(WORDS))
    result = draw(st.lists(findings(path, source), max_size=4))
    return Linted(path, tuple(result), draw(st.integers(0, 2)), source)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    result = tuple(draw(st.lists(files(), min_size=1, max_size=4)))
    crash = st.builds(Crash, st.sampled_from(sorted(RULES)), st.just("dead-taps"), WORDS, WORDS, WORDS, WORDS)
    crashed = tuple(draw(st.lists(crash, max_size=1)))
    return Run(result, {"CC206": "warning", "CC301": "warning"}, draw(st.booleans()), crashed)


def run_of(*texts: str, severity: str = "warning", times: int = 1) -> Run:
    """A finding on the first `name` of each text, or as many."""
    items = []
    for number, message in enumerate(texts):
        source = Source(f"net{number}.yaml", message)
        start = message.index("stem")
        place = source.diagnostic("CC206", start, start + 4, "8 of 9 taps only ever multiply padding", "pad less")
        fields = {name: getattr(place, name) for name in place.__struct_fields__} | {"severity": severity}
        finding = Finding(**fields, name="dead-taps", layer="stem")
        items.append(Linted(source.path, (finding,) * times, 0, source))
    return Run(tuple(items), {"CC206": "warning"}, failed=True)


def unseen(message: str) -> str:
    """As it may be printed: what steers a terminal, or a log, has become an escape."""
    escaped = "".join(
        c if c.isprintable() and c not in BLANKS else c.encode("unicode_escape").decode() for c in message
    )
    return re.sub(r"(^|\s):(?=:)", r"\1\\x3a", re.sub(r"#(#+)(?=\w*\[)", lambda items: items[1] + r"\x23", escaped))


# ---- the command line ---------------------------------------------------------------------------------------------


def lint(*arguments: str, given_: str = "", **environment: str) -> Result:
    known = {"GITHUB_ACTIONS": None, **environment}
    result = CliRunner().invoke(application(), ["lint", "--select", "CC0,CC301", *arguments], input=given_, env=known)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.yaml").write_text(SPEC, "utf-8")
    (tmp_path / "clean.yaml").write_text(SPEC.replace("padding: 1", "padding: 1, bias: false"), "utf-8")
    monkeypatch.chdir(tmp_path)
    shared._root.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def _forget_the_folder() -> Iterator[None]:
    yield
    shared._root.cache_clear()


def test_several_formats_in_one_run(folder: Path) -> None:
    linted = lint(
        "net.yaml", "clean.yaml", "--format", "github", "--format", "sarif=out.sarif", "--format", "json=o.json"
    )
    assert linted.code == 1
    assert linted.out.startswith("::warning title=convcalc CC301")
    VALIDATOR.validate(json.loads((folder / "out.sarif").read_text("utf-8")))
    assert json.loads((folder / "o.json").read_text("utf-8"))["summary"]["findings"] == 1


def test_text_unless_github_runs_it(folder: Path) -> None:
    assert "\n1 finding (1 warning) in 1 file" in lint("net.yaml").out
    assert lint("net.yaml", GITHUB_ACTIONS="true").out.startswith("::warning ")
    assert lint("net.yaml", GITHUB_ACTIONS="false").out == lint("net.yaml").out
    assert lint("net.yaml", "--format", "concise", GITHUB_ACTIONS="true").out.startswith(
        "net.yaml:3:5: warning[CC301]: "
    )


def test_what_is_kept_and_what_is_reported_are_two_files(folder: Path) -> None:
    refused = lint("net.yaml", "--write-baseline", "known.json", "--format", "json=./known.json", "--force")
    assert (refused.code, Path("known.json").exists()) == (2, False)
    assert "./known.json would be written twice" in refused.err
    done = lint("net.yaml", "--write-baseline", "known.json", "--format", "json=left.json")
    assert (done.code, done.out) == (0, "")
    assert json.loads(Path("known.json").read_text("utf-8"))["findings"]
    assert json.loads(Path("left.json").read_text("utf-8"))["findings"] == []


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        (["jsn"], "did you mean `json`"),
        (["sarif="], "expected sarif=FILE"),
        (["json", "sarif"], "write one to a file: json=FILE"),
        (["text", "junit"], "write one to a file: junit=FILE"),
        (["json=a", "sarif=./a"], "would be written twice"),
    ],
)
def test_formats_that_cannot_be(folder: Path, formats: list[str], message: str) -> None:
    linted = lint("net.yaml", *(word for name in formats for word in ("--format", name)))
    assert linted.code == 2
    assert message in re.sub(r"[\s│]+", " ", linted.err)
    assert not (folder / "a").exists()


@pytest.mark.parametrize(("path", "printed"), [("missing/out.sarif", True), (".", False)])
def test_a_file_that_cannot_be_written(folder: Path, path: str, printed: bool) -> None:
    linted = lint("net.yaml", "--format", "text", "--format", f"sarif={path}")
    assert linted.code == 2
    assert linted.err.startswith(f"convcalc: cannot write {path}: ")
    assert ("1 finding" in linted.out) is printed  # what can be told beforehand is


def test_lines_may_follow_each_other(folder: Path) -> None:
    linted = lint("net.yaml", "--format", "concise", "--format", "github", "--format", "json=-")
    assert linted.code == 2
    linted = lint("net.yaml", "--format", "concise", "--format", "github")
    assert [line.split(" ")[0] for line in linted.out.splitlines()] == ["net.yaml:3:5:", "::warning"]


# ---- counts -------------------------------------------------------------------------------------------------------


@given(runs())
def test_the_headline_counts(run: Run) -> None:
    message = shared.headline(run)
    numbers = {word: int(number) for number, word in re.findall(r"(\d+) (error|warning|info|finding)", message)}
    items = [finding for file in run.files for finding in file.findings]
    assert numbers.get("finding", 0) == len(items)
    for level in ("error", "warning", "info"):
        assert numbers.get(level, 0) == [finding.severity for finding in items].count(level)


def test_headlines() -> None:
    clean = Linted("a.yaml", ())
    run = run_of(SPEC, SPEC)
    assert shared.headline(Run((clean,), {}, failed=False)) == "no findings in 1 file"
    assert shared.headline(run) == "2 findings (2 warnings) in 2 files"
    three = Run((*run.files, clean, clean, clean), {}, failed=True)
    assert shared.headline(three) == "2 findings (2 warnings) in 2 of 5 files"


# ---- text ---------------------------------------------------------------------------------------------------------

WIDE = (
    "input: [3, 8, 8]\n"
    "layers:\n"
    "  - conv: {name: 卷积层卷积层, out_channels: 3, kernel_size: 1, stem: 1}\n"
    "  - conv: {name: '👩🙂é', stem: 3}\n"
    "\t\tstem: 3 # e\u0301e\u0301\n"
    f"  - relu: {{name: {'long ' * 60}, stem: true, {'more ' * 30}}}\n"
)


def wide() -> Run:
    source = Source("卷.yaml", WIDE)
    items = []
    for place in re.finditer("stem|卷积层卷|👩🙂é", WIDE):
        message = source.diagnostic(
            "CC206", *place.span(), f"{place[0]}: 8 of 9 taps only ever multiply padding", "pad less"
        )
        items.append(Finding(**{name: getattr(message, name) for name in message.__struct_fields__}, name="dead-taps"))
    return Run((Linted(source.path, tuple(items), 0, source),), {}, failed=True)


def on_terminal(run: Run, width: int) -> str:
    return on_console(text, run, width, is_terminal=True)


def marked(lines: list[str]) -> list[str]:
    """What stands above carets, cell by cell."""
    items = []
    for source, carets in pairwise(lines):
        match = re.match(r"\s+\| +(\^+)", carets)
        if match:
            cells = "".join(c + "\0" * (cell_len(c) - 1) for c in source if cell_len(c))
            items.append(cells[slice(*match.span(1))].replace("\0", ""))
    return items


@pytest.mark.parametrize("width", [0, 60, 80, 200])
def test_carets_stand_under_what_they_mean_however_wide(width: int) -> None:
    message = on_terminal(wide(), width) if width else piped(text, wide())
    assert marked(message.splitlines()) == ["卷积层卷", "stem", "👩🙂é", "stem", "stem", "stem"]


@given(runs(), st.integers(40, 130))
def test_no_line_is_wider_than_the_terminal_but_for_words_that_are(run: Run, width: int) -> None:
    paths = max((cell_len(unseen(f.path)) for f in run.findings), default=0)
    texts = [unseen(text) for f in run.findings for text in (f.layer, f.message, f.help)]
    longest = max((cell_len(word) for text in texts for word in text.split(" ")), default=0)
    for line in on_terminal(run, width).splitlines():
        assert cell_len(line) <= max(width, paths + longest + 40)


@given(runs())
def test_text_is_a_line_where_it_says_so_and_steers_no_terminal(run: Run) -> None:
    for view in (text, concise):
        message = piped(view, run)
        assert all(line.isprintable() for line in message.split("\n"))
        for finding in run.findings:
            assert f"{finding.severity}[{finding.code}]: {unseen(finding.message)}".rstrip() in message
    assert len(piped(concise, run).splitlines()) == len(run.findings)


def test_errors_are_shown_before_what_there_is_too_much_of(folder: Path) -> None:
    biased = "".join(f"  - conv: {{name: c{n}, out_channels: 4, kernel_size: 1}}\n  - batch_norm\n" for n in range(99))
    Path("net.yaml").write_text(f"input: [4, 8, 8]\nlayers:\n{biased}budget: {{params: 1}}\n", "utf-8")
    output = lint("net.yaml", "--select", "CC301,CC501").out
    places = [int(place) for place in re.findall(r"^net.yaml:(\d+):", output, re.MULTILINE)]
    assert len(places) == MOST
    assert places == sorted(places)
    assert "error[CC501]" in output
    assert "50 more findings not shown" in output


def test_golden_text(folder: Path) -> None:
    check_golden("lint_text", piped(text, wide()) + lint("net.yaml", "clean.yaml").out)
    check_golden("lint_text_80", on_terminal(wide(), 80))
    check_golden("lint_markdown", piped(markdown, wide()))


def test_colours_on_a_terminal_alone() -> None:
    spec = "tests/data/nothing.yaml"
    shown = Terminal(80, "lint", spec)
    assert "\x1b[1;31merror[CC001]\x1b[0m" in shown.text()


# ---- JSON ---------------------------------------------------------------------------------------------------------


@given(runs())
def test_json_has_stable_names_and_every_finding(run: Run) -> None:
    document = json.loads(piped(as_json, run))
    assert list(document) == ["version", "convcalc_version", "findings", "summary", "internal_errors"]
    assert document["version"] == 1
    names = "path line column end_column code name severity message help layer more fix"
    for sentence, finding in zip(document["findings"], run.findings, strict=True):
        assert list(sentence) == names.split()
        message = finding.message.encode(errors="backslashreplace").decode()
        assert (sentence["message"], sentence["line"]) == (message, finding.line or None)
    assert document["summary"]["files"] == len(run.files)


def applied(message: str, edits: list[dict[str, Any]]) -> str:
    """Edits by line and column, from the last to the first, as a reader of the JSON would make them."""
    starts = [0, *(match.end() for match in re.finditer("\r\n|\r|\n", message))]
    places = [
        (
            starts[edit["line"] - 1] + edit["column"] - 1,
            starts[edit["end_line"] - 1] + edit["end_column"] - 1,
            edit["text"],
        )
        for edit in edits
    ]
    for start, end, new in sorted(places, reverse=True):
        message = message[:start] + new + message[end:]
    return message


@given(runs())
def test_fixes_in_json_are_those_of_the_finding(run: Run) -> None:
    document = iter(json.loads(piped(as_json, run))["findings"])
    for file in run.files:
        for finding, message in zip(file.findings, document, strict=False):
            assert (message["fix"] is None) == (finding.fix is None)
            if finding.fix is not None and file.source is not None:
                (edit,) = finding.fix.edits
                full = file.source.text
                assert (
                    applied(full, message["fix"]["edits"])
                    == full[: edit.start] + edit.text.encode(errors="backslashreplace").decode() + full[edit.end :]
                )


# ---- SARIF --------------------------------------------------------------------------------------------------------


def log_of(run: Run) -> dict[str, Any]:
    log = json.loads(piped(sarif, run))
    VALIDATOR.validate(log)
    (result,) = log["runs"]
    return dict(result)


@given(runs())
def test_sarif_is_valid_and_has_what_code_scanning_reads(run: Run) -> None:
    log = log_of(run)
    rules = log["tool"]["driver"]["rules"]
    assert log["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in rules] == sorted({*run.severities, *(finding.code for finding in run.findings)})
    for rule in rules:
        for message in (rule["shortDescription"]["text"], rule["fullDescription"]["text"]):
            assert 0 < len(message) <= 1024
        assert rule["help"]["text"]
        assert rule["properties"]["tags"]
        assert rule["properties"]["problem.severity"] in {"error", "warning", "recommendation"}
        assert "security-severity" not in rule["properties"]
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in log["results"]]
    assert len(set(prints)) == len(run.findings)
    for result, finding in zip(log["results"], run.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        assert result["message"]["text"].strip()
        place = result["locations"][0]["physicalLocation"]
        region = place["region"]
        assert region["startLine"] == region["endLine"] >= 1
        assert (region["startColumn"], region["endColumn"]) == (finding.column or 1, finding.end_column or 1)
        assert re.fullmatch(r"[\w./~%-]+", place["artifactLocation"]["uri"], re.ASCII)
    assert log["invocations"][0]["executionSuccessful"] == (not run.crashed)


def test_the_schema_refuses_what_is_not_sarif() -> None:
    log = json.loads(piped(sarif, run_of(SPEC)))
    log["runs"][0]["results"][0]["level"] = "info"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(log)


def test_regions_count_characters() -> None:
    run = wide()
    lines = WIDE.split("\n")
    items = []
    for result in log_of(run)["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        items.append(lines[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1])
    assert items == ["卷积层卷", "stem", "👩🙂é", "stem", "stem", "stem"]


@given(st.integers(0, 50))
def test_fingerprints_do_not_know_lines(more: int) -> None:
    above = "".join(f"# {number}\n" for number in range(more))
    item, other = (log_of(run_of(spec))["results"][0] for spec in (SPEC, above + SPEC))
    assert item["partialFingerprints"] == other["partialFingerprints"]
    assert other["locations"][0]["physicalLocation"]["region"]["startLine"] == 3 + more


def test_uris_are_those_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    nets = tmp_path / "nets of mine"
    nets.mkdir()
    (nets / "n%é.yaml").write_text(SPEC, "utf-8")
    (nets / "link.yaml").symlink_to("n%é.yaml")
    monkeypatch.chdir(nets)
    for name in ("n%é.yaml", "link.yaml", str(nets / "link.yaml"), "../nets of mine/link.yaml"):
        shared._root.cache_clear()
        lint(name, "--format", "sarif=out")
        (result,) = json.loads((nets / "out").read_text("utf-8"))["runs"][0]["results"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote(uri) == "nets of mine/n%é.yaml"
        assert " " not in uri
        assert ",file=nets of mine/n%25é.yaml,line=3," in lint(name, "--format", "github").out


# ---- GitHub annotations -------------------------------------------------------------------------------------------


def unescaped(message: str) -> str:
    """As the runner reads a command: the escapes of a property, then the percent sign."""
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        message = message.replace(code, character)
    return message


def commands(sentence: str) -> list[tuple[str, dict[str, str], str]]:
    items = []
    for line in sentence.splitlines():
        kind, listed, message = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
        properties = dict(part.split("=", 1) for part in listed.split(","))
        items.append((kind, {name: unescaped(value) for name, value in properties.items()}, unescaped(message)))
    return items


@given(runs())
def test_annotations_read_back(run: Run) -> None:
    items = [command for command in commands(piped(github, run)) if "file" in command[1]]
    expected = sorted(run.findings, key=lambda finding: ["error", "warning", "info"].index(finding.severity))
    for (kind, properties, message), finding in zip(items, expected, strict=True):
        assert kind == {"error": "error", "warning": "warning", "info": "notice"}[finding.severity]
        assert properties["file"] == unseen(finding.path)
        assert properties["title"] == f"convcalc {finding.code} {finding.name}"
        assert message.split("\n")[0].endswith(f": {unseen(finding.message)}")
        assert ("line" in properties) == bool(finding.line)
        if finding.line:
            assert (properties["col"], properties["endColumn"]) == (str(finding.column), str(finding.end_column))


@pytest.mark.parametrize(
    ("count", "severity"), [(10, "warning"), (11, "warning"), (10, "info"), (11, "info"), (35, "error")]
)
def test_what_github_does_not_show_is_counted(count: int, severity: str) -> None:
    result = commands(piped(github, run_of(SPEC, times=count, severity=severity)))
    kind = result[0][0] if severity != "info" else "notice"
    notices = [message for name, _, message in result if name == "notice"]
    if count <= 10:
        assert not any("more than GitHub shows" in message for message in notices)
        return
    shown = [message for name, _, message in result if name == kind][:10]
    (place,) = [number for number, message in enumerate(notices) if "more than GitHub shows" in message]
    assert place == 0  # among the ten that are shown
    hidden = count - sum("taps" in message for message in shown)
    assert notices[place].startswith(f"{hidden} {kind}")


# ---- JUnit --------------------------------------------------------------------------------------------------------


@given(runs())
def test_junit_is_read_back(run: Run) -> None:
    root = ET.fromstring(piped(junit, run).encode())  # noqa: S314  # our own text
    suites = root.findall("testsuite")[: len(run.files)]
    for suite, file in zip(suites, run.files, strict=True):
        cases = suite.findall("testcase")
        assert len(cases) == int(suite.attrib["tests"]) == max(1, len(file.findings))
        failures = [case for case in cases if case.find("failure") is not None]
        assert len(failures) == int(suite.attrib["failures"])
        assert len(failures) == sum(finding.severity != "info" for finding in file.findings)
        for case, finding in zip(cases, file.findings, strict=False):
            assert finding.code in case.attrib["name"]
    items = [int(root.attrib[name]) for name in ("tests", "failures", "errors")]
    every = root.findall("testsuite")
    assert items == [sum(int(suite.attrib[name]) for suite in every) for name in ("tests", "failures", "errors")]
    assert len(root.findall(".//error")) == len(run.crashed)


def test_a_clean_file_is_a_passed_case() -> None:
    (case,) = ET.fromstring(piped(junit, Run((Linted("a.yaml", ()),), {}, failed=False)).encode()).iter("testcase")  # noqa: S314
    assert list(case) == []
    assert case.attrib["file"] == "a.yaml"


# ---- Markdown -----------------------------------------------------------------------------------------------------


def cells(row: str) -> list[str]:
    return re.split(r"(?<!\\)(?:\\\\)*\|", row)[1:-1]


@given(runs())
def test_markdown_rows_are_whole_and_hold_no_markup(run: Run) -> None:
    message = piped(markdown, run)
    assert message.startswith("<!-- convcalc:lint -->\n### ")
    rows = [line for line in message.split("\n") if re.match(r"\| (error|warning|info) ", line)]
    assert len(rows) == len(run.findings)
    for row in rows:
        assert len(cells(row)) == 4
        assert "<" not in row.replace("<br>", "")
        assert "@" not in row


def test_markdown_fits_a_comment() -> None:
    message = piped(markdown, run_of(*[SPEC] * 3, times=400))
    assert len(message) < 65_000
    shown = len([line for line in message.splitlines() if line.startswith("| warning ")])
    left_out = re.search(r"([\d,]+) more findings are left out", message)
    assert left_out is not None
    assert shown + int(left_out[1].replace(",", "")) == 1200


# ---- all ----------------------------------------------------------------------------------------------------------


def test_every_format_says_the_same(folder: Path) -> None:
    (folder / "broken.yaml").write_text("input: [3, 8\n", "utf-8")
    paths = ("net.yaml", "broken.yaml", "missing.yaml", "clean.yaml")
    document = json.loads(lint(*paths, "--format", "json").out)["findings"]
    places = {(finding["path"], finding["line"], finding["code"]) for finding in document}
    assert {path for path, _, _ in places} == {"net.yaml", "broken.yaml", "missing.yaml"}
    results = json.loads(lint(*paths, "--format", "sarif").out)["runs"][0]["results"]
    assert {(r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], r["ruleId"]) for r in results} == {
        (path, code) for path, _, code in places
    }
    for name in ("text", "concise", "github", "junit", "markdown"):
        output = lint(*paths, "--format", name).out
        for path, line, code in places:
            assert path in output
            assert code in output
            assert line is None or re.search(rf"\b{line}\b", output)


def test_formats_need_no_terminal(folder: Path) -> None:
    """JSON, SARIF and the like are read by machines: a start without what draws on terminals."""
    import subprocess
    import sys

    code = (
        "import sys, convcalc.cli; sys.argv = ['convcalc', 'lint', 'net.yaml', '--format', sys.argv[1]]\n"
        "try: convcalc.cli.main()\nfinally: print('rich.console' in sys.modules, file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_ACTIONS": ""}
    for name in ("json", "text"):
        done = subprocess.run(
            [sys.executable, "-c", code, name], capture_output=True, text=True, check=False, env=environment, cwd=folder
        )
        assert done.stderr.splitlines()[-1] == "False", name
