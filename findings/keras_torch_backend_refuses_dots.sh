#!/usr/bin/env bash
# A Keras layer may have a dot in its name, and its model is built and saved, unless the backend is torch.
#
# Versions: keras 3.15.1, numpy 2.4.6, jax 0.10.2, torch 2.14.1 (Python 3.11, x86-64).
# Behaviour: Dense(2, name="block.0.fc") builds on JAX, and Keras itself refuses a slash alone. On torch building raises
#   KeyError: parameter name can't contain ".", from torch's ParameterDict.
# Why it matters: a config that one machine wrote does not load on another that has Keras of the same version; what writes
#   configs must leave dots out, which PyTorch's own names are full of.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 torch==2.14.1 jax==0.10.2 numpy==2.4.6

cat > "$folder/run.py" <<'PYTHON'
import keras

entering = keras.Input((3,))
try:
    model = keras.Model(entering, keras.layers.Dense(2, name="block.0.fc")(entering))
    seen = model.count_params()
except KeyError as error:
    seen = str(error)
print(keras.__version__, keras.backend.backend(), seen)
expected = {"jax": 8, "torch": "'parameter name can\\'t contain \".\"'"}
assert seen == expected[keras.backend.backend()], seen
PYTHON
for backend in jax torch; do
  KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/run.py"
done
