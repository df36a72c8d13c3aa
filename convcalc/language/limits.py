"""What must not be exceeded, and where that is said: the `budget` of a spec, of a layer, of a block that is called."""

from __future__ import annotations

from collections import abc
from typing import Any

import msgspec

from convcalc.language.elsewhere import field_advice
from convcalc.language.quantities import AMOUNTS, DURATION, EXPECTED, EXPECTED_DURATION, MEMORIES, amount, duration
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import Mapping, Node, Scalar, described
from convcalc.language.values import ValueReader

FIGURES = (*AMOUNTS, "output", "receptive_field")
LIMITED = (*AMOUNTS, *MEMORIES, DURATION, "min_receptive_field")
AS = "as"
"""The key of a budget that names the tool by whose count it is held."""
COUNTED = ("macs", "flops", "params")
"""What other tools print, and so can be held by their count; each is a unit of `convcalc.counters`."""


class Limit(msgspec.Struct, frozen=True):
    """One amount that is not exceeded, or for a field not fallen short of, and its key."""

    value: Any  # a whole number, but for milliseconds
    key: Scalar
    counted_as: Scalar | None = None  # the tool whose count is meant, which may be none that there is


def limits(reader: ValueReader, node: Node | None) -> dict[str, Limit]:
    """The entries of a budget by name; those that cannot be read are reported and left out."""
    written = entries(reader, node, "budget", (*LIMITED, AS))
    named = next((pair for pair in written if pair[0].value == AS), None)
    counted_as = None if named is None else _tool(reader, *named, {str(key.value) for key, _ in written})
    read = {}
    for key, value in written:
        number = read_amount(reader, key, value) if key.value != AS else None
        if number is not None:
            read[str(key.value)] = Limit(number, key, counted_as if key.value in COUNTED else None)
    return read


def values_of(budget: abc.Mapping[str, Limit]) -> dict[str, Any]:
    """The limits of a budget as a network has them: by name, and the tool that is named."""
    values = {name: limit.value for name, limit in budget.items()}
    tool = next((limit.counted_as for limit in budget.values() if limit.counted_as is not None), None)
    return values if tool is None else {**values, AS: tool.value}


def _tool(reader: ValueReader, key: Scalar, node: Node, limited: set[str]) -> Scalar | None:
    """The tool that is named, whether there is one of that name or not: that is for who counts."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
        advice = f"budget: {{macs: 4.2G, {AS}: thop}}"
        reader.problem("CC011", node, f"{AS}: expected the name of a tool that counts, found {described(node)}", advice)
        return None
    if not limited.intersection(COUNTED):
        message = f"{AS}: a tool counts {', '.join(COUNTED)}, and none of these is limited here"
        reader.problem("CC012", key, message, f"budget: {{macs: 4.2G, {AS}: {node.value}}}")
    return node


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
