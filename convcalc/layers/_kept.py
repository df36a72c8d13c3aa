"""Bytes of what layers keep for the way back beside tensors: places, as numbers of the size that NumPy counts with."""

PLACE = 8
"""Bytes of an index."""


def tap_bytes(taps: int) -> int:
    """Bytes of a number that says which of the taps of a window: 1 up to 256 of them, then 2, 4 and 8."""
    return 1 + (taps > 1 << 8) + 2 * (taps > 1 << 16) + 4 * (taps > 1 << 32)
