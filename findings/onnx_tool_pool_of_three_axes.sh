#!/usr/bin/env bash
# onnx-tool counts the kernel of a pool over three axes on the first of them alone, and sizes it with the wrong dilation.
#
# Versions: onnx-tool 1.0.1, onnx 1.23.2 (Python 3.11, x86-64).
# Behaviour: a MaxPool of 2x2x2 counts 2 comparisons an output where one of 2x2 counts 4. With dilations [1, 1, 2] the
#   third axis of the output is sized by the second's dilation: 4 taken for 3, and what follows is counted at that size.
# Why it matters: networks on video and volumes seem cheaper than they are, by 4x in a 2x2x2 pool.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnx-tool==1.0.1

"$folder/venv/bin/python" - <<'PYTHON'
from math import prod

from onnx import TensorProto, helper
from onnx_tool import Model


def counted(shape, **fields):
    pool = helper.make_node("MaxPool", ["x"], ["y"], name="pool", **fields)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in (("x", shape), ("y", None))]
    graph = helper.make_graph([pool], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    graph = Model(model, {"verbose": False}).graph
    graph.shape_infer(None)
    graph.profile()
    return int(graph.macs[0]), list(graph.tensormap["y"].get_shape())


flat = counted([1, 4, 8, 8], kernel_shape=[2, 2], strides=[2, 2])
deep = counted([1, 4, 8, 8, 8], kernel_shape=[2, 2, 2], strides=[2, 2, 2])
dilated = counted([1, 4, 8, 8, 8], kernel_shape=[2, 2, 2], strides=[2, 2, 2], dilations=[1, 1, 2])
print("2x2, 2x2x2, and dilated by 1, 1, 2:", flat, deep, dilated)
assert flat == (prod(flat[1]) * 4, [1, 4, 4, 4])
assert deep == (prod(deep[1]) * 2, [1, 4, 4, 4, 4])
assert dilated[1] == [1, 4, 4, 4, 4] != [1, 4, 4, 4, (8 - 3) // 2 + 1]
PYTHON
