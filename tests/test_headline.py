"""The head of a page and the table of its blocks: they add up, and say what they leave out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import covering

import convcalc
from convcalc.analysis.report import Report
from convcalc.views.pictures.blocks import MOST_PRINTED, blocks
from convcalc.views.pictures.headline import HeadFigure, headline
from convcalc.views.pictures.record import record

ZOO = sorted((Path(__file__).parent.parent / "specs" / "zoo").glob("*.yaml"))

PARTLY_COSTED = """\
name: partly_costed
input: [3, 32, 32]
layers:
  - conv: {name: stem, out_channels: 16, kernel_size: 3}
  - opaque: {name: odd, output_shape: [16, 16, 16]}
"""


def analyzed(tmp_path: Path, text: str) -> Report:
    (tmp_path / "net.yaml").write_text(text, "utf-8")
    return convcalc.analyze(convcalc.load(str(tmp_path / "net.yaml")))


def by_label(report: Report) -> dict[str, HeadFigure]:
    return {figure.label: figure for figure in headline(report)}


def digits(text: str) -> int:
    """The number that a text holds, without its commas."""
    return int(re.sub(r"[^0-9]", "", text) or 0)


@pytest.mark.parametrize("path", covering(ZOO), ids=lambda path: path.stem)
def test_every_digit_of_a_total_is_in_its_figure(path: Path) -> None:
    report = convcalc.analyze(convcalc.load(str(path)))
    figures = by_label(report)
    for label, total in (
        ("params", report.totals.params),
        ("MACs", report.totals.macs),
        ("weights", report.totals.weight_bytes),
        ("peak activations", report.totals.peak_activation_bytes),
    ):
        assert total in [digits(text) for text in (figures[label].value, *figures[label].exact)], label
    assert "at least" not in figures


@pytest.mark.parametrize("path", covering(ZOO), ids=lambda path: path.stem)
def test_the_blocks_add_up_to_the_totals_on_the_screen_and_on_paper(path: Path) -> None:
    report = convcalc.analyze(convcalc.load(str(path)))
    table = blocks(report, record(report, str(path)))
    rest = [table["rest"]] if table["rest"] else []
    printed = [row for row in table["rows"] if not row["minor"]] + rest
    assert len(printed) <= MOST_PRINTED
    assert len(table["rows"]) <= 40
    for rows in (table["rows"], printed):
        assert sum(digits(row["params"]) for row in rows) == report.totals.params
        assert sum(digits(row["macs"]) for row in rows) == report.totals.macs
    if rest:
        most_left_out = max(digits(row["macs"]) for row in table["rows"] if row["minor"])
        assert most_left_out <= min(digits(row["macs"]) for row in table["rows"] if not row["minor"])


def test_a_figure_says_what_it_leaves_out(tmp_path: Path) -> None:
    report = analyzed(tmp_path, PARTLY_COSTED)
    figures = by_label(report)
    for label in ("params", "MACs", "weights"):
        assert figures[label].value.startswith("≥ ")
        assert figures[label].exact[-1] == "1 layer not costed"
    assert figures["peak activations"].value[0] != "≥"
    rows = {row["name"]: row for row in blocks(report, record(report, "net.yaml"))["rows"]}
    assert rows["odd"]["macs"] == rows["odd"]["params"] == "?"
    assert rows["stem"]["macs"] == f"{report.totals.macs:,}"


def test_a_network_that_costs_nothing_has_a_head(tmp_path: Path) -> None:
    report = analyzed(tmp_path, "input: [3, 8, 8]\nlayers: [identity]\n")
    assert [figure.value for figure in headline(report)][:2] == ["0", "0"]
    assert [row["share"] for row in blocks(report, record(report, "net.yaml"))["rows"]] == [""]
