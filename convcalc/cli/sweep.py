"""`convcalc sweep`."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
import typer.core

from convcalc.cli.completion import networks, totals
from convcalc.cli.options import (
    Batch,
    Blocks,
    DeviceName,
    Dtype,
    Force,
    Fused,
    Inputs,
    Scale,
    Strict,
    Variables,
    assignments,
    format_option,
    option,
    readable,
    shapes,
)
from convcalc.cli.work import sweep as work

_REFUSED = 20
_OPTIONAL = {"--dask": (re.compile(r"\w+://\S+"), ""), "--refused": (re.compile(r"\d+"), str(_REFUSED))}
"""Options that may stand alone: what else stands behind them, and what they mean without it."""


class WithOptionalValues(typer.core.TyperCommand):
    """A command with options that take a value or none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As Typer, once every option has its value."""
        return super().parse_args(ctx, _completed(args))


COMMAND = WithOptionalValues


def _completed(words: list[str]) -> list[str]:
    """The words of a call, with a value behind each option that may stand alone."""
    completed = []
    rest = iter([*words, ""])
    word = next(rest)
    for following in rest:
        pattern, alone = _OPTIONAL.get(word, (None, ""))
        is_alone = pattern is not None and not pattern.fullmatch(following)
        completed.append(f"{word}={alone}" if is_alone else word)
        word = following
    return completed


def sweep(
    net: Annotated[str, typer.Argument(help="A spec; - reads standard input.", autocompletion=networks)],
    over: Annotated[
        list[str],
        option(
            "NAME=VALUES",
            "What to sweep, again for each: start:stop:step, values with commas, or both. NAME is a variable, input "
            "(a size or CxHxW), variant (those of compare) or LAYER.FIELD, where LAYER may be a glob.",
        ),
    ],
    where: Annotated[str, option("EXPR", "Keep the points that satisfy it.", show_default=False)] = "",
    pareto: Annotated[
        str,
        option(
            "KEYS",
            "Keep the points of which none is better in all: macs,params,-receptive_field; small is better, but "
            "for those behind a -.",
            show_default=False,
            autocompletion=totals,
        ),
    ] = "",
    sort: Annotated[
        str, option("KEYS", "Order by these; -macs has the most first.", show_default=False, autocompletion=totals)
    ] = "",
    top: Annotated[int | None, typer.Option(min=1, help="Keep the first of them.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Draw so many points instead of taking all.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is drawn.")] = 0,
    refused: Annotated[
        int, typer.Option(metavar="[N]", min=0, help=f"List N refused points and why, alone {_REFUSED}.")
    ] = 0,
    assert_: Annotated[
        str | None,
        option(
            "EXPR",
            "Exit with 1 unless it holds. count is how many points satisfy --where, as in count >= 1; there are points "
            "and refused too.",
            "--assert",
        ),
    ] = None,
    format: Annotated[str, format_option("sweep", "table")] = "table",  # noqa: A002  # the option's name
    output: Annotated[
        str | None,
        option("FILE", "Write what is kept to a .csv, .json, .md, .parquet, .html or .svg.", "--output", "-o"),
    ] = None,
    plot: Annotated[
        str | None,
        option("FILE", "Draw what is kept over the first two keys as SVG, with its front; - prints it, not the table."),
    ] = None,
    force: Force = False,
    dask: Annotated[
        str | None,
        option("[ADDRESS]", "Work on Dask: alone on this machine, else on the scheduler at tcp://host:8786."),
    ] = None,
    batch: Batch = None,
    dtype: Dtype = None,
    fused: Fused = None,
    device: DeviceName = None,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """The totals of a network at every point of a design space, and the points that are worth a look.

    --where, --pareto and --sort name totals (params, macs, peak_activation_bytes, receptive_field ...), what is swept,
    and macs(GLOB) or params(GLOB) of layers.

    Exit code 0: done, 1: --assert does not hold, 2: bad input, 130: interrupted, with what is known so far.
    """
    work.sweep(
        net,
        over=[readable(text) for text in over],
        where=readable(where),
        pareto=readable(pareto),
        sort=readable(sort),
        top=top,
        sample=sample,
        seed=seed,
        refused=refused,
        assertion=None if assert_ is None else readable(assert_),
        format=format,
        output=output,
        plot=plot,
        force=force,
        dask=dask,
        inputs=shapes(input or []),
        variables=assignments(set or []),
        running={"batch": batch, "dtype": dtype, "fused": fused, "device": device},
        strict=strict,
        scale=scale,
        blocks=blocks,
    )
