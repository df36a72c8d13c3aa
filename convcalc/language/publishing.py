"""What was published of a network, in the words and digits of its paper, as the `published` of a spec says it.

    published: {FLOPs: 3.8G, params: 25.6M}

A word is whatever the paper prints above the number, so that mult-adds and FLOPs may both be MACs. An amount keeps its
digits, since they say how far it can be held against ours: 300M is anything from 299.5 to 300.5 million.
"""

from __future__ import annotations

import re

from convcalc.language.quantities import FACTORS
from convcalc.language.tree import Mapping, Node, Scalar, described
from convcalc.language.values import ValueReader

SUFFIXES: dict[str, int] = {"": 1, **{name: FACTORS[name] for name in "KMGT"}, "B": 10**9}
AMOUNT = "[0-9]+|" + "|".join(
    rf"[0-9]+(\.[0-9]{{1,{len(str(factor)) - 1}}})? ?{name}" for name, factor in SUFFIXES.items() if name
)
"""The form of an amount, as a regular expression: decimals are of something, as no part of a MAC is counted."""
EXPECTED = f"expected a number as it is printed, with {', '.join(filter(None, SUFFIXES))} or nothing behind it"
_LONGEST_WORD = 40
_LONGEST_AMOUNT = 30


def published(reader: ValueReader, node: Node) -> dict[str, str]:
    """What is written, each number by its word; what cannot be read is reported and left out."""
    if not isinstance(node, Mapping):
        message = f"published: expected a mapping from words to numbers, found {described(node)}"
        reader.problem("CC011", node, message, "published: {FLOPs: 3.8G, params: 25.6M}")
        return {}
    amounts = {}
    for key, value in node.entries:
        word = str(key.value)
        if not 0 < len(word.strip()) <= len(word) <= _LONGEST_WORD or not word.isprintable():
            reader.problem("CC011", key, f"published: expected a word of 1 to {_LONGEST_WORD} printable characters")
            continue
        text = _written(reader, value)
        if text is None:
            advice = "write it as the paper has it, as 3.8G for 3.8 billion"
            reader.problem("CC011", value, f"published: {word}: {EXPECTED}; found {described(value)}", advice)
        else:
            amounts[word] = text
    return amounts


def _written(reader: ValueReader, node: Node) -> str | None:
    """The digits of an amount as they stand there, be it a number to YAML or a text; None where it is none."""
    if not isinstance(node, Scalar) or node.end - node.start > _LONGEST_AMOUNT:
        return None
    text = node.value if isinstance(node.value, str) else reader.source.text[node.start : node.end]
    return text if re.fullmatch(AMOUNT, text) else None


def unit_of(word: str) -> str:
    """What a paper counts under a word: ``params``, or ``macs``, which is what papers on networks call FLOPs."""
    return "params" if word.lower().startswith(("param", "weight")) else "macs"
