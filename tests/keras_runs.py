"""Exported configs as Keras builds them: what they hold and what leaves. Needs Keras and a backend."""

from __future__ import annotations

import importlib
import os
from math import prod

from convcalc.exports.keras_json import write
from convcalc.layers import Shape
from convcalc.network import Network


def keras_counts(network: Network) -> tuple[int, int, list[tuple[Shape, Shape]]]:
    """Learned numbers, those that are kept, and the shapes that leave, each as it is and with channels first."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = importlib.import_module("keras")
    keras.backend.clear_session()
    model = keras.models.model_from_json(write(network))
    learned = sum(prod(array.shape) for array in model.trainable_weights)
    kept = sum(prod(array.shape) for array in model.non_trainable_weights if "seed" not in array.path)
    shapes = [tuple(tensor.shape[1:]) for tensor in model.outputs]
    return learned, kept, [(shape, (*shape[-1:], *shape[:-1])) for shape in shapes]
