"""An imported model as a spec, such as a person would have written it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from convcalc import layers, steps
from convcalc.imports.errors import CannotImport, OverLimit
from convcalc.imports.record import Imported, Layer
from convcalc.language.document import examine, loads
from convcalc.language.source import Source, SpecError
from convcalc.language.writing import name_text, value_text
from convcalc.language.written import COMMUTATIVE
from convcalc.network import Network, Node
from convcalc.readable.blocks import Folding, flat, foldings
from convcalc.readable.coding import code_lines, code_of, is_said, named_calls
from convcalc.readable.direct import cautions, flat_code, names_of
from convcalc.readable.folded import Folded
from convcalc.readable.layout import WIDTH, mapping
from convcalc.readable.names import model_name
from convcalc.readable.regions import LayerGraph
from convcalc.readable.slots import Unfit
from convcalc.steps import OutOfSteps
from convcalc.visible import visible

LAYER, INPUT = 35, 4
"""Steps that writing a layer takes, and each of its inputs."""

FOLDED_LAYER, FOLDED_INPUT = 400, 8
"""The same where repetitions are looked for."""

_MOST_MENDED = 5
"""Blocks that turn out to be wrong until one way of writing it is given up."""

_NAMELESS = 0.9
"""How much shorter a text must be whose blocks are no modules of the program that the model comes from."""


def text(imported: Imported, *, flat: bool = False) -> str:
    """A spec with what a person wants to know of it: where it comes from, its totals, repetitions as blocks.

    With `flat` every layer stands for itself, as it does where looking for repetitions takes more steps than are left.

    Raises:
        CannotImport: there are not steps enough for what must be done, or the text does not say what the model does.
        SpecError: the model is none that a spec says; what is returned has been read again.
    """
    try:
        plain = _source(imported, imported.source, _bare_text(imported))
        network = loads(plain)
        body = plain.text if flat else _best(imported, plain.text, network)
        if is_said(imported):
            body = _with_code(body, _code(body, imported))
        written = _header(imported) + _with_totals(body, network)
        if not _says(written, network):
            raise CannotImport("the spec that would be written does not read back as the model")
    except OutOfSteps:
        raise OverLimit from None
    return written


def flat_text(imported: Imported) -> str:
    """A spec that says what is there, layer by layer, for reading it again at once.

    Raises:
        CannotImport: there are not steps enough to write it.
    """
    plain = _bare_text(imported)
    return _with_code(plain, flat_code(imported, names_of(LayerGraph(imported)))) if is_said(imported) else plain


def _bare_text(imported: Imported) -> str:
    """The same without what the code of the program calls."""
    try:
        _spend(imported, LAYER, INPUT)
    except OutOfSteps:
        raise OverLimit from None
    graph = LayerGraph(imported)
    return _spec_text(imported, graph, flat(graph))


def flat_source(imported: Imported, label: str) -> Source:
    """The same as a source, in which whatever is found is said of the model's nodes."""
    return _source(imported, label, flat_text(imported))


def _source(imported: Imported, label: str, plain: str) -> Source:
    places = cache(lambda: _places(imported, plain))
    return Source(
        label,
        plain,
        origin=lambda line: places().get(line, ""),
        warnings=tuple(cautions(imported)),
        imported=imported,
    )


def _spend(imported: Imported, layer: int, of_input: int) -> None:
    inputs = sum(len(read.inputs) for read in imported.layers)
    steps.spend(layer * (len(imported.inputs) + len(imported.layers)) + of_input * inputs)


def _places(imported: Imported, text: str) -> dict[int, str]:
    """The operators of a model that the layer on each line of its text stands for."""
    left: dict[tuple[object, ...], list[Layer]] = {}
    for layer in imported.layers:
        left.setdefault((layer.kind, tuple(sorted(layer.inputs)), layer.shape), []).append(layer)
    network = examine(Source(imported.source, text)).network
    names, places = list(imported.inputs), dict[int, str]()
    for node in network.layers if network is not None else ():
        alike = left.get((node.kind, tuple(sorted(names[source] for source in node.inputs)), node.shape))
        names.append(alike[0].name if alike else "")
        if alike:
            places.setdefault(node.line, _place(imported.unit, alike.pop(0).operators))
    return places


def _place(unit: str, titles: tuple[str, ...]) -> str:
    if len(titles) < 2:
        return "".join(f"{unit} {title}".lstrip() for title in titles)
    return f"{unit and f'{unit}s'} {titles[0]} to {titles[-1]}".lstrip()


def _best(imported: Imported, plain: str, network: Network) -> str:
    """The shortest text with blocks that says the same network; the plain one where there is none."""
    best = plain
    with suppress(OutOfSteps), steps.part(0.7):
        _spend(imported, FOLDED_LAYER, FOLDED_INPUT)
        graph = LayerGraph(imported)
        for folding in foldings(graph, network):
            other = _shorter(imported, graph, folding, network, best)
            if not folding.is_nameless or other.count("\n") <= _NAMELESS * best.count("\n"):
                best = other
    return best


