"""An imported model as a spec, such as a person would have written it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from convcalc.layers import Shape
from convcalc.network import Network, Node
from convcalc.onnx.folding import Folded, flat, folded
from convcalc.onnx.imported import Imported
from convcalc.onnx.text.layout import WIDTH, laid_out, name_text, value_text
from convcalc.onnx.text.regions import COMMUTATIVE, Graph
from convcalc.spec.document import loads
from convcalc.spec.source import Source, SpecError

MOST_FOLDED = 5000
"""Layers of a network up to which repetitions are looked for."""


def text(imported: Imported, *, flat: bool = False) -> str:
    """A spec with what a person wants to know of it: where it comes from, its totals, repetitions as blocks.

    With `flat` every layer stands for itself.
    """
    plain = flat_text(imported)
    network = loads(Source(imported.source, plain))
    found = plain if flat else _best(imported, plain, network)
    return _header(imported) + _with_totals(found, network)


def flat_text(imported: Imported) -> str:
    """A spec that says what is there, layer by layer, for reading it again at once."""
    return _text(imported, flat(Graph(imported)))


def _best(imported: Imported, plain: str, network: Network) -> str:
    """The shortest text with blocks that says the same network; the plain one where there is none."""
    if len(imported.layers) > MOST_FOLDED:
        return plain
    texts = [_text(imported, each) for each in folded(Graph(imported))]
    for found in sorted(texts, key=lambda found: found.count("\n")):
        if found.count("\n") < plain.count("\n") and _says(found, network):
            return found
    return plain


def _says(found: str, network: Network) -> bool:
    """Whether a text describes a network, up to the names of its layers."""
    try:
        other = loads(Source("import", found))
    except SpecError:
        return False
    if len(other.nodes) != len(network.nodes) or other.outputs != network.outputs:
        return False
    return all(map(_is_like, other.nodes, network.nodes))


def _is_like(one: Node, other: Node) -> bool:
    inputs = [tuple(sorted(node.inputs)) if node.kind in COMMUTATIVE else node.inputs for node in (one, other)]
    return inputs[0] == inputs[1] and (one.kind, one.config, one.shape, one.shared) == (
        other.kind,
        other.config,
        other.shape,
        other.shared,
    )


def _text(imported: Imported, written: Folded) -> str:
    lines = [f"name: {name_text(imported.name)}"] if imported.name else []
    if len(imported.inputs) == 1:
        lines.append(f"input: {_sizes(*imported.inputs.values())}")
    else:
        shapes = (f"{name_text(name)}: {_sizes(shape)}" for name, shape in imported.inputs.items())
        lines.append(f"inputs: {{{', '.join(shapes)}}}")
    if written.blocks:
        lines += ["", "blocks:"]
    for place, block in enumerate(written.blocks):
        lines += [""] * (place > 0)
        lines.append(f"  {block.name}:")
        if block.parameters:
            parameters = (
                f"{name}: {'required' if default is None else default}" for name, default in block.parameters.items()
            )
            lines.append(f"    parameters: {{{', '.join(parameters)}}}")
        lines += ["    layers:", *laid_out(block.layers, 6)]
    lines += ["", "layers:" if written.layers else "layers: []", *laid_out(written.layers, 2)]
    if written.outputs:
        lines += ["", f"outputs: [{', '.join(written.outputs)}]"]
    return "\n".join(lines) + "\n"


def _sizes(shape: Shape) -> str:
    return value_text(tuple(shape))


def _with_totals(found: str, network: Network) -> str:
    """The text with what the network must have, behind its inputs."""
    from convcalc.analysis.analyze import analyze

    totals = analyze(network).totals
    expected = [f"params: {totals.params}", f"macs: {totals.macs}"]
    if len(network.outputs) == 1:
        expected.append(f"output: {_sizes(network.nodes[network.outputs[0]].shape)}")
    line = f"expect: {{{', '.join(expected)}}}\n"
    return re.sub(r"^(inputs?: .*\n)", lambda match: match[1] + line, found, count=1, flags=re.M)


def _header(imported: Imported) -> str:
    """What a reader must know of where the figures come from."""
    written = f", written by {imported.producer}" if imported.producer else ""
    lines = [f"# {_printable(imported.source)}: an ONNX model of opset {imported.opset}{written}"]
    for sentence in _remarks(imported):
        lines += textwrap.wrap(_printable(sentence), WIDTH, initial_indent="# ", subsequent_indent="# ")
    return "\n".join(lines) + "\n"


def _remarks(imported: Imported) -> Iterator[str]:
    yield from imported.notes
    if imported.unused:
        sizes = ", ".join(f"{unused.name} {list(unused.shape)}" for unused in imported.unused[:8])
        more = f" and {len(imported.unused) - 8} more" if len(imported.unused) > 8 else ""
        yield f"Initialisers that nothing uses, and that are not counted: {sizes}{more}."
    if imported.uncosted:
        yield f"{len(imported.uncosted)} layers are opaque: what they cost is not known, and totals are at least what is said."


def _printable(said: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in said)
