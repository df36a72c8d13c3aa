"""Tensors of files that have channels last: turned as NumPy turns them, and no layer where none is needed."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.layouts import OrderedTensor, arranged, as_it_lies, as_map, channels_first, in_file_order, met

sizes = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


def run(draft: Draft, entering: dict[int, Any]) -> Any:
    """What a draft of moving layers holds, by NumPy."""
    if id(draft) in entering:
        return entering[id(draft)]
    x = run(draft.inputs[0], entering)
    return x.transpose(draft.fields["axes"]) if draft.kind == "permute" else x.reshape(draft.shape)


@given(st.data(), sizes)
def test_any_order_is_had_by_turning(data: st.DataObject, shape: tuple[int, ...]) -> None:
    builder = Builder()
    draft = builder.input("x", shape)
    x = np.arange(np.prod(shape)).reshape(shape)
    orders = list(permutations(range(len(shape))))
    tensor, order = OrderedTensor(draft, data.draw(st.sampled_from(orders))), data.draw(st.sampled_from(orders))
    in_file = x.transpose(tensor.order)
    assert tensor.shape == in_file.shape
    turned = run(arranged(builder, tensor, order), {id(draft): x})
    np.testing.assert_array_equal(turned.transpose(order), in_file)
    np.testing.assert_array_equal(run(in_file_order(builder, tensor), {id(draft): x}), in_file)
    axes = data.draw(st.sampled_from(orders))
    assert tensor.turned(axes).shape == in_file.transpose(axes).shape


@given(st.data(), sizes)
def test_tensors_meet_as_numpy_broadcasts(data: st.DataObject, shape: tuple[int, ...]) -> None:
    builder = Builder()
    smaller = tuple(data.draw(st.sampled_from([1, size])) for size in shape)[
        data.draw(st.integers(0, len(shape) - 1)) :
    ]
    drafts = [builder.input("x", shape), builder.input("y", smaller)]
    arrays = [np.arange(np.prod(draft.shape)).reshape(draft.shape) for draft in drafts]
    entering = {id(draft): array for draft, array in zip(drafts, arrays, strict=True)}
    orders = [data.draw(st.permutations(range(len(draft.shape)))) for draft in drafts]
    tensors = [OrderedTensor(draft, tuple(order)) for draft, order in zip(drafts, orders, strict=True)]
    x, y = (array.transpose(order) for array, order in zip(arrays, orders, strict=True))
    try:
        expected = x + y
    except ValueError:
        return
    ready, order = met(builder, tensors)
    np.testing.assert_array_equal(sum(run(draft, entering) for draft in ready).transpose(order), expected)


def test_maps_that_stay_maps_take_no_layer() -> None:
    builder = Builder()
    image = as_map(builder.input("image", (3, 8, 9)))
    assert image.shape == (8, 9, 3)
    assert channels_first(builder, image) is image.draft
    assert arranged(builder, as_map(builder.input("row", (5, 1))), (0, 1)).kind == "reshape"
    vector = as_it_lies(builder.input("vector", (7,)))
    assert in_file_order(builder, vector) is channels_first(builder, vector) is vector.draft
