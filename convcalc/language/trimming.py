"""Parameters of blocks that nothing uses, taken out of a spec, with what calls give for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from convcalc import steps
from convcalc.language.document import loads
from convcalc.language.edits import LayerChange, Layout, applied
from convcalc.language.outline import Outline
from convcalc.language.source import Diagnostic, Edit, Source, SpecError
from convcalc.language.tree import Mapping
from convcalc.network import Network

Place = tuple[int, int]
"""Line and column, from 1."""


def without_unused_parameters(
    source: Source, network: Network, warnings: Sequence[Diagnostic], original: Source
) -> Source:
    """A spec without parameters that change nothing (CC113), as far as it stays the same and steps last.

    `network` is what it describes, `warnings` what reading it found. Parameters that changed nothing in the original
    either stay.
    """
    unused = _unused(warnings)
    try:
        known = _read(original)[1] if unused else {}
        while places := [place for message, place in unused.items() if message not in known]:
            shorter = source.with_text(applied(source.text, _edits(source, places)))
            other, unused = _read(shorter)
            if shorter.text == source.text or not _alike(network, other):
                break
            source = shorter
    except (SpecError, steps.OutOfSteps):
        pass
    return source


def _read(source: Source) -> tuple[Network, dict[str, Place]]:
    warnings: list[Diagnostic] = []
    network = loads(source, warn=warnings.extend)
    return network, _unused(warnings)


def _unused(warnings: Iterable[Diagnostic]) -> dict[str, Place]:
    """Where the parameters stand that nothing uses, by the message about each."""
    return {warning.message: (warning.line, warning.column) for warning in warnings if warning.code == "CC113"}


def _edits(source: Source, places: Collection[Place]) -> Iterable[Edit]:
    """What leaves out the parameters at lines and columns, in their blocks and in every call of these."""
    outline, layout = Outline(source), Layout(source.text)
    calls = [layer for scope in outline.scopes for layer in scope.everything()]
    blocks = outline.root.find("blocks")
    edits: list[Edit] = []
    for key, block in blocks.entries if isinstance(blocks, Mapping) else []:
        parameters = block.find("parameters") if isinstance(block, Mapping) else None
        if not isinstance(block, Mapping) or not isinstance(parameters, Mapping):
            continue
        names = frozenset(str(name.value) for name, _ in parameters.entries if _place(source, name.start) in places)
        called = [layer for layer in calls if layer.kind == key.value and layer.body is not None]
        if not names or not all(isinstance(layer.body, Mapping) for layer in called):
            continue  # a value alone is that of a parameter that is not named
        if len(names) == len(parameters.entries):
            edits += layout.fields(key, block, LayerChange(dropped=frozenset({"parameters"})))
        else:
            parameters_key = next(name for name, _ in block.entries if name.value == "parameters")
            edits += layout.fields(parameters_key, parameters, LayerChange(dropped=names))
        for layer in called:
            body = layer.body
            if isinstance(body, Mapping) and (given := names & {str(name.value) for name, _ in body.entries}):
                edits += layout.edits(layer, LayerChange(dropped=given))
    return dict.fromkeys(edits)


def _place(source: Source, index: int) -> Place:
    line = source.line(index)
    return line, index - source.line_at(line)[1] + 1


def _alike(network: Network, other: Network) -> bool:
    """Whether two networks are the same but for the lines on which they are written."""
    layers, others = ([replace(node, line=0) for node in of.nodes] for of in (network, other))
    fields = ("name", "source", "outputs", "variables", "expect", "budget", "deployment", "code", "published")
    return layers == others and all(getattr(network, name) == getattr(other, name) for name in fields)
