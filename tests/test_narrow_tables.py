"""What can be read on a terminal of 80 columns: kernel and stride of every layer, and what can be set of a network."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from spec_reports import entries
from view_texts import analyzed, on_console

import convcalc
from convcalc.analysis.lines import lines
from convcalc.language import Source, loads, zoo
from convcalc.views.analyze import table
from convcalc.views.columns import window
from convcalc.views.zoo import table as zoo_table

FIGURES = re.compile(r"\d+(?:x\d+)*(?: /\d+(?:x\d+)*)?")
"""A kernel with its stride, where it has one."""


def printed(report: convcalc.Report, width: int, *, expand: bool = False) -> list[str]:
    return on_console(table, analyzed(report, "net.yaml", expand=expand), width).splitlines()[1:]


def rows(report: convcalc.Report, *, expand: bool) -> list[tuple[str, str]]:
    """Each line of the table on 80 columns, with what it must hold of its kernel and stride."""
    shown = printed(report, 80, expand=expand)
    assert max(cell_len(line) for line in shown) <= 80
    windows = [line.summary for line in lines(report, expand=expand)]
    figures = [FIGURES.match(text) if kind_has_window(text) else None for text in windows]
    return [(line, match[0]) for line, match in zip(shown[1:], figures, strict=False) if match]


def kind_has_window(summary: str) -> bool:
    return bool(re.match(r"\d+(x\d+)*( /|,|$)", summary))


@pytest.mark.parametrize(
    "name", ["resnet50", "mobilenet_v2", "googlenet", "unet", "r3d_18", "duc_resnet101", "wavenet"]
)
def test_kernels_and_strides_are_read_on_80_columns(name: str) -> None:
    report = convcalc.analyze(convcalc.load(f"zoo:{name}"))
    for expand in (False, True):
        result = rows(report, expand=expand)
        assert result
        for line, figures in result:
            assert re.search(rf" {re.escape(figures)}(…|,|  )", line), line


def test_a_kind_with_a_long_name_and_a_window_of_three_axes() -> None:
    text = "input: [2, 30, 120, 120]\nlayers:\n  - conv_transpose: {name: an_upsampling_of_some_length, "
    text += "out_channels: 4, kernel_size: [2, 3, 5], stride: [1, 2, 3], groups: 2}\n"
    (line,) = printed(convcalc.analyze(loads(Source("net.yaml", text))), 80)[1:2]
    assert " 2x3x5 /1x2x3" in line


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (32, "conv_transpose 2x2 /2, 32 groups"),
        (31, "conv_transpose 2x2 /2, 32 …"),
        (24, "conv_transpose 2x2 /2, …"),
        (22, "conv_transpose 2x2 /2…"),
        (17, "conv_tra… 2x2 /2…"),
        (10, "c… 2x2 /2…"),
    ],
)
def test_what_is_left_of_a_kind(width: int, text: str) -> None:
    assert window("conv_transpose 2x2 /2, 32 groups", width) == text
    assert cell_len(text) <= width


def test_a_kind_without_a_window_is_cut_at_words() -> None:
    assert window("linear 1000 features", 12) == "linear 1000…"
    assert window("inverted_residual", 8) == "inverte…"
    assert window("conv 3x3", 3) == "co…"


# ---- the zoo ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 80, 400])
def test_the_zoo_says_what_can_be_set(width: int) -> None:
    listed = entries()
    text = on_console(zoo_table, listed, width)
    words = " ".join(text.split())
    assert [entry.name for entry in listed] == list(zoo.names())
    assert "resnet50 width=64, depths=[3, 4, 6, 3]" in words or width != 80
    for entry in listed:
        for name in entry.variables if width >= 80 else ():
            assert f"{name}=" in text
    assert all(cell_len(line) <= width for line in text.splitlines())


def test_what_is_listed_can_be_set() -> None:
    """As it stands, which leaves the network what it is."""
    from convcalc.views.zoo.shared import variables

    for entry in entries():
        given = dict(text.split("=", 1) for text in variables(entry))
        if given:
            assert convcalc.load(entry.spec, variables=given).variables == entry.variables, entry.name
