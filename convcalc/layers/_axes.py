"""Axes as a person counts them, on arrays that have the batch in front."""


def behind_batch(axis: int) -> int:
    """An axis of an array, where a field counts without the batch; negative ones count from the end either way."""
    return axis + 1 if axis >= 0 else axis
