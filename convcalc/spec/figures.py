"""What a spec says of its own figures: what they must be (`expect`), and what they must not exceed (`budget`)."""

from __future__ import annotations

from convcalc.spec.quantities import AMOUNTS, amount
from convcalc.spec.settings import SHAPE, Settings
from convcalc.spec.suggestions import did_you_mean
from convcalc.spec.tree import Mapping, Node, Scalar, Sequence, described

EXPECTED = (*AMOUNTS, "output", "receptive_field")
LIMITED = (*AMOUNTS, "min_receptive_field")


def expect(settings: Settings, node: Node | None) -> dict[str, object]:
    """The figures that must be met: amounts, the output's shape, the receptive field."""
    expected: dict[str, object] = {}
    for key, value in _entries(settings, node, "expect", EXPECTED):
        name = str(key.value)
        is_shape = name == "output" or (name == "receptive_field" and isinstance(value, Sequence))
        expected[name] = settings.typed(value, SHAPE, name) if is_shape else _amount(settings, key, value)
    return expected


def budget(settings: Settings, node: Node | None) -> dict[str, int]:
    """The figures that must not be exceeded, or for a field not fallen short of."""
    found = {
        str(key.value): _amount(settings, key, value) for key, value in _entries(settings, node, "budget", LIMITED)
    }
    return {name: value for name, value in found.items() if value is not None}


def _entries(settings: Settings, node: Node | None, what: str, known: tuple[str, ...]) -> list[tuple[Scalar, Node]]:
    if node is not None and not isinstance(node, Mapping):
        settings.compiler.problem("CC011", node, f"{what}: expected a mapping, found {described(node)}")
    entries = node.entries if isinstance(node, Mapping) else []
    for key, _ in entries:
        if key.value not in known:
            advice = did_you_mean(key.value, known) or f"it has {', '.join(known)}"
            settings.compiler.problem("CC010", key, f"{what} has no field `{key.value}`", advice)
    return [(key, value) for key, value in entries if key.value in known]


def _amount(settings: Settings, key: Scalar, node: Node) -> int | None:
    try:
        return amount(node.value if isinstance(node, Scalar) else None)
    except ValueError as error:
        settings.compiler.problem("CC011", node, f"{key.value}: {error}")
        return None
