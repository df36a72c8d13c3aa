"""Fused networks against what ONNX Runtime makes of the same graph: which layers are left, by name and by operator.

The network is exported as it is written, ONNX Runtime rewrites it and saves what it runs. It fuses less than the rules
of `convcalc.fusing` say, as `RUNS_IN` and `FOLDS_INTO` have it; with these differences every norm, scaling, activation
and dropout must be gone there or still be there as the fused network says, and nothing else may be gone.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import MANY
from onnx import TensorProto

from convcalc import Network, layers, load
from convcalc.exports.onnx.write import with_arrays
from convcalc.fusing import Fusion, fuse
from convcalc.language import Source, loads, writing
from convcalc.layers import kind_of

FOLDS_INTO = {"batch_norm": {"conv", "conv_transpose"}, "scale": {"conv"}}
"""What ONNX Runtime folds, and into which layers; of an affine layer it folds the factor alone, into a convolution."""

RUNS_IN = {
    "conv": {"relu", "relu6", "hard_tanh", "sigmoid", "tanh", "leaky_relu", "hard_sigmoid"},
    "linear": {"relu", "sigmoid", "tanh", "leaky_relu", "hard_sigmoid", "elu", "softplus", "selu", "softsign"},
}
"""The activations that ONNX Runtime runs in the kernel before, one a kernel; a linear layer must give one axis."""

QUICK = ("mobilenet_v2", "mobilenet_v3_small", "resnet18", "shufflenet_v2")
FOLDER = Path(__file__).parent
ZOO = sorted(path.stem for path in (FOLDER.parent / "specs" / "zoo").glob("*.yaml"))

FULL = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
"""All that does not depend on how a processor wants tensors laid out."""


def arrays_of(network: Network) -> Callable[[int], Mapping[str, Any]]:
    """Arrays that are quickly made: what is folded does not depend on the numbers."""

    def arrays(index: int) -> Mapping[str, Any]:
        owner = network.nodes[index].shared
        node = network.nodes[index if owner is None else owner]
        return {name: np.full(shape, 0.01, np.float32) for name, shape in network.arrays_of(node).items()}

    return arrays


def optimised(model: bytes, level: Any, folder: Path) -> list[Any]:
    """The operators that ONNX Runtime runs."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 3
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return list(onnx.load(folder / "optimised.onnx").graph.node)


def layers_left(operators: list[Any]) -> set[str]:
    """The layers of which an operator is left: it has the layer's name, or else its output has."""
    names = [operator.name.removeprefix("fused ") or operator.output[0] for operator in operators]
    return {name.partition("/")[0] for name in names}


def is_folded_there(head: Any, node: Any) -> bool:
    if node.kind == "affine":
        return bool(head.kind == "conv" and node.config.addend == 0)
    return head.kind in FOLDS_INTO[node.kind]


def is_run_there(head: Any, node: Any) -> bool:
    of_one_axis = head.kind != "linear" or len(head.shape) == 1
    return of_one_axis and node.kind in RUNS_IN.get(head.kind, set())


def gone_there(fusion: Fusion) -> set[str]:
    """The layers that have no operator of their own in ONNX Runtime: up to the first that it does not know, in each."""
    nodes = fusion.original.nodes
    gone = {nodes[index].name for index in fusion.vanished if not reads_input(fusion.original, index)}
    for parts in fusion.parts:
        head = nodes[parts.first]
        for index in parts.folded:
            if not is_folded_there(head, nodes[index]):
                break
            gone.add(nodes[index].name)
        else:
            gone |= {nodes[index].name for index in parts.then[:1] if is_run_there(head, nodes[index])}
    return gone


def reads_input(network: Network, index: int) -> bool:
    """ONNX Runtime keeps a dropout of what enters the model."""
    return network.nodes[index].kind == "dropout" and network.nodes[network.nodes[index].inputs[0]].is_input


def is_concerned(node: Any) -> bool:
    """Whether a rule of fusing is about the layer, or it is one that others go into."""
    config = node.config
    acts = config.is_activation and config.is_elementwise
    return acts or config.scales_channels or config.is_inert or node.kind in {"affine", "conv", "linear", "add"}


def check(network: Network, folder: Path) -> None:
    fusion = fuse(network)
    operators = optimised(b"".join(with_arrays(network, arrays_of(network))), FULL, folder)
    concerned = {node.name for node in network.layers if is_concerned(node)}
    assert concerned - layers_left(operators) == gone_there(fusion)
    counted = Counter(operator.op_type for operator in operators)
    assert counted["FusedConv"] + counted["Conv"] == sum(node.kind == "conv" for node in fusion.network.layers)
    assert counted["Add"] >= sum(node.kind == "add" for node in fusion.network.layers)


