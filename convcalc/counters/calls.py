"""What the code of a network calls for each of its layers, as far as its spec says so, and otherwise usually."""

from __future__ import annotations

from fnmatch import fnmatchcase

from convcalc.network import Network, Node

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
    entries = [(pattern, call) for pattern, call in network.code.items()]
    by_kind = {pattern: (place, call) for place, (pattern, call) in enumerate(entries)}
    patterns = [(place, pattern, call) for place, (pattern, call) in enumerate(entries) if "*" in pattern]
    return [_call(node, by_kind, patterns) for node in network.layers]


def _call(node: Node, exact: dict[str, tuple[int, str]], patterns: list[tuple[int, str, str]]) -> str:
    fitting = [exact[name] for name in (node.kind, node.name) if name in exact]
    fitting += [(place, call) for place, pattern, call in patterns if fnmatchcase(node.name, pattern)]
    if fitting:
        return max(fitting)[1]
    if node.kind in USUAL:
        return USUAL[node.kind]
    is_given = len(node.inputs) > 1 and node.config.is_convolution
    return f"F.{node.kind}" if is_given else "nn"
