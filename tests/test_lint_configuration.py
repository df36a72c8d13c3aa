"""The configuration of lint: where it is found, what it says, and every way to be wrong.

A file that is wrong marks with « and » what a message must point at; the marks are taken out before it is read.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lint_runs import command

import convcalc
from convcalc import rules
from convcalc.language.source import Diagnostic, SpecError
from convcalc.linting.configuration import Configuration, Finder, configured, matches
from convcalc.linting.options import Options
from convcalc.linting.selection import selected

SPEC = "input: [3, 1, 1]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n  - batch_norm\n"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project" / "nets" / "deep").mkdir(parents=True)
    for folder in ("", "nets", "nets/deep"):
        (tmp_path / "project" / folder / "net.yaml").write_text(SPEC, "utf-8")
    monkeypatch.chdir(tmp_path / "project")


def found_in(path: str = "net.yaml") -> set[str]:
    return {finding.code for finding in convcalc.lint(path).findings} & {"CC206", "CC301"}


def write(path: str, text: str) -> None:
    Path(path).write_text(text, "utf-8")


# ---- where it is found ----------------------------------------------------------------------------------------------


def test_nothing_is_configured() -> None:
    assert found_in() == {"CC206", "CC301"}


def test_the_nearest_file_above_a_spec_counts_alone() -> None:
    write("pyproject.toml", '[tool.convcalc.lint]\nignore = ["CC206"]\n')
    write("nets/convcalc.toml", '[lint]\nignore = ["CC301"]\n')
    assert [found_in(f"{folder}net.yaml") for folder in ("", "nets/", "nets/deep/")] == [
        {"CC301"},
        {"CC206"},
        {"CC206"},
    ]


def test_it_is_looked_for_from_the_spec_and_not_from_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    write("nets/convcalc.toml", '[lint]\nignore = ["CC301"]\n')
    monkeypatch.chdir("nets/deep")
    assert found_in("../../net.yaml") == {"CC206", "CC301"}
    assert found_in("net.yaml") == {"CC206"}


def test_a_pyproject_without_the_table_is_passed_over_and_convcalc_toml_comes_first() -> None:
    write("pyproject.toml", '[tool.convcalc.lint]\nignore = ["CC206"]\n')
    write("nets/pyproject.toml", '[project]\nname = "convcalc"\n')
    assert found_in("nets/net.yaml") == {"CC301"}
    write("convcalc.toml", "[lint]\n")
    assert found_in("nets/net.yaml") == {"CC206", "CC301"}


@pytest.mark.parametrize(
    "text",
    [
        '[tool.convcalc.lint]\nignore = ["CC206"]\n',
        '[tool.convcalc]\nlint.ignore = ["CC206"]\n',
        '[tool]\nconvcalc.lint.ignore = ["CC206"]\n',
        'tool.convcalc.lint.ignore = ["CC206"]\n',
        'tool = {convcalc = {lint = {ignore = ["CC206"]}}}\n',
        '[ "tool" . \'convcalc\' . lint ]\nignore = ["CC206"]\n',
        "[tool.convcalc.lint.severity]\nCC206 = 'off'\n",
    ],
)
def test_every_way_to_write_the_table(text: str) -> None:
    write("pyproject.toml", text)
    assert found_in() == {"CC301"}


def test_standard_input_is_configured_by_the_current_folder() -> None:
    write("convcalc.toml", '[lint]\nignore = ["CC206", "CC301", "CC210", "CC208"]\nfail-level = "info"\n')
    assert "CC206" not in command("-", given=SPEC).out


def test_a_file_that_is_named_counts_for_all() -> None:
    write("nets/convcalc.toml", '[lint]\nignore = ["CC301"]\n')
    write("other.toml", '[lint]\nselect = ["CC301"]\n')
    run = convcalc.lint(["net.yaml", "nets/net.yaml"], config="other.toml")
    assert [finding.code for finding in run.findings] == ["CC301", "CC301"]


# ---- what it says ---------------------------------------------------------------------------------------------------


def test_selection() -> None:
    write("convcalc.toml", '[lint]\nselect = ["CC2"]\nextend-select = ["bias-before-norm"]\nignore = ["CC20"]\n')
    assert found_in() == {"CC301"}
    options = {"select": ["CC206"], "ignore": ["CC3"]}
    assert {finding.code for finding in convcalc.lint("net.yaml", **options).findings} == {"CC206"}  # type: ignore[arg-type]
    assert "CC301" not in {finding.code for finding in convcalc.lint("net.yaml", ignore=["CC301"]).findings}


def test_ignores_for_some_files() -> None:
    write("convcalc.toml", '[lint]\nper-file-ignores = {"nets/*.yaml" = ["CC2"], "**/deep/**" = ["CC301"]}\n')
    assert [found_in(f"{folder}net.yaml") for folder in ("", "nets/", "nets/deep/")] == [
        {"CC206", "CC301"},
        {"CC301"},
        {"CC206"},
    ]


def test_severities_and_the_level_that_fails() -> None:
    write("convcalc.toml", '[lint]\nselect = ["CC206", "CC301"]\nseverity = {CC2 = "error", dead-taps = "info"}\n')
    run = convcalc.lint("net.yaml")
    assert {(finding.code, finding.severity) for finding in run.findings} == {("CC206", "info"), ("CC301", "warning")}
    assert run.failed
    write("convcalc.toml", '[lint]\nselect = ["CC206", "CC301"]\nfail-level = "error"\n')
    assert not convcalc.lint("net.yaml").failed
    assert convcalc.lint("net.yaml", fail_level="warning").failed
    write("convcalc.toml", '[lint]\nselect = ["CC301"]\nfail-level = "error"\nseverity.CC301 = "error"\n')
    assert convcalc.lint("net.yaml").failed


def test_a_severity_turns_a_rule_on_and_off() -> None:
    write("convcalc.toml", '[lint]\nseverity = {CC209 = "warning", CC206 = "off"}\n')
    run = convcalc.lint("net.yaml")
    assert run.severities["CC209"] == "warning"
    assert "CC206" not in run.severities


def test_budgets_for_some_files() -> None:
    write(
        "pyproject.toml",
        '[tool.convcalc.lint.budgets]\n"**" = {params = "1K", macs = 1}\n"nets/**" = {macs = "1G"}\n',
    )
    run = convcalc.lint(["net.yaml", "nets/net.yaml"], select=["CC5"])
    assert [(finding.path, finding.code) for finding in run.findings] == [("net.yaml", "CC502")]
    assert "of pyproject.toml" in run.findings[0].message
    assert run.findings[0].line == 2


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.yaml", "net.yaml nets/net.yaml a/b/c.yaml", "net.yml"),
        ("nets/*.yaml", "nets/net.yaml", "net.yaml nets/deep/net.yaml a/nets/net.yaml"),
        ("nets/**", "nets/net.yaml nets/deep/net.yaml", "net.yaml notnets/net.yaml"),
        ("**/deep/*.yaml", "deep/net.yaml nets/deep/net.yaml", "nets/net.yaml nets/deep/er/net.yaml"),
        ("nets/**/net.yaml", "nets/net.yaml nets/deep/net.yaml nets/a/b/net.yaml", "nets/internet.yaml"),
        ("net?.yaml", "net1.yaml a/net2.yaml", "net.yaml net12.yaml"),
        ("./net.yaml", "net.yaml", "nets/net.yaml"),
        ("a+b(c).yaml", "a+b(c).yaml", "aab(c).yaml"),
    ],
)
def test_patterns(pattern: str, yes: str, no: str) -> None:
    assert [path for path in yes.split() if not matches(pattern, path)] == []
    assert [path for path in no.split() if matches(pattern, path)] == []


WORDS = st.lists(
    st.sampled_from(["CC", "CC2", "CC20", "CC206", "dead-taps", "CC203", "CC3", "CC301", "CC0"]), max_size=4
)


@given(WORDS, WORDS, WORDS)
def test_selection_does_what_it_says(select: list[str], ignore: list[str], extended: list[str]) -> None:
    """Of every rule: the longest word that means it decides, `ignore` where two are alike."""
    configuration = Configuration(select=tuple(select), extend_select=tuple(extended), ignore=tuple(ignore))
    result = selected(Options(), configuration, "net.yaml")
    for code, name in rules.names().items():
        lengths = [[5 if word == name else len(word) for word in words if word == name or code.startswith(word)]
                   for words in (select + extended, ignore)]  # fmt: skip
        wanted, unwanted = (max(item, default=0) for item in lengths)
        rule = rules.load(code)
        assert rule is not None
        runs = wanted > unwanted and (rule.severity != "off" or wanted == 5)
        assert (code in result) is runs, code


# ---- what is wrong --------------------------------------------------------------------------------------------------

WRONG = {
    "a key": ('[lint]\n«selcet» = ["CC2"]\n', "has no key `selcet` ... did you mean `select`?"),
    "a key that is like none": ('[lint]\n«xyzzy» = 1\n', "has no key `xyzzy` ... it has select, extend-select"),
    "a key with an underscore": ('[lint]\n«fail_level» = "info"\n', "did you mean `fail-level`?"),
    "a table": ('[«lnt»]\nselect = ["CC2"]\n', "has no key `lnt` ... `lint`"),
    "a list that is a text": ('[lint]\n«select» = "CC2"\n', "select: expected a list ... found the text 'CC2'"),
    "a list of numbers": ("[lint]\n«ignore» = [206]\n", "ignore: expected a list of codes, names or prefixes"),
    "a rule": ('[lint]\nignore = ["CC206", "«CC2066»"]\n', "there is no rule `CC2066` ... did you mean `CC206`?"),
    "a rule's name": ('[lint]\nextend-select = ["«dead-tabs»"]\n', "did you mean `dead-taps`?"),
    "a level": ('[lint]\n«fail-level» = "warn"\n', "one of info, warning, error; found ... did you mean `warning`?"),
    "a level that is off": ('[lint]\n«fail-level» = "off"\n', "one of info, warning, error"),
    "a severity": ('[lint.severity]\n«CC206» = "fatal"\n', "CC206: expected one of off, info, warning, error"),
    "a severity of no rule": ('[lint.severity]\n«CC999» = "info"\n', "there is no rule `CC999`"),
    "severities in a list": ('[lint]\n«severity» = ["CC206"]\n', "severity: expected a table"),
    "a device": ('[lint]\n«device» = "abacus"\n', "device: there is no device `abacus`"),
    "a device that is a number": ("[lint]\n«device» = 3\n", "device: expected the name of a device or of a file ... 3"),
    "a device's file that is none": ('[lint]\n«device» = "b.yaml"\n', "device: ... b.yaml"),
    "a format": ('[lint]\n«dtype» = "fp16"\n', "dtype: expected one of float64 ... did you mean float16?"),
    "a format that is a number": ("[lint]\n«dtype» = 8\n", "dtype: expected one of float64 ... found 8"),
    "a format of no role": ('[lint]\n«dtype» = "wieghts=int8"\n', "dtype: expected formats of weights ... wieghts"),
    "fused in words": ('[lint]\n«fused» = "yes"\n', "fused: expected true or false, found the text 'yes'"),
    "a batch of nothing": ("[lint]\n«batch» = 0\n", "batch: expected a whole number from 1 to ... found 0"),
    "a bound of nothing": ('[lint.budgets."*"]\n«bound_ms» = 0\n', "bound_ms: expected a number of milliseconds ... 0"),
    "a bound with a suffix": ('[lint.budgets."*"]\n«bound_ms» = "3K"\n', "bound_ms: expected a number of milliseconds"),
    "a bound that is endless": ('[lint.budgets."*"]\n«bound_ms» = inf\n', "bound_ms: ... of milliseconds"),
    "a size": ("[lint]\n«object-size» = 0\n", "object-size: expected a whole number of pixels from 1 to ... found 0"),
    "a size that is true": ("[lint]\n«object-size» = true\n", "object-size"),
    "ignores of files": ('[lint]\n«per-file-ignores» = ["a.yaml"]\n', "per-file-ignores: expected a table"),
    "ignores of one file": ('[lint.per-file-ignores]\n«"a.yaml"» = "CC2"\n', "a.yaml: expected a list"),
    "a rule of a file": ('[lint.per-file-ignores]\n"a.yaml" = ["«CC9999»"]\n', "there is no rule `CC9999`"),
    "budgets": ("[lint]\n«budgets» = 3\n", "budgets: expected a table from patterns of files"),
    "a budget": ('[lint.budgets]\n«"*"» = 3\n', "expected a table of limits"),
    "an amount": ('[lint.budgets."*"]\n«mac» = 3\n', "has no key `mac` ... did you mean `macs`?"),
    "an amount that is none": ('[lint.budgets."*"]\n«macs» = "lots"\n', "macs: expected a whole number ... K, M, G"),
    "an amount that is a decimal": ('[lint.budgets."*"]\n«macs» = 1.5\n', "macs: expected a whole ... found 1.5"),
    "no TOML": ('[lint]\nselect = «"»\n', "not valid TOML"),
    "no TOML at all": ("«l»int\n".replace("«l»int", "lint«\n»"), "not valid TOML"),
    "a key twice": ('[lint]\nselect = []\nselect = []«\n»', "not valid TOML"),
}  # fmt: skip


def wrong(text: str) -> tuple[list[Diagnostic], str, tuple[int, int]]:
    """What is wrong with a file, its text, and where the mark stood."""
    place = text.index("«")
    end = text.index("»") - 1
    plain = text.replace("«", "").replace("»", "")
    write("convcalc.toml", plain)
    with pytest.raises(SpecError) as caught:
        configured("convcalc.toml")
    return caught.value.diagnostics, plain, (place, end)


@pytest.mark.parametrize("name", WRONG)
def test_mistakes(name: str) -> None:
    text, words = WRONG[name]
    (result, *_), plain, (start, _) = wrong(text)
    line = plain.count("\n", 0, start) + 1
    assert result.path == "convcalc.toml"
    if "not valid" not in words:
        assert (result.line, result.column) == (line, start - plain.rfind("\n", 0, start))
        assert plain.splitlines()[line - 1].startswith(result.text)
    assert result.line
    message = f"{result.message} | {result.help}"
    assert re.search(".*".join(map(re.escape, words.split(" ... "))), message), message


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_end_the_command(name: str) -> None:
    wrong(WRONG[name][0])
    result = command("net.yaml")
    assert (result.code, result.out) == (2, "")
    assert re.match(r"convcalc\.toml:\d+:\d+: error\[CC\d{3}\]: ", result.err)


def test_all_mistakes_are_said() -> None:
    result, _, _ = wrong('[lint]\n«selcet» = []\ndevice = 3\nfail-level = "x"\n[lint.severity]\nCC9 = "of"\n')
    assert [problem.line for problem in result] == [2, 3, 4, 6]


def test_the_table_of_pyproject_is_named_in_full() -> None:
    write("pyproject.toml", "[project]\nname = 'x'\nselcet = 1\n\n[tool.convcalc.lint]\nselcet = []\n")
    with pytest.raises(SpecError) as caught:
        Finder().of("net.yaml")
    (problem,) = caught.value.diagnostics
    assert (problem.path, problem.line, problem.code) == ("pyproject.toml", 6, "CC010")
    assert "[tool.convcalc.lint] has no key `selcet`" in problem.message


def test_a_misspelt_table_beside_is_said() -> None:
    write("pyproject.toml", "[tool.convcalc.lnt]\nselect = []\n")
    with pytest.raises(SpecError) as caught:
        Finder().of("net.yaml")
    assert "has no key `lnt`" in caught.value.diagnostics[0].message


@given(st.text(st.sampled_from("[lint]\nselc\"'=.{}#\\\t 09,-ü\x00")), st.booleans())
def test_whatever_is_in_the_file_it_is_read_or_said_what_is_wrong(text: str, full: bool) -> None:
    write("convcalc.toml", text if full else f"[lint]\n{text}")
    try:
        assert isinstance(configured("convcalc.toml"), Configuration)
    except SpecError as error:
        assert error.diagnostics  # noqa: PT017  # either is right
