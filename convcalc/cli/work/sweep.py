"""What `convcalc sweep` does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from convcalc import steps
from convcalc.cli.output import STDOUT, ExitCode, end, fail, refuse, reject, say, show
from convcalc.cli.work.targets import check_packages, check_plot, ending
from convcalc.language.named import readable

if TYPE_CHECKING:
    from convcalc.analysis.terms import HowRun
    from convcalc.language import Diagnostic
    from convcalc.layers import Shape
    from convcalc.sweeping.record import Sweep
    from convcalc.views.sweep.shared import Swept

COLUMNS = "parquet"
"""What no terminal shows, and so is no view: columns for programs."""
FILES = {".parquet": COLUMNS, ".csv": "csv", ".json": "json", ".md": "markdown", ".html": "html", ".svg": "svg"}
"""What a file is written as, by how its name ends."""


def sweep(
    file: str,
    *,
    over: Sequence[str],
    where: str = "",
    pareto: str = "",
    sort: str = "",
    top: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    refused: int = 0,
    assertion: str | None = None,
    format: str = "table",  # noqa: A002  # the option's name
    output: str | None = None,
    plot: str | None = None,
    force: bool = False,
    dask: str | None = None,
    inputs: Mapping[str, Shape],
    variables: Mapping[str, str],
    running: HowRun,
    **how: Any,
) -> None:
    """Print the points that are kept, and write them to the files that are named: a table, a page, a picture."""
    from convcalc.cli.work.assertion import Assertion
    from convcalc.cli.work.progress import points_done, working
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished
    from convcalc.sweeping.run import sweep as run

    if plot == STDOUT:
        format = "svg"  # noqa: A001  # the option's name
    targets = _targets(output, plot, file, force=force)
    check_packages(format)
    try:
        claim = None if assertion is None else Assertion(assertion)
        with points_done() as progress:
            result = run(
                file, over=over, where=where, pareto=pareto, sort=sort, top=top, sample=sample, seed=seed,
                refused=refused, inputs=inputs, variables=variables, dask=dask, progress=progress, **running, **how,
            )  # fmt: skip
        swept = _with_command(result, file, inputs, variables, running, **how)
        _print(swept, format)
        for path, form in targets.items():
            with working(f"writing {readable(path)}"):
                _save(swept, path, form, force=force)
        _end(result, claim)
    except (SpecError, steps.OutOfSteps) as error:
        errors = error.diagnostics if isinstance(error, SpecError) else [unfinished(readable(file))]
        _fail_in(format, file, errors)
    except ImportError as error:  # of a package that an option is for
        fail(str(error))
    except KeyboardInterrupt:
        say("interrupted before anything was known")
        end(ExitCode.INTERRUPTED)


def _targets(output: str | None, plot: str | None, file: str, *, force: bool) -> dict[str, str]:
    """The files to write, each with its format; the command ends before its work where one cannot be written."""
    targets: dict[str, str] = {}
    if output not in (None, STDOUT):
        targets[output] = _format_of(output)
    if plot not in (None, STDOUT):
        check_plot(plot)
        if any(os.path.realpath(plot) == os.path.realpath(path) for path in targets):
            fail(f"cannot write {readable(plot)}: -o and --plot name the same file")
        targets[plot] = "svg"
    for path, format_ in targets.items():
        check_packages(format_, path)
        refuse(path, force=force, sources=[file])
    return targets


def _format_of(path: str) -> str:
    """What a file is written as."""
    if ending(path) not in FILES:
        endings = ", ".join(FILES)
        fail(f"cannot write {readable(path)}: expected a name that ends in one of {endings}, which says what it holds")
    return FILES[ending(path)]


def _with_command(
    result: Sweep,
    file: str,
    inputs: Mapping[str, Shape],
    variables: Mapping[str, str],
    running: HowRun,
    **how: Any,
) -> Swept:
    """The sweep with what shows its first row again."""
    from convcalc.cli.work.again import Again
    from convcalc.views.sweep.shared import Swept

    again = Again(file, inputs, variables, running, how)
    return Swept(result, readable(file), again.inputs(result), again.command(result))


def _print(swept: Swept, format: str) -> None:  # noqa: A002  # the option's name
    """Show what is kept; a picture of nothing is refused."""
    with _refusing(format, "standard output"):
        show("sweep", format, swept)


@contextmanager
def _refusing(format: str, target: str) -> Iterator[None]:  # noqa: A002  # the option's name
    """End the command where what is to be written is a picture that cannot be drawn."""
    if format != "svg":
        yield
        return
    from convcalc.views.pictures.engine import ScriptFailed
    from convcalc.views.pictures.sweep_rows import NothingToShow

    try:
        yield
    except NothingToShow as error:
        fail(f"cannot write {target}: there is nothing to draw, as {error}")
    except ScriptFailed as error:
        fail(f"cannot write {target}: {error}")


def _save(swept: Swept, path: str, format: str, *, force: bool) -> None:  # noqa: A002  # the option's name
    """Write what is kept in a format; of a million rows, few are in memory as text."""
    import io
    import tempfile

    from convcalc.cli.output import save
    from convcalc.views import view
    from convcalc.views.output import Output

    if format == COLUMNS:
        from convcalc.sweeping.parquet import parts

        save(path, parts(swept.sweep), force=force)
        return
    with tempfile.TemporaryFile() as kept, io.TextIOWrapper(kept, "utf-8", errors="replace", newline="") as stream:
        out = Output(stream)
        with _refusing(format, readable(path)):
            view("sweep", format).write(swept, out)
        out.end()
        stream.flush()
        kept.seek(0)
        save(path, iter(lambda: kept.read(2**20), b""), force=force)


def _end(result: Sweep, claim: Any) -> None:
    """End with what was found: that it was interrupted, or that what must hold does not."""
    if result.is_partial:
        sys.stdout.flush()
        say(f"interrupted after {result.done:,} of {result.points:,} points; what is shown is of those alone")
        end(ExitCode.INTERRUPTED)
    if claim is not None and not claim.holds(result):
        sys.stdout.flush()
        fail(claim.contradiction(result), code=ExitCode.FINDINGS)


def _fail_in(format: str, file: str, errors: list[Diagnostic]) -> NoReturn:  # noqa: A002  # the option's name
    """End with mistakes, which stand in the document of a format that holds them too."""
    from convcalc.views import view
    from convcalc.views.output import Output

    writer, out = view("sweep", format), Output(sys.stdout)
    if hasattr(writer, "write_failure"):
        writer.write_failure(readable(file), errors, out)
        out.end()
    reject(errors)
