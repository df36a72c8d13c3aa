"""Fixes that rules offer: a field set, a layer taken out, a scalar put in quotes.

Each is None where the text does not allow it in place: what stands in a block that ships with convcalc, behind an
alias, or follows from an expression stays as it is. Whether a fix changes anything else is found out by loading the
text with it (`convcalc.linting.fix`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from convcalc import steps
from convcalc.language.edits import Layout
from convcalc.language.outline import Definition, Outline, Placed, Scope
from convcalc.language.site import Site
from convcalc.language.source import Edit, Source
from convcalc.language.template import CompiledLayer
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, children
from convcalc.language.written import Written, names_in, numbered
from convcalc.rules._subject import Fix, Subject
from convcalc.visible import in_yaml


def quoting(start: int, end: int, text: str) -> Fix:
    """The scalar at a place put in quotes."""
    return Fix(f"put {text} in quotes", (Edit(start, end, in_yaml(text)),))


# ---- a field -----------------------------------------------------------------------------------------------------


def setting(subject: Subject, index: int, field: str, text: str, because: Iterable[int] = ()) -> Fix | None:
    """A field of a layer that gets another value: in place of what is written, or behind the last field.

    `because` are other layers that it is right for alone: where one of them may be left out, there is no fix.
    """
    if not subject.complete or _may_be_left_out(subject, index, because):
        return None
    layer, field = _users(subject.places.site(index), field)
    edit = _set(_layout(subject.source), layer, field, text) if layer is not None else None
    return None if edit is None else Fix(f"write {field}: {text}", (edit,))


def _users(site: Site, field: str) -> tuple[CompiledLayer | None, str]:
    """The layer and the field of the user's text that a field in a shipped block rests on; None if it rests on none."""
    while site.layer.source.shipped:
        value = site.layer.fields.get(field)
        argument = getattr(value.written, "name", None) if value is not None else None
        if argument is None or site.call.caller is None:
            return None, field
        site, field = site.call.caller, argument
    return site.layer, field


@lru_cache(maxsize=1)
def _layout(source: Source) -> Layout:
    return Layout(source.text)


def _may_be_left_out(subject: Subject, beside: int, indices: Iterable[int]) -> bool:
    """Whether one of some layers may be while `beside` stays; what is left out around both takes both."""
    places = subject.places
    call = places.site(beside).call
    for index in indices:
        site = places.sites[index]
        layers = [site.layer] if site is not None and site.call is call else places.calls(index)
        if any(layer.when is not None for layer in layers):
            return True
    return False


def _set(layout: Layout, layer: CompiledLayer, field: str, text: str) -> Edit | None:
    body = layer.body
    if body is None or body.start < layer.key.end:
        return None
    if isinstance(body, Mapping):
        return _set_in(layout, body, field, text)
    bare = layer.required()
    if len(bare) != 1:
        return None
    return Edit(body.start, layout.end(body), f"{{{bare[0]}: {layout.inline(body, flow=True)}, {field}: {text}}}")


def _set_in(layout: Layout, body: Mapping, field: str, text: str) -> Edit | None:
    own = [(key, value) for key, value in body.entries if body.start <= key.start < body.end]
    for key, value in own:
        if key.value == field:
            literal = isinstance(value, Scalar) and isinstance(value.value, bool) and value.start >= key.end
            return Edit(value.start, layout.end(value), text) if literal else None
    last = own[-1] if own and _stands_behind(layout, *own[-1]) else None
    if layout.flows(body):
        if last is not None:
            end = layout.end(last[1])
            return Edit(end, end, f", {field}: {text}")
        start = layout.start(body) + 1
        return Edit(start, start, f"{field}: {text}{', ' if layout.text[start : body.end].strip(' }') else ''}")
    start = own[0][0].start if own else layout.start(body)
    indentation = layout.text[layout.line_start(start) : start]
    if indentation.strip(" "):
        return None
    if last is None:
        return Edit(start, start, f"{field}: {text}{layout.newline}{indentation}")
    end = layout.line_end(max(last[0].end, layout.end(last[1])))
    before = "" if layout.text[end - 1] in "\r\n" else layout.newline
    return Edit(end, end, f"{before}{indentation}{field}: {text}{'' if before else layout.newline}")


