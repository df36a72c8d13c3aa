"""Parameters of blocks that nothing uses, taken out of a spec, with what calls give for them."""

from __future__ import annotations

from collections.abc import Iterable

from convcalc import steps
from convcalc.network import Network
from convcalc.spec.document import loads
from convcalc.spec.edits import Change, Layout, applied
from convcalc.spec.outline import Outline
from convcalc.spec.source import Diagnostic, Edit, Source, SpecError
from convcalc.spec.tree import Mapping


def without_unused_parameters(source: Source, original: Source) -> Source:
    """A spec, which has no mistakes, without parameters that change nothing (CC113), as far as it stays the same.

    Those that changed nothing in the original either stay.
    """
    unused: list[Diagnostic] = []
    network = loads(source, warn=unused.extend)
    known: set[str] | None = None
    while unused := [at for at in unused if at.code == "CC113" and at.message not in (known or ())]:
        if known is None:
            known = _warnings(original)
            continue
        text = applied(source.text, _edits(source, {(at.line, at.column) for at in unused}))
        shorter, unused = source.with_text(text), []
        try:
            if text == source.text or not _alike(network, loads(shorter, warn=unused.extend)):
                break
        except (SpecError, steps.OutOfSteps):
            break
        source = shorter
    return source


def _warnings(source: Source) -> set[str]:
    unused: list[Diagnostic] = []
    loads(source, warn=unused.extend)
    return {warning.message for warning in unused}


def _edits(source: Source, places: set[tuple[int, int]]) -> Iterable[Edit]:
    """What leaves out the parameters at lines and columns, in their blocks and in every call of these."""
    outline, layout = Outline(source), Layout(source.text)
    scopes = [outline.scope, *(block.scope for block in outline.own.values())]
    calls = [layer for scope in scopes for layer in scope.everything()]
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
            edits += layout.fields(key, block, Change(dropped=frozenset({"parameters"})))
        else:
            parameters_key = next(name for name, _ in block.entries if name.value == "parameters")
            edits += layout.fields(parameters_key, parameters, Change(dropped=names))
        for layer in called:
            edits += layout.edits(layer, Change(dropped=names & {str(name.value) for name, _ in layer.body.entries}))
    return dict.fromkeys(edits)


def _place(source: Source, index: int) -> tuple[int, int]:
    line = source.line(index)
    return line, index - source.line_at(line)[1] + 1


def _alike(network: Network, other: Network) -> bool:
    """Whether two networks have the same layers, wherever these are written."""
    layers, others = (
        [(node.name, node.config, node.inputs, node.shape) for node in of.nodes] for of in (network, other)
    )
    return layers == others
