"""Texts of specs, damaged: lines, values, characters, fields, and one spec put into another."""

from __future__ import annotations

import inspect
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from convcalc import layers

SPECS = [path.read_text("utf-8") for path in sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml"))]


def examples() -> list[str]:
    """The examples in the pages of the kinds."""
    kinds = [kind for name in layers.names() if (kind := layers.load(name)) is not None]
    pages = [kind.__doc__ or sys.modules[kind.__module__].__doc__ or "" for kind in kinds]
    pages += [sys.modules[kind.__module__].__doc__ or "" for kind in kinds]
    matches = (re.search(r"Example:\n((?:    .*\n)+)", inspect.cleandoc(page)) for page in pages)
    return [inspect.cleandoc(match[1]) + "\n" for match in matches if match]


TEXTS = [*SPECS, *examples()]
SHORT = [text for text in TEXTS if len(text) < 1000]
VALUES = """0 | -1 | 1 | 1000000000000000000000000000000 | 1e309 | .nan | .inf | 010 | 0x10 | 1.5 | 1_000 | -1e-40 | ~
2147483647 | yes | no | null | true | True | same | previous | input | in_channels | index | [] | {} | [1, [2, [3]]]
{a: 1} | '' | " | ' | ü·漢字🎉 | *a | &a 1 | !!python/object:os.system x | <<: *a | - - | ? a | %YAML 9.9 | @ | ` | (
f( | 2 ** 9 ** 9 | 1 / 0 | [1] * 10**9 | a.b | lambda: 1 | 1 if 2 else 3 | in_channels[0] | max([]) | max() | [[], []]
'a' * 9 | [1, 2] == 3 | true + 1 | -true | not 1 | 0.1 | round_to(3, 0) | on_axis(1, 9, 2) | 30M | 1.5 GiB | required"""
WRONG = [value for line in VALUES.split("\n") for value in line.split(" | ")]
WRONG += ["x" * 5000, "9" * 5000, "\x00", "\x07", "\u2028", "\x85", "\ufeff", "| \n  a", "\ufffe"]
CHARACTERS: list[str] = [*"[]{}:,&*!|>'\"%@`#-? \n\t", "\r\n", "---\n", "...\n", "<<: ", "&a ", "*a "]
CHARACTERS += ["é", "\x00", "\x1b", "🎉", "\u2028"]


LOADER, DUMPER = getattr(yaml, "CSafeLoader", yaml.SafeLoader), getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""Those in C are ten times as fast."""


def on_lines(text: str, draw: random.Random) -> str:
    """Lines deleted, doubled, swapped, or moved in or out."""
    lines = text.split("\n")
    first, second = draw.randrange(len(lines)), draw.randrange(len(lines))
    change = draw.randrange(5)
    if change == 0:
        del lines[first]
    elif change == 1:
        lines.insert(second, lines[first])
    elif change == 2:
        lines[first], lines[second] = lines[second], lines[first]
    elif change == 3:
        lines[first] = draw.choice([" ", "  ", "\t", "      "]) + lines[first]
    else:
        lines[first] = lines[first].removeprefix(" " * draw.randint(1, 4))
    return "\n".join(lines)


def on_values(text: str, draw: random.Random) -> str:
    """A number or a word replaced."""
    places = list(re.finditer(draw.choice([r"\d+", r"[\w.]+", r"\[[^\]]*\]", r"(?<=: ).*"]), text))
    if not places:
        return text
    place = draw.choice(places)
    return text[: place.start()] + draw.choice(WRONG) + text[place.end() :]


def on_characters(text: str, draw: random.Random) -> str:
    """Characters deleted, or something put in."""
    start = draw.randrange(len(text) + 1)
    if draw.random() < 0.4:
        return text[:start] + text[start + draw.choice((1, 1, 2, 5, 40)) :]
    return text[:start] + draw.choice(CHARACTERS) + text[start:]


def on_the_whole(text: str, draw: random.Random) -> str:
    """Cut off, or another spec put in."""
    start = draw.randrange(len(text) + 1)
    return text[:start] + (draw.choice(SHORT) if draw.random() < 0.5 else "")


def on_the_tree(text: str, draw: random.Random) -> str:
    """A field dropped, renamed or of the wrong type; kinds swapped; names taken away."""
    try:
        tree = yaml.load(text, LOADER)  # noqa: S506  # a safe one
        mappings = [node for node in _nodes(tree) if isinstance(node, dict) and node]
        node = draw.choice(mappings)
    except (yaml.YAMLError, ValueError, IndexError, RecursionError):
        return text
    key = draw.choice(list(node))
    change = draw.randrange(6)
    if change == 0:
        del node[key]
    elif change == 1:
        node[str(key)[:-1] + draw.choice("xs_")] = node.pop(key)
    elif change == 2:
        node[key] = draw.choice([None, True, -1, 0, 1.5, "word", [], {}, [1, 2], {"a": 1}, [[]], 10**30, node[key]])
    elif change == 3:
        node[draw.choice(KINDS)] = node.pop(key)
    elif change == 4:
        node[draw.choice(FIELDS)] = draw.choice([1, 2, "input", "previous", "conv1", False, "same", ["input", "conv1"]])
    else:
        other = draw.choice(mappings)
        node[key] = other[draw.choice(list(other))]
    style = draw.choice([True, False, None])
    try:
        return str(yaml.dump(tree, Dumper=DUMPER, allow_unicode=True, default_flow_style=style))
    except RecursionError:
        return text


KINDS = [*layers.names(), "separable_conv", "squeeze_excite", "bottleneck", "inverted_residual", "deform_conv_v2"]
FIELDS = ["name", "from", "repeat", "when", "share", "branches", "stride", "padding", "axis", "kernel_size", "input"]
FIELDS += ["inputs", "outputs", "variables", "blocks", "parameters", "layers", "expect", "budget", "lint", "ignore"]
FIELDS += ["bits", "weights", "activations", "deploy", "fused", "dtype", "batch", "device"]


def _nodes(tree: Any) -> Iterator[Any]:
    yield tree
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(inner)


MUTATIONS: list[Callable[[str, random.Random], str]] = [
    *(on_values, on_values, on_values, on_lines, on_lines, on_characters, on_characters),
    *(on_the_tree, on_the_tree, on_the_tree, on_the_whole),
]


def mutant(draw: random.Random) -> str:
    """A spec damaged in one place or a few; short ones more often."""
    return mutated(draw.choice(SHORT if draw.random() < 0.85 else TEXTS), draw)


def mutated(text: str, draw: random.Random) -> str:
    """A text damaged in one place or a few."""
    for _ in range(draw.choice([1, 1, 1, 2, 2, 3, 6])):
        text = draw.choice(MUTATIONS)(text, draw)
    return text
