"""`convcalc compare`."""

from __future__ import annotations

import codecs
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from msgspec.structs import replace

from convcalc.cli.completion import networks
from convcalc.cli.options import (
    AllowInputChange,
    Batch,
    CountAs,
    DeviceName,
    Dtype,
    Force,
    Fused,
    Inputs,
    KeptLayers,
    ReplacedLayers,
    Scale,
    Strict,
    Variables,
    VariantBlocks,
    VariantNames,
    assignments,
    format_option,
    option,
    readable,
    shapes,
)
from convcalc.cli.output import STDOUT, ExitCode, end, fail, refuse, reject, save, say, show, show_errors
from convcalc.cli.work.sides import SideRequest, mistakes_named, refuse_mixed, sides_of
from convcalc.cli.work.tools import FUSED, UNFUSED, figure_named
from convcalc.views.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convcalc.analysis.lines import By
    from convcalc.analysis.revisions import Revised
    from convcalc.analysis.sides import Side, Sides
    from convcalc.analysis.terms import HowRun
    from convcalc.counters import ChosenFigure
    from convcalc.network import Network
    from convcalc.opening import How


def compare(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Specs, the first is the base, as NET.yaml or NET.yaml@width=0.5; - reads standard input.",
            autocompletion=networks,
        ),
    ],
    variant: VariantNames = None,
    layer: ReplacedLayers = None,
    except_: KeptLayers = None,
    blocks: VariantBlocks = None,
    base: Annotated[str | None, option("REV", "Compare each file with itself at a git revision.")] = None,
    output: Annotated[
        str | None,
        option("FILE", "Write the spec with the variant; - prints it alone.", "--output", "-o"),
    ] = None,
    force: Force = False,
    allow_input_change: AllowInputChange = False,
    format: Annotated[str, format_option("compare", "table")] = "table",  # noqa: A002  # the option's name
    by: Annotated[Literal["layer", "block", "kind"], typer.Option(help="What each line stands for.")] = "layer",
    batch: Batch = None,
    dtype: Dtype = None,
    fused: Fused = None,
    device: DeviceName = None,
    count_as: CountAs = "",
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
) -> None:
    """A network against its variants, against other specs, or against itself at a revision, layer by layer."""
    from convcalc.analysis.revisions import Opener, since
    from convcalc.analysis.sides import Side, Uncompared
    from convcalc.cli.loading import load
    from convcalc.language import SpecError
    from convcalc.linting.run import each_once
    from convcalc.opening import network_of, read_at

    has_choices = bool(layer or except_) or output is not None
    _refuse(files, variant, base, output, is_set=bool(input or set), has_choices=has_choices)
    if output is not None:
        refuse(output, force=force)
    sizes, values = shapes(input or []), assignments(set or [])
    how: How = {"strict": strict, "scale": scale, "blocks": (blocks or "") if variant is None else ""}
    how_run: HowRun = {"batch": batch, "dtype": dtype, "fused": fused, "device": device}
    opened = partial(load, inputs=sizes, variables=values, **how)
    tool = figure_named(count_as) if count_as else None
    try:
        with mistakes_named(layer or []):
            if base is None:
                asked = SideRequest(files, variant, layer or [], except_ or [], blocks, allow_input_change)
                sides = sides_of(asked, opened, how_run)
            else:
                opener = Opener(
                    opened,
                    partial(read_at, inputs=sizes, variables=values, **how),
                    partial(network_of, inputs=sizes, variables=values),
                )
                files = each_once(files)
                revised = since(base, files, opener, **how_run, allow_input_change=allow_input_change)
                if tool is not None:
                    revised = [
                        replace(file, sides=_counted(file.sides, tool)) if file.sides is not None else file
                        for file in revised
                    ]
                _show_revised(revised, readable(base), format, by, alone=len(files) == 1)
                return
    except SpecError as error:
        if output is None:
            mistaken = Side(readable(files[0]), None, tuple(error.diagnostics))
            _show_mistakes(error.sides if isinstance(error, Uncompared) else [mistaken], format)
        reject(error.diagnostics)
    if variant is not None and output is not None:
        save(output, [_text(sides, sides.base.written, files[0])], force=force)
    if output != STDOUT:
        _show(_counted(sides, tool) if tool is not None else sides, format, by)


