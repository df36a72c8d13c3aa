#!/usr/bin/env bash
# ONNX Runtime: ThresholdedRelu in RNN, GRU and LSTM has the threshold 0 where no activation_alpha is given.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2 (Python 3.11, x86-64).
# Behaviour: the operators' text says of activation_alpha that "default values are the same as of corresponding ONNX
#   operators", and the operator ThresholdedRelu has alpha 1. An RNN of one unit whose sum is 0.5 gives 0 with
#   activation_alpha [1.0], and 0.5 without the attribute. LeakyRelu, Elu and HardSigmoid have the operators' defaults.
# Why it matters: a model without the attribute has other values in ONNX Runtime than by the text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/rnn.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def output(**attributes):
    graph = helper.make_graph(
        [helper.make_node("RNN", ["x", "w", "r"], ["", "h"], hidden_size=1, activations=["ThresholdedRelu"], **attributes)],
        "rnn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1])],
        [helper.make_tensor_value_info("h", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones((1, 1, 1), np.float32), name) for name in "wr"],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return float(session.run(None, {"x": np.full((1, 1, 1), 0.5, np.float32)})[0].item())


seen = output(), output(activation_alpha=[1.0])
print(f"onnxruntime {onnxruntime.__version__}: 0.5 without activation_alpha becomes {seen[0]}, with 1 {seen[1]}")
assert seen == (0.5, 0.0)
PYTHON

python3 -m venv --clear "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" "$folder/rnn.py"
