#!/usr/bin/env bash
# onnx-tool counts a transposed convolution as if each output position took all taps.
#
# Versions: onnx-tool 1.0.1, onnx 1.23.2 (Python 3.11, x86-64).
# Behaviour: ConvTranspose counts output positions x output channels of a group x taps, without the input channels. Each
#   input position multiplies each tap with each of its channels; what is counted is another product, too large by the
#   stride and too small by the channels: for 3x3 with stride 2, 16 to 8 channels on 8x8, twice the 73,728 there are.
# Why it matters: decoders, whose cost is in these layers, are wrong by a factor that differs from layer to layer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnx-tool==1.0.1

"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_tool import Model

ENTERING, LEAVING, SIZE, TAPS = 16, 8, 8, 9
weight = numpy_helper.from_array(np.zeros((ENTERING, LEAVING, 3, 3), np.float32), "w")
node = helper.make_node(
    "ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1], name="up"
)
ends = [
    helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    for name, shape in (("x", [1, ENTERING, SIZE, SIZE]), ("y", [1, LEAVING, 2 * SIZE, 2 * SIZE]))
]
graph = helper.make_graph([node], "g", ends[:1], ends[1:], [weight])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
graph = Model(model, {"verbose": False}).graph
graph.shape_infer(None)
graph.profile()
there_are = SIZE**2 * ENTERING * LEAVING * TAPS
print("counted:", int(graph.macs[0]), "products of an input element and a weight:", there_are)
assert int(graph.macs[0]) == (2 * SIZE) ** 2 * LEAVING * LEAVING * TAPS == 2 * there_are
PYTHON
