"""What a written layer looks like: the one place that knows how a layer stands in the text of a spec.

    - relu                                    a kind or block alone
    - linear: 10                              with the value of its one field
    - conv: {out_channels: 8, kernel_size: 3} with fields by name
    - add: {branches: [[conv: 8], []]}        a merge, with the layers whose outputs it merges
    - unit: {repeat: 3}                       several in a row, which have names of their own

What is not a layer is not refused here: who compiles the text reports it, and all others pass over it.
"""

from __future__ import annotations

from typing import Self

from convcalc.language.tree import Mapping, Node, Scalar, Sequence, entries_of, items_of

COMMON = ("name", "from", "repeat", "when", "share", "bits", "budget", "lint")
"""Fields that every layer may have."""
MERGES = ("add", "mul", "max", "min", "concat")
"""Kinds that may have `branches`."""
COMMUTATIVE = ("add", "mul", "max", "min")
"""Merges whose inputs may change places."""
RESERVED = ("input", "previous")
"""Names that stand for what enters."""


def numbered(kind: str, number: int) -> str:
    """The name of a layer that has been given none."""
    return f"{kind}{'_' if kind[-1:].isdigit() else ''}{number}"  # relu6_1, not relu61


class Written:
    """One layer as it is written: `item` as a whole, its `key`, and what stands behind that.

    `value` is None where nothing stands behind the key, and `body` also where that is empty.
    """

    __slots__ = ("body", "item", "key", "value")

    def __init__(self, item: Node, key: Scalar, value: Node | None) -> None:
        self.item = item
        self.key = key
        self.value = value
        self.body = None if isinstance(value, Scalar) and value.value is None and value.plain else value

    @classmethod
    def of(cls, item: Node) -> Self | None:
        """An item of a list of layers; of several keys the first counts, and without a key it is no layer."""
        if isinstance(item, Scalar):
            return cls(item, item, None)
        return cls(item, *item.entries[0]) if isinstance(item, Mapping) and item.entries else None

    @property
    def is_sound(self) -> bool:
        """Whether it is one kind or block, with no key beside it."""
        is_alone = not isinstance(self.item, Mapping) or len(self.item.entries) == 1
        return is_alone and isinstance(self.key.value, str)

    @property
    def kind(self) -> str:
        """The kind or block."""
        return str(self.key.value)

    @property
    def fields(self) -> list[tuple[Scalar, Node]]:
        """The fields that are written by name."""
        return entries_of(self.body)

    def field(self, name: str) -> Node | None:
        """The value of a field, None where it is not written by name."""
        return self.body.find(name) if isinstance(self.body, Mapping) else None

    @property
    def has_own_body(self) -> bool:
        """Whether its fields stand behind it, and not elsewhere with an alias to them."""
        return self.body is not None and self.body.start >= self.key.end

    @property
    def branches(self) -> list[Node]:
        """The lists of layers whose outputs a merge merges."""
        branches = self.field("branches") if self.kind in MERGES else None
        return branches.items if isinstance(branches, Sequence) else []

    @property
    def is_repeated(self) -> bool:
        """Whether it stands for several in a row."""
        return self.field("repeat") is not None

    @property
    def ignored(self) -> tuple[Scalar, ...]:
        """The rules that are not to be applied to it."""
        return ignored_in(self.field("lint"))

    @property
    def references(self) -> list[Scalar]:
        """The names of other layers that it starts from or shares arrays with."""
        return [name for key, value in self.fields if key.value in {"from", "share"} for name in names_in(value)]


def ignored_in(lint: Node | None) -> tuple[Scalar, ...]:
    """The rules that are named under `lint`, as codes, names or prefixes."""
    rules = lint.find("ignore") if isinstance(lint, Mapping) else None
    return tuple(rule for rule in items_of(rules) if isinstance(rule, Scalar) and isinstance(rule.value, str))


def names_in(node: Node) -> list[Scalar]:
    """The names of layers in the value of `from`, `share` or `outputs`."""
    names = [value for _, value in node.entries] if isinstance(node, Mapping) else items_of(node)
    return [name for name in names if isinstance(name, Scalar)]
