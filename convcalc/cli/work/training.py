"""What `convcalc analyze --training` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from convcalc import steps
from convcalc.cli.output import ExitCode, end, reject_one
from convcalc.cli.work.progress import working
from convcalc.language.named import readable
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.analysis.learning.records import Optimizer
    from convcalc.analysis.lines import By
    from convcalc.language import Diagnostic
    from convcalc.opening import How


class HowTrained(TypedDict):
    """On what terms a network is trained: the arguments of `convcalc.training`."""

    optimizer: Optimizer
    freeze: Sequence[str]
    checkpoint: Sequence[str]
    batch: int
    dtype: str


def training(
    files: Sequence[str],
    *,
    format: str,  # noqa: A002  # the option's name
    by: By,
    top: int | None,
    expand: bool,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    trained: HowTrained,
    how: How,
) -> None:
    """Print what a step of training costs, of each file."""
    from convcalc.analysis.learning.lines import training_lines
    from convcalc.analysis.learning.training import training as cost
    from convcalc.cli.loading import load
    from convcalc.language import SpecError
    from convcalc.language.source import Diagnostic, unfinished
    from convcalc.views import view
    from convcalc.views.training.shared import Trained

    writer, out = view("training", format), Output(sys.stdout)
    code = ExitCode.DONE

    def reject(file: str, errors: list[Diagnostic]) -> None:
        nonlocal code
        code = reject_one(writer, readable(file), errors, out)

    for file in files:
        path = readable(file)
        try:
            with steps.afresh(), working(f"training {path}"):
                costs = cost(load(file, inputs, variables, **how), **trained)
                lines = training_lines(costs, by=by, expand=expand, top=top)
            writer.write(Trained(path, costs, lines, by != "layer" or top is not None), out)
        except SpecError as error:
            reject(file, error.diagnostics)
        except steps.OutOfSteps:
            reject(file, [unfinished(path)])
        except ValueError as error:
            reject(file, [Diagnostic(path, 0, 0, 0, "CC013", str(error), getattr(error, "advice", ""))])
    out.end()
    end(code)
