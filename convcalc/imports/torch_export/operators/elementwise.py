"""Functions of elements: activations, functions of one tensor, tensors that meet, and what is true of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from convcalc.imports.errors import Inexpressible

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall

_FLOATING = {1, 10, 11, 16}


def _plain(given: TorchCall, op: str, **attributes: Any) -> None:
    given.leaves(op, given.x, **attributes)


def _with_numbers(given: TorchCall, op: str, **defaults: float) -> None:
    """An operator with numbers that have the same names here and there."""
    given.leaves(op, given.x, **{name: given.real(name, default) for name, default in defaults.items()})


def _leaky_relu(given: TorchCall) -> None:
    given.leaves("LeakyRelu", given.x, alpha=given.real("negative_slope", 0.01))


def _rrelu(given: TorchCall) -> None:
    given.leaves("LeakyRelu", given.x, alpha=(given.real("lower", 1 / 8) + given.real("upper", 1 / 3)) / 2)


def _elu(given: TorchCall) -> None:
    if given.real("scale", 1.0) != 1 or given.real("input_scale", 1.0) != 1:
        given.leaves("Selu", given.x)
        return
    given.leaves("Elu", given.x, alpha=given.real("alpha", 1.0))


def _gelu(given: TorchCall) -> None:
    given.leaves("Gelu", given.x, approximate=given.text("approximate", "none"))


def _prelu(given: TorchCall) -> None:
    weight = given.first("weight")
    (count,) = given.shape(weight)
    rank = given.rank(given.x)
    if count > 1 and rank > 2:
        weight = given.node("Reshape", weight, given.constant([count, *[1] * (rank - 2)]))
    given.leaves("PRelu", given.x, weight)


def _softplus(given: TorchCall) -> None:
    beta = given.real("beta", 1.0)
    if beta == 1:
        given.leaves("Softplus", given.x)
        return
    scaled = given.node("Mul", given.x, given.scalar(beta))
    given.leaves("Div", given.node("Softplus", scaled), given.scalar(beta))


def _shrink(given: TorchCall, *, soft: bool) -> None:
    lambd = given.real("lambd", 0.5)
    given.leaves("Shrink", given.x, lambd=lambd, bias=lambd if soft else 0.0)


def _log_sigmoid(given: TorchCall) -> None:
    given.leaves("Log", given.node("Sigmoid", given.x))


def _glu(given: TorchCall) -> None:
    axis = given.axis("dim", given.x, -1)
    halves = given.nodes("Split", [given.x], [given.fresh(), given.fresh()], axis=axis, num_outputs=2)
    given.leaves("Mul", halves[0], given.node("Sigmoid", halves[1]))


def _softmax(given: TorchCall, op: str) -> None:
    given.leaves(op, given.x, axis=given.axis("dim", given.x, -1))


def _clamp(given: TorchCall, least: str = "min", most: str = "max") -> None:
    bounds = [given.operand(name, given.x) if given.argument(name) is not None else "" for name in (least, most)]
    given.leaves("Clip", given.x, *bounds)


def _hardtanh(given: TorchCall) -> None:
    bounds = given.scalar(given.real("min_val", -1.0)), given.scalar(given.real("max_val", 1.0))
    given.leaves("Clip", given.x, *bounds)


def _clamped(given: TorchCall, name: str) -> None:
    bound = given.operand(name, given.x)
    given.leaves("Clip", given.x, *([bound] if name == "min" else ["", bound]))


def _threshold(given: TorchCall) -> None:
    if given.real("value") != 0:
        raise Inexpressible("a threshold with a value")
    given.leaves("ThresholdedRelu", given.x, alpha=given.real("threshold"))


def _same(given: TorchCall) -> None:
    given.leaves("Identity", given.x)


def _cast(given: TorchCall) -> None:
    """Another element type or place, or none: a tensor as it is, unless whole numbers become others."""
    from convcalc.imports.torch_export.translation import ELEMENT_TYPES

    meta = given.translation.meta(given.output)
    kind = ELEMENT_TYPES.get(meta.dtype, 1) if meta is not None else 1
    if kind == given.element_type(given.x):
        given.leaves("Identity", given.x)
    else:
        given.leaves("Cast", given.x, to=kind)


def _binary(given: TorchCall, op: str, *, turned: bool = False) -> None:
    """Two operands, the second times a number that may be given."""
    x = given.operand("self")
    y = given.operand("other", x)
    alpha = given.argument("alpha", 1)
    if alpha != 1:
        y = given.node("Mul", y, given.scalar(float(alpha)))
    given.leaves(op, *((y, x) if turned else (x, y)))


def _division(given: TorchCall) -> None:
    x = given.operand("self")
    mode = given.text("rounding_mode")
    y = given.operand("other", x)
    if not mode or given.element_type(x) not in _FLOATING:  # which are cut off by themselves
        given.leaves("Div", x, y)
    else:
        given.leaves("Floor", given.node("Div", x, y))


def _power(given: TorchCall) -> None:
    x, y = given.operand("self", given.tensor("exponent")), given.operand("exponent", given.tensor("self"))
    given.leaves("Pow", x, y)


def _composed(given: TorchCall, ops: tuple[str, ...]) -> None:
    """Functions one behind the other."""
    x = given.x
    for op in ops[:-1]:
        x = given.node(op, x)
    given.leaves(ops[-1], x)


def _square(given: TorchCall) -> None:
    given.leaves("Pow", given.x, given.scalar(2.0))


def _log_of(given: TorchCall, factor: float) -> None:
    given.leaves("Mul", given.node("Log", given.x), given.scalar(factor))


def _shifted_log(given: TorchCall) -> None:
    given.leaves("Log", given.node("Add", given.x, given.scalar(1.0)))


def _shifted_exp(given: TorchCall) -> None:
    given.leaves("Sub", given.node("Exp", given.x), given.scalar(1.0))


def _negated(given: TorchCall, op: str) -> None:
    x = given.operand("self")
    given.leaves("Not", given.node(op, x, given.operand("other", x)))


def _where(given: TorchCall) -> None:
    maker, other = given.maker("self"), given.maker("other")
    if maker in ("full_like", "full", "zeros_like") and other in ("_softmax", "softmax"):
        given.leaves("Identity", given.first("other"))  # shares where nothing is seen are 0, which softmax is read as
        return
    x, y = given.operand("self"), given.operand("other")
    given.leaves("Where", given.first("condition"), x, y)


def _masked_fill(given: TorchCall) -> None:
    given.leaves("Where", given.first("mask"), given.operand("value", given.x), given.x)


def _addc(given: TorchCall, op: str) -> None:
    product = given.node(op, given.first("tensor1"), given.first("tensor2"))
    value = given.real("value", 1.0)
    product = product if value == 1 else given.node("Mul", product, given.scalar(value))
    given.leaves("Add", given.x, product)


def _lerp(given: TorchCall) -> None:
    difference = given.node("Sub", given.first("end"), given.x)
    given.leaves("Add", given.x, given.node("Mul", difference, given.operand("weight", given.x)))


def _nothing(given: TorchCall) -> None:
    """What checks something and makes nothing."""


def _only_on_sizes(given: TorchCall, op: str) -> None:
    """Arithmetic on whole numbers that are worked out while the network runs."""
    values = [given.number(value) for value in given.operation.arguments.values()]
    given.leaves(op, *values)


def _sized(given: TorchCall) -> None:
    axis = given.axis("dim", given.x)
    given.leaves("Shape", given.x, start=axis, end=axis + 1)


def _sum_of_sizes(given: TorchCall) -> None:
    values = [
        given.number(item)
        for value in given.operation.arguments.values()
        for item in (value if isinstance(value, list) else [value])
    ]
    given.leaves("Sum", *values)


def _function(op: str, **attributes: Any) -> Callable[[TorchCall], None]:
    return partial(_plain, op=op, **attributes)


_UNARY = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "hardswish": "HardSwish", "mish": "Mish", "selu": "Selu",
    "softsign": "Softsign", "abs": "Abs", "neg": "Neg", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "sin": "Sin",
    "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh",
    "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf", "floor": "Floor", "ceil": "Ceil",
    "round": "Round", "sign": "Sign", "reciprocal": "Reciprocal", "isnan": "IsNaN", "isinf": "IsInf",
    "logical_not": "Not", "bitwise_not": "BitwiseNot", "silu": "Swish",
}  # fmt: skip

_SAME = (
    "dropout", "native_dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout", "dropout1d", "dropout2d",
    "alias", "clone", "contiguous", "detach", "lift_fresh_copy", "lift_fresh", "lift", "positive", "resolve_conj",
    "resolve_neg", "identity", "type_as", "view_as_real_copy", "set_grad_enabled",
)  # fmt: skip

_PAIRS = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "multiply": "Mul", "subtract": "Sub", "maximum": "Max", "minimum": "Min",
    "max.other": "Max", "min.other": "Min", "eq": "Equal", "gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less",
    "le": "LessOrEqual", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "bitwise_and": "And",
    "bitwise_or": "Or", "bitwise_xor": "Xor", "remainder": "Mod", "fmod": "Mod", "__and__": "And", "__or__": "Or",
    "true_divide": "Div",
}  # fmt: skip

RULES = {
    **{name: _function(op) for name, op in _UNARY.items()},
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(("_to_copy", "to"), _cast),
    **{name: partial(_binary, op=op) for name, op in _PAIRS.items()},
    **dict.fromkeys(
        (
            "_assert_tensor_metadata", "_assert_scalar", "_assert_async", "sym_constrain_range_for_size",
            "sym_constrain_range", "_assert", "_functional_assert_async",
        ),
        _nothing,
    ),
    "rsub": partial(_binary, op="Sub", turned=True),
    "ne": partial(_negated, op="Equal"),
    **dict.fromkeys(("div", "divide", "floor_divide"), _division),
    "pow": _power,
    "square": _square,
    "rsqrt": partial(_composed, ops=("Sqrt", "Reciprocal")),
    "log2": partial(_log_of, factor=1.4426950408889634),
    "log10": partial(_log_of, factor=0.4342944819032518),
    "log1p": _shifted_log,
    "expm1": _shifted_exp,
    "relu6": lambda given: given.leaves("Clip", given.x, given.scalar(0.0), given.scalar(6.0)),
    "hardtanh": _hardtanh,
    "hardsigmoid": _function("HardSigmoid", alpha=1 / 6, beta=0.5),
    "leaky_relu": _leaky_relu,
    "rrelu": _rrelu,
    "elu": _elu,
    "celu": partial(_with_numbers, op="Celu", alpha=1.0),
    "gelu": _gelu,
    **dict.fromkeys(("prelu", "_prelu_kernel"), _prelu),
    "softplus": _softplus,
    "softshrink": partial(_shrink, soft=True),
    "hardshrink": partial(_shrink, soft=False),
    "log_sigmoid": _log_sigmoid,
    "glu": _glu,
    **dict.fromkeys(("softmax", "_softmax", "special_softmax", "_safe_softmax"), partial(_softmax, op="Softmax")),
    **dict.fromkeys(("log_softmax", "_log_softmax"), partial(_softmax, op="LogSoftmax")),
    **dict.fromkeys(("clamp", "clip"), _clamp),
    "clamp_min": partial(_clamped, name="min"),
    "clamp_max": partial(_clamped, name="max"),
    "threshold": _threshold,
    "where": _where,
    "masked_fill": _masked_fill,
    "addcmul": partial(_addc, op="Mul"),
    "addcdiv": partial(_addc, op="Div"),
    "lerp": _lerp,
    "sym_size": _sized,
    **{
        f"sizes.{name}": partial(_only_on_sizes, op=op)
        for name, op in {"mul": "Mul", "add": "Add", "sub": "Sub", "floordiv": "Div", "mod": "Mod"}.items()
    },
    "torch.sym_sum": _sum_of_sizes,
}  # fmt: skip
