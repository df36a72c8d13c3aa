"""Rules about windows, against windows that are moved over cells: what is read, written and met is counted."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from math import prod
from typing import Any, NamedTuple

import pytest
from brute_force import paddings, starts
from hypothesis import assume, given
from hypothesis import strategies as st
from rule_findings import findings, layers_of, net, written

Pair = tuple[int, int]


class Axis(NamedTuple):
    """A window on one axis and the cells it is moved over."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def places(self) -> list[int]:
        return starts(*self)

    @property
    def taps(self) -> range:
        return range(0, self.kernel * self.dilation, self.dilation)

    @property
    def touched(self) -> set[int]:
        """Cells of the padded axis that any window reads, counted from the first cell of the input."""
        return {place + tap for place in self.places for tap in self.taps}

    @property
    def read(self) -> set[int]:
        return self.touched & set(range(self.size))


@st.composite
def axes(draw: st.DrawFn, most_padding: int = 5) -> tuple[Axis, ...]:
    items = []
    for _ in range(draw(st.integers(1, 3))):
        axis = Axis(
            draw(st.integers(1, 7)),
            draw(st.integers(1, 4)),
            draw(st.integers(1, 4)),
            draw(st.integers(1, 4)),
            draw(st.integers(0, most_padding)),
            draw(st.integers(0, most_padding)),
        )
        assume(axis.places)
        items.append(axis)
    return tuple(items)


def conv_of(result: tuple[Axis, ...], **fields: Any) -> str:
    sizes, kernel, stride, dilation, before, after = zip(*result, strict=True)
    padding = tuple(zip(before, after, strict=True))
    given_ = {"out_channels": 2, "kernel_size": kernel, "stride": stride, "dilation": dilation, "padding": padding}
    return net((3, *sizes), written("conv", **(given_ | fields)))


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)]


def sizes_in(text: str, rank: int) -> tuple[int, ...]:
    """A field's value: one number for all axes, or a list."""
    number = numbers(text)
    return tuple(number) if text.startswith("[") else tuple(number * rank)


def padding_in(text: str, rank: int) -> tuple[Pair, ...]:
    if text.startswith("[["):
        flat = numbers(text)
        return tuple(zip(flat[::2], flat[1::2], strict=True))
    return tuple((pad, pad) for pad in sizes_in(text, rank))


# ---- CC206, CC207 ------------------------------------------------------------------------------------------------


def met(result: tuple[Axis, ...]) -> Counter[tuple[int, ...]]:
    """How often each tap of all axes together meets a cell of the input."""
    counts: Counter[tuple[int, ...]] = Counter()
    for tap in product(*(range(axis.kernel) for axis in result)):
        for place in product(*(axis.places for axis in result)):
            cells = [p + t * axis.dilation for p, t, axis in zip(place, tap, result, strict=True)]
            counts[tap] += all(0 <= cell < axis.size for cell, axis in zip(cells, result, strict=True))
    return counts


@given(axes())
def test_dead_taps(result: tuple[Axis, ...]) -> None:
    counts = met(result)
    dead = [tap for tap, count in counts.items() if not count]
    text = findings("CC206", conv_of(result))
    assert bool(text) == bool(dead)
    if dead:
        assert f"{len(dead)} of {len(counts)} taps only" in text[0].message
        assert numbers(text[0].message.partition("padding: ")[2]) == [2 * 3 * len(dead)]
        _check_advice(result, text[0].help)


def _check_advice(result: tuple[Axis, ...], advice: str) -> None:
    """What is advised has as many outputs, and no dead tap."""
    rank, outputs = len(result), [len(axis.places) for axis in result]
    smaller = re.search(r"kernel_size (\S+|\[.*?\]) with padding (.*?) computes the same", advice)
    if smaller:
        fields = zip(result, sizes_in(smaller[1], rank), padding_in(smaller[2], rank), strict=True)
        tried = tuple(axis._replace(kernel=k, before=p[0], after=p[1]) for axis, k, p in fields)
        assert [len(axis.places) for axis in tried] == outputs
        assert all(met(tried).values())
        assert sum(met(tried).values()) == sum(met(result).values())
    nearer = re.search(r"dilation (\S+|\[.*?\]) with padding (.*?) keeps", advice)
    if nearer:
        fields = zip(result, sizes_in(nearer[1], rank), padding_in(nearer[2], rank), strict=True)
        tried = tuple(axis._replace(dilation=d, before=p[0], after=p[1]) for axis, d, p in fields)
        assert [len(axis.places) for axis in tried] == outputs
        assert all(met(tried).values())
    larger = re.search(r"a map of (\S+|\[.*?\]) entering keeps", advice)
    if larger:
        tried = tuple(axis._replace(size=s) for axis, s in zip(result, sizes_in(larger[1], rank), strict=True))
        assert all(met(tried).values())


