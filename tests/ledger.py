"""Networks that are drawn, and what is true of them, by doing it: taps counted, positions followed, tensors freed.

Nothing of convcalc is used here. A line of a table, a sum and a byte have their value from this ledger in the tests of
what commands print.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from types import SimpleNamespace
from typing import Any

import brute_force
import numpy as np

BITS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "fp8": 8, "fp4": 4, "int32": 32, "int8": 8,
        "int5": 5, "int4": 4, "int3": 3, "int2": 2, "int1": 1}  # fmt: skip
COSTS = ("params", "buffers", "macs", "elementwise_ops", "flops")
TRAFFIC = ("input_bytes", "weight_bytes", "output_bytes", "bit_operations")
ROLES = ("weights", "activations", "bias")
Shape = tuple[int, ...]
Sees = Callable[[int], frozenset[int]]
"""The positions of the network's input that a position sees on an axis."""


@dataclass(frozen=True)
class Field:
    """A receptive field: of each axis what is seen by local paths, None without one; is everything seen beside them."""

    sees: tuple[Sees | None, ...]
    is_global: bool = False

    def numbers(self, read: Callable[[Sees], int]) -> tuple[int, ...] | None:
        local = [read(sees) for sees in self.sees if sees is not None]
        return tuple(local) if local else None

    @property
    def size(self) -> Shape | None:
        return self.numbers(lambda sees: max(sees(0)) - min(sees(0)) + 1)

    @property
    def stride(self) -> Shape | None:
        return self.numbers(lambda sees: min(sees(1)) - min(sees(0)))

    @property
    def start(self) -> Shape | None:
        return self.numbers(lambda sees: min(sees(0)))


@dataclass(frozen=True)
class Entry:
    """A layer, or several together; `body` is how it is written, `times` how often a block is repeated."""

    name: str
    kind: str
    summary: str = ""
    inputs: tuple[str, ...] = ()
    input_shapes: tuple[Shape, ...] = ()
    shape: Shape | None = None
    params: int = 0
    buffers: int = 0
    macs: int = 0
    elementwise_ops: int = 0
    field: Field | None = None
    line: int = 0
    body: str = ""
    layers: int = 1
    times: int | None = None
    arrays: tuple[tuple[str, Shape], ...] = ()
    input_bytes: int = 0
    weight_bytes: int = 0
    output_bytes: int = 0
    bit_operations: int = 0
    weights: str = ""
    activations: str = ""

    @property
    def flops(self) -> int:
        return self.macs + self.macs + self.elementwise_ops


@dataclass(frozen=True)
class Part:
    """A block: its layers by number, the blocks and layers directly inside by name."""

    name: str
    kind: str
    first: int
    last: int
    times: int | None
    inside: tuple[str, ...]


def elements(shape: Shape) -> int:
    return sum(1 for _ in product(*map(range, shape)))


def packed(rows: int, columns: int, bits: int) -> int:
    """Bytes of so many numbers in rows that are packed one by one, each number in so many bits."""
    return int(np.packbits(np.ones((rows, columns * bits), np.uint8), axis=1).size)


