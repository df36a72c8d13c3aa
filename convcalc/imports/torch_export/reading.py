"""From an archive to a record: the graph is found and read, its operators are put in other words, and then walked."""

from __future__ import annotations

from typing import Any

import msgspec

from convcalc import steps
from convcalc.imports import Buffer, ReadOptions, archives
from convcalc.imports.errors import CannotImport, OverLimit, plain
from convcalc.imports.record import Imported
from convcalc.imports.torch_export import FORMAT
from convcalc.imports.torch_export.graph import TorchGraph, graph_of
from convcalc.imports.torch_export.walk import record_of

_LARGEST_GRAPH = 64 * 2**20
"""Bytes of a graph: one of 1,000 layers has about 1 MB."""

_OLDER = "serialized_exported_program.json"


def of_bytes(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The record of the network in an archive."""
    try:
        graph = _graph(buffer)
    except steps.OutOfSteps:
        raise OverLimit from None
    return record_of(graph, source, FORMAT, options)


def _graph(buffer: Buffer) -> TorchGraph:
    there = [name for name in archives.names(buffer) if _has_graph(name)]
    if not there:
        raise CannotImport("the archive has no graph in JSON; torch.export.save writes one")
    if len(there) > 1:
        names = ", ".join(map(plain, there[:5]))
        raise CannotImport(f"the archive has several graphs, {names}: save the network that is meant by itself")
    document = archives.member(buffer, there[0], _LARGEST_GRAPH) or b""
    try:
        return graph_of(msgspec.json.decode(document, type=dict[str, Any]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CannotImport(f"{plain(there[0])} in the archive is no JSON: {plain(str(error))}") from None


def _has_graph(name: str) -> bool:
    """Whether a file of an archive is a graph, of today's layout or of the older one."""
    folder, _, last = name.rpartition("/")
    return last == _OLDER or (last.endswith(".json") and folder.rpartition("/")[2] == "models")