def _shorter(imported: Imported, graph: LayerGraph, folding: Folding, network: Network, best: str) -> str:
    """What is written in one way, without the blocks that are wrong; what there is where that is no shorter."""
    for _ in range(_MOST_MENDED):
        try:
            candidate = _spec_text(imported, graph, folding.written())
        except Unfit:  # without blocks it can be said all the same
            break
        if candidate.count("\n") >= best.count("\n"):
            break
        if _says(candidate, network):
            return candidate
        if not folding.mended(network):
            break
    return best


def _says(spec: str, network: Network) -> bool:
    """Whether a text describes a network, up to the names of its layers."""
    try:
        other = loads(Source("import", spec))
    except SpecError:
        return False
    if len(other.nodes) != len(network.nodes) or other.outputs != network.outputs:
        return False
    if other.deployment != network.deployment:
        return False
    return all(map(_is_like, other.nodes, network.nodes))


def _is_like(node: Node, other: Node) -> bool:
    inputs = [tuple(sorted(either.inputs)) if either.kind in COMMUTATIVE else either.inputs for either in (node, other)]
    alike = ("kind", "config", "shape", "borrowed", "precision")
    if inputs[0] != inputs[1] or any(getattr(node, name) != getattr(other, name) for name in alike):
        return False
    is_bare = type(node.config).weights is layers.Kind.weights  # which of a block that is shared is so in name alone
    return is_bare or node.shared == other.shared


def _spec_text(imported: Imported, graph: LayerGraph, written: Folded) -> str:
    lines = [f"name: {name_text(model_name(imported))}"]
    sizes = dict(zip(map(name_text, graph.input_names), map(value_text, graph.input_shapes), strict=True))
    lines += [f"input: {size}" for size in sizes.values()] if len(sizes) == 1 else mapping(0, "inputs", sizes)
    if graph.held.dtype:
        lines.append(f"deploy: {{dtype: {graph.held.dtype}}}")
    lines += written.lines
    if written.outputs:
        lines += ["", *_list_lines("outputs", written.outputs)]
    return "\n".join(lines) + "\n"


def _list_lines(field: str, names: Sequence[str]) -> list[str]:
    """A list on one line if it fits, else a name a line."""
    line = f"{field}: [{', '.join(names)}]"
    return [line] if len(line) <= WIDTH else [f"{field}:", *(f"  - {name}" for name in names)]


def _code(spec: str, imported: Imported) -> dict[str, str]:
    """What the code of the program calls, by the names that the layers have in a text."""
    names = [node.name for node in loads(Source("import", spec)).layers]
    return code_of(named_calls(imported, names), patterns=True)


def _with_code(spec: str, code: dict[str, str]) -> str:
    """The text with what the code of the program calls, before its layers."""
    lines = "".join(f"{line}\n" for line in code_lines(code))
    return re.sub(r"^(?=\n?(?:blocks|layers):)", lambda _: lines, spec, count=1, flags=re.MULTILINE)


def _with_totals(spec: str, network: Network) -> str:
    """The text with what the network must have, behind its inputs."""
    from convcalc.analysis.analyze import as_written

    report = as_written(network)
    totals = report.totals
    if report.uncosted:  # of which no figure holds
        return spec
    expected = [f"params: {totals.params}", f"macs: {totals.macs}"]
    if len(network.outputs) == 1 and network.layers:
        expected.append(f"output: {value_text(network.nodes[network.outputs[0]].shape)}")
    field = report.receptive_field
    if field is not None and field.size and None not in field.size:
        expected.append(f"receptive_field: {value_text(field.size[0] if len({*field.size}) == 1 else field.size)}")
    line = f"expect: {{{', '.join(expected)}}}\n"
    return re.sub(r"^(inputs?: .*\n)", lambda match: match[1] + line, spec, count=1, flags=re.MULTILINE)


def _header(imported: Imported) -> str:
    """What a reader must know of where the figures come from."""
    written = f", written by {imported.producer}" if imported.producer else ""
    lines = [f"# {visible(Path(imported.source).name)}: {imported.format}{written}"]
    for sentence in _remarks(imported):
        lines += textwrap.wrap(visible(sentence), WIDTH, initial_indent="# ", subsequent_indent="# ")
    return "\n".join(lines) + "\n"


def _remarks(imported: Imported) -> Iterator[str]:
    yield from cautions(imported)
    yield from imported.notes
    yield from (f"{sentence[:1].upper()}{sentence[1:]}." for sentence in imported.assumptions if is_said(imported))
    if imported.unused:
        sizes = ", ".join(f"{unused.name} {list(unused.shape)}" for unused in imported.unused[:8])
        more = f" and {len(imported.unused) - 8} more" if len(imported.unused) > 8 else ""
        yield f"Arrays of the file that nothing uses, and that are not counted: {sizes}{more}."
