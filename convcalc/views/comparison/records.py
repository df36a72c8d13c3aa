"""What there is to show of a comparison, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from os.path import commonprefix
from typing import Any

import msgspec

from convcalc.analysis.compare import Change, Comparison, Delta
from convcalc.analysis.report import ReceptiveField, Report
from convcalc.analysis.theory import Theory
from convcalc.comparing.sides import Entry, Sides
from convcalc.language.replacing import Skipped
from convcalc.views import words

MARKS = {"added": "+", "removed": "-", "edited": "~", "affected": "≈", "same": ""}
KEY = "~ edited, + added, - removed, ≈ changed because something before it changed"


def signed(number: int) -> str:
    """A change with its sign, with all digits below ten million."""
    return f"{'+' if number > 0 else '-' if number < 0 else ''}{words.scaled(abs(number))}"


def exactly(number: int) -> str:
    """A change with its sign, with all digits."""
    return f"{number:+,}" if number else "0"


def percent(delta: Delta) -> str:
    """A change in percent; nothing where there is none, or nothing to compare with."""
    if not delta.delta or delta.percent is None:
        return ""
    if abs(delta.percent) < 0.05:
        return f"{'+' if delta.delta > 0 else '-'}<0.1 %"
    return f"{delta.percent:+,.1f} %"


def factor(delta: Delta, what: str) -> str:
    """22.8x fewer MACs."""
    if not delta.delta:
        return f"same {what}"
    if not delta.base or not delta.head:
        return f"{exactly(delta.delta)} {what}"
    more, less = max(delta.base, delta.head), min(delta.base, delta.head)
    ratio = more / less
    text = f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"
    return f"{'<1.01' if text == '1.00' else text}x {'fewer' if delta.delta < 0 else 'more'} {what}"


def factors(change: Change) -> str:
    """How a layer compares with what stood there before."""
    if any(line is not None and line.uncosted for line in (change.base, change.head)):
        return ""
    return f"{factor(change.delta('macs'), 'MACs')}, {factor(change.delta('params'), 'params')}"


def between(before: str, after: str) -> str:
    """Before -> after, or once where they are the same."""
    return after if before == after else f"{before or 'none'} -> {after or 'none'}"


def kinds(change: Change) -> str:
    """The kind before and after."""
    found = [words.kind(line) for line in (change.base, change.head) if line is not None]
    return between(found[0], found[-1])


def counted(comparison: Comparison) -> str:
    """What changes and factors are of: all, or only what is counted."""
    return " counted" if comparison.base.uncosted or comparison.head.uncosted else ""


def against(comparison: Comparison | None) -> str:
    """How the MACs of a network compare with those of the base; nothing for the base itself."""
    return factor(comparison.totals.macs, f"MACs{counted(comparison)}") if comparison else ""


def uncosted(comparison: Comparison) -> str:
    """The layers that add to the totals what is not known, on either side; nothing where there are none."""
    sides = (("base", comparison.base), ("head", comparison.head))
    found = [f"{words.listed(report.uncosted)} in the {side}" for side, report in sides if report.uncosted]
    return f"it is not known what {', '.join(found)} cost: changes are of what is counted" if found else ""


def coverage(entry: Entry) -> str:
    """How many of the layers that a variant is for it took the place of: 16 of 17."""
    count = len(entry.replaced)
    return f"{count} of {count + sum(len(layer.names) for layer in entry.skipped)}" if entry.comparison else ""


def skipped(entry: Entry) -> str:
    """The layers where a variant cannot stand, and why, reasons that differ in names and numbers alone once."""
    if not entry.skipped:
        return ""
    alike: dict[str, list[Skipped]] = {}
    for layer in entry.skipped:
        alike.setdefault(re.sub(r"[\d.]+", "", _brief(layer)), []).append(layer)
    parts = [
        f"{words.listed([_pattern(layer.names) for layer in layers])} ({_brief(layers[0])})"
        for layers in alike.values()
    ]
    count = sum(len(layer.names) for layer in entry.skipped)
    total = coverage(entry).rpartition(" ")[2]
    return f"{count} of {total} layers {'stays as it is' if count == 1 else 'stay as they are'}: {', '.join(parts)}"


def _brief(layer: Skipped) -> str:
    """Why, without the name of the layer itself and without what would be legal there."""
    reason = layer.reason.partition("; legal here")[0]
    name, _, message = reason.partition(": ")
    return message if any(name == own or name.startswith(f"{own}.") for own in layer.names) else reason


def _pattern(names: Sequence[str]) -> str:
    """One name for all repetitions, as --layer takes it: layer2.*.conv2, or p* where names are computed."""
    parts = zip(*(name.split(".") for name in names), strict=False)
    begun = [(part, commonprefix(part)) for part in parts]  # noqa: RUF071  # of words, not of files
    return ".".join(start if len(set(part)) == 1 else f"{start}*" for part, start in begun)


def leaving(comparison: Comparison) -> str:
    """The layers whose outputs leave, where these are others; nothing where they are the same."""
    before, after = (", ".join(names) for names in comparison.outputs)
    return "" if before == after else f"outputs {between(before, after)}"


def outputs(change: Change) -> str:
    """The output shape before and after."""
    shapes = [words.shape(line.output_shape or ()) for line in (change.base, change.head) if line is not None]
    return between(shapes[0], shapes[-1])


def fields(change: Change) -> str:
    """The receptive field before and after."""
    found = [words.field(line.receptive_field) for line in (change.base, change.head) if line is not None]
    return between(found[0], found[-1])


def name(change: Change) -> str:
    """The name before and after."""
    lines = [line.name for line in (change.base, change.head) if line is not None]
    return lines[-1] if change.mark != "edited" else between(lines[0], lines[-1])


class TheoryTexts(msgspec.Struct, frozen=True):
    """Theory against measurement; `numbers` is empty where the layers differ in them."""

    formula: str
    numbers: str
    expected: float
    measured: float
    condition: str = ""


def theory_texts(theory: Theory) -> TheoryTexts:
    """The shares in symbols and in numbers, and when they hold."""
    formulas = dict.fromkeys(
        " + ".join(f"{part.numerator}/{part.symbol}{_power(part.exponent)}" for part in share)
        for share in theory.shares
    )
    numbers = {" + ".join(f"{part.numerator}/{part.denominator}" for part in share) for share in theory.shares}
    return TheoryTexts(
        " or ".join(formulas),
        numbers.pop() if len(numbers) == 1 else "",
        theory.expected,
        theory.measured,
        "where channels stay as they are" if theory.same_channels else "",
    )


def _power(exponent: int) -> str:
    return f"^{exponent}" if exponent > 1 else ""


def theory_line(theory: Theory) -> str:
    """The line that holds the literature against what was counted."""
    texts = theory_texts(theory)
    numbers = f" = {texts.numbers} =" if texts.numbers else ", weighted by MACs:"
    condition = f" {texts.condition}" if texts.condition else ""
    expected, measured = _share(theory.expected), _share(theory.measured)
    return f"theory {texts.formula}{numbers} {expected}{condition}, measured {measured}"


def _share(number: float) -> str:
    return f"{number:.4f}" if number >= 0.001 else f"{number:.2e}"


def changed(change: Change, cost: str, write: Callable[[int], str]) -> str:
    """What a layer costs more or less; nothing where it costs the same, ``?`` where that is not known."""
    if any(line is not None and line.uncosted for line in (change.base, change.head)):
        return "?"
    more = change.delta(cost).delta
    return write(more) if more else ""


def headline(comparison: Comparison) -> str:
    """MACs 4.09 G -> 4.63 G, +13.2 %; params unchanged; field 427 unchanged."""
    parts = []
    known = [len(report.uncosted) for report in (comparison.base, comparison.head)]
    for cost, what in (("macs", "MACs"), ("params", "params")):
        delta = getattr(comparison.totals, cost)
        if not delta.delta and known[0] == known[1]:
            parts.append(f"{what} {words.at_least(words.scaled(delta.head), known[1])} unchanged{counted(comparison)}")
            continue
        before, after = words.scaled(delta.base), words.scaled(delta.head)
        if before == after:  # too close to be told apart in four digits
            before, after = words.exact(delta.base), words.exact(delta.head)
        before, after = words.at_least(before, known[0]), words.at_least(after, known[1])
        grown = f", {percent(delta)}{counted(comparison)}" if percent(delta) else ""
        parts.append(f"{what} {before} -> {after}{grown}")
    before, after = (words.field(report.receptive_field) for report in (comparison.base, comparison.head))
    if before or after:
        same = f"field {after} unchanged"
        parts.append(same if before == after else f"field {between(before, after)}")
    return "; ".join(parts)


def totals(comparison: Comparison) -> list[tuple[str, str, str, str, str]]:
    """The rows of the totals: what, before, after, change, percent."""
    rows = []
    known = [len(report.uncosted) for report in (comparison.base, comparison.head)]
    for cost, what, shown in (
        ("params", "params", words.exact),
        ("buffers", "buffers", words.exact),
        ("macs", "MACs", words.exact),
        ("elementwise_ops", "element-wise ops", words.exact),
        ("weight_bytes", "weights", words.binary),
        ("peak_activation_bytes", "peak activations", words.binary),
    ):
        delta = getattr(comparison.totals, cost)
        if cost == "buffers" and not delta.base and not delta.head:
            continue
        size = shown is words.binary
        sign = "+" if delta.delta > 0 else "-" if delta.delta else ""
        more = f"{sign}{words.binary(abs(delta.delta))}" if size else exactly(delta.delta)
        lacking = [0, 0] if cost == "peak_activation_bytes" else known
        before, after = (
            words.at_least(shown(number), count)
            for number, count in zip((delta.base, delta.head), lacking, strict=True)
        )
        rows.append(
            (
                what,
                before,
                after,
                f"{more}{counted(comparison) if any(lacking) else ''}" if delta.delta else "unchanged",
                percent(delta),
            )
        )
    before, after = (words.field(report.receptive_field) for report in (comparison.base, comparison.head))
    if before or after:
        rows.append(("field", before or "none", after or "none", "unchanged" if before == after else "", ""))
    return rows


COLUMNS = ("params", "macs", "peak_activation_bytes", "field")


def column(report: Report, cost: str) -> tuple[int | None, str]:
    """A total to be compared among several networks, None where it cannot be, and how it is written."""
    if cost == "field":
        return _extent(report.receptive_field), words.field(report.receptive_field)
    number = getattr(report.totals, cost)
    if cost == "peak_activation_bytes":
        return number, words.binary(number)
    return number, words.at_least(words.exact(number), len(report.uncosted))


def _extent(seen: ReceptiveField | None) -> int | None:
    if seen is None or seen.size is None or seen.is_global or None in seen.size:
        return None
    product = 1
    for size in seen.size:
        product *= size or 1
    return product


def ordered(sides: Sides) -> list[tuple[Entry, dict[str, str]]]:
    """As `ranked`, and behind them those that could not be had."""
    return [*ranked(sides), *((entry, {}) for entry in sides.entries if entry.comparison is None)]


def ranked(sides: Sides) -> list[tuple[Entry, dict[str, str]]]:
    """The networks that could be had, the base among them, with the fewest MACs first, and their cells.

    The smallest of a column is marked with a star, unless more than half of them are as small, or it is the least of
    what one of them may be.
    """
    base = Entry(sides.label)
    repeats_base = any(entry.label == sides.label for entry in sides.entries)
    found: list[tuple[Entry, Report]] = [] if repeats_base else [(base, sides.base)]
    found += [(entry, entry.comparison.head) for entry in sides.entries if entry.comparison is not None]
    if sides.variants:
        found.sort(key=lambda pair: pair[1].totals.macs)
    cells: list[dict[str, Any]] = [{cost: column(report, cost) for cost in COLUMNS} for _, report in found]
    for cost in COLUMNS:
        known = [row[cost][0] for row in cells if row[cost][0] is not None]
        for row, (_, report) in zip(cells, found, strict=True):
            number, text = row[cost]
            is_least = number is not None and number == min(known) and 2 * known.count(number) <= len(known)
            is_least = is_least and not (report.uncosted and cost in {"params", "macs"})
            row[cost] = f"{text} *" if is_least else text
    return [(entry, row) for (entry, _), row in zip(found, cells, strict=True)]
