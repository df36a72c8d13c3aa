"""What must not be exceeded, and where that is said: the `budget` of a spec, of a layer, of a block that is called."""

from __future__ import annotations

from typing import Any

import msgspec

from convcalc.language.elsewhere import field_advice
from convcalc.language.quantities import AMOUNTS, DURATION, EXPECTED, EXPECTED_DURATION, MEMORIES, amount, duration
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import Mapping, Node, Scalar, described
from convcalc.language.values import ValueReader

FIGURES = (*AMOUNTS, "output", "receptive_field")
LIMITED = (*AMOUNTS, *MEMORIES, DURATION, "min_receptive_field")


class Limit(msgspec.Struct, frozen=True):
    """One amount that is not exceeded, or for a field not fallen short of, and its key."""

    value: Any  # a whole number, but for milliseconds
    key: Scalar


def limits(reader: ValueReader, node: Node | None) -> dict[str, Limit]:
    """The entries of a budget by name; those that cannot be read are reported and left out."""
    read = {}
    for key, value in entries(reader, node, "budget", LIMITED):
        number = read_amount(reader, key, value)
        if number is not None:
            read[str(key.value)] = Limit(number, key)
    return read


def entries(reader: ValueReader, node: Node | None, what: str, known: tuple[str, ...]) -> list[tuple[Scalar, Node]]:
    """The entries of a mapping whose keys are known; all else is reported."""
    if node is not None and not isinstance(node, Mapping):
        reader.problem("CC011", node, f"{what}: expected a mapping, found {described(node)}")
    written = node.entries if isinstance(node, Mapping) else []
    for key, _ in written:
        if key.value not in known:
            word = str(key.value)
            advice = field_advice(what, word, "", known, ()) or did_you_mean(word, known)
            reader.problem("CC010", key, f"{what} has no field `{word}`", advice or f"it has {', '.join(known)}")
    return [(key, value) for key, value in written if key.value in known]


def read_amount(reader: ValueReader, key: Scalar, node: Node) -> Any:
    """An amount, or a number of milliseconds; None where it cannot be read."""
    read, expected = (duration, EXPECTED_DURATION) if key.value == DURATION else (amount, EXPECTED)
    try:
        if isinstance(node, Scalar):
            return read(node.value)
        problem = f"{expected}; found {described(node)}"
    except ValueError as error:
        problem = str(error)
    reader.problem("CC011", node, f"{key.value}: {problem}")
    return None
