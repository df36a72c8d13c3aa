"""`convcalc verify`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from convcalc import steps
from convcalc.cli.completion import networks
from convcalc.cli.options import (
    Blocks,
    Fused,
    Inputs,
    Scale,
    Strict,
    Variables,
    amount,
    assignments,
    format_option,
    option,
    processors,
    readable,
    shapes,
)
from convcalc.cli.output import ExitCode, end, say, show, show_errors
from convcalc.views.output import Output, console

if TYPE_CHECKING:
    from typing import Unpack

    from convcalc.network import Network
    from convcalc.opening import How

_SHOWING_SHARE = 0.1
"""Of the steps of a network, what is kept to show what came of it."""
CASES, DTYPE = 60, "float32"
_NEEDS_SPEC = "it is for specs, and none is named"


def verify(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Specs; - reads standard input; none: every layer kind and block.", autocompletion=networks
        ),
    ] = None,
    layer: Annotated[str | None, option("NAME", "Run this layer alone.")] = None,
    against: Annotated[
        Literal["onnxruntime"] | None,
        typer.Option(
            help="Compare with another runtime: the outputs of every layer, exported; of a model file every tensor of "
            "the file itself, run with its own weights."
        ),
    ] = None,
    fused: Fused = None,
    gradients: Annotated[
        bool,
        typer.Option("--gradients", help="Hold gradients against differences, and count the MACs of the way back."),
    ] = False,
    cases: Annotated[
        int | None, typer.Option(min=1, help=f"Cases of each kind, where no spec is named; by default {CASES}.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers and generated cases.")] = 0,
    dtype: Annotated[
        Literal["float32", "float64"] | None, typer.Option(help=f"Number type that specs run in; by default {DTYPE}.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that run specs; by default one for each processor.")
    ] = None,
    max_memory: Annotated[
        str | None,
        option(
            "BYTES", "Memory that a network may take, such as 8GiB; by default 740 MiB, or less where less is free."
        ),
    ] = None,
    max_steps: Annotated[
        str | None,
        option(
            "STEPS",
            "Work that a network may take, such as 100M; a step is about a microsecond. By default "
            f"{steps.MOST_STEPS // 10**6}M.",
        ),
    ] = None,
    format: Annotated[str, format_option("verify", "table")] = "table",  # noqa: A002  # the option's name
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """Run networks on real tensors with NumPy and measure what the formulas claim.

    Exit code 0: all agrees, 1: something does not, 2: a spec cannot be read or run, 130: interrupted.
    """
    # Threads are those of the matrix products: on a calm machine they are faster than the engine's own beside them.
    used = str(threads or processors() if files else 1)
    for library in ("OPENBLAS", "OMP", "MKL"):  # read when NumPy is imported, which nothing has done yet
        os.environ[f"{library}_NUM_THREADS"] = used
    try:
        if not files:
            options = {"layer": layer, "dtype": dtype, "threads": threads, "input": input, "set": set}
            options |= {"scale": scale or None, "blocks": blocks or None, "fused": fused}
            _refuse(**options, max_memory=max_memory, max_steps=max_steps)
            code = _battery(cases or CASES, seed, against, format, gradients=gradients)
        else:
            _refuse(cases=cases)
            most_bytes, most_steps = amount(max_memory, "--max-memory"), amount(max_steps, "--max-steps")
            if fused and gradients:
                problem = "gradients are those of the network as it is written: leave out --fused"
                raise typer.BadParameter(problem, param_hint="--gradients")
            settings = {"layer": layer, "against": against, "seed": seed, "dtype": dtype or DTYPE, "fused": fused}
            run = _Run(format, most_bytes, gradients=gradients, **settings)
            most_steps = steps.MOST_STEPS if most_steps is None else most_steps
            sizes, values = shapes(input or []), assignments(set or [])
            how: How = {"strict": strict, "scale": scale, "blocks": blocks}
            code = run.all([readable(file) for file in files], sizes, values, most_steps, **how)
    except KeyboardInterrupt:
        say("interrupted")
        code = ExitCode.INTERRUPTED
    end(code)


def _refuse(**options: object) -> None:
    """Options that say nothing here."""
    for name, value in options.items():
        if value is not None:
            problem = "it is for generated cases, which run where no spec is named" if name == "cases" else _NEEDS_SPEC
            raise typer.BadParameter(problem, param_hint=f"--{name.replace('_', '-')}")


def _battery(cases: int, seed: int, against: str | None, format: str, *, gradients: bool) -> ExitCode:  # noqa: A002  # as above
    from convcalc.battery.run import battery
    from convcalc.reference.against import MissingPackage
    from convcalc.views import format_names
    from convcalc.views.battery.shared import BatteryRun

    names = format_names("battery", "table")
    if format not in names:
        problem = f"{_NEEDS_SPEC}; generated cases are printed as one of {', '.join(names)}"
        raise typer.BadParameter(problem, param_hint="--format")
    started = time.perf_counter()
    try:
        with steps.run(sys.maxsize), _progress("battery") as progress:  # the cases are ours, as many as are asked for
            result = battery(cases=cases, seed=seed, against=against, gradients=gradients, progress=progress)
    except MissingPackage as error:
        raise typer.BadParameter(str(error), param_hint="--against") from None
    show("battery", format, BatteryRun(result, time.perf_counter() - started))
    return ExitCode.DONE if result.agrees else ExitCode.FINDINGS


class _Run:
    """Specs, one after the other, each shown when it is done; `settings` are arguments of `convcalc.verify`."""

    def __init__(self, format: str, most_bytes: int | None, **settings: Any) -> None:  # noqa: A002  # as above
        from convcalc.views import view

        self.settings = settings
        self.most_bytes = most_bytes
        self.view = view("verify", format)
        self.out = Output(sys.stdout)

    def all(
        self,
        files: list[str],
        inputs: dict[str, tuple[int, ...]],
        variables: dict[str, str],
        most_steps: int,
        **how: Unpack[How],
    ) -> ExitCode:
        """Verify every file; the gravest of their exit codes."""
        from convcalc.cli.loading import load
        from convcalc.language import SpecError
        from convcalc.language.source import unfinished

        codes = [ExitCode.DONE]
        for file in files:
            try:
                with steps.run(most_steps):
                    codes.append(self._verified(load(file, inputs, variables, **how), file))
            except (SpecError, steps.OutOfSteps) as error:
                errors = error.diagnostics if isinstance(error, SpecError) else [unfinished(file)]
                show_errors(errors)
                codes.append(self._failed(file, errors=errors))
        self.out.end()
        return max(codes)

    def _failed(self, file: str, **what: Any) -> ExitCode:
        """Keep a spec that was not verified, where the format holds such."""
        from convcalc.views.verify.shared import NotVerified

        if hasattr(self.view, "write_failure"):
            self.view.write_failure(NotVerified(file, **what), self.out)
        return ExitCode.BAD_INPUT

    def _verified(self, network: Network, file: str) -> ExitCode:
        from convcalc.reference import verify as reference
        from convcalc.reference.against import MissingPackage
        from convcalc.reference.memory import MOST_BYTES, TooLarge, free_bytes
        from convcalc.views.verify.shared import Verified

        started = time.perf_counter()
        free = free_bytes()
        allowed = self.most_bytes
        if allowed is None:
            allowed = MOST_BYTES if free is None else min(free, MOST_BYTES)
        try:
            with steps.part(1 - _SHOWING_SHARE), _progress(network.name) as progress:
                verification = reference.verify(network, most_bytes=allowed, progress=progress, **self.settings)
        except MissingPackage as error:
            raise typer.BadParameter(str(error), param_hint="--against") from None
        except (reference.LayerNotFound, TooLarge, reference.UnknownLayers) as error:
            reason = _reason(network, error)
            sys.stdout.flush()
            say(f"{file}: {reason}")
            return self._failed(file, model=network.name, reason=reason)
        self.view.write(Verified(verification, file, time.perf_counter() - started), self.out)
        return ExitCode.DONE if verification.agrees else ExitCode.FINDINGS


def _reason(network: Network, error: Exception) -> str:
    """Why a network is not run."""
    from convcalc.reference.memory import TooLarge
    from convcalc.reference.verify import UnknownLayers
    from convcalc.views.words import binary, listed

    if isinstance(error, TooLarge):
        return (
            f"{network.name} is not run: it needs about {binary(error.needed)} of memory and may take "
            f"{binary(error.allowed)}; --max-memory {-(-error.needed // 2**30)}GiB runs it all the same, a smaller "
            "--input needs less"
        )
    if isinstance(error, UnknownLayers):
        count = len(error.layers)
        return (
            f"{network.name} is not run: nothing says what {listed(error.layers)} compute{'s' if count == 1 else ''} "
            f"({count} layer{'s' if count > 1 else ''} not costed); --layer runs any other layer alone"
        )
    return str(error)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar with the name of what runs, on a terminal; it goes when it is done."""
    if not sys.stderr.isatty():
        yield lambda what, done, of: None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    from convcalc.visible import short, visible

    title = TextColumn("{task.fields[name]}", markup=False)
    columns = (title, BarColumn(), TextColumn("{task.description}", style="cyan", markup=False))
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", name=visible(short(name)))
        yield lambda what, done, of: bar.update(task, description=visible(short(what)), completed=done, total=of)
