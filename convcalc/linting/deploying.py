"""How networks are deployed and who counts, as the configuration or the command line says it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from convcalc import devices
from convcalc.analysis.terms import HowRun
from convcalc.language.limits import AS, COUNTED
from convcalc.language.source import SpecError
from convcalc.rules._deployed import in_words


def how_run(*, device: str | None, dtype: str | None, fused: bool | None, batch: int | None) -> HowRun:
    """What is said, without what is not."""
    how: dict[str, Any] = {"device": device, "dtype": dtype, "fused": fused, "batch": batch}
    return {name: value for name, value in how.items() if value is not None}  # type: ignore[return-value]


def device_named(word: str, folder: str = "") -> tuple[str, str, str]:
    """How a device is to be named, of a file that stands in a folder with it; else what is wrong, and what to do."""
    beside = os.path.join(folder, word)
    named = beside if word not in devices.names() and os.path.isfile(beside) else word
    try:
        devices.load(named)
    except SpecError as error:
        mistake = error.diagnostics[0]
        return named, in_words(mistake), mistake.help
    return named, "", ""


def tool_named(word: str, limited: Sequence[str], folder: str = "") -> tuple[str, dict[str, tuple[str, str]]]:
    """How a tool that counts is to be named, of a file that stands in a folder with it.

    Beside that what is wrong, and what to do, by key: of the tool, or of what is limited by its count.
    """
    from convcalc import counters

    name, colon, options = word.partition(":")
    beside = os.path.join(folder, name)
    is_there = name not in counters.names() and os.path.isfile(beside)
    named = f"{beside}{colon}{options}" if is_there else word
    problems: dict[str, tuple[str, str]] = {}
    if not set(limited).intersection(COUNTED):
        problems[AS] = f"a tool counts {', '.join(COUNTED)}, and none of these is limited here", ""
    try:
        choice = counters.choose(named)
    except SpecError as error:
        mistake = error.diagnostics[0]
        return named, {AS: (in_words(mistake), mistake.help)}
    for key in COUNTED:
        try:
            if key in limited:
                counters.of_unit(choice, key)
        except SpecError as error:
            problems[key] = error.diagnostics[0].message, error.diagnostics[0].help
    return named, problems
