"""How numbers and shapes are written for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Convention, ReceptiveField, Report
from convcalc.layers import UNSIZED
from convcalc.network import Node
from convcalc.visible import short

if TYPE_CHECKING:
    from convcalc.analysis.latency import Latency

_SCALES = ((10**12, "T", 2), (10**9, "G", 2), (10**6, "M", 1))


def exact(number: int) -> str:
    """All digits, in groups of three."""
    return f"{number:,}"


def scaled(number: int) -> str:
    """A count with a decimal suffix, to four digits or more; all digits below ten million."""
    if number < 10**7:
        return exact(number)
    factor, suffix, digits = next(scale for scale in _SCALES if number >= scale[0])
    return f"{number / factor:,.{digits}f} {suffix}"


def at_least(text: str, uncosted: int) -> str:
    """An amount that leaves out so many layers, whose cost is not known: at least 4,096 (2 layers not costed)."""
    return f"at least {text} ({uncosted} layer{'s' if uncosted > 1 else ''} not costed)" if uncosted else text


def lacking(report: Report, amount: str) -> tuple[str, ...]:
    """The layers of which it is not known what they add to an amount: bytes of activations follow from shapes."""
    return report.unsized if amount in ("activation_bytes", "peak_activation_bytes") else report.uncosted


def cost(line: Line, number: int, write: Callable[[int], str]) -> str:
    """What a line costs: ``?`` where it is not known of any of its layers, ``≥ 4,096`` where not of all."""
    if not line.uncosted:
        return write(number)
    return f"≥ {write(number)}" if line.is_known else "?"


def binary(size: int) -> str:
    """Bytes with a binary suffix and one decimal."""
    for factor, suffix in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= factor:
            return f"{size / factor:,.1f} {suffix}"
    return f"{size} B"


_TIMES = ((10**12, "s"), (10**9, "ms"), (10**6, "µs"), (10**3, "ns"))
"""Units of time, in picoseconds."""


def duration(picoseconds: int) -> str:
    """A time to three digits, rounded down: what takes at least so long takes no less than is written."""
    unit, suffix = next(((unit, suffix) for unit, suffix in _TIMES if picoseconds >= unit), (1, "ps"))
    units = picoseconds // unit
    places = max(0, 3 - len(str(units))) if unit > 1 else 0
    digits = picoseconds * 10**places // unit
    written = f"{digits // 10**places:,}" + (f".{digits % 10**places:0{places}}" if places else "")
    return f"{written} {suffix}"


def shape(sizes: Sequence[int]) -> str:
    """64x112x112; ``?`` where it is not known."""
    return "?" if tuple(sizes) == UNSIZED else "x".join(map(str, sizes))


def kind(line: Line) -> str:
    """Conv 7x7 /2."""
    return f"{line.kind} {line.summary}".rstrip()


def share(part: int, total: int) -> str:
    """A percentage with one decimal, nothing for zero."""
    if not part:
        return ""
    return f"{100 * part / total:.1f} %" if 1000 * part >= total else "<0.1 %"


def per_axis(numbers: tuple[Any, ...], none: str = "-") -> str:
    """One number where all axes agree, 7x5 where they do not; `none` for an axis that has no number."""
    texts = [none if number is None else str(number) for number in numbers]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def field(seen: ReceptiveField | None) -> str:
    """The receptive field: its size, `all` where no local path is left, `+ all` where a path beside sees everything.

    ``?`` where it could not be worked out within limits.
    """
    if seen is None:
        return ""
    if not seen.size:
        return "all" if seen.is_global else "?" if seen.size is None else ""
    size = per_axis(seen.size, "all" if seen.is_global else "?")
    return f"{size} + all" if seen.is_global and "all" not in size else size


def totals(report: Report) -> str:
    """The line below the table."""
    return "   ".join(total_parts(report))


def total_parts(report: Report) -> list[str]:
    """What the line below the table says, part by part."""
    sums, peak, uncosted = report.totals, report.peak, len(report.uncosted)
    params, buffers, macs = (at_least(exact(number), uncosted) for number in (sums.params, sums.buffers, sums.macs))
    beside = f"   buffers {buffers}" if uncosted else f" (buffers {buffers})"
    parts = [f"params {params}{beside if sums.buffers else ''}", f"MACs {macs}"]
    seen = report.receptive_field
    if field(seen):
        stride = f", stride {per_axis(seen.stride)}" if seen and seen.stride and set(seen.stride) - {None} else ""
        parts.append(f"field {field(seen)}{stride}")
    parts.append(f"weights {at_least(binary(sums.weight_bytes), uncosted)}")
    if peak is not None:
        least = "at least " if report.unsized else ""
        fused = "fused " if report.terms.fused else ""
        parts.append(f"{fused}peak activations {least}{binary(peak.bytes)} at {short(peak.layer)}")
    return parts


def bound(report: Report) -> str:
    """The least time that the network takes on its device, and what its layers wait for; empty without a device."""
    device, total = report.terms.device, report.totals.bound_ps
    if device is None or total is None:
        return ""
    if not device.peak and device.bandwidth is None:
        text = f"no bound on {device.name}, of which no peak and no bandwidth are known"
    else:
        waits = [row.bound.by for row in report.layers if row.bound is not None and row.bound.ps]
        parts = ((waits.count(word), why) for word, why in (("compute", "arithmetic"), ("memory", "memory")))
        counted = " and ".join(f"{count} layer{'s' * (count != 1)} for {why}" for count, why in parts if count)
        text = f"at least {duration(total)} on {device.name}{f', waiting in {counted}' if counted else ''}"
        lacking = [name for name, value in (("peak", device.peak), ("bandwidth", device.bandwidth)) if not value]
        text += f"; its {lacking[0]} is not known" if lacking else ""
    padded = sum(row.bound.padded_macs for row in report.layers if row.bound is not None)
    return f"{text}; channels filled up to what it takes at once add {exact(padded)} MACs" if padded else text


def measured(report: Report, latency: Latency | None) -> list[str]:
    """What a table of times says of a network: the sum, the layers that are missing, and those below their bounds."""
    if latency is None:
        return []
    total = f"{latency.layers} layer{'s' * (latency.layers != 1)}"
    if not latency.measured:
        texts = [f"measured: none of {total}; `analyze --signatures` prints the table to fill in"]
    else:
        missing = f"; missing: {listed(latency.missing)}" if latency.missing else ""
        counted = f"{latency.measured} of {total}{missing}" if missing else total
        texts = [f"measured: {duration(latency.ps)} for {counted}"]
    if latency.below_bound:
        device = report.convention.device
        texts.append(f"measured below the bound of {device}: {listed(latency.below_bound)}: `convcalc help devices`")
    return texts


def convention(convention: Convention, other: Convention | None = None) -> str:
    """What is counted, for which batch and dtype, of layers or of kernels, and on which device.

    `other` is that of a network that is compared, which may have numbers in other formats.
    """
    formats = [convention.dtype, other.dtype if other is not None else convention.dtype]
    parts = [convention.macs, f"batch {convention.batch}", " against ".join(dict.fromkeys(formats))]
    parts += [f"kernels: {convention.kernels}"] if convention.kernels else []
    parts += [f"on {short(convention.device)}"] if convention.device else []
    return " · ".join(parts)


def notes(report: Report) -> list[str]:
    """What a reader should know beside the numbers."""
    texts = [*filter(None, [bound(report)]), *_terms(report)]
    if report.uncosted:
        names = listed(report.uncosted)
        texts.append(f"the cost of {names} is not known; shares are of the other layers")
    if report.peak is not None:
        sizes = {node.name: math.prod(node.shape) for node in report.network.nodes}
        largest = sorted(report.peak.tensors, key=lambda name: -sizes[name])[:MOST_NAMES]
        first = [name for name in report.peak.tensors if name in largest]
        texts.append(f"alive at the peak: {_listed(first, len(report.peak.tensors))}")
    apart = _centred_apart(report)
    if apart:
        texts.append(f"paths that look at different places meet at {listed(apart)}: `convcalc rules CC212`")
    if any(row.receptive_field.size is None and not row.receptive_field.is_global for row in report.layers):
        texts.append("?: the receptive field is too irregular to be worked out within the limits")
    return texts


def _terms(report: Report) -> Iterator[str]:
    """What a reader should know of the terms on which it was counted, where these are not the plainest."""
    if report.terms.fused:
        yield fused(report)
    macs = report.totals.macs_by_format
    if set(macs) - {"float32 x float32"}:
        amounts = ", ".join(f"{factors} {scaled(count)}" for factors, count in macs.items())
        yield f"MACs by weight x activation: {amounts}; bit operations {scaled(report.totals.bit_operations)}"
    deployed = _deployed(report)
    if deployed:
        yield f"{', '.join(deployed)}: as the spec's `deploy` says"


def _deployed(report: Report) -> list[str]:
    """The terms that are those of the spec's `deploy`."""
    spoken, terms = report.written.deployment, report.terms
    device = terms.device.name if terms.device is not None else None
    parts = [
        (spoken.batch is not None and spoken.batch == terms.batch, f"batch {terms.batch}"),
        (spoken.precision is not None and spoken.precision == terms.precision, str(terms.precision)),
        (spoken.fused is not None and spoken.fused == terms.fused, "fused" if terms.fused else "not fused"),
        (bool(spoken.device) and device is not None and _names(spoken.device or "", device), f"on {device}"),
    ]
    return [text for is_so, text in parts if is_so]


