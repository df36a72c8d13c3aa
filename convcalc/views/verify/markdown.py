"""A verified network as a Markdown table."""

from __future__ import annotations

from convcalc.reference.verified import Figure, LayerResult, Verification
from convcalc.views import words
from convcalc.views.formats.markdown import cell, code, escaped, table
from convcalc.views.marks import Marks, marks
from convcalc.views.output import Output
from convcalc.views.verify import shared
from convcalc.views.verify.shared import Verified


def write(verified: Verified, out: Output) -> None:
    """Title, a row a layer, totals, expectations, disagreements and verdict."""
    verification, mark = verified.verification, marks(out.stream.encoding)
    name, shapes, path = words.title(verification.report, verified.spec)
    rows = [
        _cells(verification, layer, words.field(row.receptive_field), mark)
        for layer, row in zip(verification.layers, verification.report.layers, strict=True)
    ]
    compared = [header for header, _ in shared.comparisons(verification)]
    compared = [*(("gradients", "their MACs") if verification.has_gradients else ()), *compared]
    header = ("layer", "kind", "output", "params", "buffers", "MACs", "ops", "field", *compared)
    lines = [f"### {escaped(name)} ({escaped(shapes)})", "", *table(header, "lllrrrrr" + "r" * len(compared), rows)]
    lines += ["", f"**{' · '.join(shared.totals(verification, mark))}**"]
    notes = [shared.expectations(verification.expectations, mark)] if verification.expectations else []
    notes += [*shared.disagreements(verification), *shared.notes(verification), shared.verdict(verification)]
    end = f"{shared.run(verification)} · {code(path)}"
    out.text(("\n" if out.shown else "") + "\n\n".join(["\n".join(lines), *map(escaped, notes), end]) + "\n")
    out.shown += 1


def _cells(verification: Verification, layer: LayerResult, field: str, mark: Marks) -> tuple[str, ...]:
    check = layer.receptive_field
    return (
        cell(layer.name),
        layer.kind,
        _marked(layer.output_shape, mark),
        _marked(layer.params, mark),
        _marked(layer.buffers, mark),
        _marked(layer.macs, mark),
        _marked(layer.elementwise_ops, mark),
        f"{field} {mark.of(check.agrees if check else None)}",
        *_gradients(verification, layer, mark),
        *(shared.difference(checks([layer]), mark) for _, checks in shared.comparisons(verification)),
    )


def _gradients(verification: Verification, layer: LayerResult, mark: Marks) -> tuple[str, ...]:
    if not verification.has_gradients:
        return ()
    return mark.of(shared.gradients_agree([layer])), shared.way_back([layer], mark, words.exact)


def _marked(figure: Figure, mark: Marks) -> str:
    claimed = words.shape(figure.claimed) if isinstance(figure.claimed, tuple) else words.exact(figure.claimed)
    return f"{claimed} {mark.of(figure.agrees)}"
