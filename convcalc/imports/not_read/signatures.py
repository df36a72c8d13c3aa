"""What is told by the bytes that a file begins with."""

from __future__ import annotations

import re

from convcalc.imports import Buffer

FROM_PROGRAM = "build the model in its program and export it with torch.onnx.export or torch.export.save"
"""What to do with weights of PyTorch."""

_AT_START = (
    (rb"version https://git-lfs", "a pointer of Git LFS, not the model: `git lfs pull` fetches it"),
    (rb"\x1f\x8b", "compressed (gzip), not {expected}: gunzip it"),
    (rb"\xfd7zXZ\0", "compressed (xz), not {expected}: unxz it"),
    (rb"\x28\xb5\x2f\xfd", "compressed (zstd), not {expected}: unzstd it"),
    (rb"BZh[1-9]1AY&SY", "compressed (bzip2), not {expected}: bunzip2 it"),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "an archive, not {expected}; if that is in it, unpack it"),
    (
        rb"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19\.",
        f"a checkpoint of PyTorch: weights, and a pickle, which is not opened; {FROM_PROGRAM}",
    ),
    (
        rb"\x80[\x02-\x05][\x95\]}(c\x8cKX)q]",
        "a pickle, which is not opened, as that runs what is in it; export the model to ONNX in the program it is from",
    ),
    (rb".{8}\{\s*\"", f"a safetensors file: weights without layers; {FROM_PROGRAM}"),
    (rb"GGUF|lmgg|tjgg|fmgg|algg", "a file of weights for llama.cpp (GGUF, GGML): a language model without its layers"),
    (rb"\x93NUMPY", "an array of NumPy: numbers without layers; give the file that describes the network"),
    (rb"RKNN", "a model compiled for Rockchip (RKNN); give the ONNX or TensorFlow Lite file that it was made from"),
    (rb"\x01HEF", "a model compiled for Hailo (HEF); give the ONNX or TensorFlow Lite file that it was made from"),
    (rb".{4}ET[0-9][0-9]", "a program of ExecuTorch (.pte); give the .pt2 of torch.export.save that it was made from"),
    (rb".{4}ORTM", "a model in the format of ONNX Runtime (.ort); give the .onnx that it was made from"),
    (rb"\x12\x01\0\0\0\0\0\0", "a file of weights of MXNet, without layers; export the model to ONNX (mx.onnx)"),
    (rb"N\xef\x01", "a tensor of NNEF; convert the model, of which graph.nnef has the layers, to ONNX"),
    (rb"\xdd\x85\x76\0", "a binary param of ncnn; give the .param that it was made from, which is text"),
    (rb"\x47\x6b\x30\x01|\x38\x4b\x0d\0", "a file of weights of ncnn; give the .param beside it, which has the layers"),
    (
        rb"\0\0\0\0[\1\2\5]\0\0\0[\0-\x09]\0\0\0",
        "a file of weights of Darknet; give the .cfg that belongs to it, which has the layers",
    ),
    (rb"%PDF-", "a PDF, not {expected}"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF.{4}WEBP|BM.{4}\0\0\0\0", "a picture, not {expected}"),
    (rb"\x7fELF|MZ\x90|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe", "a compiled program or library, not {expected}"),
    (rb"SQLite format 3\0", "a database of SQLite, not {expected}"),
)
"""What files begin with, and what they are. Order counts: the first that fits is it."""

_SIGNATURES = tuple((re.compile(pattern, re.DOTALL), answer) for pattern, answer in _AT_START)


_ENGINE_HEAD = re.compile(rb"(.{4}\{.*?\})?(ftrt|ptrt)", re.DOTALL)

_LEVEL_TABLE = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
"""The last bytes of the index of a checkpoint of TensorFlow."""


def words(buffer: Buffer, head: bytes) -> str:
    """See `convcalc.imports.not_read.words`."""
    for pattern, answer in _SIGNATURES:
        if pattern.match(head):
            return answer
    if _ENGINE_HEAD.match(head):
        return "an engine of TensorRT, compiled for one GPU; give the ONNX file that it was built from"
    if buffer[-8:] == _LEVEL_TABLE:
        return (
            "the index of a checkpoint of TensorFlow: weights without layers; save the model itself (Keras: model.save)"
        )
    return ""
