"""What comes behind loading when the steps of a run do not last: what is left out is named, and nothing is guessed."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner
from view_texts import on_console, piped

import convcalc
from convcalc import steps
from convcalc.analysis.align import common
from convcalc.analysis.sides import of_specs
from convcalc.cli import application, loading
from convcalc.linting.options import Options
from convcalc.linting.run import Linter, _File
from convcalc.network import Network
from convcalc.reference.verified import Verification
from convcalc.reference.verify import verify
from convcalc.rules._subject import RuleSettings
from convcalc.views.columns import MOST_ROWS, Column, Grid
from convcalc.views.verify import json, shared, table
from convcalc.views.verify.shared import Verified

CONVS = "input: [4, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3, padding: 1, repeat: 12}\n"
EVEN = "input: [4, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 1, dilation: 2}\n"


def _written(folder: Path, text: str, name: str = "net.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_rules_that_are_cut_short_are_named(tmp_path: Path) -> None:
    linter = Linter(Options())
    path = _written(tmp_path, CONVS)
    with steps.run(1_000_000):
        assert not linter.file(path).findings
    source = convcalc.language.read(path)
    examined = convcalc.language.document.examine(source)
    assert not examined.warnings
    with steps.run(13 * 5):  # of 13 nodes: for five rules
        severities = dict.fromkeys(("CC201", "CC202", "CC203", "CC204", "CC205", "CC206", "CC207"), "warning")
        file = _File(linter, source, severities, linter.finder.of(path), examined, RuleSettings(), [])
        assert [list(file._of_rule(code)) for code in severities] == [[]] * len(severities)
        assert file.unfinished == ["CC206", "CC207"]
    (finding,) = file._about_unfinished()
    assert finding.code == "CC008"
    assert finding.severity == "error"
    assert "CC206, CC207" in finding.problem.message
    assert steps.limit() in finding.problem.message
    assert not {"CC206", "CC207"} & file.ran  # so that no suppression of theirs is called unused


def test_a_file_whose_steps_do_not_last_is_a_finding(tmp_path: Path) -> None:
    path = _written(tmp_path, CONVS)
    with steps.run(20):
        (finding,) = Linter(Options()).file(path).findings
    assert (finding.code, finding.path, finding.severity) == ("CC008", path, "error")
    assert "the 20 steps that one run may take" in finding.message


def test_every_file_has_the_steps_of_a_run(tmp_path: Path) -> None:
    """All of ten files, where a run lasts for one."""
    paths = [_written(tmp_path, CONVS, f"net{number}.yaml") for number in range(10)]
    with steps.run(20):
        run = Linter(Options()).run(paths)
        assert not run.findings
        assert not steps.afford(21)
    with steps.run(24), pytest.raises((steps.OutOfSteps, convcalc.SpecError)):  # two are a pair
        of_specs(paths[:2], convcalc.load)


def test_one_file_too_many_is_no_end_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [_written(tmp_path, CONVS, name) for name in ("a.yaml", "b.yaml")]
    load = loading.load

    def lasting(file: str, *others: object, **options: object) -> object:
        steps.spend(steps.MOST_STEPS + 1 if file == paths[0] else 0)
        return load(file, *others, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "load", lasting)
    for command in ("analyze", "verify"):
        with steps.run():
            result = CliRunner().invoke(application(), [command, *paths])
        assert result.exit_code == 2
        assert f"{paths[0]}: error[CC008]: not finished: {steps.limit()}" in result.stderr
        assert "b.yaml" in result.stdout


def _longest_common(left: list[int], right: list[int]) -> int:
    """The length of a longest common subsequence, from the textbook's recurrence."""
    row = [0] * (len(right) + 1)
    for item in left:
        before = row
        row = [0]
        for place, other in enumerate(right):
            row.append(before[place] + 1 if item == other else max(before[place + 1], row[place]))
    return row[-1]


@pytest.mark.parametrize("most", [0, 100, 10**9])
def test_an_alignment_without_steps_is_shorter_and_still_one(most: int) -> None:
    left = [place * place % 7 for place in range(60)]
    right = [place * place * place % 7 for place in range(50)]
    with steps.run(most):
        pairs = common(left, right)
    assert all(left[mine] == right[theirs] for mine, theirs in pairs)
    assert all(a < b and c < d for (a, c), (b, d) in itertools.pairwise(pairs))
    assert pairs
    if most == 10**9:
        assert len(pairs) == _longest_common(left, right)


def _columns() -> list[Column]:
    names = ["conv1", "層のなまえ", "a.b.c", "é"]  # 層 is two cells wide
    return [
        Column("layer", names, "left", "cyan"),
        Column("", ["x2", "", "", "x11"], "left"),
        Column("params", ["1", "22", "", "333,333"]),
    ]


