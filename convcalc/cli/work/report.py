"""What `convcalc report` does."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from convcalc import steps
from convcalc.cli.output import STDOUT, fail, refuse, reject, save
from convcalc.language.named import file_of, readable

if TYPE_CHECKING:
    from convcalc.analysis.terms import HowRun
    from convcalc.opening import How
    from convcalc.views.report.shared import Depicted

ENDINGS = {".html": "html"}
"""What a file is written as, by how its name ends."""


def report(
    files: Sequence[str],
    *,
    output: str,
    format: str | None,  # noqa: A002  # the option's name
    force: bool,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
) -> None:
    """Write the page of a network, whole or not at all."""
    from convcalc.cli.work.given import given_options
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished

    format = format or _format(output)  # noqa: A001  # the option's name
    refuse(output, force=force, sources=map(file_of, files))
    try:
        command = _command(files, output, format, given_options(inputs, variables, terms, how))
        depicted = _depicted(files[0], inputs, variables, terms, how, command=command)
        text = _written(depicted, format)
    except SpecError as error:
        reject(error.diagnostics)
    except steps.OutOfSteps:
        reject([unfinished(readable(files[0]))])
    except ImportError as error:  # of a package of an extra
        fail(str(error))
    save(output, [text], force=force)


def _format(output: str) -> str:
    """What is written, as the name of the file says it."""
    known = ENDINGS.get(PurePath(output).suffix)
    if known is None:
        what = (
            "standard output has no name that says" if output == STDOUT else f"the name {readable(output)} does not say"
        )
        fail(f"{what} what to write: expected one that ends in {', '.join(ENDINGS)}, or --format")
    return known


def _depicted(
    file: str,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
    *,
    command: str,
) -> Depicted:
    from convcalc.analysis.analyze import analyze
    from convcalc.cli.loading import load
    from convcalc.views.report.shared import Depicted

    return Depicted(readable(file), analyze(load(file, inputs, variables, **how), **terms), command=command)


def _command(files: Sequence[str], output: str, format: str, options: Iterable[str]) -> str:  # noqa: A002
    """What makes the file again; empty where a network comes from standard input. A folder is nobody's business."""
    if STDOUT in files:
        return ""
    kind = () if output != STDOUT and ENDINGS.get(PurePath(output).suffix) == format else ("--format", format)
    words = ["convcalc", "report", *files, *options, *kind, "-o", PurePath(output).name]
    return " ".join(map(shlex.quote, words))


def _written(depicted: Depicted, format: str) -> bytes:  # noqa: A002  # the option's name
    """The file that a view makes."""
    from convcalc.views import view
    from convcalc.views.output import Output

    kept = io.BytesIO()
    with io.TextIOWrapper(kept, "utf-8", errors="replace", newline="") as stream:
        out = Output(stream)
        view("report", format).write(depicted, out)
        out.end()
        stream.flush()
        return kept.getvalue()
