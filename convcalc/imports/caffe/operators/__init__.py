"""What the types of Caffe's layers are in layer kinds; every file here has some, in `OPERATORS`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from convcalc.imports.caffe.blobs import CaffeLayer
from convcalc.imports.drafts import Draft

Read = Callable[[CaffeLayer], "Draft | list[Draft]"]
"""Makes the drafts of a layer's tops; `Inexpressible` where no kind says them."""


@cache
def table() -> dict[str, Read]:
    """Every type that is known."""
    types: dict[str, Read] = {}
    for module in pkgutil.iter_modules(__path__):
        types |= importlib.import_module(f"{__name__}.{module.name}").OPERATORS
    return types
