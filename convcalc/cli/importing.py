"""`convcalc import`."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.options import option, readable, shapes
from convcalc.cli.output import STDOUT, Force, refuse, reject, save

Inputs = Annotated[
    list[str] | None,
    option(
        "[NAME=]NxCxHxW", "Sizes of an input that the model leaves open, or in place of its own.", show_default=False
    ),
]


def import_(
    file: Annotated[
        str,
        typer.Argument(help="A model file; its bytes or its name tell the format.", show_default=False),
    ],
    output: Annotated[str, option("FILE", "The spec to write; - prints it.", "--output", "-o")] = STDOUT,
    flat: Annotated[bool, typer.Option("--flat", help="No blocks: every layer is written out.")] = False,
    allow_unknown: Annotated[
        bool,
        typer.Option(
            "--allow-unknown",
            help="Write operators that no kind expresses as `opaque`, of unknown cost: totals are lower bounds.",
        ),
    ] = False,
    force: Force = False,
    input: Inputs = None,  # noqa: A002  # the option's name
) -> None:
    """Write a model file as a spec: layers by name, what repeats as blocks, its totals as `expect`.

    Weights are not needed: only their sizes are read.
    """
    from convcalc import imports
    from convcalc.imports.errors import CannotImport
    from convcalc.language import Diagnostic, SpecError
    from convcalc.language.zoo import is_in_zoo
    from convcalc.opening import model_inputs
    from convcalc.readable.text import text

    if is_in_zoo(file):
        advice = "`convcalc zoo NAME` prints one, and `convcalc export` makes a model of it"
        message = f"names a spec of the zoo, expected {imports.formats()}"
        reject([Diagnostic(readable(file), 0, 0, 0, "CC001", message, advice)])
    refuse(output, force=force, sources=[file])
    try:
        sizes = model_inputs(shapes(input or []))
        spec = text(imports.read_file(file, sizes, allow_unknown=allow_unknown), flat=flat)
    except CannotImport as error:
        unknown = bool(error.operators) and not allow_unknown
        advice = "--allow-unknown writes them as layers of unknown cost" if unknown else ""
        reject([Diagnostic(readable(file), 0, 0, 0, error.code, str(error), advice)])
    except SpecError as error:
        reject(error.diagnostics)
    save(output, [spec.encode()], force=force)
