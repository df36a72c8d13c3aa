"""What `lint` prints of findings, every field of every format, held against a text in which the places are known.

A bias stands before a norm, and a layer at the end does nothing. Where they stand is looked for in the text, what they
cost is in the ledger, and what a fix makes of the text is what PyYAML reads of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml
from command_line import application
from ledger import elements
from printed import digits, of_json, of_markdown, saved
from typer.testing import CliRunner
from witnesses import Case

NOTHING = "  - dropout: {name: nothing, p: 0}\n"
LEVELS = {"warning": ("warning", "warning"), "info": ("notice", "note")}
"""A severity as GitHub and as SARIF call it."""


@dataclass(frozen=True)
class Known:
    """A finding as it must be."""

    code: str
    name: str
    severity: str
    layer: str
    line: int
    column: int
    end_column: int
    message: str
    help: str
    fixed: Any


def findings(case: Case) -> tuple[str, str, list[Known]]:
    """The path of a spec, its text, and what is to be found in it."""
    text = re.sub(r"(?<=bias: )true(?=\}\n {6}- batch_norm)", "false", case.net.text, count=1) + NOTHING
    path = saved(Path(case.path).parent, text, "mistaken.yaml")
    stem, lines = case.net.entry("stem"), text.splitlines()
    meant = yaml.safe_load(text)
    (first, *_, last) = meant["layers"]
    unbiased = {**first["conv"], "bias": False}
    with_bias = Known(
        "CC301", "bias-before-norm", "warning", "stem", stem.line, *at(lines[stem.line - 1], "true"),
        f"stem: bn subtracts the mean of each channel, and the bias with it: {digits((stem.shape or ())[0])} params "
        f"and {digits(elements(stem.shape or ()))} additions that change nothing", "write bias: false",
        {**meant, "layers": [{"conv": unbiased}, *meant["layers"][1:]]},
    )  # fmt: skip
    assert last == {"dropout": {"name": "nothing", "p": 0}}
    useless = Known(
        "CC303", "no-op", "info", "nothing", len(lines), *at(lines[-1], "dropout"),
        "nothing: drops a share of 0: it changes nothing", "remove it", {**meant, "layers": meant["layers"][:-1]},
    )  # fmt: skip
    return path, text, [with_bias, useless]


def at(line: str, word: str) -> tuple[int, int]:
    """The column of a word in its line, from 1, and that behind it."""
    return line.index(word) + 1, line.index(word) + len(word) + 1


def lint(path: str, format_: str) -> str:
    options = ["--select", "CC301,CC303", "--format", format_]
    result = CliRunner().invoke(application(), ["lint", path, *options], env={"GITHUB_ACTIONS": None})
    assert result.exit_code == 1, result.output
    return result.stdout


def changed(text: str, edits: list[tuple[int, int, int, int, str]]) -> Any:
    """What PyYAML reads of a text with edits, each by lines and columns from 1."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for first, column, last, end_column, new in sorted(edits, reverse=True):
        text = text[: starts[first - 1] + column - 1] + new + text[starts[last - 1] + end_column - 1 :]
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AssertionError(text) from error


def findings_json(case: Case) -> None:
    path, text, known = findings(case)
    document = of_json(lint(path, "json"))
    assert (document.pop("version"), document.pop("internal_errors")) == (1, [])
    assert document.pop("convcalc_version")
    assert document.pop("summary") == {
        "files": 1, "files_with_findings": 1, "findings": 2, "errors": 0, "warnings": 1, "infos": 1, "suppressed": 0,
        "fixable": 2,
    }  # fmt: skip
    assert set(document) == {"findings"}
    for record, wanted in zip(document["findings"], known, strict=True):
        fix = record.pop("fix")
        names = ("code", "name", "severity", "layer", "line", "column", "end_column", "message", "help")
        assert record == {"path": path, "more": 0, **{name: getattr(wanted, name) for name in names}}
        assert set(fix) == {"title", "edits"}
        places = ("line", "column", "end_line", "end_column", "text")
        assert all(set(edit) == set(places) for edit in fix["edits"])
        edits = [tuple(edit[name] for name in places) for edit in fix["edits"]]
        assert changed(text, edits) == wanted.fixed


def place(path: str, known: Known) -> str:
    return f"{path}:{known.line}:{known.column}"


def heading(path: str, known: Known) -> str:
    return f"{place(path, known)}: {known.severity}[{known.code}]: {known.message}"


def findings_concise(case: Case) -> None:
    path, _, known = findings(case)
    assert lint(path, "concise").splitlines() == [heading(path, finding) for finding in known]


