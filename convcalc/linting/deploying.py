"""How networks are deployed, as the configuration or the command line says it."""

from __future__ import annotations

import os
from typing import Any

from convcalc import devices
from convcalc.analysis.terms import HowRun
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
