"""What it costs to count a network as it is deployed: fused, in int8, on a device.

    python benchmarks/deployed.py [RUNS]

Whole processes on ResNet-50, in pairs that take turns, so that a machine which slows down slows both: the wall time of
both (median, min, max), and the ratio of the pairs. Then networks of rising length in one process, to see that time
rises as they do. Ends with 1 if a figure is not kept.
"""

import gc
import sys
import time
from itertools import pairwise
from statistics import median

from startup import CONVCALC, run, spread

from convcalc.analysis.analyze import analyze
from convcalc.devices import Device
from convcalc.language import Source, loads
from convcalc.network import Network

ANALYZE = [*CONVCALC, "analyze", "specs/zoo/resnet50.yaml"]
DEPLOYED = [*ANALYZE, "--fused", "--device", "a100"]
MOST = 1.15
"""How much longer a deployed network may take."""
LENGTHS = (2_500, 5_000, 10_000)
MOST_GROWTH = 2.6
"""How much longer twice as many layers may take."""
DEVICE = Device(name="device", peak={"int8": 10**12}, bandwidth=10**11)


def in_pairs(runs: int) -> bool:
    """Whole processes; whether the figure is kept."""
    run(ANALYZE), run(DEPLOYED)  # compiles what is not compiled yet
    pairs = [(run(ANALYZE)[0], run(DEPLOYED)[0]) for _ in range(runs)]
    ratios = [deployed / plain for plain, deployed in pairs]
    times = " against ".join(spread([pair[side] for pair in pairs], 1000, 0) for side in (1, 0))
    print(f"analyze --fused --device a100: {spread(ratios, 1, 2)} of analyze, at most {MOST}; wall ms {times}")
    return median(ratios) <= MOST


def network(layers: int) -> Network:
    """Convolutions with norm, activation and the sum with what came before, written one by one."""
    unit = "  - conv: {{out_channels: 8, kernel_size: 3, padding: 1}}\n  - batch_norm\n  - relu: {{name: r{0}}}\n"
    unit += "  - add: {{name: a{0}, from: [{1}, r{0}]}}\n"
    units = [unit.format(number, f"a{number - 1}" if number else "x") for number in range(layers // 4)]
    return loads(Source("chain", "inputs: {x: [8, 16, 16]}\nlayers:\n" + "".join(units)))


def seconds(layers: int) -> float:
    """How long it takes to count a network of so many layers as it is deployed."""
    gc.disable()  # as the command line does
    long = network(layers)
    start = time.process_time()
    report = analyze(long, fused=True, dtype="int8", device=DEVICE)
    taken = time.process_time() - start
    if len(report.layers) != layers // 2:
        raise AssertionError(len(report.layers))
    return taken


def in_linear_time(runs: int) -> bool:
    """Whether twice as many layers take twice the time."""
    seconds(LENGTHS[0])
    times = []
    for layers in LENGTHS:
        times.append(min(seconds(layers) for _ in range(runs)))
        print(f"{layers:,} layers: {times[-1]:.2f} s, {1e6 * times[-1] / layers:.0f} us a layer")
    return all(after <= MOST_GROWTH * before for before, after in pairwise(times))


def main(runs: int) -> None:
    """Measure both."""
    kept = in_pairs(runs)
    if not in_linear_time(max(2, runs // 5)) or not kept:
        raise SystemExit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
