"""The least time that a layer takes on a device: the roofline of Williams, Waterman and Patterson (2009)."""

from __future__ import annotations

from math import gcd

from convcalc.analysis.report import Bound
from convcalc.analysis.terms import Terms
from convcalc.analysis.traffic import Traffic
from convcalc.arithmetic.number import maximum
from convcalc.devices import Device
from convcalc.network import Network, Node


def bound(
    network: Network, node: Node, terms: Terms, macs: int, elementwise_ops: int, traffic: Traffic
) -> Bound | None:
    """The bound of a layer, None where there is no device; the counts are for the whole batch."""
    if terms.device is None:
        return None
    compute, memory = times(network, node, terms, terms.device, macs, elementwise_ops, traffic)
    return Bound(maximum(compute, memory), "compute" if compute >= memory else "memory", compute, memory)


def times(
    network: Network, node: Node, terms: Terms, device: Device, macs: int, elementwise_ops: int, traffic: Traffic
) -> tuple[int, int]:
    """Picoseconds that a layer's operations take at least, and those that its bytes do; numbers may vary in a sweep.

    Raises:
        ValueError: the layer multiplies in a format that the device does not.
    """
    formats = terms.formats(node)
    wider = max(formats.weights, formats.activations, key=lambda numbers: numbers.bits)
    if wider.name not in device.peak:
        raise ValueError(f"{device.name} has no {wider}; it has {', '.join(device.peak)}")
    operations = 2 * macs if type(macs) is not int or macs else elementwise_ops
    return _time(operations, device.peak[wider.name]), _time(sum(traffic[:3]), device.bandwidth or 10**18)


def _time(amount: int, rate: int) -> int:
    """Picoseconds that so much takes at a rate a second, rounded down; numbers are kept small for sweeps."""
    common = gcd(10**12, rate)
    return amount * (10**12 // common) // (rate // common)
