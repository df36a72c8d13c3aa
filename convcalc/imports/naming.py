"""What layers are called: by the graph's own names, as the modules of the program that was exported."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping

from convcalc import steps
from convcalc.imports.drafts import INPUT, Draft
from convcalc.imports.onnx.constants import is_dotted
from convcalc.imports.onnx.reading import Node, Tensor
from convcalc.language.written import RESERVED

LONGEST_SCOPES = 10_000
"""Characters of a list of modules."""

LONGEST_PART = 100
MOST_PARTS = 32
"""Words of a path; one with more keeps its last."""


def named(drafts: list[Draft], initialisers: Mapping[str, Tensor]) -> dict[Draft, str]:
    """A name for every draft, unlike all others: dotted paths of words that a spec takes."""
    scopes = {draft: _scope(draft, initialisers) for draft in drafts if draft.kind != INPUT}
    _strip_what_all_have(scopes)
    counts = Counter(scopes.values())
    inner = {place[:length] for place in counts for length in range(1, len(place))}
    found: dict[Draft, str] = {}
    taken: Counter[str] = Counter()
    for draft in drafts:
        if draft.kind == INPUT:
            found[draft] = _unlike(_word(draft.name), taken)
    for draft, place in scopes.items():
        leaf = place and place not in inner and (counts[place] == 1 or _owns(draft))
        path = place if leaf else (*place, draft.kind)
        if len(path) == 1 and path[0] in RESERVED:
            path = (f"{path[0]}_{draft.kind}",)
        found[draft] = _unlike(".".join(path), taken)
    return found


def _owns(draft: Draft) -> bool:
    """Whether it is the layer that the module's parameters are for."""
    return any(is_dotted(name) for name in draft.weights)


def _unlike(name: str, taken: Counter[str]) -> str:
    taken[name] += 1
    if taken[name] == 1:
        return name
    while True:
        numbered = f"{name}_{taken[name]}"
        if numbered not in taken:
            taken[numbered] = 1
            return numbered
        taken[name] += 1


def _scope(draft: Draft, initialisers: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The module a layer stands for or is in, as a path."""
    paths = [
        tuple(_word(part) for part in name.split(".")[-MOST_PARTS:-1])
        for name in draft.weights
        if is_dotted(name) and name in initialisers
    ]
    if paths and draft.kind == "attention":  # a module of modules: what their paths begin with
        return _beginning(paths)
    if paths:
        return paths[0]
    if not draft.nodes:
        return ()
    return tuple(_word(part) for part in _of_node(draft.nodes[-1])[-MOST_PARTS:] if part)


def _beginning(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The words that all begin with."""
    length = 0
    while all(len(path) > length and path[length] == paths[0][length] for path in paths):
        length += 1
    return paths[0][:length]


def _of_node(node: Node) -> list[str]:
    if 0 < len(node.scopes) < LONGEST_SCOPES:
        steps.spend(len(node.scopes) // 4)
        try:
            stated = ast.literal_eval(node.scopes)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            stated = []
        if isinstance(stated, list) and len(stated) > 1:
            return str(stated[-2]).split(".")
    parts = [part for part in node.name.split("/") if part][:-1]
    path: list[str] = []
    for part in parts:  # PyTorch names the child of a sequence by its parent and its place
        if path and part.startswith(f"{path[-1]}."):
            path.pop()
        path.append(part)
    return [piece for part in path for piece in part.split(".")]


def _word(text: str) -> str:
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")[:LONGEST_PART]
    return word or "layer"


def _strip_what_all_have(scopes: dict[Draft, tuple[str, ...]]) -> None:
    """Leave out the words that every path begins with: the wrapper that was exported."""
    paths = [place for place in scopes.values() if place]
    shared = 0
    while paths and all(len(place) > shared + 1 and place[shared] == paths[0][shared] for place in paths):
        shared += 1
    for draft, place in scopes.items():
        scopes[draft] = place[shared:]
