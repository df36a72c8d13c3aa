#!/usr/bin/env bash
# onnx.load takes a Core ML model for an ONNX model, without a word: it has an IR version, a producer, and no nodes.
#
# Versions: onnx 1.23.2, coremltools 9.0 (Python 3.11, x86-64).
# Behaviour: both formats are protocol buffers without a signature. They begin with a version as field 1 and have a
#   text or a message as field 2, and fields that are not known are kept and not looked at. onnx.load therefore returns a
#   model: ir_version is the version of Core ML's specification, producer_name the description of its inputs and outputs
#   (of the type bytes, as it is not UTF-8, where the type is said to be str), the graph is empty. The checker does
#   object, but to the missing version of the operators. TensorFlow's saved_model.pb ends alike.
# Why it matters: what counts the layers or parameters of a model that loads counts zero.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 coremltools==9.0

"$folder/venv/bin/python" - "$folder/relu.mlmodel" <<'PYTHON'
import sys

import coremltools
import onnx
from coremltools.models import MLModel, datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

path, name = sys.argv[1], "image" * 30  # so long that its length is no character of ASCII
array = datatypes.Array(3, 200, 8)
builder = NeuralNetworkBuilder([(name, array)], [("y", array)], disable_rank5_shape_mapping=True)
builder.add_activation("relu", "RELU", name, "y")
MLModel(builder.spec, skip_model_load=True).save(path)

model = onnx.load(path)
print(onnx.__version__, coremltools.__version__)
print("version of Core ML's specification and of the IR:", builder.spec.specificationVersion, model.ir_version)
print("producer:", type(model.producer_name).__name__, model.producer_name[:20])
print("nodes:", len(model.graph.node))
assert model.ir_version == builder.spec.specificationVersion
assert not isinstance(model.producer_name, str)
assert not model.graph.node
try:
    onnx.checker.check_model(model)
except onnx.checker.ValidationError as error:
    print("checker:", error)
    assert "opset_import" in str(error)
PYTHON
