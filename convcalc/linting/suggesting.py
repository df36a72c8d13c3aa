"""What a tool counts of a network whose budget is held by its count, for the budget that is suggested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from convcalc.language.limits import AS
from convcalc.language.places import place_of
from convcalc.language.source import SpecError
from convcalc.network import Network
from convcalc.rules._subject import ConfiguredLimit

if TYPE_CHECKING:
    from convcalc.analysis.counts import ToolCount
    from convcalc.counters import ChosenFigure


def tool_counts(network: Network, configured: Mapping[str, ConfiguredLimit], batch: int) -> tuple[str, list[ToolCount]]:
    """The tool that the budget of the spec names, or that of the configuration, and its params, and macs or else flops.

    Empty where none is named.

    Raises:
        SpecError: there is no such tool.
    """
    configured_as = (limit.counted_as for limit in configured.values() if limit.counted_as)
    named = network.budget.get(AS) or next(configured_as, "")
    if not named:
        return "", []
    from convcalc.analysis.counts import count

    choice = _chosen(network, named)
    figures = {figure.unit: figure for figure in reversed([*choice.counter.figures.values()])}
    figures[choice.figure.unit] = choice.figure
    units = [unit for unit in ("params", "macs", "flops") if unit in figures]
    if "macs" in units and "flops" in units and "flops" not in {*network.budget, *configured}:
        units.remove("flops")
    return named, count(network, [replace(choice, figure=figures[unit]) for unit in units], batch=batch)


def _chosen(network: Network, named: str) -> ChosenFigure:
    from convcalc.counters import choose

    try:
        return choose(named, is_in_spec=AS in network.budget)
    except SpecError as error:
        origin, mistake = network.origin, error.diagnostics[0]
        if origin is None or mistake.line:  # it stands in a file of the tool's own
            raise
        place = place_of(origin.source, "budget", AS)
        raise SpecError([origin.source.diagnostic("CC013", *place, mistake.message, mistake.help)]) from None
