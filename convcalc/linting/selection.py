"""Which rules run on a file, and how severe what they find is.

The longer word wins, so that `select = ["CC206"]` outdoes `ignore = ["CC2"]`; of two alike `ignore` wins. A rule that
is off by default runs where it is selected by its own code or name, or has a severity configured.
"""

from __future__ import annotations

from collections.abc import Iterable

from convcalc import rules
from convcalc.linting.configuration import Configuration
from convcalc.linting.options import Options

LONGEST = len("CC000")


def selected(options: Options, configuration: Configuration, path: str) -> dict[str, str]:
    """The rules that run on one file, by code, sorted, with the severity of what they find."""
    if options.select is not None:
        select, ignore = options.select, options.ignore
    else:
        own = configuration.select if configuration.select is not None else ("CC",)
        select = (*own, *configuration.extend_select)
        ignore = (*configuration.ignore, *options.ignore)
    wanted, unwanted = _lengths(select), _lengths(ignore)
    never = _lengths(configuration.ignored_in(path)) if configuration.per_file_ignores else {}
    severities = {}
    for code in rules.codes():
        length = wanted.get(code, 0)
        if length <= unwanted.get(code, 0) or code in never:
            continue
        severity = _severity(code, configuration, named=length == LONGEST)
        if severity != "off":
            severities[code] = severity
    return severities


def _severity(code: str, configuration: Configuration, *, named: bool) -> str:
    severity = configuration.severity.get(code)
    if severity is None:
        rule = rules.load(code)
        severity = rule.severity if rule is not None else "off"
        if severity == "off" and named:
            return "info"
    return severity


def _lengths(words: Iterable[str]) -> dict[str, int]:
    """Of every rule that is meant by one of the words, the length of the most exact."""
    lengths: dict[str, int] = {}
    for word in words:
        length = LONGEST if rules.code(word) is not None else len(word)
        for code in rules.chosen(word):
            lengths[code] = max(length, lengths.get(code, 0))
    return lengths
