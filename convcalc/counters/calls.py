"""What the code of a network calls for each of its layers, as far as its spec says so, and otherwise usually."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.language.coding import calls_said
from convcalc.layers import Shape, kind_of
from convcalc.network import Network

USUAL = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "pow": "**",
    "scale": "*",
    "affine": "*",
    "matmul": "torch.matmul",
    "concat": "torch.cat",
    "reshape": "x.reshape",
    "permute": "x.permute",
    "split": "torch.split",
    "slice": "x.slice",
    "crop": "x.slice",
    "pad": "F.pad",
    "max": "torch.maximum",
    "min": "torch.minimum",
    "reduce": "x.mean",
    "grid_sample": "F.grid_sample",
    "affine_grid": "F.affine_grid",
    "normalize": "F.normalize",
    "scaled_dot_product_attention": "F.scaled_dot_product_attention",
}
"""The kinds that are no modules by themselves; where weights enter a layer as a tensor it is none either."""


def calls_of(network: Network) -> list[str]:
    """What the code calls for each layer of a network; ``nn`` is a module of the kind's own class."""
    written = calls_said(network)
    return [
        call or usual_call(node.kind, network.shapes_into(node))
        for node, call in zip(network.layers, written, strict=True)
    ]


def usual_call(kind: str, shapes: Sequence[Shape]) -> str:
    """What is called for a layer of a kind, which tensors of these shapes enter, where nothing says otherwise."""
    if kind in USUAL:
        return USUAL[kind]
    if not kind_of(kind).is_convolution or len(shapes) < 2:
        return "nn"
    ranks = set(map(len, shapes))  # filters have other axes than maps and offsets
    return f"F.{kind}" if len(ranks) > 1 else "nn"
