"""A verified network as a Markdown table."""

from __future__ import annotations

from convcalc.reference.verified import Figure, LayerResult, Verification
from convcalc.views import words
from convcalc.views.formats.markdown import cell, code, escaped, row
from convcalc.views.verification import network
from convcalc.views.verification.marks import Marks, marks


def text(found: Verification, spec: str, encoding: str | None = "utf-8") -> str:
    """Title, a row a layer, totals, expectations, disagreements and verdict."""
    mark = marks(encoding)
    name, shapes, path = words.title(found.report, spec)
    rows = [
        f"### {escaped(name)} ({escaped(shapes)})",
        "",
        "| layer | kind | output | params | MACs | field |" + (f" {found.runtime} |" if found.runtime else ""),
        "|:--|:--|:--|--:|--:|--:|" + ("--:|" if found.runtime else ""),
        *(
            _row(layer, words.field(row.receptive_field), mark)
            for layer, row in zip(found.layers, found.report.layers, strict=True)
        ),
        "",
        f"**{network.totals(found, mark).replace('   ', ' · ')}**",
    ]
    said = [network.expectations(found.expectations, mark)] if found.expectations else []
    said += [*network.disagreements(found), *network.notes(found), network.verdict(found)]
    return (
        "\n\n".join(["\n".join(rows), *map(escaped, said), f"{found.dtype}, seed {found.seed} · {code(path)}"]) + "\n"
    )


def _row(layer: LayerResult, field: str, mark: Marks) -> str:
    check = layer.receptive_field
    cells = (
        cell(layer.name),
        layer.kind,
        _cell(layer.output_shape, mark),
        _cell(layer.params, mark),
        _cell(layer.macs, mark),
        f"{field} {mark.of(check.agrees if check else None)}",
        *([network.difference([layer], mark)] if layer.against is not None else []),
    )
    return row(*cells)


def _cell(figure: Figure, mark: Marks) -> str:
    claimed = words.shape(figure.claimed) if isinstance(figure.claimed, tuple) else words.exact(figure.claimed)
    return f"{claimed} {mark.of(figure.agrees)}"
