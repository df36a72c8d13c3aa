"""`convcalc lint`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convcalc.cli.completion import formats, networks, rules
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
    option,
    readable,
    shapes,
)
from convcalc.cli.output import STDOUT, ExitCode, end, fail, refuse, reject, say
from convcalc.views import format_names

if TYPE_CHECKING:
    from convcalc.linting.options import Options
    from convcalc.linting.records import Run


def lint(
    files: Annotated[list[str], typer.Argument(help="Specs; - reads standard input.", autocompletion=networks)],
    select: Annotated[
        list[str] | None,
        option("RULES", "Only these rules: codes, names, or CC2 for all that begin so.", autocompletion=rules),
    ] = None,
    ignore: Annotated[list[str] | None, option("RULES", "Leave out these rules.", autocompletion=rules)] = None,
    device: DeviceName = None,
    dtype: Dtype = None,
    fused: Fused = None,
    batch: Batch = None,
    object_size: Annotated[
        int | None, typer.Option(min=1, metavar="PIXELS", help="Size in pixels of the objects to detect.")
    ] = None,
    fail_level: Annotated[
        Literal["info", "warning", "error"] | None,
        typer.Option(help="The lowest severity that fails the run. Default: warning."),
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        list[str] | None,
        option(
            "FORMAT[=FILE]",
            f"One of {', '.join(format_names('lint', 'text'))}, to a file if one is named; may be given several "
            "times. Default: text, or github where GITHUB_ACTIONS is true.",
            autocompletion=formats,
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Fix in place what can be fixed safely.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what --fix would change, and write nothing.")] = False,
    baseline: Annotated[str | None, option("FILE", "Known findings, which are not reported.")] = None,
    write_baseline: Annotated[str | None, option("FILE", "Write what is found as a baseline.")] = None,
    force: Force = False,
    base: Annotated[str | None, option("REV|FILE", "What to compare the specs with, for --max-regression.")] = None,
    max_regression: Annotated[
        list[str] | None, option("AMOUNT=5%", "How much an amount may grow against --base.")
    ] = None,
    suggest_budget: Annotated[str | None, option("10%", "Print a budget with this much room to grow.")] = None,
    config: Annotated[str | None, option("FILE", "The configuration of all specs.")] = None,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """Mistakes, architecture rules and budgets; made for CI.

    Configured by the table tool.convcalc.lint of the nearest pyproject.toml, or lint of a convcalc.toml. Exit code 1:
    something was found at --fail-level or above.
    """
    from convcalc.cli.lint_formats import destinations, emit
    from convcalc.language import SpecError
    from convcalc.language.named import file_of
    from convcalc.linting.options import Options, UsageError, growths
    from convcalc.linting.run import each_once

    printed = destinations(format or [], write_baseline)
    if files.count("-") > 1:
        raise typer.BadParameter("standard input can only be read once")
    files = each_once(files)
    if fix:
        _refuse_fixes_of_the_zoo(files)
    if fix or diff:
        is_set = bool(input or set) or any(file_of(file) != file for file in files)
        _refuse_beside_fixes(diff=diff, formats=format, written=write_baseline or suggest_budget, is_set=is_set)
    if write_baseline == STDOUT:
        raise typer.BadParameter(
            "expected a file: its paths are from the folder it is in", param_hint="--write-baseline"
        )
    for path in [*(destination.path for destination in printed), write_baseline]:
        if path is not None:
            refuse(path, force=force, sources=files)
    try:
        options = Options(
            select=None if select is None else _words(select),
            ignore=_words(ignore or []),
            device=device,
            dtype=dtype,
            fused=fused,
            batch=batch,
            object_size=object_size,
            fail_level=fail_level,
            config=config,
            baseline=baseline,
            base=base,
            growth=growths(max_regression or []),
            inputs=shapes(input or []),
            variables=assignments(set or []),
            strict=strict,
            scale=scale,
            blocks=blocks,
        )
        if suggest_budget is not None:
            _suggest(files, suggest_budget, options)
            return
        if diff:
            end(_difference(files, options))
            return
        run, problems = _run(files, options, write_baseline, fix=fix, force=force)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None
    except SpecError as error:  # of the configuration: what is wrong with a spec is a finding
        reject(error.diagnostics)
    if write_baseline is not None and format is None and not run.findings and not run.crashed:
        return
    _show_missing(run)
    written = emit(run, printed, force=force, to_stderr=fix and "-" in files)
    problems += [crash.sentence for crash in run.crashed]
    for problem in problems:
        say(problem)
    if problems or not written:
        end(ExitCode.BAD_INPUT)
    if run.failed:
        end(ExitCode.FINDINGS)


def _show_missing(run: Run) -> None:
    """What must be known of the figures of models, which no rule says."""
    from convcalc.cli.loading import show_warnings

    for file in run.files:
        if file.network is not None and file.source is not None and file.source.converted:
            show_warnings(file.source.path, file.source.warnings)


def _words(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())


def _refuse_fixes_of_the_zoo(files: list[str]) -> None:
    from convcalc.language.zoo import SCHEME, is_in_zoo

    for file in filter(is_in_zoo, files):
        name = readable(file)
        copied = f"`convcalc zoo {name.removeprefix(SCHEME)} > net.yaml` writes a copy that can be"
        raise typer.BadParameter(f"{name} ships with convcalc and is not changed; {copied}", param_hint="--fix")


def _refuse_beside_fixes(*, diff: bool, formats: list[str] | None, written: str | None, is_set: bool) -> None:
    if is_set:
        advice = "leave out --input and --set, and what follows @"
        raise typer.BadParameter(f"--fix and --diff are for the specs as they stand; {advice}")
    if written:
        raise typer.BadParameter("--fix and --diff stand without --write-baseline and --suggest-budget")
    if diff and formats:
        raise typer.BadParameter("prints differences alone; leave out --format", param_hint="--diff")


def _run(
    files: list[str], options: Options, write_baseline: str | None, *, fix: bool, force: bool
) -> tuple[Run, list[str]]:
    """The run, of what is left where fixes are made or findings kept, and what went wrong."""
    from convcalc.files import Unwritable
    from convcalc.linting.run import Linter

    linter = Linter(options)
    run = linter.run(files)
    if fix:
        from convcalc.cli import lint_fixes

        return lint_fixes.mended(linter, files, run)
    if write_baseline is None or run.crashed:
        return run, []
    try:
        count = linter.write_baseline(write_baseline, force=force)
    except Unwritable as error:
        fail(str(error))
    say(f"{count} finding{'' if count == 1 else 's'} kept in {write_baseline}")
    mistakes = sum(map(Counter.total, linter.mistakes.values()))
    if mistakes:
        say(f"{mistakes} mistake{'' if mistakes == 1 else 's'} not kept: no baseline hides that a spec cannot be read")
    again = [
        linter.file(path, linted.source) if linted.source is not None else linted
        for path, linted in zip(files, run.files, strict=False)
    ]
    return linter.finished(again), []


def _difference(files: list[str], options: Options) -> ExitCode:
    """Print what fixes would change."""
    from convcalc.cli import lint_fixes
    from convcalc.linting.run import Linter

    linter = Linter(options)
    run = linter.run(files)
    changed = lint_fixes.show(lint_fixes.fixes(linter, files, run))
    for crash in run.crashed:
        say(crash.sentence)
    return ExitCode.BAD_INPUT if run.crashed else ExitCode.FINDINGS if changed else ExitCode.DONE


def _suggest(files: list[str], percent: str, options: Options) -> None:
    """Print a budget for each spec.

    Raises:
        SpecError: one has mistakes.
    """
    from fractions import Fraction

    from convcalc.analysis.analyze import on_terms
    from convcalc.language.source import SpecError
    from convcalc.language.tree import number
    from convcalc.linting.configuration import Finder
    from convcalc.linting.suggesting import tool_counts
    from convcalc.opening import load
    from convcalc.rules._deployed import terms_asked
    from convcalc.views import budget

    try:
        room = Fraction(number(percent.removesuffix("%").strip()))
    except ValueError:
        room = Fraction(-1)
    if room < 0:
        raise typer.BadParameter(
            f"expected a percentage, as 10%, found {readable(percent)!r}", param_hint="--suggest-budget"
        )
    finder = Finder(options.config)
    for file in files:
        network = load(file, inputs=options.inputs, variables=options.variables, **options.how)
        configuration = finder.of(file)
        terms, mistake = terms_asked(network, options.deployed, configuration.how)
        if mistake is not None:
            raise SpecError([mistake])
        try:
            report = on_terms(network, terms)
        except ValueError as error:  # the device does not multiply so
            raise typer.BadParameter(str(error), param_hint="--device") from None
        tool = tool_counts(network, configuration.budgets_of(file), terms.batch)
        sys.stdout.write(budget.text(report, readable(file), room, *tool))
