#!/usr/bin/env bash
# ONNX Runtime: an antialiased Resize ignores the scale of an axis whose output is as long as its input.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2 (Python 3.11, x86-64).
# Behaviour: 2 positions (1, 2) by a scale of 1.25 are 2 outputs (2.5, rounded down), at 0 and 0.7 of the input's
#   positions: 1 and 1.7. With antialias = 1, which says nothing else for a scale above 1, the axis is copied: 1 and 2.
#   Another axis that does change shows that it is no copy of the whole tensor.
# Why it matters: whoever checks a resize against the runtime finds a difference that is not theirs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def resized(antialias):
    scales = numpy_helper.from_array(np.array([1, 1, 1.25, 2], np.float32), "scales")
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear", antialias=antialias)],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [scales],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.array([[1, 1], [2, 2]], np.float32).reshape(1, 1, 2, 2)
    return [round(float(number), 4) for number in session.run(None, {"x": x})[0][0, 0, :, 0]]


seen = {antialias: resized(antialias) for antialias in (0, 1)}
print(onnxruntime.__version__, seen)
assert seen == {0: [1.0, 1.7], 1: [1.0, 2.0]}
PYTHON
