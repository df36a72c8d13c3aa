"""What a misspelt word may have been meant to be."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

from convcalc import steps
from convcalc.language.elsewhere import NO_KINDS, kind_named, squashed

_MOST_LISTED = 20
"""Names that a message lists."""
KEPT_SHARE = 1 / 3
"""Of a run's steps, which suggestions leave to the rest: without one, a message is still a message."""
_LEAST_ALIKE = 0.6
"""Of two words, twice the characters that they share for each that they have."""
STEPS_OF_NAME = 2
_STEPS_OF_COMPARISON = 10
_PAIRS_IN_STEP = 12
"""Of the characters of two words that are compared."""


def listed(names: Collection[str], before: str = "") -> str:
    """Names in a row, each with something before it; of very many, the first."""
    more = ["..."] if len(names) > _MOST_LISTED else []
    return ", ".join([*(f"{before}{name}" for name in islice(names, _MOST_LISTED)), *more])


def did_you_mean(word: object, known: Collection[str]) -> str:
    """The question whether the nearest of the known words was meant, empty where none is near."""
    meant = close(word, known)
    return f"did you mean `{meant[0]}`?" if meant else ""


def kind_meant(word: str, known: Iterable[str]) -> str:
    """What to write for a word that is no layer kind or block."""
    known = list(known)
    kind = kind_named(word, known)
    if kind:
        return f"did you mean `{kind}`?"
    return NO_KINDS.get(squashed(word)) or did_you_mean(word, known) or "`convcalc kinds` lists what there is"


def close(word: object, known: Collection[str]) -> list[str]:
    """The nearest known word, if one is near; PyTorch's class names are near our kinds (MaxPool2d, max_pool)."""
    try:
        with steps.spare(KEPT_SHARE):
            return _nearest(_plain(str(word)[:100]), known)
    except steps.OutOfSteps:
        return []


def _nearest(word: str, known: Collection[str]) -> list[str]:
    """As `difflib.get_close_matches`, which compares each name in full, whatever it is worth."""
    from difflib import SequenceMatcher

    steps.spend(STEPS_OF_NAME * len(known))
    names = {_plain(name): name for name in known if len(name) <= 4 * (len(word) + 1)}  # longer ones are not alike
    matcher = SequenceMatcher()
    matcher.set_seq2(word)
    best = (_LEAST_ALIKE, "")
    nearest = []
    for name in names:
        matcher.set_seq1(name)
        if matcher.real_quick_ratio() < best[0]:
            continue
        steps.spend(_STEPS_OF_COMPARISON + len(name) * len(word) // _PAIRS_IN_STEP)
        if matcher.quick_ratio() >= best[0] and (likeness := (matcher.ratio(), name)) >= best:
            best, nearest = likeness, [names[name]]
    return nearest


def _plain(word: str) -> str:
    return word.replace("_", "").lower()
