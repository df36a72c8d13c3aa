"""`convcalc import`."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.options import Strict, assignments, option, readable, shapes
from convcalc.cli.output import STDOUT, Force, refuse, reject, save

Inputs = Annotated[
    list[str] | None,
    option(
        "[NAME=]NxCxHxW", "Sizes of an input that the model leaves open, or in place of its own.", show_default=False
    ),
]


Values = Annotated[
    list[str] | None,
    option("NAME=VALUE", "The value of an input that decides what the model does.", show_default=False),
]


def import_(
    file: Annotated[
        str,
        typer.Argument(help="A model file; its bytes or its name tell the format.", show_default=False),
    ],
    output: Annotated[str, option("FILE", "The spec to write; - prints it.", "--output", "-o")] = STDOUT,
    flat: Annotated[bool, typer.Option("--flat", help="No blocks: every layer is written out.")] = False,
    force: Force = False,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Values = None,  # noqa: A002  # the option's name
    strict: Strict = False,
) -> None:
    """Write a model file as a spec: layers by name, what repeats as blocks, its totals as `expect`.

    Weights are not needed: only their sizes are read. Operators that no layer kind expresses are written as `opaque`,
    of unknown cost: totals are then lower bounds.
    """
    from convcalc import imports
    from convcalc.cli.loading import show_warnings
    from convcalc.imports.errors import CannotImport
    from convcalc.language import Diagnostic, SpecError
    from convcalc.language.zoo import is_in_zoo
    from convcalc.opening import model_inputs, model_values
    from convcalc.readable.text import text

    if is_in_zoo(file):
        advice = "`convcalc zoo NAME` prints one, and `convcalc export` makes a model of it"
        message = f"names a spec of the zoo, expected {imports.formats()}"
        reject([Diagnostic(readable(file), 0, 0, 0, "CC001", message, advice)])
    refuse(output, force=force, sources=[file])
    try:
        sizes, values = model_inputs(shapes(input or [])), model_values(assignments(set or []))
        imported = imports.read_file(file, sizes, values=values, strict=strict)
        spec = text(imported, flat=flat)
    except CannotImport as error:
        advice = "without --strict they are layers of unknown cost" if error.operators else ""
        reject([Diagnostic(readable(file), 0, 0, 0, error.code, str(error), advice)])
    except SpecError as error:
        reject(error.diagnostics)
    show_warnings(readable(file), filter(None, [imported.missing]))
    save(output, [spec.encode()], force=force)
