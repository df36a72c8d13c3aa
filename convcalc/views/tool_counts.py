"""What tools print of a network, as a sheet: a row a figure, and what its difference from ours is made of."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from convcalc.analysis.counts import ToolCount
from convcalc.analysis.report import Report
from convcalc.analysis.tools import NamedFault, PublishedNumber, assumptions, faults, packages, published
from convcalc.network import Network
from convcalc.views import words
from convcalc.views.counts.shared import Sheet, SheetColumn
from convcalc.views.formats.json import Record, filled
from convcalc.visible import short

MOST_PARTS = 3
"""Parts of a difference that a row names."""
_NUMBER = re.compile(r"\.\d+(?=\.|$)")
"""Which repetition of a block or of a layer it is, in a layer's name."""
LEAST_ALIKE = 2
"""Tools whose params are ours that share a line."""
OURS = {"macs": "MACs", "flops": "FLOPs, 2 a MAC", "params": "params"}
"""What our figures are called that those of a tool are held against, by its unit."""
HEADER = (
    *("model", "spec", "tool", "package", "figure", "unit", "count", "ours", "difference", "parts"),
    *("unknown", "unknown_layers", "faults"),
)


class CountedNetwork(msgspec.Struct, frozen=True):
    """What tools print of a network that is called `path`, for so large a batch."""

    path: str
    network: Network
    tools: Sequence[ToolCount]
    batch: int = 1


def sheet(counted: CountedNetwork) -> Sheet:
    """The table of a network; tools whose params are ours share a line."""
    tools, named = counted.tools, faults(counted.tools)
    alike = [tool for tool in tools if tool.choice.figure.unit == "params" and _is_ours(tool)]
    shown = [tool for tool in tools if len(alike) < LEAST_ALIKE or tool not in alike]
    return Sheet(
        title=title(counted),
        above=[ours(counted)] if tools else [],
        columns=[
            SheetColumn("tool", [tool_name(tool) for tool in shown], is_text=True, style="bold"),
            SheetColumn("word", [_word(counted, tool) for tool in shown], is_text=True, style="cyan"),
            SheetColumn("prints", [printed(tool) for tool in shown]),
            SheetColumn("ours", [own(counted.network, tool.ours) for tool in shown], rank=2),
            SheetColumn("difference", [difference(tool) for tool in shown]),
        ],
        lists_header="made of",
        lists=[parts(tool) for tool in shown],
        styles=["dim" if _is_ours(tool) else "" for tool in shown],
        notes=[
            *([_as_ours(alike)] if len(alike) >= LEAST_ALIKE else []),
            *map(_published, published(counted.network, tools)),
            *unknown(tools),
            *map(fault, named),
        ],
        foot=[*assumed(counted), rules_of(tools)],
        record=record(counted, named),
        header=HEADER,
        rows=[_cells(counted, tool, named) for tool in tools],
    )


def _is_ours(tool: ToolCount) -> bool:
    return tool.count == tool.ours and not tool.unknown


def _as_ours(tools: Sequence[ToolCount]) -> str:
    names = dict.fromkeys(map(tool_name, tools))  # one may print two such figures
    return f"params: {', '.join(names)} print{'s' * (len(names) == 1)} {words.exact(tools[0].ours)}, as ours"


def title(counted: CountedNetwork) -> tuple[str, str, str]:
    """Name, input shapes and batch, and the path of the spec."""
    inputs = counted.network.inputs
    shapes = ", ".join(
        f"{short(node.name)} {words.shape(node.shape)}" if len(inputs) > 1 else words.shape(node.shape)
        for node in inputs
    )
    shapes += f"   batch {counted.batch}" if counted.batch > 1 else ""
    return short(counted.network.name), shapes, "<stdin>" if counted.path == "-" else counted.path


def tool_name(tool: ToolCount) -> str:
    """The tool with its options, but for the figure."""
    name, colon, options = str(tool.choice).partition(":")
    kept = [option for option in options.split(",") if option and not option.startswith("figure=")]
    return f"{name}{colon}{','.join(kept)}" if kept else name


