"""Makes tests/data/training/flops.json: what PyTorch's counter says of forward and backward passes. Needs torch.

All figures are MACs: of the counter's FLOPs, which are twice as many, the half.

    python tests/torch_flops.py

`networks`: torchvision's, in evaluation mode on the meta device, batch 1. For each of the `ways`, all that
`FlopCounterMode` counts forward and backward (`counted`), and the same by hand: the products of every layer as it ran,
once more if its weight gets a gradient, once more if what enters it does, which is asked of the tensors.
- `all`: every weight is trained, the picture gets no gradient;
- `input`: the picture gets one too (as for saliency maps with weights trained);
- `saliency`: the picture gets one, no weight does;
- `frozen`: the first part, `frozen_modules`, gets none.
`wrong` is by how much the counter is off: it counts the gradient of a grouped convolution's weights as if
every channel met every channel.

`layers`: single layers in the words of a spec, the same ways, counted by hand from their definition (`hand`) and for
those in groups from convolutions of a group each (`apart`), which the counter has right.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import math
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.swin_transformer import ShiftedWindowAttention

sys.path.insert(0, str(Path(__file__).parent))
from torch_layers import LAYERS, Layer

DATA = Path(__file__).parent / "data/training"

NETWORKS: dict[str, tuple[tuple[int, ...], dict[str, Any], tuple[str, ...]]] = {
    "alexnet": ((3, 224, 224), {}, ("features.0", "features.3")),
    "convnext_tiny": ((3, 224, 224), {}, ("features.0", "features.1")),
    "deeplabv3_resnet50": ((3, 520, 520), {"weights_backbone": None}, ("backbone",)),
    "densenet121": ((3, 224, 224), {}, ("features.conv0", "features.norm0", "features.denseblock1")),
    "efficientnet_b0": ((3, 224, 224), {}, ("features.0", "features.1", "features.2")),
    "fcn_resnet50": ((3, 520, 520), {"weights_backbone": None}, ("backbone",)),
    "googlenet": ((3, 224, 224), {"aux_logits": False, "init_weights": False}, ("conv1", "conv2", "conv3")),
    "inception_v3": ((3, 299, 299), {"aux_logits": False, "init_weights": False}, ("Conv2d_1a_3x3", "Conv2d_2a_3x3")),
    "mobilenet_v2": ((3, 224, 224), {}, ("features.0", "features.1", "features.2", "features.3")),
    "mobilenet_v3_large": ((3, 224, 224), {}, ("features.0", "features.1")),
    "mobilenet_v3_small": ((3, 224, 224), {}, ("features.0", "features.1")),
    "r3d_18": ((3, 16, 112, 112), {}, ("stem", "layer1")),
    "resnet18": ((3, 224, 224), {}, ("conv1", "bn1", "layer1")),
    "resnet50": ((3, 224, 224), {}, ("conv1", "bn1", "layer1", "layer2")),
    "resnext50_32x4d": ((3, 224, 224), {}, ("conv1", "bn1", "layer1")),
    "shufflenet_v2_x1_0": ((3, 224, 224), {}, ("conv1", "stage2")),
    "squeezenet1_0": ((3, 224, 224), {}, ("features.0", "features.3")),
    "squeezenet1_1": ((3, 224, 224), {}, ("features.0", "features.3")),
    "swin_t": ((3, 224, 224), {}, ("features.0", "features.1")),
    "vgg16": ((3, 224, 224), {}, ("features.0", "features.2")),
    "vit_b_16": ((3, 224, 224), {}, ("conv_proj",)),
}
"""Networks by their names in torchvision: what enters, arguments, and the modules that `frozen` freezes."""


class Way(NamedTuple):
    """What gets gradients: the input, and which weights (all, none, or all but the frozen modules')."""

    of_input: bool
    of_weights: str


WAYS = {
    "all": Way(False, "all"),
    "input": Way(True, "all"),
    "saliency": Way(True, "none"),
    "frozen": Way(False, "rest"),
}


def main() -> None:
    """Write the figures, with the versions they are of."""
    packages = ("torch", "torchvision")
    text = json.dumps(
        {
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name).split("+")[0] for name in packages},
            },
            "networks": {name: of_network(name) for name in NETWORKS},
            "layers": {name: of_layer(layer) for name, layer in LAYERS.items() if layer.macs},
        },
        indent=1,
    )
    (DATA / "flops.json").write_text(text + "\n", "utf-8")


