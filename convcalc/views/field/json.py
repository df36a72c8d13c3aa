"""The effective field as JSON: stable names, raw numbers, and the share of each position along each axis."""

from __future__ import annotations

from convcalc.views.field.shared import Looked
from convcalc.views.formats.json import HEAD, filled
from convcalc.views.output import Output


def write(looked: Looked, out: Output) -> None:
    """One object; the map itself is in what `-o FILE.npy` writes."""
    field = looked.field
    out.record(
        {
            **HEAD,
            "model": field.network.name,
            "spec": looked.path,
            "layer": field.layer,
            "kind": field.kind,
            "output_shape": field.output_shape,
            "position": field.position,
            "position_sizes": field.position_sizes,
            "input": field.input,
            "input_sizes": field.sizes,
            "receptive_field": field.receptive_field,
            "spans": field.spans,
            "is_cut": field.is_cut,
            "effective": {
                "share": 0.9545,
                "side": field.side,
                "sides": field.sides,
                "middles": field.middles,
                "deviations": field.deviations,
                "counted_side": field.counted_side,
                "reads": field.reads,
                "span_positions": field.span_positions,
                "outside": field.outside,
            },
            "profiles": [field.profile(axis) for axis in range(len(field.sizes))],
            "convention": {
                "runs": field.runs,
                "seed": field.seed,
                "weights": field.weights,
                "signs": field.signs,
                "dtype": field.dtype,
            },
            **filled(other_inputs=field.other_inputs, warnings=field.network.warnings),
        }
    )
