"""What a spec says of its own figures: what they must be (`expect`)."""

from __future__ import annotations

from convcalc.language.limits import entries, read_amount
from convcalc.language.quantities import AMOUNTS
from convcalc.language.settings import SHAPE, Settings
from convcalc.language.tree import Node, Sequence

EXPECTED = (*AMOUNTS, "output", "receptive_field")


def expect(settings: Settings, node: Node | None) -> dict[str, object]:
    """The figures that must be met: amounts, the output's shape, the receptive field."""
    expected: dict[str, object] = {}
    for key, value in entries(settings.compiler, node, "expect", EXPECTED):
        name = str(key.value)
        is_shape = name == "output" or (name == "receptive_field" and isinstance(value, Sequence))
        read = settings.typed(value, SHAPE, name) if is_shape else read_amount(settings.compiler, key, value)
        expected[name] = read
    return expected
