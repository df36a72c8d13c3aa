"""What other tools print of a network, all together, and what is to be said beside the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from convcalc.analysis.counts import ToolCount, count
from convcalc.analysis.report import Report
from convcalc.analysis.terms import terms_of
from convcalc.counters import UNITS, ChosenFigure, asking
from convcalc.language.publishing import unit_of
from convcalc.network import Network

if TYPE_CHECKING:
    from convcalc.analysis.sides import Sides

USUAL = "forward alone in evaluation mode, where no option of a tool says otherwise"
NOT_SAID = "each layer is a module of torch.nn, or what its kind usually is: the spec's `code` would say otherwise"
AS_SAID = "each layer is called as the spec's `code` says, and else as its kind usually is"


def counts(network: Network, tools: str | Sequence[str] | None = None, *, batch: int | None = None) -> list[ToolCount]:
    """What other tools print of a network, to the unit, a figure each, those that count multiply-adds first.

    `tools` are names of counters or files that describe one, with options behind a colon, as
    ``fvcore:mode=train``; None for all there are. The batch is the spec's own unless another is given.

    Raises:
        SpecError: there is no such tool, option, value or figure.
        ValueError: a batch below 1.
    """
    texts = [tools] if isinstance(tools, str) else list(tools or ())
    return of_choices(network, asking.figures(texts), terms_of(network, batch=batch).batch)


def of_choices(network: Network, choices: Sequence[ChosenFigure], batch: int = 1) -> list[ToolCount]:
    """The same, of figures that are known, in that order."""
    return count(network, sorted(choices, key=lambda choice: UNITS.index(choice.figure.unit)), batch=batch)


def counted_as(report: Report, choice: ChosenFigure) -> Report:
    """A report with what another tool counts of its network, which is not fused."""
    (counted,) = count(report.written, [choice], batch=report.terms.batch)
    return replace(report, counted=counted)


def sides_counted_as(sides: Sides, choice: ChosenFigure) -> Sides:
    """Networks side by side, each with what another tool counts of it."""
    base = counted_as(sides.base, choice)
    candidates = []
    for candidate in sides.candidates:
        comparison = candidate.comparison
        if comparison is not None:
            comparison = replace(comparison, base=base, head=counted_as(comparison.head, choice))
        candidates.append(replace(candidate, comparison=comparison))
    return replace(sides, base=base, candidates=tuple(candidates))


class NamedFault(msgspec.Struct, frozen=True):
    """What a tool gets wrong in some layers of a network; `finding` is the script that shows it on the tool itself."""

    tool: str
    what: str
    finding: str
    layers: tuple[str, ...]


def faults(counted: Sequence[ToolCount]) -> list[NamedFault]:
    """What the tools get wrong in a network, once for all figures of a tool."""
    met: dict[tuple[str, str], dict[str, None]] = {}
    findings: dict[tuple[str, str], str] = {}
    for tool in counted:
        name = tool.choice.counter.name
        for layer in tool.layers:
            for what in layer.faults:
                met.setdefault((name, what), {})[layer.name] = None
        findings |= {(name, fault.what): fault.finding for fault in tool.choice.counter.faults}
    return [NamedFault(*key, findings[key], tuple(layers)) for key, layers in met.items()]


def assumptions(network: Network, counted: Sequence[ToolCount]) -> dict[str, list[str]]:
    """What the numbers rest on, each sentence with the tools that it is of; without tools it is of all."""
    of_file = {text: list[str]() for text in network.assumptions}
    sentences = {AS_SAID if network.code else NOT_SAID: list[str](), USUAL: [], **of_file}
    tools = {tool.choice.counter.name: tool.choice.counter for tool in counted}
    for name, counter in tools.items():
        for sentence in counter.assumes:
            sentences.setdefault(sentence, []).append(name)
    return {text: [] if len(of) == len(tools) else of for text, of in sentences.items()}


PAPER = "paper"
"""The counter that stands for the papers of networks, whose numbers specs may hold."""


class PublishedNumber(msgspec.Struct, frozen=True):
    """What the paper of a network prints, in its word and digits, and what that is by the rules of papers.

    `agrees`: the count is rounded to what is printed, whose value is `middle`.
    """

    word: str
    printed: str
    unit: str
    count: int
    middle: int
    agrees: bool


def published(network: Network, counted: Sequence[ToolCount]) -> list[PublishedNumber]:
    """What is published of a network, where papers are among the tools, and the network is as it is published."""
    from convcalc.analysis.matching import written

    words: dict[str, str] = {} if network.overridden else network.published
    by_unit = {tool.choice.figure.unit: tool.count for tool in counted if tool.choice.counter.name == PAPER}
    numbers = []
    for word, printed in words.items():
        unit = unit_of(word)
        if unit in by_unit:
            count, number = by_unit[unit], written(printed)
            numbers.append(PublishedNumber(word, printed, unit, count, number.middle, number.holds(count)))
    return numbers


def packages(counted: Sequence[ToolCount]) -> list[str]:
    """The packages whose rules the tools' are, with their versions."""
    return list(dict.fromkeys(tool.choice.counter.package or tool.choice.counter.name for tool in counted))
