"""A budget to paste into a spec: what it has now, and room to grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.analysis.report import Report
from convcalc.analysis.terms import Terms
from convcalc.language.quantities import FACTORS
from convcalc.language.writing import quoted
from convcalc.views import words
from convcalc.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from convcalc.analysis.counts import ToolCount

_SUGGESTED = ("params", "macs")
_PICOSECONDS = 10**9
"""In a millisecond."""
_DIGITS = 4
"""Digits of a suggested amount."""


def text(report: Report, path: str, percent: Fraction, counted_as: str = "", counts: Sequence[ToolCount] = ()) -> str:
    """The lines of a `budget` that lets every amount grow, and the receptive field shrink, by so many percent.

    `counts` are of the tool that is named `counted_as`, by whose count params and macs are held.
    """
    more = f"{float(percent):g} % more" if percent else "no more"
    lines = [f"# {visible(path)}: what it has now, and {more}", "budget:"]
    more_of = 1 + percent / 100
    if counts:
        counter = counts[0].choice.counter
        lines.append(f"  as: {quoted(counted_as)} # {visible(counter.package or counter.about)}".rstrip("# "))
        lines += [_of_tool(counted, more_of) for counted in counts]
    amounts = _amounts(report)
    for name in _SUGGESTED if counts else ():
        del amounts[name]
    for name, (amount, unknown) in amounts.items():
        now = words.at_least(f"{amount:,}", unknown)
        lines.append(f"  {name}: {rounded_up(amount * more_of, binary=name not in _SUGGESTED)} # {now} now")
    if report.totals.bound_ps:
        now = words.at_least(f"{report.totals.bound_ps / _PICOSECONDS:.4g}", len(report.uncosted))
        suggested = _decimal(more_of * report.totals.bound_ps / _PICOSECONDS)
        lines.append(f"  bound_ms: {suggested} # {now} now, on {report.convention.device}")
    field = report.receptive_field
    sizes = [size for size in (field.size if field is not None else None) or () if size is not None]
    if sizes:
        least = min(sizes) / (1 + percent / 100)
        lines.append(f"  min_receptive_field: {least.numerator // least.denominator} # {min(sizes):,} now")
    return "\n".join(lines) + "\n"


def _of_tool(counted: ToolCount, more_of: Fraction) -> str:
    """The line of what a tool prints."""
    unit, name = counted.choice.figure.unit, counted.choice.counter.name
    layers = f"{len(counted.unknown)} layer{'s' if len(counted.unknown) > 1 else ''} not known to {name}"
    now = f"at least {counted.count:,} now ({layers})" if counted.unknown else f"{counted.count:,} now"
    return f"  {unit}: {rounded_up(counted.count * more_of, binary=False)} # {now}"


def _amounts(report: Report) -> dict[str, tuple[int, int]]:
    """What is suggested, each with how many layers are not counted in it.

    Of a network that is deployed otherwise than every report is by default, what it needs of a device's memories.
    """
    totals, peak = report.totals, "peak_activation_bytes"
    amounts = {name: (getattr(totals, name), len(words.lacking(report, name))) for name in (*_SUGGESTED, peak)}
    if report.terms != Terms():
        amounts["sram"] = amounts.pop(peak)
        amounts["flash"] = totals.weight_bytes + totals.buffer_bytes, len(words.lacking(report, "weight_bytes"))
    return amounts


def _decimal(time: Fraction) -> str:
    """The next number of milliseconds that is written in a few digits."""
    from decimal import ROUND_CEILING, Context

    context = Context(prec=_DIGITS, rounding=ROUND_CEILING)
    return f"{context.divide(context.create_decimal(time.numerator), time.denominator):f}"


def rounded_up(amount: Fraction, *, binary: bool) -> str:
    """The next amount that is written in a few digits and a suffix."""
    from fractions import Fraction

    suffixes = ("GiB", "MiB", "KiB") if binary else ("T", "G", "M", "K")
    for suffix in suffixes:
        scaled = amount / FACTORS[suffix]
        if scaled >= 1:
            places = max(0, _DIGITS - len(str(int(scaled))))
            digits = -(-scaled.numerator * 10**places // scaled.denominator)
            written = f"{digits / 10**places:.{places}f}".rstrip("0").rstrip(".") if places else str(digits)
            if Fraction(written) * FACTORS[suffix] % 1 == 0:  # a budget is a whole number
                return f"{written}{' ' if binary else ''}{suffix}"
    return str(-(-amount.numerator // amount.denominator))
