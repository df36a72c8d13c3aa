"""`convcalc compare`."""

from __future__ import annotations

import codecs
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convcalc.cli.completion import networks, variants
from convcalc.cli.options import Batch, Dtype, Inputs, Variables, assignments, console, readable, shapes
from convcalc.cli.output import BAD_INPUT, STDOUT, Force, fail, print_json, refuse, reject, save, say, show_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convcalc.analysis.lines import By
    from convcalc.comparing.revisions import Revised
    from convcalc.comparing.sides import Settings, Sides
    from convcalc.comparing.variants import Made
    from convcalc.language import SpecError

Format = Literal["table", "json", "csv", "markdown"]
FINDINGS = 1


def compare(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Specs, the first is the base, as NET.yaml or NET.yaml@width=0.5; - reads standard input.",
            autocompletion=networks,
        ),
    ],
    variant: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE]",
            help="What to put in place of standard convolutions; several with commas, or all: standard, depthwise, "
            "pointwise, separable, spatial_separable, dilated, grouped, transposed, deformable_v1, deformable_v2, "
            "squeeze_excite, bottleneck, ghost, or a block or kind.",
            show_default=False,
            autocompletion=variants,
        ),
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option(metavar="NAME|GLOB", help="Replace these layers alone.", show_default=False)
    ] = None,
    except_: Annotated[
        list[str] | None,
        typer.Option("--except", metavar="NAME|GLOB", help="Replace all but these layers.", show_default=False),
    ] = None,
    blocks: Annotated[
        str | None, typer.Option(metavar="FILE", help="Blocks that may be variants.", show_default=False)
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="REV", help="Compare each file with itself at a git revision.", show_default=False),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the spec with the variant; - prints it alone.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    allow_input_change: Annotated[
        bool, typer.Option("--allow-input-change", help="Compare under different input sizes.")
    ] = False,
    format: Annotated[Format, typer.Option(help="How to print.")] = "table",  # noqa: A002  # the option's name
    by: Annotated[Literal["layer", "block", "kind"], typer.Option(help="What a line is.")] = "layer",
    batch: Batch = 1,
    dtype: Dtype = "float32",
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
) -> None:
    """A network against its variants, against other specs, or against itself at a revision, layer by layer."""
    from convcalc.analysis.compare import Incomparable
    from convcalc.cli.loading import network_of
    from convcalc.comparing.sides import Settings, of_specs
    from convcalc.comparing.variants import NothingToReplace, of_variants
    from convcalc.language import SpecError
    from convcalc.language.rewrite import UnknownLayer
    from convcalc.language.variants import VariantError

    _refuse(files, variant, [*(layer or []), *(except_ or [])], blocks, base, output, given=bool(input or set))
    if output is not None:
        refuse(output, force=force)
    settings = Settings(shapes(input or []), assignments(set or []), batch, dtype, allow_input_change, network_of)
    try:
        if variant is not None:
            made = of_variants(files[0], variant, layer or [], blocks, settings, except_ or [])
            _one_that_applies(made)
            if output is not None:
                save(output, [_written(made, files[0])], force=force)
            sides = made.sides
        elif base is not None:
            _since(base, files, settings, format, by)
            return
        else:
            sides = of_specs(files, settings)
    except SpecError as error:
        if format == "json" and output is None:
            _print_mistakes(error, files[0])
        reject(error.diagnostics)
    except VariantError as error:
        raise typer.BadParameter(str(error), param_hint="--variant") from None
    except UnknownLayer as error:
        hint = "--layer" if error.name in (layer or []) else "--except"
        raise typer.BadParameter(str(error), param_hint=hint) from None
    except Incomparable as error:
        fail(f"{error}; --allow-input-change compares them all the same")
    except NothingToReplace as error:
        fail(str(error), code=FINDINGS)
    if output != STDOUT:
        _print(format, sides, by)


def _since(revision: str, files: list[str], settings: Settings, format: Format, by: By) -> None:  # noqa: A002  # as above
    """One file against itself as one comparison, several with a summary."""
    from convcalc.comparing.revisions import since
    from convcalc.language import SpecError

    named: dict[str, str] = {}
    for path in files:
        named.setdefault(os.path.normpath(path), path)
    files = list(named.values())
    revised = since(revision, files, settings)
    if len(files) == 1:
        (file,) = revised
        if file.sides is not None:
            _print(format, file.sides, by)
            return
        if file.problems and format != "markdown":  # a comment says what is wrong, whoever reads standard error
            raise SpecError(list(file.problems))
        if file.reason and format != "markdown":
            fail(file.reason)
    _print_revised(format, revised, readable(revision), by)
    show_errors(problem for file in revised for problem in file.problems)
    if any(file.status == "failed" for file in revised):
        raise typer.Exit(BAD_INPUT)


