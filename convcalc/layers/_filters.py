"""The learned arrays of the convolutions."""

from convcalc.layers import Array, Arrays, Engine, Fields


def filters(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """The weight [out_channels, in_channels / groups, *kernel], held to that shape."""
    shape = (fields.out_channels, x.shape[1] // fields.groups, *fields.kernel_size)
    return engine.fitting(weights["weight"], shape)


def biased(engine: Engine, fields: Fields, weights: Arrays, y: Array) -> Array:
    """The output with its channel's bias added, where there is one."""
    return engine.elementwise(engine.numpy.add, y, engine.per_channel(weights["bias"], y)) if fields.bias else y
