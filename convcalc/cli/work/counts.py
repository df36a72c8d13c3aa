"""What `convcalc counts` does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcalc import steps
from convcalc.cli.output import ExitCode, end, fail, reject, show, show_errors
from convcalc.language.named import readable
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.analysis.matching import WrittenNumber
    from convcalc.counters import ChosenFigure
    from convcalc.language.source import Diagnostic
    from convcalc.layers import Shape
    from convcalc.network import Network
    from convcalc.opening import How
    from convcalc.views.counts.shared import Sheet
    from convcalc.views.tool_counts import CountedNetwork
    from convcalc.views.tool_matches import Matched

    Filled = Callable[[CountedNetwork], "Sheet"]


def counts(
    files: Sequence[str],
    *,
    tool: Sequence[str] = (),
    explain: str = "",
    match: str = "",
    across: bool = False,
    format: str = "table",  # noqa: A002  # the option's name
    top: int | None = None,
    batch: int | None = None,
    inputs: Mapping[str, Shape],
    variables: Mapping[str, str],
    strict: bool = False,
    scale: str = "",
    blocks: str = "",
) -> None:
    """Print what tools count of each file, how one of them does, or who gives a number.

    What matches nothing ends the command with the exit code of findings.
    """
    from convcalc.analysis.terms import terms_of
    from convcalc.analysis.tools import of_choices
    from convcalc.cli.loading import load
    from convcalc.language.source import SpecError, unfinished
    from convcalc.views import view
    from convcalc.views.tool_counts import CountedNetwork

    how: How = {"strict": strict, "scale": scale, "blocks": blocks}
    choices = _choices(tool, explain, across=across)
    number = _number(match) if match else None
    writer, out = view("counts", format), Output(sys.stdout)
    code, kept = ExitCode.DONE, list[CountedNetwork]()
    filled = _filler(explain, top)

    def fail_in(file: str, errors: list[Diagnostic]) -> None:
        nonlocal code
        if hasattr(writer, "write_failure") and not across:
            writer.write_failure(readable(file), errors, out)
        show_errors(errors)
        code = ExitCode.BAD_INPUT

    for file in files:
        try:
            with steps.afresh():
                network = load(file, inputs, variables, **how)
                size = terms_of(network, batch=batch).batch
                counted = CountedNetwork(readable(file), network, of_choices(network, choices, size), size)
                kept += [counted] if across else []
                if number is not None:
                    matched = _matched(counted, choices, number, _reader(network, file, inputs, variables, how))
                    _write_match(writer, matched, out)
                    code = code if matched.ways else max(code, ExitCode.FINDINGS)
                elif not across:
                    writer.write(filled(counted), out)
        except SpecError as error:
            fail_in(file, error.diagnostics)
        except steps.OutOfSteps:
            fail_in(file, [unfinished(readable(file))])
    if kept:
        from convcalc.views import tools_across

        writer.write(tools_across.sheet(kept), out)
    out.end()
    end(code)


def describe(word: str, *, faults: bool = False, format: str = "table") -> None:  # noqa: A002  # the option's name
    """Print the rules of a counter, or the list of all where none is named, or what all of them get wrong."""
    from convcalc import counters
    from convcalc.language.source import SpecError
    from convcalc.views import tool_rules

    try:
        if word:
            show("counts", format, tool_rules.sheet(counters.load(word.partition(":")[0])))
        else:
            known = [counters.load(name) for name in counters.names()]
            show("counts", format, tool_rules.faults(known) if faults else tool_rules.listed(known))
    except SpecError as error:
        reject(error.diagnostics)


def _choices(tool: Sequence[str], explain: str, *, across: bool) -> list[ChosenFigure]:
    """The figures that are asked for; what is wrong with them ends the command."""
    from convcalc import counters
    from convcalc.counters import asking
    from convcalc.language.source import SpecError

    try:
        if explain:
            return [counters.choose(explain)]
        choices = asking.figures(tool)
    except SpecError as error:
        reject(error.diagnostics)
    if not across:
        return choices
    chosen = {word.partition(":")[0] for word in asking.words(tool) if "figure=" in word}
    return [
        choice
        for choice in choices
        if choice.counter.name in chosen or choice.figure.word == next(iter(choice.counter.figures))
    ]


def _number(text: str) -> WrittenNumber:
    from convcalc.analysis.matching import written

    try:
        return written(text)
    except ValueError as error:
        fail(f"--match: {error}")


def _filler(explain: str, top: int | None) -> Filled:
    if explain:
        from convcalc.views import tool_layers

        return lambda counted: tool_layers.sheet(counted, top)
    from convcalc.views import tool_counts

    return tool_counts.sheet


def _matched(
    counted: CountedNetwork,
    choices: Sequence[ChosenFigure],
    number: WrittenNumber,
    reader: Callable[[Mapping[str, Shape]], Network],
) -> Matched:
    """What gives a number: if nothing does on the network as it is, batches and sizes are tried."""
    from convcalc.analysis import matching
    from convcalc.views.tool_matches import Matched

    network = counted.network
    choices = matching.options_of(choices)
    ways = matching.numbers(network, choices, counted.batch)
    here = matching.matches(number, ways)
    if here:
        return Matched(counted, number, here)
    single = ways if counted.batch == 1 else matching.numbers(network, choices)
    elsewhere = matching.in_batches(number, single)
    elsewhere += matching.at_sizes(number, network, single, choices, reader)
    return Matched(counted, number, (), elsewhere, matching.nearest(number, ways))


def _reader(
    network: Network, file: str, inputs: Mapping[str, Shape], variables: Mapping[str, str], how: How
) -> Callable[[Mapping[str, Shape]], Network]:
    """What reads a network again with other input shapes: a spec from the text that was read, a model from its file."""

    def read(shapes: Mapping[str, Shape]) -> Network:
        from convcalc import opening

        origin = network.origin
        if network.imported is None and origin is not None:
            return opening.network_of(origin.source, {**inputs, **shapes}, variables)
        named = shapes if len(network.inputs) > 1 else {"input": next(iter(shapes.values()))}
        return opening.load(file, inputs={**inputs, **named}, variables=variables, **how)

    return read


def _write_match(writer: Any, matched: Matched, out: Output) -> None:
    from convcalc.views import tool_matches

    writer.write(tool_matches.sheet(matched), out)
