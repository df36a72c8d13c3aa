#!/usr/bin/env bash
# ONNX Runtime: Slice with a negative step takes an end of INT64_MAX or INT32_MAX for the beginning of the axis.
#
# Versions: onnxruntime 1.25.0 and 1.32.0, onnx 1.20.0 (Python 3.11, x86-64).
# Behaviour: four elements, start 3, step -1. By the operator's text an end is clamped to the axis, so one of INT64_MAX,
#   INT32_MAX or 100 lies behind the start and nothing is taken: onnx's reference evaluator gives nothing, and its shape
#   inference a size of 0. ONNX Runtime gives nothing for 100, and all four elements, backwards, for the two constants,
#   with a warning that the shape is not the one inferred. The text recommends INT_MIN for a backward slice to the
#   beginning; with that all agree.
# Why it matters: a model that uses INT_MAX in both directions runs, and every tool that follows the text, shape inference
#   among them, gives it other sizes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/slice.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def sizes(end):
    indices = {"start": 3, "end": end, "axis": 0, "step": -1}
    graph = helper.make_graph(
        [helper.make_node("Slice", ["x", *indices], ["y"])],
        "slice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [helper.make_tensor(name, TensorProto.INT64, [1], [value]) for name, value in indices.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # without the warning on the shape
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = {"x": np.arange(4, dtype=np.float32)}
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output[0].type.tensor_type.shape
    return session.run(None, x)[0].size, ReferenceEvaluator(model).run(None, x)[0].size, inferred.dim[0].dim_value


seen = {name: sizes(end) for name, end in
        {"INT64_MAX": 2**63 - 1, "INT32_MAX": 2**31 - 1, "100": 100, "INT64_MIN": -(2**63)}.items()}
print(f"onnxruntime {onnxruntime.__version__}: sizes by it, by onnx's reference and by its shape inference: {seen}")
assert seen == {"INT64_MAX": (4, 0, 0), "INT32_MAX": (4, 0, 0), "100": (0, 0, 0), "INT64_MIN": (4, 4, 4)}
PYTHON

for version in 1.25.0 1.32.0; do
  python3 -m venv --clear "$folder/venv"
  "$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.20.0 "onnxruntime==$version"
  "$folder/venv/bin/python" "$folder/slice.py"
done
