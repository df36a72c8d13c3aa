"""Makes tests/data/gradients: small networks as ONNX, and what PyTorch says of their gradients. Needs torch.

    python tests/torch_gradients.py

Versions with which the figures were made stand in versions.json beside them (CPU, one thread). For each network of
`torch_networks` there are the files of both exporters, `NAME.onnx` (TorchScript) and `NAME.dynamo.onnx`, with the
weights inside, and `NAME.npz` with, in PyTorch's numbers:

- `input`, and `output` as PyTorch computes it, float32 and float64 (`output64`);
- `runtime`, `runtime_dynamo`: what ONNX Runtime makes of the same input and either file;
- `asked`: the places of the output whose score is asked, a class and where there is a map a row and a column;
- `score64`, `input_gradient`, `input_gradient64`: the score, before a softmax, and its derivative by the input;
- `weight:NAME`, `gradient64:NAME`: a few weights, and the derivative by them.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

sys.path.insert(0, str(Path(__file__).parent))
from torch_networks import NETWORKS, Example, seeded

DATA = Path(__file__).parent / "data/gradients"
TRIALS = 200
"""Seeds that are tried until a network's gradients do not hang on how numbers are rounded."""


def main() -> None:
    """Make every file again, but for those that the arguments leave out."""
    torch.set_num_threads(1)
    chosen = sys.argv[1:] or list(NETWORKS)
    for name in chosen:
        made(name, NETWORKS[name])
    packages = ("torch", "onnx", "onnxruntime", "onnxscript", "numpy")
    versions = {package: importlib.metadata.version(package) for package in packages}
    text = json.dumps({"python": platform.python_version(), **versions}, indent=2)
    (DATA / "versions.json").write_text(text + "\n", "utf-8")


def made(name: str, example: Example) -> None:
    """The files of a network, with the first seed whose gradients are the same in float32 and float64."""
    for seed in range(TRIALS):
        network = seeded(example, seed)
        x = torch.from_numpy(np.random.default_rng(seed).standard_normal((1, *example.shape)).astype(np.float32))
        arrays = asked(network, example, x)
        apart = np.abs(arrays["input_gradient"] - arrays["input_gradient64"]).max()
        size = np.abs(arrays["input_gradient64"]).max()
        if apart <= 2e-6 * size and size > 0:
            break
    else:
        raise SystemExit(f"{name}: no seed whose gradients hold")
    for suffix in ("", ".dynamo"):
        exported(network, x, DATA / f"{name}{suffix}.onnx", dynamo=bool(suffix))
        key = "runtime" + suffix.replace(".", "_")
        session = onnxruntime.InferenceSession(DATA / f"{name}{suffix}.onnx", providers=["CPUExecutionProvider"])
        arrays[key] = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
        print(name, seed, suffix, (DATA / f"{name}{suffix}.onnx").stat().st_size, end=" ")  # noqa: T201
        print(np.abs(arrays[key] - arrays["output64"]).max() / np.abs(arrays["output64"]).max())  # noqa: T201
    written(DATA / f"{name}.npz", arrays)


def exported(network: Any, x: Any, path: Path, *, dynamo: bool) -> None:
    """The network in a file of ONNX without what a place or a person could be read from."""
    stream = io.BytesIO()
    if dynamo:
        program = torch.onnx.export(network, (x,), dynamo=True, opset_version=18, input_names=["image"], verbose=False)
        model = program.model_proto
    else:
        kept = torch.onnx.TrainingMode.PRESERVE if _keeps_norms(network) else torch.onnx.TrainingMode.EVAL
        torch.onnx.export(network, (x,), stream, input_names=["image"], training=kept, dynamo=False, opset_version=17)
        model = onnx.load_from_string(stream.getvalue())
    for holder in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        del holder.metadata_props[:]
        holder.doc_string = ""
    for holder in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        del holder.metadata_props[:]
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _keeps_norms(network: Any) -> bool:
    """Whether the network starts with a norm: that one's exist to be seen by a reader."""
    return isinstance(next(network.children()), torch.nn.BatchNorm2d)


def asked(network: Any, example: Example, x: Any) -> dict[str, np.ndarray]:
    """Input, output, score and gradients, by their names in the file."""
    single, _, gradient, _ = differentiated(network.float(), example, x, None)
    place = np.unravel_index(int(single[0].argmax()), single.shape[1:])
    output, score, gradient64, by_weights = differentiated(network.double(), example, x.double(), place)
    weights = {name: array.detach().numpy() for name, array in network.named_parameters()}
    network.float()
    smallest = sorted(weights, key=lambda name: weights[name].size)
    chosen = {smallest[0], smallest[-1], next(iter(weights)), list(weights)[-2]}
    return {
        "input": x.numpy(),
        "output": single,
        "output64": output,
        "asked": np.array(place),
        "score64": np.array(score),
        "input_gradient": gradient,
        "input_gradient64": gradient64,
        **{f"weight:{name}": weights[name].astype(np.float32) for name in sorted(chosen)},
        **{f"gradient64:{name}": by_weights[name] for name in sorted(chosen)},
    }


def differentiated(
    network: Any, example: Example, x: Any, place: Any
) -> tuple[np.ndarray, float, np.ndarray, dict[str, np.ndarray]]:
    """What leaves, the score at a place of it (the highest, if none is given), and its derivatives."""
    network.zero_grad()
    x = x.detach().clone().requires_grad_()
    scores = network[:-1](x) if example.softmax else network(x)
    if place is None:
        place = np.unravel_index(int(scores[0].argmax()), scores.shape[1:])
    score = scores[(0, *place)]
    score.backward()
    with torch.no_grad():
        output = network(x)
    gradients = {name: array.grad.numpy().copy() for name, array in network.named_parameters()}
    return output.numpy(), float(score), x.grad.numpy(), gradients


def written(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An archive of arrays whose bytes depend on nothing but them: members have no time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.save(stream, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), stream.getvalue(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
