"""What layers are called: by the graph's own names, as the modules of the program that was exported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from functools import cache
from itertools import takewhile

from convcalc.imports.drafts import INPUT, Draft
from convcalc.language.written import RESERVED

_LONGEST_WORD = 100
_MOST_WORDS = 32
"""Words of a path; one with more keeps its last."""


def named(drafts: list[Draft]) -> dict[Draft, str]:
    """A name for every draft, unlike all others: dotted paths of words that a spec takes."""
    scopes = {draft: _scope(draft) for draft in drafts if draft.kind != INPUT}
    _strip_what_all_have(scopes)
    counts = Counter(scopes.values())
    inner = {place[:length] for place in counts for length in range(1, len(place))}
    names: dict[Draft, str] = {}
    taken: Counter[str] = Counter()
    for draft in drafts:
        if draft.kind == INPUT:
            names[draft] = _unlike(_word(draft.name), taken)
    for draft, place in scopes.items():
        leaf = place and place not in inner and (counts[place] == 1 or _owns(draft))
        path = place if leaf else (*place, draft.kind)
        if len(path) == 1 and path[0] in RESERVED:
            path = (f"{path[0]}_{draft.kind}",)
        names[draft] = _unlike(".".join(path), taken)
    return names


def is_dotted(name: str) -> bool:
    """Whether a name is that of a module's parameter, `layer1.0.gamma`, and not one that an exporter made up."""
    parts = name.split(".")
    return len(parts) > 1 and all(part.isidentifier() or part.isdecimal() for part in parts)


def is_made_up(name: str) -> bool:
    """Whether a name is one that exporters count up, or make of an operator's: `val_12`, `/norm/Constant_output_0`."""
    return bool(_made_up().fullmatch(name[-_LONGEST_WORD:]))


@cache
def _made_up() -> re.Pattern[str]:
    """Compiled where it is asked for, which takes its time."""
    return re.compile(
        r"""
        (.*/)?_?\d*(:\d+)?
        | (.*[/.])?_?
          ([xy] | (val|v|const|cst|(c_)?(lifted_)?tensor|init|literal|ones|zeros|full|fill|scalar|assign)[a-z_]*)
          ([_.:]*\d+)*
        | (view|index|permute|expand|squeeze|unsqueeze|reshape|transpose|slice|select|cat|stack|clone)(_\d+)?
        | (mul|add|sub|div)(_\d+)?
        | .*(_output_\d+|constant|const_fold|ortshared|_folded|::).*
        """,
        re.VERBOSE | re.IGNORECASE,
    )


def says_parameter(name: str) -> bool:
    """Whether a name is that of a parameter beyond doubt: the word is the last of a path, as in `layer1.0.bias`."""
    path = re.split(r"[./]", name[-_LONGEST_WORD:].removesuffix(":0"))
    return len(path) > 1 and path[-1].lower() in _PARAMETERS


_PARAMETERS = {"weight", "bias", "gamma", "beta", "kernel"}


def _owns(draft: Draft) -> bool:
    """Whether it is the layer that the module's parameters are for."""
    return any(is_dotted(name) for name in draft.weights)


def _unlike(name: str, taken: Counter[str]) -> str:
    free = name
    while free in taken:
        taken[name] += 1
        free = f"{name}_{taken[name]}"
    taken[free] = 1
    return free


def _scope(draft: Draft) -> tuple[str, ...]:
    """The module a layer stands for or is in, as a path."""
    paths = [
        tuple(_word(part) for part in name.split(".")[-_MOST_WORDS:-1]) for name in draft.weights if is_dotted(name)
    ]
    if paths and draft.kind == "attention":  # a module of modules: what their paths begin with
        return beginning(paths)
    if paths:
        return paths[0]
    modules = draft.origins[-1].modules() if draft.origins else []
    return tuple(_word(part) for part in modules[-_MOST_WORDS:] if part)


def beginning(paths: Collection[tuple[str, ...]]) -> tuple[str, ...]:
    """The words that all of some paths begin with, which are those that the first and the last in order share."""
    pairs = zip(min(paths, default=()), max(paths, default=()), strict=False)
    return tuple(word for word, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _word(text: str) -> str:
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")[:_LONGEST_WORD]
    return word or "layer"


def _strip_what_all_have(scopes: dict[Draft, tuple[str, ...]]) -> None:
    """Leave out the words that every path begins with: the wrapper that was exported."""
    shared = len(beginning([place[:-1] for place in scopes.values() if place]))
    for draft, place in scopes.items():
        scopes[draft] = place[shared:]
