"""What can be read on a terminal of 80 columns: kernel and stride of every layer, and what can be set of a network."""

from __future__ import annotations

import re
from itertools import product

import pytest
from conftest import MANY
from printed import axes, digits, of_grid, short_count
from rich.cells import cell_len
from spec_reports import entries
from view_texts import analyzed, on_console

import convcalc
from convcalc.analysis.lines import lines
from convcalc.language import Source, loads, zoo
from convcalc.views.analyze import table
from convcalc.views.columns import Column, end, fitted, window
from convcalc.views.zoo import table as zoo_table

ZOO = ("resnet50", "mobilenet_v2", "mobilenet_v3_small", "googlenet", "unet", "r3d_18", "wavenet", "shufflenet_v2")
FIGURE = re.compile(r"(?<![A-Za-z_\d])\d+(?:\.\d+)?")
"""A number in what is said of a kind, as of a kernel, a stride or a dilation; not the end of a name, as of relu6."""
WIDTHS = (80, 100, 200)


def printed(report: convcalc.Report, width: int, *, expand: bool = False) -> list[str]:
    return on_console(table, analyzed(report, "net.yaml", expand=expand), width).splitlines()[1:]


def cells(report: convcalc.Report, width: int, *, expand: bool) -> list[dict[str, str]]:
    """The rows of a table by its headers, as they stand on a terminal of that width."""
    shown = printed(report, width, expand=expand)
    end = next(place for place, line in enumerate(shown) if line.startswith("params "))
    assert max(map(cell_len, shown[:end])) <= width
    header, rows = of_grid(shown[:end])
    return [dict(zip(header, row, strict=True)) for row in rows]


def figures(text: str) -> list[str]:
    """The numbers of a kind, each axis by itself; what is said of groups and dilation may be written g32 and d2."""
    return FIGURE.findall(re.sub(r"(?<= )[gd](?=\d)", "", text.replace("x", " ")))


@pytest.mark.parametrize("name", list(zoo.names()) if MANY else ZOO)
@pytest.mark.parametrize("fused", [False, True])
def test_no_value_is_cut_at_any_width(name: str, *, fused: bool) -> None:
    """Numbers, shapes, kernels, strides; names are, and differ all the same where the whole ones do."""
    report = convcalc.analyze(convcalc.load(f"zoo:{name}"), fused=fused)
    for width, expand in product(WIDTHS, (False, True)):
        wanted = lines(report, expand=expand)
        rows = cells(report, width, expand=expand)
        assert {"layer", "kind", "params", "MACs"} <= set(rows[0])
        assert "output" in rows[0] or expand
        for row, line in zip(rows, wanted, strict=True):
            assert figures(row["kind"]) == figures(f"{line.kind} {line.summary}"), row
            assert not re.search(r"[\d ]…", row["kind"]), row
            assert row["params"] == digits(line.params)
            assert row["MACs"] == short_count(line.macs)
            assert row.get("output") in (None, axes(line.output_shape))
            assert "…" not in "".join(text for header, text in row.items() if header not in ("layer", "kind"))
        names = {line.name for line in wanted}
        told_apart = len({row["layer"] for row in rows}) == len(names)
        assert told_apart or "share" not in rows[0] or max(map(len, names)) > 24


def test_a_kind_with_a_long_name_and_a_window_of_three_axes() -> None:
    text = "input: [2, 30, 120, 120]\nlayers:\n  - conv_transpose: {name: an_upsampling_of_some_length, "
    text += "out_channels: 4, kernel_size: [2, 3, 5], stride: [1, 2, 3], groups: 2}\n"
    (line,) = printed(convcalc.analyze(loads(Source("net.yaml", text))), 80)[1:2]
    assert " 2x3x5 /1x2x3" in line


@pytest.mark.parametrize(
    ("text", "width", "shorter"),
    [
        ("conv_transpose 2x2 /2, 32 groups", 32, "conv_transpose 2x2 /2, 32 groups"),
        ("conv_transpose 2x2 /2, 32 groups", 31, "conv_transpose 2x2 /2 g32"),
        ("conv_transpose 2x2 /2, 32 groups", 24, "conv_transpo… 2x2 /2 g32"),
        ("conv_transpose 2x2 /2, 32 groups", 17, "conv_… 2x2 /2 g32"),
        ("conv_transpose 2x2 /2, 32 groups", 4, "co… 2x2 /2 g32"),
        ("conv 3x3, dilation 2, 1024 groups + hard_swish", 28, "conv 3x3 d2 g1024 + hard_sw…"),
        ("linear 1000 features", 12, "linear 1000"),
        ("inverted_residual", 8, "inverte…"),
        ("conv 3x3", 3, "co… 3x3"),
        ("split part 0 of 2", 10, "split 0/2"),
        ("reduce mean, axes 1, 2", 20, "red… mean, axes 1, 2"),
    ],
)
def test_what_is_left_of_a_kind(text: str, width: int, shorter: str) -> None:
    assert window(text, width) == shorter


def test_names_of_one_end_are_told_apart() -> None:
    """By their beginnings, as far as they are needed for that; a name that has an end of its own keeps it."""
    names = ["stage1.block.0.depthwise", "stage2.block.0.depthwise", "stage2.block.0.project", "stem"]
    (column,) = fitted([Column("layer", list(names), "left", shorten=end)], 14)
    assert column.cells == ["stage1…pthwise", "stage2…pthwise", "…ock.0.project", "stem"]
    assert fitted([Column("layer", ["a.norm1", "b.norm1"], "left", shorten=end)], 3)[0].cells == ["a…1", "b…1"]


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
