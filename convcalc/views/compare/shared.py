"""What a view of compare gets, and what there is to show of it, whatever the format."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from os.path import commonprefix

import msgspec

from convcalc.analysis.compare import Change, Comparison, Delta
from convcalc.analysis.compare import delta as delta_of
from convcalc.analysis.lines import By, Line
from convcalc.analysis.report import ReceptiveField, Report
from convcalc.analysis.sides import Candidate, Sides
from convcalc.analysis.theory import Theory
from convcalc.language.replacing import Skipped
from convcalc.views import words

MARKS = {"added": "+", "removed": "-", "edited": "~", "affected": "≈", "converted": "=", "same": ""}
KEY = "~ edited, + added, - removed, ≈ changed because something before it changed"


def key(changes: Sequence[Change]) -> str:
    """What the marks mean."""
    is_converted = any(change.mark == "converted" for change in changes)
    return f"{KEY}, = changed by conversion alone" if is_converted else KEY


class Compared(msgspec.Struct, frozen=True):
    """Networks side by side, and whether a line is a layer, a block or a kind."""

    sides: Sides
    by: By = "layer"


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
    if not is_costed(change):
        return ""
    return f"{factor(change.delta('macs'), 'MACs')}, {factor(change.delta('params'), 'params')}"


def between(before: str, after: str) -> str:
    """Before -> after, or once where they are the same."""
    return after if before == after else f"{before or 'none'} -> {after or 'none'}"


def kinds(change: Change) -> str:
    """The kind before and after."""
    return _before_and_after(change, words.kind)


def _before_and_after(change: Change, write: Callable[[Line], str]) -> str:
    texts = [write(line) for line in (change.base, change.head) if line is not None]
    return between(texts[0], texts[-1])


def is_costed(change: Change) -> bool:
    """Whether all costs of a layer are known, before and after."""
    return not any(line is not None and line.uncosted for line in (change.base, change.head))


def counted(comparison: Comparison) -> str:
    """What changes and factors are of: all, or only what is counted."""
    return " counted" if comparison.base.uncosted or comparison.head.uncosted else ""


def against(comparison: Comparison | None) -> str:
    """How the MACs of a network compare with those of the base; nothing for the base itself."""
    return factor(comparison.totals.macs, f"MACs{counted(comparison)}") if comparison else ""


def uncosted(comparison: Comparison) -> str:
    """The layers that add to the totals what is not known, on either side; nothing where there are none."""
    sides = (("base", comparison.base), ("head", comparison.head))
    parts = [f"{words.listed(report.uncosted)} in the {side}" for side, report in sides if report.uncosted]
    return f"the cost of {', '.join(parts)} is not known: changes cover only what is counted" if parts else ""


def coverage(candidate: Candidate) -> str:
    """How many of the layers that a variant is for it took the place of: 16 of 17."""
    count = len(candidate.replaced)
    return f"{count} of {count + sum(len(layer.names) for layer in candidate.skipped)}" if candidate.comparison else ""


def skipped(candidate: Candidate) -> str:
    """The layers where a variant cannot stand, and why, reasons that differ in names and numbers alone once."""
    if not candidate.skipped:
        return ""
    alike: dict[str, list[Skipped]] = {}
    for layer in candidate.skipped:
        alike.setdefault(re.sub(r"[\d.]+", "", _brief(layer)), []).append(layer)
    parts = [
        f"{words.listed([_pattern(layer.names) for layer in layers])} ({_brief(layers[0])})"
        for layers in alike.values()
    ]
    count = sum(len(layer.names) for layer in candidate.skipped)
    total = coverage(candidate).rpartition(" ")[2]
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
    return _before_and_after(change, lambda line: words.shape(line.output_shape or ()))


def fields(change: Change) -> str:
    """The receptive field before and after."""
    return _before_and_after(change, lambda line: words.field(line.receptive_field))


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


def left(change: Change, cost: str) -> str:
    """What a layer costs in the end: nothing where it is removed."""
    line = change.head or change.base
    return words.cost(line, getattr(change.head, cost, 0), words.exact) if line is not None else ""


def changed(change: Change, cost: str, write: Callable[[int], str]) -> str:
    """What a layer costs more or less; nothing where it costs the same, ``?`` where that is not known."""
    if not is_costed(change):
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
    lacking = [len(report.uncosted) for report in (comparison.base, comparison.head)]
    for cost, what in (
        ("params", "params"),
        ("buffers", "buffers"),
        ("macs", "MACs"),
        ("elementwise_ops", "element-wise ops"),
        ("weight_bytes", "weights"),
        ("peak_activation_bytes", "peak activations"),
        ("bit_operations", "bit operations"),
        ("bound_ps", "time at least"),
    ):
        delta = getattr(comparison.totals, cost)
        if delta is None or (cost == "buffers" and not delta.base and not delta.head):
            continue
        if cost == "bit_operations" and all(map(_is_plain, (comparison.base, comparison.head))):
            continue
        write = words.binary if cost.endswith("_bytes") else words.duration if cost == "bound_ps" else words.exact
        is_exact = cost == "peak_activation_bytes" or not any(lacking)
        before, after = (
            words.at_least(write(number), 0 if is_exact else count)
            for number, count in zip((delta.base, delta.head), lacking, strict=True)
        )
        more = f"{'+' if delta.delta > 0 else '-'}{write(abs(delta.delta))}{'' if is_exact else counted(comparison)}"
        rows.append((what, before, after, more if delta.delta else "unchanged", percent(delta)))
    rows += counts(comparison)
    before, after = (words.field(report.receptive_field) for report in (comparison.base, comparison.head))
    if before or after:
        rows.append(("field", before or "none", after or "none", "unchanged" if before == after else "", ""))
    return rows


def counts(comparison: Comparison) -> list[tuple[str, str, str, str, str]]:
    """The row of what another tool counts of both, where one is asked for."""
    before, after = comparison.base.counted, comparison.head.counted
    if before is None or after is None:
        return []
    from convcalc.views.tool_counts import printed

    change = delta_of(before.count, after.count)
    lacking = " counted" if before.unknown or after.unknown else ""
    more = f"{change.delta:+,}{lacking}" if change.delta else "unchanged"
    return [(tool_word(comparison.base), printed(before), printed(after), more, percent(change))]


def tool_word(report: Report) -> str:
    """The tool that is counted as, and its word: thop MACs; nothing where none is asked for."""
    return f"{report.counted.choice.counter.name} {report.counted.choice.figure.word}" if report.counted else ""


def tools(sides: Sides) -> list[str]:
    """What must be known of what another tool counts, of all networks, each once."""
    reports = [sides.base, *(candidate.report for candidate in sides.candidates if candidate.report is not None)]
    counted = [report for report in reports if report.counted is not None]
    if not counted:
        return []
    from convcalc.views import tool_counts

    return list(dict.fromkeys(text for report in counted for text in tool_counts.about(report)))


def _is_plain(report: Report) -> bool:
    """Whether all numbers are float32."""
    return not set(report.totals.macs_by_format) - {"float32 x float32"}


class Ranked(msgspec.Struct, frozen=True):
    """A column of several networks: a total, what it is called, short, and how soon it is left out for room."""

    total: str
    header: str
    short: str
    rank: int


RANKED = (
    Ranked("params", "params", "params", 1),
    Ranked("macs", "MACs", "MACs", 0),
    Ranked("weight_bytes", "weights", "weights", 7),
    Ranked("peak_activation_bytes", "peak activations", "peak", 5),
    Ranked("bound_ps", "time at least", "at least", 3),
    Ranked("field", "field", "field", 2),
)


def columns(sides: Sides) -> list[Ranked]:
    """The columns of several networks; times are among them where there is a device."""
    word = tool_word(sides.base)
    shown = [column for column in RANKED if column.total != "bound_ps" or sides.base.terms.device is not None]
    return [*shown, *([Ranked("tool_count", word, word, 0)] if word else [])]


def _total(report: Report, cost: str) -> tuple[int | None, str]:
    """A total to be compared among several networks, None where it cannot be, and how it is written."""
    if cost == "field":
        return _extent(report.receptive_field), words.field(report.receptive_field)
    if cost == "tool_count":
        return _tool_count(report)
    number = getattr(report.totals, cost)
    if cost == "peak_activation_bytes":
        return number, words.binary(number)
    write = {"weight_bytes": words.binary, "bound_ps": words.duration}.get(cost, words.exact)
    return number, words.at_least(write(number), len(report.uncosted))


def _tool_count(report: Report) -> tuple[int | None, str]:
    if report.counted is None:
        return None, ""
    from convcalc.views.tool_counts import printed

    return None if report.counted.unknown else report.counted.count, printed(report.counted)


def _extent(field: ReceptiveField | None) -> int | None:
    if field is None or field.size is None or field.is_global or None in field.size:
        return None
    return math.prod(size or 1 for size in field.size)


def ordered(sides: Sides) -> list[tuple[Candidate, dict[str, str]]]:
    """As `ranked`, and behind them those that could not be had."""
    return [*ranked(sides), *((candidate, {}) for candidate in sides.candidates if candidate.comparison is None)]


def ranked(sides: Sides) -> list[tuple[Candidate, dict[str, str]]]:
    """The networks that could be had, the base among them, with the fewest MACs first, and their cells.

    The smallest of a column is marked with a star, unless more than half of them are as small, or it is the least of
    what one of them may be.
    """
    repeats_base = any(candidate.label == sides.label for candidate in sides.candidates)
    compared = [(candidate, candidate.report) for candidate in sides.candidates if candidate.report is not None]
    rows = [*([] if repeats_base else [(Candidate(sides.label), sides.base)]), *compared]
    if sides.variants:
        rows.sort(key=lambda row: row[1].totals.macs)
    cells: list[dict[str, str]] = [{} for _ in rows]
    for cost in (column.total for column in columns(sides)):
        column = [_total(report, cost) for _, report in rows]
        numbers = [number for number, _ in column if number is not None]
        for row, (number, text), (_, report) in zip(cells, column, rows, strict=True):
            is_least = number is not None and number == min(numbers) and 2 * numbers.count(number) <= len(numbers)
            is_least = is_least and not (report.uncosted and cost in {"params", "macs", "weight_bytes", "bound_ps"})
            row[cost] = f"{text} *" if is_least else text
    return [(candidate, row) for (candidate, _), row in zip(rows, cells, strict=True)]


def convention(sides: Sides) -> str:
    """What is counted on both sides, and the formats of each where these differ."""
    heads = [candidate.report.convention for candidate in sides.candidates if candidate.report is not None]
    other = next((head for head in heads if head.dtype != sides.base.convention.dtype), None)
    return words.convention(sides.base.convention, other)
