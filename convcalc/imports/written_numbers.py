"""Numbers of a file as a person would write them, and what one beside a tensor does to it."""

from __future__ import annotations


def tidy(number: float) -> float:
    """A number of 32 bits as it was written: 1e-5, not 9.999999747378752e-06."""
    return float(f"{number:.7g}")


def factor_and_addend(kind: str, number: float, *, behind: bool) -> dict[str, float] | None:
    """A number before or behind a tensor as the fields of `affine`; None where it is neither factor nor addend."""
    if kind == "add":
        return {"addend": number}
    if kind == "sub":
        return {"addend": tidy(-number)} if behind else {"factor": -1.0, "addend": number}
    if kind == "mul":
        return {"factor": number}
    if kind == "div" and behind and number:
        return {"factor": tidy(1 / number)}
    return None