def printed(tool: ToolCount) -> str:
    """What the tool prints, as far as it is known."""
    if not tool.unknown:
        return words.exact(tool.count)
    return f"≥ {words.exact(tool.count)}" if len(tool.unknown) < len(tool.layers) else "?"


def beyond(tool: ToolCount) -> int | None:
    """What it prints beyond ours, as much as the parts make; None where layers are unknown."""
    return None if tool.unknown else tool.count - tool.ours


def _word(counted: CountedNetwork, tool: ToolCount) -> str:
    """The word of a figure; for papers that of the network's own, where it is known."""
    words = [number.word for number in published(counted.network, [tool])]
    return short(words[0]) if len(words) == 1 else tool.choice.figure.word


def _published(number: PublishedNumber) -> str:
    count = f"by the rules of papers it is {words.exact(number.count)}"
    if number.agrees:
        return f"published: {number.printed} {number.word}; {count}, the same when rounded"
    off = 100 * (number.count - number.middle) / number.middle if number.middle else 0
    return f"published: {number.printed} {number.word}; {count}, {abs(off):.1f} % {'more' if off > 0 else 'less'}"


def difference(tool: ToolCount) -> str:
    """The same for people."""
    more = beyond(tool)
    return "?" if more is None else f"{more:+,}" if more else "0"


def parts(tool: ToolCount, most: int = MOST_PARTS) -> list[str]:
    """The largest parts of the difference, the rest of them together."""
    listed = tool.parts
    shown = listed if len(listed) <= most + 1 else listed[:most]
    rest = sum(part.difference for part in listed[len(shown) :])
    texts = [f"{part.part} {part.difference:+,}" for part in shown]
    return texts + ([f"{len(listed) - len(shown)} more {rest:+,}"] if len(shown) < len(listed) else [])


def own(network: Network, count: int) -> str:
    """What we count of a network, as far as it is known."""
    return f"{'≥ ' * bool(network.uncosted)}{words.exact(count)}"


def ours(counted: CountedNetwork) -> str:
    """Our own figures in the units of the tools."""
    by_unit = {tool.choice.figure.unit: tool.ours for tool in counted.tools}
    amounts = [f"{own(counted.network, count)} {OURS[unit]}" for unit, count in by_unit.items()]
    return f"ours: {'; '.join(amounts)}"


def unknown(tools: Sequence[ToolCount]) -> list[str]:
    """The layers of which it is not known what a tool counts there, each set of them once."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for tool in tools:
        if tool.unknown:
            lacking.setdefault(tool.unknown, []).append(f"{tool_name(tool)} {tool.choice.figure.word}")
    return [f"{words.listed(whose)}: at least; not known for {_layers(names)}" for names, whose in lacking.items()]


def fault(fault: NamedFault) -> str:
    """What a tool gets wrong, where, and what shows it."""
    shown = f" (findings/{fault.finding}.sh)" if fault.finding else ""
    return f"fault of {fault.tool} in {_layers(fault.layers)}: {fault.what}{shown}"


def _layers(names: Sequence[str]) -> str:
    """How many they are, and which, those of repetitions in a name: 24 layers, encoder.*.expand, encoder.*.project."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_NUMBER.sub(".*", name), []).append(name)
    shown = [layers[0] if len(layers) == 1 else pattern for pattern, layers in alike.items()]
    return f"{len(names)} layer{'s' * (len(names) > 1)}, {words.listed(shown)}"


def total(network: Network, tool: ToolCount) -> str:
    """What a tool prints of a network, by which version's rules, and what is beyond ours."""
    counter, texts = tool.choice.counter, parts(tool)
    made_of = f": {', '.join(texts)}" if texts else ""
    version = counter.package if counter.package and tool_name(tool) == counter.name else ""
    whose = version if version.startswith(counter.name) else f"{tool_name(tool)} ({counter.package or 'no package'})"
    held = f"ours {own(network, tool.ours)}, {difference(tool)}{made_of}"
    return f"{whose}: {printed(tool)} {tool.choice.figure.word}; {held}"


