"""Every column of every format of every command has a value that is known from elsewhere: from a ledger.

CONVCALC_EXAMPLES=100 tries so many networks. That a view gets a format or a column without a witness is a failure.
"""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType

import ledger
import pytest
import witnesses
import witnesses_compare
import witnesses_explain
import witnesses_lint
from conftest import MANY
from ledger import Ledger
from witnesses import Case, case_of

import convcalc.views

SEEDS = range(MANY or 1)
BATCHES = (1, 3, 1009, 250_007)
"""Primes, so that hardly any number lies halfway between two that are printed, where floats and decimals may differ."""
DTYPES = (*ledger.BITS, "weights=int4,activations=int8,bias=int32", "weights=int3,activations=float16")
"""One format for all numbers, or one for each role."""

WITNESSES: dict[str, tuple[ModuleType, str]] = {
    "analyze": (witnesses, "analyze"),
    "zoo": (witnesses, "zoo"),
    "compare": (witnesses_compare, "two several"),
    "revisions": (witnesses_compare, "since"),
    "explain": (witnesses_explain, "block layer network"),
    "lint": (witnesses_lint, "findings"),
}
"""For each folder of views where its witnesses are: in that module, functions called so, with the format behind."""

ELSEWHERE = {
    "verify": "tests/test_verify.py, test_verify_agrees.py: each number against what another executor measures",
    "battery": "tests/test_battery.py, test_planted_faults.py: that what is wrong is told",
    "sweep": "tests/test_sweep_command.py: every column against loading and analyzing each point",
    "memory": "tests/test_memory_command.py: every column against networks that are run and let go of tensors",
    "training": "tests/test_training_command.py: every column against a step that is run and measured",
    "field": "tests/test_effective_field.py, test_field_command.py: closed forms; texts against the map",
    "saliency": "tests/test_saliency.py: closed forms, and what PyTorch says of the same files",
    "devices": "tests/test_devices.py: what files say, and that what is printed is what they say",
    "signatures": "tests/test_latency.py: against layers that are compared as values",
    "counts": "tests/test_counts_command.py: a tool of the test's own, whose counts follow from the ledger",
    "report": "tests/test_report_page.py, _svg.py, _texts.py, _sides.py: against the JSON of the commands",
    "notebook": "tests/test_presenting.py: what the commands print",
    "manual": "tests/test_help.py and test_cli.py: pages, which hold no numbers of a network",
}
"""Views that have their witnesses in tests of their own."""

CHECKS = [
    (module, f"{prefix}_{format_}")
    for command, (module, prefixes) in WITNESSES.items()
    for prefix in prefixes.split()
    for format_ in convcalc.views.format_names(command, "json")
]


def cases(seed: int, folder: Path, count: int = 3) -> list[Case]:
    """A network and others that it may be compared with; the batch and the element type are drawn too."""
    draw = random.Random(f"sizes {seed}")
    batch, dtype = draw.choice(BATCHES), draw.choice(DTYPES)
    nets = (ledger.network(seed, other) for other in range(count))
    return [case_of(net, folder, batch, dtype, f"net{place}.yaml") for place, net in enumerate(nets)]


TAKES = {"several": 3, "two": 2, "since": 2}
"""How many networks a witness takes, where it is more than one."""


def arguments(name: str, seed: int, folder: Path) -> list[Case]:
    prefix = name.partition("_")[0]
    made = cases(seed, folder, TAKES.get(prefix, 1))
    plain = prefix in ("zoo", "block", "layer", "network", "findings")  # they count a batch of one
    return [case_of(case.net, folder) for case in made] if plain else made


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("module", "name"), CHECKS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_column_has_its_value(module: ModuleType, name: str, seed: int, tmp_path: Path) -> None:
    getattr(module, name)(*arguments(name, seed, tmp_path))


def test_every_view_has_a_witness() -> None:
    folder = Path(convcalc.views.__file__).parent
    commands = {path.name for path in folder.iterdir() if (path / "__init__.py").exists()} - {"formats", "pictures"}
    assert commands == {*WITNESSES, *ELSEWHERE}
    for module, name in CHECKS:
        assert callable(getattr(module, name, None)), f"{module.__name__} has no {name}"


@pytest.mark.parametrize("columns", ["csv", "markdown"])
def test_a_column_without_a_witness_is_a_failure(columns: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The table is held to be complete: a column more is told, whatever is in it."""
    from convcalc.frames import Form
    from convcalc.views.analyze import csv, markdown
    from convcalc.views.formats import markdown as formats

    if columns == "csv":
        monkeypatch.setattr(csv, "_COLUMNS", {**csv._COLUMNS, "more": Form.WHOLE})
        cells = csv._cells
        monkeypatch.setattr(csv, "_cells", lambda *of: [*cells(*of), 0])
    else:
        table = formats.table
        monkeypatch.setattr(
            markdown,
            "table",
            lambda header, sides, rows: table((*header, "more"), f"{sides}r", [(*row, "") for row in rows]),
        )
    with pytest.raises(AssertionError):
        getattr(witnesses, f"analyze_{columns}")(*arguments("analyze", 0, tmp_path))


def test_networks_of_the_ledger_differ() -> None:
    """Sizes, strides and starts differ between axes, so that none goes for another; paths meet apart on either axis."""
    nets: list[Ledger] = [ledger.network(seed) for seed in range(30)]
    met = [net.entry("met").field for net in nets]
    apart = [[left.field.start[axis] != right.field.start[axis] for axis in (0, 1)] for left, right in
             ((net.entry("left"), net.entry("right")) for net in nets)
             if left.field and right.field and left.field.start and right.field.start]  # fmt: skip
    assert [True, False] in apart
    assert [False, True] in apart
    for numbers in zip(*((field.size, field.stride, field.start) for field in met if field), strict=True):
        assert any(pair and pair[0] != pair[1] for pair in numbers)
    assert all(net.misaligned == ["met"] for net in nets)
    assert {net.entry("again").buffers for net in nets} == {0} != {net.entry("bn").buffers for net in nets}
    peaks = {net.memory(32)[1] for net in nets}
    assert len(peaks) > 1
    shapes = [[net.entry(f"stage.0.{part}").shape for part in ("conv", "pool")] for net in nets]
    assert all(first != last for first, last in shapes)