def test_the_advice_on_dead_taps() -> None:
    (finding,) = findings("CC206", conv_of((Axis(14, 3, 1, 18, 18, 18),) * 2))
    assert finding.message.endswith("8 of 9 taps only ever multiply padding: 48 dead weights")
    assert finding.help == (
        "kernel_size 1 with padding 0 computes the same; dilation 13 with padding 13 keeps every tap alive"
    )
    (finding,) = findings("CC206", conv_of((Axis(1, 3, 1, 1, 1, 1),)))
    assert finding.help == "kernel_size 1 with padding 0 computes the same; a map of 2 entering keeps every tap alive"


@given(axes())
def test_mostly_padding(result: tuple[Axis, ...]) -> None:
    counts = met(result)
    share = sum(counts.values()) / (len(counts) * prod(len(axis.places) for axis in result))
    text = findings("CC207", conv_of(result))
    assert bool(text) == (share < 0.5)
    if text:
        assert text[0].severity == "info"
        assert f"{100 * share:.0f} % of its taps" in text[0].message
        wasted = 6 * (len(counts) * prod(len(axis.places) for axis in result) - sum(counts.values()))
        assert f"{wasted:,} of " in text[0].message


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("code", ["CC206", "CC207"])
def test_padding_that_is_a_copy_is_data(mode: str, code: str) -> None:
    axis = Axis(3, 2, 1, 2, 0, 2) if mode == "reflect" else Axis(2, 3, 1, 2, 2, 2)
    assert findings(code, conv_of((axis,), padding_mode=mode)) == []
    assert findings(code, conv_of((Axis(2, 3, 1, 2, 2, 2),)))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 6), st.integers(0, 6))
def test_dead_taps_of_a_transposed_convolution(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int
) -> None:
    """Cells that are written by a tap, and not cropped."""
    written_by = {tap: {i * stride + tap * dilation for i in range(size)} for tap in range(kernel)}
    kept = range(before, max(max(cells) for cells in written_by.values()) + 1 - after)
    assume(kept)
    fields = {"out_channels": 2, "kernel_size": kernel, "stride": stride, "dilation": dilation}
    text = net((3, size), written("conv_transpose", **fields, padding=((before, after),)))
    dead = [tap for tap, cells in written_by.items() if not cells & set(kept)]
    message = findings("CC206", text)
    assert bool(message) == bool(dead)
    if dead:
        assert f"{len(dead)} of {kernel} taps" in message[0].message
        assert f": {6 * len(dead)} dead weights" in message[0].message


def test_shared_weights_are_dead_where_they_are_in_every_use() -> None:
    text = """
        input: [4, 8]
        layers:
          - conv: {name: first, out_channels: 4, kernel_size: 3, padding: 1}
          - max_pool: 8
          - conv: {name: again, share: first}
          - conv: {name: alone, out_channels: 4, kernel_size: 3, padding: 1}
          - conv: {name: twice, share: alone}
        """
    (finding,) = findings("CC206", text)
    assert finding.layer == "alone"
    assert "2 of 3 taps" in finding.message


def test_a_kernel_of_very_many_taps_is_passed_over() -> None:
    text = net((1, 3), written("conv", out_channels=1, kernel_size=2_000_001, padding=1_000_000))
    assert [findings(code, text) for code in ("CC206", "CC207", "CC204", "CC202")] == [[]] * 4


# ---- CC202, CC203 ------------------------------------------------------------------------------------------------


def test_positions_behind_the_last_window() -> None:
    """All windows that leave no gaps, on one axis."""
    flagged = 0
    for size, kernel, stride, dilation, before, after in product(
        range(1, 10), range(1, 4), range(1, 5), range(1, 3), range(3), range(3)
    ):
        axis = Axis(size, kernel, stride, dilation, before, after)
        extent = (kernel - 1) * dilation + 1
        if not axis.places:
            continue
        lost = [cell for cell in range(size) if cell > max(axis.touched)] if extent >= stride else []
        text = findings("CC202", conv_of((axis,)))
        assert bool(text) == bool(lost), axis
        if lost:
            flagged += 1
            assert numbers(text[0].message.rpartition("(")[2]) == [len(lost), size]
            for better in numbers(text[0].help.partition(" leaves")[0]):
                assert max(axis._replace(size=better).touched) >= better - 1
    assert flagged > 100


