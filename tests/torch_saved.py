"""Makes tests/data/training/saved.json: what PyTorch keeps from the way forward for the way back. Needs torch.

    python tests/torch_saved.py

`layers`: those of `torch_layers` alone, on a CPU, batch 1, in training mode, all gradients wanted. The hooks of saved
tensors see every tensor that is kept: `inputs` are the places of those that entered, `output` that which left,
`weights` the learned arrays and buffers among them (which live anyway), and `other` has the dtype, shape and bytes of
what else is kept, how many times. A view counts as what it is a view of. What an LSTM keeps is a workspace of the
library it runs on, as large as that likes.

`networks`: torchvision's in training mode on the meta device, batch 1: bytes of all tensors kept that are no weights or
buffers, each memory once. It makes no difference whether a ReLU works in place: a norm's output is kept by nobody.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch.autograd.graph import saved_tensors_hooks

sys.path.insert(0, str(Path(__file__).parent))
from torch_layers import LAYERS, Layer

DATA = Path(__file__).parent / "data/training"
NETWORKS = {
    "alexnet": (3, 224, 224),
    "densenet121": (3, 224, 224),
    "efficientnet_b0": (3, 224, 224),
    "mobilenet_v2": (3, 224, 224),
    "resnet18": (3, 224, 224),
    "resnet50": (3, 224, 224),
    "squeezenet1_0": (3, 224, 224),
    "vgg16": (3, 224, 224),
    "vit_b_16": (3, 224, 224),
}


def main() -> None:
    """Write what is kept, with the versions it is of."""
    torch.manual_seed(0)
    packages = ("torch", "torchvision")
    text = json.dumps(
        {
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name).split("+")[0] for name in packages},
            },
            "layers": {name: of_layer(layer) for name, layer in LAYERS.items()},
            "networks": {name: {"shape": shape, "bytes": of_network(name, shape)} for name, shape in NETWORKS.items()},
        },
        indent=1,
    )
    (DATA / "saved.json").write_text(text + "\n", "utf-8")


def kept(run: Any) -> tuple[Any, list[Any]]:
    """What a run returns, and the tensors that were kept on its way, each memory once."""
    tensors: dict[Any, Any] = {}

    def packed(tensor: Any) -> Any:
        tensors.setdefault(_memory(tensor), tensor)
        return tensor

    with saved_tensors_hooks(packed, lambda tensor: tensor):
        output = run()
    return output, list(tensors.values())


def _memory(tensor: Any) -> int:
    """Which memory a tensor lies in: that of a view is that of what it is a view of."""
    return int(tensor.untyped_storage()._cdata)


def of_layer(layer: Layer) -> dict[str, Any]:
    """What is kept of a layer alone."""
    module = layer.make().train()
    inputs = [torch.randn((1, *shape), requires_grad=True) for shape in layer.shapes]
    # an operation before the layer, so that its output is no leaf: what enters is that of a layer in a network
    entered = [tensor * 2 for tensor in inputs]
    output, tensors = kept(lambda: module(*entered))
    places = {_memory(tensor): place for place, tensor in enumerate(entered)}
    weights = {_memory(tensor): name for name, tensor in (*module.named_parameters(), *module.named_buffers())}
    memories = [_memory(tensor) for tensor in tensors]
    known = {*places, *weights, _memory(output)}
    other = [tensor for tensor in tensors if _memory(tensor) not in known]
    row = {
        "spec": layer.spec,
        "shapes": layer.shapes,
        "inputs": sorted(places[memory] for memory in memories if memory in places),
        "output": _memory(output) in memories and _memory(output) not in places,
        "weights": sorted(weights[memory] for memory in memories if memory in weights),
        "other": _listed(other),
    }
    print(row["spec"], row["inputs"], row["output"], row["weights"], row["other"])  # noqa: T201
    return row


def _listed(tensors: list[Any]) -> list[dict[str, Any]]:
    """Type, shape and bytes of tensors, and how many are alike."""
    rows = Counter(
        (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), _bytes(tensor)) for tensor in tensors
    )
    return [dict(zip(("dtype", "shape", "bytes", "count"), (*row, count), strict=True)) for row, count in rows.items()]


def _bytes(tensor: Any) -> int:
    return int(tensor.untyped_storage().nbytes())


def of_network(name: str, shape: tuple[int, ...]) -> int:
    """Bytes that a network keeps besides its weights and buffers."""
    with torch.device("meta"):
        network = getattr(torchvision.models, name)(weights=None).train()
        x = torch.zeros((1, *shape))
    _, tensors = kept(lambda: network(x))
    own = {_memory(tensor) for tensor in (*network.parameters(), *network.buffers())}
    total = sum(_bytes(tensor) for tensor in tensors if _memory(tensor) not in own)
    print(name, total)  # noqa: T201
    return total


if __name__ == "__main__":
    main()
