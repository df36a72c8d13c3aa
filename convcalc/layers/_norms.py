"""What the normalisations share: their operations an element, and the weights of one scale and shift a channel."""

from convcalc.layers import Shape, Weights

KNOWN_STATISTICS = 2
"""Operations an element where mean and variance are known: a scale and a shift, into which any weights fold."""

MEASURED_STATISTICS = 4
"""Operations an element where mean and variance are of the input: their two sums, the difference, the quotient."""


def scale_and_shift(shape: Shape, affine: bool, bias: bool = True) -> Weights:
    """The learned factor and, unless there is no bias, the learned addend of `shape`."""
    if not affine:
        return {}
    return {"weight": shape, "bias": shape} if bias else {"weight": shape}


def running_statistics(x: Shape, tracked: bool) -> Weights:
    """Mean and variance of each channel as training left them; the count of batches is not counted."""
    return {"running_mean": (x[0],), "running_var": (x[0],)} if tracked else {}


def operations(affine: bool, tracked: bool = False) -> int:
    """Operations an element at inference."""
    return KNOWN_STATISTICS if tracked else MEASURED_STATISTICS + affine
