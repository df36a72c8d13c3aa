"""Names that a spec may have, from the names that a graph has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from convcalc import layers
from convcalc.spec.template import RESERVED, numbered

LONGEST = 80
"""Characters of a name; a longer one keeps its end, where what is particular to it stands."""

OPERATIONS = {
    *(
        "add",
        "addmm",
        "avgpool",
        "batchnorm",
        "bn",
        "concat",
        "conv",
        "convolution",
        "convtranspose",
        "deconv",
        "dense",
    ),
    *("dropout", "flatten", "gelu", "gemm", "getitem", "hardswish", "leakyrelu", "linear", "maxpool", "mm", "mul"),
    *("permute", "relu", "reshape", "resize", "sigmoid", "silu", "slice", "softmax", "split", "transpose", "upsample"),
}
CONTAINERS = {"block", "blocks", "body", "features", "layer", "layers", "model", "module", "net", "node", "op", "seq"}


def parts(name: str) -> tuple[str, ...]:
    """The modules around a layer and the layer itself, from the outside in."""
    return tuple(part for part in re.split(r"[./]+", name) if part) or ("layer",)


def is_generic(part: str) -> bool:
    """Whether a part of a name says no more than what kind of layer it is, or that it holds layers."""
    word = re.sub(r"[\W\d_]+", "", part).lower().removeprefix("node").removesuffix("d")
    return not word or word in OPERATIONS or word in CONTAINERS or layers.load(word) is not None


def says_something(path: tuple[str, ...], *, in_block: bool) -> bool:
    """Whether a path tells a layer from others better than its number would.

    In a block only words do; in the network also the way through its modules.
    """
    if not in_block and len(path) > 1:
        return not all(part.isdigit() for part in path)
    return not all(map(is_generic, path))


def legal(path: Iterable[str], kind: str) -> str:
    """A name without dots that every reference can use."""
    text = re.sub(r"[^\w-]+", "_", "_".join(path)).strip("_-")[-LONGEST:].strip("_-")
    if not text or text.isdigit():
        text = f"{kind}_{text}".strip("_")
    return f"{text}_" if text in RESERVED else text


def unlike(name: str, taken: Iterable[str]) -> str:
    """The name, with a number behind it where it is taken."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


class Automatic:
    """The names that layers have where none is written, in one scope."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def next(self, kind: str) -> str:
        """That of the next layer of a kind."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return numbered(kind, self.counts[kind])
