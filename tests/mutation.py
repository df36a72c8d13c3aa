"""Mutation testing of the formulas: a sample of mutmut's mutants, each tried with the tests that reach it.

mutmut's own runner sends every call through a trampoline: formulas become three times as slow, and tests that read the
code of a function fail. Here a mutant's code is put in the place of the function's, in a fork of one session of pytest.
A test belongs to the functions that it calls; a mutant is tried with the shortest of each file, up to SECONDS in all.
docs/mutation.md says how it is used.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import mutmut.mutation.trampoline
import pytest
from mutmut.mutation.file_mutation import mutate_file_contents

ROOT = Path(__file__).parent.parent
PARTS = ("layers", "arithmetic", "analysis")
SECONDS = 15.0
"""Of CPU that the tests of a mutant may take."""

TESTS = (
    "kinds checks elementwise_ops kind_words window number seeds folding layer_forms pool_padding padding_words "
    "reference reference_values errors advice language memory receptive_field arrivals compare compare_errors "
    "replacing block_inputs against_onnxruntime onnx_write onnx_round_trip explain uncosted spec_mistakes "
    "rules_windows channel_names narrow_tables probe"
)
SLOW = (
    "test_probe.py::test_every_spec_agrees_exactly",
    "test_explain.py::test_every_formula_of_every_spec_says_its_value",
    "test_compare.py::test_a_variant_replaces_what_it_says_and_nothing_else",
    "test_compare.py::test_numbers_are_never_cut",
    "test_onnx_write.py::test_whole_networks_agree_layer_by_layer",
    "test_onnx_write.py::test_seeds_agree",
    "test_onnx_round_trip.py::test_the_zoo_comes_back",
    "test_onnx_round_trip.py::test_hardly_any_case_is_left_out",
    "test_errors.py::test_no_file_hangs_or_kills",
    "test_replacing.py::test_the_rgb_stem_alone_cannot_be_grouped",
    "test_spec_mistakes.py::test_published_nets_have_no_warning",
)
"""Tests of whole networks, which say again what shorter ones say."""


class Trial:
    """The plugin: every test once, to learn what it calls and how long it takes, then every mutant in a fork."""

    def __init__(self, share: float, seed: int) -> None:
        self.share, self.seed = share, seed
        self.output = os.fdopen(os.dup(1), "w", buffering=1)  # what pytest does not capture
        self.mutants: dict[str, tuple[FunctionType, dict[str, FunctionType]]] = {}
        self.failed = False

    def trampoline(self, mutants: dict[str, FunctionType], is_classmethod: bool = False) -> Callable[..., Any]:
        """What stands for mutmut's decorator: the function stays as it is, and its mutants are known."""

        def known(function: FunctionType) -> FunctionType:
            self.mutants[f"{function.__module__}.{function.__qualname__}"] = function, mutants
            return function

        return known

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def run(self, item: pytest.Item) -> bool:
        """Whether a test passes."""
        self.failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        reaching, seconds = self.measured(session.items)
        draw, results = random.Random(self.seed), []
        for name, (function, mutants) in sorted(self.mutants.items()):
            items = chosen(reaching[function.__code__], seconds)
            sample = [mutant for mutant in mutants if mutant != "_mutmut_orig" and draw.random() < self.share]
            for mutant in sample:
                result = self.tried(function, mutants[mutant], items) if items else "not reached"
                results.append(result)
                if result != "killed":
                    self.output.write(f"{result}: {name} {mutant.rpartition('_')[2]}\n")
        self.output.write(f"{dict(Counter(results))}\n")
        return True

    def measured(self, items: list[pytest.Item]) -> tuple[dict[CodeType, list[pytest.Item]], dict[pytest.Item, float]]:
        """The tests that pass, by what they call, and the CPU seconds of each."""
        reaching, seconds = defaultdict(list), {}
        for item in items:
            called: set[CodeType] = set()

            def notice(frame: FrameType, event: str, argument: object, called: set[CodeType] = called) -> None:
                called.add(frame.f_code)

            start = time.process_time()
            sys.setprofile(notice)
            passed = self.run(item)
            sys.setprofile(None)
            seconds[item] = time.process_time() - start
            ours = {function.__code__ for function, _ in self.mutants.values()}  # more of them with each kind's import
            for code in called & ours if passed else ():
                reaching[code].append(item)
        return reaching, seconds

    def tried(self, function: FunctionType, mutant: FunctionType, items: list[pytest.Item]) -> str:
        """What becomes of a mutant: its code runs in a fork, until a test fails."""
        gc.collect()
        process = os.fork()
        if not process:
            limit = int(4 * SECONDS)  # what runs for so long is one that never ends
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 2))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            function.__code__, function.__defaults__ = mutant.__code__, mutant.__defaults__
            function.__kwdefaults__ = mutant.__kwdefaults__
            os._exit(0 if all(self.run(item) for item in items) else 1)
        return "killed" if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) else "survived"


def chosen(items: list[pytest.Item], seconds: dict[pytest.Item, float]) -> list[pytest.Item]:
    """The shortest tests of each file in turn, as long as there is time."""
    files: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: seconds[item]):
        files[item.path].append(item)
    turns = sorted((place, str(path), item) for path, own in files.items() for place, item in enumerate(own))
    order, total = [], 0.0
    for _, _, item in turns:
        total += seconds[item]
        if total <= SECONDS:
            order.append(item)
    return order


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--share", type=float, default=0.05, help="of the mutants that are tried")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--only", default="", help="files with this in their path, such as layers/conv")
    options = parser.parse_args()
    trial = Trial(options.share, options.seed)
    mutmut.mutation.trampoline.wrap_in_trampoline = trial.trampoline
    os.environ.setdefault("CONVCALC_EXAMPLES", "8")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "convcalc"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        os.chdir(copy)
        sys.path[:0] = [str(copy)]
        for part in PARTS:
            for path in sorted((copy / "convcalc" / part).rglob("*.py")):
                if options.only in str(path.relative_to(copy)):
                    path.write_text(mutate_file_contents(str(path), path.read_text("utf-8")).code, "utf-8")
        left_out = [word for test in SLOW for word in ("--deselect", f"tests/{test}")]
        files = [f"tests/test_{name}.py" for name in TESTS.split()]
        without = [word for name in ("terminal", "xdist", "cacheprovider") for word in ("-p", f"no:{name}")]
        pytest.main(["-o", "addopts=", *without, "--hypothesis-seed=0", *left_out, *files], [trial])


if __name__ == "__main__":
    main()
