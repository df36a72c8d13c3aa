"""Specs by the grammar of the language, most of which are right: kinds with all their fields, blocks, branches, names.

A layer is drawn with fields of the types that its kind says they have, and kept where the kind takes them on what
enters; a share of all values is replaced by odd ones, so that most specs load and many are nearly right.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import yaml

from convcalc import fields as types
from convcalc import layers
from convcalc.fields import FieldError, FieldType
from convcalc.language import library
from convcalc.language.limits import LIMITED
from convcalc.language.quantities import AMOUNTS
from convcalc.language.written import MERGES
from convcalc.layers import Kind, Shape
from fuzz import expressions
from fuzz.mutations import DUMPER, SHORT, TEXTS, mutated

MOST_ELEMENTS = 200_000
"""Of a tensor: what is larger is seldom wanted, because every command is to be tried on it."""
ODD: list[Any] = [0, -1, 1, 2**31, 2**31 - 1, 2**62, 10**30, 0.5, 1e-40, float("inf"), float("-inf"), float("nan")]
ODD += [None, True, False, [], {}, [[]], [1, [2, [3]]], [0], [1] * 20, {"a": 1}, "", " ", "9" * 400, "2 ** 31"]
ODD += ["same", "rank", "1e309", "input", "previous", "in_channels[0]", "conv1", "required", "yes", "null", "a.b"]
ODD += ["{index}", "taps(3)"]
TAKEN = ["rank", "index", "input", "previous", "in_channels", "input_channels", "sum", "true", "same", "conv"]
TAKEN += ["layers"]
TOOLS = ["thop", "thop:figure=params", "thpo", "thop:", "thop:mode=x", "none.yaml", ":", "a/b.yaml"]
CALLS = ["nn.ReLU", "F.relu", "x.mean", "torch.cat", "+", "**", "LayerNorm2d(nn.LayerNorm)", "nn.Relu", "relu", "F."]
LABELS = ["=1+1", "@a", "-x", "+y", "::warning::z", "a|b", "<b>", "`c`", "é漢", "a,b;c", '"q"', "'", "*", "$(x)", "%s"]
LABELS += ["](a)", "&amp;", "\\", "#", "stem", "conv1", "0", "x" * 300]
WRONG_LABELS = ["\x1b[31m", "\u202eabc", "a\nb", "a\tb", "\x07", "\x85", "\u2028", "p{index}", "{", "a.b", " ", ""]
COMMENTS = ["convcalc: ignore", "convcalc: ignore[CC2]", "convcalc: file-ignore[CC301, dead-taps] why", "é", "::x"]
COMMENTS += ["convcalc: ignore[", "convcalc: ignore[CC999]", "convcalc: ignore[CC208] so \u202e it is"]


@cache
def kinds() -> dict[str, type[Kind]]:
    """Every kind by name."""
    return {name: kind for name in layers.names() if (kind := layers.load(name)) is not None}


def spec(draw: random.Random) -> bytes:
    """One input: by the grammar, an existing spec that is damaged, two put together, or bytes."""
    way = draw.random()
    if way < 0.7:
        text = Grammar(draw).text()
        text = mutated(text, draw) if draw.random() < 0.2 else text
    elif way < 0.9:
        text = mutated(draw.choice(SHORT if draw.random() < 0.95 else TEXTS), draw)
    elif way < 0.96:
        text = spliced(draw)
    else:
        return on_bytes(draw.choice(SHORT), draw)
    return text.encode("utf-8", "surrogatepass")


def spliced(draw: random.Random) -> str:
    """A spec with layers or blocks of another in it."""
    text, other = (Grammar(draw).text() if draw.random() < 0.5 else draw.choice(SHORT) for _ in range(2))
    blocks = [re.findall(r"(?m)^ *- .*\n(?: +[^- ].*\n)*", source) for source in (text, other)]
    if not all(blocks):
        return text
    place = text.index(draw.choice(blocks[0]))
    indent = re.match(" *", text[place:])
    taken = re.sub(r"(?m)^ *(?=- )", indent[0] if indent else "", "".join(draw.sample(blocks[1], 1)))
    return text[:place] + taken + text[place:]


def on_bytes(text: str, draw: random.Random) -> bytes:
    """Controls, marks, other encodings, and bits turned over."""
    way = draw.randrange(4)
    if way == 0:
        return text.encode(draw.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037")))
    if way == 1:
        return text.replace("\n", draw.choice(("\r", "\r\n", "\x85", "\u2028", "\x0b"))).encode()
    return on_bits(text.encode(), draw)


def on_bits(text: bytes, draw: random.Random) -> bytes:
    """Bytes put in or taken out, and bits turned over."""
    data, way = bytearray(text), draw.randrange(4)
    for _ in range(draw.choice((1, 1, 3, 20))):
        place = draw.randrange(len(data) + 1)
        if way == 0:
            data[place:place] = draw.choice((b"\0", b"\x1b[31m", b"\xef\xbb\xbf", b"\xff", b"\x7f", b"\xe2\x80\xae"))
        elif way == 1:
            del data[place : place + draw.choice((1, 2, 30))]
        elif way == 2:
            data[place:place] = draw.randbytes(draw.choice((1, 4, 60)))
        elif place < len(data):
            data[place] ^= 1 << draw.randrange(8)
    return bytes(data)


class Grammar:
    """One spec, drawn."""

    def __init__(self, draw: random.Random, odds: float | None = None) -> None:
        self.draw = draw
        self.odds = draw.choice((0.0, 0.0, 0.0, 0.005, 0.02, 0.08)) if odds is None else odds
        """How many of the values are odd ones."""
        self.labels = 0
        self.variables: dict[str, Any] = {}
        self.blocks: dict[str, Any] = {}
        self.named: list[tuple[str, str, Shape]] = []
        """Layers that can be referred to here: name, kind and shape."""

    def text(self) -> str:
        """The whole as YAML, in one of its styles, with comments."""
        draw = self.draw
        style = draw.choice((None, None, True, False))
        width = draw.choice((80, 100, 10**6))
        written = yaml.dump(
            self.tree(), Dumper=DUMPER, sort_keys=False, default_flow_style=style, allow_unicode=True, width=width
        )
        if draw.random() < 0.7:
            return str(written)
        lines = str(written).split("\n")
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(lines))
            lines[place] += f"  # {draw.choice(COMMENTS)}"
        return "\n".join(lines)

    def tree(self) -> dict[str, Any]:
        """Every field of a spec, the rare ones rarely."""
        draw = self.draw
        shapes = [self.shape() for _ in range(draw.choice((1, 1, 1, 1, 2, 3)))]
        if draw.random() < 0.5:
            self.draw_variables()
        tree: dict[str, Any] = {}
        if draw.random() < 0.3:
            tree["name"] = self.label()
        if draw.random() < 0.1:
            tree["source"] = self.odd() if self.is_odd() else "a paper: figure 1"
        if len(shapes) == 1:
            tree["input"] = self.maybe_odd(list(shapes[0]))
        else:
            names = [f"{draw.choice(LABELS)}{n}" if draw.random() < 0.05 else f"x{n}" for n in range(len(shapes))]
            tree["inputs"] = {name: list(shape) for name, shape in zip(names, shapes, strict=True)}
            self.named += [(name, "", shape) for name, shape in zip(names, shapes, strict=True)]
        if self.variables:
            tree["variables"] = self.variables
        for n in range(draw.choice((0, 0, 0, 1, 2))):
            self.blocks[draw.choice((f"unit{n}", *TAKEN)) if self.is_odd() else f"unit{n}"] = self.block(shapes[0])
        if self.blocks:
            tree["blocks"] = self.blocks
        tree["layers"], shape = self.sequence(shapes[0], draw.choice((1, 2, 3, 4, 6, 9)), depth=2)
        if len(shapes) > 1:  # of several inputs the first layer names the one that it takes
            tree["layers"].insert(0, {"identity": {"from": self.maybe_odd(next(iter(tree["inputs"])))}})
        if draw.random() < 0.1 and self.named:
            tree["outputs"] = self.maybe_odd([name for name, _, _ in self.named[-draw.randint(1, 2) :]])
        if draw.random() < 0.1:
            figures = {name: self.maybe_odd(self.amount()) for name in draw.sample(AMOUNTS, 2)}
            tree["expect"] = figures | draw.choice(({"output": list(shape)}, {"receptive_field": 3}, {}))
        if draw.random() < 0.1:
            tree["budget"] = self.budget()
        if draw.random() < 0.1:
            how = {"fused": True, "dtype": draw.choice(("int8", {"weights": "int4"})), "batch": 3}
            tree["deploy"] = {name: self.maybe_odd(value) for name, value in how.items() if draw.random() < 0.7}
        if draw.random() < 0.1:
            keys = draw.sample([*USUAL, *(name for name, _, _ in self.named), "*", "*.0", "[a-n]?", "n*"], 2)
            tree["code"] = {key: self.maybe_odd(draw.choice(CALLS)) for key in keys}
        return self.disturbed(tree) if self.is_odd() else tree

    def draw_variables(self) -> None:
        draw = self.draw
        for n in range(draw.randint(1, 4)):
            name = draw.choice(TAKEN) if self.is_odd() else draw.choice((f"v{n}", "width", "depth", "k"))
            listed = "[1, 2, 3]" if draw.random() < 0.5 else [2, 3]
            before = draw.choice(["4", *(other for other in self.variables if other != name)])
            self.variables[name] = self.maybe_odd(draw.choice((1, 2, 3, 8, 0.5, "2 * 3", before, listed, True)))
            if self.is_odd():
                self.variables[name] = expressions.wild([*self.variables], draw)

    def shape(self) -> Shape:
        draw = self.draw
        rank = draw.choice((0, 1, 1, 2, 2, 2, 2, 3))
        largest = draw.choice((1, 4, 12, 33, 64))
        return draw.choice((1, 2, 3, 3, 4, 6, 8, 16)), *(draw.randint(1, largest) for _ in range(rank))

    # ---- layers ---------------------------------------------------------------------------------------------------

    def sequence(self, shape: Shape, length: int, depth: int) -> tuple[list[Any], Shape]:
        """Layers one behind the other, and the shape that leaves."""
        written: list[Any] = []
        for _ in range(length):
            layer, shape = self.layer(shape, depth)
            written.append(layer)
            if self.draw.random() < 0.1 and (isinstance(layer, str) or "name" not in str(layer)):
                written.append(layer)  # the same object twice is an anchor and its alias
        return written, shape

    def layer(self, shape: Shape, depth: int) -> tuple[Any, Shape]:
        """One layer that takes the shape, as a rule, and the shape that leaves."""
        draw = self.draw
        way = draw.random()
        if way < 0.12 and depth:
            return self.merge(shape, depth)
        if way < 0.22:
            return self.call(shape)
        for _ in range(4):
            name = draw.choice(USUAL if draw.random() < 0.5 else list(kinds()))
            sources, shapes = self.sources(kinds()[name], shape)
            written = {
                field: self.value(of, shapes[0], kinds()[name])
                for field, of in layers.field_types(kinds()[name]).items()
                if field in layers.required(kinds()[name]) or draw.random() < 0.35
            }
            leaves = _leaving(kinds()[name], written, shapes)
            if leaves is not None and prod(leaves) <= MOST_ELEMENTS:
                break
        else:
            return "relu", shape
        common = self.common(name, leaves, repeats=leaves == shape and not sources)
        if sources:
            common["from"] = sources if len(sources) > 1 else sources[0]
        return self.spelt(name, self.varied(written, shapes[0]) | common), leaves

    def sources(self, kind: type[Kind], shape: Shape) -> tuple[list[str], list[Shape]]:
        """Where the tensors come from, none where it is the layer before alone, and their shapes."""
        draw, (least, most) = self.draw, kind.inputs
        if least == 1 and (most == 1 or draw.random() < 0.5) and draw.random() < 0.92:
            return [], [shape]
        alike = [(name, of) for name, _, of in self.named if of == shape] or [("previous", shape)]
        count = least if most == least else max(least, draw.randint(1, 3))
        drawn = [draw.choice(alike if draw.random() < 0.9 else [(n, of) for n, _, of in self.named] or alike)
                 for _ in range(count)]  # fmt: skip
        return [name for name, _ in drawn], [of for _, of in drawn]

    def merge(self, shape: Shape, depth: int) -> tuple[Any, Shape]:
        """Branches that fit each other, as a rule: identities, and layers that keep the shape."""
        draw = self.draw
        name = draw.choice(sorted(MERGES))
        branches, leaving = [], []
        named = list(self.named)
        for _ in range(draw.choice((1, 2, 2, 3))):
            branch, leaves = self.sequence(shape, draw.choice((0, 1, 1, 2)), depth - 1)
            if leaves == shape or self.is_odd():
                branches.append(branch)
                leaving.append(leaves)
        self.named = named
        while len(branches) < 2:
            branches.append([])
            leaving.append(shape)
        written = {"branches": branches} | ({"axis": 0} if name == "concat" and draw.random() < 0.3 else {})
        out = _leaving(kinds()[name], {"axis": 0} if "axis" in written else {}, leaving) or shape
        return self.spelt(name, written | self.common(name, out, repeats=False)), out

    def call(self, shape: Shape) -> tuple[Any, Shape]:
        """A block, of the spec or shipped, whose output is not worked out here: mostly one that keeps the shape."""
        draw = self.draw
        if self.blocks and draw.random() < 0.6:
            name = draw.choice(list(self.blocks))
            own = self.blocks[name].get("parameters")
            written = (
                {field: self.number(shape) for field in own if draw.random() < 0.8} if isinstance(own, dict) else {}
            )
            return self.spelt(name, written | self.common(name, shape, repeats=True)), shape
        if len(shape) == 1 and not self.is_odd():
            return "relu", shape
        name = draw.choice(library.block_names())
        parameters = library.block(name).parameters  # type: ignore[union-attr]
        fitting = {"channels": shape[0], "out_channels": shape[0], "reduction": 1, "kernel_size": draw.choice((1, 3))}
        written = {
            field: self.maybe_odd(fitting.get(field, False if field == "bias" else draw.choice((1, 2))))
            for field, default in parameters.items()
            if default is None or field == "reduction" or draw.random() < 0.1
        }
        if "padding" in parameters:
            written["padding"] = self.maybe_odd("same")
        return self.spelt(name, written | self.common(name, shape, repeats=True)), shape

    def block(self, shape: Shape) -> dict[str, Any]:
        """A block with parameters and layers."""
        draw = self.draw
        block: dict[str, Any] = {}
        if draw.random() < 0.6:
            defaults = draw.choice((1, "required", 3, "2 * 2", [1, 2]))
            block["parameters"] = {draw.choice(("channels", "stride", "n", "flag")): self.maybe_odd(defaults)}
        if draw.random() < 0.1:
            block["inputs"] = ["x", "skip"] if self.is_odd() else self.maybe_odd(["x"])
        if draw.random() < 0.1:
            block["about"] = "what it is"
        named, self.named = self.named, []
        block["layers"], _ = self.sequence(shape, draw.choice((1, 2, 3)), depth=1)
        self.named = named
        return self.disturbed(block) if self.is_odd() else block

    def common(self, name: str, shape: Shape, *, repeats: bool) -> dict[str, Any]:
        """The fields that every layer can have."""
        draw = self.draw
        common: dict[str, Any] = {}
        if draw.random() < 0.3:
            common["name"] = self.label()
            self.named.append((common["name"], name, shape))
        if repeats and draw.random() < 0.25:
            common["repeat"] = self.maybe_odd(draw.choice((0, 1, 2, 3, 3)))
            if "name" in common and draw.random() < 0.4:
                common["name"] = f"{common['name']}_{{index}}"
        if draw.random() < 0.06:
            common["when"] = self.maybe_odd(draw.choice((True, "rank > 1 or true", "in_channels > 0", "not false")))
        if draw.random() < 0.05:
            alike = [label for label, kind, _ in self.named[:-1] if kind == name]
            if alike or self.is_odd():
                common["share"] = draw.choice(alike or ["conv1", {"weight": "conv1.weight"}, self.odd()])
        if draw.random() < 0.03:
            common["budget"] = self.budget()
        if draw.random() < 0.03:
            common["bits"] = self.maybe_odd(draw.choice((1, 8, "float16", {"weights": 4, "bias": "int32"})))
        if draw.random() < 0.03:
            common["lint"] = {"ignore": self.maybe_odd(draw.choice((["CC2"], "dead-taps", ["CC201", "CC3"])))}
        return common

    def spelt(self, name: str, written: dict[str, Any]) -> Any:
        """A layer in one of the forms that mean the same."""
        if not written:
            return self.draw.choice((name, {name: {}}, {name: None}))
        return {name: self.disturbed(written) if self.is_odd() else written}

    # ---- values ---------------------------------------------------------------------------------------------------

    def value(self, of: FieldType, shape: Shape, kind: type[Kind]) -> Any:
        """A value of a field's type for a tensor that enters; small, so that most fit."""
        draw, rank = self.draw, len(shape) - 1
        if isinstance(of, types.Optional):
            return None if draw.random() < 0.2 else self.value(of.of, shape, kind)
        if isinstance(of, types.FlagOrWord):
            return draw.choice((False, True, *of.options))
        if isinstance(of, types.Flag):
            return draw.random() < 0.5
        if isinstance(of, types.Choice):
            return draw.choice(of.options)
        if isinstance(of, types.Real):
            least = of.minimum or 0.0
            return draw.choice((least, least + 0.5, 0.1, 1e-5, 1, of.maximum or 2.0, -0.5))
        if isinstance(of, types.Channels):
            return draw.choice((1, 2, 4, 8, shape[0], shape[0]))
        if isinstance(of, types.PaddingType):
            listed = [draw.choice((0, 1, 2, [0, 1], [1, 1])) for _ in range(rank)]
            return draw.choice((0, 1, 1, 2, listed, *of.words))
        if isinstance(of, types.ScaleFactor):
            return draw.choice((1, 2, 2, 0.5, 1.5, [2] * rank))
        if isinstance(of, types.Listed):
            least = max(of.minimum, -rank - 1)
            if of.minimum == 1 and draw.random() < 0.6:  # sizes, which are to hold what enters
                return draw.choice(([prod(shape)], list(shape), list(shape[::-1]), [shape[0], prod(shape[1:])]))
            count = draw.choice((1, rank, rank + 1))
            return draw.choice((draw.sample(range(rank + 1), min(count, rank + 1)), [max(0, least)] * count, least))
        if isinstance(of, types.PerAxis):
            least, more = of.minimum, draw.choice((0, 1, 2, 2, 4))
            return draw.choice((least + more, least + more, [least + draw.randint(0, 2) for _ in range(rank)]))
        if isinstance(of, types.Whole):
            return max(of.minimum, -rank - 1) + draw.choice((0, 1, 2, 3))
        return draw.choice((1, 2, [1] * rank, [2] * rank))

    def varied(self, written: dict[str, Any], shape: Shape) -> dict[str, Any]:
        """The same fields, some as expressions, some odd."""
        draw, names = self.draw, list(self.variables)

        def variant(value: Any) -> Any:
            if isinstance(value, list):
                return [variant(item) for item in value]
            if isinstance(value, int) and not isinstance(value, bool) and draw.random() < 0.12:
                return expressions.worth(value, names, draw)
            return value

        for field, value in written.items():
            if draw.random() < self.odds / 2:
                written[field] = expressions.wild([*names, *(name for name, _, _ in self.named)], draw)
            else:
                written[field] = self.maybe_odd(variant(value))
        return written

    def number(self, shape: Shape) -> Any:
        """Of a block's parameter."""
        return self.maybe_odd(self.draw.choice((1, 1, 2, 3, shape[0], "in_channels", "[1, 2][0]")))

    def budget(self) -> Any:
        names = self.draw.sample(LIMITED, 2)
        budget = {name: self.maybe_odd(0.5 if name == "bound_ms" else self.amount()) for name in names}
        return budget if self.draw.random() < 0.8 else budget | {"as": self.maybe_odd(self.draw.choice(TOOLS))}

    def amount(self) -> Any:
        return self.draw.choice((1, 1000, "30M", "1.5 GiB", "256 KiB", 10**12, 0))

    def label(self) -> str:
        """A name that no other has, as a rule."""
        self.labels += 1
        if self.draw.random() < 0.8:
            return f"n{self.labels}"
        return self.draw.choice(WRONG_LABELS) if self.is_odd() else f"{self.draw.choice(LABELS)}{self.labels}"

    def is_odd(self) -> bool:
        return self.draw.random() < self.odds

    def odd(self) -> Any:
        return self.draw.choice(ODD)

    def maybe_odd(self, value: Any) -> Any:
        return self.odd() if self.is_odd() else value

    def disturbed(self, mapping: dict[str, Any]) -> dict[str, Any]:
        """Without one of its fields, with one too many, or with one odd."""
        draw = self.draw
        key = draw.choice(list(mapping))
        changes: tuple[Callable[[], dict[str, Any]], ...] = (
            lambda: {name: value for name, value in mapping.items() if name != key},
            lambda: mapping | {draw.choice((*TAKEN, "kernel", "stride", "axis")): self.odd()},
            lambda: mapping | {key: self.odd()},
        )
        return draw.choice(changes)()


USUAL = ["conv", "conv", "conv", "max_pool", "avg_pool", "batch_norm", "relu", "conv_transpose", "upsample", "linear"]
USUAL += ["global_avg_pool", "flatten", "dropout", "pad", "crop", "slice", "split", "concat", "add"]


def _leaving(kind: type[Kind], written: dict[str, Any], shapes: list[Shape]) -> Shape | None:
    """The shape that leaves, None where the kind does not take what is written.

    Where convcalc itself breaks on it, the shape that enters: the commands are to meet the same.
    """
    rank, of = len(shapes[0]) - 1, layers.field_types(kind)
    try:
        fields = {name: of[name].expand(value, rank) for name, value in layers.defaults(kind).items() if name in of}
        fields |= {name: of[name].accept(_as_read(value), rank) for name, value in written.items()}
        config = kind(**fields)
        holds = all(check.holds for check in config.checks(*shapes))
        return config.shape(*shapes) if holds else None
    except (FieldError, TypeError):
        return None
    except Exception:  # a fault of the kind, which the commands are to show: the layer is drawn all the same
        return shapes[0]


def _as_read(value: Any) -> Any:
    """Lists as the language hands them on."""
    return tuple(map(_as_read, value)) if isinstance(value, list) else value
