"""What is told by the name alone, of a file that is numbers, or words, and nothing else."""

from __future__ import annotations

from convcalc.imports.not_read.texts import is_text

_BINARY = {
    ".weights": "a file of weights of Darknet, by its name; give the .cfg that belongs to it, which has the layers",
    ".bin": "a file of weights, by its name; give the file with the layers (ncnn: .param, OpenVINO: .xml)",
    ".mnn": "a model of MNN, by its name; give the ONNX, Caffe or TensorFlow Lite file that it was converted from",
    ".caffemodel": "a file of weights of Caffe, by its name; give the .prototxt that belongs to it",
    ".pdiparams": "a file of weights of PaddlePaddle, by its name; convert the model to ONNX (paddle2onnx)",
    ".pdparams": "a file of weights of PaddlePaddle, by its name; convert the model to ONNX (paddle2onnx)",
    ".engine": "an engine of TensorRT, by its name; give the ONNX file that it was built from",
    ".plan": "an engine of TensorRT, by its name; give the ONNX file that it was built from",
    ".trt": "an engine of TensorRT, by its name; give the ONNX file that it was built from",
    ".data": "a file of weights beside a model, by its name; give the model (ONNX: .onnx)",
    ".onnx_data": "a file of weights beside an ONNX model, by its name; give the .onnx",
    ".msgpack": "a file of weights of Flax, by its name: it has no layers; export the model to ONNX in its program",
    ".data-00000-of-00001": "a file of weights of a checkpoint of TensorFlow, by its name; save the model itself",
}
_TEXT = {
    ".names": "a list of names of classes, by its name; give the .cfg of Darknet, which has the layers",
    ".py": "a Python program, by its name, which is not run; export the model that it builds to ONNX",
}


def words(head: bytes, name: str) -> str:
    """See `convcalc.imports.not_read.words`."""
    table = _TEXT if is_text(head) else _BINARY
    return next((answer for ending, answer in table.items() if name.lower().endswith(ending)), "")
