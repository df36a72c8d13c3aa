"""Names that hold expressions in braces: ``p{index + 3}``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from convcalc.arithmetic.number import whole
from convcalc.fields import FieldType, shown
from convcalc.language.expressions import Expression, ExpressionError

BRACES = re.compile(r"\{([^{}]*)\}")
"""An expression within a name."""


def is_computed(text: str) -> bool:
    """Whether a name holds expressions, well formed or not."""
    return "{" in text or "}" in text


class LabelPart(FieldType, frozen=True):
    """What an expression within a name may be."""

    @property
    def expected(self) -> str:
        return "a whole number or a text"


PART = LabelPart("a part of a name")


class Label(msgspec.Struct, eq=False):
    """A name that is worked out: pieces of text and expressions in turn."""

    pieces: Sequence[str | Expression]

    def text(self, values: Mapping[str, Any]) -> str:
        """The name, given the values of what its expressions use.

        Raises:
            ExpressionError: an expression has no value, or one that is neither a whole number nor a text.
        """
        return "".join(piece if isinstance(piece, str) else _worked_out(piece, values) for piece in self.pieces)


def _worked_out(expression: Expression, values: Mapping[str, Any]) -> str:
    value = expression.evaluate(values)
    if isinstance(value, str):
        return value
    number = whole(value)
    if number is not None:
        return str(int(number))
    raise ExpressionError(f"expected {PART.expected} from {expression.text.strip()}, found {shown(value)}")
