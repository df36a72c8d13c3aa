"""What a node of an ONNX model costs to read and to write as a spec, from 1,000 nodes to 10,000.

    python benchmarks/growth.py [RUNS]

Prints CPU microseconds a node (median, min, max) and the ratio of the medians, which is 1 where work grows as the
nodes do.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

from onnx import TensorProto, helper

from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported
from convcalc.readable import text as spec

MOST = 1.3
SMALL, LARGE = 1_000, 10_000


def model(nodes: int) -> bytes:
    """A chain of so many activations."""
    chain = [helper.make_node(("Relu", "Tanh")[n % 2], [f"t{n}"], [f"t{n + 1}"]) for n in range(nodes)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 8, 13, 17)) for name in ("t0", f"t{nodes}")]
    graph = helper.make_graph(chain, "chain", ends[:1], ends[1:])
    serialized: bytes = helper.make_model(graph).SerializeToString()
    return serialized


def microseconds(work: Callable[[], object], nodes: int) -> float:
    """CPU time a node."""
    start = time.process_time()
    work()
    return 1e6 * (time.process_time() - start) / nodes


def measured(runs: int, prepare: Callable[[int], Callable[[], object]]) -> dict[int, list[float]]:
    """Both sizes in turn, so that a machine which slows down slows both."""
    works = {nodes: prepare(nodes) for nodes in (SMALL, LARGE)}
    works[SMALL]()
    turns = [{nodes: microseconds(work, nodes) for nodes, work in works.items()} for _ in range(runs)]
    return {nodes: [turn[nodes] for turn in turns] for nodes in works}


def reading(nodes: int) -> Callable[[], Imported]:
    """Read a model of so many nodes."""
    data = model(nodes)
    return lambda: of_bytes(data, "chain.onnx")


def writing(nodes: int) -> Callable[[], str]:
    """Write it as a spec."""
    record = reading(nodes)()
    return lambda: spec.flat_text(record)


def main(runs: int) -> None:
    """Measure both."""
    for name, prepare in (("read", reading), ("write", writing)):
        times = measured(runs, prepare)
        for nodes, taken in times.items():
            print(f"{name:5} {nodes:6,} nodes: {median(taken):6.1f} us a node ({min(taken):.1f} to {max(taken):.1f})")
        print(f"{name:5} most over least: {median(times[LARGE]) / median(times[SMALL]):.2f}, at most {MOST}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
