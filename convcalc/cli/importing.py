"""`convcalc import`."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.options import Blocks, Force, Scale, Strict, assignments, option, shapes
from convcalc.cli.output import STDOUT
from convcalc.cli.work import importing as work

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
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """Write a model file as a spec: layers by name, what repeats as blocks, its totals as `expect`.

    Weights are not needed: only their sizes are read. Operators that no layer kind expresses are written as `opaque`,
    of unknown cost: totals are then lower bounds.
    """
    sizes, values = shapes(input or []), assignments(set or [])
    work.import_(
        file,
        output=output,
        flat=flat,
        force=force,
        inputs=sizes,
        variables=values,
        strict=strict,
        scale=scale,
        blocks=blocks,
    )
