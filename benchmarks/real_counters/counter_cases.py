"""Cases of layers: a spec, the same in PyTorch, and the tensors that enter; what counters are run on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from counter_calls import CALLS
from counter_ways import Fields, Shape

HEADER = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\nimport torchvision\n"
SOLE_FIELDS = {
    "linear": "out_features",
    "attention": "num_heads",
    "group_norm": "num_groups",
    "lstm": "hidden_size",
    "gru": "hidden_size",
    "rnn": "hidden_size",
}


class Case(NamedTuple):
    """A spec and the text of the module that is the same network."""

    name: str
    spec: str
    source: str


class Step(NamedTuple):
    """A layer of a chain: its kind and fields, and how the code calls it; by nothing as it is usually called."""

    kind: str
    fields: Fields = {}  # noqa: RUF012  # a field of a tuple, which is never changed
    call: str = ""


def chain(name: str, shape: Sequence[int], *steps: Step) -> Case:
    """Layers one behind the other, as nn.Sequential where all of them are modules."""
    written = _Written()
    layers: list[str] = []
    entering = tuple(shape)
    for step in steps:
        layers.append(flow(step))
        written.add(step, entering)
        entering = output_shape(spec_text({"input": shape}, layers))
    code = dict(entry for step, entry in zip(steps, written.code, strict=True) if entry)
    return Case(name, spec_text({"input": shape}, layers, code), written.source())


class _Written:
    """The code of a chain, layer by layer."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.lines: list[str] = []
        self.before: dict[str, None] = {}
        self.code: list[tuple[str, str] | None] = []

    def add(self, step: Step, entering: Shape) -> None:
        ways = CALLS[step.kind]
        usual = next(iter(ways))
        called = ways[step.call or usual](step.fields, entering)
        self.before |= {called.before: None} if called.before else {}
        self.made.append(called.made)
        self.lines.append(called.expression.format(x="x", m=f"self.m{len(self.made)}"))
        is_said = step.call and step.call != usual
        self.code.append((step.kind, call_name(step, entering)) if is_said else None)

    def source(self) -> str:
        if all(self.made) and all(line == f"self.m{place}(x)" for place, line in enumerate(self.lines, 1)):
            return "".join(self.before) + f"nn.Sequential({', '.join(self.made)})"
        made = [f"        self.m{place} = {text}\n" for place, text in enumerate(self.made, 1) if text]
        lines = [f"        x = {line}\n" for line in self.lines]
        return net(made, lines, "".join(self.before))


def net(made: Sequence[str], lines: Sequence[str], before: str = "", entering: str = "x") -> str:
    """The text of a class `Net` by the lines of its constructor and of its forward."""
    head = "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    return f"{before}{head}{''.join(made)}    def forward(self, {entering}):\n{''.join(lines)}        return x\n"


def call_name(step: Step, entering: Shape) -> str:
    """The call as a spec's `code` has it."""
    axes = max(len(entering) - 1, 1) if "Norm" in step.call else len(entering) - 1
    return step.call.replace("#", f"{axes}d").format(**step.fields)


def flow(step: Step) -> str:
    """A layer in one line of YAML."""
    fields = step.fields
    sole = SOLE_FIELDS.get(step.kind)
    if not fields:
        return step.kind
    if sole and list(fields) == [sole]:
        return f"{step.kind}: {fields[sole]}"
    return f"{step.kind}: {{{', '.join(f'{name}: {_yaml(value)}' for name, value in fields.items())}}}"


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def spec_text(inputs: Mapping[str, Sequence[int]], layers: Sequence[str], code: dict[str, str] | None = None) -> str:
    """A whole spec."""
    if list(inputs) == ["input"]:
        head = f"input: {json.dumps(list(inputs['input']))}\n"
    else:
        head = f"inputs: {{{', '.join(f'{name}: {json.dumps(list(sizes))}' for name, sizes in inputs.items())}}}\n"
    called = ", ".join(f'{name}: "{call}"' for name, call in (code or {}).items())
    return f"{head}layers:\n{''.join(f'  - {layer}' + chr(10) for layer in layers)}" + (
        f"code: {{{called}}}\n" if called else ""
    )


def output_shape(spec: str) -> Shape:
    """What leaves the network of a spec."""
    from convcalc.analysis.analyze import analyze
    from convcalc.language import Source, loads

    network = analyze(loads(Source("case", spec.partition("\ncode:")[0] + "\n"))).network
    return network.nodes[network.outputs[0]].shape


def input_shapes(spec: str) -> dict[str, Shape]:
    """The shapes that enter, by name."""
    import yaml

    read = yaml.safe_load(spec)
    inputs = read.get("inputs") or {"input": read["input"]}
    return {name: tuple(sizes) for name, sizes in inputs.items()}


def module_of(source: str) -> Any:
    """The module of a case's text, in evaluation mode."""
    names: dict[str, Any] = {}
    before, _, expression = source.rpartition("nn.Sequential(") if "class Net" not in source else (source, "", "")
    exec(HEADER + before, names)  # noqa: S102  # text of our own
    made = eval(f"nn.Sequential({expression}", names) if expression else names["Net"]()  # noqa: S307
    return made.eval()


def tensors_of(spec: str, batch: int = 1) -> tuple[Any, ...]:
    """Random tensors of the shapes that enter; an input by the name of `indices` holds whole numbers."""
    import torch

    return tuple(
        torch.randint(0, 4, (batch, *sizes)) if name == "indices" else torch.randn(batch, *sizes)
        for name, sizes in input_shapes(spec).items()
    )
