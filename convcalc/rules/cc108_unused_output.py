"""A layer or an input whose output nothing reads.

What it computes reaches no output of the network: its work, and that of every layer before it that only it reads, is
for nothing. Most often a `from` names the wrong layer, an auxiliary head is missing under `outputs`,
or a layer that is repeated has a `from`, from which every repetition starts.

Flagged is a layer, or an input, that no layer reads and that is not an output of the network.

False positives: none known; a head that is meant to be read is listed under `outputs`.

Source: the definition of a network's outputs; ONNX's checker and TensorFlow's pruning drop such nodes in silence.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {name: trunk, out_channels: 8, kernel_size: 3, padding: 1}
      - conv: {name: aside, out_channels: 8, kernel_size: 3} # <- CC108
      - relu: {from: trunk}

Allowed:
    input: [3, 32, 32]
    outputs: [aside, relu1]
    layers:
      - conv: {name: trunk, out_channels: 8, kernel_size: 3, padding: 1}
      - conv: {name: aside, out_channels: 8, kernel_size: 3}
      - relu: {from: trunk}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from convcalc.language.site import Site
from convcalc.rules._subject import Problem, Subject

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Ends that are no outputs."""
    if not subject.complete:
        return  # what reads it may be missing
    accounted_for: set[int] = set()
    _entering(subject, subject.network.outputs, accounted_for)
    for index, node in enumerate(subject.network.nodes):
        if subject.consumers(index) or subject.is_output(index):
            continue
        if node.is_input:
            yield subject.problem(index, f"input {node.name}: no layer reads it", "remove it, or name it in a `from`")
            continue
        idle = [
            before for before in _entering(subject, [index], accounted_for) if before >= subject.network.input_count
        ]
        macs = sum(subject.row(layer).macs for layer in idle)
        others = f" and of {len(idle) - 1} before it that no output needs" if len(idle) > 1 else ""
        yield subject.problem(
            index,
            f"{node.name}: no layer reads its output, and it is no output of the network: {macs:,} MACs of it{others} "
            "are for nothing",
            _restarted(subject, index) or "list it under `outputs`, name it in a `from`, or remove it",
        )


def _restarted(subject: Subject, index: int) -> str:
    """What to write where the layer ends a repetition, and the next one starts anew from the same tensor."""
    alike = subject.places.same_text(index)
    if not any(subject.consumers(other) or subject.is_output(other) for other in alike):
        return ""  # not even the last repetition's is read
    site: Site | None = subject.places.site(index)
    while site is not None and (site.index is None or site.layer.label is not None):
        site = site.call.caller
    sources = site.layer.sources or [] if site is not None else []
    if site is None or len(sources) != 1 or sources[0].label is not None or sources[0].name == "previous":
        return ""
    source, name = sources[0].name, site.name.removesuffix(f".{site.index}")
    return (
        f"every repetition of {name} starts from {source}: to have each start from the one before, write "
        f"`- identity: {{from: {source}}}` above it and leave `from` out"
    )


def _entering(subject: Subject, starts: Iterable[int], passed: set[int]) -> list[int]:
    """Some nodes and those before them, but for what was `passed`, which they then all are."""
    entering, waiting = [], [*starts]
    while waiting:
        index = waiting.pop()
        if index not in passed:
            passed.add(index)
            entering.append(index)
            waiting.extend(subject.network.nodes[index].inputs)
    return entering