@pytest.mark.parametrize("name", ZOO if MANY else QUICK)
def test_onnx_runtime_leaves_of_the_zoo_what_is_left_here(name: str, tmp_path: Path) -> None:
    check(load(str(FOLDER.parent / "specs" / "zoo" / f"{name}.yaml")), tmp_path)


Layer = tuple[str, dict[str, Any]]

FLAT = 5
"""The features of the linear layer that has one axis."""

HEADS: list[Layer] = [
    ("conv", {"out_channels": 4, "kernel_size": 3}),
    ("conv", {"out_channels": 4, "kernel_size": 3, "groups": 2, "bias": False}),
    ("conv_transpose", {"out_channels": 4, "kernel_size": 3}),
    ("linear", {"out_features": 4}),
    ("linear", {"out_features": FLAT}),
    ("max_pool", {"kernel_size": 2}),
    ("add", {}),
    ("concat", {}),
    ("batch_norm", {}),
]
FIELDS: dict[str, Any] = {"threshold": {"threshold": 0.5, "value": 0.25}}
ACTIVATIONS = [name for name in layers.names() if kind_of(name).is_activation]
BEHIND: list[Layer] = [
    *((name, FIELDS.get(name, {})) for name in (*ACTIVATIONS, "batch_norm", "scale", "dropout", "identity")),
    *(("scale", {"bias": True}), ("affine", {"factor": 3}), ("affine", {"factor": 3, "addend": 1})),
]


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_of_every_layer_behind_another_the_same_is_left(head: Layer, tmp_path: Path) -> None:
    """Each is followed once by a relu and once by a batch norm.

    All chains are one model, each with an input of its own, as ONNX Runtime runs equal layers on equal tensors once.
    """
    items: list[Any] = []
    kind, fields = head
    for behind, inner in BEHIND:
        for last in ("relu", "batch_norm"):
            name = f"n{len(items)}"
            entering = [f"x{len(items)}"] * (2 if kind in ("add", "concat") else 1)
            items.append({kind: {**fields, "from": entering, "name": name}})
            items.append({behind: {**inner, "from": name, "name": f"{name}_behind"}})
            items.append({last: {"from": f"{name}_behind", "name": f"{name}_last"}})
    chains = range(0, len(items), 3)
    inputs = {f"x{chain}": [4] if fields.get("out_features") == FLAT else [4, 6, 6] for chain in chains}
    document = {"inputs": inputs, "layers": items, "outputs": [f"n{chain}_last" for chain in chains]}
    check(loads(Source("chains.yaml", writing.text(document))), tmp_path)


IMPORTED = ("densenet121", "timm_legacy_xception", "mobilenet_v3_small", "resnet50.dynamo")


@pytest.mark.parametrize("name", IMPORTED if MANY else IMPORTED[:2])
def test_of_a_model_file_as_many_operators_are_left(name: str, tmp_path: Path) -> None:
    """What ONNX Runtime makes of the file itself, against the network that is read from it."""
    model = onnx.load_model_from_string(gzip.decompress((FOLDER / "data" / "onnx" / f"{name}.onnx.gz").read_bytes()))
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    fusion = fuse(load(str(path)))
    counted = Counter(operator.op_type for operator in optimised(filled(model), FULL, tmp_path))
    kinds = Counter(node.kind for node in fusion.network.layers)
    activated = Counter(
        fusion.original.nodes[index].kind
        for parts in fusion.parts
        for index in parts.then[:1]
        if is_run_there(fusion.original.nodes[parts.first], fusion.original.nodes[index])
    )
    written = Counter(node.kind for node in fusion.original.layers)
    assert counted["BatchNormalization"] == kinds["batch_norm"]
    assert counted["Conv"] + counted["FusedConv"] == kinds["conv"]
    assert counted["FusedConv"] == sum(activated.values()) > 0
    assert counted["Relu"] == written["relu"] - activated["relu"]
    assert counted["Add"] == kinds["add"]


def filled(model: Any) -> bytes:
    """The model with numbers in its arrays."""
    for array in model.graph.initializer:
        if array.data_location == TensorProto.EXTERNAL:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(array.data_type)
            array.CopyFrom(onnx.numpy_helper.from_array(np.full(tuple(array.dims), 0.01, dtype), array.name))
    return bytes(model.SerializeToString())
