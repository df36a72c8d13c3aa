"""The lint rules: one file each, found by being there.

A rule is a file such as ``cc206_dead_taps.py``: its code and its name are those of the file. Its docstring is its page
of the manual, `SEVERITY` what a finding of it is unless the configuration says otherwise, and ``check(subject)`` yields
the problems. What the loader reports under the code needs no `check`. `names()` lists the folder without importing
anything; `load(word)` imports one.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from convcalc.rules._subject import Problem, Subject

SEVERITIES = ("off", "info", "warning", "error")
"""From the least to the most."""

_FILE = re.compile(r"(cc\d{3})_([a-z0-9_]+)\.py")


class Rule(msgspec.Struct, frozen=True):
    """One rule: its code, its name, how severe a finding is by default, its page, and what it looks for.

    `search` is None where the loader, or whatever runs the rules, finds all there is to find.
    """

    code: str
    name: str
    severity: str
    page: str
    search: Callable[[Subject], Iterator[Problem]] | None = None

    @property
    def summary(self) -> str:
        """The first line of the page."""
        return self.page.partition("\n")[0]

    def check(self, subject: Subject) -> Iterator[Problem]:
        """What has been reported under the code before any rule ran, and what the rule itself finds."""
        yield from subject.reported(self.code)
        if self.search is not None:
            yield from self.search(subject)


@cache
def names() -> dict[str, str]:
    """The name of every rule by its code, sorted by code."""
    matches = (_FILE.fullmatch(file) for file in sorted(os.listdir(os.path.dirname(__file__))))
    return {match[1].upper(): match[2].replace("_", "-") for match in matches if match}


def codes() -> list[str]:
    """The codes of all rules, sorted."""
    return list(names())


def code(word: str) -> str | None:
    """The code of a rule that is called by its code or its name, None if there is none."""
    known = names()
    if word.upper() in known:
        return word.upper()
    return next((code for code, name in known.items() if name == word.lower().replace("_", "-")), None)


@cache
def chosen(word: str) -> tuple[str, ...]:
    """The codes that a word stands for: one rule by code or name, or all whose codes begin with it; none if unknown."""
    exact = code(word)
    if exact is not None:
        return (exact,)
    if not re.fullmatch(r"CC\d{0,2}", word.upper()):
        return ()
    return tuple(known for known in names() if known.startswith(word.upper()))


def load(word: str) -> Rule | None:
    """The rule of that code or name, None if there is none."""
    exact = code(word)
    return _load(exact) if exact is not None else None


@cache
def _load(code: str) -> Rule:
    name = names()[code]
    module = importlib.import_module(f"{__name__}.{code.lower()}_{name.replace('-', '_')}")
    return Rule(code, name, module.SEVERITY, inspect.getdoc(module) or "", getattr(module, "check", None))


def did_you_mean(word: str) -> str:
    """A rule that a word may stand for, as a sentence; else where they are listed."""
    from convcalc.language.suggestions import did_you_mean as suggested

    return suggested(word, [*names(), *names().values()]) or "`convcalc rules` lists what there is"
