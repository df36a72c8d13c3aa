#!/usr/bin/env bash
# ONNX Runtime before 1.25: an AveragePool over two axes divides the last window otherwise than over one.
#
# Versions: onnxruntime 1.24.1 and 1.25.0, onnx 1.20.0 (Python 3.11, x86-64).
# Behaviour: 3 positions (1, 2, 3), kernel 2, stride 2, one position of padding at the end, ceil_mode = 1 and
#   count_include_pad = 1. The last window holds 3 and a position of padding that counts: 1.5, by the operator's text, by
#   onnx's reference evaluator and by 1.24.1 itself over one axis. Over two axes, the second of size 1, 1.24.1 gives 3.0.
#   1.25.0 gives 1.5 for both.
# Why it matters: whoever checks an average pool against an older runtime finds a fault that is not theirs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/pool.py" <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper


def last(axes):
    ones = [1] * (axes - 1)
    shape = [1, 1, 3, *ones]
    node = helper.make_node(
        "AveragePool", ["x"], ["y"], kernel_shape=[2, *ones], strides=[2, *ones],
        pads=[0] * axes + [1] + [0] * (axes - 1), ceil_mode=1, count_include_pad=1,
    )
    graph = helper.make_graph(
        [node],
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return float(session.run(None, {"x": np.array([1, 2, 3], np.float32).reshape(shape)})[0].ravel()[-1])


seen = last(1), last(2)
print(f"onnxruntime {onnxruntime.__version__}: the last mean over one axis {seen[0]}, over two {seen[1]}")
assert seen == (1.5, float(sys.argv[1]))
PYTHON

for pins in "1.24.1 3.0" "1.25.0 1.5"; do
  read -r version expected <<< "$pins"
  python3 -m venv --clear "$folder/venv"
  "$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.20.0 "onnxruntime==$version"
  "$folder/venv/bin/python" "$folder/pool.py" "$expected"
done
