"""A network as the scripts of a page read it: its layers and blocks with what they cost, and how they are joined."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.lines import Line, layer_line, total
from convcalc.analysis.outline import OutlinePart, outline
from convcalc.analysis.report import Report
from convcalc.network import Node
from convcalc.views import words
from convcalc.views.formats.json import Record, filled
from convcalc.visible import visible

COLUMNS = ("params", "macs", "elementwise_ops", "flops", "input_bytes", "weight_bytes", "output_bytes", "bytes_moved")
"""The costs of a layer or block, in the order in which `costs` has them."""


def record(report: Report, spec: str) -> Record:
    """All that scripts know of a network.

    `nodes` are its inputs and layers in the order they run, an index for each; `inputs` of a node are such indices.
    `parts` are blocks, repeats and sections (see `convcalc.analysis.outline`): those from `first` up to `last`, the
    latter not included, and `parent` is the part around them. What acts or hides in a name is written as an escape.
    Both have `costs`, exact whole numbers in the order of `columns`, without those of `uncosted` layers; an input has
    none.
    """
    network = report.network
    lines = [layer_line(report, index) for index in range(network.input_count, len(network.nodes))]
    parts = outline(network)
    return {
        "name": visible(network.name),
        "spec": visible(spec),
        "columns": COLUMNS,
        "totals": report.totals,
        "nodes": [
            *(_node(node) for node in network.inputs),
            *(_layer(node, line) for node, line in zip(network.layers, lines, strict=True)),
        ],
        "parts": [_part(part, _inside(lines, part, network.input_count)) for part in parts],
        "outputs": network.outputs,
    }


def _node(node: Node) -> Record:
    return {
        "name": visible(node.name),
        "kind": visible(node.kind),
        "shape": words.shape(node.shape),
        "inputs": node.inputs,
    }


def _layer(node: Node, line: Line) -> Record:
    return {**_node(node), **filled(summary=visible(line.summary), line=node.line), **_figures(line)}


def _part(part: OutlinePart, line: Line) -> Record:
    return {
        **filled(line=part.line, times=part.times),
        "name": visible(part.name),
        "kind": visible(part.kind),
        "first": part.first,
        "last": part.last,
        "parent": part.parent,
        "shape": words.shape(line.output_shape or ()),
        **_figures(line),
    }


def _figures(line: Line) -> Record:
    """What it costs, and what is seen of the input: `field` is the largest size of it on any axis."""
    field, bound = line.receptive_field, line.bound
    sizes = [size for size in (field.size or ()) if size is not None] if field is not None else []
    return {
        "costs": [getattr(line, name) for name in COLUMNS],
        **filled(field_text=words.field(field), field=max(sizes, default=None), uncosted=line.uncosted),
        **filled(bound_ps=bound.ps if bound else None, bound_by=bound.by if bound else None),
    }


def _inside(lines: Sequence[Line], part: OutlinePart, input_count: int) -> Line:
    inside = lines[part.first - input_count : part.last - input_count]
    return total(part.name, part.kind, inside, inside[-1], part.times)
