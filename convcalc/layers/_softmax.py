"""Softmax on arrays, which is a kind of its own and part of attention."""

from convcalc.layers import Array, Engine


def softmax(engine: Engine, x: Array, axis: int) -> Array:
    """The exponential over its sum along an axis, the largest taken out of both, so that none overflows."""
    np = engine.numpy
    most = engine.aside(lambda x: x.max(axis, keepdims=True), x)
    powers = engine.elementwise(lambda x, most: np.exp(x - most), x, most)
    return engine.elementwise(np.divide, powers, engine.taken_in(np.sum, powers, [axis]))