def _refuse(
    files: list[str],
    variant: str | None,
    layers: list[str],
    blocks: str | None,
    base: str | None,
    output: str | None,
    *,
    given: bool,
) -> None:
    """Options that do not go together; `given`: there are other inputs or variables than the spec's."""
    from convcalc.language.named import file_of
    from convcalc.language.zoo import is_in_zoo

    given = given or any(file_of(file) != file for file in files)
    problem = ""
    if variant is not None and (len(files) > 1 or base is not None):
        problem = "--variant is for one spec, as it stands"
    elif base is not None and "-" in files:
        problem = "--base is for files; standard input was nothing at a revision"
    elif variant is None and base is None and len(files) < 2:
        problem = "compare with what? name another spec, a --variant, or the revision of a --base"
    elif variant is None and (layers or blocks is not None or output is not None):
        problem = "--layer, --except, --blocks and --output are for a --variant"
    elif output is not None and given:
        problem = "--output writes the sizes and variables of the spec; leave out --input, --set and what follows @"
    elif output is not None and is_in_zoo(output):
        problem = f"--output writes a file, and {readable(output)} would be a network of the zoo"
    elif files.count("-") > 1:
        problem = "standard input can be read once"
    if problem:
        raise typer.BadParameter(problem)


def _one_that_applies(made: Made) -> None:
    """Alone, a variant that cannot be had is bad input; among others it is a row."""
    entries = made.sides.entries
    if made.sources or len(entries) > 1:
        return
    for entry in entries:
        say(f"{entry.label} cannot apply: {entry.reason}")
    raise typer.Exit(BAD_INPUT)


def _written(made: Made, original: str) -> bytes:
    """The text of the one variant, with the byte order mark of the file that it comes from."""
    from convcalc.comparing.variants import DoesNotReadBack, written
    from convcalc.language.zoo import is_in_zoo

    if len(made.sides.entries) > 1:
        raise typer.BadParameter("one variant can be written, found several", param_hint="--output")
    try:
        text = written(made)
    except DoesNotReadBack as problem:
        fail(f"the spec cannot be written so that it reads as what was compared: {problem}; nothing is written")
    is_file = original != "-" and not is_in_zoo(original)
    mark = codecs.BOM_UTF8 if is_file and Path(original).read_bytes().startswith(codecs.BOM_UTF8) else b""
    return mark + text.encode()


def _print_mistakes(error: SpecError, base: str) -> None:
    """The documents of the specs as far as they could be worked out, with their mistakes in them, as JSON."""
    from convcalc.comparing.sides import Side, Uncompared
    from convcalc.views import json as documents
    from convcalc.views.comparison import json

    sides = error.sides if isinstance(error, Uncompared) else [Side(readable(base), None, tuple(error.diagnostics))]
    shown = [
        documents.failure(side.label, list(side.errors))
        if side.report is None
        else documents.document(side.report, side.label, None, list(side.errors) or None)
        for side in sides
    ]
    print_json(json.failure(shown))


def _print(format: Format, sides: Sides, by: By) -> None:  # noqa: A002  # as above
    if format in ("table", "csv") and len(sides.entries) > 1 and by != "layer":
        raise typer.BadParameter("is for two networks; of several each is a row here, all of it", param_hint="--by")
    if format == "table":
        from convcalc.views.comparison import table

        table.show(console(), sides, by)
    elif format == "json":
        from convcalc.views.comparison import json

        print_json(json.encoded(sides, by))
    elif format == "csv":
        from convcalc.views.comparison import csv

        sys.stdout.write(csv.text(sides, by))
    else:
        from convcalc.views.comparison import markdown

        sys.stdout.write(markdown.text(sides, by))


def _print_revised(format: Format, files: Sequence[Revised], revision: str, by: By) -> None:  # noqa: A002  # as above
    if format == "table":
        from convcalc.views.revisions import table

        table.show(console(), files, revision, by)
    elif format == "json":
        from convcalc.views.revisions import json

        print_json(json.encoded(files, revision, by))
    elif format == "csv":
        from convcalc.views.revisions import csv

        sys.stdout.write(csv.text(files))
    else:
        from convcalc.views.revisions import markdown

        sys.stdout.write(markdown.text(files, revision, by))
