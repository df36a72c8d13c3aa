"""Layers that are written in the form of another tool, and how they are written here: for messages alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from convcalc.language import tree
from convcalc.language.elsewhere import BARE, NORMS, field_named, kind_named
from convcalc.language.tree import Node, Scalar, brief

_NAMES_OF_KINDS = ("type", "kind", "op", "layer", "class", "class_name", "module")
"""Keys under which others write the kind of a layer."""


def under_own_names(mapping: tree.Mapping, fields: Sequence[str]) -> tree.Mapping:
    """The mapping with what stands under another framework's names under ours, so that it is read all the same."""
    written = {str(key.value) for key, _ in mapping.entries}
    missing = [field for field in fields if field not in written]
    entries = []
    for key, node in mapping.entries:
        name = "" if key.value in fields else field_named(str(key.value), missing)
        if name:
            missing.remove(name)
        entries.append((tree.scalar(name, key.start, key.end) if name else key, node))
    return replace(mapping, entries=entries)


class Forms:
    """How layers of one text are written; `fields_of` are the fields of a kind or block, and those it must have."""

    def __init__(
        self, text: str, known: list[str], fields_of: Callable[[str], tuple[Sequence[str], Sequence[str]]]
    ) -> None:
        self.text = text
        self.known = known
        self.fields_of = fields_of

    def layer(self, name: str, written: str = "") -> str:
        """A layer with these fields, or with room for those that it must have."""
        fields = written or ", ".join(f"{field}: ..." for field in self.fields_of(name)[1])
        return f"`- {name}: {{{fields}}}`" if fields else f"`- {name}`"

    def of_text(self, text: str) -> str:
        """`conv 3x3 64`, `conv(64, 3)`."""
        kind, rest = (part.strip() for part in re.findall(r"^\s*([\w.]*)(.*)", text, re.DOTALL)[0])
        name = kind_named(kind, self.known) if rest else ""
        return f"write {self.layer(name)}" if name else ""

    def of_list(self, items: list[Node]) -> str:
        """`[conv, 64, 3]`, and Darknet's and YOLO's rows."""
        words = [item.value for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]
        name = next((name for word in words if (name := kind_named(word, self.known))), "conv")
        return f"fields have names: write {self.layer(name)}"

    def of_sequence(self, node: Node) -> str:
        """What stands where a list of layers is expected: one layer, or layers under names."""
        if isinstance(node, Scalar):
            name = kind_named(str(node.value), self.known)
            if not name:
                return "the identity is []" if node.value in ("input", "identity", None) else ""
            return f"write a list: [{name}]"
        if not isinstance(node, tree.Mapping) or not node.entries:
            return ""
        key, body = node.entries[0]
        name = kind_named(str(key.value), self.known)
        if not name:
            return f"each layer begins with a dash and its kind: `- conv: {{name: {key.value}, ...}}`"
        fields = self._fields(body.entries) if isinstance(body, tree.Mapping) else ""
        return f"each layer begins with a dash: {self.layer(name, fields)}"

    def of_entries(self, entries: list[tuple[Scalar, Node]]) -> str:
        """A mapping of several keys: the kind among its fields, under a key of its own, or not indented."""
        for key, body in entries:
            word = str(key.value)
            names_kind = word in _NAMES_OF_KINDS and isinstance(body, Scalar)
            name = kind_named(str(body.value) if names_kind else word, self.known)  # type: ignore[union-attr]
            if name:
                rest = [entry for entry in entries if entry[0] is not key]
                inside = body.entries if isinstance(body, tree.Mapping) else []
                how = "the kind is the key" if names_kind else "indent the fields below the kind"
                return f"{how}: {self.layer(name, self._fields([*rest, *inside]))}"
        return "a layer is a kind with its fields: `- conv: {out_channels: 64, kernel_size: 3}`"

    def _fields(self, entries: list[tuple[Scalar, Node]]) -> str:
        shown = ", ".join(f"{key.value}: {brief(body, self.text) or '...'}" for key, body in entries)
        return shown if len(shown) <= 80 else "..."

    def of_bare(self, name: str, body: Node, *, merges: bool) -> str:
        """A value where fields are expected: arguments by position, tensors of a merge, channels that are inferred."""
        fields, required = self.fields_of(name)
        written, source = brief(body, self.text), self._name(body)
        if merges:
            tensors = body.items if isinstance(body, tree.Sequence) else [body]
            names = ", ".join(self._name(tensor) or "..." for tensor in tensors)
            tensors_written = f"from: [{names}{', ...' * (len(tensors) < 2)}]"
            return f"write {self.layer(name, ', '.join([tensors_written, *(f'{field}: ...' for field in required)]))}"
        if required:
            first = written if written.isdecimal() else "..."
            fields_written = ", ".join([f"{required[0]}: {first}", *(f"{field}: ..." for field in required[1:])])
            return f"fields have names: write {self.layer(name, fields_written)}"
        if not fields:
            return f"it has no fields of its own: write {self.layer(name, f'from: {source}' if source else '')}"
        if name in NORMS:
            return f"its channels are inferred: write {self.layer(name)}"
        value = written if re.fullmatch(r"[\d.]+|\[[\d, ]+\]", written) and name in BARE else "..."
        return f"fields have names: write {self.layer(name, f'{BARE.get(name, fields[0])}: {value}')}"

    def _name(self, node: Node) -> str:
        """A text, which may be the name of a layer; nothing for numbers, flags and all else."""
        return brief(node, self.text) if isinstance(node, Scalar) and isinstance(node.value, str) else ""
