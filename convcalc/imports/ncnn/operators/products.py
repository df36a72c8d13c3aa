"""Products of matrices, attention, tables of vectors, and what is data."""

from __future__ import annotations

from math import isclose, prod
from typing import Any

from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.imports.ncnn.operators import NcnnCall


def _memory_data(call: NcnnCall) -> Draft:
    sizes = [call.node.integer(key) for key in (2, 11, 1, 0)]
    shape = checked(tuple(size for size in sizes if size > 0) or (1,))
    return call.layer("parameter", {"sizes": shape}, *call.builder.entering(), arrays={"weight": shape})


def _matmul(call: NcnnCall) -> Draft:
    """Rows by columns, as NumPy has it; the second may be turned over."""
    x, y = call.input(0), call.input(1)
    if call.node.integer(0) and len(y.shape) > 1:
        y = _turned(call, y)
    rows = x if len(x.shape) > 1 else call.reshaped(x, (1, *x.shape))
    columns = y if len(y.shape) > 1 else call.reshaped(y, (*y.shape, 1))
    rank = max(len(rows.shape), len(columns.shape))
    rows, columns = (
        call.reshaped(draft, (*(1,) * (rank - len(draft.shape)), *draft.shape)) for draft in (rows, columns)
    )
    product = call.layer("matmul", {}, rows, columns)
    kept = (
        *product.shape[:-2],
        *product.shape[-2:-1] * (rows is x or len(x.shape) > 1),
        *product.shape[-1:] * (len(y.shape) > 1),
    )
    return call.reshaped(product, kept or (1,))


def _turned(call: NcnnCall, x: Draft) -> Draft:
    rank = len(x.shape)
    return call.layer("permute", {"axes": (*range(rank - 2), rank - 1, rank - 2)}, x)


def _matrix(call: NcnnCall, x: Draft, *, is_turned: bool) -> Draft:
    """What enters as a matrix: a row, or a map of one row each."""
    if len(x.shape) == 3 and x.shape[1] == 1:  # a map
        x = call.reshaped(x, (x.shape[0], x.shape[2]))
    x = x if len(x.shape) > 1 else call.reshaped(x, (1, *x.shape))
    if len(x.shape) != 2:  # a matrix
        raise Inexpressible(f"a blob of shape {list(x.shape)} as a matrix")
    return _turned(call, x) if is_turned else x


def _gemm(call: NcnnCall) -> Draft:
    """alpha·(A·B + beta·C), each of which may be learned."""
    node = call.node
    is_a, is_b, is_c = (bool(node.integer(key)) for key in (4, 5, 6))
    m, n, k = (node.integer(key) for key in (7, 8, 9))
    entering = list(call.inputs)
    if is_a and is_b:
        raise Inexpressible("a product of two learned matrices")
    if is_b:
        y = _by_weights(call, entering.pop(0), n, k, is_c=is_c and node.integer(10) == 4)
        is_added = is_c and node.integer(10) == 4
    elif is_a:  # rows of the weight by what enters: its columns through a dense layer
        x = _matrix(call, entering.pop(0), is_turned=not node.integer(3))
        if x.shape[-1] != k or m < 1:
            raise CannotImport(f"a blob of shape {list(x.shape)} enters, and {k} are expected")
        y = _turned(call, _linear(call, x, m, is_c=False))
        is_added = False
    else:
        x = _matrix(call, entering.pop(0), is_turned=bool(node.integer(2)))
        if not entering:
            raise CannotImport("1 blob enters, where 2 are needed")
        y = call.layer("matmul", {}, x, _matrix(call, entering.pop(0), is_turned=bool(node.integer(3))))
        is_added = False
    y = _plus(call, y, entering, is_c=is_c and not is_added)
    y = call.scaled(y, node.real(0, 1.0))
    if node.integer(14):
        y = _turned(call, y)
    return call.reshaped(y, (y.shape[0], 1, y.shape[1])) if node.integer(11) else y


def _by_weights(call: NcnnCall, x: Draft, features: int, entering: int, *, is_c: bool) -> Draft:
    x = _matrix(call, x, is_turned=bool(call.node.integer(2)))
    if x.shape[-1] != entering or features < 1:
        raise CannotImport(f"a blob of shape {list(x.shape)} enters, and 9={entering} are expected")
    return _linear(call, x, features, is_c=is_c)


def _linear(call: NcnnCall, x: Draft, features: int, *, is_c: bool) -> Draft:
    arrays: dict[str, tuple[int, ...]] = {"weight": (features, x.shape[-1])} | ({"bias": (features,)} if is_c else {})
    return call.layer("linear", {"out_features": features, "bias": is_c}, x, arrays=arrays)


def _plus(call: NcnnCall, y: Draft, entering: list[Draft], *, is_c: bool) -> Draft:
    """What is added to the product: learned numbers of one of five shapes, or what enters last."""
    rows, columns = y.shape
    beta = call.node.real(1, 1.0)
    if is_c:
        shapes = {0: (1,), 1: (rows,), 2: (rows, 1), 3: (rows, columns), 4: (1, columns)}
        form = call.node.integer(10)
        if form not in shapes:
            return y
        sizes = shapes[form]
        added = call.layer("parameter", {"sizes": sizes}, *call.builder.entering(), arrays={"bias": sizes})
    elif entering:
        added = call.scaled(entering[0], beta)
        if len(added.shape) == 1 and added.shape[0] not in (1, rows):
            added = call.reshaped(added, (1, *added.shape))
    else:
        return y
    return call.layer("add", {}, y, added)


