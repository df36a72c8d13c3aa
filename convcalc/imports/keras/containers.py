"""The files that hold the config of a model: JSON text, a layers model of TensorFlow.js, and the archives of Keras."""

from __future__ import annotations

import json
from typing import Any

from convcalc.imports import Buffer, archives
from convcalc.imports.errors import CannotImport
from convcalc.imports.keras import hdf5, metadata

_MOST_TEXT = 16 * 2**20
"""Bytes of a config: the largest of Keras' own models, NASNetLarge, has 1.3 MB."""

_ADVICE = "write the model itself with `model.save`, or its config with `model.to_json`"

WEIGHTS = "weightsManifest"
"""The entry of a config under which the list of weights is, where the file has one."""


def config_of(buffer: Buffer, source: str) -> tuple[dict[str, Any], str]:
    """The config of the model that a file holds, and what the file is, in words.

    Raises:
        CannotImport: it holds none, or is not whole.
    """
    if buffer[:4] == b"PK\x03\x04":
        return _of_archive(buffer)
    if any(buffer[at : at + 8] == hdf5.SIGNATURE for at in (0, 512, 1024, 2048)):
        return _of_hdf5(buffer)
    if metadata.matches(buffer):
        return _of_saved_model(buffer)
    text = _bounded(buffer[: _MOST_TEXT + 1])
    return _of_json(parsed(text))


def _of_saved_model(buffer: Buffer) -> tuple[dict[str, Any], str]:
    text = metadata.model_config(buffer)
    if text is None:
        raise CannotImport(f"a keras_metadata.pb in which the root is no model; {_ADVICE}")
    return model_config(parsed(text)), "keras_metadata.pb"


def _of_hdf5(buffer: Buffer) -> tuple[dict[str, Any], str]:
    texts = hdf5.attributes(buffer)
    if not texts.get(hdf5.CONFIG):
        raise hdf5.without_config(texts)
    versions = {name: texts[name] for name in ("keras_version", "backend") if texts.get(name)}
    return {**versions, **model_config(parsed(texts[hdf5.CONFIG]), "model_config")}, "HDF5"


def parsed(text: bytes | str) -> Any:
    """What JSON text says, text within text as well, as `json.dump(model.to_json(), file)` writes it."""
    try:
        content = json.loads(text)
        return json.loads(content) if isinstance(content, str) else content
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CannotImport(f"the config is not whole: {error.msg} at {place}; {_ADVICE} again") from None
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise CannotImport(f"the config is no JSON text: {reason}") from None


def model_config(content: Any, where: str = "the file") -> dict[str, Any]:
    """The config of a model; that of anything else, or of a layer alone, is an error."""
    if not isinstance(content, dict):
        raise CannotImport(f"{where} holds no config of a model; {_ADVICE}")
    if isinstance(content.get("model_config"), dict):
        content = {**content, **content["model_config"]}
    if not isinstance(content.get("class_name"), str) or not isinstance(content.get("config"), dict | list):
        raise CannotImport(f"{where} holds no config of a model, which has a class_name and a config; {_ADVICE}")
    return dict(content)


def _bounded(text: bytes) -> bytes:
    if len(text) > _MOST_TEXT:
        raise CannotImport(f"a config of more than {_MOST_TEXT // 2**20} MB, which none of a model is")
    return text


def _of_json(content: Any) -> tuple[dict[str, Any], str]:
    if isinstance(content, list):
        raise CannotImport(
            "a list of weights, as TensorFlow.js has it beside a model, which does not say how they are connected; "
            "the model is in the file that has a modelTopology"
        )
    if isinstance(content, dict) and (content.get("format") == "graph-model" or _is_graph(content)):
        raise CannotImport(
            "a graph model of TensorFlow.js, which is a TensorFlow GraphDef and has no layers of Keras; convert the "
            "model that it was made from to ONNX or TFLite"
        )
    if isinstance(content, dict) and "modelTopology" in content:
        config = model_config(content["modelTopology"], "modelTopology")
        return {**config, WEIGHTS: content.get("weightsManifest")}, "layers model of TensorFlow.js"
    return model_config(content), "config"


def _is_graph(content: dict[str, Any]) -> bool:
    topology = content.get("modelTopology")
    return isinstance(topology, dict) and "node" in topology and "class_name" not in topology


def _of_archive(buffer: Buffer) -> tuple[dict[str, Any], str]:
    """The config in an archive as Keras writes it, of which no more than so many bytes are unpacked."""
    text, about = (archives.member(buffer, name, _MOST_TEXT) for name in ("config.json", "metadata.json"))
    if text is None:
        raise CannotImport(f"an archive without a config.json, which a model of Keras has; {_ADVICE}")
    stated = {} if about is None else parsed(about)
    version = stated.get("keras_version") if isinstance(stated, dict) else None
    return {"keras_version": version, **model_config(parsed(text), "config.json")}, "archive"
