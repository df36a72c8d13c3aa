"""What a person names as a network: a spec, or a model file, which is read as the spec that says it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from convcalc.language import source as sources
from convcalc.language.named import Named, named, readable
from convcalc.language.source import Diagnostic, Source, SpecError, decoded

if TYPE_CHECKING:
    from convcalc.imports.errors import CannotImport
    from convcalc.imports.record import Imported
    from convcalc.layers import Shape
    from convcalc.network import Network

_SPEC = (".yaml", ".yml")
"""What specs are called: text of such a name is one, and no reader is asked."""

_HEAD = 512
"""Bytes at the beginning of a file by which it is known what it is."""

_CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")
"""Bytes that no text holds."""

Inputs = Mapping[str, "Shape"]


def load(
    path: str | os.PathLike[str], *, inputs: Inputs | None = None, variables: Mapping[str, object] | None = None
) -> Network:
    """The network that a spec or a model file describes; ``-`` reads a spec from standard input.

    Behind an @ the name may have input sizes and variables: ``net.yaml@input=3x112x112,width=0.5``.

    `inputs` replaces input shapes by name (`input` where there is one). `variables` replaces values of a spec, each
    written as there.

    Raises:
        SpecError: with everything that is wrong, and the layers that could be worked out all the same.
    """
    network = model(path, inputs, variables)
    return network_of(read(path, inputs), inputs, variables) if network is None else network


def model(
    path: str | os.PathLike[str], inputs: Inputs | None = None, variables: Mapping[str, object] | None = None
) -> Network | None:
    """The network that a model file describes; None where the file is none, or is called with variables.

    Raises:
        SpecError: as for `load`.
    """
    name = named(os.fspath(path))
    if variables or name.variables or not _is_model(_head(name.path), name.path):
        return None
    from convcalc import imports
    from convcalc.imports.errors import CannotImport
    from convcalc.network import TextOrigin
    from convcalc.readable.direct import network

    label, sizes = readable(name.path), {**(inputs or {}), **name.inputs}
    imported = _imported(label, partial(imports.read_file, name.path), sizes)
    origin = TextOrigin(lambda: _as_named(_text(imported, label), name), sizes, {}, name if name.is_set else None)
    try:
        return network(imported, origin, is_resized=bool(sizes))
    except CannotImport as error:
        raise _refused(label, error) from None


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
    from convcalc.language import loads

    network = loads(source, inputs=inputs, variables=variables, warn=warn)
    if not source.converted:
        return network
    nodes = tuple(replace(node, line=0) for node in network.nodes)
    return replace(network, nodes=nodes, warnings=source.warnings, imported=source.imported)


def read(path: str | os.PathLike[str], inputs: Inputs | None = None) -> Source:
    """The text of a spec, or that of a model file for these input sizes; see `convcalc.language.named` for its name.

    Raises:
        SpecError: as for `source.read`, the model cannot be said in layers, or what is behind an @ means nothing.
    """
    name = named(os.fspath(path))
    if not _is_model(_head(name.path), name.path):
        return _as_named(sources.read(name.path), name)
    from convcalc import imports

    return _converted(readable(name.path), partial(imports.read_file, name.path), name, inputs)


def _as_named(source: Source, name: Named) -> Source:
    """The source with the settings it was named with."""
    return source.with_text(source.text, name) if name.is_set else source


def read_at(revision: str, path: str | os.PathLike[str], inputs: Inputs | None = None) -> Source:
    """As `read`, for a file as it was at a revision."""
    from convcalc.language.revision import bytes_at

    name = named(os.fspath(path))
    label, data = bytes_at(revision, name.path)
    if not _is_model(data[:_HEAD], name.path):
        return _as_named(decoded(label, data), name)
    from convcalc import imports

    return _converted(label, partial(imports.read_bytes, data, label, name.path), name, inputs)


def model_inputs(inputs: Inputs | None) -> dict[str, Shape]:
    """Input sizes as a model is asked for them, which may call its one input anything."""
    sizes = dict(inputs or {})
    return {"": sizes["input"]} if list(sizes) == ["input"] else sizes


def _head(path: str) -> bytes | None:
    """The first bytes of a file; None where there is none, or it can be read once alone, as a pipe can."""
    try:
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return file.read(_HEAD)
    except (OSError, ValueError):
        return None


def _is_model(head: bytes | None, name: str) -> bool:
    """Whether a reader of model files knows a file by its first bytes or its name."""
    if head is None or (name.endswith(_SPEC) and not _CONTROL.search(head)):
        return False
    from convcalc import imports

    return imports.reader_of(head, name) is not None


def _converted(label: str, read: Callable[[Inputs], Imported], name: Named, inputs: Inputs | None) -> Source:
    return _as_named(_text(_imported(label, read, {**(inputs or {}), **name.inputs}), label), name)


def _imported(label: str, read: Callable[[Inputs], Imported], inputs: Inputs) -> Imported:
    from convcalc.imports.errors import CannotImport

    try:
        return read(model_inputs(inputs))
    except CannotImport as error:
        raise _refused(label, error) from None


def _text(imported: Imported, label: str) -> Source:
    from convcalc.imports.errors import CannotImport
    from convcalc.readable.text import flat_source

    try:
        return flat_source(imported, label)
    except CannotImport as error:
        raise _refused(label, error) from None


def _refused(label: str, error: CannotImport) -> SpecError:
    advice = "convcalc import --allow-unknown writes them as layers of unknown cost" if error.operators else ""
    return SpecError([Diagnostic(label, 0, 0, 0, error.code, str(error), advice)])
