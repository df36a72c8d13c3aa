"""What a misspelt word may have been meant to be."""

from __future__ import annotations

from collections.abc import Iterable

from convcalc.spec.elsewhere import NO_KINDS, kind_named, squashed


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A suggestion, or nothing."""
    meant = close(word, known)
    return f"did you mean `{meant[0]}`?" if meant else ""


def kind_meant(word: str, known: Iterable[str]) -> str:
    """What to write for a word that is no layer kind or block."""
    known = list(known)
    kind = kind_named(word, known)
    if kind:
        return f"did you mean `{kind}`?"
    return NO_KINDS.get(squashed(word)) or did_you_mean(word, known) or "`convcalc kinds` lists what there is"


def close(word: object, known: Iterable[str]) -> list[str]:
    """The nearest known word, if one is near; PyTorch's class names are near our kinds (MaxPool2d, max_pool)."""
    import difflib

    names = {_plain(name): name for name in known}
    return [names[name] for name in difflib.get_close_matches(_plain(str(word)[:100]), list(names), n=1, cutoff=0.6)]


def _plain(word: str) -> str:
    return word.replace("_", "").lower()