COUNTED = "2 findings (1 warning, 1 info) in 1 file"


def findings_text(case: Case) -> None:
    path, text, known = findings(case)
    *blocks, summary = lint(path, "text").rstrip("\n").split("\n\n")
    assert summary.splitlines() == [COUNTED, "2 can be fixed with --fix"]
    for block, finding in zip(blocks, known, strict=True):
        head, source, carets, advice = block.splitlines()
        line = text.splitlines()[finding.line - 1]
        number, bar, shown = source.partition(" | ")
        assert (head, int(number)) == (heading(path, finding), finding.line)
        assert shown in line  # a long one is cut at both ends
        under = carets.partition(" | ")[2]
        assert len(number + bar) == len(carets) - len(under)
        first, behind = at(under, "^" * under.count("^"))
        assert shown[first - 1 : behind - 1] == line[finding.column - 1 : finding.end_column - 1]
        assert advice.strip() == f"= help: {finding.help}"


def findings_github(case: Case) -> None:
    path, _, known = findings(case)
    for line, finding in zip(lint(path, "github").splitlines(), known, strict=True):
        command, text = re.fullmatch(r"::(.*?)::(.*)", line).groups()  # type: ignore[union-attr]
        level, _, fields = command.partition(" ")
        assert level == LEVELS[finding.severity][0]
        assert dict(field.split("=", 1) for field in fields.split(",")) == {
            "title": f"convcalc {finding.code} {finding.name}", "file": path, "line": str(finding.line),
            "endLine": str(finding.line), "col": str(finding.column), "endColumn": str(finding.end_column),
        }  # fmt: skip
        assert text == f"{heading(path, finding)}%0Ahelp: {finding.help}"


def findings_markdown(case: Case) -> None:
    path, _, known = findings(case)
    text = lint(path, "markdown")
    assert f"### convcalc lint: {COUNTED}\n" in text
    ((header, rows),) = of_markdown(text)
    assert header == ["", "place", "rule", "finding"]
    wanted = [
        [finding.severity, f"{path}:{finding.line}", f"{finding.code} {finding.name}",
         f"{finding.message}<br>_{finding.help}_"]
        for finding in known
    ]  # fmt: skip
    assert rows == wanted


def findings_junit(case: Case) -> None:
    path, _, known = findings(case)
    root = ElementTree.fromstring(lint(path, "junit"))  # noqa: S314  # our own text
    counts = {"tests": "2", "failures": "1", "errors": "0"}
    assert root.attrib == {"name": "convcalc lint", **counts}
    (suite,) = root
    assert suite.attrib == {"name": path, **counts}
    for element, finding in zip(suite, known, strict=True):
        name = f"{finding.code} {finding.name} in line {finding.line}: {finding.layer}"
        assert element.attrib == {"name": name, "classname": path, "file": path, "line": str(finding.line)}
        (outcome,) = element
        assert outcome.text == f"{place(path, finding)}: {finding.message}\nhelp: {finding.help}"
        fails = finding.severity == "warning"
        assert outcome.tag == ("failure" if fails else "system-out")
        assert outcome.attrib == ({"type": "warning", "message": finding.message} if fails else {})


def findings_sarif(case: Case) -> None:
    path, text, known = findings(case)
    (run,) = of_json(lint(path, "sarif"))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result, finding in zip(run["results"], known, strict=True):
        result.pop("partialFingerprints")  # by what a finding is known again, whatever else is printed
        ((fix,), (location,)) = result.pop("fixes"), result.pop("locations")
        assert result == {
            "ruleId": finding.code, "ruleIndex": rules.index(finding.code), "level": LEVELS[finding.severity][1],
            "message": {"text": f"{finding.message}\nhelp: {finding.help}"},
        }  # fmt: skip
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert Path(uri).name == Path(path).name
        assert location["physicalLocation"]["region"] == {
            "startLine": finding.line, "startColumn": finding.column, "endLine": finding.line,
            "endColumn": finding.end_column,
        }  # fmt: skip
        assert location["logicalLocations"] == [{"fullyQualifiedName": finding.layer, "kind": "member"}]
        ((change,),) = (fix["artifactChanges"],)
        assert change["artifactLocation"]["uri"] == uri
        edits = [
            (*(one_edit["deletedRegion"][name] for name in ("startLine", "startColumn", "endLine", "endColumn")),
             one_edit["insertedContent"]["text"])
            for one_edit in change["replacements"]
        ]  # fmt: skip
        assert changed(text, edits) == finding.fixed
