"""A saliency map as JSON: what it is of and what it comes to; its numbers are in the files that were written."""

from __future__ import annotations

from convcalc.views.formats.json import HEAD, Record, filled
from convcalc.views.output import Output
from convcalc.views.saliency.shared import ShownSaliency


def write(shown: ShownSaliency, out: Output) -> None:
    """Scores and sums as exact as they are; `half` is where half of the sum lies, rows and columns from 0."""
    result = shown.saliency
    image: Record = {"path": shown.image, "size": shown.size, "steps": shown.steps}
    out.record(
        {
            **HEAD,
            "model": result.network.name,
            "spec": shown.spec,
            "weights": result.weights,
            "image": image,
            "input": result.input,
            "layer": result.layer,
            "squashing": result.squashing,
            "position": result.position or None,
            "class": result.class_index,
            "is_highest": result.is_highest,
            "score": result.score,
            "top": [
                {"class": entry.index, "score": entry.score, **filled(probability=entry.probability)}
                for entry in result.top
            ],
            "map": {
                "shape": result.map.shape,
                "channels": result.channels,
                "sum": float(result.amounts.sum(dtype="float64")),
                "largest": float(result.amounts.max()),
                "half": result.mass,
            },
            **filled(smooth={"copies": result.smooth, "noise": result.noise} if result.smooth else None),
            "seed": result.seed,
            "files": shown.files,
            **filled(notes=result.notes, warnings=result.network.warnings),
        }
    )
