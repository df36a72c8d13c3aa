"""Files that are no model which is read: each is named, with what to give instead, by whichever command."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command_line import application
from conftest import MANY
from typer.testing import CliRunner

from convcalc import imports, steps
from convcalc.imports import not_read
from convcalc.language import SpecError
from convcalc.opening import load

ROOT = Path(__file__).parent.parent


def field(number: int, value: int | bytes) -> bytes:
    """One of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def numbers(*values: int) -> bytes:
    """Numbers of four bytes."""
    return b"".join(value.to_bytes(4, "little") for value in values)


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name in names:
            written.writestr(name, "")
    return file.getvalue()


def arrays(**named: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **named)  # type: ignore[arg-type]
    return file.getvalue()


NODE = field(1, field(1, b"input") + field(2, b"Placeholder") + field(5, b"\n\x05dtype\x12\x020\x01"))
META_GRAPH = field(1, field(2, NODE) + field(5, b"1.15.0")) + field(2, NODE)
DESCRIPTION = field(1, field(1, b"image")) + field(10, field(1, b"classLabel"))
LAYER = field(1, b"conv1") + field(2, b"Convolution") + field(7, bytes(100))
OLD_LAYER = field(2, b"data") + field(3, b"conv1") + field(4, b"conv1") + field(5, 4)
BLOCK = field(1, 0) + field(2, 2**64 - 1) + field(3, field(1, b"feed"))