def _attention(call: NcnnCall) -> Draft:
    """Multi-head attention with its projections: one layer where a sequence attends to itself, else its parts."""
    node = call.node
    features, heads = node.integer(0), node.integer(1, 1)
    entering = node.integer(2) // features if features > 0 else 0
    mask = call.inputs[-1] if node.integer(5) else None
    sources = call.inputs[: len(call.inputs) - (mask is not None)]
    if node.integer(7):
        raise Inexpressible("keys and values that are kept between calls")
    if features < 1 or heads < 1 or features % heads or not sources:
        raise CannotImport(f"{features} features in {heads} heads")
    query, key, value = (*sources, *sources[-1:] * 2)[:3] if len(sources) < 3 else sources[:3]
    if len(sources) == 2:  # query, and what is both key and value
        value = key
    usual = isclose(node.real(6, (features // heads) ** -0.5), (features // heads) ** -0.5, rel_tol=1e-4)
    if query is key is value and mask is None and usual and entering == features == query.shape[-1]:
        arrays = {
            "in_proj_weight": (3 * features, features), "in_proj_bias": (3 * features,),
            "out_proj.weight": (features, features), "out_proj.bias": (features,),
        }  # fmt: skip
        return call.layer("attention", {"num_heads": heads}, query, arrays=arrays)
    parts = [_projected(call, draft, features, name) for draft, name in ((query, "q"), (key, "k"), (value, "v"))]
    divided = [_in_heads(call, part, heads) for part in parts]
    fields: dict[str, Any] = {} if usual else {"scale": node.real(6)}
    masks = [mask] if mask is not None else []
    if masks and len(masks[0].shape) == 2:  # one for all heads
        masks = [call.reshaped(masks[0], (1, *masks[0].shape))]
    attended = call.layer("scaled_dot_product_attention", fields, *divided, *masks)
    tokens = query.shape[-2]
    together = call.reshaped(call.layer("permute", {"axes": (1, 0, 2)}, attended), (tokens, features))
    return _projected(call, together, entering, "out")


def _projected(call: NcnnCall, x: Draft, features: int, name: str) -> Draft:
    fields = {"out_features": features}
    part = NcnnCall(call.builder, call.node, [x])
    arrays = {f"{name}.weight": (features, x.shape[-1]), f"{name}.bias": (features,)}
    draft = part.layer("linear", fields, x, arrays=arrays)
    draft.arrays = dict(zip(("weight", "bias"), draft.arrays.values(), strict=True))
    return draft


def _in_heads(call: NcnnCall, x: Draft, heads: int) -> Draft:
    if len(x.shape) != 2:  # tokens and features
        raise Inexpressible(f"attention to a blob of shape {list(x.shape)}")
    tokens, features = x.shape
    apart = call.reshaped(x, (tokens, heads, features // heads))
    return call.layer("permute", {"axes": (1, 0, 2)}, apart)


def _dot_product_attention(call: NcnnCall) -> Draft:
    if call.node.integer(7):
        raise Inexpressible("keys and values that are kept between calls")
    scale = call.node.real(6)
    inputs = list(call.inputs)
    if call.node.integer(5) and len(inputs) > 3 and len(inputs[3].shape) == 2:  # one for all heads
        inputs[3] = call.reshaped(inputs[3], (1, *inputs[3].shape))
    return call.layer("scaled_dot_product_attention", {"scale": scale} if scale else {}, *inputs)


def _embed(call: NcnnCall) -> Draft:
    """A vector for every index; an index that is one number has an axis here as there."""
    vectors, features = call.node.integer(1), call.node.integer(0)
    if len(call.x.shape) != 1 or vectors < 1 or features < 1 or call.node.integer(3) != vectors * features:
        raise CannotImport(f"{call.node.integer(3)} weights for {vectors} vectors of {features}")
    fields = {"num_embeddings": vectors, "embedding_dim": features}
    y = call.layer("embedding", fields, call.x, arrays={"weight": (vectors, features)})
    if not call.node.integer(2):
        return y
    bias = call.layer("parameter", {"sizes": (1, features)}, *call.builder.entering(), arrays={"bias": (features,)})
    return call.layer("add", {}, y, bias)


def _prior_box(call: NcnnCall) -> Draft:
    """Boxes around every position, which sizes alone decide."""
    node = call.node
    positions = prod(call.x.shape[-2:])
    sizes, larger, ratios = (len(node.reals(key)) for key in range(3))
    if len(call.inputs) == 1 and node.integer(9) == node.integer(10) == -233 and not larger:
        boxes = max(sizes - 1 + ratios, 1)
        shape: tuple[int, ...] = (4 * positions * boxes,)
    else:
        boxes = sizes * ratios * (2 if node.integer(7, 1) else 1) + sizes + larger
        shape = (2, 4 * positions * max(boxes, 1))
    return call.builder.unknown(shape, call.inputs, node, "boxes that are worked out from sizes alone")


def _of_data(call: NcnnCall) -> Draft:
    return call.builder.unknown(None, call.inputs, call.node, "how many boxes leave is decided by what enters")


OPERATORS = {
    "MemoryData": _memory_data,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "MultiHeadAttention": _attention,
    "SDPA": _dot_product_attention,
    "Embed": _embed,
    "PriorBox": _prior_box,
    **dict.fromkeys(("DetectionOutput", "YoloDetectionOutput", "Yolov3DetectionOutput", "Proposal"), _of_data),
}
