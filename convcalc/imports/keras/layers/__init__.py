"""What becomes of the layers of Keras: one file a group of classes, found by being there.

Such a file has `RULES`: by the name of a class what makes our layers of a call of it, and gives the tensors that leave.
A rule raises `Inexpressible` where no kind says what the layer does.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache

from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.layouts import OrderedTensor

Leaves = OrderedTensor | Sequence[OrderedTensor]
Rule = Callable[[LayerCall], Leaves]


@cache
def rules() -> dict[str, Rule]:
    """The rule of every class that is known."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {name: rule for module in modules for name, rule in getattr(module, "RULES", {}).items()}
