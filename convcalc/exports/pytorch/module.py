"""The text of a module: imports, a class for each block and one for the network, and what it prints when it is run."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from convcalc import steps
from convcalc.exports.pytorch.classes import Classes, ModuleClass
from convcalc.exports.pytorch.forward import ForwardBody
from convcalc.exports.pytorch.identifiers import identifier
from convcalc.exports.pytorch.items import ModuleItem, Name, rebound
from convcalc.exports.pytorch.scopes import ModuleScope, tree
from convcalc.exports.pytorch.syntax import (
    REQUIRED,
    WIDTH,
    Argument,
    Bracketed,
    EnteringTensor,
    Expression,
    LiteralValue,
    Loop,
    Own,
    PythonCall,
    flat,
    lines,
    literal,
    numbers,
)
from convcalc.exports.pytorch.ties import ties
from convcalc.layers import UNSIZED
from convcalc.network import Network

LAYER_STEPS = 150
"""Steps that the code of a layer takes."""


class PythonSource(msgspec.Struct, frozen=True):
    """The text, the name of its class, and where each layer is in it, by the index of its node."""

    text: str
    name: str
    paths: Mapping[int, str]
    classes: Any


def source(network: Network) -> PythonSource:
    """The network as a module.

    Raises:
        CannotWrite: torch has no words for some layers, all of them named.
    """
    steps.spend(LAYER_STEPS * len(network.layers))
    root = tree(network)
    classes = Classes(network, root)
    paths = _paths(classes, root)
    main = classes.ordered[-1]
    texts = [text for made in classes.ordered for text in _class(classes, made, root, paths)]
    needed = sorted({line for code in classes.code.values() for line in code.imports})
    body = "\n".join(texts)
    standard = [line for line in needed if line == "import math"]
    others = [line for line in needed if line != "import math"]
    torch = ["import torch"] if "torch." in body or network.inputs else []
    functional = ["from torch.nn import functional as F"] * ("F." in body)
    imports = "\n".join([*torch, "from torch import nn", *functional, *others])
    head = [_about(network), *(["\n".join(standard)] if standard else []), imports]
    return PythonSource("\n\n".join(head) + "\n" + body + "\n" + _run(network, main.name), main.name, paths, classes)


def _plain(text: str) -> str:
    """A text of a spec as a line that ends nothing and hides nothing."""
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(kept.replace("\\", "/").replace('"', "'").split())


def _about(network: Network) -> str:
    title = _plain(network.name) or "A network"
    written = [f'"""{title}, in PyTorch, as convcalc wrote it from a spec.']
    if network.source:
        written += ["", *textwrap.wrap(f"Source: {_plain(network.source)}", WIDTH - 4)]
    return "\n".join([*written, '"""']) if len(written) > 1 else f'{written[0]}"""'


def _class(classes: Classes, made: ModuleClass, root: ModuleScope, paths: Mapping[int, str]) -> Iterator[str]:
    """The lines of a class."""
    scope = made.uses[0]
    values = iter(made.parameters.bindings)
    items = [rebound(item, values) for item in made.items[0]]
    yield f"\n\nclass {made.name}(nn.Module):"
    if made.about:
        yield from _docstring(made.about)
    yield from _constructor(made, items, ties(classes, root, paths) if scope is root else [])
    names = _entering(classes.network, scope, is_root=scope is root)
    yield f"\n    def forward({', '.join(['self', *names])}):"
    yield from ForwardBody(items, scope.entering, scope.leaving, names).written()


def _docstring(about: str) -> Iterator[str]:
    """What a block's definition says of it."""
    first, *more = textwrap.wrap(_plain(about), WIDTH - 8)
    if more:
        yield f'    """{first}'
        yield from (f"    {line}" for line in more)
        yield '    """\n'
    else:
        yield f'    """{first}"""\n'


def _entering(network: Network, scope: ModuleScope, *, is_root: bool) -> list[str]:
    if len(scope.entering) == 1:
        return ["x"]
    names: list[str] = []
    for place, tensor in enumerate(scope.entering):
        name = network.nodes[tensor].name if is_root else ("x", "y", "z")[place] if place < 3 else f"x{place}"
        names.append(identifier(name, names))
    return names


def _constructor(made: ModuleClass, items: Sequence[ModuleItem], tied: Sequence[str]) -> Iterator[str]:
    parameters = made.parameters
    taken = parameters.arguments
    signature = [f"{argument.name}: {argument.annotation}{_default(argument.default)}" for argument in taken]
    yield from _signature(signature)
    yield "        super().__init__()"
    for name, formula in parameters.derived:
        yield f"        {name} = {formula}"
    kept = {value.value.text for item in items for value in _in_forward(item) if isinstance(value.value, Name)}
    for name in sorted(kept):
        yield f"        self.{name} = {name}"
    for item in items:
        if not item.reused:
            yield from _held(item)
    for line in tied:
        yield f"        {line}"


def _default(value: Any) -> str:
    return "" if value is REQUIRED else f" = {literal(value)}"


def _signature(arguments: Sequence[str]) -> Iterator[str]:
    straight = f"    def __init__({', '.join(['self', *arguments])}):"
    if len(straight) <= WIDTH:
        yield straight
        return
    together = f"        {', '.join(['self', *arguments])}"
    yield "    def __init__("
    if len(together) <= WIDTH:
        yield together
    else:
        yield from (f"        {argument}," for argument in ["self", *arguments])
    yield "    ):"