def _counted(sides: Sides, tool: ChosenFigure) -> Sides:
    """The networks with what another tool counts of each."""
    from convcalc.analysis.tools import sides_counted_as

    reports = [sides.base, *(candidate.report for candidate in sides.candidates if candidate.report is not None)]
    if any(report.terms.fused for report in reports):
        fail(FUSED, UNFUSED)
    return sides_counted_as(sides, tool)


def _refuse(
    files: list[str], variant: str | None, base: str | None, output: str | None, *, is_set: bool, has_choices: bool
) -> None:
    """Options that do not go together.

    `is_set`: there are other inputs or variables than the spec's; `has_choices`: there are options of variants.
    """
    from convcalc.language.named import file_of
    from convcalc.language.zoo import is_in_zoo

    is_set = is_set or any(file_of(file) != file for file in files)
    target = readable(output or "")
    problems = {
        "--variant takes a single spec, and goes with no --base": variant is not None
        and (len(files) > 1 or base is not None),
        "--base compares files, and standard input has no revision": base is not None and "-" in files,
        "compare with what? name another spec, a --variant, or the revision of a --base": (
            variant is None and base is None and len(files) < 2
        ),
        "--layer, --except and --output are for a --variant": variant is None and has_choices,
        "--output writes the sizes and variables of the spec; leave out --input, --set and what follows @": (
            output is not None and is_set
        ),
        f"--output writes a file, and {target} would be a network of the zoo": is_in_zoo(target),
        "standard input can only be read once": files.count("-") > 1,
    }
    refuse_mixed(problems)


def _text(sides: Sides, network: Network, original: str) -> bytes:
    """The spec with the one variant in it, with the byte order mark of the file that it comes from."""
    from convcalc.analysis.variants import DoesNotReadBack, code_without_layers, written
    from convcalc.language.zoo import is_in_zoo

    if len(sides.candidates) > 1:
        raise typer.BadParameter("one variant can be written, found several", param_hint="--output")
    try:
        text = written(sides.candidates[0], network)
    except DoesNotReadBack as problem:
        fail(f"the spec cannot be written so that it reads as what was compared: {problem}; nothing is written")
    for key in code_without_layers(sides.candidates[0], network):
        say(f"code: what it says of `{readable(key)}` is kept, and is about no layer of what is written")
    is_file = Path(original).is_file() and not is_in_zoo(original)  # what is read once alone is gone
    mark = codecs.BOM_UTF8 if is_file and Path(original).read_bytes().startswith(codecs.BOM_UTF8) else b""
    return mark + text.encode()


def _show(sides: Sides, format: str, by: By) -> None:  # noqa: A002  # the option's name
    from convcalc.views.compare.shared import Compared

    if format in ("table", "csv") and len(sides.candidates) > 1 and by != "layer":
        raise typer.BadParameter(
            "groups the layers of two networks; of several, each is one row here", param_hint="--by"
        )
    show("compare", format, Compared(sides, by))


def _show_mistakes(sides: Sequence[Side], format: str) -> None:  # noqa: A002  # the option's name
    """What could be worked out of specs with mistakes, in a format that holds those too."""
    from convcalc.views import view

    writer, out = view("compare", format), Output(sys.stdout)
    if hasattr(writer, "write_failure"):
        writer.write_failure(sides, out)
        out.end()


def _show_revised(revised: list[Revised], revision: str, format: str, by: By, *, alone: bool) -> None:  # noqa: A002  # as above
    """One file against itself as one comparison, several with a summary."""
    from convcalc.language import SpecError
    from convcalc.views.revisions.shared import Revisions

    if alone:
        (file,) = revised
        if file.sides is not None:
            _show(file.sides, format, by)
            return
        if file.problems and format != "markdown":  # a comment says what is wrong, whoever reads standard error
            raise SpecError(list(file.problems))
        if file.reason and format != "markdown":
            fail(file.reason)
    show("revisions", format, Revisions(revised, revision, by))
    show_errors(problem for file in revised for problem in file.problems)
    if any(file.status == "failed" for file in revised):
        end(ExitCode.BAD_INPUT)
