"""Every rule file: its page, and the examples on it, which are run as they stand.

A line of a Flagged example that ends in ``# <- CC206`` must be flagged, and no other; an Allowed example must not be.
Comment lines at the top of an example configure it: ``# convcalc.toml: target = "..."`` is a line of the table
``[lint]``, ``# --max-regression macs=5%`` an option. A section Base or Baseline holds for the examples behind it.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest

import convcalc
from convcalc import rules
from convcalc.linting.records import Run

SECTIONS = ("Flagged", "Allowed", "Base", "Baseline", "Options")
CODES = rules.codes()
LOADED = re.compile(r"CC(0|10[1-5])")
"""Codes of what the loader finds: their examples have mistakes."""


class Example(msgspec.Struct, frozen=True):
    """A spec on a rule's page: what it is configured with, and the lines that are to be flagged."""

    text: str
    flagged: bool
    lines: tuple[int, ...]
    configuration: str = ""
    growth: tuple[str, ...] = ()
    base: str = ""
    baseline: str = ""


def rule(code: str) -> rules.Rule:
    network = rules.load(code)
    assert network is not None
    return network


def sections(code: str) -> list[tuple[str, str]]:
    """The sections of a page that are indented, in order."""
    page = rule(code).page
    matches = re.findall(rf"^({'|'.join(SECTIONS)}):\n((?:(?:    .*)?\n)+)", f"{page}\n\n", re.MULTILINE)
    return [(title, dedent(text).strip("\n") + "\n") for title, text in matches]


def examples(code: str) -> list[Example]:
    items = []
    others = {"Base": "", "Baseline": ""}
    for title, text in sections(code):
        if title in others:
            others[title] = text
        elif title != "Options":
            marked = [number for number, line in enumerate(text.split("\n"), 1) if line.endswith(f"# <- {code}")]
            configured = re.findall(r"^# convcalc\.toml: (.*)$", text, re.MULTILINE)
            growth = re.findall(r"^# --max-regression (\S+)$", text, re.MULTILINE)
            unmarked = re.sub(r" *# <- CC\d{3}$", "", text, flags=re.MULTILINE)
            items.append(
                Example(
                    unmarked,
                    title == "Flagged",
                    tuple(marked),
                    "\n".join(configured),
                    tuple(growth),
                    others["Base"],
                    others["Baseline"],
                )
            )
    return items


EXAMPLES = [
    pytest.param(code, example, id=f"{code}-{'flagged' if example.flagged else 'allowed'}-{number}")
    for code in CODES
    for number, example in enumerate(examples(code))
]


def linted(code: str, example: Example, folder: Path) -> Run:
    """The run of an example with its rule, and for a baseline with all."""
    (folder / "net.yaml").write_text(example.text, "utf-8")
    (folder / "convcalc.toml").write_text(f"[lint]\n{example.configuration}\n", "utf-8")
    options: dict[str, Any] = {"config": str(folder / "convcalc.toml")}
    if example.base:
        (folder / "base.yaml").write_text(example.base, "utf-8")
        options |= {"base": str(folder / "base.yaml"), "max_regression": example.growth}
    if example.baseline:
        (folder / "baseline.json").write_text(example.baseline, "utf-8")
        options |= {"baseline": str(folder / "baseline.json")}
    if not code.startswith("CC9"):
        options |= {"select": [code]}
    return convcalc.lint(folder / "net.yaml", **options)


@pytest.mark.parametrize(("code", "example"), EXAMPLES)
def test_examples(code: str, example: Example, tmp_path: Path) -> None:
    run = linted(code, example, tmp_path)
    assert run.crashed == ()
    items = [finding for finding in run.findings if finding.code == code]
    if example.baseline:
        assert bool(items) is example.flagged
        assert all(finding.path.endswith("baseline.json") for finding in items)
    else:
        assert sorted({finding.line for finding in items}) == list(example.lines), [f.message for f in items]
        assert bool(example.lines) is example.flagged
    others = {finding.code for finding in run.findings if finding.severity == "error"} - {code}
    assert others == set(), "an example has no other mistakes"
    for finding in items:
        assert finding.name == rules.names()[code]
        assert finding.severity in rules.SEVERITIES[1:]
        assert finding.message
        assert not finding.message.endswith(".")


@pytest.mark.parametrize(("code", "example"), [case for case in EXAMPLES if not LOADED.match(str(case.values[0]))])
def test_examples_of_rules_can_be_loaded(code: str, example: Example) -> None:
    from convcalc.language import Source, loads

    loads(Source("net.yaml", example.text))


@pytest.mark.parametrize("code", CODES)
def test_pages(code: str) -> None:
    """A summary in a line, what and when, what it gets wrong, a source, and both kinds of example."""
    page = rule(code).page
    first, blank, *rest = page.split("\n")
    assert first.endswith(".")
    assert len(first) <= 100
    assert first == rule(code).summary
    assert not blank
    assert {"Flagged", "Allowed"} <= {title for title, _ in sections(code)}
    body = "\n".join(rest)
    assert re.search(r"^False positives: \S", body, re.MULTILINE)
    assert re.search(r"^Source: \S", body, re.MULTILINE)
    assert len(body.partition("False positives")[0].split()) > 10
    unknown = set(re.findall(r"^(\w+):$", page, re.MULTILINE)) - set(SECTIONS)
    assert not unknown, "a section that no test runs"


@pytest.mark.parametrize("code", CODES)
def test_rules_are_called_by_code_and_by_name(code: str) -> None:
    result, name = rule(code), rules.names()[code]
    assert result.severity in rules.SEVERITIES
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    for word in (code, code.lower(), name, name.replace("-", "_"), name.upper()):
        assert rules.load(word) is result
        assert rules.chosen(word) == (code,)
    assert list(rules.chosen("CC")) == CODES
    assert code in rules.chosen(code[:3])
    assert code in rules.chosen(code[:4])


def test_names_are_given_once() -> None:
    assert len(set(rules.names().values())) == len(CODES)


@pytest.mark.parametrize(
    "word", ["", "C", "CCC", "CC2061", "CC999", "2", "dead", "dead taps", "*", "CC2*", "..", "_subject"]
)
def test_words_that_stand_for_no_rule(word: str) -> None:
    assert rules.chosen(word) == ()
    assert rules.load(word) is None


def test_every_code_that_the_loader_raises_has_a_page() -> None:
    folder = Path(convcalc.__file__).parent
    texts = [path.read_text("utf-8") for part in ("language", "layers") for path in (folder / part).rglob("*.py")]
    raised = {code for text in texts for code in re.findall(r'"(CC\d{3})"', text)}
    assert len(raised) > 10
    assert raised <= set(CODES)


def test_what_is_asked_for_is_there() -> None:
    asked = [*range(1, 4), *range(6, 9), *range(10, 14), *range(101, 107), 108, *range(201, 213), *range(301, 309)]
    asked += [*range(501, 506), *range(901, 904)]
    assert {f"CC{number:03}" for number in asked} <= set(CODES)
