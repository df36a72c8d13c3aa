#!/usr/bin/env bash
# The call of a nested model has two numbers in one file of Keras 3: 0 where a layer reads it, 1 where it leaves the model.
#
# Versions: keras 3.15.1 with jax 0.10.2, tf_keras 2.21.0 with tensorflow 2.21.0 (Python 3.11, x86-64).
# Behaviour: a functional model calls another one twice and gives out what the first call makes. In to_json() of Keras 3
#   the layers behind name the calls 0 and 1 (keras_history), and output_layers names the first of them 1: there the
#   making of the inner model counts as the call before. With a Sequential inside it is 0 in both. Keras 2 says 1 and 2
#   for calls and outputs, of both classes.
# Why it matters: who reads the numbers alike takes the second call for what leaves, or finds none, and gets other shapes
#   and costs where the calls differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 keras==3.15.1 jax==0.10.2 tensorflow==2.21.0 tf_keras==2.21.0

export KERAS_BACKEND=jax TF_CPP_MIN_LOG_LEVEL=3
"$folder/venv/bin/python" - 2> "$folder/log" <<'PYTHON' || { cat "$folder/log"; exit 1; }
import json

import keras
import tf_keras


def config(package, inner_class):
    layers = package.layers
    if inner_class == "Sequential":
        first = layers.InputLayer(shape=(4,)) if package is keras else layers.InputLayer(input_shape=(4,))
        inner = package.Sequential([first, layers.Dense(4)])
    else:
        x = package.Input((4,))
        inner = package.Model(x, layers.Dense(4)(x))
    entering = package.Input((4,))
    first = inner(entering)
    second = inner(first)
    model = package.Model(entering, [layers.Dense(2)(second), first])
    return json.loads(model.to_json())["config"]


def numbers(config, inner):
    """What the second call of the inner model and the layer behind read, and what leaves."""
    by_class = {layer["class_name"]: layer["inbound_nodes"] for layer in config["layers"]}
    nodes = [by_class[inner][1], by_class["Dense"][0]]
    read = [
        node["args"][0]["config"]["keras_history"][1] if isinstance(node, dict) else node[0][1] for node in nodes
    ]
    return read, config["output_layers"][1][1]


print("keras", keras.__version__, "tf_keras", tf_keras.__version__)
seen = {
    (package.__name__, inner): numbers(config(package, inner), inner)
    for package in (keras, tf_keras)
    for inner in ("Functional", "Sequential")
}
for key, (read, leaves) in seen.items():
    print(*key, "calls that are read:", read, "call that leaves:", leaves)
assert seen == {
    ("keras", "Functional"): ([0, 1], 1),
    ("keras", "Sequential"): ([0, 1], 0),
    ("tf_keras", "Functional"): ([1, 2], 1),
    ("tf_keras", "Sequential"): ([1, 2], 1),
}
PYTHON
