"""A `when` that reads the layer's own channels, and would be decided otherwise by the block's.

`in_channels` is what enters the layer itself, `input_channels` what enters the block around it. Behind a convolution
that has already changed the channels, `when: in_channels != 4 * channels` leaves out the batch norm of every
shortcut that has the convolution, and nothing else in the network says so.

Flagged is a layer in a block whose `when` names `in_channels` and not `input_channels`, where at some call of the block
the other in its place would decide otherwise: the layer is left out and would stand, or stands and would be left out.

Not flagged: a layer outside blocks; one in which both would decide alike at every call; a `when` that names both.

False positives: a condition that does mean what enters the layer, such as that of a projection behind a concatenation.
`lint: {ignore: CC109}` among the layer's fields says so.

Source: the definitions of the two names.

Flagged:
    input: [16, 8, 8]
    blocks:
      residual:
        parameters: {channels: required}
        layers:
          - add:
              branches:
                - - conv: {out_channels: 4 * channels, kernel_size: 3, padding: 1}
                  - batch_norm
                - - conv: {out_channels: 4 * channels, kernel_size: 1, when: input_channels != 4 * channels}
                  - batch_norm: {when: in_channels != 4 * channels} # <- CC109
          - relu
    layers:
      - residual: 16
      - conv: {out_channels: 8, kernel_size: 1}

Allowed:
    input: [16, 8, 8]
    blocks:
      residual:
        parameters: {channels: required}
        layers:
          - add:
              branches:
                - - conv: {out_channels: 4 * channels, kernel_size: 3, padding: 1}
                  - batch_norm
                - - conv: {out_channels: 4 * channels, kernel_size: 1, when: in_channels != 4 * channels}
                  - batch_norm: {when: input_channels != 4 * channels}
          - relu
    layers:
      - residual: 16
      - conv: {out_channels: 8, kernel_size: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.language.tree import span
from convcalc.rules._subject import Problem, Subject

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Each such `when` once, at the first call where it matters."""
    marked = set()
    for decision in subject.places.decisions:
        layer, when = decision.site.layer, decision.site.layer.when
        if when is None or layer.source.shipped or id(layer) in marked:
            continue
        marked.add(id(layer))
        start, end = span(when.node)
        stands, other = ("stands", "left out") if decision.stands else ("is left out", "stand")
        yield Problem(
            None,
            start,
            end,
            f"{decision.site.name} {stands}, because in_channels is {decision.in_channels}, which enters the layer; "
            f"by input_channels, the {decision.input_channels} that enter the block, it would "
            f"{'be ' if decision.stands else ''}{other}",
            "write input_channels if the block's input is meant, else add lint: {ignore: CC109} to the layer",
            layer=decision.site.name,
        )
