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
from convcalc.cli.options import Inputs, Variables, assignments, console, readable, shapes
from convcalc.cli.output import BAD_INPUT, print_json, say, show_errors

if TYPE_CHECKING:
    from convcalc.language import Diagnostic
    from convcalc.network import Network
    from convcalc.reference.memory import TooLarge
    from convcalc.reference.verified import Verification
    from convcalc.reference.verify import UnknownLayers

Format = Literal["table", "json", "markdown"]
DISAGREEMENT, INTERRUPTED = 1, 130
SHOWING_SHARE = 0.1
"""Of the steps of a network, what is kept to show what came of it."""
CASES, DTYPE = 60, "float32"


def verify(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Specs; - reads standard input; none: every layer kind and block.",
            show_default=False,
            autocompletion=networks,
        ),
    ] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Run this layer alone.", show_default=False)] = None,
    against: Annotated[
        Literal["onnxruntime"] | None,
        typer.Option(help="Compare the outputs with those of another runtime.", show_default=False),
    ] = None,
    cases: Annotated[
        int | None, typer.Option(min=1, help=f"Cases of a kind, without specs; {CASES} unless told.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers and generated cases.")] = 0,
    dtype: Annotated[
        Literal["float32", "float64"] | None, typer.Option(help=f"What specs run on; {DTYPE} unless told.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that run specs; all processors unless told.", show_default=False)
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option(metavar="BYTES", help="Memory a network may take, as 8GiB; 740 MiB unless told, or what is free."),
    ] = None,
    max_steps: Annotated[
        str | None,
        typer.Option(
            metavar="STEPS",
            help=f"Work that a network may take, a microsecond or so each, as 100M; {steps.MOST_STEPS // 10**6}M "
            "unless told.",
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print.")] = "table",  # noqa: A002  # the option's name
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
) -> None:
    """Run networks on real tensors with NumPy and measure what the formulas claim.

    Exit code 0: all agrees, 1: something does not, 2: a spec cannot be read or run, 130: interrupted.
    """
    # Threads are those of the matrix products: on a calm machine they are faster than the engine's own beside them.
    used = str(threads or _processors() if files else 1)
    for library in ("OPENBLAS", "OMP", "MKL"):  # read when NumPy is imported, which nothing has done yet
        os.environ[f"{library}_NUM_THREADS"] = used
    try:
        if not files:
            _refuse(
                layer=layer,
                dtype=dtype,
                threads=threads,
                max_memory=max_memory,
                max_steps=max_steps,
                input=input,
                set=set,
            )
            code = _battery(cases or CASES, seed, against, format)
        else:
            _refuse(cases=cases)
            most_bytes, most_steps = _amount(max_memory, "--max-memory"), _amount(max_steps, "--max-steps")
            run = _Run(layer, against, seed, dtype or DTYPE, most_bytes, most_steps, format)
            code = run.all([readable(file) for file in files], shapes(input or []), assignments(set or []))
    except KeyboardInterrupt:
        say("interrupted")
        code = INTERRUPTED
    if code:
        raise typer.Exit(code)


def _refuse(**given: object) -> None:
    """Options that say nothing here."""
    for name, value in given.items():
        if value is not None:
            where = "for the battery, which runs without specs" if name == "cases" else "for specs, and none is named"
            raise typer.BadParameter(where, param_hint=f"--{name.replace('_', '-')}")


def _processors() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _amount(text: str | None, option: str) -> int | None:
    from convcalc.language.quantities import amount
    from convcalc.language.tree import number

    if text is None:
        return None
    try:
        return amount(number(text) if text.isdigit() else text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _battery(cases: int, seed: int, against: str | None, format: Format) -> int:  # noqa: A002  # as above
    from convcalc.battery.run import battery
    from convcalc.reference.against import MissingPackage

    started = time.perf_counter()
    try:
        with steps.run(sys.maxsize), _progress("battery") as progress:  # the cases are ours, as many as are asked for
            found = battery(cases=cases, seed=seed, against=against, progress=progress)
    except MissingPackage as error:
        raise typer.BadParameter(str(error), param_hint="--against") from None
    if format == "json":
        from convcalc.views.verification import battery_json

        print_json(battery_json.encode(found))
    elif format == "markdown":
        from convcalc.views.verification import battery_markdown

        sys.stdout.write(battery_markdown.text(found, sys.stdout.encoding))
    else:
        from convcalc.views.verification import battery as view

        view.show(console(), found, time.perf_counter() - started)
    return 0 if found.agrees else DISAGREEMENT


class _Run:
    """Specs, one after the other, each shown when it is done."""

    def __init__(
        self,
        layer: str | None,
        against: str | None,
        seed: int,
        dtype: str,
        most_bytes: int | None,
        most_steps: int | None,
        format: Format,  # noqa: A002  # as above
    ) -> None:
        self.settings: dict[str, Any] = {
            "layer": layer,
            "against": against,
            "seed": seed,
            "dtype": dtype,
        }
        self.most_bytes = most_bytes
        self.most_steps = steps.MOST_STEPS if most_steps is None else most_steps
        self.format = format
        self.documents: list[dict[str, Any]] = []
        self.shown = 0

    def all(self, files: list[str], inputs: dict[str, tuple[int, ...]], variables: dict[str, str]) -> int:
        """The exit code."""
        from convcalc.cli.loading import load
        from convcalc.language import SpecError
        from convcalc.language.source import unfinished

        codes = [0]
        for file in files:
            try:
                with steps.run(self.most_steps):
                    codes.append(self._one(load(file, inputs, variables), file))
            except (SpecError, steps.OutOfSteps) as error:
                self._broken(file, error.diagnostics if isinstance(error, SpecError) else [unfinished(file)])
                codes.append(BAD_INPUT)
        if self.format == "json":
            from convcalc.views.verification import json

            print_json(json.encode(self.documents))
        return max(codes)

    def _broken(self, file: str, errors: list[Diagnostic]) -> None:
        from convcalc.views.verification import json

        show_errors(errors)
        self.documents.append(json.failure(file, errors))

    def _one(self, network: Network, file: str) -> int:
        from convcalc.reference import verify as reference
        from convcalc.reference.against import MissingPackage
        from convcalc.reference.memory import MOST_BYTES, TooLarge, free_bytes

        started = time.perf_counter()
        free = free_bytes()
        allowed = self.most_bytes
        if allowed is None:
            allowed = MOST_BYTES if free is None else min(free, MOST_BYTES)
        try:
            with steps.part(1 - SHOWING_SHARE), _progress(network.name) as progress:
                found = reference.verify(network, most_bytes=allowed, progress=progress, **self.settings)
        except MissingPackage as error:
            raise typer.BadParameter(str(error), param_hint="--against") from None
        except reference.LayerNotFound as error:
            return self._refused(network, file, str(error))
        except TooLarge as error:
            return self._refused(network, file, _too_large(network, error))
        except reference.UnknownLayers as error:
            return self._refused(network, file, _unknown(network, error))
        self._show(found, file, time.perf_counter() - started)
        return 0 if found.agrees else DISAGREEMENT

    def _refused(self, network: Network, file: str, message: str) -> int:
        from convcalc.views.verification import json

        sys.stdout.flush()
        say(f"{file}: {message}")
        self.documents.append(json.refusal(network.name, file, message))
        return BAD_INPUT

    def _show(self, found: Verification, file: str, seconds: float) -> None:
        if self.format == "json":
            from convcalc.views.verification import json

            self.documents.append(json.document(found, file))
        elif self.format == "markdown":
            from convcalc.views.verification import markdown

            sys.stdout.write(("\n" if self.shown else "") + markdown.text(found, file, sys.stdout.encoding))
        else:
            from convcalc.views.verification import network

            out = console()
            if self.shown:
                out.print()
            network.show(out, found, file, seconds)
        self.shown += 1


def _too_large(network: Network, error: TooLarge) -> str:
    from convcalc.views.words import binary

    return (
        f"{network.name} is not run: it needs about {binary(error.needed)} of memory and may take "
        f"{binary(error.allowed)}; --max-memory {-(-error.needed // 2**30)}GiB runs it all the same, a smaller "
        "--input needs less"
    )


def _unknown(network: Network, error: UnknownLayers) -> str:
    from convcalc.views.words import listed

    several = len(error.layers) > 1
    return (
        f"{network.name} is not run: it is not known what {listed(error.layers)} {'do' if several else 'does'} "
        f"({len(error.layers)} uncosted layer{'s' if several else ''}); --layer runs any other layer alone"
    )


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
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", name=visible(short(name)))
        yield lambda what, done, of: bar.update(task, description=visible(short(what)), completed=done, total=of)
