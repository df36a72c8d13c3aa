"""What `convcalc sweep` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NoReturn

from convcalc import steps
from convcalc.cli.output import STDOUT, ExitCode, end, fail, refuse, reject, say, show
from convcalc.language.named import readable

if TYPE_CHECKING:
    from convcalc.analysis.terms import HowRun
    from convcalc.language import Diagnostic
    from convcalc.layers import Shape
    from convcalc.sweeping.record import Sweep
    from convcalc.views.sweep.shared import Swept

FILES = {".parquet": "", ".csv": "csv", ".json": "json", ".md": "markdown"}
"""What a file is written as, by how its name ends: a format, or columns for programs, which no terminal shows."""


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
    force: bool = False,
    dask: str | None = None,
    inputs: Mapping[str, Shape],
    variables: Mapping[str, str],
    running: HowRun,
    **how: Any,
) -> None:
    """Print the points that are kept, and write them to a file where one is named."""
    from convcalc.cli.work.assertion import Assertion
    from convcalc.cli.work.progress import points_done
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished
    from convcalc.sweeping.run import sweep as run

    if output not in (None, STDOUT):
        _check_target(output, file, force=force)
    try:
        claim = None if assertion is None else Assertion(assertion)
        with points_done() as progress:
            result = run(
                file, over=over, where=where, pareto=pareto, sort=sort, top=top, sample=sample, seed=seed,
                refused=refused, inputs=inputs, variables=variables, dask=dask, progress=progress, **running, **how,
            )  # fmt: skip
        swept = _with_command(result, file, inputs, variables, running, **how)
        show("sweep", format, swept)
        if output not in (None, STDOUT):
            _save(swept, output, force=force)
        _end(result, claim)
    except (SpecError, steps.OutOfSteps) as error:
        errors = error.diagnostics if isinstance(error, SpecError) else [unfinished(readable(file))]
        _fail_in(format, file, errors)
    except ImportError as error:  # of a package that an option is for
        fail(str(error))
    except KeyboardInterrupt:
        say("interrupted before anything was known")
        end(ExitCode.INTERRUPTED)


def _check_target(path: str, file: str, *, force: bool) -> None:
    """End the command before its work is done where its file would not be written."""
    if PurePath(path).suffix not in FILES:
        endings = ", ".join(FILES)
        fail(f"cannot write {readable(path)}: expected a name that ends in one of {endings}, which says what it holds")
    if PurePath(path).suffix == ".parquet" and find_spec("pyarrow") is None:
        advice = "that takes pyarrow, which is not installed: pip install 'convcalc[parquet]'"
        fail(f"cannot write {readable(path)}: {advice}")
    refuse(path, force=force, sources=[file])


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


def _save(swept: Swept, path: str, *, force: bool) -> None:
    """Write what is kept, as the name of the file says; of a million rows, few are in memory as text."""
    import io
    import tempfile

    from convcalc.cli.output import save
    from convcalc.views import view
    from convcalc.views.output import Output

    format_ = FILES[PurePath(path).suffix]
    if not format_:
        from convcalc.sweeping.parquet import parts

        save(path, parts(swept.sweep), force=force)
        return
    with tempfile.TemporaryFile() as kept, io.TextIOWrapper(kept, "utf-8", errors="replace", newline="") as stream:
        out = Output(stream)
        view("sweep", format_).write(swept, out)
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
