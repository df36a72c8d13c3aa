"""`convcalc import` of a network of HRNet's size, beside another build of convcalc, in pairs within one run.

    python benchmarks/importing.py OTHER_PYTHON [RUNS] [MOST]

OTHER_PYTHON is the interpreter of an environment in which the other build is installed. Needs the package onnx, which
makes the model: four branches of different resolution, fused several times, about 1,700 layers in all. Prints the CPU
time of both processes (median, min, max) and the ratio of the pairs, held to MOST (0.1 unless it is given). Ends with
1 if the ratio is larger or the two builds write different texts.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy
from onnx import NodeProto, TensorProto, helper, numpy_helper
from startup import spread

MOST = 0.1
STAGES = ((1, 2), (4, 3), (3, 4))
"""Of each stage how many modules it has, and how many branches each of these."""
BLOCKS = 4
"""Basic blocks in a branch of a module."""
WIDTH = 18
"""Channels of the first branch; each further one has twice as many, at half the resolution."""


class Exported:
    """Nodes named as PyTorch's exporter names them, by the path of the module."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def node(self, path: str, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node; returns the tensor that it gives."""
        output = f"/{path}/{operator}_output_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], f"/{path}/{operator}", **attributes))
        return output

    def constant(self, name: str, *sizes: int) -> str:
        """Add an initialiser of ones."""
        data = numpy.ones(sizes, numpy.float32)
        self.weights.append(numpy_helper.from_array(data, name))
        return name

    def conv(self, path: str, entering: str, channels: tuple[int, int], size: int = 3, stride: int = 1) -> str:
        """A convolution without bias and its normalisation."""
        less, more = channels
        weight = self.constant(f"{path}.weight", more, less, size, size)
        output = self.node(path, "Conv", [entering, weight], strides=[stride, stride], pads=[size // 2] * 4)
        parts = [self.constant(f"{path}.bn.{part}", more) for part in ("weight", "bias", "mean", "variance")]
        return self.node(f"{path}.bn", "BatchNormalization", [output, *parts])

    def relu(self, path: str, entering: str) -> str:
        """An activation."""
        return self.node(path, "Relu", [entering])

    def basic_block(self, path: str, entering: str, channels: int) -> str:
        """Two convolutions and a skip connection."""
        inside = self.relu(f"{path}/act1", self.conv(f"{path}/conv1", entering, (channels, channels)))
        inside = self.conv(f"{path}/conv2", inside, (channels, channels))
        return self.relu(f"{path}/act2", self.node(path, "Add", [inside, entering]))

    def bottleneck(self, path: str, entering: str, channels: int, width: int) -> str:
        """Three convolutions and a skip connection, which the first one projects."""
        inside = self.relu(f"{path}/act1", self.conv(f"{path}/conv1", entering, (channels, width), 1))
        inside = self.relu(f"{path}/act2", self.conv(f"{path}/conv2", inside, (width, width)))
        inside = self.conv(f"{path}/conv3", inside, (width, 4 * width), 1)
        if channels != 4 * width:
            entering = self.conv(f"{path}/downsample", entering, (channels, 4 * width), 1)
        return self.relu(f"{path}/act3", self.node(path, "Add", [inside, entering]))

    def fused(self, path: str, branches: list[str]) -> list[str]:
        """Each branch with all others added to it, brought to its resolution and channels."""
        fused = []
        for to in range(len(branches)):
            total = ""
            for start, entering in enumerate(branches):
                part = self.between(f"{path}/fuse_layers.{to}.{start}", entering, start, to)
                total = self.node(f"{path}/add{to}{start}", "Add", [total, part]) if total else part
            fused.append(self.relu(f"{path}/fuse_act{to}", total))
        return fused

    def between(self, path: str, entering: str, start: int, to: int) -> str:
        """The output of one branch as it is added to another."""
        if start > to:
            part = self.conv(f"{path}.0", entering, (WIDTH << start, WIDTH << to), 1)
            scales = numpy.array([1, 1, 2 ** (start - to), 2 ** (start - to)], numpy.float32)
            self.weights.append(numpy_helper.from_array(scales, f"{path}.scales"))
            modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            return self.node(f"{path}.2", "Resize", [part, "", f"{path}.scales"], **modes)
        for step in range(start, to):
            last = step == to - 1
            channels = WIDTH << (to if last else start)
            entering = self.conv(f"{path}.{step}", entering, (WIDTH << start, channels), stride=2)
            entering = entering if last else self.relu(f"{path}.{step}.act", entering)
        return entering


def model() -> bytes:
    """A network of HRNet-W18's size and make."""
    exported = Exported()
    tensor = exported.relu("act1", exported.conv("conv1", "image", (3, 64), stride=2))
    tensor = exported.relu("act2", exported.conv("conv2", tensor, (64, 64), stride=2))
    for number, channels in enumerate((64, 256, 256, 256)):
        tensor = exported.bottleneck(f"layer1/layer1.{number}", tensor, channels, 64)
    branches = [tensor]
    for stage, (modules, count) in enumerate(STAGES, 2):
        coarsest = 256 if stage == 2 else WIDTH << count - 2
        entering = branches
        branches = []
        for branch in range(count):
            path = f"transition{stage - 1}.{branch}"
            if branch == len(entering) or stage == 2:
                moved = exported.conv(path, entering[-1], (coarsest, WIDTH << branch), stride=1 + (branch > 0))
                branches.append(exported.relu(f"{path}.act", moved))
            else:
                branches.append(entering[branch])
        for module in range(modules):
            path = f"stage{stage}/stage{stage}.{module}"
            for branch in range(count):
                for block in range(BLOCKS):
                    place = f"{path}/branches.{branch}/branches.{branch}.{block}"
                    branches[branch] = exported.basic_block(place, branches[branch], WIDTH << branch)
            branches = exported.fused(path, branches)
    for branch, tensor in enumerate(branches):
        branches[branch] = exported.bottleneck(f"incre_modules.{branch}", tensor, WIDTH << branch, 32 << branch)
    tensor = branches[0]
    for branch in range(1, len(branches)):
        moved = exported.conv(f"downsamp_modules.{branch}", tensor, (64 << branch, 128 << branch), stride=2)
        moved = exported.relu(f"downsamp_modules.{branch}.act", moved)
        tensor = exported.node(f"head_add{branch}", "Add", [branches[branch], moved])
    tensor = exported.relu("final_act", exported.conv("final_layer", tensor, (1024, 2048), 1))
    tensor = exported.node("flatten", "Flatten", [exported.node("pool", "GlobalAveragePool", [tensor])])
    ends = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 224, 224)),
        helper.make_tensor_value_info(tensor, TensorProto.FLOAT, (1, 2048)),
    ]
    graph = helper.make_graph(exported.nodes, "parallel", ends[:1], ends[1:], exported.weights)
    written: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    return written


