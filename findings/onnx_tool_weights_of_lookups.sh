#!/usr/bin/env bash
# The params that onnx-tool prints are without the tables of embeddings.
#
# Versions: onnx-tool 1.0.1, onnx 1.23.2 (Python 3.11, x86-64).
# Behaviour: model_profile passes over operators that compute nothing, Gather, Concat and Slice among them, and counts
#   arrays by the operators that read them. What only those read is in no sum: the table of an embedding, a class token
#   that is laid before the others.
# Why it matters: of a language model the largest array can be missing, without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnx-tool==1.0.1

"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_tool import Model, NoMacsOps

WORDS, FEATURES, CLASSES = 1000, 16, 4
table = numpy_helper.from_array(np.zeros((WORDS, FEATURES), np.float32), "table")
weight = numpy_helper.from_array(np.zeros((FEATURES, CLASSES), np.float32), "weight")
nodes = [
    helper.make_node("Gather", ["table", "x"], ["vectors"], name="embedding"),
    helper.make_node("MatMul", ["vectors", "weight"], ["y"], name="head"),
]
ends = [
    helper.make_tensor_value_info("x", TensorProto.INT64, [1, 5]),
    helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5, CLASSES]),
]
graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [table, weight])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def params(**options):
    graph = Model(model, {"verbose": False}).graph
    graph.shape_infer(None)
    graph.profile(**options)
    return int(graph.params)


print("as model_profile calls it, and with all operators:", params(exclude_ops=NoMacsOps), params())
assert params(exclude_ops=NoMacsOps) == FEATURES * CLASSES
assert params() == FEATURES * (CLASSES + WORDS)
PYTHON
