#!/usr/bin/env bash
# Col2Im of one axis or of three with dilations: ONNX Runtime puts columns in the wrong places. Of two axes it is right.
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 (Python 3.11, x86-64).
# Behaviour: columns of ones, a map of 2 channels and 5 positions, kernel 2, dilation 2: three windows, which add up to
#   [1, 1, 2, 1, 1] in each channel.
#   Said as two axes, of 1 and 5, ONNX Runtime makes just that; said as one axis, something else.
# Why it matters: folded windows of audio or of volumes are wrong without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def folded(sizes, kernel, dilations):
    graph = helper.make_graph(
        [helper.make_node("Col2Im", ["x", "sizes", "kernel"], ["y"], dilations=dilations)],
        "fold",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(sizes), "sizes"), numpy_helper.from_array(np.array(kernel), "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.ones((1, 4, 3), np.float32)})[0].ravel().tolist()


print(onnx.__version__, onnxruntime.__version__)
two, one = folded([1, 5], [1, 2], [1, 2]), folded([5], [2], [2])
print("as two axes:", two)
print("as one axis:", one)
assert two == 2 * [1, 1, 2, 1, 1]
assert one != two
PYTHON