def test_positions_lost_on_several_axes() -> None:
    result = (Axis(7, 2, 2, 1, 0, 0), Axis(8, 3, 3, 1, 0, 0), Axis(6, 2, 2, 1, 0, 0))
    (finding,) = findings("CC202", conv_of(result))
    read = prod(len(axis.read) for axis in result)
    assert f"({7 * 8 * 6 - read} of {7 * 8 * 6} positions of the map)" in finding.message


def test_pooling_that_rounds_up_reads_all() -> None:
    assert layers_of("CC202", net((1, 7), written("max_pool", kernel_size=2))) == ["max_pool1"]
    assert layers_of("CC202", net((1, 7), written("max_pool", kernel_size=2, ceil_mode=True))) == []


def test_the_nearest_input_at_which_nothing_is_dropped() -> None:
    text = net((1, 45, 45), *[written("avg_pool", kernel_size=2)] * 4)
    message = findings("CC202", text)
    assert [result.layer for result in message] == ["avg_pool1", "avg_pool3", "avg_pool4"]
    assert all("with an input of 48 no layer drops any" in result.help for result in message)
    assert findings("CC202", net((1, 48, 48), *[written("avg_pool", kernel_size=2)] * 4)) == []
    (oblong,) = findings("CC202", net((1, 8, 9), written("avg_pool", kernel_size=2)))
    assert "with an input of 8x10 no layer drops any" in oblong.help


def test_padding_on_one_side() -> None:
    flagged = 0
    for size, kernel, stride, before, after in product(range(1, 9), range(1, 5), range(1, 4), range(3), range(3)):
        axis = Axis(size, kernel, stride, 1, before, after)
        if not axis.places or kernel < stride or before >= kernel:
            continue
        unread = set(range(size, size + after)) - axis.touched
        used = [len(axis.touched & set(side)) for side in (range(-before, 0), range(size, size + after))]
        expected = bool(unread) and axis.read >= {size - 1} and used[0] != used[1]
        text = findings("CC203", conv_of((axis,)))
        assert bool(text) == expected, axis
        flagged += expected
        if expected:
            assert f"read {used[0]} of the padding before and {used[1]} of the {after} after" in text[0].message
    assert flagged > 50


# ---- CC204 -------------------------------------------------------------------------------------------------------


def skips(axis: Axis) -> bool:
    """Whether cells far from both ends are passed over."""
    longer = axis._replace(size=axis.size + 60)
    return not longer.read >= set(range(20, 40))


@given(axes())
def test_stride_that_skips_input(result: tuple[Axis, ...]) -> None:
    unread = prod(axis.size for axis in result) - prod(len(axis.read) if skips(axis) else axis.size for axis in result)
    expected = any(skips(axis) for axis in result) and unread > 0
    text = findings("CC204", conv_of(result))
    assert bool(text) == expected
    if text:
        assert text[0].severity == "warning"
        assert f": {3 * unread:,} of {3 * prod(axis.size for axis in result):,} values" in text[0].message
        strides = re.search(r"stride (\d+|\[.*?\])(?:,? reads all)", text[0].help)
        if strides:
            tried = zip(result, sizes_in(strides[1], len(result)), strict=True)
            assert not any(skips(axis._replace(stride=stride)) for axis, stride in tried)
        kernels = re.match(r"kernel_size (\d+|\[.*?\]) or stride", text[0].help)
        if kernels:
            tried = zip(result, sizes_in(kernels[1], len(result)), strict=True)
            assert not any(skips(axis._replace(kernel=kernel)) for axis, kernel in tried)


POINT = "conv: {out_channels: 8, kernel_size: 1, stride: 2, bias: false}"


@pytest.mark.parametrize(
    ("layers", "severity"),
    [
        (f"[{POINT}]", ["warning"]),
        (f"[{POINT}, relu]", ["warning"]),
        (f"[add: {{branches: [[{POINT}, batch_norm], [max_pool: 2]]}}]", ["info"]),
        (f"[add: {{branches: [[{POINT}, relu, batch_norm], [max_pool: 2]]}}]", ["info"]),
        (f"[add: {{branches: [[{POINT}, relu, batch_norm], [{POINT}]]}}]", ["warning", "info"]),
        (f"[add: {{branches: [[{POINT}, relu], [crop: {{cropping: [[1, 0], [1, 0]]}}, {POINT}]]}}]",
         ["warning", "info"]),
        ("[add: {branches: [[conv: {out_channels: 8, kernel_size: 3, stride: 4, padding: 1}], [max_pool: 4]]}]",
         ["info"]),
        ("[conv: {out_channels: 8, kernel_size: 3, stride: 4, padding: 1}, relu]", ["warning"]),
        ("[conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 2, dilation: 2}]", ["warning"]),
        ("[conv: {out_channels: 8, kernel_size: 3, stride: 3}, max_pool: 2]", []),
    ],
)  # fmt: skip
def test_shortcuts_are_meant_so(layers: str, severity: list[str]) -> None:
    assert [finding.severity for finding in findings("CC204", f"input: [8, 32, 32]\nlayers: {layers}")] == severity


