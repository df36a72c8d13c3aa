"""What a person names as a network: a spec, or a model file, which is read as the spec that says it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from msgspec.structs import replace

from convcalc.fields import shown
from convcalc.language import source as sources
from convcalc.language.named import Named, named, readable
from convcalc.language.source import Diagnostic, Source, SpecError, decoded
from convcalc.language.zoo import is_in_zoo

if TYPE_CHECKING:
    from typing import Unpack

    from convcalc.imports import Buffer
    from convcalc.imports.errors import CannotImport
    from convcalc.imports.record import Imported
    from convcalc.layers import Shape
    from convcalc.network import Network

_SPEC = (".yaml", ".yml")
"""What specs are called."""

_LAYERS = re.compile(rb"^layers[ \t]*:", re.MULTILINE)
"""What a spec has: text of such a name with it is one, and no reader is asked."""

_HEAD = 512
"""Bytes at the beginning of a file by which it is known whether it is text."""

_CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")
"""Bytes that no text holds."""

Inputs = Mapping[str, "Shape"]
Variables = Mapping[str, object]


class How(TypedDict, total=False):
    """How a model file is read: `strict` refuses operators that no layer kind expresses.

    `scale` is the one that is wanted of a file which describes several networks, and `blocks` a spec whose blocks are
    modules that a file names. Both are mistakes where there is nothing to choose or to define.
    """

    strict: bool
    scale: str
    blocks: str


def load(
    path: str | os.PathLike[str],
    *,
    inputs: Inputs | None = None,
    variables: Variables | None = None,
    strict: bool = False,
    scale: str = "",
    blocks: str = "",
) -> Network:
    """The network that a spec or a model file describes; ``-`` is standard input.

    Behind an @ the name may have input sizes and variables: ``net.yaml@input=3x112x112,width=0.5``.

    `inputs` replaces input shapes by name (`input` where there is one). `variables` replaces values of a spec, each
    written as there; of a model they are values of inputs that decide what it does.

    Operators of a model that no layer kind expresses become layers of unknown cost; with `strict` they are an error.
    `scale` is the one that is wanted of a file with several, `blocks` a spec whose blocks are modules that it names.

    Raises:
        SpecError: with everything that is wrong, and the layers that could be worked out all the same.
    """
    opened = network_or_spec(path, inputs, variables, strict=strict, scale=scale, blocks=blocks)
    return network_of(opened, inputs, variables) if isinstance(opened, Source) else opened


def network_or_spec(
    path: str | os.PathLike[str],
    inputs: Inputs | None = None,
    variables: Variables | None = None,
    **how: Unpack[How],
) -> Network | Source:
    """The network that a model file describes, or the text of a spec, whichever it is, read once.

    Raises:
        SpecError: as for `load`.
    """
    name = named(os.fspath(path))
    content = _content(name.path)
    if not _is_model(content, name.path):
        return _spec(content, name, how)
    from convcalc.imports.errors import CannotImport
    from convcalc.network import TextOrigin
    from convcalc.readable.direct import network

    label, sizes = sources.called(name.path), {**(inputs or {}), **name.inputs}
    values = {**(variables or {}), **name.variables}
    imported = _imported(label, partial(_read_file, name.path, content, how), sizes, values)
    settings = name if name.is_set else None
    origin = TextOrigin(lambda: _as_named(_text(imported, label), name), sizes, values, settings, readable(name.text))
    try:
        return network(imported, origin, is_resized=bool(sizes or values))
    except CannotImport as error:
        raise _refused(label, error) from None


def network_of(
    source: Source,
    inputs: Inputs | None = None,
    variables: Variables | None = None,
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
    taken = source.imported.assumptions if source.imported is not None else ()
    return replace(network, nodes=nodes, warnings=source.warnings, assumptions=taken, imported=source.imported)


def read(
    path: str | os.PathLike[str],
    inputs: Inputs | None = None,
    variables: Variables | None = None,
    **how: Unpack[How],
) -> Source:
    """The text of a spec, or that of a model file for these input sizes and values of inputs.

    See `convcalc.language.named` for how it may be named.

    Raises:
        SpecError: as for `source.read`, the model cannot be said in layers, or what is behind an @ means nothing.
    """
    name = named(os.fspath(path))
    content = _content(name.path)
    if not _is_model(content, name.path):
        return _spec(content, name, how)
    reader = partial(_read_file, name.path, content, how)
    return _converted(sources.called(name.path), reader, name, inputs, variables)


def _spec(content: Buffer | None, name: Named, how: How) -> Source:
    """The text of a spec, which has been read where it can be read once alone."""
    is_read = content is not None and sources.is_stream(name.path)
    source = decoded(sources.called(name.path), bytes(content or b"")) if is_read else sources.read(name.path)
    _refuse_for_specs(source.path, how)
    return _as_named(source, name)


def _as_named(source: Source, name: Named) -> Source:
    """The source with the settings it was named with."""
    return source.with_text(source.text, name) if name.is_set else source


def read_at(
    revision: str,
    path: str | os.PathLike[str],
    inputs: Inputs | None = None,
    variables: Variables | None = None,
    **how: Unpack[How],
) -> Source:
    """As `read`, for a file as it was at a revision."""
    from convcalc.language.revision import bytes_at

    name = named(os.fspath(path))
    label, data = bytes_at(revision, name.path)
    if not _is_model(data, name.path):
        _refuse_for_specs(label, how)
        return _as_named(decoded(label, data), name)
    reader = partial(_read_bytes, data, label, name.path, how)
    return _converted(label, reader, name, inputs, variables)


def _refuse_for_specs(label: str, how: How) -> None:
    """Raises SpecError for what means something of a model file alone."""
    for option in ("scale", "blocks"):
        if how.get(option):
            problem = f"--{option} is for model files, and this is a spec"
            advice = "it has blocks of its own" if option == "blocks" else "@NAME=VALUE or --set replaces its variables"
            raise SpecError([Diagnostic(label, 0, 0, 0, "CC011", problem, advice)])


def model_inputs(inputs: Inputs | None) -> dict[str, Shape]:
    """Input sizes as a model is asked for them, which may call its one input anything."""
    sizes = dict(inputs or {})
    return {"": sizes["input"]} if list(sizes) == ["input"] else sizes


def _content(path: str) -> Buffer | None:
    """What is in a file, or comes from a stream; None where nothing can be had."""
    from mmap import ACCESS_READ, mmap

    try:
        if sources.is_stream(path):
            return _streamed(path)
        if not os.path.exists(path):
            path = _meant_by(path)
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ) if os.path.getsize(path) else b""
    except (OSError, ValueError):
        return None


def _streamed(path: str) -> Buffer:
    from convcalc.imports import streams
    from convcalc.imports.errors import CannotImport

    try:
        return streams.read(path)
    except CannotImport as error:
        raise _refused(sources.called(path), error) from None


def _meant_by(path: str) -> str:
    """The file that a name means of which there is no file; the name itself where no reader knows any."""
    if path == "-" or is_in_zoo(path):
        return path
    from convcalc import imports

    return imports.meant_by(path)


def _is_model(buffer: Buffer | None, name: str) -> bool:
    """Whether a reader of model files knows a file by what is in it or by its name.

    Raises:
        SpecError: it is something else that can be told, which no spec is either.
    """
    if buffer is None:
        if os.path.isdir(name):
            _refuse_folder(name)
        return False
    is_stream = sources.is_stream(name)  # whose name says nothing
    is_text = (is_stream or name.endswith(_SPEC)) and not _CONTROL.search(buffer[:_HEAD])
    if is_text and _LAYERS.search(buffer):
        return False
    from convcalc import imports

    if imports.reader_of(buffer, "" if is_text else name) is not None:
        return True
    _refuse_other(buffer, name, is_binary=not name.endswith(_SPEC) and bool(_CONTROL.search(buffer[:_HEAD])))
    return False


def _refuse_other(buffer: Buffer, name: str, *, is_binary: bool) -> None:
    """Refuse what is neither a spec nor a model that is read, if it can be told what it is, or at least that."""
    from convcalc import imports
    from convcalc.imports import not_read
    from convcalc.imports.errors import CannotImport

    if answer := not_read.words(buffer, name):
        problem = f"this is {answer.format(expected='a spec or a model that is read')}"
    elif is_binary:
        problem = f"of a format that is not known; expected a spec, or a model: {imports.formats()}"
    else:
        return
    raise _refused(sources.called(name), CannotImport(problem))


def _read_file(
    path: str, content: Buffer | None, how: How, sizes: Inputs, values: Mapping[str, Sequence[int | float]]
) -> Imported:
    from convcalc import imports

    options = imports.ReadOptions(sizes, values, **how)
    if content is not None and sources.is_stream(path):
        return imports.read_stream(content, path, options)
    return imports.read_file(path, options)


def _read_bytes(
    data: bytes, label: str, path: str, how: How, sizes: Inputs, values: Mapping[str, Sequence[int | float]]
) -> Imported:
    from convcalc import imports

    return imports.read_bytes(data, label, path, imports.ReadOptions(sizes, values, **how))


def _refuse_folder(path: str) -> None:
    """Refuse a folder that stands for a model, where it can be told what it is."""
    from convcalc.imports import not_read
    from convcalc.imports.errors import CannotImport

    if answer := not_read.of_folder(path):
        raise _refused(readable(path), CannotImport(f"this is {answer}"))


def model_values(variables: Variables | None) -> dict[str, tuple[int | float, ...]]:
    """Values of a model's inputs, each written as in a spec: a number, true or false, or a list of numbers.

    Raises:
        SpecError: one is something else.
    """
    return {name: _numbers(name, value) for name, value in (variables or {}).items()}


def _numbers(name: str, value: object) -> tuple[int | float, ...]:
    import json

    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        parsed = value
    items = parsed if isinstance(parsed, list | tuple) else [parsed]
    numbers = tuple(item for item in items if isinstance(item, int | float))
    if not numbers or len(numbers) < len(items):
        problem = f"{name}: expected a number, true or false, or a list of numbers, found {shown(value)}"
        raise SpecError([Diagnostic("--set", 0, 0, 0, "CC011", problem)])
    return numbers


def _converted(
    label: str, read: Callable[..., Imported], name: Named, inputs: Inputs | None, variables: Variables | None
) -> Source:
    sizes, values = {**(inputs or {}), **name.inputs}, {**(variables or {}), **name.variables}
    return _as_named(_text(_imported(label, read, sizes, values), label), name)


def _imported(label: str, read: Callable[..., Imported], inputs: Inputs, variables: Variables) -> Imported:
    from convcalc.imports.errors import CannotImport

    values = model_values(variables)
    try:
        return read(model_inputs(inputs), values)
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
    advice = "without --strict they are layers of unknown cost" if error.operators else ""
    return SpecError([Diagnostic(label, 0, 0, 0, error.code, str(error), advice)])