def array_size(shape: Shape, bits: int) -> int:
    """Bytes of what a layer has learned: filter by filter, where it has filters."""
    rows = shape[0] if shape[1:] else 1
    return packed(rows, elements(shape) // rows, bits)


def tensor_size(shape: Shape, bits: int) -> int:
    """Bytes of a tensor, end to end."""
    return packed(1, elements(shape), bits)


def formats_of(dtype: str) -> dict[str, str]:
    """The format of each role: one for all, or ``weights=int4,activations=int8``."""
    if "=" not in dtype:
        return dict.fromkeys(ROLES, dtype)
    named = dict(part.split("=") for part in dtype.split(","))
    return {role: named.get(role, "float32") for role in ROLES}


def in_words(dtype: str) -> str:
    """As a report says it."""
    formats = formats_of(dtype)
    alike_ = len(set(formats.values())) == 1
    return formats["weights"] if alike_ else ", ".join(f"{role} {name}" for role, name in formats.items())


def behind(sees: Sees | None, sources: brute_force.Sources) -> Sees | None:
    """What is seen through a window over what is seen."""
    if sees is None:
        return None
    return cache(lambda at: frozenset(seen for place in sources(at) for seen in sees(place)))


def together(entries: Sequence[Entry], name: str, kind: str, last: Entry | None, times: int | None = None) -> Entry:
    """Several layers in one line, with the shape and the field of the last."""
    costs: dict[str, Any] = {cost: 0 for cost in (*COSTS, *TRAFFIC) if cost != "flops"}
    for entry in entries:
        for cost in costs:
            costs[cost] += getattr(entry, cost)
    shape, seen = (last.shape, last.field) if last is not None else (None, None)
    for role in ("weights", "activations"):
        costs[role] = ", ".join(sorted({getattr(entry, role) for entry in entries}))
    return Entry(name, kind, shape=shape, field=seen, layers=len(entries), times=times, **costs)


@dataclass
class Ledger:
    """A network: its text, its layers in the order they run, its blocks, and where paths meet apart."""

    name: str
    input: Shape
    unit: dict[str, Any]
    lines: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    misaligned: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines += [f"name: {self.name}", f"input: {list(self.input)}", "blocks:", "  unit:"]
        self.lines += ["    parameters: {c: required}", "    layers:"]
        inside = ["conv: {name: conv, out_channels: c, kernel_size: %s, padding: %s, bias: %s}"]
        inside += ["batch_norm: {name: norm}", "max_pool: {name: pool, kernel_size: [2, 1], stride: 1}"]
        padding = [list(pair) for pair in self.unit["padding"]]
        fields = (list(self.unit["kernel"]), padding, str(self.unit["bias"]).lower())
        self.lines += [f"      - {inside[0] % fields}", *(f"      - {text}" for text in inside[1:]), "layers:"]

    @property
    def text(self) -> str:
        return "\n".join([*self.lines, ""])

    def entry(self, name: str) -> Entry:
        everything = Field(tuple(lambda at: frozenset([at]) for _ in self.input[1:]))
        start = Entry("input", "input", shape=self.input, field=everything)
        return next((entry for entry in self.entries if entry.name == name), start)

    @property
    def last(self) -> str:
        return self.entries[-1].name if self.entries else "input"

    def add(self, name: str, kind: str, body: str, sources: Sequence[str], line: int = 0, **truth: Any) -> None:
        """A layer whose shape, field and costs are known; written in a line of its own unless it has one."""
        shapes = tuple(self.entry(source).shape or () for source in sources)
        if not line:
            read = f"from: [{', '.join(sources)}], " if list(sources) != [self.last] else ""
            self.lines.append(f"  - {kind}: {{name: {name}, {read}{body}}}".replace(", }", "}"))
            line = len(self.lines)
        self.entries.append(
            Entry(name, kind, inputs=tuple(sources), input_shapes=shapes, line=line, body=body, **truth)
        )

    # ---- layers ----------------------------------------------------------------------------------------------------

    def conv(self, name: str, source: str = "", line: int = 0, **fields: Any) -> None:
        source = source or self.last
        before, wanted = self.entry(source), {"stride": (1, 1), "dilation": (1, 1), "bias": True, **fields}
        config = SimpleNamespace(
            kernel_size=wanted["kernel"], stride=wanted["stride"], dilation=wanted["dilation"],
            padding=wanted["padding"], groups=1, out_channels=wanted["channels"], bias=wanted["bias"],
        )  # fmt: skip
        shape, macs, weights = brute_force.conv(config, before.shape or ())
        assert before.field is not None
        axes = zip(config.kernel_size, config.stride, config.dilation, config.padding, strict=True)
        sources = [brute_force.windowed(kernel, stride, step, pair[0]) for kernel, stride, step, pair in axes]
        sees = tuple(map(behind, before.field.sees, sources))
        body = f"out_channels: {config.out_channels}, kernel_size: {list(config.kernel_size)}, "
        body += f"stride: {list(config.stride)}, dilation: {list(config.dilation)}, "
        body += f"padding: {[list(pair) for pair in config.padding]}, bias: {str(config.bias).lower()}"
        summary = f"{'x'.join(map(str, config.kernel_size))}{stepped(config.stride)}"
        if set(config.dilation) != {1}:
            summary += f", dilation {alike(config.dilation)}"
        self.add(
            name, "conv", body, [source], line, shape=shape, macs=macs, params=len(weights),
            elementwise_ops=elements(shape) if config.bias else 0, summary=summary,
            field=Field(sees, before.field.is_global),
            arrays=with_bias((config.out_channels, (before.shape or ())[0], *config.kernel_size), bias=config.bias),
        )  # fmt: skip

    def norm(self, name: str, share: str = "", line: int = 0) -> None:
        before = self.entry(self.last)
        assert before.shape is not None
        own = 0 if share else sum(2 for _ in range(before.shape[0]))  # a scale and a shift; a mean and a variance
        ops = sum(2 for _ in range(elements(before.shape)))
        self.add(
            name, "batch_norm", f"share: {share}" if share else "", [before.name], line, shape=before.shape,
            field=before.field, params=own, buffers=own, elementwise_ops=ops,
            arrays=() if share else (*with_bias(before.shape[:1]), *statistics(before.shape[:1])),
        )  # fmt: skip

    def pool(self, name: str, kernel: Shape, stride: Shape, line: int = 0) -> None:
        before = self.entry(self.last)
        assert before.field is not None
        config = SimpleNamespace(
            kernel_size=kernel, stride=stride, dilation=(1, 1), padding=((0, 0), (0, 0)), ceil_mode=False
        )
        shape, outputs, taps = brute_force.pool(config, before.shape or ())
        sources = [brute_force.windowed(size, step, 1, 0) for size, step in zip(kernel, stride, strict=True)]
        seen = Field(tuple(map(behind, before.field.sees, sources)), before.field.is_global)
        summary = f"{'x'.join(map(str, kernel))}{stepped(stride)}"
        body = f"kernel_size: {list(kernel)}, stride: {list(stride)}"
        self.add(
            name, "max_pool", body, [before.name], line, shape=shape, field=seen, elementwise_ops=taps - outputs,
            summary=summary,
        )  # fmt: skip

    def alike(self, name: str, kind: str, ops: int, body: str = "", summary: str = "") -> None:
        """A layer that keeps each element where it is, at so many operations."""
        before = self.entry(self.last)
        count = sum(ops for _ in range(elements(before.shape or ())))
        self.add(
            name, kind, body, [before.name], shape=before.shape, field=before.field, elementwise_ops=count,
            summary=summary,
        )  # fmt: skip

    def merge(self, name: str, kind: str, sources: Sequence[str]) -> None:
        paths = [self.entry(source).field for source in sources]
        shape = max((self.entry(source).shape or () for source in sources), key=elements)
        sees = []
        for axis in range(2):
            local = [path.sees[axis] for path in paths if path is not None]
            seen = [one_axis for one_axis in local if one_axis is not None]
            sees.append(met(seen))
            middles = {tuple(min(path(at)) + max(path(at)) for at in (0, 1)) for path in seen}
            if len(middles) > 1 and name not in self.misaligned:
                self.misaligned.append(name)
        is_global = any(path.is_global for path in paths if path is not None)
        seen_ = Field(tuple(sees), is_global)
        self.add(name, kind, "", sources, shape=shape, field=seen_, elementwise_ops=elements(shape))

    def global_pool(self, name: str, *, keepdim: bool) -> None:
        before = self.entry(self.last)
        assert before.shape is not None
        shape = (before.shape[0], 1, 1) if keepdim else before.shape[:1]
        body = "keepdim: true" if keepdim else ""
        assert before.field is not None
        for sees, size, length in zip(before.field.sees, before.shape[1:], self.input[1:], strict=True):
            arriving = [sees(at) for at in range(size)] if sees is not None else []
            assert sees is None or frozenset().union(*arriving) >= set(range(length))  # else it would not be global
        seen = Field((None, None), is_global=True)
        ops = elements(before.shape)  # all additions but one, and a division
        self.add(name, "global_avg_pool", body, [before.name], shape=shape, field=seen, elementwise_ops=ops)

    def linear(self, name: str, features: int) -> None:
        before = self.entry(self.last)
        config = SimpleNamespace(out_features=features, bias=True)
        shape, macs, weights = brute_force.linear(config, before.shape or ())
        self.add(
            name, "linear", f"out_features: {features}", [before.name], shape=shape, field=before.field, macs=macs,
            params=len(weights), elementwise_ops=elements(shape), summary=f"{features} features",
            arrays=with_bias((features, (before.shape or ())[-1])),
        )  # fmt: skip

    def stage(self, name: str, channels: int, times: int | None) -> None:
        """The block, `times` one behind the other."""
        begin, names = len(self.entries), [name] if times is None else [f"{name}.{n}" for n in range(times)]
        repeat = "" if times is None else f", repeat: {times}"
        self.lines.append(f"  - unit: {{name: {name}, c: {channels}{repeat}}}")
        for own in names:
            first = len(self.entries)
            self.conv(f"{own}.conv", line=7, channels=channels, **self.unit)
            self.norm(f"{own}.norm", line=8)
            self.pool(f"{own}.pool", (2, 1), (1, 1), line=9)
            inside = tuple(entry.name for entry in self.entries[first:])
            self.parts.append(Part(own, "unit", first, len(self.entries), None, inside))
        if times is not None:
            self.parts.append(Part(name, "unit", begin, len(self.entries), times, tuple(names)))

    def meets_before(self, name: str) -> bool:
        """Whether paths that look at different places meet before a layer."""
        names = [entry.name for entry in self.entries]
        return any(names.index(met_) < names.index(name) for met_ in self.misaligned)

    # ---- what follows ----------------------------------------------------------------------------------------------

    def part(self, name: str) -> Entry:
        """A block by its name, or a layer."""
        part = next((part for part in self.parts if part.name == name), None)
        if part is None:
            return self.entry(name)
        inside = self.entries[part.first : part.last]
        return together(inside, name, part.kind, inside[-1], part.times)

    def folded(self, by: str = "layer", *, expand: bool = False) -> list[Entry]:
        """The lines of a table."""
        if by == "kind":
            kinds = dict.fromkeys(entry.kind for entry in self.entries)
            alike_ = {kind: [entry for entry in self.entries if entry.kind == kind] for kind in kinds}
            totals = [together(entries, kind, kind, None) for kind, entries in alike_.items()]
            return sorted(totals, key=lambda entry: -entry.macs)
        outer = [part for part in self.parts if "." not in part.name and not expand]
        shown = [part for part in outer if by == "block" or (part.times or 0) > 1]
        lines: list[Entry] = []
        for place, entry in enumerate(self.entries):
            part = next((part for part in shown if part.first <= place < part.last), None)
            if part is None:
                lines.append(entry)
            elif part.first == place:
                lines.append(self.part(part.name))
        return lines

    @property
    def total(self) -> Entry:
        return together(self.entries, "", "", None)

    def memory(self, bits: int, batch: int = 1) -> tuple[int, str, list[str]]:
        """The most bytes that are held at one time, while which layer runs, and of which tensors: by running it."""
        held = {"input": tensor_size(self.input, bits) * batch}
        best: tuple[int, str, list[str]] = (0, "", [])
        for place, entry in enumerate(self.entries):
            held[entry.name] = tensor_size(entry.shape or (), bits) * batch
            if sum(held.values()) > best[0]:
                best = sum(held.values()), entry.name, list(held)
            wanted = {name for later in self.entries[place + 1 :] for name in later.inputs} | {self.last}
            held = {name: size for name, size in held.items() if name in wanted}
        return best

    def totals(self, batch: int, dtype: str) -> dict[str, Any]:
        formats, total = formats_of(dtype), self.times(batch, dtype).total
        statistic = BITS[formats["weights"]]
        kept = [shape for entry in self.entries for name, shape in entry.arrays if name.startswith("running")]
        return {
            **{cost: getattr(total, cost) for cost in COSTS},
            "weight_bytes": total.weight_bytes,
            "activation_bytes": total.output_bytes,
            "peak_activation_bytes": self.memory(BITS[formats["activations"]], batch)[0],
            "buffer_bytes": sum(array_size(shape, statistic) for shape in kept),
            "bit_operations": total.bit_operations,
            "macs_by_format": {f"{formats['weights']} x {formats['activations']}": total.macs},
            "bound_ps": None,
        }

    @property
    def field(self) -> Field:
        """That of the last layer which sees more than one position by a local path."""
        local = [entry.field for entry in self.entries if entry.field and entry.field.size]
        wide = [seen for seen in local if set(seen.size or ()) - {1}]
        own = self.entry(self.last).field
        assert own is not None
        return own if own.size and set(own.size) - {1} else wide[-1] if wide else own

    def times(self, batch: int, dtype: str = "float32") -> Ledger:
        """The same for a batch in these formats: what is learned is there once."""
        formats = formats_of(dtype)
        bits = {role: BITS[name] for role, name in formats.items()}
        entries = []
        for entry in self.entries:
            sizes = {"weight": bits["weights"], "bias": bits["bias"]}
            shapes = [self.entry(name).shape or () for name in dict.fromkeys(entry.inputs)]
            macs = entry.macs * batch
            entries.append(replace(
                entry, macs=macs, elementwise_ops=entry.elementwise_ops * batch,
                input_bytes=sum(tensor_size(shape, bits["activations"]) for shape in shapes) * batch,
                weight_bytes=sum(array_size(shape, sizes[name]) for name, shape in entry.arrays if name in sizes),
                output_bytes=tensor_size(entry.shape or (), bits["activations"]) * batch,
                bit_operations=macs * bits["weights"] * bits["activations"],
                weights=formats["weights"], activations=formats["activations"],
            ))  # fmt: skip
        return replace_entries(self, entries)


def with_bias(shape: Shape, *, bias: bool = True) -> tuple[tuple[str, Shape], ...]:
    """The arrays of a layer that multiplies, and adds."""
    return (("weight", shape), ("bias", shape[:1])) if bias else (("weight", shape),)


def statistics(shape: Shape) -> tuple[tuple[str, Shape], ...]:
    return ("running_mean", shape), ("running_var", shape)


def replace_entries(ledger: Ledger, entries: Iterable[Entry]) -> Ledger:
    copy = Ledger(ledger.name, ledger.input, ledger.unit)
    copy.lines, copy.entries, copy.parts = ledger.lines, list(entries), ledger.parts
    copy.misaligned = ledger.misaligned
    return copy


def met(paths: Sequence[Sees]) -> Sees | None:
    return cache(lambda at: frozenset().union(*(path(at) for path in paths))) if paths else None


def alike(numbers: Shape) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else "x".join(map(str, numbers))


def stepped(stride: Shape) -> str:
    return f" /{alike(stride)}" if set(stride) != {1} else ""


def keeping(kernel: Shape, draw: random.Random) -> tuple[tuple[int, int], ...]:
    """Padding that keeps the size, dealt between the ends by chance."""
    befores = [draw.randint(0, size - 1) for size in kernel]
    return tuple((before, size - 1 - before) for before, size in zip(befores, kernel, strict=True))


def drawn(draw: random.Random, other: int = 0) -> Ledger:
    """A network; with `other` the same but for a kernel, a layer that is gone and one that has come."""
    kernel = draw.choice([(3, 1), (1, 3), (3, 2)])
    unit = {"kernel": kernel, "padding": keeping(kernel, draw), "bias": draw.random() < 0.5}
    net = Ledger("net", (draw.randint(1, 3), draw.randint(18, 22), draw.randint(12, 16)), unit)
    channels, strided, wide = draw.randint(2, 4), draw.randint(0, 1), (3 + other, 3 + other)
    stride = tuple(draw.randint(2, 3) if axis == strided else 1 for axis in (0, 1))
    dilation = tuple(1 if axis == strided else 2 for axis in (0, 1))
    before = draw.randint(0, 2), draw.randint(0, 2)
    axes = zip(net.input[1:], wide, stride, dilation, before, strict=True)
    padding = tuple((start, unread(size + start, kernel, step, apart)) for size, kernel, step, apart, start in axes)
    net.conv("stem", channels=channels, kernel=wide, stride=stride, dilation=dilation, padding=padding)
    net.norm("bn")
    net.stage("stage", channels, draw.randint(2, 3))
    net.stage("solo", channels, None)
    net.norm("again", share="bn")
    if other:
        net.alike("come", "relu", 1)
    source, beside = net.last, draw.randint(0, 1)
    for name, shift in (("left", 0), ("right", 2)):
        pads = tuple((shift, 2 - shift) if axis == beside else (0, 2) for axis in (0, 1))
        net.conv(name, source, channels=channels, kernel=(3, 3), padding=pads)
    net.merge("met", "add", ["left", "right"])
    net.global_pool("squeeze", keepdim=True)
    net.merge("gated", "mul", ["met", "squeeze"])
    ends = [
        unread(size, kernel, 2, 1) for size, kernel in zip((net.entry("gated").shape or ())[1:], (2, 3), strict=True)
    ]
    net.pool("pool", (2, 3), tuple(1 if end else 2 for end in ends))
    if not other:
        net.alike("gone", "dropout", 0, "p: 0.5", "0.5")
    net.global_pool("end", keepdim=False)
    net.linear("fc", draw.randint(3, 7) + other)
    return net


@cache
def network(seed: int, other: int = 0) -> Ledger:
    """The network of a number, drawn once; nobody changes it."""
    return drawn(random.Random(seed), other)


def unread(size: int, kernel: int, stride: int, dilation: int) -> int:
    """The positions that are missing behind an axis for a last window that ends with it."""
    return next(more for more in range(stride) if (size + more - (kernel - 1) * dilation - 1) % stride == 0)
