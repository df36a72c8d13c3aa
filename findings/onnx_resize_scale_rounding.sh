#!/usr/bin/env bash
# Resize by a float32 scale: onnx's shape inference and ONNX Runtime's kernel give different sizes for the same file.
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0 (Python 3.11, x86-64).
# Behaviour: a nearest Resize of 10 positions by 0.7 has 6 outputs by onnx.shape_inference and by onnx's reference
#   evaluator, which multiply the widened float32 (0.699999988...) in higher precision, and 7 outputs by ONNX Runtime,
#   which multiplies in float32, where the product rounds to 7.0. The runtime warns that the shape is not the expected
#   one and goes on. onnx 1.19.0's shape inference gave 7: the two packages moved apart between these versions.
# Seen: 10 x 0.7 -> 6 and 7; 20 x 0.35 -> 6 and 7; 100 x 0.29 -> 28 and 29; 10 x 2.3 -> 22 and 23; 20 x 1.15 -> 22 and 23.
# Why it matters: a tool that takes shapes from inference counts another network than the one that runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/sizes.py" <<'PYTHON'
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

CASES = [(10, 0.7), (20, 0.35), (100, 0.29), (10, 2.3), (20, 1.15)]


def model(size, scale):
    scales = numpy_helper.from_array(np.array([1, 1, scale], np.float32), "scales")
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [scales],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def inferred(size, scale):
    shape = shape_inference.infer_shapes(model(size, scale), data_prop=True).graph.output[0].type.tensor_type.shape
    return shape.dim[2].dim_value


def run(size, scale):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model(size, scale).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": np.zeros((1, 1, size), np.float32)})[0].shape[2]


print(f"onnx {onnx.__version__}: inferred {[inferred(*case) for case in CASES]}")
expected = {"1.23.2": [6, 6, 28, 22, 22], "1.19.0": [7, 7, 29, 23, 23]}[onnx.__version__]
assert [inferred(*case) for case in CASES] == expected
if sys.argv[1:] == ["run"]:
    sizes = [run(*case) for case in CASES]
    print(f"ONNX Runtime: {sizes}")
    assert sizes == [7, 7, 29, 23, 23]
PYTHON

for pins in "onnx==1.23.2 onnxruntime==1.32.0 run" "onnx==1.19.0"; do
  read -r -a words <<< "$pins"
  python3 -m venv --clear "$folder/venv"
  if [ "${words[-1]}" = run ]; then
    "$folder/venv/bin/pip" install -q numpy==2.4.6 "${words[0]}" "${words[1]}"
    "$folder/venv/bin/python" "$folder/sizes.py" run
  else
    "$folder/venv/bin/pip" install -q numpy==2.4.6 "${words[0]}"
    "$folder/venv/bin/python" "$folder/sizes.py"
  fi
done