def _stands_behind(layout: Layout, key: Scalar, value: Node) -> bool:
    """Whether a value stands behind its key, with no alias to it or in it."""
    return value.start >= key.end and not re.search(r"[:\s]\*", layout.text[key.end : value.end])


# ---- a layer -----------------------------------------------------------------------------------------------------


def removal(subject: Subject, index: int, because: Iterable[int] = ()) -> Fix | None:
    """A layer with one input taken out of the text, with what refers to it brought up to date; its comments stay.

    `because` as in `setting`.
    """
    if not subject.complete or not subject.places.is_own(index):
        return None
    because = tuple(because)
    if _may_be_left_out(subject, index, because):
        return None
    layer = subject.places.written(index)
    values = [*layer.fields.values(), *([layer.repeat] if layer.repeat is not None else [])]
    if layer.when is not None or not all(value.constant for value in values):
        return None  # with other variables it may be none that does nothing
    removal_ = _removal(subject.places.outline)
    removed = removal_.layers.get(layer.key.start)
    if removed is None:
        return None
    if because and removed.position and removal_.before(removed) is None:
        return None  # what stands before it here may be left out, or not
    redirected = removal_.redirected(removed)
    cut = _cut(removal_.layout, removed)
    if redirected is None or cut is None:
        return None
    return Fix(f"remove {removed.name}", (cut, *redirected))


_REFERENCE_STEPS = 2


class _Removal:
    """What taking layers out of one spec without mistakes rests on: its layers by the place of their key.

    Those of which the text has one and the spec several, by an alias, are not among them.
    """

    def __init__(self, outline: Outline) -> None:
        self.layout = _layout(outline.source)
        self.outline = outline
        self.layers: dict[int, Placed] = {}
        self.around: dict[Scope, Definition | None] = {}
        self._names: dict[Definition | None, list[Scalar]] = {}
        several: set[int] = set()
        for block in (None, *outline.own.values()):
            for scope in (outline.scope if block is None else block.scope).scopes():
                self.around[scope] = block
                for layer in scope.layers:
                    start, sequence = layer.key.start, layer.sequence
                    if start in self.layers or not sequence.start <= start < sequence.end:
                        several.add(start)
                    self.layers[start] = layer
        for start in several:
            del self.layers[start]

    def redirected(self, removed: Placed) -> list[Edit] | None:
        """What keeps references as they are meant when a layer is taken out; None where that cannot be said."""
        before = self.before(removed)
        for key, value in removed.fields:
            if key.value == "from" and [name.value for name in names_in(value)] not in ([before], ["previous"]):
                return None
            if key.value in {"branches", "share", "bits", "budget"}:
                return None
        edits, references = [], self._references(self.around[removed.scope])
        steps.spend(_REFERENCE_STEPS * len(references))
        for reference in references:
            layer = removed.scope.by_name.get(str(reference.value).partition(".")[0])
            is_later = layer is not None and layer.key.start > removed.key.start
            if layer is removed:
                new = before
            elif layer is not None and is_later and layer.kind == removed.kind and not layer.has_name:
                new = numbered(layer.kind, layer.number - 1)
            else:
                continue
            if new is None or "." in str(reference.value):
                return None
            edits.append(Edit(reference.start, reference.end, new))
        return list(dict.fromkeys(edits))

    def before(self, layer: Placed) -> str | None:
        """The name of what enters a layer that does not say where it starts from."""
        if layer.position == 0:
            block = self.around[layer.scope]
            begins = layer.sequence is (self.outline.root if block is None else block.node).find("layers")
            has_one_input = block is not None or self.outline.root.find("input") is not None
            return "input" if begins and has_one_input else None
        item = Written.of(layer.sequence.items[layer.position - 1])
        previous = self.layers.get(item.key.start) if item is not None else None
        return None if previous is None or previous.field("when") is not None else previous.name

    def _references(self, block: Definition | None) -> list[Scalar]:
        """All names of layers that stand in the definition of a block, or in the spec outside of these."""
        if block not in self._names:
            scope = self.outline.scope if block is None else block.scope
            names = self._names[block] = [name for layer in scope.everything() for name in layer.references]
            outputs = self.outline.root.find("outputs") if block is None else None
            names += names_in(outputs) if outputs is not None else []
        return self._names[block]


@lru_cache(maxsize=1)
def _removal(outline: Outline) -> _Removal:
    return _Removal(outline)


# ---- cutting an item out of a list -------------------------------------------------------------------------------


