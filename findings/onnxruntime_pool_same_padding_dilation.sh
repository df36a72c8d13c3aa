#!/usr/bin/env bash
# A dilated pool with auto_pad SAME: ONNX Runtime pads as if the taps were not apart, and makes fewer outputs than ONNX says.
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0 (Python 3.11, x86-64).
# Behaviour: 7 positions, kernel 3, stride 1, dilation 2, auto_pad SAME_UPPER. ONNX's text, and onnx.shape_inference, say
#   ceil(size / stride) = 7 outputs. ONNX Runtime pads by kernel - 1 = 2 instead of by 4, makes 5, and warns that this is
#   not the expected shape. MaxPool, AveragePool and LpPool do so; Conv with the same attributes is refused.
# Why it matters: what is counted from the declared shapes of such a file is that of another network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, shape_inference


def sizes(operator):
    window = {"kernel_shape": [3], "strides": [1], "dilations": [2], "auto_pad": "SAME_UPPER"}
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], **window)],
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 7])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    run = session.run(None, {"x": np.ones((1, 1, 7), np.float32)})[0].shape[2]
    inferred = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[2].dim_value
    return inferred, run


print(onnx.__version__, onnxruntime.__version__)
for operator in ("MaxPool", "AveragePool", "LpPool"):
    seen = sizes(operator)
    print(operator, "inferred and run:", seen)
    assert seen == (7, 5)
PYTHON
