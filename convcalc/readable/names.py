"""Names that a spec may have, from the names that a graph has."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from functools import cache
from pathlib import Path

from convcalc import layers
from convcalc.imports.record import Imported
from convcalc.language.written import RESERVED
from convcalc.visible import visible

LONGEST = 80
"""Characters of a name; a longer one keeps its end, where what is particular to it stands."""

_OPERATIONS = {
    *("addmm", "bn", "clip", "convolution", "deconv", "gemm", "getitem", "globalaveragepool", "mm", "norm", "pool"),
    *("reducemean", "resize", "squeeze", "transpose", "unsqueeze", "view"),
}
"""What programs and exporters call layers, beside the names of our kinds."""

_CONTAINERS = {"block", "blocks", "body", "features", "layer", "layers", "model", "module", "net", "node", "op", "seq"}


def parts(name: str) -> tuple[str, ...]:
    """The modules around a layer and the layer itself, from the outside in."""
    return tuple(part for part in re.split(r"[./]+", name) if part) or ("layer",)


def model_name(imported: Imported) -> str:
    """What a network is called: as its file is, because exporters give most graphs one and the same name."""
    return visible(Path(imported.source).stem.strip("<>") or imported.name or "model")


def is_generic(part: str) -> bool:
    """Whether a part of a name says no more than what kind of layer it is, or that it holds layers."""
    word = _bare(part).removeprefix("node")
    return not word or word in _OPERATIONS or word in _CONTAINERS or word in _kinds()


def _bare(part: str) -> str:
    return re.sub(r"\d[dD]?|[\W_]", "", part).lower()


@cache
def _kinds() -> set[str]:
    return {_bare(name) for name in layers.names()}


def says_something(path: tuple[str, ...], *, is_way: bool) -> bool:
    """Whether a path tells a layer from others better than its number would.

    Words do; so does the way through the modules of the network, whatever these are called.
    """
    return not all(part.isdigit() if is_way else is_generic(part) for part in path)


def legal(path: Iterable[str], kind: str) -> str:
    """A name without dots that every reference can use."""
    text = re.sub(r"[^\w-]+", "_", "_".join(path)).strip("_-")[-LONGEST:].strip("_-")
    if not text or text.isdigit():
        text = f"{kind}_{text}".strip("_")
    return f"{text}_" if text in RESERVED else text


def unlike(name: str, *taken: Container[str]) -> str:
    """The name, with a number behind it where it is taken."""
    free, number = name, 2
    while any(free in names for names in taken):
        free, number = f"{name}_{number}", number + 1
    return free