FILES = {
    "GraphDef": (NODE + field(4, field(1, 27)), "a GraphDef of TensorFlow (a frozen graph); convert it to ONNX"),
    "GraphDef in text": (b'node {\n  name: "x"\n  op: "Placeholder"\n}\n', "a GraphDef of TensorFlow as text"),
    "cfg without its top": (b"[convolutional]\nfilters = 8\n", "a .cfg without a [net] before its sections"),
    "param of the first versions": (b"2 2\nInput data 0 1 data 0=8 1=8\nReLU a 1 1 data a\n", "without its first line"),
    "data set": (
        b"names: [a, b]\ntrain: images\nval: images\nnc: 2\n",
        "a data set's YAML, which says where images are",
    ),
    "SavedModel": (field(1, 1) + field(2, META_GRAPH), "a SavedModel of TensorFlow; give the keras_metadata.pb"),
    "fingerprint": (
        b"".join(field(number, 2**63 + number) for number in range(1, 6)),
        "the fingerprint of a SavedModel",
    ),
    "meta graph": (META_GRAPH + field(3, field(1, b"save/Const:0")), "the graph beside a checkpoint of TensorFlow 1"),
    "checkpoint": (b'model_checkpoint_path: "model.ckpt"\n', "the list of checkpoints of TensorFlow"),
    "index": (bytes(100) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "the index of a checkpoint of TensorFlow"),
    "TorchScript": (
        archive("net/data.pkl", "net/code/__torch__.py", "net/constants.pkl", "net/version"),
        "a TorchScript program, which is not run; export the model with torch.export.save (.pt2)",
    ),
    "checkpoint of PyTorch": (
        archive("archive/data.pkl", "archive/version", "archive/data/0"),
        "a checkpoint of PyTorch: weights, and a pickle, which is not opened; build the model in its program",
    ),
    "checkpoint of PyTorch 1.5": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M", "a checkpoint of PyTorch"),
    "pickle": (pickle.dumps({"weights": [1.0]}), "a pickle, which is not opened"),
    "old pickle": (pickle.dumps({"weights": [1.0]}, protocol=2), "a pickle, which is not opened"),
    "safetensors": (
        (57).to_bytes(8, "little") + b'{"conv.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' + bytes(4),
        "a safetensors file: weights without layers",
    ),
    "GGUF": (b"GGUF\3\0\0\0" + bytes(100), "a file of weights for llama.cpp"),
    "Core ML": (field(1, 4) + field(2, DESCRIPTION) + field(500, bytes(50)), "a Core ML model; give the model"),
    "Core ML package": (
        archive("net.mlpackage/Manifest.json", "net.mlpackage/Data/com.apple.CoreML/model.mlmodel"),
        "a Core ML package",
    ),
    "Paddle": (field(1, BLOCK) + field(4, field(1, 0)), "a model of PaddlePaddle (.pdmodel); convert it to ONNX"),
    "Paddle 3": (
        b'{"base_code":{"magic":"pir","trainable":false,"version":1},"program":{}}',
        "a model of PaddlePaddle",
    ),
    "MXNet": (
        b'{\n  "nodes": [\n    {\n      "op": "null", \n      "name": "data"}]}',
        "a model of MXNet (symbol.json)",
    ),
    "MXNet weights": (b"\x12\x01" + bytes(40), "a file of weights of MXNet"),
    "RKNN": (b"RKNN\0\0\0\0\6" + bytes(100), "a model compiled for Rockchip (RKNN)"),
    "ExecuTorch": (b"\x30\0\0\0ET12" + bytes(100), "a program of ExecuTorch (.pte); give the .pt2"),
    "ONNX Runtime": (b"\x20\0\0\0ORTM" + bytes(100), "a model in the format of ONNX Runtime (.ort)"),
    "NNEF": (b"version 1.0;\n\ngraph net( data ) -> ( out )\n{\n}\n", "a model of NNEF"),
    "NNabla": (archive("nnp_version.txt", "net.nntxt"), "a model of NNabla (.nnp)"),
    "TensorRT": (b"ftrt\0\0\0\0" + bytes(100), "an engine of TensorRT, compiled for one GPU; give the ONNX file"),
    "TensorRT behind a line": (
        (14).to_bytes(4, "little") + b'{"stride": 32}ftrt' + bytes(100),
        "an engine of TensorRT",
    ),
    "caffemodel": (
        field(1, b"LeNet") + field(100, LAYER) * 2,
        "a caffemodel, Caffe's weights; give the .prototxt that belongs to it, or make one",
    ),
    "caffemodel without a name": (field(100, LAYER) * 2, "a caffemodel"),
    "old caffemodel": (field(1, b"CaffeNet") + field(2, OLD_LAYER) * 2, "a caffemodel"),
    "Darknet weights": (b"\0\0\0\0\2\0\0\0\5\0\0\0" + bytes(8) + b"\1\2\3\4" * 9, "a file of weights of Darknet; give"),
    "Darknet data": (b"classes= 20\ntrain  = /data/train.txt\nnames = voc.names\n", "a .data file of Darknet"),
    "ncnn": (b"\x47\x6b\x30\x01" + bytes(99), "a file of weights of ncnn; give the .param beside it"),
    "binary param": ((7767517).to_bytes(4, "little") + bytes(99), "a binary param of ncnn; give the .param"),
    "Hugging Face": (
        b'{\n  "architectures": ["ResNetForImageClassification"]}',
        "a configuration that names an",
    ),
    "timm": (b'{\n  "architecture": "resnet50",\n  "num_classes": 1000}', "a configuration that names an architecture"),
    "notebook": (b'{\n "cells": [\n  {', "a notebook, not"),
    "program": (b"# a network\nimport torch\n\n\nclass Net:\n", "a Python program, which is not run"),
    "ONNX as text": (b'ir_version: 7\ngraph {\n  name: "g"\n}\n', "an ONNX model as text"),
    "tensor": (field(1, 2) + field(2, 1) + field(9, bytes(8)), "a tensor in ONNX's form, without layers"),
    "npz": (arrays(a=np.zeros(3), b=np.ones(2)), "an archive of NumPy (.npz): weights without layers"),
    "npy": (b"\x93NUMPY\1\0v\0{'descr': '<f8'", "an array of NumPy"),
    "ZIP with a model": (archive("a.txt", "net/model.onnx"), "unpack it and give net/model.onnx"),
    "ZIP": (archive("a.txt"), "a ZIP archive, not"),
    "half a ZIP": (archive("net/model.onnx")[:60], "a ZIP archive that is not whole"),
    "gzip": (gzip.compress(b"x"), "compressed (gzip), not"),
    "tar": (b"net/".ljust(257, b"\0") + b"ustar\x0000" + bytes(300), "a TAR archive"),
    "page": (b"\n<!DOCTYPE html>\n<html></html>", "a page of HTML, not"),
    "XML": (b'<?xml version="1.0"?><PMML/>', "XML, not"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "`git lfs pull` fetches it"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "a PDF, not"),
    "picture": (b"\x89PNG\r\n\x1a\n", "a picture, not"),
    "library": (b"\x7fELF\2\1\1\0" + bytes(99), "a compiled program or library"),
}
"""What files hold, and words of what is said of them."""

