"""Text in LaTeX."""

from __future__ import annotations

from convcalc.visible import visible

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "·": r"\ensuremath{\cdot}", "×": r"\ensuremath{\times}",
    "<": r"\ensuremath{<}", ">": r"\ensuremath{>}",
}  # fmt: skip


def escaped(text: str) -> str:
    """A text that is no markup."""
    return "".join(_SPECIAL.get(character, character) for character in visible(text))
