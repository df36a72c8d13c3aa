"""OpenVINO's layers in ONNX's words: one file a family, found by being there.

A file has `RULES`: by the type of a layer in small letters, a function that is given the layer and makes nodes of it.
What it cannot say it raises as `Inexpressible`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports.openvino.translation import IrCall

IrRule = Callable[["IrCall"], None]


@cache
def _rules() -> dict[str, IrRule]:
    by_type: dict[str, IrRule] = {}
    for module in pkgutil.iter_modules(__path__):
        by_type |= importlib.import_module(f"{__name__}.{module.name}").RULES
    return by_type


def ir_rule(word: str) -> IrRule | None:
    """The rule for a type of layer; files write some in capitals that others do not (`ReLU`, `SoftMax`)."""
    return _rules().get(word.lower())