NAMES = {
    "yolov3.weights": (b"\1\2\3\4" * 20, "a file of weights of Darknet, by its name"),
    "net.bin": (b"\1\2\3\4" * 20, "a file of weights, by its name; give the file with the layers"),
    "net.mnn": (b"\x18\0\0\0\0\0\1\0" * 20, "a model of MNN, by its name"),
    "net.onnx_data": (b"\1\2\3\4" * 20, "a file of weights beside an ONNX model, by its name; give the .onnx"),
    "model.ckpt.data-00000-of-00001": (b"\1\2\3\4" * 20, "a file of weights of a checkpoint of TensorFlow"),
    "coco.names": (b"person\nbicycle\n", "a list of names of classes, by its name"),
    "noise": (b"\1\2\3\4" * 20, "of a format that is not known; expected a spec, or a model: a"),
}


def refused(command: str, path: Path) -> str:
    result = CliRunner().invoke(application(), [command, str(path)])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_read_is_named(name: str, tmp_path: Path) -> None:
    """Whatever it is called, by its words and by the place."""
    data, words = FILES[name]
    for called in ("file", "net.onnx", "net.pb"):
        path = tmp_path / called
        path.write_bytes(data)
        assert f"{called}: error[CC001]: this is {words}" in refused("analyze", path) or words in refused(
            "analyze", path
        )
    assert words in refused("import", tmp_path / "net.onnx")
    assert words in refused("import", tmp_path / "file")


@pytest.mark.parametrize("name", NAMES)
def test_names_tell_what_numbers_do_not(name: str, tmp_path: Path) -> None:
    data, words = NAMES[name]
    (tmp_path / name).write_bytes(data)
    assert words in refused("analyze", tmp_path / name)


COMMANDS = {"explain": 2, "lint": 1, "verify": 2, "export": 2, "compare": 2}
"""How they end; to lint, what cannot be read is a finding."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_it(command: str, tmp_path: Path) -> None:
    path = tmp_path / "saved_model.pb"
    path.write_bytes(FILES["SavedModel"][0])
    more = {"compare": [str(path)], "export": ["-o", str(tmp_path / "net.onnx")]}.get(command, [])
    result = CliRunner().invoke(application(), [command, str(path), *more])
    assert result.exit_code == COMMANDS[command]
    assert "this is a SavedModel of TensorFlow" in " ".join(result.output.split())
    with pytest.raises(SpecError, match="this is a SavedModel of TensorFlow"):
        load(path)


@pytest.mark.parametrize("name", ["saved_model.pb", "Data/com.apple.CoreML/model.mlmodel", "model.safetensors"])
def test_folders_that_stand_for_a_model(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    for command in ("analyze", "import"):
        assert f"{tmp_path.name}: error[CC001]: this is a" in refused(command, tmp_path)
    assert "is a directory" in refused("analyze", tmp_path.parent)


def test_specs_are_none_of_it() -> None:
    """In YAML or JSON; nor is text of which nothing can be told."""
    for path in sorted((ROOT / "specs").rglob("*.yaml")):
        assert not not_read.words(path.read_bytes(), "net"), path
    assert not not_read.words(json.dumps({"input": [3, 8, 8], "layers": ["relu"]}).encode(), "net.json")
    assert not not_read.words(b"input: [3, 8, 8]\n", "net.yaml")


@pytest.mark.parametrize("name", FILES)
def test_no_reader_claims_what_is_not_read(name: str) -> None:
    assert imports.reader_of(FILES[name][0], "") is None


def test_anything_may_be_looked_at() -> None:
    """Bytes changed, left out and doubled: some words or none, within bounded work."""
    generator = random.Random(7)
    samples = [data for data, _ in FILES.values()]
    for _ in range(max(MANY, 3_000)):
        data = bytearray(generator.choice(samples))
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(data) + 1)
            if generator.random() < 0.7:
                data[at : at + 1] = generator.randbytes(generator.randint(0, 4))
            else:
                data[at:at] = data[generator.randrange(len(data) + 1) :]
        with steps.run(50_000):
            assert isinstance(not_read.refusal(bytes(data), "file", "a model"), Exception | None)


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\x00" * 2_000_000,
        field(1, 1) + field(2, b"") * 1_000_000,
        field(100, b"") * 1_000_000,
        b'{"' * 2_000_000,
        b"\n" * 4_000_000,
        b"#\n" * 2_000_000,
        b"ir_version: 1\n" * 200_000,
        b"PK\3\4"
        + (b"PK\1\2" + bytes(42)) * 50_000
        + b"PK\5\6"
        + bytes(8)
        + (2_300_000).to_bytes(4, "little")
        + b"\4"
        + bytes(5),
    ],
)
def test_large_files_take_no_more_than_small_ones(data: bytes) -> None:
    with steps.run(50_000):
        not_read.words(data, "file")
