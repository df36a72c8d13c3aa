"""A step of training as JSON: stable names, raw integers."""

from __future__ import annotations

from convcalc.analysis.learning.records import StepMoment
from convcalc.language.source import Diagnostic
from convcalc.views.formats.json import HEAD, Record, filled
from convcalc.views.output import Output
from convcalc.views.training.shared import Trained


def write(trained: Trained, out: Output) -> None:
    """Every layer, and every moment in order; the lines beside them where these are something else.

    The sums over `layers` equal the `totals`. Where it is not known what some layers cost, `uncosted_layers` names
    them, and the totals are `at_least` so much.
    """
    training = trained.training
    out.record(
        {
            **HEAD,
            "model": training.network.name,
            "spec": trained.path,
            "convention": training.convention,
            "inputs": {node.name: node.shape for node in training.network.inputs},
            **filled(
                at_least=bool(training.uncosted),
                uncosted_layers=training.uncosted,
                unreached_layers=training.unreached,
                warnings=training.network.warnings,
            ),
            "totals": training.totals,
            "layers": training.layers,
            "peak": _moment(training.peak),
            "moments": [_moment(moment) for moment in training.moments],
            **filled(checkpointing=training.checkpointing, lines=trained.lines if trained.is_folded else None),
        }
    )


def _moment(moment: StepMoment) -> Record:
    return {"phase": moment.phase, "layer": moment.layer, "bytes": moment.alive.bytes, "alive": moment.alive}


def write_failure(path: str, errors: list[Diagnostic], out: Output) -> None:
    """A spec of which nothing could be worked out."""
    absent: Record = {"convention": None, "inputs": {}, "totals": None, "layers": (), "peak": None, "moments": ()}
    out.record({**HEAD, "model": "", "spec": path, **absent, "errors": errors})
