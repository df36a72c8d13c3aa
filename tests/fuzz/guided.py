"""The fuzzer led by coverage: atheris (libFuzzer) draws what the generators draw, and keeps what reaches new code.

    pip install -e '.[dev,fuzz]'
    PYTHONPATH=tests python -m fuzz.guided specs corpus/ -len_control=0 -max_len=2000 -max_total_time=3600

The first argument is a kind of input, the others are libFuzzer's. Its bytes are the choices of the same generators, so
that every mutation of them is an input that is nearly right; a failure ends the run, and its bytes are in a crash file.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import sys
import tempfile
from pathlib import Path
from typing import Any


class Choices(random.Random):
    """Random numbers that are read from bytes; those behind the last byte follow from all of them."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.left = memoryview(data)

    def getrandbits(self, k: int, /) -> int:
        size = (k + 7) // 8
        if size > len(self.left):
            return super().getrandbits(k)
        taken, self.left = self.left[:size], self.left[size:]
        return int.from_bytes(taken, "little") & ((1 << k) - 1)

    def random(self) -> float:
        return self.getrandbits(16) / 2**16


def main() -> None:
    import atheris

    kind, *words = sys.argv[1:]
    arguments = [str(Path(word).absolute()) if Path(word).exists() else word for word in words]  # from any folder
    with atheris.instrument_imports(include=["convcalc"]):
        import convcalc

        for module in pkgutil.walk_packages(convcalc.__path__, "convcalc."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)  # what commands import as they run would not be led by
        from fuzz import commands
        from fuzz.inputs import KINDS, Input

    file, make = KINDS[kind]

    def once(data: bytes) -> None:
        draw: Any = Choices(data)
        fuzzed = Input(file, make(draw), draw)
        fuzzed.put()
        outcome, failure = fuzzed.tried(fuzzed.arguments())
        if failure is not None:
            Path(f"failed{Path(file).suffix}").write_bytes(fuzzed.data)
            raise RuntimeError(f"{failure.kind}: {failure.arguments}\n{failure.detail}\n{outcome}")

    with tempfile.TemporaryDirectory() as folder, commands.folder(Path(folder)):
        atheris.Setup([sys.argv[0], *arguments], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
