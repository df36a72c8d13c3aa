"""A verified network: a line a block, each number with whether it was measured as claimed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convcalc.analysis.lines import Line
from convcalc.frames import Form, dataframe, typed
from convcalc.views import words
from convcalc.views.marks import marks
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table
from convcalc.views.verify import shared as verify
from convcalc.views.verify.shared import Verified, marked

if TYPE_CHECKING:
    from convcalc.reference.verified import Figure, LayerResult, Verification

_FIGURES = {
    "output_shape": Form.SIZES,
    **dict.fromkeys(("params", "buffers", "macs", "elementwise_ops"), Form.WHOLE),
}
_ABOUT = ("claimed", "measured", "agrees")
_COLUMNS = {
    "model": Form.TEXT,
    "spec": Form.TEXT,
    "name": Form.TEXT,
    "kind": Form.TEXT,
    "agrees": Form.TRUTH,
    **{
        f"{name}_{what}": Form.TRUTH if what == "agrees" else form for name, form in _FIGURES.items() for what in _ABOUT
    },
    "field_agrees": Form.TRUTH,
    "difference": Form.MEASURED,
    "values_agree": Form.TRUTH,
    "finite": Form.TRUTH,
    "problem": Form.TEXT,
}
_MARK = marks("utf-8")


def line(verification: Verification) -> str:
    """Whether all is as claimed, and what was run."""
    wrong = len(verification.disagreements)
    verdict = (
        "agrees"
        if verification.agrees
        else f"{shared.counted(wrong, 'layer')} not as claimed"
        if wrong
        else "disagrees"
    )
    figures = [
        f"{label} {words.exact(verification.totals[name].claimed)}"
        for name, label in (("params", "params"), ("macs", "MACs"))
        if name in verification.totals
    ]
    parts = [verdict, shared.counted(len(verification.layers), "layer"), *figures, verify.run(verification)]
    return f"{shared.brief(verification.network.name)}: {', '.join(parts)}"


def html(verification: Verification) -> str:
    """The table with blocks in a line each, totals, what disagrees and the verdict."""
    compared = verify.comparisons(verification)
    rows = [
        (
            f"{line.name} x{line.times}" if line.times else line.name,
            words.kind(line),
            *_cells(line, layers),
            *(verify.difference(checks(layers), _MARK) for _, checks in compared),
        )
        for line, layers in verify.folded(verification, "block")
    ]
    header = ("layer", "kind", "output", "params", "buffers", "MACs", "ops", "field", *(name for name, _ in compared))
    notes = [verify.expectations(verification.expectations, _MARK)] if verification.expectations else []
    notes += [*verify.disagreements(verification), *verify.notes(verification), verify.verdict(verification)]
    content = table(shared.title(verification.report), header, f"llrrrrrr{'r' * len(compared)}", rows)
    return page(content, totals=verify.totals(verification, _MARK), notes=notes, end=verify.run(verification))


def _cells(line: Line, layers: Sequence[LayerResult]) -> list[str]:
    costs = [
        marked(words.cost(line, getattr(line, name), words.exact), verify.all_agree(layers, name), _MARK)
        for name in ("params", "buffers", "macs", "elementwise_ops")
    ]
    shape = marked(words.shape(line.output_shape or ()), verify.shapes_agree(layers), _MARK)
    return [shape, *costs, marked(words.field(line.receptive_field), verify.fields_agree(layers), _MARK)]


def document(verification: Verification) -> bytes:
    """As `convcalc verify` prints it."""
    return shared.document("verify", Verified(verification, shared.path_of(verification.network)))


def frame(verification: Verification) -> Any:
    """A row a layer; None where nothing was measured."""
    head = [verification.network.name, shared.path_of(verification.network)]
    return dataframe(typed(_COLUMNS, ([*head, *_row(layer)] for layer in verification.layers)))


def _row(layer: LayerResult) -> list[object]:
    figures: list[Figure] = [getattr(layer, name) for name in _FIGURES]
    field, values = layer.receptive_field, layer.against
    is_compared = values is not None and values.agrees is not None
    return [
        *(layer.name, layer.kind, layer.agrees),
        *(cell for figure in figures for cell in (figure.claimed, figure.measured, figure.agrees)),
        field.agrees if field is not None else None,
        *((values.difference, values.agrees) if values is not None and is_compared else (None, None)),
        *(layer.finite, layer.problem),
    ]