def counted(run: Callable[[], Any]) -> int:
    """MACs of what runs, by the counter."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops()) // 2


def of_network(name: str) -> dict[str, Any]:
    """Forward MACs, and for each way those of forward and backward, as counted and by hand."""
    shape, arguments, frozen = NETWORKS[name]
    with torch.device("meta"):
        network = _made(name)(weights=None, **arguments).eval()
    figures: dict[str, Any] = {"shape": list(shape), "frozen_modules": list(frozen), "ways": {}}
    with torch.no_grad():
        figures["forward"] = _without_fused(lambda: network(torch.zeros((1, *shape), device="meta")))
    for key, way in WAYS.items():
        for place, array in network.named_parameters():
            array.requires_grad_(
                way.of_weights == "all"
                or (way.of_weights == "rest" and not any(place.startswith(f"{module}.") for module in frozen))
            )
        x = torch.zeros((1, *shape), device="meta", requires_grad=way.of_input)
        by_hand = _Products(network)
        forward_and_backward = _without_fused(functools.partial(_there_and_back, network, x))
        by_hand.close()
        hand = by_hand.forward + by_hand.of_inputs + by_hand.of_weights
        wrong = forward_and_backward - hand
        if wrong != sum(by_hand.extra_in_groups) or figures["forward"] != by_hand.forward:
            raise SystemExit(f"{name}, {key}: {wrong} apart, {figures['forward']} forward")
        figures["ways"][key] = {
            "counted": forward_and_backward,
            "hand": hand,
            "of_inputs": by_hand.of_inputs,
            "of_weights": by_hand.of_weights,
            "wrong": wrong,
        }
    print(name, figures["forward"], {key: way["wrong"] for key, way in figures["ways"].items()})  # noqa: T201
    return figures


def _made(name: str) -> Callable[..., Any]:
    for models in (torchvision.models, torchvision.models.segmentation, torchvision.models.video):
        if hasattr(models, name):
            make: Callable[..., Any] = getattr(models, name)
            return make
    raise SystemExit(f"torchvision has no {name}")


def _there_and_back(network: Any, x: Any) -> None:
    output = network(x)
    (output["out"] if isinstance(output, dict) else output).sum().backward()


def _without_fused(run: Callable[[], Any]) -> int:
    """MACs with attention in plain products: of its fused operator on the fast path the counter knows nothing."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        macs = counted(run)
    torch.backends.mha.set_fastpath_enabled(before)
    return macs


