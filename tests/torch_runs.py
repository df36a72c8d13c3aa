"""Exported PyTorch code as torch has it: what it holds, what it multiplies, what leaves. Needs torch."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np

from convcalc.exports.pytorch.module import PythonSource, source
from convcalc.layers import Shape
from convcalc.network import Network
from convcalc.reference.execution import execute
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

UNCOUNTED = {"lstm", "gru", "rnn", "deform_conv", "affine_grid"}
"""Kinds whose products torch's counter may not know."""


class Measured(NamedTuple):
    params: int
    buffers: int
    macs: int
    outputs: list[Shape]


def built(network: Network) -> tuple[Any, PythonSource]:
    """The module of the code that is written."""
    written = source(network)
    held: dict[str, Any] = {"__name__": "exported"}
    exec(compile(written.text, "exported.py", "exec"), held)  # noqa: S102  # that is what it is for
    return held[written.name](), written


def measured(network: Network) -> Measured:
    """What torch says of the code, without a number being worked out."""
    torch = importlib.import_module("torch")
    counter = importlib.import_module("torch.utils.flop_counter").FlopCounterMode(display=False)
    with torch.device("meta"):
        module, _ = built(network)
        inputs = [torch.zeros((1, *node.shape)) for node in network.inputs]
        with counter:
            outputs = module.eval()(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return Measured(
        sum(array.numel() for array in module.parameters()),
        sum(array.numel() for name, array in module.named_buffers() if not name.endswith("num_batches_tracked")),
        counter.get_total_flops() // 2,
        [tuple(output.shape[1:]) for output in outputs],
    )


def largest_difference(network: Network, seed: int = 0) -> float:
    """Between what the code makes of random arrays and what the reference does, by the size of what leaves."""
    torch = importlib.import_module("torch")
    module, written = built(network)
    weights = RandomWeights(network, seed, "float64", keep=True)
    draw = np.random.default_rng(seed)
    inputs = {node.name: draw.standard_normal((2, *node.shape)) for node in network.inputs}
    wanted = {step.place: step.output for step in execute(network, inputs, weights, Engine())}
    wanted |= {place: inputs[node.name] for place, node in enumerate(network.inputs)}
    module = module.double().eval()
    held = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers())}
    with torch.no_grad():
        for place, path in written.paths.items():
            node = network.nodes[place]
            if node.shared is not None:
                continue
            for name, array in weights.of(place).items():
                suffix = written.classes.code[place].arrays.get(name, f".{name}")
                key = f"{path}{suffix}".replace("[", ".").replace("]", "")
                held[key].copy_(torch.from_numpy(np.ascontiguousarray(array)).reshape(held[key].shape))
        outputs = module(*(torch.from_numpy(inputs[node.name]) for node in network.inputs))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    apart = 0.0
    for place, output in zip(network.outputs, outputs, strict=True):
        reference = np.asarray(wanted[place], np.float64)
        assert tuple(output.shape) == reference.shape
        finite = np.isfinite(reference)
        size = np.abs(reference[finite]).max(initial=1.0)
        apart = max(apart, float(np.abs(output.detach().numpy() - reference)[finite].max(initial=0) / size))
    return apart
