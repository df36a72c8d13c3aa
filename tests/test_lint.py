"""lint: where findings stand, each said once, broken files, what runs, how severe it is, and how the command ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lint_runs import UNCONFIGURED, command, lint_text, marked

import convcalc
from convcalc import rules
from convcalc.language import Source
from convcalc.language.document import examine
from convcalc.language.tree import Mapping
from convcalc.linting.run import Linter
from convcalc.network import Node
from convcalc.rules._subject import Problem, Subject

ROOT = Path(__file__).parent.parent
SPECS = sorted((ROOT / "specs").rglob("*.yaml"))
BIASED = "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 1}\n  - batch_norm\n"
CLEAN = BIASED.replace("kernel_size: 1", "kernel_size: 1, bias: false")
BROKEN = BIASED + "  - conv: {out_channels: 4, kernal_size: 1}\n  - add: {from: [conv2, previous]}\n  - linear: 3\n"


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


# ---- places -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_layers_are_found_where_they_are_written(path: Path) -> None:
    """A layer's line is that of the network, its mark the kind or the block that the user wrote there."""
    source = Source(path.name, path.read_text("utf-8"))
    examined = examine(source)
    assert examined.network is not None
    assert examined.problems == []
    for index, node in enumerate(examined.network.nodes):
        start, end = examined.places.mark(index)
        assert source.line(start) == node.line
        if node.is_input:
            continue
        layer = examined.places.written(index)
        assert source.text[start:end] == layer.kind_name
        assert (layer.kind_name == node.kind) is examined.places.is_own(index)
        assert index in examined.places.same_text(index)
        _check_fields(examined.places.mark, source, index, layer.body)


def _check_fields(mark: Any, source: Source, index: int, body: object) -> None:
    """Every field that is written for a layer is marked behind its key."""
    for key, value in body.entries if isinstance(body, Mapping) else []:
        name = str(key.value)
        if name == "branches":
            continue
        start, end = mark(index, name)
        if start == value.start:
            assert key.end < start < end
        else:  # a layer of a shipped block whose argument does not carry that name: the call
            assert source.text[start:end].isidentifier()


def test_a_network_is_the_same_with_its_places() -> None:
    for path in SPECS:
        source = Source("net.yaml", path.read_text("utf-8"))
        assert examine(source).network == convcalc.load(path) or "name:" not in source.text


REPEATED = """\
input: [3, 8, 8]
blocks:
  unit:
    parameters: {channels: required}
    layers:
      - conv: {out_channels: channels, kernel_size: 1, bias: true}
      - batch_norm
layers:
  - unit: {channels: 4, repeat: 3}
  - unit: {channels: 8}
  - conv: {out_channels: 4, kernel_size: 1, repeat: 2}
  - batch_norm
"""


def test_layers_of_one_text_are_said_once_with_how_many_they_are() -> None:
    text = lint_text(REPEATED, select=("CC301",))
    first, second = text.findings
    assert (first.line, second.line) == (6, 11)
    assert marked(REPEATED, first) == "true"
    assert (first.layer, first.more) == ("unit1.0.conv1", 3)
    assert first.message.endswith("; and 3 more layers of this block")
    assert (second.layer, second.more) == ("conv1.1", 0)


def test_a_finding_in_a_shipped_block_stands_at_its_call() -> None:
    text = "input: [4, 1, 1]\nlayers:\n  - relu\n  - conv_bn_relu: {out_channels: 8, kernel_size: 3, padding: 1}\n"
    (result,) = lint_text(text, select=("CC206",)).findings
    assert (result.line, result.layer) == (4, "conv_bn_relu1.conv")
    assert marked(text, result) in {"conv_bn_relu", "3", "1"}


# ---- broken files ---------------------------------------------------------------------------------------------------


def test_a_broken_spec_is_findings_and_rules_run_on_what_has_a_shape() -> None:
    text = "input: [4, 1, 1]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n"
    result = lint_text(text + "  - rellu\n  - max_pool: 2\n")
    assert [finding.code for finding in result.findings if finding.severity != "info"] == ["CC206", "CC013"]
    assert result.network is not None
    assert [node.name for node in result.network.layers] == ["conv1"]


