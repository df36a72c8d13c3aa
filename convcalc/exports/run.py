"""A model run by ONNX Runtime, with arrays that stay where they are: none is written into the model or copied."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto

from convcalc.layers import Array

_NO_MESSAGE = r"^\[ONNXRuntimeError\] : \d+ : \w+ : | node with name '[^']*'$"
"""What ONNX Runtime puts around a message."""


class NotRun(RuntimeError):
    """ONNX Runtime does not run a model; the message is its own."""


def run(
    model: ModelProto,
    arrays: Mapping[str, Array],
    inputs: Sequence[Array],
    threads: int = 1,
    *,
    as_written: bool = False,
) -> list[Array]:
    """The outputs of a model that was written without its arrays.

    `as_written`: operator by operator, none fused, folded or left out.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # silent
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if as_written:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    held = [tensor.name for tensor in model.graph.initializer]
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(arrays[name])) for name in held]
    if held:
        options.add_external_initializers(held, values)
    named = dict(zip((value.name for value in model.graph.input), inputs, strict=True))
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        outputs: list[Any] = session.run(None, named)
    except Exception as error:  # its exceptions have no base of their own
        text = " ".join(str(error).split()).rpartition("Status Message: ")[2]
        raise NotRun(re.sub(_NO_MESSAGE, "", text)) from None
    return outputs