TAKEN = "max_pool: {kernel_size: 1, stride: 2}"
GAPS = "max_pool: {kernel_size: 2, stride: 3}"
READ = "conv: {from: relu1, out_channels: 8, kernel_size: 3}"


@pytest.mark.parametrize(
    ("layers", "severity"),
    [
        (f"[conv: {{out_channels: 8, kernel_size: 3}}, {TAKEN}]\noutputs: [conv1, max_pool1]", []),
        (f"[add: {{branches: [[{TAKEN}], [max_pool: 2]]}}]", []),
        (f"[relu, {TAKEN}, {READ}]\noutputs: [max_pool1, conv1]", []),
        (f"[relu, {TAKEN}]", ["warning"]),
        (f"[relu, {GAPS}, {READ}]\noutputs: [max_pool1, conv1]", ["info"]),
    ],
)
def test_a_part_that_is_taken_beside_the_whole(layers: str, severity: list[str]) -> None:
    """The coarsest level of a feature pyramid is every other position of one that is there too."""
    assert [finding.severity for finding in findings("CC204", f"input: [8, 32, 32]\nlayers: {layers}")] == severity


def test_nothing_is_skipped_where_there_is_nothing() -> None:
    assert findings("CC204", net((8, 1, 1), written("conv", out_channels=8, kernel_size=1, stride=2))) == []


# ---- CC201 -------------------------------------------------------------------------------------------------------


def phase_counts(kernel: int, stride: int, dilation: int) -> list[int]:
    """Writes to each of `stride` neighbouring cells, far from both ends."""
    written_to = Counter(i * stride + tap * dilation for i in range(60) for tap in range(kernel))
    return [written_to[30 * stride + phase] for phase in range(stride)]


def test_checkerboard() -> None:
    flagged = 0
    for kernel, stride, dilation in product(range(1, 8), range(1, 5), range(1, 4)):
        counts = phase_counts(kernel, stride, dilation)
        fields = {"out_channels": 1, "kernel_size": kernel, "stride": stride, "dilation": dilation}
        text = findings("CC201", net((1, 9, 9), written("conv_transpose", **fields)))
        assert bool(text) == (len(set(counts)) > 1), (kernel, stride, dilation)
        if text:
            flagged += 1
            fewest = min(counts) ** 2 or "none"
            assert f"some outputs {max(counts) ** 2} taps and others {fewest}" in text[0].message
            for better in numbers(text[0].help.partition(" gives")[0]) if "gives" in text[0].help else []:
                assert len(set(phase_counts(better, stride, dilation))) == 1
    assert flagged > 20


@pytest.mark.parametrize(
    ("behind", "severity"),
    [
        ("", "warning"),
        ("- relu", "warning"),
        ("- batch_norm\n  - relu\n  - conv: {out_channels: 4, kernel_size: 3}", "info"),
        ("- conv: {out_channels: 4, kernel_size: 2}", "warning"),
        ("- conv: {out_channels: 4, kernel_size: [3, 1]}", "warning"),
        ("- conv: {out_channels: 4, kernel_size: 3, stride: 2}", "warning"),
        ("- conv: {name: c, out_channels: 4, kernel_size: 3}\n  - relu: {from: conv_transpose1}\noutputs: [c, relu1]",
         "warning"),
    ],
)  # fmt: skip
def test_what_evens_phases_out(behind: str, severity: str) -> None:
    text = f"input: [4, 8, 8]\nlayers:\n  - conv_transpose: {{out_channels: 4, kernel_size: 3, stride: 2}}\n  {behind}"
    assert [finding.severity for finding in findings("CC201", text)] == [severity]


# ---- CC106 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["same", "same_lower"])
@pytest.mark.parametrize("kind", ["conv", "max_pool"])
@given(st.integers(4, 12), st.integers(1, 5), st.integers(1, 3))
def test_same_with_stride(kind: str, word: str, size: int, kernel: int, stride: int) -> None:
    fields = {"kernel_size": kernel, "stride": stride, "padding": word} | (
        {"out_channels": 1} if kind == "conv" else {}
    )
    text = findings("CC106", net((1, size, size), written(kind, **fields)))
    assert bool(text) == (stride > 1)
    if text:
        advised = text[0].help.removeprefix("write padding: ").removesuffix(", which is what it is here")
        assert padding_in(advised, 2) == (paddings(size, kernel, stride, 1, word),) * 2