def _cut(layout: Layout, layer: Placed) -> Edit | None:
    """The item and what belongs to it, with its comments kept; None where it cannot be told from what is around."""
    sequence, position = layer.sequence, layer.position
    beside = sequence.items[max(0, position - 1) : position + 2]
    if any(not sequence.start <= item.start < sequence.end for item in beside):
        return None  # an alias, whose place is elsewhere
    item = sequence.items[position]
    if re.search("[&*]", layout.text[item.start : layout.end(item)]) or _is_remarked(layout, item):
        return None
    return _cut_flow(layout, sequence, position) if layout.flows(sequence) else _cut_block(layout, sequence, position)


def _is_remarked(layout: Layout, item: Node) -> bool:
    """Whether a comment in the lines of an item, or right above them, says something to convcalc."""
    first = layout.with_comments_above(item.start)
    return re.search(r"#[ \t]*convcalc:", layout.text[first : layout.line_end(layout.end(item))]) is not None


def _cut_flow(layout: Layout, sequence: Sequence, position: int) -> Edit | None:
    item, text = sequence.items[position], layout.text
    start, end = item.start, layout.end(item)
    before = layout.end(sequence.items[position - 1]) if position else start
    behind = sequence.items[position + 1].start if position + 1 < len(sequence.items) else end
    ends_line = "\n" in text[end:behind] and "#" not in text[before:behind]
    if behind == end or (position and ends_line):
        start = before
    else:
        end = behind
    removed = text[start:end]
    comments = _comments(layout, start, end, item)
    bare = removed[: item.start - start] + removed[layout.end(item) - start :]
    for comment in comments:
        bare = bare.replace(comment, "", 1)
    if bare.strip(" \t\r\n,"):
        return None  # an anchor of the next, or a tag
    if not comments:
        return Edit(start, end, "")
    if position + 1 == len(sequence.items):
        return None  # whatever is behind the comma before it would have to move
    column = " " * (end - layout.line_start(end))
    return Edit(start, end, "".join(f"{comment}{layout.newline}{column}" for comment in comments))


def _cut_block(layout: Layout, sequence: Sequence, position: int) -> Edit | None:
    item, text = sequence.items[position], layout.text
    dash = _dash(layout, item)
    if dash is None:
        return None
    end = layout.end(item)
    rest = re.compile(r"[ \t]*(#[^\r\n]*)?(?=[\r\n]|\Z)").match(text, end)
    if rest is None:
        return None
    comments = [*_comments(layout, dash, end, item), *([rest[1]] if rest[1] else [])]
    first = layout.line_start(dash)
    column = " " * (dash - first)
    if len(sequence.items) == 1:
        inside = comments[: len(comments) - bool(rest[1])]
        return Edit(dash, end, "".join(f"{comment}{layout.newline}{column}" for comment in inside) + "[]")
    if not text[first:dash].strip(" "):
        last = layout.line_end(rest.end())
        return Edit(first, last, "".join(f"{column}{comment}{layout.newline}" for comment in comments))
    if position:
        return None
    following = _dash(layout, sequence.items[1])
    if following is None:
        return None
    kept = "".join(f"{comment}{layout.newline}{column}" for comment in comments)
    between = text[rest.end() : following]
    if between.strip():  # comments above the next, in lines of their own
        kept = kept.rstrip(" \r\n") + between if kept else between.lstrip(" \r\n")
    return Edit(dash, following, kept)


def _dash(layout: Layout, item: Node) -> int | None:
    """The place of the dash before an item, None where something stands between."""
    start = layout.line_start(item.start)
    dash = re.search(r"-[ \t]+\Z", layout.text[start : item.start])
    return start + dash.start() if dash else None


def _comments(layout: Layout, start: int, end: int, node: Node) -> list[str]:
    """The comments in a part of the text that holds one node and no other."""
    comments = []
    scalars = sorted((scalar.start, scalar.end) for scalar in _scalars(node))
    place = layout.text.find("#", start, end)
    while place >= 0:
        inside = next((last for first, last in scalars if first <= place < last), None)
        if inside is None and layout.text[place - 1] in " \t\r\n":
            inside = layout.line_end(place)
            comments.append(layout.text[place:inside].rstrip())
        place = layout.text.find("#", inside if inside is not None else place + 1, end)
    return comments


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    else:
        for child in children(node):
            yield from _scalars(child)
