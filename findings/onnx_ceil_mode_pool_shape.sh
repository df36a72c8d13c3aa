#!/usr/bin/env bash
# A pool with ceil_mode whose last window would start behind the input: shape inference counts it, ONNX Runtime does not.
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0 (Python 3.11, x86-64).
# Behaviour: 2 positions, kernel 2, stride 2, one position of padding at the end, ceil_mode = 1. onnx.shape_inference
#   rounds up and says 2 outputs. ONNX Runtime leaves out a window that starts in the padding, as PyTorch does, gives 1
#   and warns that this is not the expected shape. The same for 4 positions: 3 and 2.
# Why it matters: the declared shapes of such a file, and all that is counted from them, are those of another network.
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


def sizes(operator, positions):
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], kernel_shape=[2], strides=[2], pads=[0, 1], ceil_mode=1)],
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, positions])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    run = session.run(None, {"x": np.ones((1, 1, positions), np.float32)})[0].shape[2]
    inferred = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[2].dim_value
    return inferred, run


print(onnx.__version__, onnxruntime.__version__)
for operator in ("MaxPool", "AveragePool"):
    seen = {positions: sizes(operator, positions) for positions in (2, 3, 4)}
    print(operator, "inferred and run, by positions:", seen)
    assert seen == {2: (2, 1), 3: (2, 2), 4: (3, 2)}
PYTHON
