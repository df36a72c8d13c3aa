"""Definitions of blocks put into the text of a spec, in the style that it has."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.language import tree
from convcalc.language.edits import Layout
from convcalc.language.outline import Outline
from convcalc.language.parsing import parse
from convcalc.language.source import Edit, Source
from convcalc.language.writing import quoted


def added_blocks(outline: Outline, added: Mapping[str, list[str]]) -> list[Edit]:
    """The definitions of blocks, put behind those that are there, or before the layers."""
    if not added:
        return []
    layout, root = Layout(outline.source.text), outline.root
    blocks = root.find("blocks")
    if layout.flows(root) or (isinstance(blocks, tree.Mapping) and layout.flows(blocks)):
        return [_in_braces(layout, root, blocks, added)]
    newline = layout.newline
    if isinstance(blocks, tree.Mapping) and blocks.entries:
        place = layout.line_end(max(blocks.start, layout.end(blocks) - 1))
        before = "" if layout.text[place - 1 : place] in ("\n", "\r") else newline
        return [Edit(place, place, before + _defined(added, layout.indentation(blocks), newline))]
    outer = layout.indentation(root)
    definitions = _defined(added, f"{outer}  ", newline).removeprefix(newline)
    at = next(number for number, (key, _) in enumerate(root.entries) if key.value == "layers")
    floor = layout.entry_end(*root.entries[at - 1]) if at else root.start  # a text on several lines may have a # in it
    place = layout.with_comments_above(root.entries[at][0].start, floor)
    return [Edit(place, place, f"{outer}blocks:{newline}{definitions}{newline}")]


def _defined(added: Mapping[str, list[str]], indentation: str, newline: str) -> str:
    text = ""
    for name, lines in added.items():
        deeper = (f"{indentation}  {line}" for line in lines)
        text += "".join(f"{line}{newline}" for line in ["", f"{indentation}{quoted(name)}:", *deeper])
    return text


def _in_braces(layout: Layout, root: tree.Mapping, blocks: tree.Node | None, added: Mapping[str, list[str]]) -> Edit:
    texts = []
    for name, lines in added.items():
        text = "\n".join(lines)
        node = parse(Source("", text)).root
        assert node is not None  # noqa: S101  # for the type checker: it was written as one
        texts.append(f"{quoted(name)}: {Layout(text).inline(node, flow=True)}")
    if isinstance(blocks, tree.Mapping):
        place = layout.start(blocks) + 1
        return Edit(place, place, ", ".join(texts) + (", " if blocks.entries else ""))
    place = layout.start(root) + 1
    return Edit(place, place, "blocks: {" + ", ".join(texts) + "}, ")
