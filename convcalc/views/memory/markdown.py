"""Memory over time in Markdown: a table of the layers, one of what lies where, and the figures."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.formats.markdown import cell, code, escaped, table
from convcalc.views.memory import shared
from convcalc.views.memory.shared import Planned
from convcalc.views.output import Output


def write(planned: Planned, out: Output) -> None:
    """As the table for the terminal, with a share of the peak in place of a bar."""
    memory = planned.memory
    name, shapes, path = shared.title(planned)
    peak = memory.peak_activation_bytes
    layers = [
        (
            cell(line.name) + (f" x{line.times}" if line.times else f" of {line.layers}" if line.layers > 1 else ""),
            cell(line.kind),
            line.output,
            words.exact(line.output_bytes),
            words.exact(line.alive_bytes),
            words.share(line.alive_bytes, peak),
        )
        for line in shared.instants(planned)
    ]
    regions = [
        (
            cell(region.tensors[-1]),
            words.exact(region.bytes),
            words.exact(region.offset),
            cell(region.since),
            cell(region.until),
            "yes" if shared.at_peak(memory, region) else "",
        )
        for region in shared.shown_regions(memory)
    ]
    lines = [f"### {escaped(name)} ({escaped(shapes)})", ""]
    lines += table(("layer", "kind", "output", "bytes", "alive", "of the peak"), "lllrrr", layers)
    if regions:
        lines += ["", *table(("tensor", "bytes", "offset", "from", "until", "at the peak"), "lrrllc", regions)]
    facts = [f"**{escaped(fact)}**  " for fact in shared.facts(memory)]
    out.text("\n".join([*lines, "", *facts, f"{shared.convention(memory)} · {code(path)}", "\n"]))
