"""What the shell offers for an unfinished word; where that is nothing, it offers files."""

from __future__ import annotations

import os
from collections.abc import Iterable

SHELL = "_CONVCALC_COMPLETE"
"""The variable of the environment by which a shell asks."""
BASH = "complete_bash"


def networks(incomplete: str) -> list[str]:
    """Networks of the zoo where one is begun.

    Bash takes a colon for the end of a word, and wants what comes behind it alone.
    """
    from convcalc.language import zoo

    if os.environ.get(SHELL) == BASH:
        words, place = _bash_words()
        if words[:place][-2:] == ["zoo", ":"]:
            return beginning(incomplete, zoo.names())
    return beginning(incomplete, (f"{zoo.SCHEME}{name}" for name in zoo.names())) if incomplete[:3] == "zoo" else []


def zoo_names(incomplete: str) -> list[str]:
    """Networks of the zoo, where nothing else can be."""
    from convcalc.language import zoo

    return beginning(incomplete, zoo.names())


def kinds(incomplete: str) -> list[str]:
    """Layer kinds and blocks that ship."""
    from convcalc.language import library

    return beginning(incomplete, library.names())


def layer_kinds(incomplete: str) -> list[str]:
    """The kinds that begin with what is typed."""
    from convcalc import layers

    return beginning(incomplete, layers.names())


def topics(incomplete: str) -> list[str]:
    """Pages of the manual."""
    from convcalc import pages

    return beginning(incomplete, pages.topics())


def rules(incomplete: str) -> list[str]:
    """Codes and names of rules; behind a comma, the next one."""
    from convcalc import rules as registry

    return _listed(incomplete, [*registry.codes(), *registry.names().values()])


def variants(incomplete: str) -> list[str]:
    """Variants of compare; behind a comma, the next one."""
    from convcalc.language.variants import VARIANTS

    return _listed(incomplete, ["all", *VARIANTS])


def totals(incomplete: str) -> list[str]:
    """Totals of a network; behind a comma, the next one, and behind a - the same."""
    from convcalc.language.quantities import AMOUNTS

    names = [*AMOUNTS, "receptive_field"]
    return _listed(incomplete, [*names, *(f"-{name}" for name in names)])


def devices(incomplete: str) -> list[str]:
    """Devices; files have a completion of their own."""
    from convcalc.devices import names

    return beginning(incomplete, names())


def counter(incomplete: str) -> list[str]:
    """Other tools that count; behind a colon, an option, and behind that its values."""
    from convcalc import counters
    from convcalc.language.source import SpecError

    name, colon, written = incomplete.partition(":")
    if not colon:
        return beginning(incomplete, counters.names())
    try:
        known = counters.load(name)
    except SpecError:
        return []
    options = {**known.options, "figure": tuple(known.figures)}
    done, comma, _ = written.rpartition(",")
    settings = (f"{option}={value}" for option, values in options.items() for value in values)
    return beginning(incomplete, (f"{name}:{done}{comma}{setting}" for setting in settings))


def counters(incomplete: str) -> list[str]:
    """The same; behind a comma, the next one."""
    from convcalc.counters import asking

    last = asking.words([incomplete])[-1]
    return [f"{incomplete.removesuffix(last)}{word}" for word in counter(last)]


def formats(incomplete: str) -> list[str]:
    """Formats of lint."""
    from convcalc.views import format_names

    return beginning(incomplete, format_names("lint", "text"))


def export_formats(incomplete: str) -> list[str]:
    """What a network is written as."""
    from convcalc import exports

    return beginning(incomplete, exports.names())


def end_word_at_colon() -> None:
    """Begin a word behind a colon, which Bash has as a word of its own."""
    words, place = _bash_words()
    if words[place:] == [":"]:
        os.environ["COMP_CWORD"] = str(place + 1)


def _bash_words() -> tuple[list[str], int]:
    """The words of the line, and which of them is not finished."""
    return os.environ.get("COMP_WORDS", "").split("\n"), int(os.environ.get("COMP_CWORD", "0"))


def _listed(incomplete: str, names: Iterable[str]) -> list[str]:
    done, comma, last = incomplete.rpartition(",")
    return [f"{done}{comma}{name}" for name in beginning(last, names)]


def beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    """The names that begin so."""
    return [name for name in names if name.startswith(incomplete)]
