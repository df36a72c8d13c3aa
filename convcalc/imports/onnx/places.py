"""Where in a program of PyTorch's the nodes of a graph were called, as far as its exporters say.

The newer one writes the classes of the modules and lines of the program, the older one the modules' names alone, as
parts of the nodes' own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from convcalc import steps
from convcalc.imports.drafts import Draft, Origin
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.spelling import CodePlace, PlaceOf

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@", "neg": "-"}
"""The operators of Python that call what PyTorch calls so."""

_NAMES = {"mean": ("mean", "adaptive_avg_pool2d"), "pow": ("pow", "square"), "mm": ("linear",), "addmm": ("linear",)}
"""The functions by which a program may call an operator of PyTorch's, where they are not called as it is."""


def places_of(nodes: Sequence[GraphNode], producer: str) -> PlaceOf | None:
    """Where each node was called; None for a file that PyTorch did not write, whose names say something else."""
    if not producer.startswith("pytorch"):
        return None
    paths = {id(node): tuple(node.modules()) for node in nodes}
    calling = {path[:length] for path in paths.values() for length in range(len(path))}

    def place_of(origin: Origin) -> CodePlace | None:
        path = paths.get(id(origin))
        if path is None or not isinstance(origin, GraphNode) or not (origin.scopes or origin.name.startswith("/")):
            return None
        name = ".".join(path)
        if is_folded(origin):
            return CodePlace(name, name, is_leaf=True)
        function, is_taken = _function(origin)
        return CodePlace(name, name, origin.module, path not in calling, function, is_taken)

    return place_of


def _function(node: GraphNode) -> tuple[str, bool]:
    """What a node is called by in its line of the program, and whether that is taken; empty where it does not say."""
    if not node.line:
        return ("x.mean", True) if node.op == "ReduceMean" else ("", False)
    steps.spend(len(node.line) // 8)
    word = node.aten.rstrip("_")
    for name in _NAMES.get(word, (word,)):
        match = re.search(rf"(\w+(?:\.nn\.functional)?)?\.{re.escape(name)}_?\(", node.line)
        if match is not None:
            space = {"F": "F", "torch": "torch", "torch.nn.functional": "F", "functional": "F"}.get(match[1] or "", "x")
            return f"{space}.{name}", False
    sign = _SIGNS.get(word, "")
    return (sign, False) if sign and sign in node.line else ("x.mean", True) if word == "mean" else ("", False)


def is_folded(node: GraphNode) -> bool:
    """Whether the newer exporter folded the batch norm of a module into what is before it."""
    return node.op in ("Conv", "ConvTranspose", "Gemm") and node.module.rpartition(".")[2].startswith("BatchNorm")


def folded(drafts: Sequence[Draft]) -> list[str]:
    """What is said of batch norms that were folded away: by the module, or as the exporter worked out the arrays."""
    count = sum(
        any(isinstance(origin, GraphNode) and is_folded(origin) for origin in draft.origins)
        or f"{(*draft.weights, '')[0]}_bias" in draft.weights[1:]
        or (*draft.weights, "")[0].startswith("onnx::Conv_")
        for draft in drafts
    )
    if not count:
        return []
    where = "1 convolution" if count == 1 else f"{count} convolutions"
    return [
        f"the exporter folded batch norm into {where}: what a tool counts of the norms themselves is not in the file"
    ]