def beside(network: Network, tool: ToolCount) -> list[str]:
    """The same, and what must be known of it, as lines below a table of the network."""
    counted = CountedNetwork("", network, [tool])
    return [total(network, tool), *unknown([tool]), *map(fault, faults([tool])), *assumed(counted)]


def about(report: Report) -> list[str]:
    """Whose rules a count of a report is by, and what must be known of it, without the numbers."""
    tool, network = report.counted, report.written
    if tool is None:
        return []
    return [
        f"{tool_name(tool)} {tool.choice.figure.word}: {rules_of([tool])}",
        *unknown([tool]),
        *map(fault, faults([tool])),
        *assumed(CountedNetwork("", network, [tool])),
    ]


def layers_record(network: Network, tool: ToolCount) -> Record:
    """What a tool counts of each layer, for JSON; a count that is not known is null."""
    counted = CountedNetwork("", network, [tool])
    shown = ("name", "call", "count", "ours", "faults")
    document = record(counted, faults([tool]))
    layers = [{field: getattr(layer, field) for field in shown} for layer in tool.layers]
    return {
        **tool_record(tool),
        "assumptions": document["assumptions"],
        "faults": document["faults"],
        "layers": layers,
    }


def rules_of(tools: Sequence[ToolCount]) -> str:
    """The packages, with their versions."""
    return f"rules of {' · '.join(packages(tools))}"


def assumed(counted: CountedNetwork) -> list[str]:
    """What the numbers rest on, in one line; what a tool assumes for itself where it stands alone."""
    sentences = assumptions(counted.network, counted.tools)
    texts = [text for text, tools in sentences.items() if not tools]
    more = ["`convcalc counts --rules TOOL` has what each assumes besides"] if len(texts) < len(sentences) else []
    return [f"assumed: {'; '.join([*texts, *more])}"] if counted.tools else []


def record(counted: CountedNetwork, named: Sequence[NamedFault]) -> Record:
    """A network for JSON."""
    network = counted.network
    return {
        "model": network.name,
        "spec": counted.path,
        "batch": counted.batch,
        "inputs": {node.name: node.shape for node in network.inputs},
        **filled(warnings=network.warnings, uncosted_layers=network.uncosted),
        "assumptions": [
            {"assumption": text, "tools": tools} for text, tools in assumptions(network, counted.tools).items()
        ],
        "tools": [tool_record(tool) for tool in counted.tools],
        "faults": named,
        **filled(published=tuple(published(network, counted.tools))),
    }


def tool_record(tool: ToolCount) -> Record:
    """A figure of a tool for JSON; where layers are unknown, the count is `at_least` so much."""
    counter, figure = tool.choice.counter, tool.choice.figure
    return {
        "tool": counter.name,
        "package": counter.package,
        "options": tool.choice.options,
        "figure": figure.word,
        "unit": figure.unit,
        "count": tool.count,
        "ours": tool.ours,
        **filled(at_least=bool(tool.unknown), unknown_layers=tool.unknown),
        "difference": beyond(tool),
        "parts": tool.parts,
    }


def _cells(counted: CountedNetwork, tool: ToolCount, named: Sequence[NamedFault]) -> list[object]:
    counter, figure = tool.choice.counter, tool.choice.figure
    made_of = "; ".join(f"{part.part} {part.difference:+d}" for part in tool.parts)
    wrong = "; ".join(fault.what for fault in named if fault.tool == counter.name)
    return [
        counted.network.name, counted.path, tool_name(tool), counter.package, figure.word, figure.unit,
        tool.count, tool.ours, beyond(tool), made_of, len(tool.unknown), "; ".join(tool.unknown), wrong,
    ]  # fmt: skip
