"""The functions of a recurrent layer's steps: a field names one, alone or with the numbers it has."""

from functools import partial
from typing import Any

from convcalc.fields import Choice, FieldError, FieldType, Real, shown
from convcalc.layers import Array, Engine
from convcalc.layers._elements import bent, held, softplus

Stated = str | tuple[str | float, ...]
"""A name, or a name and its numbers where they are not those that it has by itself."""

FUNCTIONS: dict[str, tuple[str, tuple[float, ...]]] = {
    "tanh": ("Tanh", ()),
    "sigmoid": ("Sigmoid", ()),
    "relu": ("Relu", ()),
    "leaky_relu": ("LeakyRelu", (0.01,)),
    "thresholded_relu": ("ThresholdedRelu", (1.0,)),
    "elu": ("Elu", (1.0,)),
    "softplus": ("Softplus", ()),
    "softsign": ("Softsign", ()),
    "hard_sigmoid": ("HardSigmoid", (0.2, 0.5)),
    "scaled_tanh": ("ScaledTanh", (1.0, 1.0)),
    "affine": ("Affine", (1.0, 0.0)),
}
"""Each with what ONNX calls it, and its numbers: alpha, or alpha and beta."""

_OWN: tuple[tuple[Any, ...], ...] = tuple(
    (name, *numbers, 0.0)[:3] for name, (_, numbers) in FUNCTIONS.items() if numbers
)

OWN_NUMBERS = {"leaky_relu", "thresholded_relu", "elu", "hard_sigmoid"}
"""Those of which ONNX says what alpha and beta are where they are left out."""

SMOOTH = ("tanh", "softsign", ("scaled_tanh", 1.5, 0.5))
"""Those of generated cases: no two numbers make the same, and however large they are, none overflows."""


class _Part(FieldType, frozen=True):
    """What stands in the list that names a function: its word, or a number."""

    @property
    def expected(self) -> str:
        return f"one of {', '.join(FUNCTIONS)}, and behind it numbers"

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(FUNCTIONS)

    def accept(self, value: Any, rank: int) -> Any:
        return value if isinstance(value, str) and value in FUNCTIONS else Real(self.about).accept(value, rank)


class Function(FieldType, frozen=True):
    """One of these words, or a list of it and its numbers."""

    @property
    def expected(self) -> str:
        return f"one of {', '.join(FUNCTIONS)}, or a list of it, its alpha and its beta"

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(FUNCTIONS)

    @property
    def item(self) -> FieldType:
        return _Part(self.about)

    def accept(self, value: Any, rank: int) -> Stated:
        name, *numbers = value if isinstance(value, tuple) and value else (value,)
        own = FUNCTIONS[name][1] if isinstance(name, str) and name in FUNCTIONS else None
        if own is None:
            raise FieldError(f"expected {self.expected}, found {shown(value)}")
        if isinstance(value, tuple) and len(numbers) != len(own):
            expected = (
                f"a list of {name}{('', ' and its alpha', ', its alpha and its beta')[len(own)]}" if own else name
            )
            raise FieldError(f"expected {expected}, found {shown(value)}")
        stated = tuple(Real(self.about).accept(number, rank) for number in numbers)
        return (name, *stated) if isinstance(value, tuple) and stated != own else name

    def schema(self) -> dict[str, Any]:
        single = Choice(self.about, options=self.words).schema()["anyOf"]
        listed = {"type": "array", "items": {"anyOf": [*single, {"type": "number"}]}, "minItems": 1, "maxItems": 3}
        return {"anyOf": [*single, listed]}


def numbers_of(stated: Stated) -> tuple[str, tuple[float, ...]]:
    """The name of a function, and its numbers."""
    if isinstance(stated, str):
        return stated, FUNCTIONS[stated][1]
    name, *numbers = stated
    return str(name), tuple(float(number) for number in numbers)


def activated(engine: Engine, stated: Any, x: Array, clip: float | None = None) -> Array:
    """A function of a step, of what has been held within bounds where there are any."""
    np = engine.numpy
    given = stated if isinstance(stated, tuple) else (stated,)
    name = given[0]
    own = next((row[1:] for row in _OWN if row[0] == name), (0.0, 0.0))
    alpha, beta = (given[1:] + own)[:2] if len(given) != 2 else (given[1], 0.0)
    if clip is not None:
        x = engine.bounded(x, -clip, clip)
    return engine.elementwise(partial(_of_elements, np, name, alpha, beta), x)


def _of_elements(np: Any, name: str, alpha: float, beta: float, x: Array) -> Array:
    if name == "tanh":
        return np.tanh(x)
    if name == "sigmoid":
        return (1 + np.tanh(x / 2)) / 2
    if name == "softsign":
        return x / (1 + np.abs(x))
    if name == "softplus":
        return softplus(np, x)
    if name == "thresholded_relu":
        return x * (x > alpha)
    if name == "hard_sigmoid":
        return held(np, alpha * x + beta, 0, 1)
    if name == "scaled_tanh":
        return alpha * np.tanh(beta * x)
    if name == "affine":
        return alpha * x + beta
    return bent(np, x, partial(_below, np, alpha, name == "elu"))


def _below(np: Any, alpha: float, is_elu: bool, x: Array) -> Array:
    """Of what is below zero: a share of it, none for relu, or of its exponential less 1."""
    return alpha * np.expm1(x) if is_elu else alpha * x
