"""Changes to the text of a spec at the places of its values, so that everything else stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from convcalc.language.source import Edit, before_blanks
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, children
from convcalc.language.writing import quoted
from convcalc.language.written import Written
from convcalc.visible import in_yaml


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits; they must not overlap."""
    parts, place = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        parts += [text[place : edit.start], edit.text]
        place = edit.end
    return "".join([*parts, text[place:]])


class LayerChange(msgspec.Struct, frozen=True):
    """What becomes of one written layer; None and empty: it stays.

    `kind` is another kind or block, `name` the name to write where none is written, `fields` are texts of values to
    write, `dropped` fields to leave out. `bare` is the field whose value stands for the whole layer.
    """

    kind: str | None = None
    name: str | None = None
    fields: dict[str, str] = {}
    dropped: frozenset[str] = frozenset()
    bare: str = ""


class Layout:
    """How the nodes of one text are laid out in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = next((newline for newline in ("\r\n", "\n", "\r") if newline in text), "\n")

    def start(self, node: Node) -> int:
        """Where a node begins, behind its anchor."""
        anchor = re.compile(r"&\S+(\s+(#[^\r\n]*)?)*").match(self.text, node.start)
        return anchor.end() if anchor and not isinstance(node, Scalar) else node.start

    def flows(self, node: Node) -> bool:
        """Whether a collection is written in brackets or braces."""
        return self.text[self.start(node) : self.start(node) + 1] in ("[", "{")

    def end(self, node: Node) -> int:
        """Where what a node says ends: a block collection's own end is where the next one begins."""
        if isinstance(node, Scalar):  # a block scalar reaches into the next line
            return node.start + len(self.text[node.start : node.end].rstrip())
        if self.flows(node):
            return node.end
        inside = [self.end(child) for child in children(node) if node.start <= child.start < node.end]
        return max([self._before_comments(node), *inside]) if _has_aliases(node) else max(inside, default=node.start)

    def entry_end(self, key: Scalar, value: Node) -> int:
        """Where what an entry says ends; its value stands elsewhere where an alias stands for it."""
        return max(key.end, self.end(value) if value.start >= key.end else 0)

    def _before_comments(self, node: Node) -> int:
        """Where a collection ends without the blanks and the lines of comments at its end."""
        end = before_blanks(self.text, node.start, node.end)
        while end > node.start:
            line = 1 + max(self.text.rfind(mark, node.start, end) for mark in "\r\n")
            if not self.text[max(line, node.start) : end].lstrip(" \t").startswith("#"):
                break
            end = before_blanks(self.text, node.start, max(line, node.start))
        return end

    def line_start(self, place: int) -> int:
        """Where the line of a place begins."""
        return max(self.text.rfind("\n", 0, place), self.text.rfind("\r", 0, place)) + 1

    def line_end(self, place: int) -> int:
        """Where the line behind that of a place begins."""
        line_break = re.compile("\r\n|\r|\n").search(self.text, place)
        return line_break.end() if line_break else len(self.text)

    def with_comments_above(self, place: int, floor: int = -1) -> int:
        """Where the line of a place begins, or the first of the lines of comments right above it, behind `floor`."""
        first = self.line_start(place)
        while first > 0:
            above = self.line_start(first - 1 - (self.text[first - 2 : first] == "\r\n"))
            if above <= floor or not self.text[above:first].lstrip().startswith("#"):
                break
            first = above
        return first

    def indentation(self, node: Node) -> str:
        """The blanks before a collection in its line; as many where something else stands before it."""
        start = self.start(node)
        return " " * (start - self.line_start(start))

    def edits(self, layer: Written, change: LayerChange) -> list[Edit]:
        """What makes the change to one written layer."""
        kind = [] if change.kind is None else [Edit(layer.key.start, layer.key.end, quoted(change.kind))]
        new = _new(change)
        if layer.body is None:
            return kind + ([self._without_body(layer, new)] if new else [])
        if isinstance(layer.body, Mapping):
            return kind + self.fields(layer.key, layer.body, change)
        if not new:
            return kind
        fields = ", ".join([*new, f"{change.bare}: {self.inline(layer.body, flow=True)}"])
        return kind + self._over(layer.key, layer.body, f"{{{fields}}}")

    def fields(self, key: Scalar, body: Mapping, change: LayerChange) -> list[Edit]:
        """What makes the change to the fields behind a key; written anew where an alias stands for some of them."""
        new = _new(change)
        if not new and not change.dropped:
            return []
        if not self._in_place(key, body, change):
            return self._over(key, body, self._rewritten(body, change))
        written = {str(key.value) for key, _ in body.entries}
        added = [text for text in new if text.partition(":")[0] not in written]
        within = self._in_flow if self.flows(body) else self._in_block
        values = [(key, value) for key, value in body.entries if str(key.value) in change.fields]
        over = [edit for key, value in values for edit in self._over(key, value, change.fields[str(key.value)])]
        return [*over, *within(body, added, change.dropped)]

    def without(self, body: Mapping, name: str) -> list[Edit]:
        """What leaves out an entry of a mapping that is behind no key."""
        within = self._in_flow if self.flows(body) else self._in_block
        return within(body, [], frozenset({name}))

    def _without_body(self, layer: Written, new: list[str]) -> Edit:
        colon = re.compile(r"\s*:").match(self.text, layer.key.end) if isinstance(layer.item, Mapping) else None
        place = colon.end() if colon else layer.key.end
        written = re.compile(r" *(~|null|Null|NULL)(?=[\s,\]}]|$)").match(self.text, place) if colon else None
        end = written.end() if written else place
        return Edit(place, end, f"{'' if colon else ':'} {{{', '.join(new)}}}")

    def _over(self, key: Scalar, value: Node, text: str) -> list[Edit]:
        """What writes a text in place of the value of a key, or of the alias that stands for it."""
        alias = re.compile(r"\s*:\s+(\*[^\s,\[\]{}]+)").match(self.text, key.end)
        if alias:
            return [Edit(alias.start(1), alias.end(1), text)]
        items = text[1:-1].split(", ") if re.fullmatch(r"\[[^\[\]{}()\"']+\]", text) else []
        places = value.items if isinstance(value, Sequence) and not _has_aliases(value) else []
        if len(places) == len(items) > 0 and all(isinstance(place, Scalar) for place in places):
            pairs = zip(places, items, strict=True)  # as many as before: in the style they have
            return [Edit(place.start, self.end(place), item) for place, item in pairs]
        start, end, colon = self.start(value), self.end(value), self.text.index(":", key.end) + 1
        if isinstance(value, Scalar) or self.flows(value) or self.line_start(start) == self.line_start(colon):
            return [Edit(start, end, text)]
        first, last = self.line_start(start), self.line_end(end - 1)
        comments = re.findall(r"(?:\A|(?<=[\r\n]))[ \t]*#[^\r\n]*(?:\r\n|[\r\n])", self.text[first:last])
        anchor = re.compile(r"\s*&\S+").match(self.text, colon)
        place = anchor.end() if anchor else colon
        return [Edit(place, place, f" {text}"), Edit(first, last, "".join(comments))]

    def _in_place(self, key: Scalar, body: Mapping, change: LayerChange) -> bool:
        """Whether all that is to change stands in the body itself, and not behind an alias."""
        touched = {*change.dropped, *change.fields}
        if body.start < key.end:
            return False
        values = [(name, value) for name, value in body.entries if str(name.value) in touched]
        if any(not body.start <= name.start < body.end for name, _ in values):
            return False
        if self.flows(body) and touched and _has_aliases(body):
            return False
        return all(name.start <= value.start and not self._is_anchored(name, value) for name, value in values)

    def _is_anchored(self, key: Scalar, value: Node) -> bool:
        """Whether an alias stands for the value of a key elsewhere."""
        between = re.sub(r"\s#[^\r\n]*", "", self.text[key.end : self.start(value)])
        anchor = re.search(r"&([^\s,\[\]{}]+)", between)
        return anchor is not None and f"*{anchor[1]}" in self.text

    def _rewritten(self, body: Mapping, change: LayerChange) -> str:
        kept = [f"{self.inline(key)}: {self.inline(value, flow=True)}" for key, value in body.entries
                if str(key.value) not in change.dropped and str(key.value) not in change.fields]  # fmt: skip
        return "{" + ", ".join([*_new(change), *kept]) + "}"

    def _in_flow(self, body: Mapping, added: list[str], dropped: frozenset[str]) -> list[Edit]:
        entries = [(key.start, self.end(value), str(key.value) in dropped) for key, value in body.entries]
        kept = any(not gone for _, _, gone in entries)
        edits = []
        if added:
            place = self.start(body) + 1
            edits.append(Edit(place, place, ", ".join(added) + (", " if kept else "")))
        ends = [end for _, end, gone in entries if not gone]
        for place, (start, _, gone) in enumerate(entries):
            if gone and any(not later for _, _, later in entries[place + 1 :]):
                edits.append(Edit(start, entries[place + 1][0], ""))
            elif gone:  # nothing behind it is kept: the comma before goes
                edits.append(Edit(max(ends, default=start), entries[-1][1], ""))
                break
        return edits

    def _in_block(self, body: Mapping, added: list[str], dropped: frozenset[str]) -> list[Edit]:
        edits = []
        if added:
            first = self.line_start(self.start(body))
            indentation = self.indentation(body)
            edits.append(Edit(first, first, "".join(f"{indentation}{text}{self.newline}" for text in added)))
        for key, value in body.entries:
            if str(key.value) in dropped:
                edits.append(Edit(self.line_start(key.start), self.line_end(max(key.end, self.end(value) - 1)), ""))
        return edits

    def lines(self, node: Node) -> list[str]:
        """A node written anew, in the style it has, aliases opened and comments left out; not indented."""
        if isinstance(node, Scalar) or self.flows(node) or not children(node):
            return [self.inline(node)]
        lines: list[str] = []
        if isinstance(node, Sequence):
            for item in node.items:
                first, *rest = self.lines(item)
                lines += [f"- {first}", *(f"  {line}" for line in rest)]
            return lines
        return self.entries(node)

    def entries(self, node: Mapping) -> list[str]:
        """As `lines`, each entry from a line of its own on, even if the mapping stands in braces."""
        entries = []
        for key, value in node.entries:
            lines = self.lines(value)
            if len(lines) == 1 and (isinstance(value, Scalar) or self.flows(value)):
                entries.append(f"{self.inline(key)}: {lines[0]}")
            else:
                entries += [f"{self.inline(key)}:", *(f"  {line}" for line in lines)]
        return entries

    def inline(self, node: Node, *, flow: bool = False) -> str:
        """A node written anew, in one line; `flow`: to stand in braces."""
        if isinstance(node, Sequence):
            return "[" + ", ".join(self.inline(item, flow=True) for item in node.items) + "]"
        if isinstance(node, Mapping):
            pairs = (f"{self.inline(key, flow=True)}: {self.inline(value, flow=True)}" for key, value in node.entries)
            return "{" + ", ".join(pairs) + "}"
        if not node.plain:
            return in_yaml(node.value)
        text = self.text[node.start : node.end]
        if node.value is None:
            return "null"
        if "\n" in text or "\r" in text or (flow and re.search(r"[,\[\]{}]", text)):
            return in_yaml(str(node.value))
        return text


def _new(change: LayerChange) -> list[str]:
    name = [] if change.name is None else [f"name: {quoted(change.name)}"]
    return [*name, *(f"{field}: {text}" for field, text in change.fields.items())]


def _has_aliases(node: Node) -> bool:
    """Whether something of a collection stands elsewhere in the text."""
    return any(not node.start <= child.start < node.end or _has_aliases(child) for child in children(node))
