"""The modules that files name, each from the tensors that enter and its arguments to those that leave.

One file a family, found by being there. A file has `MODULES`: for every name a `Module`, whose function gets the place
where it stands, what enters, and the arguments of the row. Arguments are checked against its annotations.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple


class Module(NamedTuple):
    """How a module is made, and what becomes of its row before.

    With `scaled` the first argument are its output channels, for a width of 1. With `repeats` the number of the row is
    an argument, behind so many others; without, the module stands in a row so often.
    """

    build: Callable[..., Any]
    scaled: bool = False
    repeats: int | None = None


@cache
def modules() -> dict[str, Module]:
    """Every module there is, by name."""
    by_name: dict[str, Module] = {}
    for module in pkgutil.iter_modules(__path__):
        by_name |= importlib.import_module(f"{__name__}.{module.name}").MODULES
    return by_name
