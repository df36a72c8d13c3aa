"""Sweeps: points a second beside load and analyze, beside a bare loop of NumPy, and beside a NumPy addition.

    python benchmarks/sweep.py [RUNS] [--dask]

Every figure is measured in each of RUNS rounds (5), one behind the other, so that a ratio is of one moment; what is
printed is the median with the least and the most. With --dask also two workers beside one, which takes two free cores.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import median
from typing import Any

import numpy as np

import convcalc
from convcalc.analysis.terms import HowRun
from convcalc.sweeping.axes import Axis
from convcalc.sweeping.plan import Plan
from convcalc.sweeping.run import sweep

TOTALS = ("params", "buffers", "macs", "elementwise_ops", "flops", "weight_bytes", "activation_bytes")
PEAK = "peak_activation_bytes"
DRAWN = 2**20
STAGES = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
"""Of MobileNetV2's stages: expansion, channels, layers; the first layer of the second to fourth and sixth halves."""
HALVING = (False, True, True, True, False, True, False)


def seconds(function: Callable[[], Any]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def bare(width: Any, size: Any) -> tuple[Any, Any]:
    """Params and MACs of MobileNetV2 as somebody writes them by hand: a loop over its layers."""

    def rounded(channels: int) -> Any:
        value = width * channels
        nearest = np.maximum(8, (value + 4).astype(np.int64) // 8 * 8)
        return np.where(nearest < 0.9 * value, nearest + 8, nearest)

    channels, size = rounded(32), (size + 1) // 2
    params, macs = 27 * channels + 2 * channels, 27 * channels * size * size
    for (expansion, of_stage, times), halves in zip(STAGES, HALVING, strict=True):
        out = rounded(of_stage)
        for repetition in range(times):
            inner = channels * expansion
            if expansion > 1:
                params = params + channels * inner + 2 * inner
                macs = macs + channels * inner * size * size
            if halves and repetition == 0:
                size = (size + 1) // 2
            params = params + 9 * inner + 2 * inner + inner * out + 2 * out
            macs = macs + (9 * inner + inner * out) * size * size
            channels = out
    last = np.maximum(rounded(1280), 1280)
    params = params + channels * last + 2 * last + last * 1000 + 1000
    return params, macs + channels * last * size * size + last * 1000


DEPLOYED: HowRun = {"fused": True, "dtype": "int8"}
DEVICES = ("a100", "cortex-m7")


def drawn_plan(net: str, first: Axis, *, field: bool = False, device: str = "") -> Plan:
    """A sweep of drawn points, of which all totals are worked out; on a device as int8 kernels, with their bound."""
    axes = [first, Axis("input", list(range(96, 321)) if not field else list(range(96, 321, 32)))]
    keys = (*TOTALS, PEAK, *(["receptive_field"] if field else []), *(["bound_ms"] if device else []))
    run: HowRun = {**DEPLOYED, "device": device} if device else {}
    return Plan(net, axes, sort=keys, sample=DRAWN, seed=1, run=run)


def points_a_second(plan: Plan) -> float:
    """With what is built once for each structure, as in any sweep."""
    fresh = pickle.loads(pickle.dumps(plan))  # noqa: S301  # ours, with nothing built yet
    chunk = fresh.chunk
    return plan.points / seconds(lambda: [fresh.block(first, chunk) for first in range(0, plan.points, chunk)])


def one_by_one(net: str, **variables: str) -> float:
    """Networks a second by load and analyze."""
    count = 10

    def points() -> None:
        for _ in range(count):
            convcalc.analyze(convcalc.load(net, variables=variables))

    return count / seconds(points)


def hand_written() -> float:
    """Points a second of the bare loop, in pieces that stay in the cache."""
    draw = np.random.default_rng(0)
    width, size = draw.integers(2500, 15001, DRAWN) / 10000, draw.integers(96, 321, DRAWN)
    pieces = [(width[start : start + 2**15], size[start : start + 2**15]) for start in range(0, DRAWN, 2**15)]
    return DRAWN / seconds(lambda: [bare(*piece) for piece in pieces])


def grid() -> tuple[float, float, float]:
    """Points a second of a whole sweep to its Pareto front, of one on a device, and of NumPy additions of numbers."""
    widths = {
        2: range(16, 48, 8),
        3: range(24, 56, 8),
        4: range(56, 104, 8),
        5: range(88, 128, 8),
        6: range(136, 232, 8),
    }
    over: dict[str, Any] = {f"stage{stage}.channels": list(channels) for stage, channels in widths.items()}
    over |= {f"stage{stage}.expansion": [2, 3, 4, 5, 6, 8][: 5 + (stage > 4)] for stage in range(2, 8)}
    points = int(np.prod([len(values) for values in over.values()]))
    if points < 10**8:
        raise AssertionError(points)
    rate = points / seconds(lambda: sweep("zoo:mobilenet_v2", over=over, pareto=("macs", "params")))
    smaller = {**over, "stage6.channels": [136, 144]}
    part = int(np.prod([len(values) for values in smaller.values()]))
    on_device: dict[str, Any] = {**DEPLOYED, "device": DEVICES[0], "pareto": ("bound_ms", "flash")}
    deployed = part / seconds(lambda: sweep("zoo:mobilenet_v2", over=smaller, **on_device))
    numbers = np.ones(2**22, np.int64)
    added = np.empty_like(numbers)
    np.add(numbers, numbers, out=added)
    adds = numbers.size / seconds(lambda: np.add(numbers, numbers, out=added))
    return rate, deployed, adds


def few_points() -> float:
    """A command of 100 points in so many times the time of an analyze."""
    command = [sys.executable, "-m", "convcalc"]
    net = "zoo:mobilenet_v2"
    over = ["--over", "width=0.5:1.45:0.05", "--over", "input=128:256:32"]

    def run(*arguments: str) -> float:
        return seconds(lambda: subprocess.run([*command, *arguments], check=True, capture_output=True))

    return run("sweep", net, *over) / run("analyze", net)


def workers() -> float:
    """Points a second with two Dask workers for one of one."""
    from distributed import Client, LocalCluster

    over: dict[str, Sequence[Any]] = {
        "width": [Fraction(number, 10000) for number in range(2500, 15001)],
        "input": list(range(96, 4096)),
    }

    def run(count: int) -> float:
        options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": None}
        cluster = LocalCluster(n_workers=count, **options)
        with cluster, Client(cluster):
            address = cluster.scheduler_address
            asked: dict[str, Any] = {"pareto": ("macs", "params", "-width"), "dask": address}
            sweep("zoo:mobilenet_v2", over=over, sample=2**18, **asked)  # each worker has imported what it needs
            return seconds(lambda: sweep("zoo:mobilenet_v2", over=over, sample=3 * 10**7, **asked))

    return run(1) / run(2)


def shown(what: str, values: list[float], least: float | None = None, most: float | None = None) -> None:
    """A figure: the median, the least and the most, and what it should be."""
    middle = median(values)
    wanted, missed = "", False
    if least is not None:
        wanted, missed = f"   wanted at least {least:,.4g}", middle < least
    if most is not None:
        wanted, missed = f"   wanted at most {most:,.4g}", middle > most
    numbers = f"{middle:,.4g} ({min(values):,.4g} to {max(values):,.4g})"
    print(f"{what:<75}{numbers}{wanted}{'   MISSED' if missed else ''}")


def main() -> None:
    """Measure everything in turn, round after round."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    widths = Axis("width", [Fraction(number, 10000) for number in range(2500, 15001)])
    mobilenet, resnet = (
        drawn_plan("zoo:mobilenet_v2", widths),
        drawn_plan("zoo:resnet50", Axis("width", list(range(16, 4700)))),
    )
    finer = Axis("width", [Fraction(number, 100_000) for number in range(25_000, 160_001)])
    deployed = {device: drawn_plan("zoo:mobilenet_v2", widths, device=device) for device in DEVICES}
    with_field = drawn_plan("zoo:mobilenet_v2", finer, field=True)
    rates: dict[str, list[float]] = {}
    for _ in range(numbers[0] if numbers else 5):
        full, on_device, added = grid()
        measured = {
            "mobilenet": points_a_second(mobilenet),
            "by hand": hand_written(),
            "alone": one_by_one("zoo:mobilenet_v2", width="3/4"),
            "resnet": points_a_second(resnet),
            "field": points_a_second(with_field),
            "grid": full,
            "grid on device": on_device,
            **{device: points_a_second(plan) for device, plan in deployed.items()},
            "addition": added,
            "few": few_points(),
            **({"workers": workers()} if "--dask" in sys.argv else {}),
        }
        for name, value in measured.items():
            rates.setdefault(name, []).append(value)

    def ratios(first: str, second: str) -> list[float]:
        return [former / latter for former, latter in zip(rates[first], rates[second], strict=True)]

    shown("MobileNetV2, drawn widths and sizes, points/s, all totals but the field", rates["mobilenet"], 1e6)
    shown("  as many times load + analyze", ratios("mobilenet", "alone"), 8000)
    shown("  a bare loop of NumPy (params and MACs alone), points/s", rates["by hand"])
    shown("  bare loop for each of ours", ratios("by hand", "mobilenet"), most=3)
    shown("ResNet-50, drawn widths and sizes, points/s", rates["resnet"], 4e5)
    for device in DEVICES:
        shown(f"MobileNetV2 fused, int8, on {device}, for each point without", ratios(device, "mobilenet"), 0.5)
    shown("  the grid to its front on a device, for each point without", ratios("grid on device", "grid"), 0.5)
    shown("MobileNetV2 with its field, points/s", rates["field"], 2e5)
    shown("a grid of over 1e8 points to its front, points/s", rates["grid"], 2e7)
    shown("  as a part of a NumPy addition of as many numbers", ratios("grid", "addition"))
    shown("100 points, as many times the wall time of analyze", rates["few"], most=3)
    if "workers" in rates:
        shown("two Dask workers for one", rates["workers"], 1.6)


if __name__ == "__main__":
    main()