class _Products:
    """MACs of a network as it runs, by hooks: forward, and what gradients of inputs and of weights take.

    `extra_in_groups` is by how much a counter is wrong that takes the gradient of grouped weights for a dense one.
    """

    def __init__(self, network: Any) -> None:
        self.forward = self.of_inputs = self.of_weights = 0
        self.extra_in_groups: list[int] = []
        self._hooks = [
            module.register_forward_hook(hook, with_kwargs=True)
            for module in network.modules()
            for kind, hook in (
                (nn.modules.conv._ConvNd, self._convolution),
                (nn.MultiheadAttention, self._attention),
                (ShiftedWindowAttention, self._windows),
            )
            if isinstance(module, kind)
        ]
        apart = {
            id(linear)
            for module in network.modules()
            if isinstance(module, nn.MultiheadAttention | ShiftedWindowAttention)
            for linear in module.modules()
        }
        self._hooks += [
            module.register_forward_hook(self._linear, with_kwargs=True)
            for module in network.modules()
            if isinstance(module, nn.Linear) and id(module) not in apart
        ]

    def close(self) -> None:
        """Take the hooks out of the network."""
        for hook in self._hooks:
            hook.remove()

    def _product(self, macs: int, x: bool, weight: bool) -> None:
        self.forward += macs
        self.of_inputs += macs * x
        self.of_weights += macs * weight

    def _convolution(self, module: Any, given: Any, _: Any, output: Any) -> None:
        taps = math.prod(module.kernel_size) * module.in_channels // module.groups
        macs = output.numel() * taps
        self._product(macs, given[0].requires_grad, module.weight.requires_grad)
        self.extra_in_groups.append(macs * (module.groups - 1) * module.weight.requires_grad)

    def _linear(self, module: Any, given: Any, _: Any, output: Any) -> None:
        self._product(output.numel() * module.in_features, given[0].requires_grad, module.weight.requires_grad)

    def _attention(self, module: Any, given: Any, named: Any, output: Any) -> None:
        x = given[0] if given else named["query"]
        self._heads(x, x.shape[-2], module.in_proj_weight, module.out_proj.weight)

    def _windows(self, module: Any, given: Any, named: Any, output: Any) -> None:
        self._heads(given[0], math.prod(module.window_size), module.qkv.weight, module.proj.weight)

    def _heads(self, x: Any, seen: int, drawn: Any, out: Any) -> None:
        """Attention in which every token meets `seen` tokens; both sides of its two products come of `drawn`."""
        tokens, width = x.numel() // x.shape[-1], x.shape[-1]
        below = x.requires_grad or drawn.requires_grad
        self._product(3 * tokens * width * width, x.requires_grad, drawn.requires_grad)
        products = 2 * tokens * seen * width
        self.forward += products
        self.of_inputs += 2 * products * below
        self._product(tokens * width * width, below, out.requires_grad)


def of_layer(layer: Layer) -> dict[str, Any]:
    """MACs of a layer alone, forward and for each way, as counted and by hand."""
    figures: dict[str, Any] = {"spec": layer.spec, "inputs": [list(shape) for shape in layer.shapes]}
    hand = layer.macs or (0, 0, 0)
    figures["hand"] = {"forward": hand[0], "of_inputs": hand[1], "of_weights": hand[2]}
    figures["counted"] = {"forward": _of_layer(layer, False, False), "saliency": _of_layer(layer, True, False)}
    figures["counted"]["input"] = _of_layer(layer, True, True)
    if list(layer.make().parameters()):
        figures["counted"]["all"] = _of_layer(layer, False, True)
    if layer.apart is not None:
        figures["apart"] = {
            "forward": _of_layer(layer._replace(make=layer.apart), False, False),
            "input": _of_layer(layer._replace(make=layer.apart), True, True),
        }
    counts = figures.get("apart", figures["counted"])
    if counts["forward"] != hand[0] or counts["input"] != sum(hand):
        raise SystemExit(f"{layer.spec}: {counts}, by hand {hand}")
    figures["wrong"] = figures["counted"]["input"] - sum(hand)
    print(layer.spec, figures["wrong"])  # noqa: T201
    return figures


def _of_layer(layer: Layer, of_input: bool, of_weights: bool) -> int:
    """MACs that are counted of a layer, forward and, where anything gets a gradient, backward."""
    with torch.device("meta"):
        module = layer.make()
        inputs = [torch.zeros((1, *shape), requires_grad=of_input) for shape in layer.shapes]
    module.requires_grad_(of_weights)

    def run() -> None:
        output = module(*inputs)
        output = output[0] if isinstance(output, tuple) else output
        if output.requires_grad:
            output.sum().backward()

    return _without_fused(run)


if __name__ == "__main__":
    main()