def test_a_mistake_is_said_once_and_nothing_follows_from_it() -> None:
    (text,) = lint_text(BROKEN).findings
    assert (text.code, marked(BROKEN, text)) == ("CC010", "kernal_size")


def test_a_syntax_error_ends_the_file_and_not_what_was_read_before(tmp_path: Path) -> None:
    text = lint_text("input: [4, 1, 1]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n  - [relu\n")
    assert {"CC206", "CC001"} <= {finding.code for finding in text.findings}


def test_other_files_go_on(tmp_path: Path) -> None:
    names = ["broken.yaml", "missing.yaml", "biased.yaml", "latin.yaml", "clean.yaml"]
    paths = [tmp_path / name for name in names]
    paths[0].write_text("input: [3, 8\n", "utf-8")
    paths[2].write_text(BIASED, "utf-8")
    paths[3].write_bytes("name: é\n".encode("latin-1"))
    paths[4].write_text(CLEAN, "utf-8")
    run = convcalc.lint([*paths, tmp_path], config=UNCONFIGURED)
    assert [file.path for file in run.files] == [str(path) for path in [*paths, tmp_path]]
    codes = [[finding.code for finding in file.findings if finding.severity != "info"] for file in run.files]
    assert codes == [["CC001"], ["CC001"], ["CC301"], ["CC001"], [], ["CC001"]]
    assert [file.network is not None for file in run.files] == [False, False, True, False, True, False]
    assert run.failed


def test_findings_know_the_layer_also_where_the_loader_found_them() -> None:
    text = "input: [4, 8, 8]\nlayers:\n  - relu: {name: a}\n  - add: {branches: [[conv: {name: b, kernal: 3}], []]}\n"
    assert [finding.layer for finding in lint_text(text, select=("CC0",)).findings] == ["b", "b"]


# ---- what runs ------------------------------------------------------------------------------------------------------


def codes(text: str, **options: Any) -> set[str]:
    return {finding.code for finding in lint_text(text, **options).findings}


DEAD = "input: [3, 1, 1]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n  - batch_norm\n"


def test_rules_are_selected_and_ignored_by_code_name_and_prefix() -> None:
    assert {"CC206", "CC301"} <= codes(DEAD)
    assert codes(DEAD, select=("CC206",)) == codes(DEAD, select=("dead-taps",)) == {"CC206"}
    assert "CC301" not in codes(DEAD, select=("CC2",))
    assert "CC206" not in codes(DEAD, ignore=("CC2",))
    assert "CC301" not in codes(DEAD, ignore=("bias-before-norm",))
    assert codes(DEAD, select=("CC",)) == codes(DEAD)
    assert codes(DEAD, select=()) == set()


def test_the_more_exact_word_wins_and_of_two_alike_ignore() -> None:
    assert codes(DEAD, select=("CC206",), ignore=("CC2",)) == {"CC206"}
    assert "CC206" not in codes(DEAD, select=("CC2",), ignore=("CC206",))
    assert codes(DEAD, select=("CC206",), ignore=("dead-taps",)) == set()
    assert codes(DEAD, select=("CC30", "CC206"), ignore=("CC3",)) >= {"CC206", "CC301"}


def test_a_rule_that_is_off_runs_when_it_is_named() -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}\n"
    off = rules.load("CC203")
    assert off is not None
    assert off.severity == "off"
    assert "CC203" not in codes(text) | codes(text, select=("CC2",)) | codes(text, select=("CC20",))
    (result,) = lint_text(text, select=("uneven-padding",)).findings
    assert (result.code, result.severity) == ("CC203", "info")


@pytest.mark.parametrize("option", ["select", "ignore"])
def test_words_that_mean_no_rule_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=r"no rule `CC2066`; did you mean `CC206`"):
        lint_text(DEAD, **{option: ("CC2066",)})