@pytest.mark.parametrize("colours", [None, "truecolor"])
def test_a_table_is_as_rich_lays_it_out(colours: str | None) -> None:
    styles = ["", "dim", "bold red", ""]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in _columns():
        justify = "left" if column.justify == "left" else "right"
        table.add_column(Text(column.header), justify=justify, style=column.style, width=column.width, no_wrap=True)  # type: ignore[arg-type]
    for place, style in enumerate(styles):
        table.add_row(*(Text(column.cells[place]) for column in _columns()), style=style or None)
    texts = []
    for shown in (table, Grid(_columns(), styles)):
        console = Console(file=io.StringIO(), width=80, force_terminal=colours is not None, color_system=colours)  # type: ignore[arg-type]
        texts.append([(segment.text, segment.style) for segment in console.render(shown)])
    cells = [[(char, style or None) for text, style in segments for char in text if char != " "] for segments in texts]
    assert cells[0] == cells[1]
    plain = ["".join(text for text, _ in segments) for segments in texts]
    assert plain[0] == plain[1]


def test_a_table_without_steps_says_how_many_rows_it_lacks() -> None:
    count = MOST_ROWS + 234
    console = Console(file=(shown := io.StringIO()), width=100)
    with steps.run(0):
        console.print(Grid([Column("n", [str(number) for number in range(count)])], [""] * count), soft_wrap=True)
        console.print(Grid([Column("n", ["7"])], [""]), soft_wrap=True)
    lines = shown.getvalue().split()
    assert lines[1 : MOST_ROWS + 1] == [str(number) for number in range(MOST_ROWS)]
    assert "and 234 more rows: more work than the 0 steps" in shown.getvalue()
    assert lines[-1] == "7"


def test_a_variant_without_steps_is_one_that_cannot_be_had(tmp_path: Path) -> None:
    path = _written(tmp_path, CONVS)
    assert convcalc.variants(convcalc.load(path), "separable").candidates[0].report is not None
    with steps.run(1_000_000):
        compared = convcalc.variants(convcalc.load(path), "separable,ghost")
    assert all(candidate.report is not None for candidate in compared.candidates)


def _partial(net: Network) -> Verification:
    """What comes of so few steps that some layers run and others do not."""
    for most in range(1_000, 1_000_000, 500):
        with steps.run(most):
            result = verify(net)
        if any(layer.is_run for layer in result.layers):
            assert not all(layer.is_run for layer in result.layers)
            return result
    raise AssertionError("no layer runs")


def test_verify_names_what_its_steps_do_not_last_for(tmp_path: Path) -> None:
    net = convcalc.load(_written(tmp_path, CONVS))
    in_full = verify(net)
    assert in_full.agrees
    assert all(layer.is_run and layer.receptive_field and layer.receptive_field.agrees for layer in in_full.layers)
    partial = _partial(net)
    run = [layer.is_run for layer in partial.layers]
    assert run == sorted(run, reverse=True)
    assert partial.agrees  # of what was measured
    assert {figure.agrees for figure in partial.totals.values()} == {None}
    shown = on_console(table, Verified(partial, "net.yaml"), 200)
    first = run.index(False)
    assert f"not run: {12 - first} of 12 layers, from conv1.{first} on, so no totals: " in shown
    assert f"{sum(run)} of 12 layers run" in shown
    assert "field not probed at conv1." in shown
    document = msgspec.json.decode(piped(json, Verified(partial, "net.yaml")))
    assert document["layers"][-1]["macs"] == {"claimed": 9216, "measured": None, "agrees": None}


def test_verify_says_that_nothing_was_run_and_names_the_limit_in_force(tmp_path: Path) -> None:
    net = convcalc.load(_written(tmp_path, CONVS))
    with steps.run(200):
        result = verify(net)
        texts = [*shared.notes(result), shared.verdict(result)]
    assert "so nothing was measured" in texts[-1]
    assert "as claimed" not in texts[-1]
    assert all("3,000,000" not in text for text in texts)
    assert all("the 200 steps that one run may take" in text for text in (texts[0], texts[-1]))


def test_verify_of_a_wrong_claim_is_a_disagreement_however_few_layers_run(tmp_path: Path) -> None:
    net = convcalc.load(_written(tmp_path, CONVS))
    wrong = msgspec.structs.replace(net.nodes[1], shape=(4, 9, 8))
    assert not _partial(msgspec.structs.replace(net, nodes=(net.nodes[0], wrong, *net.nodes[2:]))).agrees
