"""A budget to paste into a spec: what it has now, and room to grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.analysis.report import Report
from convcalc.language.quantities import FACTORS
from convcalc.views import words
from convcalc.visible import visible

if TYPE_CHECKING:
    from fractions import Fraction

_SUGGESTED = ("params", "macs", "peak_activation_bytes")
_DIGITS = 4
"""Digits of a suggested amount."""


def text(report: Report, path: str, percent: Fraction) -> str:
    """The lines of a `budget` that lets every amount grow, and the receptive field shrink, by so many percent."""
    more = f"{float(percent):g} % more" if percent else "no more"
    lines = [f"# {visible(path)}: what it has now, and {more}", "budget:"]
    for name in _SUGGESTED:
        amount: int = getattr(report.totals, name)
        now = words.at_least(f"{amount:,}", len(words.lacking(report, name)))
        lines.append(
            f"  {name}: {rounded_up(amount * (1 + percent / 100), binary=name.endswith('_bytes'))} # {now} now"
        )
    field = report.receptive_field
    sizes = [size for size in (field.size if field is not None else None) or () if size is not None]
    if sizes:
        least = min(sizes) / (1 + percent / 100)
        lines.append(f"  min_receptive_field: {least.numerator // least.denominator} # {min(sizes):,} now")
    return "\n".join(lines) + "\n"


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
