"""Limits that are held against what another tool counts, of the network as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from msgspec.structs import replace

from convcalc.analysis.counts import LayerCount, ToolCount, count
from convcalc.counters import ChosenFigure, choose, of_unit
from convcalc.language.source import SpecError
from convcalc.rules._budgets import MOST_NAMES, BudgetLimit, most_of, percentage
from convcalc.rules._deployed import in_words
from convcalc.rules._subject import Problem, Subject


def over_count(subject: Subject, limit: BudgetLimit) -> Iterator[Problem]:
    """Where what a tool counts exceeds the limit, where it may, and where there is no such tool."""
    try:
        counted = _counted(subject, limit.counted_as, limit.name, is_in_spec=not limit.behind)
    except SpecError as error:
        mistake = error.diagnostics[0]
        there = replace(limit, mark=limit.tool_mark or limit.mark)
        yield there.problem(f"{limit.name} as {limit.counted_as}: {in_words(mistake)}", mistake.help)
        return
    layers = counted.layers
    if limit.nodes is not None:
        start = subject.network.input_count
        layers = layers[limit.nodes[0] - start : limit.nodes[1] - start]
    value = sum(layer.count or 0 for layer in layers)
    unknown = tuple(layer.name for layer in layers if layer.count is None)
    amount = _amount(subject, counted.choice, f"{value:,} {limit.name}", len(unknown))
    if value > limit.value:
        beyond = (
            f"{'at least ' if unknown else ''}{value - limit.value:,}{percentage(value - limit.value, limit.value)}"
        )
        yield limit.problem(f"{amount} are {beyond} over the budget of {limit.value:,}", _largest(limit.name, layers))
    elif unknown:
        message = f"{amount}: whether the budget of {limit.value:,} for {limit.name} is met is not known"
        yield limit.problem(message, _not_seen(counted.choice.counter.name, unknown), "info")


@lru_cache(maxsize=8)
def _counted(subject: Subject, named: str, unit: str, *, is_in_spec: bool) -> ToolCount:
    """What a tool counts of the network.

    Raises:
        SpecError: there is no such tool, or none that prints the unit, or a rule of a file gives no number.
    """
    choice = of_unit(choose(named, is_in_spec=is_in_spec), unit)
    return count(subject.network, [choice], batch=subject.deployed.terms.batch)[0]


def by_tool(choice: ChosenFigure) -> str:
    """Whose number it is, in words: counted by thop 0.1.1."""
    counter = choice.counter
    options = f" ({', '.join(choice.changed)})" if choice.changed else ""
    return f"counted by {counter.package or counter.name}{options}"


def _amount(subject: Subject, choice: ChosenFigure, amount: str, unknown: int) -> str:
    text = f"{amount} {by_tool(choice)}"
    layers = f"{unknown} layer{'s' if unknown > 1 else ''} not known to {choice.counter.name}" if unknown else ""
    batch = subject.deployed.terms.batch
    is_once = batch == 1 or choice.figure.per_sample or choice.figure.unit == "params"
    word = choice.figure.word
    printed = f"printed as {word}" if word.lower() != choice.figure.unit else ""
    behind = ", ".join(filter(None, [layers, printed, "" if is_once else f"batch {batch}"]))
    return f"{'at least ' if unknown else ''}{text}{behind and f' ({behind})'}"


def _largest(name: str, layers: tuple[LayerCount, ...]) -> str:
    most = sorted(((layer.name, layer.count or 0) for layer in layers), key=lambda pair: -pair[1])
    return f"largest: {most_of(name, most[:MOST_NAMES])}" if len(layers) > 1 else ""


def _not_seen(tool: str, names: tuple[str, ...]) -> str:
    more = len(names) - MOST_NAMES
    listed = ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"nobody has seen what {tool} counts for {listed}"
