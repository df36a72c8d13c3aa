"""The modules that files name, each from the tensors that enter and its arguments to those that leave.

One file a family, found by being there. A file has `MODULES`: for every name a `KnownModule`, whose function gets the
place where it stands, what enters, and the arguments of the row, which are checked against its annotations. Some names
stand for another module in files with anchors, of yolov5 and what came of it: these are in `ANCHORED`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple


class KnownModule(NamedTuple):
    """How a module is made, and what becomes of its row before.

    With `scaled` the first argument are its output channels, for a width of 1. With `repeats` the number of the row is
    an argument, behind so many others; without, the module stands in a row so often.
    """

    build: Callable[..., Any]
    scaled: bool = False
    repeats: int | None = None


@cache
def modules(anchored: bool) -> dict[str, KnownModule]:
    """Every module there is, by its name in files with anchors or without."""
    by_name: dict[str, KnownModule] = {}
    others: dict[str, KnownModule] = {}
    for module in pkgutil.iter_modules(__path__):
        family = importlib.import_module(f"{__name__}.{module.name}")
        by_name |= family.MODULES
        others |= getattr(family, "ANCHORED", {})
    return by_name | others if anchored else by_name