def _in_forward(item: ModuleItem) -> Iterator[LiteralValue]:
    yield from numbers(item.forward)


def _render(part: LiteralValue | EnteringTensor | Own) -> str:
    if not isinstance(part, LiteralValue):
        raise TypeError(part)
    return part.value.text if isinstance(part.value, Name) else literal(part.value)


def _held(item: ModuleItem) -> Iterator[str]:
    """What makes the attributes of an item."""
    for part, made in item.held.items():
        name = f"{item.attribute}_{part}" if part else item.attribute
        if part in item.buffers:
            yield from lines("", PythonCall("self.register_buffer", _arguments(literal(name), made)), _render, 8)
        else:
            yield from lines(f"self.{name} = ", made, _render, 8)
    if item.listed:
        name = "nn.Sequential" if item.is_chain else "nn.ModuleList"
        runs = _runs(item.listed)
        arguments = runs if item.is_chain else [Bracketed(tuple(runs))]
        yield from lines(f"self.{item.attribute} = ", PythonCall(name, _arguments(*arguments)), _render, 8)


def _arguments(*values: Expression) -> tuple[Any, ...]:
    return tuple(Argument(value) for value in values)


def _runs(calls: Sequence[PythonCall]) -> list[Expression]:
    """Calls, equal ones behind each other, and those that count up, as a loop."""
    runs: list[Expression] = []
    place = 0
    while place < len(calls):
        count, step = _run_length(calls[place:])
        if count < 2 or (count == 2 and step):
            runs.append(calls[place])
            place += 1
            continue
        body = calls[place] if not step else _counting(calls[place], calls[place + 1])
        counter = "i" if step else "_"
        runs.append(Loop(body, counter, count))
        place += count
    return runs


def _run_length(calls: Sequence[PythonCall]) -> tuple[int, bool]:
    """How many calls from the first on are equal, or count up by the same, and whether they count."""
    texts = [flat(made, _render) for made in calls[:2]]
    if len(texts) == 2 and texts[0] == texts[1]:
        return next((n for n, made in enumerate(calls) if flat(made, _render) != texts[0]), len(calls)), False
    if len(calls) < 3 or not _step(calls[0], calls[1]):
        return 1, False
    step = _step(calls[0], calls[1])
    count = 2
    while count < len(calls) and _step(calls[count - 1], calls[count]) == step:
        count += 1
    return count, True


def _step(before: PythonCall, behind: PythonCall) -> tuple[tuple[int, int], ...]:
    """By how much each argument grows that does; none where anything else differs."""
    if before.function != behind.function or len(before.arguments) != len(behind.arguments):
        return ()
    grown = []
    for place, (first, second) in enumerate(zip(before.arguments, behind.arguments, strict=True)):
        a, b = (argument.value.value for argument in (first, second) if isinstance(argument.value, LiteralValue))
        if a == b:
            continue
        if not isinstance(a, int) or not isinstance(b, int) or b < a:
            return ()
        grown.append((place, b - a))
    return tuple(grown)


def _counting(first: PythonCall, second: PythonCall) -> PythonCall:
    """A call whose arguments grow with `i`."""
    grown = dict(_step(first, second))
    arguments = []
    for place, argument in enumerate(first.arguments):
        value = argument.value
        if place in grown and isinstance(value, LiteralValue):
            factor = "i" if grown[place] == 1 else f"{grown[place]} * i"
            value = LiteralValue(
                Name(f"{value.value} + {factor}" if value.value else factor), value.label, value.default
            )
        arguments.append(msgspec.structs.replace(argument, value=value))
    return PythonCall(first.function, tuple(arguments))


def _paths(classes: Classes, root: ModuleScope) -> dict[int, str]:
    """Where each layer is, from the network on."""
    paths: dict[int, str] = {}

    def go(scope: ModuleScope, before: str) -> None:
        for inside in scope.inside:
            if isinstance(inside, ModuleScope):
                path = f"{before}{classes.attributes[id(inside)]}"
                if inside.times is None:
                    go(inside, f"{path}.")
                for place, block in enumerate(inside.inside if inside.times is not None else ()):
                    if isinstance(block, ModuleScope):
                        go(block, f"{path}[{place}].")
                    else:
                        paths[block] = f"{path}[{place}]"
            else:
                paths[inside] = f"{before}{classes.attributes[inside]}"

    go(root, "")
    return paths


def _run(network: Network, name: str) -> str:
    """What is done where the file is run: the parameters counted, the shapes measured."""
    entering = [f"torch.zeros({', '.join(map(str, (1, *node.shape)))})" for node in network.inputs]
    count = "sum(parameter.numel() for parameter in model.parameters())"
    body = ["", "", 'if __name__ == "__main__":', f"    model = {name}().eval()",
            f'    print(f"{{{count}:,}} parameters")']  # fmt: skip
    if any(node.shape == UNSIZED for node in network.nodes):
        return "\n".join([*body, ""])
    body += lines("outputs = ", PythonCall("model", _arguments(*entering)), _render, 4)
    body.append("    print(tuple(outputs.shape))" if len(network.outputs) == 1 else
                "    print([tuple(output.shape) for output in outputs])")  # fmt: skip
    return "\n".join([*body, ""])
