#!/usr/bin/env bash
# A sum of opset 6 that is aligned at an axis: ONNX's version converter makes another network of it, without a word.
#
# Version: onnx 1.23.2 (Python 3.11, x86-64).
# Behaviour: Add of [1,3,4,5] and [3] with broadcast=1, axis=1 adds a number to each channel. Brought to opset 9 the
#   second is unsqueezed at axes 1, 2 and 3 to [3,1,1,1], where 1 and 2, to [3,1,1], are right: the sum has the shape
#   [3,3,4,5], while the file goes on to say [1,3,4,5]. A second tensor of two axes stops it with a failed assertion.
# Why it matters: the bias of a convolution was written so, and all behind it is counted three times over. Such a file
#   is better read as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2

"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

shaped = helper.make_tensor_value_info
graph = helper.make_graph(
    [helper.make_node("Add", ["x", "w"], ["y"], broadcast=1, axis=1)],
    "sum",
    [shaped("x", TensorProto.FLOAT, [1, 3, 4, 5]), shaped("w", TensorProto.FLOAT, [3])],
    [shaped("y", TensorProto.FLOAT, [1, 3, 4, 5])],
    [numpy_helper.from_array(np.ones(3, np.float32), "w")],
)
old = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 6)], ir_version=3)
new = version_converter.convert_version(old, 9)
print(onnx.__version__)
print(onnx.printer.to_text(new))
(axes,) = (list(node.attribute[0].ints) for node in new.graph.node if node.op_type == "Unsqueeze")
assert axes == [1, 2, 3], axes
PYTHON
