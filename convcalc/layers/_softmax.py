"""Softmax on arrays, which is a kind of its own and part of attention."""

from convcalc.layers import Array, Engine


def softmax(engine: Engine, x: Array, axis: int) -> Array:
    """The exponential over its sum along an axis, the largest taken out of both, so that none overflows."""
    powers = engine.numpy.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)
