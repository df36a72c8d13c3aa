"""What `--assert` claims of a sweep: ``count >= 1``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from convcalc.fields import shown
from convcalc.language.expressions import Expression, ExpressionError, place
from convcalc.language.source import Source, SpecError
from convcalc.language.suggestions import did_you_mean

if TYPE_CHECKING:
    import ast

    from convcalc.sweeping.record import Sweep

OPTION = "--assert"
NAMES = ("count", "points", "refused")
"""How many points satisfy what is asked, how many there are, and how many of them are refused."""


class Assertion:
    """A claim in the expression language of specs.

    Raises:
        SpecError: it is no such claim; with the place.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.expression = Expression(text)
        except ExpressionError as error:
            self._refuse("CC011", error.node, str(error))
        for name in self.expression.names:
            if name.id not in NAMES:
                advice = did_you_mean(name.id, NAMES) or f"it may name {', '.join(NAMES)}"
                self._refuse("CC013", name, f"`{name.id}` has no value here", advice)
        self._truth(dict.fromkeys(NAMES, 1))

    def holds(self, sweep: Sweep) -> bool:
        """Whether a sweep is as claimed."""
        return self._truth(_counts(sweep))

    def contradiction(self, sweep: Sweep) -> str:
        """That it does not hold, with the numbers."""
        counts = ", ".join(f"{name} {number:,}" for name, number in _counts(sweep).items())
        return f"{OPTION} does not hold: {self.text} ({counts})"

    def _truth(self, counts: dict[str, int]) -> bool:
        try:
            value = self.expression.evaluate(counts)
        except ExpressionError as error:
            self._refuse("CC011", error.node, str(error))
        if not isinstance(value, bool):
            self._refuse("CC011", None, f"expected what is true or false, found {shown(value)}", "as in count >= 1")
        return value

    def _refuse(self, code: str, node: ast.AST | None, message: str, advice: str = "") -> NoReturn:
        start, end = place(self.text, node)
        raise SpecError([Source(OPTION, self.text).diagnostic(code, start, end, message, advice)])


def _counts(sweep: Sweep) -> dict[str, int]:
    return dict(zip(NAMES, (sweep.satisfying, sweep.done, sweep.refused), strict=True))
