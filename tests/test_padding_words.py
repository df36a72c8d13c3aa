"""The words for padding that a page and the schema list are those that the loader takes."""

from __future__ import annotations

from typing import Any

import pytest

from convcalc import layers
from convcalc.arithmetic.window import PADDING_WORDS
from convcalc.fields import Optional, PaddingType
from convcalc.language import SpecError
from convcalc.language.document import loads
from convcalc.language.schema import schema
from convcalc.language.source import Source
from convcalc.views.manual.shared import kind_page

LAYERS = {
    "conv": "{conv: {out_channels: 4, kernel_size: 3, padding: WORD}}",
    "conv_transpose": "{conv_transpose: {out_channels: 4, kernel_size: 3, padding: WORD}}",
    "crop": "{crop: {cropping: WORD}}",
    "deform_conv": (
        "{conv: {name: offset, out_channels: 3, kernel_size: 3, padding: WORD}}, "
        "{deform_conv: {from: [input, offset], out_channels: 4, kernel_size: 3, padding: WORD}}"
    ),
    "pad": "{pad: {padding: WORD}}",
}
"""Layers on one axis that load wherever the word is one of the kind; of others a kernel_size is enough."""


def paddings(kind: Any) -> list[str]:
    types = layers.field_types(kind).items()
    return [
        name for name, type_ in types if isinstance(type_.of if isinstance(type_, Optional) else type_, PaddingType)
    ]


@pytest.mark.parametrize("name", [name for name in layers.names() if paddings(layers.load(name))])
def test_a_word_is_listed_where_it_loads_and_only_there(name: str) -> None:
    kind = layers.load(name)
    assert kind is not None
    (field,) = paddings(kind)
    layer, taken = LAYERS.get(name, f"{{{name}: {{kernel_size: 3, padding: WORD}}}}"), []
    for word in PADDING_WORDS:
        try:
            loads(Source("net.yaml", f"input: [4, 7]\nlayers: [{layer.replace('WORD', word)}]\n"))
            taken.append(word)
        except SpecError as error:
            assert [problem.code for problem in error.diagnostics] == ["CC011"], error  # noqa: PT017
    page = next(line.expected for line in kind_page(name, kind).fields if line.name == field)
    assert [word for word in PADDING_WORDS if word in page.replace(",", " ").split()] == taken
    of_layer = schema()["definitions"]["layer"]["anyOf"][1]["properties"][name]["anyOf"][0]
    assert [word for form in of_layer["properties"][field]["anyOf"] for word in form.get("enum", ())] == taken
