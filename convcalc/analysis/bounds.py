"""The least time that a layer takes on a device: the roofline of Williams, Waterman and Patterson (2009).

No layer is done before its operations are, at the device's peak, nor before its bytes have crossed between memory and
arithmetic, at its bandwidth. Where it is not certain that something takes time, it is left out; the manual's page on
devices says what.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from convcalc.analysis.report import Bound
from convcalc.analysis.terms import Terms
from convcalc.analysis.traffic import Traffic, tensor_bytes
from convcalc.arithmetic.number import ceil_div, maximum, minimum, product
from convcalc.arithmetic.window import Window
from convcalc.devices import Device, multiplying
from convcalc.layers import Kind, Shape
from convcalc.network import Network, Node

PICOSECONDS = 10**12
"""In a second."""


def bound(
    network: Network, node: Node, terms: Terms, macs: int, elementwise_ops: int, traffic: Traffic
) -> Bound | None:
    """The bound of a layer, None where there is no device; the counts are for the whole batch.

    Raises:
        NoPeak: the layer multiplies in a format that the device does not.
    """
    device = terms.device
    if device is None:
        return None
    compute, memory = times(network, node, terms, device, macs, elementwise_ops, traffic)
    padded = _padded_macs(node, network.shapes_into(node), terms, device, macs) if device.channels and macs else 0
    return Bound(maximum(compute, memory), "compute" if compute >= memory else "memory", compute, memory, padded)


def times(
    network: Network, node: Node, terms: Terms, device: Device, macs: int, elementwise_ops: int, traffic: Traffic
) -> tuple[int, int]:
    """Picoseconds that a layer's operations take at least, and those that its bytes do; numbers may vary in a sweep.

    Raises:
        NoPeak: the layer multiplies in a format that the device does not.
    """
    shapes = network.shapes_into(node)
    compute = _compute_ps(node, shapes, terms, device, macs, elementwise_ops) if macs or elementwise_ops else 0
    if device.bandwidth is None:
        return compute, 0
    crossing = _crossing(network, node, shapes, terms, macs, elementwise_ops, traffic)
    return compute, _time(crossing, device.bandwidth)


def _time(amount: int, rate: int) -> int:
    """Picoseconds that so much takes at a rate a second, rounded down; numbers are kept small for sweeps."""
    common = math.gcd(PICOSECONDS, rate)
    return amount * (PICOSECONDS // common) // (rate // common)


def _compute_ps(
    node: Node, shapes: tuple[Shape, ...], terms: Terms, device: Device, macs: int, elementwise_ops: int
) -> int:
    """What the MACs take, each at the peak of its formats; without MACs, what the element-wise operations take."""
    formats = terms.formats(node)
    if not device.peak or node.config.follows_values:  # then the operations are the most that there may be
        return 0
    if not macs:
        return _time(elementwise_ops, device.peak[multiplying(device, formats.activations, formats.activations)])
    weighted = device.peak[multiplying(device, formats.weights, formats.activations)]
    between = node.config.activation_macs(*shapes) * terms.batch
    if not between:
        return _time(2 * macs, weighted)
    plain = device.peak[multiplying(device, formats.activations, formats.activations)]
    if plain == weighted:
        return _time(2 * macs, plain)
    common = math.gcd(plain, weighted)
    plain, weighted = plain // common, weighted // common
    return _time(2 * (between * weighted + (macs - between) * plain), plain * weighted * common)


def _crossing(
    network: Network,
    node: Node,
    shapes: tuple[Shape, ...],
    terms: Terms,
    macs: int,
    elementwise_ops: int,
    traffic: Traffic,
) -> int:
    """Bytes that must cross: what enters and does not lie in the cache yet, and what leaves and cannot stay there.

    What does no arithmetic can be done by addresses alone, but for what it makes more of.
    """
    entering, weights, leaving, _ = traffic
    cache = terms.device.cache or 0 if terms.device is not None else 0
    if node.config.is_inert or node.config.holds_output or not node.config.costed:
        return 0
    if not macs and not elementwise_ops:
        return maximum(0, leaving - entering - cache)
    if node.config.moves_taps or node.config.resamples:
        entering = 0  # which positions are read is in the numbers, or follows from the sizes in ways of its own
    elif node.config.is_windowed:
        entering = entering - _unread(network, node, shapes, terms)
    return maximum(0, entering + weights - cache) + maximum(0, leaving - cache)


def _unread(network: Network, node: Node, shapes: tuple[Shape, ...], terms: Terms) -> int:
    """Bytes of the first input that no window may look at: between windows far apart, or behind the last of them."""
    windows = node.config.windows(*shapes)  # type: ignore[attr-defined]  # of all that are windowed
    if all(window.stride == 1 for window in windows):
        return 0
    positions = product(shapes[0][1:])
    read = product(map(_read, windows, shapes[0][1:], node.shape[1:]))
    return tensor_bytes(network.nodes[node.inputs[0]], terms) * (positions - read) // positions


def _read(window: Window, size: int, outputs: int) -> int:
    """Positions of an axis that are read for certain."""
    if window.stride == 1:
        return size
    gapless = window.dilation == 1 and window.stride <= window.kernel
    taps = window.span(outputs) if gapless else outputs * (window.kernel if window.dilation == 1 else 1)
    return maximum(0, minimum(size, taps - window.before - window.after))


def _padded_macs(node: Node, shapes: tuple[Shape, ...], terms: Terms, device: Device, macs: int) -> int:
    """The MACs that channels add, of each group, where they are filled up to what the device takes at once."""
    formats = terms.formats(node)
    multiple = device.channels.get(multiplying(device, formats.weights, formats.activations))
    if multiple is None:
        return 0
    added = 0
    for entering, leaving in _channels(node.config, shapes, node.shape):
        full = ceil_div(entering, multiple) * ceil_div(leaving, multiple) * multiple * multiple
        added = macs * full // (entering * leaving) - macs
    return added


def _channels(config: Kind, shapes: tuple[Shape, ...], output: Shape) -> Iterator[tuple[int, int]]:
    """The channels of one group that enter and leave, of what multiplies all of the one with all of the other."""
    if config.is_convolution:
        yield shapes[0][0] // config.groups, output[0] // config.groups  # type: ignore[attr-defined]  # of all of them
    elif config.is_linear:
        yield shapes[0][-1], output[-1]
