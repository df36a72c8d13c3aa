"""What a person names as a network: a spec, or an ONNX model, which is read as the spec that says it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from convcalc.language import document
from convcalc.language import source as sources
from convcalc.language.named import Named, named, readable
from convcalc.language.source import Diagnostic, Source, SpecError, decoded

if TYPE_CHECKING:
    from convcalc.imports.record import Imported
    from convcalc.layers import Shape
    from convcalc.network import Network

SUFFIX = ".onnx"
FIRST_BYTE = b"\x08"
"""What an ONNX model begins with, the version of the format; no text does."""

Inputs = Mapping[str, "Shape"]


def load(
    path: str | os.PathLike[str], *, inputs: Inputs | None = None, variables: Mapping[str, object] | None = None
) -> Network:
    """The network that a spec or an ONNX model describes; ``-`` reads a spec from standard input.

    Behind an @ the name may have input sizes and variables: ``net.yaml@input=3x112x112,width=0.5``.

    `inputs` replaces input shapes by name (`input` where there is one). `variables` replaces values of a spec, each
    written as there.

    Raises:
        SpecError: with everything that is wrong, and the layers that could be worked out all the same.
    """
    return network_of(read(path, inputs), inputs, variables)


def network_of(
    source: Source,
    inputs: Inputs | None = None,
    variables: Mapping[str, object] | None = None,
    warn: Callable[[list[Diagnostic]], None] | None = None,
) -> Network:
    """The network of a text that `read` gave; `warn` gets what may not be what is meant.

    Raises:
        SpecError: as for `load`.
    """
    network = document.loads(source, inputs=inputs, variables=variables, warn=warn)
    if not source.converted:
        return network
    nodes = tuple(replace(node, line=0) for node in network.nodes)
    return replace(network, nodes=nodes, warnings=source.warnings)


def read(path: str | os.PathLike[str], inputs: Inputs | None = None) -> Source:
    """The text of a spec, or that of an ONNX model for these input sizes; see `convcalc.language.named` for its name.

    Raises:
        SpecError: as for `source.read`, the model cannot be said in layers, or what is behind an @ means nothing.
    """
    name = named(os.fspath(path))
    return _with(name, _read(name.path, {**(inputs or {}), **name.inputs}))


def _read(path: str, inputs: Inputs) -> Source:
    if not _is_model(path):
        return sources.read(path)
    from convcalc.imports.onnx.walk import imported

    return _converted(readable(path), lambda: imported(path, model_inputs(inputs)))


def _with(name: Named, read: Source) -> Source:
    """The source with the settings it was named with."""
    return read.with_text(read.text, name) if name.is_set else read


def read_at(revision: str, path: str | os.PathLike[str], inputs: Inputs | None = None) -> Source:
    """As `read`, for a file as it was at a revision."""
    from convcalc.language.revision import bytes_at

    name = named(os.fspath(path))
    label, data = bytes_at(revision, name.path)
    if not (data.startswith(FIRST_BYTE) or name.path.endswith(SUFFIX)):
        return _with(name, decoded(label, data))
    from convcalc.imports.onnx.walk import of_bytes

    sizes = model_inputs({**(inputs or {}), **name.inputs})
    return _with(name, _converted(label, lambda: of_bytes(data, label, sizes)))


def model_inputs(inputs: Inputs | None) -> dict[str, Shape]:
    """Input sizes as a model is asked for them, which may call its one input anything."""
    given = dict(inputs or {})
    return {"": given["input"]} if list(given) == ["input"] else given


def _is_model(path: str) -> bool:
    if path == "-" or os.path.isdir(path):
        return False
    if path.endswith(SUFFIX):
        return os.path.isfile(path)
    try:
        with open(path, "rb") as file:
            return file.read(1) == FIRST_BYTE
    except (OSError, ValueError):
        return False


def _converted(label: str, model: Callable[[], Imported]) -> Source:
    from convcalc.imports.errors import CannotImport
    from convcalc.readable.text import flat_source

    try:
        return flat_source(model(), label)
    except CannotImport as error:
        advice = "convcalc import --allow-unknown writes them as layers of unknown cost" if error.operators else ""
        raise SpecError([Diagnostic(label, 0, 0, 0, error.code, str(error), advice)]) from None