def test_only_what_ran_is_listed() -> None:
    run = convcalc.lint(SPECS[0], select=["CC2", "CC203"], ignore=["CC206"], config=UNCONFIGURED)
    assert set(run.severities) == set(rules.chosen("CC2")) - {"CC206", "CC209"}
    assert run.severities["CC203"] == "info"


# ---- rules that raise -----------------------------------------------------------------------------------------------


@pytest.fixture
def broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """CC206, which raises at the second layer, after a finding about the first."""

    def check(subject: Subject) -> Iterator[Problem]:
        for number, (index, _) in enumerate(subject.layers):
            if number:
                raise ZeroDivisionError("of what?\nnothing")
            yield subject.problem(index, "found before")

    load = rules._load
    broken = msgspec.structs.replace(load("CC206"), search=check)
    monkeypatch.setattr(rules, "_load", lambda code: broken if code == "CC206" else load(code))


@pytest.mark.usefixtures("broken_rule")
def test_a_rule_that_raises_is_named_with_the_layer_and_the_rest_still_runs(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(DEAD, "utf-8")
    run = convcalc.lint([path, path.with_name("other.yaml")], config=UNCONFIGURED)
    assert "CC301" in {finding.code for finding in run.findings}
    (crash,) = run.crashed
    assert (crash.code, crash.name, crash.path, crash.layer) == ("CC206", "dead-taps", str(path), "batch_norm1")
    result = command(str(path), "--config", UNCONFIGURED)
    assert result.code == 2
    assert "CC301" in result.out
    text = f"in rule CC206 (dead-taps) on {path}, layer batch_norm1: ZeroDivisionError: of what?"
    assert f"convcalc: internal error {text}\n" in result.err


@pytest.mark.usefixtures("broken_rule")
def test_a_suppression_of_a_rule_that_raised_is_not_called_unused() -> None:
    text = DEAD.replace("padding: 1}", "padding: 1, lint: {ignore: CC206}}")
    assert "CC901" not in codes(text)


# ---- the command ----------------------------------------------------------------------------------------------------


def written(folder: Path, text: str, name: str = "net.yaml") -> str:
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        (CLEAN, [], 0),
        (BIASED, [], 1),
        (BIASED, ["--fail-level", "error"], 0),
        (BIASED, ["--fail-level", "warning"], 1),
        (BIASED, ["--ignore", "CC301"], 0),
        (BIASED, ["--select", "CC1,CC2"], 0),
        (BIASED, ["--select", "CC1", "--select", "bias-before-norm"], 1),
        (BROKEN, ["--fail-level", "error"], 1),
        (CLEAN, ["--fail-level", "info", "--select", "CC210"], 1),
        (CLEAN, ["--select", "CC210"], 0),
        (CLEAN, ["--object-size", "4", "--select", "CC210"], 1),
        (CLEAN, ["--input", "3x1x1", "--select", "CC210"], 0),
        (CLEAN, ["--select", "CC999"], 2),
        (CLEAN, ["--ignore", "dead-tabs"], 2),
        (CLEAN, ["--device", "abacus"], 2),
        (CLEAN, ["--dtype", "int33"], 2),
        (CLEAN, ["--batch", "0"], 2),
        (CLEAN, ["--fail-level", "grave"], 2),
        (CLEAN, ["--object-size", "0"], 2),
        (CLEAN, ["--config", "missing.toml"], 2),
        (CLEAN, ["--baseline", "missing.json"], 2),
        (CLEAN, ["--base", "HEAD"], 2),
        (CLEAN, ["--max-regression", "macs=5%"], 2),
        (CLEAN, ["--nonsense"], 2),
    ],
)
def test_exit_codes(text: str, options: list[str], code: int, tmp_path: Path) -> None:
    config = [] if "--config" in options else ["--config", UNCONFIGURED]
    result = command(written(tmp_path, text), *config, *options)
    assert result.code == code, result
    assert bool(result.err) is (code == 2)