def imported(python: str, path: Path) -> tuple[float, bytes]:
    """CPU seconds of one process, and the text that it writes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # From another folder, as the interpreter would take the checkout's convcalc before the one that is installed.
    command = [python, "-m", "convcalc", "import", path.name]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    text = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, text


def main(other: str, runs: int, most: float) -> None:
    """Measure the pairs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parallel.onnx"
        path.write_bytes(model())
        pairs = [(imported(sys.executable, path), imported(other, path)) for _ in range(runs + 1)][1:]
    ratios = [ours / theirs for (ours, _), (theirs, _) in pairs]
    lines = pairs[0][0][1].count(b"\n")
    print(f"import, {lines:,} lines: {spread(ratios, 1, 3)} of the other build, at most {most}")
    for name, side in (("this build", 0), ("the other", 1)):
        print(f"    CPU ms, {name}: {spread([pair[side][0] for pair in pairs], 1000, 0)}")
    alike = len({text for pair in pairs for _, text in pair}) == 1
    if not alike:
        print("the two builds write different texts")
    if not alike or median(ratios) > most:
        raise SystemExit(1)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("needs the interpreter of another build; see the top of this file")
    asked = dict(enumerate(sys.argv))
    main(asked[1], int(asked.get(2, 5)), float(asked.get(3, MOST)))
