"""PyTorch's operators in ONNX's words: one file a family, found by being there.

A file has `RULES`: by the name of an operator, without its overload or with it, a function that is given the operator
and makes nodes of it. What it cannot say it raises as `Inexpressible`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall

Rule = Callable[["TorchCall"], None]


@cache
def rules() -> dict[str, Rule]:
    """Every rule there is, by the name of its operator."""
    by_name: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(__path__):
        by_name |= importlib.import_module(f"{__name__}.{module.name}").RULES
    return by_name


def rule_of(target: str) -> Rule | None:
    """The rule for an operator such as `torch.ops.aten.relu_.default`: of its overload, its name, or that in place."""
    name = target.removeprefix("torch.ops.").removeprefix("aten.")
    if name.startswith("_operator."):
        return rules().get(name.replace("_operator.", "sizes."))
    word, _, overload = name.partition(".")
    there = rules()
    in_place = word.removesuffix("_") if not word.startswith("__") else word
    candidates = (f"{word}.{overload}", word, f"{in_place}.{overload}", in_place)
    return next((there[candidate] for candidate in candidates if candidate in there), None)