def _names(word: str, device: str) -> bool:
    """Whether what a spec says of its device, a name or a file, is that one."""
    return word == device or word.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] == device


def fused(report: Report) -> str:
    """What became of the layers that are no kernels of their own, counted in the networks before and after."""
    written = {node.name: node for node in report.written.layers}
    kernels = report.network.layers
    behind = {id(part.config) for node in kernels for part in getattr(node.config, "then", ())}
    joined = [written.pop(name) for node in kernels for name in node.merged]
    for node in kernels:
        written.pop(node.name)
    in_place = [node for node in kernels if node.in_place is not None]
    parts = {
        "folded": [node for node in joined if id(node.config) not in behind],
        "in the kernel before": [node for node in joined if id(node.config) in behind],
        "in place": in_place,
        "left out": list(written.values()),
    }
    texts = [f"{_counted(nodes)} {what}" for what, nodes in parts.items() if nodes]
    if not texts:
        return "fused: nothing can be folded, merged or left out, the network runs as it is written"
    return f"fused: {len(kernels):,} kernel{'s' * (len(kernels) != 1)}; {'; '.join(texts)}"


def _counted(nodes: Sequence[Node]) -> str:
    """52 batch_norm, 1 scale."""
    kinds = [node.kind for node in nodes]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))


def _centred_apart(report: Report) -> list[str]:
    """The merges of which lint warns; fields that only start or step differently are no mistake."""
    if not report.misaligned:
        return []
    from convcalc.language.places import TextPlaces
    from convcalc.language.source import Source
    from convcalc.rules._subject import Subject
    from convcalc.rules.cc212_misaligned_merge import mistakes

    nowhere = Source("", "")
    return mistakes(Subject(nowhere, report.network, TextPlaces(nowhere, None, [], [])))


MOST_NAMES = 5
"""Layers that a note names."""


def listed(names: Sequence[str]) -> str:
    """As many names as a note holds, and how many more there are."""
    return _listed(list(names[:MOST_NAMES]), len(names))


def _listed(names: list[str], count: int) -> str:
    return ", ".join(map(short, names)) + (f" and {count - len(names)} more" if count > len(names) else "")


def title(report: Report, spec: str) -> tuple[str, str, str]:
    """Name, input shapes, and the path of the spec."""
    inputs = report.network.inputs
    shapes = ", ".join(
        f"{short(node.name)} {shape(node.shape)}" if len(inputs) > 1 else shape(node.shape) for node in inputs
    )
    return short(report.network.name), shapes, "<stdin>" if spec == "-" else spec