def test_standard_input() -> None:
    result = command("-", "--config", UNCONFIGURED, given=BIASED)
    assert result.code == 1
    assert result.out.startswith("<stdin>:3:5: warning[CC301]")
    assert command("-", "-").code == 2


def test_what_is_unreadable_is_one_finding(tmp_path: Path) -> None:
    result = command(str(tmp_path / "nowhere.yaml"), written(tmp_path, CLEAN), "--config", UNCONFIGURED)
    assert result.code == 1
    assert (
        result.out.splitlines()[0]
        == f"{tmp_path}/nowhere.yaml: error[CC001]: cannot be read: No such file or directory"
    )


def test_the_manual_lists_every_rule_and_shows_its_page() -> None:
    from command_line import application
    from typer.testing import CliRunner

    listed = CliRunner().invoke(application(), ["rules"])
    assert listed.exit_code == 0
    lines = listed.stdout.splitlines()
    for code, name in rules.names().items():
        rule = rules.load(code)
        assert rule is not None
        line = next(line for line in lines if line.startswith(code))
        assert line.split()[1:3] == [name, rule.severity]
        assert line.endswith(rule.summary)
        pages = [CliRunner().invoke(application(), ["rules", word]).stdout for word in (code, name)]
        assert pages[0] == pages[1]
        assert all(line.rstrip() in pages[0] for line in rule.page.splitlines()[1:])
    missing = CliRunner().invoke(application(), ["rules", "dead-tabs"])
    assert missing.exit_code == 2
    assert "did you mean `dead-taps`?" in " ".join(re.findall(r"[^\s│]+", missing.stderr))


def test_the_python_interface_is_the_command(tmp_path: Path) -> None:
    path = written(tmp_path, BIASED)
    run = convcalc.lint(path, select=["CC301"], config=UNCONFIGURED)
    (finding,) = run.findings
    assert isinstance(finding, convcalc.Finding)
    assert isinstance(finding, convcalc.Diagnostic)
    assert (finding.path, finding.line, finding.code, finding.name) == (path, 3, "CC301", "bias-before-norm")
    assert finding.layer == "conv1"
    assert run.failed
    with pytest.raises(AttributeError):
        finding.code = "CC302"  # type: ignore[misc]


def test_a_file_that_is_named_twice_is_linted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where patterns overlap: what it holds is not to be said twice, nor counted twice in a baseline."""
    monkeypatch.chdir(tmp_path)
    path, other = written(tmp_path, BIASED), str(tmp_path / "other.yaml")
    Path(other).write_text(CLEAN, "utf-8")
    names = [other, path, Path(path).name, f"./{Path(path).name}", other]
    run = convcalc.lint(names, select=["CC301"], config=UNCONFIGURED)
    assert [file.path for file in run.files] == [other, path]
    assert len(run.findings) == 1
    result = command(*names, "--select", "CC301", "--config", UNCONFIGURED)
    assert len(result.out.splitlines()) == 1
    assert command(*names, "--select", "CC301", "--config", UNCONFIGURED, "--fix").out == ""
    assert "bias: false" in Path(path).read_text("utf-8")


def test_linting_changes_nothing_that_analyze_says() -> None:
    """The loader hands out places only when it is asked, and no warnings."""
    text = "input: [3, 8, 8]\nvariables: {a: on}\nlayers: [relu]\n"
    assert "CC003" in codes(text)
    network = convcalc.language.loads(Source("net.yaml", text))
    assert [type(node) for node in network.nodes] == [Node, Node]


def test_a_linter_counts_a_file_once_however_often_it_is_linted() -> None:
    from convcalc.linting.options import Options

    linter = Linter(Options(config=UNCONFIGURED, select=("CC301",)))
    for text in (BIASED, BIASED + BIASED.split("layers:\n")[1], CLEAN):
        linted = linter.file("net.yaml", Source("net.yaml", text))
    assert linter.finished([linted]).failed is False
    assert sum(map(len, linter.seen.values())) == 0
