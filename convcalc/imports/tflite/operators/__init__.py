"""TensorFlow Lite's operators in terms of layers: one file a family, found by being there.

A file has `OPERATORS`: for every operator type a function from a call to the tensors that leave. What it cannot say
it raises as `Inexpressible`, with the words for why.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from convcalc.imports.tflite.values import LiteCall, LiteValue

Operator = Callable[[LiteCall], LiteValue | list[LiteValue]]


@cache
def operators() -> dict[str, Operator]:
    """Every operator there is, by type."""
    by_type: dict[str, Operator] = {}
    for module in pkgutil.iter_modules(__path__):
        by_type |= importlib.import_module(f"{__name__}.{module.name}").OPERATORS
    return by_type
